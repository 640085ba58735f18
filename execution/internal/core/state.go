package core

import (
	"encoding/json"
	"errors"
	"fmt"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/router"
	"dnalyaw/execution/internal/targets"
)

// State is everything omsd knows that must survive it. Only apply changes it, so that a journal rebuilds it exactly.
// Prices, positions and cash are riskd's and are not part of it.
type State struct {
	Region        string                       `json:"region"`
	Session       uint32                       `json:"session"`
	LimitsHash    uint64                       `json:"limits_hash"`
	ReferenceFile string                       `json:"reference_file"`
	LastOrderID   uint64                       `json:"last_order_id"`
	Frames        uint64                       `json:"frames"`
	Illegal       uint64                       `json:"illegal"`
	Plans         uint64                       `json:"plans"`
	Orders        map[uint64]*order.Order      `json:"orders"`
	Foreign       map[uint64]Foreign           `json:"foreign"`
	Closes        map[uint64]*order.Order      `json:"closes,omitempty"` // riskd's own orders that close positions
	LastParentID  uint64                       `json:"last_parent_id,omitempty"`
	Parents       map[uint64]*Parent           `json:"parents,omitempty"`
	Amends        map[uint64]uint64            `json:"amends,omitempty"` // modification -> order
	Portfolios    map[string]targets.Portfolio `json:"portfolios"`       // the latest of each strategy, this session's only
	Taken         map[string]map[int64]string  `json:"taken"`            // strategy -> as_of -> content
	Ledger        map[string]map[int64]int64   `json:"ledger"`           // strategy -> instrument -> shares
	Waiting       map[int64]Waiting            `json:"waiting"`          // buys without buying power while sells worked
	Replan        map[int64]bool               `json:"replan"`           // working orders are cancelled first
	Retries       map[int64]int                `json:"retries"`
	Snapshots     map[uint32]*Snapshot         `json:"snapshots"`
	Unwinds       map[string]Unwind            `json:"unwinds,omitempty"` // by strategy or #instrument
	Books         Books                        `json:"books"`
	Anchor        *audit.Anchor                `json:"anchor,omitempty"`  // how far the audit table is known to be
	Dropped       uint64                       `json:"dropped,omitempty"` // orders that ended and were forgotten at once
	Updates       map[string]uint64            `json:"updates,omitempty"` // the last update of each strategy in this session
	Routing       *Routing                     `json:"routing,omitempty"`
	Assigned      map[uint64]router.Assignment `json:"assigned,omitempty"` // by order
	active        []uint64                     // parents being worked, ascending; derived
	dropEnded     bool
	copied        map[string]bool  // strategies whose portfolio is a copy of the state's own; derived
	free          []*order.Order   // dropped, to be used again
	latest        map[string]int64 // the latest as_of taken from each strategy; derived from Taken
	index         index            // derived from Orders
	digests       digests          // derived from Orders
}

// Waiting is a buy that waits for cash.
type Waiting struct {
	Qty     int64  `json:"qty"`
	LimitPx int64  `json:"limit_px"`
	OrderID uint64 `json:"order_id"`
}

// Foreign is an order that riskd reports and this journal does not hold.
type Foreign struct {
	InstrumentID int64  `json:"instrument_id"`
	Session      uint32 `json:"session"`
	Open         bool   `json:"open"`
}

func newState() *State {
	return &State{
		Orders: map[uint64]*order.Order{}, Foreign: map[uint64]Foreign{}, Closes: map[uint64]*order.Order{}, Amends: map[uint64]uint64{}, Parents: map[uint64]*Parent{}, Portfolios: map[string]targets.Portfolio{},
		Taken: map[string]map[int64]string{}, Ledger: map[string]map[int64]int64{}, Waiting: map[int64]Waiting{},
		Replan: map[int64]bool{}, Retries: map[int64]int{}, Snapshots: map[uint32]*Snapshot{}, Unwinds: map[string]Unwind{}, Books: Books{Positions: map[int64]int64{}}, Assigned: map[uint64]router.Assignment{}, Updates: map[string]uint64{},
		index: newIndex(), digests: newDigests(), latest: map[string]int64{}, copied: map[string]bool{},
	}
}

// restoreState reads a snapshot; nil is an empty state.
func restoreState(snapshot []byte) (*State, error) {
	s := newState()
	if snapshot == nil {
		return s, nil
	}
	if err := json.Unmarshal(snapshot, s); err != nil {
		return nil, err
	}
	if err := noNull(s, newState()); err != nil {
		return nil, fmt.Errorf("the snapshot of a state: %w", err)
	}
	s.index.rebuild(s.Orders, s.Session)
	s.derive()
	for _, o := range s.Orders {
		s.digests.ended(o)
	}
	for _, id := range sortedIDs(s.Parents) {
		if s.Parents[id].Ended == "" {
			s.active = append(s.active, id)
		}
	}
	return s, nil
}

