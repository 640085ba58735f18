package feed_test

import (
	"testing"
	"time"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/feed/fault"
	"dnalyaw/execution/internal/gate"
)

// Lines that drop, repeat, swap and cut: after the last snapshot the client knows what the source said last, every hole
// was told, and every message that arrived was handed on.
func TestFaultyLines(t *testing.T) {
	quotes, names := walk(6000)
	for _, plan := range []string{"drop=0.01", "duplicate=0.01", "reorder=0.01", "disconnect=0.002", "drop=0.005,duplicate=0.005,reorder=0.005,disconnect=0.001"} {
		t.Run(plan, func(t *testing.T) {
			p, err := fault.ParsePlan(plan + ",seed=3,from=20")
			if err != nil {
				t.Fatal(err)
			}
			var planters []*fault.Planter
			tamper := func() feed.Tamper {
				p.Seed++ // another connection fails elsewhere
				planter, err := fault.NewPlanter(p)
				if err != nil {
					panic(err)
				}
				planters = append(planters, planter)
				return planter
			}
			s := start(t, socket(t), feed.ServerOptions{Wait: 1, Speed: 20, Heartbeat: 5 * time.Millisecond, Tamper: tamper}, quotes, names)
			got, err := feed.ReadAll(dial(t, s.addr))
			if err != nil {
				t.Fatal(err)
			}
			_, _, statuses := split(got)
			count := map[feed.Status]int{}
			for _, q := range statuses {
				count[q.Status]++
			}
			planted := map[fault.Kind]int{}
			for _, p := range planters {
				for _, x := range p.Map() {
					planted[x.Kind]++
				}
			}
			t.Logf("planted %v, told %v", planted, count)
			if len(planted) == 0 || planted[fault.Cut] > 0 && count[feed.StatusDown] == 0 {
				t.Errorf("planted %v, told %v", planted, count)
			}
			if planted[fault.Drop] > 0 && planted[fault.Cut] == 0 && count[feed.StatusGap] == 0 {
				t.Errorf("%d dropped and no gap told", planted[fault.Drop])
			}
			if count[feed.StatusSync] < 1+count[feed.StatusGap]/2 || count[feed.StatusEnd] != 1 {
				t.Errorf("told %v", count)
			}
			// The client takes the newest of each name and kind, as every consumer does behind the gate.
			newest := map[[2]int64]feed.Quote{}
			for _, q := range got {
				k := [2]int64{q.InstrumentID, int64(q.Kind)}
				if q.Kind != feed.KindStatus && q.TsNs >= newest[k].TsNs {
					newest[k] = plain(q)
				}
			}
			sameState(t, newest, last(quotes))
			behindTheGate(t, got, newest)
		})
	}
}

// behindTheGate checks that what passes is in order for each name and kind, that nothing newer was refused, and that
// no doubt is left after the last snapshot.
func behindTheGate(t *testing.T, all []feed.Quote, newest map[[2]int64]feed.Quote) {
	t.Helper()
	c := gate.Default()
	c.Sequenced = true
	g, err := gate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	passed := map[[2]int64]feed.Quote{}
	for _, q := range all {
		k := [2]int64{q.InstrumentID, int64(q.Kind)}
		if v := g.Check(&q); v.Outcome != gate.Pass || q.Kind == feed.KindStatus {
			continue
		}
		if q.TsNs < passed[k].TsNs {
			t.Fatalf("out of order: %+v after %+v", q, passed[k])
		}
		passed[k] = plain(q)
	}
	sameState(t, passed, newest)
	if h := g.Health(1); h.Suspect || h.FeedDead {
		t.Errorf("at the end: %+v", h)
	}
}

// A line that goes silent without ending is given up after three heartbeats, and the next one is joined.
func TestASilentLineIsGivenUp(t *testing.T) {
	quotes, names := walk(4000)
	first := true
	tamper := func() feed.Tamper {
		plan := fault.Plan{}
		if first {
			plan.Rate[fault.Mute], plan.From, plan.To = 1, 100, 100
		}
		first = false
		p, err := fault.NewPlanter(plan)
		if err != nil {
			panic(err)
		}
		return p
	}
	s := start(t, socket(t), feed.ServerOptions{Wait: 1, Speed: 5, Heartbeat: 50 * time.Millisecond, Tamper: tamper}, quotes, names)
	got, err := feed.ReadAll(dialPatient(t, s.addr, 0)) // three heartbeats
	if err != nil {
		t.Fatal(err)
	}
	live, _, statuses := split(got)
	var kinds []feed.Status
	for _, q := range statuses {
		kinds = append(kinds, q.Status)
	}
	// On a busy machine a good line may be given up too, and joined again.
	n := len(kinds)
	if n < 4 || kinds[0] != feed.StatusSync || kinds[n-1] != feed.StatusEnd {
		t.Fatalf("%v", kinds)
	}
	for i, k := range kinds[1 : n-1] {
		if want := []feed.Status{feed.StatusDown, feed.StatusSync}[i%2]; k != want {
			t.Fatalf("%v: a lost line must be followed by a snapshot", kinds)
		}
	}
	if len(live) >= len(quotes) || len(live) < 100 {
		t.Errorf("%d of %d messages", len(live), len(quotes))
	}
	sameState(t, last(got), last(quotes))
}

// A client that does not read is cut off, the others get everything, and when it reads again it joins by a snapshot.
func TestASlowClientIsCutOff(t *testing.T) {
	quotes, names := walk(40_000)
	s := start(t, socket(t), feed.ServerOptions{Wait: 2, Speed: 400, Queue: 64 << 10}, quotes, names)
	slow := dial(t, s.addr)
	got, err := feed.ReadAll(dial(t, s.addr))
	if err != nil {
		t.Fatal(err)
	}
	if live, _, _ := split(got); len(live) == 0 {
		t.Fatal("the other client got nothing")
	}
	sameState(t, last(got), last(quotes))
	late, err := feed.ReadAll(slow)
	if err != nil {
		t.Fatal(err)
	}
	live, _, statuses := split(late)
	if len(live) >= len(quotes) || len(statuses) < 4 || statuses[1].Status != feed.StatusDown || statuses[2].Status != feed.StatusSync {
		t.Errorf("%d messages of %d, statuses %+v", len(live), len(quotes), statuses)
	}
	sameState(t, last(late), last(quotes))
}
