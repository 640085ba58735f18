package core

import (
	"context"
	"time"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/targets"
)

// Observer is told what happens in the loop, for metrics. It is called from the loop's goroutine, after the state has
// changed and before the journal has the change: an observer must not block, and neither change nor keep what it is
// given. What a restart replays is not told: an observer counts from the start of the process.
type Observer interface {
	Reference(ref *reference.Reference)         // riskd was met with this reference
	Planned(o *order.Order)                     // a new order is in the plan
	Submitted(o *order.Order)                   // it leaves at the end of this turn; Sends says the how-many-th time
	Decided(o *order.Order)                     // riskd's decision was taken
	Reported(o *order.Order, r *order.Report)   // a report of the venue was taken
	Reached(o *order.Order, from order.State)   // its state changed
	Refused(faults []targets.Fault)             // a submission was refused
	Committed(block uint64, took time.Duration) // the journal's block was written
	Durable(blocks uint64)                      // so many blocks are known to be on the disk
	Turned(took time.Duration, events int)      // the loop turned once
}

// watched is the order that a record changes, and the state it is in before.
func (c *Core) watched(r *Record) (*order.Order, order.State) {
	if c.cfg.Observer == nil {
		return nil, 0
	}
	var id uint64
	switch {
	case r.Own != nil:
		id = r.Own.OrderID
	case r.Decision != nil:
		id = r.Decision.OrderID
	case r.Exec != nil:
		id = r.Exec.OrderID
	case r.Refused != nil:
		id = r.Refused.OrderID
	case r.Amend != nil:
		id = r.Amend.OrderID
	case r.AmendRefused != nil:
		id = c.state.Amends[r.AmendRefused.ID]
	}
	if o := c.state.Orders[id]; o != nil {
		return o, o.State
	}
	return nil, 0
}

// observe tells what an applied record did.
func (c *Core) observe(r *Record, o *order.Order, from order.State) {
	w := c.cfg.Observer
	if w == nil {
		return
	}
	switch {
	case r.Plan != nil:
		for i := range r.Plan.Orders {
			w.Planned(c.state.Orders[r.Plan.Orders[i].ID])
		}
	case r.Child != nil:
		w.Planned(c.state.Orders[r.Child.Order.ID])
	case r.Update != nil && r.Update.Order != nil:
		w.Planned(c.state.Orders[r.Update.Order.ID])
	case o == nil:
		return
	case r.Own != nil && r.Own.Event == order.Submit:
		w.Submitted(o)
	case r.Decision != nil:
		w.Decided(o)
	case r.Exec != nil:
		w.Reported(o, &r.Exec.Report)
	}
	if o != nil && o.State != from {
		w.Reached(o, from)
	}
}

// Overview is what gauges and readiness show. Money is in millionths of the currency unit.
type Overview struct {
	LinkUp       bool   // a connection to riskd stands
	Synced       bool   // and its first snapshot was taken
	Reference    string // why the reference does not fit, empty = it does
	AccountKnown bool   // riskd has sent an account with positive equity
	VenueUp      bool
	TradingState string
	SessionState string

	Open        map[order.State]int // open orders
	Worked      int                 // parents that are worked
	Differences int                 // between books and venue, not accepted

	Equity, Baseline, Cash int64
	DrawdownBp             int64
	Positions              int     // instruments held
	Long, Short            float64 // market value in currency units, both without a sign

	Lag, MaxLag time.Duration // the journal's disk
}

// Unknown is how many open orders nobody knows the fate of.
func (v Overview) Unknown() int { return v.Open[order.Unknown] }

// Overview reads it in the loop. Unlike Status it does not wait for the disk: it must answer while the disk is behind.
func (c *Core) Overview(ctx context.Context) (Overview, error) {
	var v Overview
	err := c.ask(ctx, func() { v = c.overview() })
	return v, err
}

// Ping returns once the loop has turned.
func (c *Core) Ping(ctx context.Context) error { return c.ask(ctx, func() {}) }

// ask runs f in the loop and waits for that alone, not for the disk.
func (c *Core) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	return c.await(ctx, func() { f(); close(done) }, done)
}

func (c *Core) overview() Overview {
	v := Overview{
		LinkUp: c.epoch != 0, Synced: c.synced, Worked: len(c.state.active), Differences: len(c.state.Books.Differences),
		TradingState: "UNKNOWN", SessionState: "UNKNOWN", Open: map[order.State]int{},
		Lag: c.journal.Lag(c.cfg.Now()), MaxLag: c.cfg.MaxLag,
	}
	if c.refErr != nil {
		v.Reference = c.refErr.Error()
	}
	for id := range c.state.index.open {
		v.Open[c.state.Orders[id].State]++
	}
	if c.epoch == 0 || !c.accountOK {
		return v
	}
	v.AccountKnown, v.VenueUp = c.account.Equity > 0, c.account.VenueUp == 1
	v.TradingState, v.SessionState = tradingName(c.account.TradingState), sessionName(c.account.SessionState)
	v.Equity, v.Baseline, v.Cash, v.DrawdownBp = c.account.Equity, c.account.Baseline, c.account.Cash, int64(c.account.DrawdownBp)
	for id, p := range c.positions {
		px := c.prices[id].Decision()
		if px == 0 {
			px = p.MarkPx
		}
		switch value := float64(p.Qty) * float64(px) / 1e6; {
		case p.Qty > 0:
			v.Long += value
			v.Positions++
		case p.Qty < 0:
			v.Short -= value
			v.Positions++
		}
	}
	return v
}