// apply makes the change of one record. An error that wraps order.ErrIllegal changed nothing; any other error means
// that the record does not belong here.
func (s *State) apply(r *Record) error {
	switch {
	case r.Session != nil:
		s.applySession(r.Session)
	case r.Plan != nil:
		return s.applyPlan(r.Plan)
	case r.Own != nil:
		return s.onOrder(r.Own.OrderID, func(o *order.Order) error { return o.Own(r.Own.Event, r.TsNs, r.Own.Why) }, func() {
			if r.Own.Event == order.Submit || r.Own.Event == order.CancelSent {
				s.Frames++
			}
			if r.Own.Event == order.Withdraw && (r.Own.Why == whyNoCash || r.Own.Why == whyAudit) {
				s.waitForCash(s.Orders[r.Own.OrderID])
			}
		})
	case r.Decision != nil:
		return s.onOrder(r.Decision.OrderID, func(o *order.Order) error { return o.Decide(r.Decision.Decision) }, func() {
			s.noteBuyingPower(r.Decision)
		})
	case r.Exec != nil:
		return s.onOrder(r.Exec.OrderID, func(o *order.Order) error { return s.take(o, &r.Exec.Report) }, nil)
	case r.Refused != nil:
		return s.onOrder(r.Refused.OrderID, func(o *order.Order) error {
			if r.Refused.Reason == order.ReasonUnknownOrder {
				return o.Own(order.Lose, r.TsNs, "riskd refused its cancel: it does not know the order")
			}
			return o.RefuseCancel(r.TsNs)
		}, nil)
	case r.Illegal != nil:
		s.Illegal++
	case r.Foreign != nil:
		s.Foreign[r.Foreign.OrderID] = Foreign{r.Foreign.InstrumentID, s.Session, r.Foreign.Open}
	case r.Close != nil:
		return s.applyClose(r.Close, r.TsNs)
	case r.Child != nil:
		return s.applyChild(r.Child)
	case r.Volume != nil:
		return s.applyVolume(r.Volume)
	case r.ParentEnd != nil:
		return s.applyParentEnd(r.ParentEnd)
	case r.Amend != nil:
		return s.applyAmend(r.Amend)
	case r.AmendRefused != nil:
		return s.applyAmendRefused(r.AmendRefused, r.TsNs)
	case r.Snapshot != nil:
		s.Snapshots[r.Snapshot.Session] = r.Snapshot
	case r.Anchor != nil:
		s.Anchor = r.Anchor
	case r.Update != nil:
		return s.applyUpdate(r.Update)
	case r.Route != nil:
		return s.applyRoute(r.Route)
	case r.Books != nil:
		s.applyBooks(r.Books, r.TsNs)
	case r.Unwind != nil:
		s.applyUnwind(r.Unwind, r.TsNs)
	case r.Operator != nil:
		clear(s.Waiting)
		clear(s.Replan)
	default:
		return fmt.Errorf("record of kind %q holds nothing", r.Kind)
	}
	return nil
}

func (s *State) applySession(r *SessionRecord) {
	another := r.Session != s.Session
	if another {
		clear(s.Portfolios)
		clear(s.copied)
		clear(s.Waiting)
		clear(s.Replan)
		clear(s.Retries)
		clear(s.Updates)
		s.forget(s.Session)
	}
	s.Region, s.Session, s.LimitsHash, s.ReferenceFile = r.Region, r.Session, r.LimitsHash, r.ReferenceFile
	s.LastOrderID = max(s.LastOrderID, r.LastOrderID)
	if another {
		s.index.rebuild(s.Orders, s.Session)
	}
}

// forget drops what had ended before the session that ends now; the journal's snapshots keep it for reports. Taken stays:
// what was taken once is never taken again.
func (s *State) forget(ending uint32) {
	for id, o := range s.Orders {
		if o.Session != ending && !o.Open() {
			s.digests.changed(o)
			delete(s.Orders, id)
			delete(s.Assigned, id)
		}
	}
	s.forgetParents(ending)
	for id, of := range s.Amends {
		if s.Orders[of] == nil {
			delete(s.Amends, id)
		}
	}
	for id, o := range s.Closes {
		if o.Session != ending {
			delete(s.Closes, id)
		}
	}
	for id, f := range s.Foreign {
		if f.Session != ending {
			delete(s.Foreign, id)
		}
	}
	for session := range s.Snapshots {
		if session != ending {
			delete(s.Snapshots, session)
		}
	}
}

