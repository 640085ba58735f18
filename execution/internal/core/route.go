package core

import (
	"errors"
	"fmt"
	"reflect"

	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/router"
)

// Routing is the experiment between the two paths to each market: what holds for its life, and how far it is.
type Routing struct {
	Config router.Config `json:"config"`
	State  router.State  `json:"state"`
}

// RouteRecord begins an experiment, assigns an order to a path before it is sent, or changes a path's state.
type RouteRecord struct {
	Begin  *router.Config     `json:"begin,omitempty"`
	Assign *router.Assignment `json:"assign,omitempty"`
	Change *router.Change     `json:"change,omitempty"`
}

func (s *State) applyRoute(r *RouteRecord) error {
	switch {
	case r.Begin != nil:
		st, err := router.NewState(*r.Begin)
		if err != nil {
			return err
		}
		s.Routing = &Routing{*r.Begin, st}
		return nil
	case s.Routing == nil:
		return errors.New("a route without an experiment")
	case r.Change != nil:
		return s.Routing.State.Change(s.Routing.Config, *r.Change)
	case r.Assign == nil:
		return errors.New("a route record that holds nothing")
	}
	o := s.Orders[r.Assign.OrderID]
	if o == nil || o.State != order.New || o.Path != 0 {
		return fmt.Errorf("order %d is assigned to path %d, and is not one that waits to be sent", r.Assign.OrderID, r.Assign.Path)
	}
	if err := s.Routing.State.Place(s.Routing.Config, *r.Assign); err != nil {
		return err
	}
	o.Path = r.Assign.Path
	s.Assigned[o.ID] = *r.Assign
	return nil
}

// beginRouting starts the session's experiment anew where its design is another than the one under way.
func (c *Core) beginRouting() {
	if c.day == nil || c.day.Router == nil {
		return
	}
	if r := c.state.Routing; r != nil && reflect.DeepEqual(r.Config, *c.day.Router) {
		return
	}
	if err := c.record(&Record{Kind: kindRoute, Route: &RouteRecord{Begin: c.day.Router}}); err != nil {
		c.audit(0, err)
	}
}

// assign gives an order its path before it is sent for the first time. False: no path to its market is up, and it waits.
// The choice depends on what is known now, and is journaled before anything of the order leaves.
func (c *Core) assign(o *order.Order) bool {
	if c.day == nil || c.day.Router == nil || c.state.Routing == nil || o.Path != 0 || o.Sends > 0 {
		return true
	}
	r, ref := c.state.Routing, c.ref.Instruments[o.InstrumentID]
	if _, two := r.State.Lines[ref.Venue]; !two {
		return true // a market with one way in
	}
	q := c.prices[o.InstrumentID]
	a, err := r.State.Assign(r.Config, router.Request{
		OrderID: o.ID, AtNs: c.clockNs, Urgent: o.ReduceOnly && o.LimitPx == 0,
		Facts: router.Facts{
			Market: ref.Venue, InstrumentID: o.InstrumentID, Qty: o.Qty, ADV: ref.ADV, NotionalMicro: notional(ref.ADV, q.Decision()),
			Bid: q.Bid, Ask: q.Ask, SinceOpenNs: c.day.Elapsed(c.clockNs),
		},
	})
	if err == nil {
		err = c.record(&Record{Kind: kindRoute, Route: &RouteRecord{Assign: &a}})
	}
	switch {
	case errors.Is(err, router.ErrNoPath):
		return false
	case err != nil:
		c.audit(o.ID, err)
		return false
	}
	c.cfg.Log.Debug("path", "order_id", o.ID, "path", a.Path, "reason", string(a.Reason), "experiment", a.Experiment, jsonlog.CorrelationKey, o.Correlation)
	return true
}

// notional is qty at px, saturated.
func notional(qty, px int64) int64 {
	if v := cost(qty, px); v.hi == 0 && v.lo < 1<<62 {
		return qty * px
	}
	return 1 << 62
}
