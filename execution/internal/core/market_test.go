package core

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/session"
)

const (
	testOpen = int64(1_704_465_000_000_000_000) // 2024-01-05 14:30 UTC
	testHour = int64(time.Hour)
	testMin  = int64(time.Minute)
)

// lunch is a session of five hours with a break from 2:00 to 3:00 hours after the open.
func lunch(curve *schedule.VolumeCurve) *session.Session {
	return &session.Session{OpenNs: testOpen, CloseNs: testOpen + 5*testHour, Breaks: [][2]int64{{testOpen + 2*testHour, testOpen + 3*testHour}}, Volume: curve}
}

// By hand. Even: 4,000 shares over four trading hours are 1,000 an hour. The curve: 50% in the first hour, 10% up to the
// break, 40% after it; the break's bucket has none.
func TestTheVolumeThatIsExpected(t *testing.T) {
	curve := &schedule.VolumeCurve{
		StartNs: testOpen, EndNs: []int64{testOpen + testHour, testOpen + 2*testHour, testOpen + 3*testHour, testOpen + 5*testHour},
		CumPPM: []int64{500_000, 600_000, 600_000, 1_000_000},
	}
	for _, c := range []struct {
		after       time.Duration
		even, curve int64
	}{
		{-time.Hour, 0, 0}, {0, 0, 0}, {30 * time.Minute, 500, 1000}, {90 * time.Minute, 1500, 2200}, {2 * time.Hour, 2000, 2400},
		{150 * time.Minute, 2000, 2400}, {3 * time.Hour, 2000, 2400}, {4 * time.Hour, 3000, 3200}, {5 * time.Hour, 4000, 4000}, {9 * time.Hour, 4000, 4000},
	} {
		at := testOpen + int64(c.after)
		if got := expectedBy(lunch(nil), 4000, at); got != c.even {
			t.Errorf("after %v even: %d, want %d", c.after, got, c.even)
		}
		if got := expectedBy(lunch(curve), 4000, at); got != c.curve {
			t.Errorf("after %v by the curve: %d, want %d", c.after, got, c.curve)
		}
	}
}

// It never falls, and ends at the average.
func TestTheExpectedVolumeDoesNotFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		adv := rapid.Int64Range(0, 1<<50).Draw(t, "adv")
		curve := &schedule.VolumeCurve{StartNs: testOpen}
		at, cum := testOpen, int64(0)
		for range rapid.IntRange(0, 5).Draw(t, "buckets") {
			at, cum = at+rapid.Int64Range(1, testHour).Draw(t, "long"), rapid.Int64Range(cum, 1_000_000).Draw(t, "cum")
			curve.EndNs, curve.CumPPM = append(curve.EndNs, at), append(curve.CumPPM, cum)
		}
		curve.EndNs, curve.CumPPM = append(curve.EndNs, testOpen+5*testHour+1), append(curve.CumPPM, 1_000_000)
		a := rapid.Int64Range(testOpen-1, testOpen+5*testHour).Draw(t, "a")
		b := rapid.Int64Range(a, testOpen+5*testHour+2).Draw(t, "b")
		for _, day := range []*session.Session{lunch(nil), lunch(curve)} {
			x, y, all := expectedBy(day, adv, a), expectedBy(day, adv, b), expectedBy(day, adv, testOpen+6*testHour)
			if x > y || y > all || all != adv {
				t.Fatalf("%d, then %d, of %d at the end %d", x, y, adv, all)
			}
		}
	})
}

// tape is a feed by hand.
type tape struct{ look MarketLook }

func (t *tape) Look(int64) MarketLook { return t.look }

// follower is a core with one parent that follows the volume from the open on, in slices of an hour. Its average daily
// volume is 4,000, its day lunch's, even.
func follower(t *testing.T, market MarketData) (*Core, *Parent, *schedule.Plan) {
	t.Helper()
	c := New(NewState(), Config{Region: "US", Log: jsonlog.Discard(), Market: market}, NewMemory(), nil)
	c.day = lunch(nil)
	params := schedule.Defaults(schedule.POV)
	params.SliceNs = testHour
	spec := ParentSpec{Params: params, Session: 20240105, Shares: map[string]int64{"a": 1000}, Parent: schedule.Parent{
		ID: 1, InstrumentID: 3, Side: order.Buy, Qty: 1000, Lot: 1, StartNs: testOpen, EndNs: testOpen + 5*testHour, Breaks: c.day.Breaks, ADV: 4000,
		Ticks: schedule.TickTable{{FromPx: 0, Tick: 10_000}},
	}}
	if err := c.state.applyParents([]ParentSpec{spec}); err != nil {
		t.Fatal(err)
	}
	p := c.state.Parents[1]
	plan, err := schedule.New(params, p.Parent)
	if err != nil {
		t.Fatal(err)
	}
	return c, p, plan
}

