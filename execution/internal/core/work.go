package core

import (
	"fmt"
	"math"
	"time"

	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/targets"
)

// cashWaitNs is how soon a slice is asked for again that the cash at hand does not cover while sells bring more.
const cashWaitNs = int64(time.Second)

// work asks the schedule of every parent that has something to decide: its moment has come, its market moved or
// something happened to a child. What it decides follows from the journal, the clock and the market, so a restart goes
// on where the last child left it.
func (c *Core) work() {
	if len(c.state.active) == 0 || c.clockNs < c.wakeNs && len(c.stirred) == 0 {
		return
	}
	next := int64(math.MaxInt64)
	for _, id := range append([]uint64(nil), c.state.active...) {
		p := c.state.Parents[id]
		if wake, asked := c.wakes[id]; asked && c.clockNs < wake && !c.stirred[p.InstrumentID] {
			next = min(next, wake)
			continue
		}
		wake := c.workOn(p)
		c.wakes[id] = wake
		next = min(next, wake)
	}
	c.wakeNs = next
	clear(c.stirred)
}

// stir says that something happened in an instrument.
func (c *Core) stir(instrument int64) {
	if len(c.state.active) > 0 {
		c.stirred[instrument] = true
	}
}

// workOn takes one parent a step further and says when it wants to be asked again.
func (c *Core) workOn(p *Parent) (wakeNs int64) {
	plan, err := c.planOf(p)
	if err != nil {
		c.endParent(p, err.Error())
		return math.MaxInt64
	}
	if !c.mayTrade() {
		return c.clockNs // nothing new may leave: ask again with whatever comes next
	}
	d := plan.Next(c.clockNs, c.state.progress(p, plan, c.clockNs), c.market(p, plan))
	if d.Cancel {
		c.pull(p, plan, d)
	}
	if d.Qty > 0 {
		if p.Side == order.Buy && c.reduceOnly() {
			return c.clockNs + cashWaitNs
		}
		if p.Side == order.Buy && !c.covers(d.Qty, d.LimitPx) && c.sellsComing(nil) {
			return c.clockNs + cashWaitNs
		}
		c.sendChild(p, d)
	}
	if d.Finished || d.NextWakeNs == 0 && ends(d.Reason) && !d.Cancel {
		c.endParent(p, d.Reason.String())
		return math.MaxInt64
	}
	if d.NextWakeNs == 0 {
		return math.MaxInt64
	}
	return d.NextWakeNs
}

// ends says that a schedule with this reason sends nothing more.
func ends(r schedule.Reason) bool {
	switch r {
	case schedule.Complete, schedule.WindowOver, schedule.Refused, schedule.Unfillable, schedule.ChildEnded, schedule.Inconsistent:
		return true
	case schedule.OnSchedule, schedule.Behind, schedule.Sweeping, schedule.Waiting, schedule.NotStarted, schedule.InBreak,
		schedule.Halted, schedule.NoQuote, schedule.BelowMinimum, schedule.Limited, schedule.Pacing, schedule.Repricing:
	}
	return false
}

func (c *Core) planOf(p *Parent) (*schedule.Plan, error) {
	if plan := c.plans[p.ID]; plan != nil {
		return plan, nil
	}
	plan, err := schedule.New(p.Params, p.Parent)
	if err == nil {
		c.plans[p.ID] = plan
	}
	return plan, err
}

// sendChild makes an order of a slice; pump sends it.
func (c *Core) sendChild(p *Parent, d schedule.Decision) {
	spec := order.Spec{
		ID: c.state.LastOrderID + 1, Session: p.Session, InstrumentID: p.InstrumentID, Side: p.Side, Qty: d.Qty, LimitPx: d.LimitPx,
		StopDistance: p.StopDistance, ReduceOnly: p.Side == order.Sell, Correlation: p.Correlation, CreatedNs: c.clockNs,
		Shares: targets.ApportionShares(c.state.left(p, true), d.Qty), Strategies: p.Strategies, Parent: p.ID, Style: uint8(d.Style),
	}
	c.noteVolume(p)
	if err := c.record(&Record{Kind: kindChild, Child: &ChildRecord{spec}}); err != nil {
		c.audit(spec.ID, err)
		return
	}
	c.cfg.Log.Info("child", "parent", p.ID, "order_id", spec.ID, "qty", d.Qty, "limit_px", d.LimitPx, "style", d.Style.String(),
		"why", d.Reason.String(), "slice", d.Slice, jsonlog.CorrelationKey, p.Correlation)
}

// pull cancels what rests of a parent's children: all of it when the schedule is over, otherwise what is priced worse
// than the schedule now asks for.
func (c *Core) pull(p *Parent, plan *schedule.Plan, d schedule.Decision) {
	over := ends(d.Reason)
	for _, id := range p.Children {
		o := c.state.Orders[id]
		resting := over || schedule.Style(o.Style) != schedule.MarketOrder &&
			!(schedule.Style(o.Style) == schedule.Marketable && plan.Slice(o.CreatedNs) == d.Slice)
		switch {
		case !o.Open() || !resting || o.State == order.PendingCancel || o.State == order.Unknown:
		case o.State == order.New:
			c.own(o, order.Withdraw, "schedule: "+d.Reason.String())
		default:
			c.cancel(o, "schedule: "+d.Reason.String())
		}
	}
}

func (c *Core) endParent(p *Parent, why string) {
	var filled int64
	for _, id := range p.Children {
		filled += c.state.Orders[id].Cum
	}
	if err := c.record(&Record{Kind: kindParentEnd, ParentEnd: &ParentEndRecord{p.ID, why}}); err != nil {
		c.audit(0, err)
		return
	}
	delete(c.plans, p.ID)
	delete(c.wakes, p.ID)
	delete(c.counters, p.ID)
	c.cfg.Log.Info("parent ended", "parent", p.ID, "instrument_id", p.InstrumentID, "filled", filled, "qty", p.Qty, "why", why,
		jsonlog.CorrelationKey, p.Correlation)
}

// endParents ends every parent of an instrument; 0 = of all.
func (c *Core) endParents(instrument int64, why string) {
	for _, id := range append([]uint64(nil), c.state.active...) {
		if p := c.state.Parents[id]; instrument == 0 || p.InstrumentID == instrument {
			c.endParent(p, why)
		}
	}
}

// afterDecision ends a parent whose child risk has cut down: risk has the last word, and the schedule does not ask for
// the rest in other slices.
func (c *Core) afterDecision(o *order.Order) {
	p := c.state.Parents[o.Parent]
	if p == nil || p.Ended != "" || o.Decided == nil || o.Decided.Code != 2 {
		return
	}
	c.endParent(p, fmt.Sprintf("risk reduced order %d to %d of %d (%s)", o.ID, o.Decided.ApprovedQty, o.Qty, order.ReasonName(o.Decided.Reason)))
}