func (s *State) applyPlan(p *PlanRecord) error {
	for i := range p.Orders {
		if err := s.addOrder(p.Orders[i]); err != nil {
			return err
		}
	}
	if err := s.applyParents(p.Parents); err != nil {
		return err
	}
	for _, f := range p.Portfolios {
		s.Portfolios[f.StrategyID] = f
		delete(s.copied, f.StrategyID)
		if s.Taken[f.StrategyID] == nil {
			s.Taken[f.StrategyID] = map[int64]string{}
		}
		s.Taken[f.StrategyID][f.AsOfNs] = f.ContentHash()
		s.latest[f.StrategyID] = max(s.latest[f.StrategyID], f.AsOfNs)
	}
	for _, t := range p.Transfers {
		s.move(t.StrategyID, t.InstrumentID, t.Qty)
	}
	if !p.Retry {
		// A new plan counts every instrument anew, so what waited for the plan before is part of it.
		clear(s.Waiting)
		clear(s.Replan)
	}
	for _, id := range p.For {
		delete(s.Waiting, id)
		delete(s.Replan, id)
		s.Retries[id]++
	}
	for _, id := range p.CancelFor {
		s.Replan[id] = true
	}
	s.Plans++
	return nil
}

func (s *State) addOrder(spec order.Spec) error {
	if spec.ID <= s.LastOrderID {
		return fmt.Errorf("order id %d does not follow %d", spec.ID, s.LastOrderID)
	}
	s.LastOrderID = spec.ID
	o := s.blank(spec)
	s.Orders[spec.ID] = o
	s.index.add(o, s.Session)
	return nil
}

func (s *State) move(strategy string, instrument, qty int64) {
	if qty == 0 {
		return
	}
	m := s.Ledger[strategy]
	if m == nil {
		m = map[int64]int64{}
		s.Ledger[strategy] = m
	}
	if m[instrument] += qty; m[instrument] == 0 {
		delete(m, instrument)
		if len(m) == 0 {
			delete(s.Ledger, strategy)
		}
	}
}

var errNoOrder = errors.New("no such order in the journal")

// onOrder changes an order and what hangs on it: the ledger follows the filled quantity.
func (s *State) onOrder(id uint64, change func(*order.Order) error, after func()) error {
	o := s.Orders[id]
	if o == nil {
		return fmt.Errorf("%w: %d", errNoOrder, id)
	}
	from, cum, was := placeOf(o, s.Session), o.Cum, o.State
	s.digests.changed(o)
	err := change(o)
	s.index.move(o, from, placeOf(o, s.Session))
	if err != nil {
		s.digests.ended(o)
		return err
	}
	s.attribute(o, cum)
	s.childMoved(o, was)
	if after != nil {
		after()
	}
	if !s.drop(o) {
		s.digests.ended(o)
	}
	return nil
}

// drop forgets an order that has ended where nobody will ask for it again; a parent that is worked on still counts its
// children.
func (s *State) drop(o *order.Order) bool {
	if !s.dropEnded || o.Open() {
		return false
	}
	if p := s.Parents[o.Parent]; p != nil && p.Ended == "" {
		return false
	}
	s.digests.changed(o)
	s.index.drop(o, s.Session)
	delete(s.Orders, o.ID)
	delete(s.Assigned, o.ID)
	s.Dropped++
	s.free = append(s.free, o)
	return true
}

// blank is a new order, in the memory of one that was dropped where there is one: whoever still holds that lets go of it
// before the next order is made.
func (s *State) blank(spec order.Spec) *order.Order {
	n := len(s.free)
	if n == 0 {
		return order.NewOrder(spec)
	}
	o := s.free[n-1]
	s.free = s.free[:n-1]
	o.Renew(spec)
	return o
}

// take has an order take a report, and the books follow.
func (s *State) take(o *order.Order, r *order.Report) error {
	cum, fills := o.Cum, len(o.Fills)
	if err := o.Take(*r); err != nil {
		return err
	}
	s.Books.bookFill(o, cum, fills, r)
	return nil
}

// attribute gives every strategy its part of what has filled: pro rata, whole shares, largest remainders first. It is
// a function of the cumulative quantity alone, so the order of the reports does not matter.
func (s *State) attribute(o *order.Order, before int64) {
	switch {
	case o.Cum == before:
	case len(o.Shares) == 1:
		for strategy := range o.Shares {
			s.move(strategy, o.InstrumentID, o.Side.Sign()*(o.Cum-before))
		}
	default:
		was, now := targets.ApportionShares(o.Shares, before), targets.ApportionShares(o.Shares, o.Cum)
		for strategy, q := range now {
			s.move(strategy, o.InstrumentID, o.Side.Sign()*(q-was[strategy]))
		}
	}
}

