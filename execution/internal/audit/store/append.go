package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"dnalyaw/execution/internal/audit"
)

const copySQL = `copy audit.events (writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, raw, prev_hash, hash)
	from stdin (format binary)`

// Append inserts rows of one writer, all of them or none; they must go on where the table's rows of the writer end. When it
// returns nil they are on the server's disk. After an error that is not ErrConflict it is not known whether they are, and
// the connection is of no more use.
func (s *Store) Append(ctx context.Context, writer string, rows []audit.Row) error {
	// One COPY is one transaction, with the trigger that checks the chain in it.
	b := append(s.buf[:0], "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for i := range rows {
		b = appendRow(b, writer, &rows[i])
	}
	b = binary.BigEndian.AppendUint16(b, 0xffff)
	if s.buf = b; cap(b) > 16<<20 {
		s.buf = nil
	}
	_, err := s.conn.PgConn().CopyFrom(ctx, bytes.NewReader(b), copySQL)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == codeChain || refused.Code == codeUnique) {
		return fmt.Errorf("%w: %s", ErrConflict, refused.Message)
	}
	if err != nil {
		return fmt.Errorf("insert rows %d to %d of %s: %w", rows[0].Seq, rows[len(rows)-1].Seq, writer, err)
	}
	return nil
}

const columns = 11

// appendRow appends a row in the binary form of COPY: the number of fields, then each with its length, -1 for null.
func appendRow(b []byte, writer string, r *audit.Row) []byte {
	b = binary.BigEndian.AppendUint16(b, columns)
	b = appendText(b, writer)
	b = appendInt(b, int64(r.Seq))
	b = appendInt(b, r.TsNs)
	b = appendText(b, r.Kind)
	b = appendNumeric(b, r.OrderID)
	b = appendInt(b, r.InstrumentID)
	b = appendText(b, r.Correlation)
	if r.JSON() {
		b = appendNull(appendText(b, r.Body))
	} else {
		b = appendText(appendNull(b), r.Body)
	}
	b = appendText(b, r.Prev[:])
	return appendText(b, r.Hash[:])
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendNull(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n))
}

// appendNumeric writes digits of base 10,000, the highest first: how many, the power of the first, sign and scale, digits.
func appendNumeric(b []byte, n uint64) []byte {
	var digits [5]uint16 // 2^64 has twenty decimal digits
	count := 0
	for ; n > 0; n /= 10_000 {
		digits[count] = uint16(n % 10_000)
		count++
	}
	b = binary.BigEndian.AppendUint32(b, uint32(8+2*count))
	b = binary.BigEndian.AppendUint16(b, uint16(count))
	b = binary.BigEndian.AppendUint16(b, uint16(max(count-1, 0)))
	b = append(b, 0, 0, 0, 0)
	for i := count - 1; i >= 0; i-- {
		b = binary.BigEndian.AppendUint16(b, digits[i])
	}
	return b
}
