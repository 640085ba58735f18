package schedule_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
)

// world is a market and a venue that answer a schedule: quotes, halts and volume at random, children that fill whole, in
// part or not at all.
type world struct {
	t        *rapid.T
	params   schedule.Params
	parent   schedule.Parent
	plan     *schedule.Plan
	kind     bool // a market that never halts, shows every size and fills at once
	now      int64
	market   schedule.Market
	volumeAt map[int]int64 // volume when a slice was first seen
	children []schedule.Child
	refusals int
	refused  bool
	sent     []int64 // quantities of the children that were not refused
}

func (w *world) move() {
	t := w.t
	px := rapid.Int64Range(900, 1100).Draw(t, "px") * usd / 100
	spread := rapid.Int64Range(0, 5).Draw(t, "spread") * usd / 100
	volume := w.market.Volume + rapid.Int64Range(0, 20_000).Draw(t, "volume")
	w.market = schedule.Market{Bid: px, Ask: px + spread, BidSize: 1 << 40, AskSize: 1 << 40, Last: px, Volume: volume}
	if !w.kind {
		size := rapid.SampledFrom([]int64{0, 50, 1000, 100_000})
		w.market.BidSize, w.market.AskSize = size.Draw(t, "bid size"), size.Draw(t, "ask size")
		switch rapid.IntRange(0, 12).Draw(t, "trouble") {
		case 0:
			w.market.Bid = 0
		case 1:
			w.market.Ask = 0
		case 2:
			w.market.Halted = true
		}
	}
	slice := w.plan.Slice(w.now)
	if _, seen := w.volumeAt[slice]; !seen {
		w.volumeAt[slice] = volume
	}
	w.market.SliceVolume = volume - w.volumeAt[slice]
}

// work lets open children fill or end.
func (w *world) work() {
	for i := range w.children {
		c := &w.children[i]
		if c.Open == 0 {
			continue
		}
		if w.kind || rapid.IntRange(0, 2).Draw(w.t, "fills") == 0 {
			n := c.Open
			if !w.kind {
				n = rapid.Int64Range(1, c.Open).Draw(w.t, "filled")
			}
			c.Filled, c.Open = c.Filled+n, c.Open-n
		} else if rapid.IntRange(0, 9).Draw(w.t, "ends") == 0 {
			c.Open = 0
		}
	}
}

// check holds a decision against the promises, written out anew here.
func (w *world) check(g schedule.Progress, d schedule.Decision) {
	t, p, m := w.t, w.parent, w.market
	fail := func(why string) {
		t.Helper()
		t.Fatalf("%s\nat +%ds: %+v\nprogress %+v\nmarket %+v\nparent %+v\nparams %+v", why, (w.now-open)/second, d, g, m, p, w.params)
	}
	if d.NextWakeNs != 0 && d.NextWakeNs <= w.now || d.NextWakeNs > p.EndNs && w.now < p.EndNs-second {
		fail("it wakes in the past or after the end")
	}
	if d.Finished && g.Working != 0 {
		fail("finished while something works")
	}
	if d.Qty == 0 {
		return
	}
	remaining := p.Qty - g.Done - g.Working
	rest := p.Closing && d.Qty == remaining
	far, near := m.Ask, m.Bid
	size, joined := m.AskSize, m.BidSize
	if p.Side == order.Sell {
		far, near, size, joined = m.Bid, m.Ask, m.BidSize, m.AskSize
	}
	worth := far
	switch {
	case d.Cancel || d.Finished:
		fail("a child goes together with a cancel or the end")
	case w.now < p.StartNs || w.now >= p.EndNs || m.Halted:
		fail("a child goes before the start, after the end or in a halt")
	case d.Qty < 0 || d.Qty > remaining:
		fail("a child is larger than what remains")
	case d.Qty%p.Lot != 0 && !rest:
		fail("a child is no whole lots")
	case d.LimitPx <= 0 || d.LimitPx%p.Ticks[0].Tick != 0:
		fail("the limit is not on the tick")
	}
	switch d.Style {
	case schedule.Passive, schedule.Mid:
		worth, size = d.LimitPx, joined
		if out := p.Side == order.Buy && (d.LimitPx < near || m.Ask > near && d.LimitPx >= m.Ask) ||
			p.Side == order.Sell && (d.LimitPx > near || m.Bid < near && d.LimitPx <= m.Bid); out && near > 0 && far > 0 {
			fail("a resting limit is outside the quote or crosses it")
		}
	case schedule.Marketable:
		reach := far * w.params.CollarBp / 10_000
		if past := d.LimitPx - far; p.Side == order.Buy && (past < 0 || past > reach) || p.Side == order.Sell && (past > 0 || -past > reach) {
			fail("a marketable limit is short of the touch or beyond the collar")
		}
	default:
		fail("no style")
	}
	for _, b := range p.Breaks {
		if w.now >= b[0] && w.now < b[1] {
			fail("a child goes in a break")
		}
	}
	if d.Qty*worth < w.params.MinNotional && !rest {
		fail("a child is below the least notional")
	}
	if f := w.params.MaxDisplayedPPM; f > 0 && d.Qty*1_000_000 > size*f {
		fail("a child is above its part of the displayed size")
	}
	if f := w.params.MaxADVPPM; f > 0 && d.Qty*1_000_000 > p.ADV*f {
		fail("a child is above its part of the daily volume")
	}
	w.checkPace(g, d, fail)
}

