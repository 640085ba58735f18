package gate_test

import (
	"testing"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// A line that comes back begins with a snapshot. What it tells once more was judged: it is refused again, for the book must
// not have it, but counted and kept once. What it tells for the first time counts.
func TestWhatASnapshotTellsAgainIsCountedOnce(t *testing.T) {
	crossed, nothing := book(61, 10005, 10001), trade(62, 0)
	snapshot := func(q feed.Quote) feed.Quote {
		return changed(q, func(q *feed.Quote) { q.Flags |= feed.FlagSnapshot })
	}
	g := calm(t, gate.Default())
	for i, c := range []struct {
		q     feed.Quote
		why   gate.Reason
		again bool
	}{
		{crossed, gate.Crossed, false},
		{nothing, gate.NotPositive, false},
		{snapshot(nothing), gate.NotPositive, true},
		{snapshot(crossed), gate.Crossed, true},
		{snapshot(crossed), gate.Crossed, true}, // and the line is lost once more
		{crossed, gate.Crossed, false},          // no snapshot: the source says it twice
		{snapshot(book(63, 10005, 10001)), gate.Crossed, false},
		{snapshot(crossed), gate.Crossed, false}, // not the last that was refused
	} {
		if v := g.Check(&c.q); v.Outcome != gate.Refuse || v.Reason != c.why || v.Again != c.again {
			t.Errorf("message %d: %+v, want %s, again %v", i, v, c.why, c.again)
		}
	}
	want := []gate.Count{{InstrumentID: 7, Reason: gate.NotPositive, N: 1}, {InstrumentID: 7, Reason: gate.Crossed, N: 4}}
	if got := g.Counts(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
	if x := g.Totals(); x != (gate.Totals{Passed: 60, Refused: 5, Again: 3}) {
		t.Errorf("%+v", x)
	}
}
