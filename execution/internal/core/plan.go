package core

import (
	"context"
	"errors"
	"log/slog"
	"sort"
	"time"

	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/targets"
)

// plan nets the portfolios into orders with their ids.
func (c *Core) plan(ps map[string]targets.Portfolio, reg register.Register, only map[int64]int64, fallback string) (*PlanRecord, error) {
	if c.ref == nil {
		return nil, errors.New("no reference")
	}
	in := c.netInput(ps, reg, c.state.blocked())
	in.Working, in.Only, in.Positions, in.Marks = c.state.working(), only, c.shares, c.marks
	clear(c.shares)
	clear(c.marks)
	for id, p := range c.positions {
		c.shares[id], c.marks[id] = p.Qty, p.MarkPx
	}
	res := targets.Net(in)
	plan := &PlanRecord{
		Session: c.state.Session, Equity: c.account.Equity, Transfers: res.Transfers, Skips: res.Skips, CancelFor: res.CancelFor,
	}
	plan.Orders = make([]order.Spec, 0, len(res.Drafts))
	next := c.state.LastOrderID
	for i, d := range res.Drafts {
		parent, err := c.parentOf(d, c.state.LastParentID+uint64(len(plan.Parents))+1, correlationOf(d, ps, fallback))
		if err != nil {
			return nil, err
		}
		if parent != nil {
			plan.Parents = append(plan.Parents, *parent)
			continue
		}
		next++
		spec := c.specOf(d, next, correlationOf(d, ps, fallback))
		spec.Leg, spec.Legs = legOf(res.Drafts, i)
		plan.Orders = append(plan.Orders, spec)
		if c.journal.Keeps() { // for whoever reads the journal; the state does not need it
			quote := c.prices[d.InstrumentID]
			bid, ask := arrival(quote)
			plan.Prices = append(plan.Prices, PlanPrice{d.InstrumentID, quote.Decision(), bid, ask})
		}
	}
	return plan, nil
}

// legOf says which leg of how many the i-th draft is; the drafts of a group stand together.
func legOf(drafts []targets.Draft, i int) (leg, legs uint8) {
	g := drafts[i].Group
	if g == 0 {
		return 0, 0
	}
	for j := i; j >= 0 && drafts[j].Group == g; j-- {
		leg++
	}
	legs = leg
	for j := i + 1; j < len(drafts) && drafts[j].Group == g; j++ {
		legs++
	}
	return leg, legs
}

// netInput is what every plan depends on, without positions and working orders.
func (c *Core) netInput(ps map[string]targets.Portfolio, reg register.Register, blocked map[int64]string) targets.Input {
	in := targets.Input{
		Session: c.state.Session, Equity: c.account.Equity, Portfolios: ps, Register: reg, Ledger: c.state.Ledger,
		Market:    c.prices,
		Reference: c.ref.Instruments, Blocked: blocked, Unwound: c.state.unwound(),
	}
	if c.reduceOnly() {
		in.ReduceOnly = whyAudit
	}
	if c.day != nil {
		in.Ticks = c.day.Ticks
	}
	return in
}

// specOf makes an order of a draft.
func (c *Core) specOf(d targets.Draft, id uint64, correlation string) order.Spec {
	return order.Spec{
		ID: id, Session: c.state.Session, InstrumentID: d.InstrumentID, Side: d.Side, Qty: d.Qty, LimitPx: d.LimitPx,
		StopDistance: d.StopDistance, ReduceOnly: d.Side == order.Sell, Correlation: correlation, CreatedNs: c.clockNs,
		Shares: d.Shares, RetryOf: c.state.Waiting[d.InstrumentID].OrderID, Strategies: c.ref.Mask(d.Shares),
	}
}

// parentOf makes a parent of a draft that is large enough to be worked over time; nil = it goes at once.
func (c *Core) parentOf(d targets.Draft, id uint64, correlation string) (*ParentSpec, error) {
	if c.day == nil || d.Group != 0 {
		return nil, nil // linked orders go at once: slices of them would not be linked
	}
	ref, quote := c.ref.Instruments[d.InstrumentID], c.prices[d.InstrumentID]
	p := schedule.Parent{
		ID: id, InstrumentID: d.InstrumentID, Side: d.Side, Qty: d.Qty, Lot: ref.Lot, Ticks: targets.TicksOf(ref, c.day.Ticks),
		Closing: d.Closing, StartNs: max(c.clockNs, c.day.OpenNs), EndNs: c.day.CloseNs, Breaks: c.day.Breaks, ADV: ref.ADV,
	}
	if p.StartNs >= p.EndNs || quote.Decision() == 0 {
		return nil, nil // nothing left of the session to work it in, or a close without any price
	}
	facts := schedule.Facts{DayNs: c.day.DayNs(), Volume: c.day.Volume}
	if c.cfg.Market != nil {
		facts.Counted = c.cfg.Market.Look(d.InstrumentID).Counts
	}
	if m, err := schedule.ImpactFromMarket(quote.Decision(), max(0, quote.Ask-quote.Bid), ref.VolatilityBp, ref.ADV); err == nil {
		facts.Impact = &m
	}
	choice, err := c.day.Rule.Choose(p, facts)
	if err != nil || !choice.Large {
		return nil, err
	}
	if _, err := schedule.New(choice.Params, p); err != nil {
		return nil, err
	}
	bid, ask := arrival(quote)
	return &ParentSpec{
		Parent: p, Params: choice.Params, Choice: choice.Why, Session: c.state.Session, Shares: d.Shares, StopDistance: d.StopDistance,
		Correlation: correlation, CreatedNs: c.clockNs, DecisionPx: quote.Decision(), Bid: bid, Ask: ask, Strategies: c.ref.Mask(d.Shares),
	}, nil
}