// checkPace holds the child against the schedule itself.
func (w *world) checkPace(g schedule.Progress, d schedule.Decision, fail func(string)) {
	p := w.parent
	if d.Reason == schedule.Sweeping {
		if w.params.AtEnd != schedule.Sweep {
			fail("swept against the policy")
		}
		return
	}
	if g.LastSentNs > 0 && w.now-g.LastSentNs < w.params.MinGapNs {
		fail("a child goes too soon after the last")
	}
	// A rest below the smallest child may go along with any child.
	least := max(p.Lot, w.params.MinNotional/(8*usd)+p.Lot) + p.Lot
	sent := g.Done + g.Working + d.Qty
	if w.params.Algorithm == schedule.POV {
		if g.SentInSlice+d.Qty > w.market.SliceVolume*w.params.CapPPM/1_000_000 {
			fail("the slice takes more than its cap of the volume")
		}
		if sent > w.market.Volume*w.params.RatePPM/1_000_000+least {
			fail("more is sent than the rate gives")
		}
		return
	}
	// With its size jitter a goal may be half a neighbouring slice ahead of the curve.
	ahead := w.plan.SliceStartNs(d.Slice + 1 + min(1, int(w.params.JitterSizePPM+w.params.JitterTimePPM)))
	if due := w.plan.Curve().At(ahead); sent > due+least {
		fail("more is sent than is due by the slice's end")
	}
}

// TestNextProperties plays whole lives. A plan that is read back from JSON decides the same at every step, so that a
// restart changes nothing.
func TestNextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent := anyParent(t)
		params := anyParams(t, parent)
		if !legal(params, parent) {
			t.Skip("two breaks hide a bucket with volume")
		}
		w := world{t: t, params: params, parent: parent, now: parent.StartNs - minute, volumeAt: map[int]int64{}}
		w.plan = plan(t, params, parent)
		w.kind = rapid.Bool().Draw(t, "kind")
		finished := false
		for step := 0; step < 3000 && !finished; step++ {
			w.move()
			w.work()
			g := w.plan.Progress(w.now, w.children, w.refusals)
			d := w.plan.Next(w.now, g, w.market)
			if again := w.reborn().Next(w.now, g, w.market); again != d {
				t.Fatalf("after a restart it decides %+v, before %+v", again, d)
			}
			w.check(g, d)
			w.act(d)
			finished = d.Finished
			w.pass(d)
		}
		w.ended(finished)
	})
}

func (w *world) reborn() *schedule.Plan {
	var params schedule.Params
	var parent schedule.Parent
	for _, pair := range [][2]any{{w.params, &params}, {w.parent, &parent}} {
		data, err := json.Marshal(pair[0])
		if err == nil {
			err = json.Unmarshal(data, pair[1])
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return plan(w.t, params, parent)
}

// act does what was decided.
func (w *world) act(d schedule.Decision) {
	if d.Cancel {
		for i := range w.children {
			if c := &w.children[i]; w.kind || rapid.Bool().Draw(w.t, "cancelled") {
				c.Open = 0
			}
		}
	}
	if d.Qty == 0 {
		return
	}
	if !w.kind && rapid.IntRange(0, 9).Draw(w.t, "refused") == 0 {
		w.refusals++
		w.refused = w.refused || w.refusals >= w.params.MaxRefusals
		return
	}
	w.refusals = 0
	w.sent = append(w.sent, d.Qty)
	c := schedule.Child{SentNs: w.now, Open: d.Qty, LimitPx: d.LimitPx, Style: d.Style}
	if w.kind {
		c.Filled, c.Open = d.Qty, 0
	}
	w.children = append(w.children, c)
}

// pass lets time go on to the next wake, or to an event before it.
func (w *world) pass(d schedule.Decision) {
	next := w.now + rapid.Int64Range(1, 1800).Draw(w.t, "seconds")*second
	if d.NextWakeNs > w.now && (w.kind || d.NextWakeNs < next) {
		next = d.NextWakeNs
	}
	if w.kind && d.Qty > 0 {
		next = min(next, w.now+max(w.params.MinGapNs, 1)) // a fill is an event
	}
	w.now = next
}

// ended looks at what became of the parent.
func (w *world) ended(finished bool) {
	g := w.plan.Progress(w.now, w.children, w.refusals)
	if g.Done > w.parent.Qty {
		w.t.Fatalf("%d of %d filled", g.Done, w.parent.Qty)
	}
	if !finished && w.now > w.parent.EndNs && g.Working == 0 {
		w.t.Fatal("the window is over, nothing works, and it is not finished")
	}
	// In a market that gives everything, a schedule that sweeps trades its parent to the share: the children sum to it.
	free := w.params.MaxADVPPM == 0 && w.params.AtEnd == schedule.Sweep
	if !w.kind || !free {
		return
	}
	least := int64(0)
	if !w.parent.Closing {
		least = w.params.MinNotional/(8*usd) + 2*w.parent.Lot // an opening rest below the least notional may be left
	}
	sum := int64(0)
	for _, q := range w.sent {
		sum += q
	}
	if sum != g.Done || w.parent.Qty-sum > 0 && w.parent.Qty-sum >= least {
		w.t.Fatalf("children of %v sum to %d, %d filled, the parent is %d (smallest child about %d)\n%+v", w.sent, sum, g.Done, w.parent.Qty, least, w.params)
	}
}
