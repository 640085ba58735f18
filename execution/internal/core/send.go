package core

import (
	"encoding/hex"
	"errors"
	"math/big"
	"sort"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
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
		if o.State == order.PendingCancel {
			c.cancel(o, o.WhyState)
		}
	}
}

// submit records that the order leaves, and sends it. The same id always carries the same content.
func (c *Core) submit(o *order.Order) {
	if !c.own(o, order.Submit, "") {
		return
	}
	m := &frame.NewOrder{
		OrderID: o.ID, InstrumentID: uint64(o.InstrumentID), Qty: o.Qty, LimitPx: o.LimitPx, StopDistance: o.StopDistance,
		Correlation: correlation(o.Correlation), Side: uint8(o.Side), Type: frame.TypeLimit, TIF: frame.TIFDay,
		Strategies: o.Strategies,
	}
	if o.LimitPx == 0 {
		m.Type = frame.TypeMarket
	}
	if o.ReduceOnly {
		m.Flags |= frame.FlagReduceOnly
	}
	c.send(m)
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
	if !c.synced || len(c.state.open) == 0 || len(c.gates()) > 0 || c.account.SessionState != frame.SessionOpen {
		return
	}
	waiting, sells := 0, 0
	reserved := new(big.Int)
	var fresh []uint64
	for id := range c.state.open {
		o := c.state.Orders[id]
		if o.Session != c.state.Session {
			continue
		}
		switch {
		case o.State == order.New:
			fresh = append(fresh, id)
		case o.State == order.Submitted:
			waiting++
		}
		switch {
		case o.Side == order.Sell && o.State != order.Unknown:
			sells++
		case o.Side == order.Buy && o.State != order.New:
			reserved.Add(reserved, cost(o.Working(), o.LimitPx))
		}
	}
	sort.Slice(fresh, func(i, j int) bool { return fresh[i] < fresh[j] })
	cash := big.NewInt(c.account.Cash - c.spent)
	for _, id := range fresh {
		o := c.state.Orders[id]
		if waiting >= c.cfg.Window {
			return
		}
		if o.Side == order.Buy && sells > 0 {
			if reserved.Add(reserved, cost(o.Qty, o.LimitPx)).Cmp(cash) > 0 {
				return
			}
		}
		c.submit(o)
		waiting++
	}
}

// cost is what a buy may take from the cash: its notional at the limit and 1% for fees. It only decides when an order
// is sent; whether the cash is enough is riskd's decision.
func cost(qty, px int64) *big.Int {
	v := new(big.Int).Mul(big.NewInt(qty), big.NewInt(px))
	return v.Mul(v, big.NewInt(101)).Quo(v, big.NewInt(100))
}

func correlation(text string) (out [16]byte) {
	b, err := hex.DecodeString(text)
	if err == nil {
		copy(out[:], b)
	}
	return out
}

var errLinkDown = errors.New("risk link is down")
