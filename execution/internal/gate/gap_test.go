package gate_test

import (
	"testing"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// Two holes, one before a quote and one before the session's close, are two gaps of the feed, whatever they miss.
func TestGapsAreCounted(t *testing.T) {
	g := mustGate(t, with(func(c *gate.Config) { c.Sequenced = true }))
	for _, seq := range []uint64{1, 2, 7, 8} {
		q := book(float64(seq), 10000, 10002)
		q.Seq = seq
		g.Check(&q)
	}
	if n := g.Counts(); len(n) != 1 || n[0] != (gate.Count{Reason: gate.Gap, N: 1}) {
		t.Errorf("after a hole before a quote: %+v", n)
	}
	g.Check(&feed.Quote{Kind: feed.KindStatus, Status: feed.StatusClose, Seq: 10, TsNs: t0 + 10*sec})
	if n := g.Counts(); len(n) != 1 || n[0] != (gate.Count{Reason: gate.Gap, N: 2}) {
		t.Errorf("after a hole before a status: %+v", n)
	}
}

// The client's word that something is missing makes what follows suspect until a snapshot, also where the gate itself does
// not look at numbers.
func TestAGapThatTheLineTellsOf(t *testing.T) {
	g := mustGate(t, gate.Default())
	g.Check(feedStatus(feed.StatusGap, t0))
	q := book(1, 10000, 10002)
	if v := g.Check(&q); v.Outcome != gate.Pass || !v.Suspect || !g.Health(7).Suspect {
		t.Errorf("after the gap: %+v", v)
	}
	g.Check(feedStatus(feed.StatusSync, t0+2*sec))
	q = book(3, 10000, 10003)
	if v := g.Check(&q); v.Suspect || g.Health(7).Suspect {
		t.Errorf("after the snapshot: %+v", v)
	}
}
