package main

import (
	"testing"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// Two linked pairs and a name on its own go out with their legs one after another; a kill in the middle changes nothing.
func TestLinkedTargetsAreSentAsLegs(t *testing.T) {
	h := newHouse(t, 5)
	h.risk.onOrder = func(n int) bool { return n == 3 }
	h.start()
	h.up()
	p := portfolio("alpha", asOf, nil)
	for id, link := range []string{"", "a", "b", "a", "b", ""} {
		if id > 0 {
			p.Targets = append(p.Targets, &pb.Target{InstrumentId: int64(id), Weight: 0.05, StopDistance: 5, Link: link})
		}
	}
	h.accept(p)
	h.settled()
	h.risk.mu.Lock()
	defer h.risk.mu.Unlock()
	seen := map[uint64]bool{}
	got := [][3]byte{}
	for _, r := range h.risk.received {
		if !seen[r.id] {
			seen[r.id] = true
			// Bytes 84 and 85 of the frame, and the instrument.
			got = append(got, [3]byte{r.content[84-24], r.content[85-24], r.content[32-24]})
		}
	}
	want := [][3]byte{{1, 2, 1}, {2, 2, 3}, {1, 2, 2}, {2, 2, 4}, {0, 0, 5}}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
