package core

import (
	"context"
	"fmt"
	"log/slog"

	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

// Update changes one target of a strategy's portfolio of this session.
type Update struct {
	StrategyID  string         `json:"strategy_id"`
	Seq         uint64         `json:"seq"`
	Session     uint32         `json:"session"`
	Target      targets.Target `json:"target"`
	Correlation string         `json:"correlation"`
}

// UpdateRecord is an update that was taken, and the order that came of it.
type UpdateRecord struct {
	Update
	Order     *order.Spec        `json:"order,omitempty"`
	Parent    *ParentSpec        `json:"parent,omitempty"`
	Transfers []targets.Transfer `json:"transfers,omitempty"`
	CancelFor bool               `json:"cancel_for,omitempty"` // orders that point the other way are cancelled first
}

// UpdateAnswer is what an update is told.
type UpdateAnswer struct {
	Outcome Outcome
	Faults  []targets.Fault
	OrderID uint64
	Message string
}

func (s *State) applyUpdate(r *UpdateRecord) error {
	p, ok := s.Portfolios[r.StrategyID]
	if !ok || r.Seq <= s.Updates[r.StrategyID] {
		return fmt.Errorf("update %d of strategy %q does not follow %d", r.Seq, r.StrategyID, s.Updates[r.StrategyID])
	}
	if r.Order != nil {
		if err := s.addOrder(*r.Order); err != nil {
			return err
		}
	}
	if r.Parent != nil {
		if err := s.applyParents([]ParentSpec{*r.Parent}); err != nil {
			return err
		}
	}
	s.Updates[r.StrategyID] = r.Seq
	s.wish(p, r.Target)
	for _, t := range r.Transfers {
		s.move(t.StrategyID, t.InstrumentID, t.Qty)
	}
	delete(s.Waiting, r.Target.InstrumentID)
	delete(s.Replan, r.Target.InstrumentID)
	if r.CancelFor {
		s.Replan[r.Target.InstrumentID] = true
	}
	return nil
}

// wish puts a target into a strategy's portfolio. The first update copies what the strategy handed over, which is not the
// state's to change; those after it change the copy, so an update costs no walk with a copy of every other target.
func (s *State) wish(p targets.Portfolio, t targets.Target) {
	if s.copied[p.StrategyID] {
		s.Portfolios[p.StrategyID] = p.Set(t)
		return
	}
	s.Portfolios[p.StrategyID] = p.With(t)
	s.copied[p.StrategyID] = true
}

// UpdateTarget takes one update. The answer comes later, from the loop, in the order of the updates, once the disk has what
// it says; an error says that there will be none.
//
// Unlike SubmitTargets it asks riskd for no snapshot: the position is that of the books, which hold every fill that was
// heard, and the price is the last one that riskd told.
func (c *Core) UpdateTarget(ctx context.Context, u Update, answer func(UpdateAnswer)) error {
	call := func() {
		a := c.update(u)
		c.replies = append(c.replies, func() { answer(a) })
	}
	select {
	case c.calls <- call:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
		return ErrStopped
	}
}

func (c *Core) update(u Update) UpdateAnswer {
	last := c.state.Updates[u.StrategyID]
	if _, taken := c.state.Portfolios[u.StrategyID]; taken && u.Session == c.state.Session && u.Seq <= last {
		return UpdateAnswer{Outcome: AlreadyTaken, Message: fmt.Sprintf("update %d was taken; the last one is %d", u.Seq, last)}
	}
	ctx := c.judge(c.synced) // out of step nothing is known of the session's reference and prices
	faults := c.updateFaults(u, ctx)
	if len(faults) > 0 {
		c.metrics.RefusedRequests.Add(1)
		return UpdateAnswer{Outcome: Refused, Faults: faults, Message: refusal(faults).Message}
	}
	r, why, err := c.planUpdate(u, ctx)
	if err == nil {
		err = c.record(&Record{Kind: kindUpdate, Update: r})
	}
	if err != nil {
		c.audit(0, err)
		return UpdateAnswer{Outcome: Refused, Faults: []targets.Fault{{Code: "INTERNAL", Message: err.Error()}}}
	}
	a := UpdateAnswer{Outcome: Accepted, Message: why}
	switch {
	case r.Order != nil:
		a.OrderID = r.Order.ID
	case r.CancelFor:
		c.cancelFor([]int64{u.Target.InstrumentID})
	}
	return a
}

// updateFaults judges an update as a whole portfolio with one target would be, and its leverage with the others.
func (c *Core) updateFaults(u Update, ctx targets.Context) []targets.Fault {
	p, taken := c.state.Portfolios[u.StrategyID]
	if !taken {
		return []targets.Fault{{StrategyID: u.StrategyID, Code: targets.FaultNoPortfolio, Message: fmt.Sprintf(
			"strategy %q has no portfolio in session %d; submit one before its targets are updated", u.StrategyID, c.state.Session)}}
	}
	var faults []targets.Fault
	switch {
	case !c.synced:
		faults = []targets.Fault{{Code: targets.FaultRiskDown, Message: "the link to riskd is down or not yet in step; send the update again when GetStatus says that it is up"}}
	case !c.mayTrade():
		faults = c.gates()
	}
	if c.state.Books.Session != c.state.Session {
		faults = append(faults, targets.Fault{Code: targets.FaultNoAccount, Message: "the books of this session are not begun; submit again"})
	}
	one := targets.Portfolio{
		StrategyID: u.StrategyID, AsOfNs: p.AsOfNs, Session: u.Session, Correlation: u.Correlation, Targets: []targets.Target{u.Target},
	}
	faults = append(faults, targets.Validate([]targets.Portfolio{one}, ctx)...)
	return append(faults, targets.ValidateLeverageWith(p, u.Target, ctx)...)
}

// planUpdate nets the one instrument.
func (c *Core) planUpdate(u Update, ctx targets.Context) (*UpdateRecord, string, error) {
	id := u.Target.InstrumentID
	ps := make(map[string]targets.Portfolio, len(c.state.Portfolios))
	for s, p := range c.state.Portfolios {
		ps[s] = p.Only(id)
	}
	p := ps[u.StrategyID]
	p.Targets = []targets.Target{u.Target}
	ps[u.StrategyID] = p
	in := c.netInput(ps, ctx.Register, c.state.blockedOne(id))
	in.Positions, in.Marks = map[int64]int64{id: c.state.Books.Positions[id]}, map[int64]int64{id: c.positions[id].MarkPx}
	if w, ok := c.state.workingOf(id); ok {
		in.Working = map[int64]targets.Working{id: w}
	}
	res := targets.NetOne(in, id)
	r := &UpdateRecord{Update: u, Transfers: res.Transfers, CancelFor: len(res.CancelFor) > 0}
	why := ""
	if len(res.Skips) > 0 {
		why = res.Skips[0].Why
	}
	if len(res.Drafts) == 0 {
		return r, why, nil
	}
	d := res.Drafts[0]
	parent, err := c.parentOf(d, c.state.LastParentID+1, u.Correlation)
	if err != nil {
		return nil, "", err
	}
	if parent != nil {
		r.Parent = parent
		return r, "worked over the session: " + parent.Choice, nil
	}
	spec := c.specOf(d, c.state.LastOrderID+1, u.Correlation)
	r.Order = &spec
	c.cfg.Log.LogAttrs(context.Background(), slog.LevelInfo, "update", slog.String("strategy", u.StrategyID), slog.Uint64("seq", u.Seq),
		slog.Uint64("order_id", spec.ID), slog.Int64("instrument_id", id), slog.Int64("qty", spec.Qty), slog.String(jsonlog.CorrelationKey, u.Correlation))
	return r, why, nil
}

// workingOf is working for one instrument.
func (s *State) workingOf(instrument int64) (targets.Working, bool) {
	var ids []uint64
	for _, id := range s.active {
		if s.Parents[id].InstrumentID == instrument {
			ids = append(ids, id)
		}
	}
	w := s.workingIn(s.index.openOf[instrument], ids)[instrument]
	return w, w.ByStrategy != nil
}
