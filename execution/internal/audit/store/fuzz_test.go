package store_test

import (
	"bytes"
	"strconv"
	"testing"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/store"
)

// A row that is found is told as the row that was written, to the last byte, or as none.
func FuzzStoredRow(f *testing.F) {
	hash := bytes.Repeat([]byte{7}, 32)
	f.Add(int64(3), int64(9), "own", "18446744073709551615", int64(1), "", []byte(`{"k":"own"}`), false, hash, hash)
	f.Add(int64(1), int64(0), "unreadable", "0", int64(0), "", []byte{1, 2, 3}, true, hash, hash)
	f.Add(int64(-1), int64(0), "", "00", int64(0), "x", []byte{}, false, hash[:31], hash)
	f.Fuzz(func(t *testing.T, seq, ts int64, kind, order string, instrument int64, correlation string, body []byte, raw bool, prev, hash []byte) {
		s := store.Stored{Seq: seq, TsNs: ts, Kind: kind, OrderID: order, InstrumentID: instrument, Correlation: correlation, Prev: prev, Hash: hash}
		if raw {
			s.Raw = body
		} else {
			s.Body = body
		}
		r, ok := s.Row()
		if !ok {
			return
		}
		id, err := strconv.ParseUint(order, 10, 64)
		if err != nil || r.OrderID != id || seq <= 0 || r.Seq != uint64(seq) || !bytes.Equal(r.Prev[:], prev) || !bytes.Equal(r.Hash[:], hash) || !bytes.Equal(r.Body, body) {
			t.Fatalf("%+v was told as %+v", s, r)
		}
		// Where the body stands is the rule's to say.
		if e := (audit.Entry{Body: body}); e.JSON() == raw {
			t.Fatalf("%q was taken out of the wrong column", body)
		}
	})
}
