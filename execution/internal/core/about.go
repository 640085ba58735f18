package core

// About is what a record is about, for one who reads records one by one, as the audit table does. The state machine has no
// use for it: it knows its orders.
type About struct {
	OrderID      uint64 `json:"order_id,omitempty"`      // 0 = about no single order
	InstrumentID int64  `json:"instrument_id,omitempty"` // 0 = about no single instrument
	Correlation  string `json:"correlation,omitempty"`   // of the hand-off that it came of; empty = of none, or of several
}

// about looks up what a record is about, before it is applied.
func (c *Core) about(r *Record) About {
	switch {
	case r.Own != nil:
		return c.aboutOrder(r.Own.OrderID)
	case r.Decision != nil:
		return c.aboutOrder(r.Decision.OrderID)
	case r.Exec != nil:
		return c.aboutOrder(r.Exec.OrderID)
	case r.Refused != nil:
		return c.aboutOrder(r.Refused.OrderID)
	case r.Illegal != nil:
		return c.aboutOrder(r.Illegal.OrderID)
	case r.Amend != nil:
		return c.aboutOrder(r.Amend.OrderID)
	case r.AmendRefused != nil:
		return c.aboutOrder(c.state.Amends[r.AmendRefused.ID])
	case r.Route != nil && r.Route.Assign != nil:
		return c.aboutOrder(r.Route.Assign.OrderID)
	case r.Child != nil:
		o := &r.Child.Order
		return About{o.ID, o.InstrumentID, o.Correlation}
	case r.ParentEnd != nil:
		if p := c.state.Parents[r.ParentEnd.ID]; p != nil {
			return About{InstrumentID: p.InstrumentID, Correlation: p.Correlation}
		}
	case r.Close != nil:
		a := About{r.Close.OrderID, r.Close.InstrumentID, r.Close.Correlation}
		if o := c.state.Closes[r.Close.OrderID]; o != nil && a.Correlation == "" {
			a.Correlation = o.Correlation
		}
		return a
	case r.Update != nil:
		a := About{InstrumentID: r.Update.Target.InstrumentID, Correlation: r.Update.Correlation}
		if r.Update.Order != nil {
			a.OrderID = r.Update.Order.ID
		}
		return a
	case r.Plan != nil:
		return About{Correlation: r.Plan.correlation()}
	}
	return About{}
}

func (c *Core) aboutOrder(id uint64) About {
	if o := c.state.Orders[id]; o != nil {
		return About{id, o.InstrumentID, o.Correlation}
	}
	return About{OrderID: id}
}

// correlation is the hand-off's that the plan came of; empty where there are several: then each order names its own.
func (p *PlanRecord) correlation() string {
	one, several := "", false
	see := func(id string) {
		several = several || one != "" && id != one
		one = id
	}
	for i := range p.Portfolios {
		see(p.Portfolios[i].Correlation)
	}
	for i := range p.Orders {
		see(p.Orders[i].Correlation)
	}
	for i := range p.Parents {
		see(p.Parents[i].Correlation)
	}
	if several {
		return ""
	}
	return one
}
