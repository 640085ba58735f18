package gate_test

import (
	"testing"
	"time"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

func feedStatus(s feed.Status, at int64) *feed.Quote {
	return &feed.Quote{TsNs: at, RecvNs: at, Kind: feed.KindStatus, Status: s}
}

// The clock is driven by hand: silence of more than five seconds in session time is death, in a break or after the
// close it is rest.
func TestDeadFeedByVirtualClock(t *testing.T) {
	now := clock.NewManual(time.Unix(0, t0))
	g := mustGate(t, gate.Default())
	g.Check(feedStatus(feed.StatusOpen, t0))
	q := book(0, 10000, 10002)
	g.Check(&q)
	dead := func() bool {
		g.Tick(now.Now().UnixNano())
		return g.Health(7).FeedDead
	}
	now.Advance(5 * time.Second)
	if dead() {
		t.Error("dead after five seconds, which are allowed")
	}
	now.Advance(time.Nanosecond)
	if found := g.Tick(now.Now().UnixNano()); len(found) != 1 || found[0].Reason != gate.Dead || found[0].Over || found[0].SinceNs != t0 ||
		found[0].Words("") != "the feed has been silent for 5.000000001s, at most 5s is taken in session time" {
		t.Errorf("after five seconds and one ns: %+v", found)
	}
	if found := g.Tick(now.Now().UnixNano() + 1); len(found) != 0 {
		t.Errorf("told twice: %+v", found)
	}
	g.Check(feedStatus(feed.StatusBeat, now.Now().UnixNano()))
	if found := g.Tick(now.Now().UnixNano()); len(found) != 1 || !found[0].Over || g.Health(7).FeedDead {
		t.Errorf("after a heartbeat: %+v", found)
	}
	for _, rest := range []feed.Status{feed.StatusBreak, feed.StatusClose} {
		g.Check(feedStatus(rest, now.Now().UnixNano()))
		now.Advance(time.Hour)
		if dead() {
			t.Errorf("dead in %s", rest)
		}
	}
	g.Check(feedStatus(feed.StatusOpen, now.Now().UnixNano()))
	now.Advance(6 * time.Second)
	if !dead() {
		t.Error("alive six seconds after the open without a word")
	}
	if n := g.Counts(); len(n) != 1 || n[0] != (gate.Count{InstrumentID: 0, Reason: gate.Dead, N: 2}) {
		t.Errorf("%+v", n)
	}
}

// A lost connection is death at once, in the night too, until a snapshot.
func TestLostConnection(t *testing.T) {
	g := mustGate(t, gate.Default())
	g.Check(feedStatus(feed.StatusClose, t0))
	g.Check(feedStatus(feed.StatusDown, t0+1))
	if h := g.Health(7); !h.FeedDead || !h.Suspect {
		t.Errorf("%+v", h)
	}
	if found := g.Tick(t0 + 2); len(found) != 1 || found[0].Reason != gate.Dead || found[0].InstrumentID != 0 || found[0].Over {
		t.Errorf("told of the lost line: %+v", found)
	}
	q := book(1, 10000, 10002)
	if v := g.Check(&q); !v.Suspect {
		t.Error("a quote before the snapshot is not suspect")
	}
	g.Check(feedStatus(feed.StatusSync, t0+2*sec))
	if found := g.Tick(t0 + 2*sec); len(found) != 1 || !found[0].Over {
		t.Errorf("told of the line that is back: %+v", found)
	}
	if h := g.Health(7); h.FeedDead || h.Suspect {
		t.Errorf("after the snapshot: %+v", h)
	}
}

// A name that speaks every second is missed after fifty, one that speaks every minute after fifty minutes; a halted
// one is not missed, and a night is no pause.
func TestDeadInstrument(t *testing.T) {
	c := gate.Default()
	c.MaxSilenceNs = 0
	g := mustGate(t, c)
	g.Check(feedStatus(feed.StatusOpen, t0))
	speak := func(id int64, seconds float64) {
		q := book(seconds, 10000, 10002)
		q.InstrumentID = id
		g.Check(&q)
	}
	for i := range 100 {
		speak(1, float64(i)*1)
		speak(2, float64(i)*60)
		speak(3, float64(i)*1)
	}
	g.Check(&feed.Quote{InstrumentID: 3, Kind: feed.KindStatus, Status: feed.StatusHalt, TsNs: t0 + 99*sec})
	for _, at := range []struct {
		seconds     int64
		one, two    bool
		three, feed bool
	}{{140, false, false, false, false}, {99 + 60, true, false, false, false}, {99*60 + 2900, true, false, false, false}, {99*60 + 3200, true, true, false, false}} {
		g.Tick(t0 + at.seconds*sec)
		if g.Health(1).Dead != at.one || g.Health(2).Dead != at.two || g.Health(3).Dead != at.three || g.Health(1).FeedDead != at.feed {
			t.Errorf("at %d s: %+v %+v %+v", at.seconds, g.Health(1), g.Health(2), g.Health(3))
		}
	}
	morning := t0 + 86400*sec
	g.Check(feedStatus(feed.StatusClose, t0+30000*sec))
	g.Check(feedStatus(feed.StatusOpen, morning))
	if found := g.Tick(morning + 10*sec); len(found) != 2 || !found[0].Over || !found[1].Over || g.Health(1).Dead {
		t.Errorf("ten seconds after the next open: %+v", found)
	}
}
