package schedule_test

import (
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
)

var sides = rapid.SampledFrom([]order.Side{order.Buy, order.Sell})

// quoted is a market of 9.98 to 10.02 with 5,000 shares on each side.
var quoted = schedule.Market{Bid: 9_980_000, Ask: 10_020_000, BidSize: 5000, AskSize: 5000, Last: 10 * usd}

// hourly is a TWAP of four slices of an hour that sends no more than it must.
func hourly() schedule.Params {
	p := schedule.Defaults(schedule.TWAP)
	p.SliceNs, p.MaxADVPPM = hour, 0
	return p
}

type answer struct {
	qty    int64
	style  schedule.Style
	limit  int64
	cancel bool
	reason schedule.Reason
}

func ask(t *testing.T, p *schedule.Plan, at int64, g schedule.Progress, m schedule.Market, want answer) schedule.Decision {
	t.Helper()
	d := p.Next(open+at, g, m)
	got := answer{d.Qty, d.Style, d.LimitPx, d.Cancel, d.Reason}
	if got != want {
		t.Errorf("at +%ds with %+v: %+v, want %+v", at/second, g, got, want)
	}
	return d
}

// TestNextByHand walks 4,000 shares through four hours.
func TestNextByHand(t *testing.T) {
	p := plan(t, hourly(), buy(4000, 100, 4))
	passive := schedule.Passive
	// Before the start it waits for it.
	if d := ask(t, p, -second, schedule.Progress{}, quoted, answer{reason: schedule.NotStarted}); d.NextWakeNs != open {
		t.Errorf("it wakes at %d, not at the open", d.NextWakeNs)
	}
	// The first slice's thousand joins the bid; then there is nothing to do before the second.
	d := ask(t, p, 0, schedule.Progress{}, quoted, answer{1000, passive, 9_980_000, false, schedule.OnSchedule})
	if d.NextWakeNs != open+hour || d.Slice != 0 {
		t.Errorf("it wakes at +%d in slice %d", d.NextWakeNs-open, d.Slice)
	}
	resting := schedule.Progress{Working: 1000, Resting: 1000, RestingPx: 9_980_000, RestingSinceNs: open, SentInSlice: 1000, LastSentNs: open}
	ask(t, p, 30*minute, resting, quoted, answer{reason: schedule.Waiting})
	// 30 shares behind (under 1%): the second thousand is passive too. 90 behind (over 1%): it goes to the mid.
	ask(t, p, hour, schedule.Progress{Done: 970, Working: 30, Resting: 30, RestingPx: 9_980_000, RestingSinceNs: open, LastSentNs: open}, quoted,
		answer{1000, passive, 9_980_000, false, schedule.OnSchedule})
	ask(t, p, hour, schedule.Progress{Done: 910, LastSentNs: open}, quoted, answer{1000, schedule.Mid, 10 * usd, false, schedule.Behind})
	// 600 behind: what rests is pulled, then the 600 cross at the ask plus 50 bp, then the rest joins the bid.
	ask(t, p, hour, schedule.Progress{Done: 400, Working: 600, Resting: 600, RestingPx: 9_980_000, RestingSinceNs: open, LastSentNs: open}, quoted,
		answer{cancel: true, reason: schedule.Repricing})
	ask(t, p, hour, schedule.Progress{Done: 400, LastSentNs: open}, quoted, answer{600, schedule.Marketable, 10_070_000, false, schedule.Behind})
	crossing := schedule.Progress{Done: 400, Working: 600, SentInSlice: 600, LastSentNs: open + hour}
	d = ask(t, p, hour, crossing, quoted, answer{reason: schedule.Pacing})
	if d.NextWakeNs != open+hour+second {
		t.Errorf("it wakes at +%d, not a second later", d.NextWakeNs-open)
	}
	ask(t, p, hour+second, crossing, quoted, answer{1000, passive, 9_980_000, false, schedule.OnSchedule})
	// A resting child of an earlier slice follows the touch; one of this slice stays.
	moved := quoted
	moved.Bid, moved.Ask = 9_990_000, 10_030_000
	old := schedule.Progress{Done: 1000, Working: 1000, Resting: 1000, RestingPx: 9_980_000, RestingSinceNs: open + hour, LastSentNs: open + hour}
	ask(t, p, hour+minute, old, moved, answer{reason: schedule.Waiting})
	old.Done = 2000
	old.Resting, old.Working = 10, 10
	ask(t, p, 2*hour, old, moved, answer{cancel: true, reason: schedule.Repricing})
	// What was sent marketable and left behind by the market is pulled when a better limit may go, and not before.
	ran := schedule.Progress{Done: 1400, Working: 600, Resting: 600, RestingPx: 10_070_000, RestingSinceNs: open, LastSentNs: open}
	ask(t, p, 2*hour, ran, quoted, answer{600, schedule.Marketable, 10_070_000, false, schedule.Behind})
	ran.RestingPx = 10_060_000
	ask(t, p, 2*hour, ran, quoted, answer{cancel: true, reason: schedule.Repricing})
	// In the last minute everything left is marketable, and at the end what works is pulled.
	ask(t, p, 4*hour-minute, schedule.Progress{Done: 2500, LastSentNs: open}, quoted, answer{1500, schedule.Marketable, 10_070_000, false, schedule.Sweeping})
	ask(t, p, 4*hour, schedule.Progress{Done: 3900, Working: 100}, quoted, answer{cancel: true, reason: schedule.WindowOver})
	if d := ask(t, p, 4*hour, schedule.Progress{Done: 3900}, quoted, answer{reason: schedule.WindowOver}); !d.Finished || d.NextWakeNs != 0 {
		t.Errorf("at the end it is %+v", d)
	}
	if d := ask(t, p, 2*hour, schedule.Progress{Done: 4000}, quoted, answer{reason: schedule.Complete}); !d.Finished {
		t.Errorf("complete, it is %+v", d)
	}
}

