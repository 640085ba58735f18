package core

import (
	"errors"
	"testing"

	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/order"
)

// Any record after a life: the reader of the costs takes it just where the replay does, and what it makes of the session has
// every share once.
func FuzzReadCosts(f *testing.F) {
	for _, b := range encoded(f, life()...) {
		f.Add(b)
	}
	for _, b := range encoded(f,
		&Record{Kind: kindSession, Session: &SessionRecord{Region: "US", Session: 20240108}},
		&Record{Kind: kindExec, Exec: &ExecRecord{11, order.Report{ExecID: 2, Type: 2, LastQty: 63, LastPx: 9, CumQty: 70, TsNs: -1}}},
	) {
		f.Add(b)
	}
	f.Add(unknownEvent)
	f.Fuzz(func(t *testing.T, b []byte) {
		records := append(encoded(t, life()[:5]...), b)
		st := newState()
		w := witness{session: 20240105, orders: map[uint64]*seen{}, ended: map[uint64]int64{}}
		over, err := w.watch(st, records)
		_, replayed := Replay(nil, records)
		if err != nil {
			if !errors.Is(err, journal.ErrBroken) || replayed == nil {
				t.Fatalf("%v, the replay says %v", err, replayed)
			}
			return
		}
		if !over && replayed != nil {
			t.Fatalf("read, the replay says %v", replayed)
		}
		for _, p := range w.costs(st, Hours{OpenNs: 1, CloseNs: 1 << 60}).Parents {
			total := int64(0)
			for _, n := range p.Shares {
				total += n
			}
			if total != p.Qty {
				t.Fatalf("the shares %v of %d", p.Shares, p.Qty)
			}
			for _, c := range p.Children {
				if c.DoneNs < c.SentNs || p.EndNs < c.DoneNs {
					t.Fatalf("child %+v of a parent that ends at %d", c, p.EndNs)
				}
			}
		}
	})
}
