package gate

import (
	"cmp"
	"slices"
)

// Count is how many quotes of an instrument (0: of the feed) were refused for a reason. For GAP and DEAD it counts
// the gaps and the silences.
type Count struct {
	InstrumentID int64
	Reason       Reason
	N            uint64
}

// Totals adds up the gate's work: Passed + Refused + Again + Holding are all quotes that were checked.
type Totals struct {
	Passed, Refused, Holding uint64
	Again                    uint64 // refused before, and told again by a snapshot
	Held                     uint64 // ever
}

// Counts are the counts above 0, by instrument, then reason.
func (g *Gate) Counts() []Count {
	var all []Count
	add := func(id int64, counts *[reasons]uint64) {
		for r, n := range counts {
			if n > 0 {
				all = append(all, Count{id, Reason(r), n})
			}
		}
	}
	add(0, &g.counts)
	for _, in := range g.order {
		add(in.ID, &in.Counts)
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.InstrumentID, b.InstrumentID), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// Totals adds up all instruments.
func (g *Gate) Totals() Totals {
	t := Totals{Refused: g.counts[Malformed] + g.counts[Unknown]}
	for _, in := range g.order {
		t.Passed += in.Passed
		t.Held += in.Held
		t.Again += in.Again
		if in.Hold != nil {
			t.Holding += uint64(len(in.Hold.Entries))
		}
		for r, n := range in.Counts {
			if Reason(r) != Dead {
				t.Refused += n
			}
		}
	}
	return t
}