// TestPricesOfASell mirrors the rules: the ask is near, the mid rounds up, the collar reaches down.
func TestPricesOfASell(t *testing.T) {
	parent := buy(4000, 100, 4)
	parent.Side, parent.Ticks = order.Sell, schedule.FlatTick(30_000)
	m := schedule.Market{Bid: 9_990_000, Ask: 10_050_000, BidSize: 9000, AskSize: 9000}
	for style, limit := range map[schedule.Style]int64{
		schedule.Passive: 10_050_000, schedule.Mid: 10_020_000,
		schedule.Marketable: 9_960_000, // 9.99 less 49,950 is 9.94005: up to the tick of 0.03
	} {
		p := hourly()
		p.Style = style
		ask(t, plan(t, p, parent), 0, schedule.Progress{}, m, answer{1000, style, limit, false, schedule.OnSchedule})
	}
}

func TestPauses(t *testing.T) {
	parent := buy(4000, 100, 5)
	parent.Breaks = [][2]int64{{open + 2*hour, open + 3*hour}}
	p := plan(t, hourly(), parent)
	if d := ask(t, p, 2*hour, schedule.Progress{}, quoted, answer{reason: schedule.InBreak}); d.NextWakeNs != open+3*hour || d.Slice != 2 {
		t.Errorf("at the break's start: wake +%d, slice %d", d.NextWakeNs-open, d.Slice)
	}
	if at := p.SliceStartNs(2); at != open+3*hour {
		t.Errorf("the slice that begins with the break trades from +%d", at-open)
	}
	halted := quoted
	halted.Halted = true
	ask(t, p, hour, schedule.Progress{}, halted, answer{reason: schedule.Halted})
	ask(t, p, 0, schedule.Progress{}, schedule.Market{Ask: 10 * usd, AskSize: 100}, answer{reason: schedule.NoQuote})
	crossed := quoted
	crossed.Bid = 10_030_000
	ask(t, p, hour, schedule.Progress{}, crossed, answer{reason: schedule.NoQuote})
}