// told is what a schedule is told at a moment.
func told(c *Core, p *Parent, plan *schedule.Plan, after time.Duration) schedule.Market {
	c.clockNs = testOpen + int64(after)
	return c.market(p, plan)
}

// Counted while the feed tells trades, expected while it does not, and a restart goes on from what the journal has. By hand,
// at 1,000 shares a trading hour where nobody counts.
func TestAScheduleIsToldTheVolume(t *testing.T) {
	feed := &tape{MarketLook{Alive: true, Counts: true, Traded: 70}}
	c, p, plan := follower(t, feed)
	check := func(after time.Duration, total, slice, expected int64) {
		t.Helper()
		m := told(c, p, plan, after)
		if m.Volume != total || m.SliceVolume != slice || c.counters[1].Expected != expected {
			t.Errorf("after %v: %d, in the slice %d, expected %d; want %d, %d, %d", after, m.Volume, m.SliceVolume, c.counters[1].Expected, total, slice, expected)
		}
	}
	check(-time.Minute, 0, 0, 0) // planned before the open: the 70 are not the parent's
	check(0, 0, 0, 0)
	feed.look.Traded = 270
	check(30*time.Minute, 200, 200, 0)
	feed.look = MarketLook{Traded: 270} // the line is down
	check(45*time.Minute, 450, 450, 250)
	check(time.Hour, 700, 0, 500) // the second slice
	feed.look = MarketLook{Alive: true, Counts: true, Traded: 999}
	check(75*time.Minute, 950, 250, 750) // nobody knows which of the 729 came before: expected once more
	feed.look.Traded = 1099
	check(90*time.Minute, 1050, 350, 750)
	if v := *p.Volume; v != (Volume{AtNs: testOpen + testHour, Total: 700, Expected: 500, Slice: 1, SliceStart: 700}) {
		t.Errorf("the journal has %+v", v)
	}
	c.noteVolume(p) // as before a child
	c.counters = map[uint64]*counter{}
	feed.look = MarketLook{Alive: true, Counts: true, Traded: 5} // another process, another count
	check(105*time.Minute, 1300, 600, 1000)
	feed.look.Traded = 25
	check(2*time.Hour, 1320, 0, 1000) // the break, whose slice is the next
}

// Without a feed a schedule goes by what is expected, and by nothing where that is unknown.
func TestWithoutAFeedTheVolumeIsExpected(t *testing.T) {
	c, p, plan := follower(t, nil)
	if m := told(c, p, plan, 90*time.Minute); m.Volume != 1500 || !m.SizeUnknown || m.Halted {
		t.Errorf("%+v", m)
	}
	c, p, plan = follower(t, &tape{MarketLook{Alive: true, Sized: true, BidSize: 3, AskSize: 4, Halted: true}})
	if m := told(c, p, plan, 0); m.SizeUnknown || m.BidSize != 3 || m.AskSize != 4 || !m.Halted {
		t.Errorf("%+v", m)
	}
	c.day = nil
	if m := told(c, p, plan, time.Hour); m.Volume != 0 {
		t.Errorf("%+v", m)
	}
}

// The figures behind decisions are the journal's: replayed, they give the same state.
func TestVolumeRecordsReplay(t *testing.T) {
	plan := &PlanRecord{Session: 20240105, Parents: []ParentSpec{{Parent: schedule.Parent{ID: 1, InstrumentID: 3, Side: order.Buy, Qty: 5}, Shares: map[string]int64{"a": 5}}}}
	first, second := Volume{AtNs: 9, Total: 4, Expected: 1, Slice: 2, SliceStart: 3}, Volume{AtNs: 19, Total: 40}
	records := []*Record{life()[0], {Kind: kindPlan, Plan: plan}, {Kind: kindVolume, Volume: &VolumeRecord{1, first}}, {Kind: kindVolume, Volume: &VolumeRecord{1, second}}}
	st, err := Replay(nil, encoded(t, records...))
	if err != nil || *st.Parents[1].Volume != second {
		t.Fatalf("%+v, %v", st.Parents[1], err)
	}
	again, err := Replay(nil, encoded(t, records[:3]...))
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := st.Hash()
	two, err2 := again.Hash()
	if err1 != nil || err2 != nil || one == two {
		t.Errorf("another volume has the same hash %s (%v, %v)", one, err1, err2)
	}
	gone := append(records[:2:2], &Record{Kind: kindParentEnd, ParentEnd: &ParentEndRecord{1, "over"}}, records[2])
	if _, err := Replay(nil, encoded(t, gone...)); err == nil {
		t.Error("the volume of a parent that has ended is taken")
	}
}
