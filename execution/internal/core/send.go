package core

import (
	"encoding/hex"
	"errors"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
)

// reconcile compares every open order with what riskd has just told of it.
func (c *Core) reconcile() {
	for _, id := range c.state.openIDs() {
		o := c.state.Orders[id]
		current := o.Session == c.state.Session
		taken := id <= c.welcome.LastOrderID
		switch {
		case o.State == order.New:
			if !current {
				c.own(o, order.Lapse, "its session was over before it was sent")
			}
			continue // pump sends it
		case c.heard[id]:
		case taken:
			// riskd has taken the id and did not repeat the order: asking again with the same content is
			// answered with what it decided, and trades nothing.
			c.submit(o)
			c.metrics.Resends.Add(1)
		case o.Decided != nil || o.Cum > 0:
			c.own(o, order.Lose, "riskd decided it once and no longer knows its id")
			c.logOrder(o, "order's fate is unknown")
		case current && o.State == order.Submitted:
			if c.refErr == nil {
				c.submit(o)
				c.metrics.Resends.Add(1)
			}
		case o.State == order.Submitted || o.State == order.PendingCancel || o.State == order.Unknown && !current:
			c.own(o, order.Lapse, "riskd never took it")
		}
		switch o.State {
		case order.PendingCancel:
			c.cancel(o, o.WhyState)
		case order.PendingReplace:
			// The same content again: riskd repeats what came of it, or takes it now.
			c.sendAmendment(o)
		}
	}
}

// submit records that the order leaves, and sends it. The same id always carries the same content.
func (c *Core) submit(o *order.Order) bool {
	if !c.assign(o) || !c.own(o, order.Submit, "") {
		return false
	}
	m := &frame.NewOrder{
		OrderID: o.ID, InstrumentID: uint64(o.InstrumentID), Qty: o.Qty, LimitPx: o.LimitPx, StopDistance: o.StopDistance,
		Correlation: correlation(o.Correlation), Side: uint8(o.Side), Type: frame.TypeLimit, TIF: frame.TIFDay,
		Strategies: o.Strategies, Path: o.Path,
	}
	if o.LimitPx == 0 {
		m.Type = frame.TypeMarket
	}
	if o.ReduceOnly {
		m.Flags |= frame.FlagReduceOnly
	}
	c.send(m)
	return true
}

// cancel records that a cancel leaves, and sends it.
func (c *Core) cancel(o *order.Order, why string) bool {
	if !c.own(o, order.CancelSent, why) {
		return false
	}
	c.send(&frame.Cancel{OrderID: o.ID, Correlation: correlation(o.Correlation)})
	return true
}

// pump sends planned orders in the order of their ids: sells, then the buys that the cash at hand covers. Buys that it
// does not cover wait for the sells that bring it; when no sell works any more they go too, and riskd decides. Nothing
// is sent while nothing new may be traded, so a break or a venue that is down burns no order.
func (c *Core) pump() {
	x := &c.state.index
	if len(x.fresh) == 0 || !c.mayTrade() || c.account.SessionState != frame.SessionOpen {
		return
	}
	for len(x.fresh) > 0 && x.totals.undecided < c.cfg.Window {
		o := c.state.Orders[x.fresh[0]]
		if o.Session != c.state.Session {
			return // reconcile ends those of an earlier session
		}
		if o.Side == order.Buy && c.reduceOnly() {
			if !c.own(o, order.Withdraw, whyAudit) {
				return
			}
			continue
		}
		if o.Side == order.Buy && !c.covers(o.Qty, o.LimitPx) && c.sellsComing() {
			if !c.sellBehind() {
				return
			}
			// Ids rise on the way to riskd, so the sells that bring the cash cannot overtake: the buy is planned again later.
			if !c.own(o, order.Withdraw, whyNoCash) {
				return
			}
			continue
		}
		if !c.submit(o) {
			return
		}
	}
}

// whyNoCash is why a buy that was planned is withdrawn, to be planned again when sells have brought the cash for it.
const whyNoCash = "waits for the cash of sells that come later"

// covers says whether the cash at hand, less what buys under way may take, pays for another.
func (c *Core) covers(qty, px int64) bool {
	return !c.state.index.totals.reserved.plus(cost(qty, px)).over(c.account.Cash - c.spent)
}

// sellsComing says whether sells are under way that may bring cash.
func (c *Core) sellsComing() bool {
	if c.state.index.totals.sells > 0 {
		return true
	}
	for _, id := range c.state.active {
		if c.state.Parents[id].Side == order.Sell {
			return true
		}
	}
	return false
}

// sellBehind says whether a sell waits behind the buys that are not sent yet.
func (c *Core) sellBehind() bool {
	for _, id := range c.state.index.fresh {
		if c.state.Orders[id].Side == order.Sell {
			return true
		}
	}
	return false
}

func (c *Core) refInstrument(id int64) (reference.Instrument, bool) {
	if c.ref == nil {
		return reference.Instrument{}, false
	}
	in, ok := c.ref.Instruments[id]
	return in, ok
}

func correlation(text string) (out [16]byte) {
	b, err := hex.DecodeString(text)
	if err == nil {
		copy(out[:], b)
	}
	return out
}

var errLinkDown = errors.New("risk link is down")
