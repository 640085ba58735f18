package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Hash is a link of a writer's chain.
type Hash [sha256.Size]byte

// String is lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String, for JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 2*sha256.Size {
		return fmt.Errorf("a hash has %d hex digits, not %d", 2*sha256.Size, len(b))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Row is an entry with its place in the chain, as the table holds it.
type Row struct {
	Entry
	Prev Hash // the hash of the row before; zero for the first
	Hash Hash
}

// Head is the last row of a chain; Seq 0 is a chain without rows.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash Hash   `json:"hash"`
}

// AppendCanonical appends the bytes that stand for an entry of the writer: a line for each field, in the order of the
// table's columns, then json or raw for the form of the body, then the body as it is. No field but the body can hold a
// line's end, so no two entries have the same bytes.
func AppendCanonical(b []byte, writer string, e *Entry) []byte {
	b = append(append(b, writer...), '\n')
	b = append(strconv.AppendUint(b, e.Seq, 10), '\n')
	b = append(strconv.AppendInt(b, e.TsNs, 10), '\n')
	b = append(append(b, e.Kind...), '\n')
	b = append(strconv.AppendUint(b, e.OrderID, 10), '\n')
	b = append(strconv.AppendInt(b, e.InstrumentID, 10), '\n')
	b = append(append(b, e.Correlation...), '\n')
	if e.JSON() {
		b = append(b, "json\n"...)
	} else {
		b = append(b, "raw\n"...)
	}
	return append(b, e.Body...)
}

// Chain makes rows of a writer's entries. It is not safe for concurrent use.
type Chain struct {
	writer string
	head   Head
	buf    []byte
}

// NewChain begins the writer's chain, or goes on after head.
func NewChain(writer string, head Head) *Chain { return &Chain{writer: writer, head: head} }

// Writer is whose chain it is.
func (c *Chain) Writer() string { return c.writer }

// Head is the last row made.
func (c *Chain) Head() Head { return c.head }

// Next makes the entry the next row; an entry that is not the next is an error and changes nothing.
func (c *Chain) Next(e Entry) (Row, error) {
	if e.Seq != c.head.Seq+1 {
		return Row{}, fmt.Errorf("record %d of %s follows record %d: one is missing or comes twice", e.Seq, c.writer, c.head.Seq)
	}
	c.buf = append(c.buf[:0], c.head.Hash[:]...)
	c.buf = AppendCanonical(c.buf, c.writer, &e)
	row := Row{Entry: e, Prev: c.head.Hash, Hash: sha256.Sum256(c.buf)}
	c.head = Head{Seq: e.Seq, Hash: row.Hash}
	return row, nil
}