// correlationOf is the id of the portfolio with the largest share of the order.
func correlationOf(d targets.Draft, ps map[string]targets.Portfolio, fallback string) string {
	if len(d.Shares) == 1 {
		for s, q := range d.Shares {
			if p, ok := ps[s]; ok && q > 0 {
				return p.Correlation
			}
		}
		return fallback
	}
	best, id := int64(0), fallback
	for _, s := range sortedNames(d.Shares) {
		if p, ok := ps[s]; ok && d.Shares[s] > best {
			best, id = d.Shares[s], p.Correlation
		}
	}
	return id
}

func sortedNames(m map[string]int64) []string {
	out := make([]string, 0, len(m))
	for s := range m {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}

// cancelFor takes off the working orders of instruments whose plan now points the other way.
func (c *Core) cancelFor(instruments []int64) {
	if len(instruments) == 0 {
		return
	}
	want := map[int64]bool{}
	for _, id := range instruments {
		want[id] = true
		c.endParents(id, "a newer plan points the other way")
	}
	for _, id := range c.state.openIDs() {
		o := c.state.Orders[id]
		if !want[o.InstrumentID] || o.Session != c.state.Session {
			continue
		}
		if o.State == order.New {
			c.own(o, order.Withdraw, "a newer plan points the other way")
		} else if o.State != order.PendingCancel {
			c.cancel(o, "a newer plan points the other way")
		}
	}
}

// due lists the instruments to plan again: buys that had no cash, now that sells have filled, and instruments whose
// opposing orders are gone. The value caps the quantity, 0 = no cap.
func (c *Core) due() map[int64]int64 {
	if len(c.state.Waiting) == 0 && len(c.state.Replan) == 0 {
		return nil
	}
	busy := map[int64]bool{}
	sells := 0
	for id := range c.state.index.open {
		o := c.state.Orders[id]
		if o.Session != c.state.Session {
			continue
		}
		busy[o.InstrumentID] = true
		if o.Side == order.Sell && o.State != order.Unknown {
			sells++
		}
	}
	for _, id := range c.state.active {
		p := c.state.Parents[id]
		busy[p.InstrumentID] = true
		if p.Side == order.Sell {
			sells++
		}
	}
	out := map[int64]int64{}
	for id := range c.state.Replan {
		if !busy[id] && c.state.Retries[id] < c.cfg.MaxRetries {
			out[id] = 0
		}
	}
	// A round when half of the sells that worked at the last round are done: a few slow ones starve nobody, and the
	// rounds are few.
	c.sellsAtLast = max(c.sellsAtLast, sells)
	if c.reduceOnly() {
		return out
	}
	enough := sells == 0 || 2*sells <= c.sellsAtLast
	for id, w := range c.state.Waiting {
		if c.state.Retries[id] < c.cfg.MaxRetries && !busy[id] && (enough || c.covers(w.Qty, w.LimitPx)) {
			out[id] = w.Qty
		}
	}
	return out
}

// askReplan asks riskd for a snapshot when something is due to be planned again.
func (c *Core) askReplan() {
	if c.replanAsked || !c.mayTrade() || len(c.due()) == 0 {
		return
	}
	if wait := c.retryAt.Sub(c.cfg.Now()); wait > 0 {
		c.replanAsked = true
		epoch := c.epoch
		c.after(wait, func() {
			if c.epoch == epoch && c.replanAsked {
				c.startSync(false)
			}
		})
		return
	}
	c.replanAsked = true
	c.startSync(false)
}

// replan nets what is due once more. A decision of REDUCE is never among it: risk has the last word.
func (c *Core) replan() {
	only := c.due()
	if len(only) == 0 || !c.mayTrade() {
		return
	}
	reg, err := c.cfg.Register()
	if err != nil {
		c.cfg.Log.Error("no re-plan: the register cannot be read", "error", err.Error())
		c.retryAt = c.cfg.Now().Add(time.Second)
		return
	}
	fallback := ""
	for _, s := range sortedPortfolios(c.state.Portfolios) {
		fallback = c.state.Portfolios[s].Correlation
		break
	}
	plan, err := c.plan(c.state.Portfolios, reg, only, fallback)
	if err != nil {
		c.audit(0, err)
		return
	}
	plan.Retry = true
	for id := range only {
		plan.For = append(plan.For, id)
	}
	sort.Slice(plan.For, func(i, j int) bool { return plan.For[i] < plan.For[j] })
	if err := c.record(&Record{Kind: kindPlan, Plan: plan}); err != nil {
		c.audit(0, err)
		return
	}
	c.cancelFor(plan.CancelFor)
	c.sellsAtLast = 0
	c.retryAt = c.cfg.Now().Add(c.cfg.RetryWait << min(c.retryRound, 8))
	c.retryRound++
	c.logPlan(plan)
}

func sortedPortfolios(m map[string]targets.Portfolio) []string {
	out := make([]string, 0, len(m))
	for s := range m {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}

func (c *Core) logPlan(p *PlanRecord) {
	id := ""
	if len(p.Orders) > 0 {
		id = p.Orders[0].Correlation
	} else if len(p.Portfolios) > 0 {
		id = p.Portfolios[0].Correlation
	}
	c.cfg.Log.Info("planned", "retry", p.Retry, "session", p.Session, "orders", len(p.Orders), "parents", len(p.Parents), "transfers", len(p.Transfers),
		"skipped", len(p.Skips), "cancel_first", len(p.CancelFor), "equity_micro", p.Equity, jsonlog.CorrelationKey, id)
	if !c.cfg.Log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	for _, s := range p.Skips {
		c.cfg.Log.Info("no order for an instrument", "instrument_id", s.InstrumentID, "net", s.Qty, "why", s.Why, jsonlog.CorrelationKey, id)
	}
}
