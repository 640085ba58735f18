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
	if !c.own(o, order.Submit, "") {
		return false
	}
	m := c.newOrders.next()
	*m = frame.NewOrder{
		OrderID: o.ID, InstrumentID: uint64(o.InstrumentID), Qty: o.Qty, LimitPx: o.LimitPx, StopDistance: o.StopDistance,
		Correlation: correlation(o.Correlation), Side: uint8(o.Side), Type: frame.TypeLimit, TIF: frame.TIFDay,
		Strategies: o.Strategies, Path: o.Path, Leg: o.Leg, Legs: o.Legs,
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
	if x.fresh.empty() || !c.mayTrade() || c.account.SessionState != frame.SessionOpen {
		return
	}
	for !x.fresh.empty() && x.totals.undecided < c.cfg.Window {
		legs := c.legsAtFront()
		if len(legs) == 0 || len(legs) > 1 && x.totals.undecided > 0 && x.totals.undecided+len(legs) > c.cfg.Window {
			return
		}
		switch why, wait := c.held(legs); {
		case wait:
			return
		case why != "":
			for _, o := range legs {
				if !c.own(o, order.Withdraw, why) {
					return
				}
			}
			continue
		}
		for _, o := range legs {
			if !c.submit(o) {
				return
			}
		}
	}
}

// legsAtFront is the next order to be sent with those that are decided as one with it; none when it is of an earlier session,
// which reconcile ends.
func (c *Core) legsAtFront() []*order.Order {
	fresh := c.state.index.fresh.ids()
	first := c.state.Orders[fresh[0]]
	if first.Session != c.state.Session {
		return nil
	}
	c.legs = append(c.legs[:0], first)
	for i := 1; i < len(fresh) && i < int(first.Legs); i++ {
		if o := c.state.Orders[fresh[i]]; o.Legs == first.Legs && o.ID == first.ID+uint64(i) {
			c.legs = append(c.legs, o)
		}
	}
	return c.legs
}

// held says whether orders at the front may not be sent now: they wait, or are withdrawn with the reason given. Ids rise on
// the way to riskd, so the sells that bring the cash cannot overtake a buy: one behind which sells wait is planned again later.
func (c *Core) held(legs []*order.Order) (withdraw string, wait bool) {
	first := legs[0]
	if first.Legs > 0 && (first.Leg != 1 || len(legs) != int(first.Legs)) {
		return "another leg of it is gone", false
	}
	need, buys := c.state.index.totals.reserved, false
	for _, o := range legs {
		if o.Side == order.Buy {
			need, buys = need.plus(cost(o.Qty, o.LimitPx)), true
		}
		if !c.assign(o) {
			return "", true
		}
	}
	switch {
	case !buys:
		return "", false
	case c.reduceOnly():
		return whyAudit, false
	case !need.over(c.account.Cash-c.spent) || !c.sellsComing(legs):
		return "", false
	case c.sellBehind(legs):
		return whyNoCash, false
	}
	return "", true
}

// whyNoCash is why a buy that was planned is withdrawn, to be planned again when sells have brought the cash for it.
const whyNoCash = "waits for the cash of sells that come later"

// covers says whether the cash at hand, less what buys under way may take, pays for another.
func (c *Core) covers(qty, px int64) bool {
	return !c.state.index.totals.reserved.plus(cost(qty, px)).over(c.account.Cash - c.spent)
}

// sellsComing says whether sells besides these orders are under way that may bring cash.
func (c *Core) sellsComing(besides []*order.Order) bool {
	sells := c.state.index.totals.sells
	for _, o := range besides {
		if o.Side == order.Sell {
			sells--
		}
	}
	if sells > 0 {
		return true
	}
	for _, id := range c.state.active {
		if c.state.Parents[id].Side == order.Sell {
			return true
		}
	}
	return false
}

// sellBehind says whether a sell waits to be sent behind these orders.
func (c *Core) sellBehind(legs []*order.Order) bool {
	for _, id := range c.state.index.fresh.ids()[len(legs):] {
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

// correlation is all zero for what is not 32 hex digits. It allocates nothing: every record of an order has one.
func correlation(text string) (out [16]byte) {
	var src [32]byte
	if len(text) != len(src) {
		return out
	}
	copy(src[:], text)
	if _, err := hex.Decode(out[:], src[:]); err != nil {
		return [16]byte{}
	}
	return out
}

var errLinkDown = errors.New("risk link is down")
