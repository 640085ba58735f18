package core

import (
	"errors"
	"fmt"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
)

// AmendRecord is a modification that leaves: another total and limit for a working order.
type AmendRecord struct {
	OrderID uint64 `json:"order_id"`
	order.Amendment
	Why string `json:"why,omitempty"`
}

// AmendRefusedRecord is riskd's or the venue's refusal of a modification; the order stands as it was.
type AmendRefusedRecord struct {
	ID     uint64 `json:"id"`
	Reason uint16 `json:"reason"`
}

func (s *State) applyAmend(r *AmendRecord) error {
	if r.ID <= s.LastOrderID {
		return fmt.Errorf("modification id %d does not follow %d", r.ID, s.LastOrderID)
	}
	// The id is used up also when the order's state refuses the modification.
	s.LastOrderID = r.ID
	return s.onOrder(r.OrderID, func(o *order.Order) error { return o.Amend(r.Amendment) }, func() {
		s.Amends[r.ID] = r.OrderID
		s.Frames++
	})
}

func (s *State) applyAmendRefused(r *AmendRefusedRecord, tsNs int64) error {
	return s.onOrder(s.Amends[r.ID], func(o *order.Order) error { return o.RefuseAmend(r.ID, tsNs) }, nil)
}

// amend gives a working order another total and limit. False means that it is not the moment: the order does not work,
// or another modification is under way.
func (c *Core) amend(o *order.Order, qty, limitPx int64, why string) bool {
	switch {
	case !c.mayTrade():
		return false
	case o.State != order.Acknowledged && o.State != order.PartiallyFilled:
		return false
	case qty <= o.Cum || qty == o.Target() && limitPx == o.Limit():
		return false
	}
	r := &AmendRecord{OrderID: o.ID, Amendment: order.Amendment{ID: c.state.LastOrderID + 1, Qty: qty, LimitPx: limitPx}, Why: why}
	if err := c.record(&Record{Kind: kindAmend, Amend: r}); err != nil {
		c.audit(o.ID, err)
		return false
	}
	c.sendAmendment(o)
	return true
}

// sendAmendment sends the modification under way, the first time or again with the same id and content.
func (c *Core) sendAmendment(o *order.Order) {
	c.send(&frame.Replace{
		OrderID: o.Asked.ID, OriginalID: o.ID, Qty: o.Asked.Qty, LimitPx: o.Asked.LimitPx, StopDistance: o.StopDistance,
		Correlation: correlation(o.Correlation),
	})
}

// onAmendDecision takes riskd's decision on a modification: an accepted one is told by EXEC replaced once the venue has
// it, with the total that riskd left of it.
func (c *Core) onAmendDecision(original uint64, m *frame.Decision) {
	o := c.state.Orders[original]
	c.hear(original)
	c.cfg.Log.Info("modification decided", "order_id", original, "modification", m.OrderID, "decision", decisionName(m.Decision),
		"reason", order.ReasonName(m.Reason), "qty", m.ApprovedQty, jsonlog.CorrelationKey, o.Correlation)
	if m.Decision == frame.DecisionReject || m.Decision == frame.DecisionFlatten {
		c.refuseAmend(o, m.OrderID, m.Reason)
	}
}

func (c *Core) refuseAmend(o *order.Order, id uint64, reason uint16) {
	if o.Asked == nil || o.Asked.ID != id {
		c.metrics.Duplicates.Add(1) // told before
		return
	}
	err := c.record(&Record{Kind: kindAmendRefused, AmendRefused: &AmendRefusedRecord{id, reason}})
	if err != nil {
		c.audit(o.ID, err)
	}
}

// amended is the order that a modification is of; nil when the id is not a modification's.
func (c *Core) amended(id uint64) *order.Order { return c.state.Orders[c.state.Amends[id]] }

// errNotWorking is told to whoever wants to change an order that cannot be changed now.
var errNotWorking = errors.New("the order is not working, or a modification of it is under way")