func TestLimitsOfAChild(t *testing.T) {
	parent := buy(40_000, 100, 4)
	limited := func(change func(*schedule.Params)) *schedule.Plan {
		p := hourly()
		change(&p)
		return plan(t, p, parent)
	}
	passive := schedule.Passive
	// Half of 5,000 displayed; a thousandth of the daily ten million; without sizes only the latter.
	half := limited(func(p *schedule.Params) { p.MaxDisplayedPPM = 500_000 })
	ask(t, half, 0, schedule.Progress{}, quoted, answer{2500, passive, 9_980_000, false, schedule.OnSchedule})
	unsized := schedule.Market{Bid: 10 * usd, Ask: 10 * usd, SizeUnknown: true}
	ask(t, half, 0, schedule.Progress{}, unsized, answer{10_000, passive, 10 * usd, false, schedule.OnSchedule})
	adv := limited(func(p *schedule.Params) { p.MaxADVPPM = 350 })
	ask(t, adv, 0, schedule.Progress{}, quoted, answer{3500, passive, 9_980_000, false, schedule.OnSchedule})
	thin := quoted
	thin.BidSize = 150
	ask(t, half, 0, schedule.Progress{}, thin, answer{reason: schedule.Limited})
	// Two hours late with nothing done 30,000 are needed by the third slice's end; half as much again as a slice may go.
	late := limited(func(p *schedule.Params) { p.CatchUpPPM, p.MaxDisplayedPPM = 500_000, 0 })
	ask(t, late, 2*hour, schedule.Progress{}, quoted, answer{15_000, schedule.Marketable, 10_070_000, false, schedule.Behind})
	ask(t, late, 2*hour+minute, schedule.Progress{Done: 15_000, SentInSlice: 15_000, LastSentNs: open + 2*hour}, quoted, answer{reason: schedule.Limited})
	// The sweep is not held by it.
	ask(t, late, 4*hour-minute, schedule.Progress{Done: 15_000, LastSentNs: open}, quoted, answer{25_000, schedule.Marketable, 10_070_000, false, schedule.Sweeping})
	// Three refusals in a row end it.
	if d := ask(t, half, 0, schedule.Progress{Refusals: 3}, quoted, answer{reason: schedule.Refused}); !d.Finished {
		t.Errorf("refused three times it goes on: %+v", d)
	}
	ask(t, half, 0, schedule.Progress{Done: 40_000, Working: 100}, quoted, answer{cancel: true, reason: schedule.Inconsistent})
}

// TestSmallestChild sees shares gather until they are worth the least notional, and a rest that could not be sent on its
// own go along.
func TestSmallestChild(t *testing.T) {
	p := hourly()
	p.MinNotional = 3500 * usd // 351 shares at 9.98: four lots
	pl := plan(t, p, buy(1200, 100, 4))
	ask(t, pl, 0, schedule.Progress{}, quoted, answer{reason: schedule.BelowMinimum})
	ask(t, pl, hour, schedule.Progress{}, quoted, answer{400, schedule.Marketable, 10_070_000, false, schedule.Behind})
	// 200 are behind at the third slice; the smallest child crosses, and what it leaves of 800 can still go.
	ask(t, pl, 2*hour, schedule.Progress{Done: 400, LastSentNs: open}, quoted, answer{400, schedule.Marketable, 10_070_000, false, schedule.Behind})
	// Of 700 that would leave 300: everything goes.
	ask(t, pl, 2*hour, schedule.Progress{Done: 500, LastSentNs: open}, quoted, answer{700, schedule.Marketable, 10_070_000, false, schedule.Behind})
	// Where only 600 of 900 are displayed that would leave 300: 500 go and leave 400.
	thin := quoted
	thin.AskSize = 600
	ask(t, pl, 4*hour-minute, schedule.Progress{Done: 300, LastSentNs: open}, thin, answer{500, schedule.Marketable, 10_070_000, false, schedule.Sweeping})
	// An opening order's 300 cannot go; a closing order's can, with its odd lot, and only at the end.
	ask(t, pl, 3*hour, schedule.Progress{Done: 900, LastSentNs: open}, quoted, answer{reason: schedule.BelowMinimum})
	closing := buy(1250, 100, 4)
	closing.Closing = true
	pc := plan(t, p, closing)
	ask(t, pc, 2*hour, schedule.Progress{Done: 900, LastSentNs: open}, quoted, answer{reason: schedule.Waiting})
	ask(t, pc, 3*hour, schedule.Progress{Done: 900, LastSentNs: open}, quoted, answer{350, schedule.Passive, 9_980_000, false, schedule.OnSchedule})
	ask(t, pc, 4*hour-minute, schedule.Progress{Done: 1220, LastSentNs: open}, quoted, answer{30, schedule.Marketable, 10_070_000, false, schedule.Sweeping})
	if d := ask(t, pl, hour, schedule.Progress{Done: 1150}, quoted, answer{reason: schedule.Unfillable}); !d.Finished {
		t.Errorf("50 of an opening order are left: %+v", d)
	}
}