// noteBuyingPower remembers a buy that had no cash while the session's sells were bringing it.
func (s *State) noteBuyingPower(d *DecisionRecord) {
	o := s.Orders[d.OrderID]
	if d.Code != frame.DecisionReject || d.Reason != order.ReasonBuyingPower || o.Side != order.Buy || o.Session != s.Session {
		return
	}
	if s.index.totals.cashSells > 0 {
		s.waitForCash(o)
	}
}

// waitForCash has a buy planned again later. A schedule's slice is asked for again by its schedule; a leg is not bought without
// the others.
func (s *State) waitForCash(o *order.Order) {
	if o.Parent == 0 && o.Legs == 0 {
		s.Waiting[o.InstrumentID] = Waiting{Qty: o.Qty, LimitPx: o.LimitPx, OrderID: o.ID}
	}
}

// openIDs lists the open orders in the order of their ids, which is the order in which they may be sent.
func (s *State) openIDs() []uint64 {
	if len(s.index.open) == 0 {
		return nil
	}
	return sortedIDs(s.index.open)
}

// working sums what open orders may still fill, by instrument and strategy.
func (s *State) working() map[int64]targets.Working { return s.workingIn(s.openIDs(), s.active) }

// workingIn is working for some of the open orders and parents.
func (s *State) workingIn(open, parents []uint64) map[int64]targets.Working {
	out := map[int64]targets.Working{}
	for _, id := range open {
		o := s.Orders[id]
		left := o.Working()
		if p := s.Parents[o.Parent]; left == 0 || o.Session != s.Session || p != nil && p.Ended == "" {
			continue // a parent that is worked counts whole, below
		}
		w := out[o.InstrumentID]
		if w.ByStrategy == nil {
			w.ByStrategy = map[string]int64{}
		}
		whole, filled := targets.ApportionShares(o.Shares, o.Cum+left), targets.ApportionShares(o.Shares, o.Cum)
		for strategy := range o.Shares {
			w.ByStrategy[strategy] += o.Side.Sign() * (whole[strategy] - filled[strategy])
		}
		if o.Side == order.Buy {
			w.Buy += left
		} else {
			w.Sell += left
		}
		out[o.InstrumentID] = w
	}
	for _, id := range parents {
		p := s.Parents[id]
		w := out[p.InstrumentID]
		if w.ByStrategy == nil {
			w.ByStrategy = map[string]int64{}
		}
		for strategy, q := range s.left(p, false) {
			w.ByStrategy[strategy] += p.Side.Sign() * q
			if p.Side == order.Buy {
				w.Buy += q
			} else {
				w.Sell += q
			}
		}
		out[p.InstrumentID] = w
	}
	return out
}

// Why nothing is planned in an instrument.
const (
	whyUnknown = "an order of unknown fate blocks the instrument"
	whyForeign = "an order that is not in this journal blocks the instrument"
)

// blockedOne is blocked for one instrument.
func (s *State) blockedOne(id int64) map[int64]string {
	why := ""
	for _, open := range s.index.openOf[id] {
		if o := s.Orders[open]; o.State == order.Unknown && o.Session == s.Session {
			why = whyUnknown
		}
	}
	for _, f := range s.Foreign {
		if f.InstrumentID == id && f.Open && f.Session == s.Session {
			why = whyForeign
		}
	}
	for _, d := range s.Books.Differences {
		if d.InstrumentID == id && id != 0 {
			why = "not reconciled: " + d.String()
		}
	}
	if why == "" {
		return nil
	}
	return map[int64]string{id: why}
}

// blocked lists the instruments that nothing is planned in, and why.
func (s *State) blocked() map[int64]string {
	var out map[int64]string
	block := func(id int64, why string) {
		if out == nil {
			out = map[int64]string{}
		}
		out[id] = why
	}
	for id := range s.index.open {
		if o := s.Orders[id]; o.State == order.Unknown && o.Session == s.Session {
			block(o.InstrumentID, whyUnknown)
		}
	}
	for _, f := range s.Foreign {
		if f.Open && f.Session == s.Session {
			block(f.InstrumentID, whyForeign)
		}
	}
	for _, d := range s.Books.Differences {
		if d.InstrumentID != 0 {
			block(d.InstrumentID, "not reconciled: "+d.String())
		}
	}
	return out
}

// derive works out what follows from what was restored.
func (s *State) derive() {
	for strategy, m := range s.Taken {
		for asOf := range m {
			s.latest[strategy] = max(s.latest[strategy], asOf)
		}
	}
}
