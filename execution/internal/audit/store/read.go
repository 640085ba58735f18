package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"dnalyaw/execution/internal/audit"
)

// Stored is a row as it was found, which need not be one that this program would have written.
type Stored struct {
	Seq          int64
	TsNs         int64
	Kind         string
	OrderID      string // as PostgreSQL writes it
	InstrumentID int64
	Correlation  string
	Body, Raw    []byte // nil = null
	Prev, Hash   []byte
}

// Row is the row that would be stored so; false when there is none.
func (s Stored) Row() (audit.Row, bool) {
	id, err := strconv.ParseUint(s.OrderID, 10, 64)
	if err != nil || strconv.FormatUint(id, 10) != s.OrderID || (s.Body == nil) == (s.Raw == nil) ||
		len(s.Prev) != len(audit.Hash{}) || len(s.Hash) != len(audit.Hash{}) || s.Seq <= 0 {
		return audit.Row{}, false
	}
	r := audit.Row{Entry: audit.Entry{
		Seq: uint64(s.Seq), TsNs: s.TsNs, Kind: s.Kind, OrderID: id, InstrumentID: s.InstrumentID, Correlation: s.Correlation,
		Body: s.Body,
	}}
	if s.Body == nil {
		r.Body = s.Raw
	}
	copy(r.Prev[:], s.Prev)
	copy(r.Hash[:], s.Hash)
	// JSON in the column for bytes, or the other way round, is not how it is written.
	return r, r.JSON() == (s.Body != nil)
}

// Rows gives every row of a writer whose seq is above after and at most window above the lowest such seq, in order; none
// when there are no more. Two rows with one seq (which takes a dropped key) come in one answer.
func (s *Store) Rows(ctx context.Context, writer string, after int64, window int) ([]Stored, error) {
	rows, err := s.conn.Query(ctx, `
		select seq, ts_ns, kind, order_id::text, instrument_id, correlation, convert_to(body::text, 'UTF8'), raw, prev_hash, hash
		from audit.events
		where writer = $1 and seq > $2
			and seq <= (select least(min(seq), 9223372036854775807 - $3::bigint) + $3::bigint from audit.events where writer = $1 and seq > $2)
		order by seq`, writer, after, window)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", writer, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Stored, err error) {
		err = row.Scan(&r.Seq, &r.TsNs, &r.Kind, &r.OrderID, &r.InstrumentID, &r.Correlation, &r.Body, &r.Raw, &r.Prev, &r.Hash)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s after %d: %w", writer, after, err)
	}
	return out, nil
}

// Snapshot makes everything that is read from here on be of one moment, until the connection is closed.
func (s *Store) Snapshot(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, `begin isolation level repeatable read read only`)
	return err
}