func TestImmediate(t *testing.T) {
	parent := buy(150, 100, 1)
	parent.Closing = true
	p := plan(t, schedule.Immediately(50), parent)
	ask(t, p, 0, schedule.Progress{}, quoted, answer{150, schedule.Marketable, 10_070_000, false, schedule.OnSchedule})
	ask(t, p, 0, schedule.Progress{}, schedule.Market{Bid: 9_980_000, Last: 10 * usd}, answer{150, schedule.Marketable, 10_050_000, false, schedule.OnSchedule})
	ask(t, p, 0, schedule.Progress{}, schedule.Market{}, answer{150, schedule.MarketOrder, 0, false, schedule.OnSchedule})
	ask(t, p, minute, schedule.Progress{Done: 50, Working: 100, LastSentNs: open}, quoted, answer{reason: schedule.Waiting})
	if d := ask(t, p, minute, schedule.Progress{Done: 50, LastSentNs: open}, quoted, answer{reason: schedule.ChildEnded}); !d.Finished {
		t.Errorf("its child has ended: %+v", d)
	}
	opening := plan(t, schedule.Immediately(50), buy(100, 100, 1))
	ask(t, opening, 0, schedule.Progress{}, schedule.Market{}, answer{reason: schedule.NoQuote})
}

func TestPOV(t *testing.T) {
	p := schedule.Defaults(schedule.POV) // a tenth, at most a fifth of a slice
	p.SliceNs, p.MaxADVPPM, p.MaxDisplayedPPM = hour, 0, 0
	pl := plan(t, p, buy(10_000, 100, 4))
	volume := func(total, slice int64) schedule.Market {
		m := quoted
		m.Volume, m.SliceVolume = total, slice
		return m
	}
	ask(t, pl, 0, schedule.Progress{}, volume(0, 0), answer{reason: schedule.Waiting})
	ask(t, pl, minute, schedule.Progress{}, volume(5_550, 5_550), answer{500, schedule.Passive, 9_980_000, false, schedule.OnSchedule})
	// An hour late with 40,000 traded before: 4,000 behind, but a fifth of this slice's 6,000 is the most.
	ask(t, pl, hour, schedule.Progress{}, volume(46_000, 6_000), answer{1200, schedule.Marketable, 10_070_000, false, schedule.Behind})
	ask(t, pl, hour+minute, schedule.Progress{Done: 1200, SentInSlice: 1200, LastSentNs: open + hour}, volume(46_000, 6_000), answer{reason: schedule.Limited})
	// Volume enough for everything; the default leaves the rest at the end.
	ask(t, pl, 3*hour, schedule.Progress{Done: 9_000, LastSentNs: open}, volume(500_000, 300_000), answer{1000, schedule.Marketable, 10_070_000, false, schedule.Behind})
	if d := ask(t, pl, 4*hour, schedule.Progress{Done: 9_000}, quoted, answer{reason: schedule.WindowOver}); !d.Finished {
		t.Errorf("the window is over: %+v", d)
	}
	p.AtEnd, p.SweepNs = schedule.Sweep, 5*minute
	ask(t, plan(t, p, buy(10_000, 100, 4)), 4*hour-5*minute, schedule.Progress{Done: 9_000, LastSentNs: open}, volume(0, 0),
		answer{1000, schedule.Marketable, 10_070_000, false, schedule.Sweeping})
}

func TestProgress(t *testing.T) {
	p := plan(t, hourly(), buy(4000, 100, 4))
	got := p.Progress(open+hour+minute, []schedule.Child{
		{SentNs: open + hour, Filled: 100, Open: 0, LimitPx: 10 * usd, Style: schedule.Marketable},
		{SentNs: open + hour + 1, Filled: 50, Open: 250, LimitPx: 9_970_000, Style: schedule.Passive},
		{SentNs: open + 1, Filled: 300, Open: 200, LimitPx: 9_980_000, Style: schedule.Mid},
		{SentNs: open + 2, Filled: 0, Open: 40, LimitPx: 10_020_000, Style: schedule.Marketable}, // the market ran away from it
		{SentNs: open + hour + 2, Filled: 0, Open: 60, LimitPx: 10_020_000, Style: schedule.Marketable},
	}, 2)
	want := schedule.Progress{
		Done: 450, Working: 550, Resting: 490, RestingPx: 9_970_000, RestingSinceNs: open + 1, SentInSlice: 460, LastSentNs: open + hour + 2, Refusals: 2,
	}
	if got != want {
		t.Errorf("progress is %+v, want %+v", got, want)
	}
}
