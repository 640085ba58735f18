package audit

import (
	"encoding/binary"
	"encoding/hex"
)

// The first byte of those of omsd's records that are no JSON: what happens to orders by the thousand. It is followed by the
// head
//
//	varint time in ns UTC (zigzag) · varint order id · varint instrument (zigzag) · 16 bytes correlation id (zero: none)
//
// and by what the kind has. The head is frozen as the rest of Decode is, and core writes it.
const (
	TagOwn      = 4
	TagDecision = 5
	TagExec     = 6
)

var tagKinds = [...]string{TagOwn: "own", TagDecision: "decision", TagExec: "exec"}

// compact reads the head of such a record; false where it is none, or is cut short.
func (e *Entry) compact() bool {
	b := e.Body
	if len(b) == 0 || b[0] < TagOwn || b[0] > TagExec {
		return false
	}
	rest := b[1:]
	ts, n := binary.Varint(rest)
	if n <= 0 {
		return false
	}
	rest = rest[n:]
	order, n := binary.Uvarint(rest)
	if n <= 0 {
		return false
	}
	rest = rest[n:]
	instrument, n := binary.Varint(rest)
	if n <= 0 || len(rest)-n < 16 {
		return false
	}
	e.Kind, e.TsNs, e.OrderID, e.InstrumentID = tagKinds[b[0]], ts, order, instrument
	if c := [16]byte(rest[n:]); c != [16]byte{} {
		e.Correlation = hex.EncodeToString(c[:])
	}
	return true
}
