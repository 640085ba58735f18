package core

import (
	"fmt"
	"slices"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/targets"
)

// ParentSpec is a large order as planned: worked over time by a schedule, as child orders. It never changes. What is
// small goes as one order and has no parent.
type ParentSpec struct {
	schedule.Parent
	Params       schedule.Params  `json:"params"`
	Choice       string           `json:"choice"` // why it is scheduled, and how
	Session      uint32           `json:"session"`
	Shares       map[string]int64 `json:"shares"` // strategy -> its part of Qty; they sum to Qty
	StopDistance int64            `json:"stop_distance,omitempty"`
	Correlation  string           `json:"correlation"`
	CreatedNs    int64            `json:"created_ns"`
	DecisionPx   int64            `json:"decision_px"` // the price that the plan was counted at
	Bid          int64            `json:"bid"`         // the market when it was planned
	Ask          int64            `json:"ask"`
	Strategies   uint64           `json:"strategies,omitempty"`
}

// Parent is a scheduled order and its children.
type Parent struct {
	ParentSpec
	Children []uint64 `json:"children,omitempty"` // ascending
	Refusals int      `json:"refusals,omitempty"` // children refused in a row
	Volume   *Volume  `json:"volume,omitempty"`   // what a schedule that follows the volume was last told
	Ended    string   `json:"ended,omitempty"`    // why no further child is sent; empty = it is being worked
}

// ChildRecord is a slice of a parent that becomes an order.
type ChildRecord struct {
	Order order.Spec `json:"order"`
}

// ParentEndRecord ends a parent: what works is left to end, nothing more is sent.
type ParentEndRecord struct {
	ID  uint64 `json:"id"`
	Why string `json:"why"`
}

func errNotWorked(id uint64) error { return fmt.Errorf("parent %d is not being worked", id) }

func (s *State) applyParents(specs []ParentSpec) error {
	for _, spec := range specs {
		if spec.ID <= s.LastParentID {
			return fmt.Errorf("parent id %d does not follow %d", spec.ID, s.LastParentID)
		}
		s.LastParentID = spec.ID
		s.Parents[spec.ID] = &Parent{ParentSpec: spec}
		s.active = insert(s.active, spec.ID)
	}
	return nil
}

func (s *State) applyChild(r *ChildRecord) error {
	p := s.Parents[r.Order.Parent]
	if p == nil || p.Ended != "" {
		return fmt.Errorf("order %d is a child of parent %d, which is not being worked", r.Order.ID, r.Order.Parent)
	}
	if err := s.addOrder(r.Order); err != nil {
		return err
	}
	p.Children = append(p.Children, r.Order.ID)
	return nil
}

func (s *State) applyParentEnd(r *ParentEndRecord) error {
	p := s.Parents[r.ID]
	if p == nil || p.Ended != "" {
		return errNotWorked(r.ID)
	}
	p.Ended = r.Why
	s.active = remove(s.active, r.ID)
	for _, id := range p.Children {
		if o := s.Orders[id]; o != nil {
			s.drop(o)
		}
	}
	return nil
}

// stale says that riskd would not have an order because its price of the instrument is too old, as at the end of a break:
// the clock says that the market trades, and its first quote has not come.
func stale(o *order.Order) bool {
	return o.State == order.Denied && o.Decided != nil && o.Decided.Reason == order.ReasonStalePrice
}

// staleAt is when the parent's last child was made, where riskd denied it for a stale price; otherwise 0. What is asked
// again before a newer price comes is denied again.
func (s *State) staleAt(p *Parent) int64 {
	if len(p.Children) == 0 {
		return 0
	}
	o := s.Orders[p.Children[len(p.Children)-1]]
	if o == nil || !stale(o) {
		return 0
	}
	return o.CreatedNs
}

// childMoved counts refusals: a child that ends with nothing filled because riskd or the venue would not have it. A stale
// price is the market's, and no refusal: the child goes when there is a newer one.
func (s *State) childMoved(o *order.Order, from order.State) {
	p := s.Parents[o.Parent]
	if p == nil || from == o.State {
		return
	}
	switch {
	case stale(o):
	case o.Cum == 0 && (o.State == order.Denied || o.State == order.Rejected):
		p.Refusals++
	case o.State == order.Acknowledged || o.State == order.PartiallyFilled || o.State == order.Filled:
		p.Refusals = 0
	}
}

// progress is what became of a parent's children.
func (s *State) progress(p *Parent, plan *schedule.Plan, nowNs int64) schedule.Progress {
	children := make([]schedule.Child, 0, len(p.Children))
	for _, id := range p.Children {
		o := s.Orders[id]
		children = append(children, schedule.Child{
			SentNs: o.CreatedNs, Filled: o.Cum, Open: o.Working(), LimitPx: o.Limit(), Style: schedule.Style(o.Style),
		})
	}
	return plan.Progress(nowNs, children, p.Refusals)
}

// left is what each strategy still has to get of a parent: its part less what its children have filled, and less what
// they may still fill where that counts.
func (s *State) left(p *Parent, lessWorking bool) map[string]int64 {
	out := make(map[string]int64, len(p.Shares))
	for strategy, q := range p.Shares {
		out[strategy] = q
	}
	for _, id := range p.Children {
		o := s.Orders[id]
		gone := o.Cum
		if lessWorking {
			gone += o.Working()
		}
		for strategy, q := range targets.ApportionShares(o.Shares, gone) {
			out[strategy] = max(0, out[strategy]-q)
		}
	}
	return out
}

// forgetParents drops the parents of sessions that are over with their children.
func (s *State) forgetParents(ending uint32) {
	for id, p := range s.Parents {
		if p.Session != ending {
			delete(s.Parents, id)
		}
	}
	s.active = slices.DeleteFunc(s.active, func(id uint64) bool {
		p := s.Parents[id]
		if p != nil {
			p.Ended = "its session is over"
		}
		return true
	})
}
