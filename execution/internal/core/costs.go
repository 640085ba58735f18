package core

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/router"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/targets"
	"dnalyaw/execution/internal/tca"
)

// Costs is what a journal says of a session's orders, for the cost analysis. A parent's quotes are those that omsd knew of
// riskd: at the plan, at each decision, at each report.
type Costs struct {
	Region   string
	Parents  []tca.Parent // scheduled ones first, each by id
	Assigned map[uint64]router.Assignment
	Design   *router.Config // of the experiment, nil = there is none
}

// Hours bound a session, nanoseconds since the epoch.
type Hours struct {
	OpenNs, CloseNs int64
	Breaks          [][2]int64
}

// ReadCosts reads a session's orders out of a journal, beside its owner, and changes nothing. ErrNoSession says that the
// journal has none of it.
func ReadCosts(dir string, session uint32, hours Hours) (Costs, error) {
	st, segments, chain, err := before(dir, session)
	if err != nil {
		return Costs{}, err
	}
	w := witness{session: session, orders: map[uint64]*seen{}, ended: map[uint64]int64{}}
	for _, n := range segments {
		path := filepath.Join(dir, fmt.Sprintf("%06d.log", n))
		data, err := os.ReadFile(path)
		if err != nil {
			return Costs{}, err
		}
		scan, err := journal.Scan(chain, data)
		if err != nil {
			return Costs{}, fmt.Errorf("%s: %w", path, err)
		}
		chain = scan.Chain
		over, err := w.watch(st, scan.Records)
		if err != nil {
			return Costs{}, fmt.Errorf("%s: %w", path, err)
		}
		if over {
			break
		}
	}
	if st.Session != session {
		return Costs{}, fmt.Errorf("%w: %d", ErrNoSession, session)
	}
	return w.costs(st, hours), nil
}

// before is the state with which a session's segments begin.
func before(dir string, session uint32) (*State, []int, journal.Hash, error) {
	segments, snapshots, err := journal.Segments(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(segments) == 0 {
		return nil, nil, journal.Hash{}, fmt.Errorf("%w: %s has no journal", ErrNoSession, dir)
	}
	if err != nil {
		return nil, nil, journal.Hash{}, err
	}
	for _, n := range slices.Backward(snapshots) {
		snap, err := journal.ReadSnapshot(dir, n)
		if err != nil {
			return nil, nil, journal.Hash{}, err
		}
		st, err := restoreState(snap.State)
		if err != nil {
			return nil, nil, journal.Hash{}, fmt.Errorf("the snapshot before segment %d: %w", n, err)
		}
		if st.Session < session {
			return st, from(segments, n), snap.Chain, nil
		}
	}
	return newState(), segments, journal.Hash{}, nil
}

func from(segments []int, first int) []int {
	i, _ := slices.BinarySearch(segments, first)
	return segments[i:]
}

// seen is what the records say of an order's life and its state does not keep.
type seen struct {
	sentNs, ackNs int64
	planned       PlanPrice
}

// witness goes through a session's records.
type witness struct {
	session uint32
	orders  map[uint64]*seen
	ended   map[uint64]int64 // parents
}

// watch applies records and notes their times; true when another session begins after the one looked for.
func (w *witness) watch(st *State, records [][]byte) (over bool, err error) {
	for i, b := range records {
		r, err := decodeRecord(b)
		if err == nil {
			if r.Session != nil && st.Session == w.session && r.Session.Session != w.session {
				return true, nil
			}
			err = st.apply(r)
		}
		if err != nil {
			if errors.Is(err, order.ErrIllegal) {
				continue
			}
			return false, fmt.Errorf("%w: record %d: %w", journal.ErrBroken, i+1, err)
		}
		w.note(r)
	}
	return false, nil
}

func (w *witness) of(id uint64) *seen {
	if w.orders[id] == nil {
		w.orders[id] = &seen{}
	}
	return w.orders[id]
}

func (w *witness) note(r *Record) {
	switch {
	case r.Plan != nil:
		for _, spec := range r.Plan.Orders {
			i := slices.IndexFunc(r.Plan.Prices, func(p PlanPrice) bool { return p.InstrumentID == spec.InstrumentID })
			if i >= 0 {
				w.of(spec.ID).planned = r.Plan.Prices[i]
			}
		}
	case r.Own != nil && r.Own.Event == order.Submit:
		if s := w.of(r.Own.OrderID); s.sentNs == 0 {
			s.sentNs = r.TsNs
		}
	case r.Exec != nil && r.Exec.Type <= 2:
		if s := w.of(r.Exec.OrderID); s.ackNs == 0 {
			s.ackNs = r.Exec.TsNs
		}
	case r.ParentEnd != nil:
		w.ended[r.ParentEnd.ID] = r.TsNs
	}
}

func (w *witness) costs(st *State, hours Hours) Costs {
	out := Costs{Region: st.Region, Assigned: st.Assigned}
	if st.Routing != nil {
		out.Design = &st.Routing.Config
	}
	for _, id := range sortedIDs(st.Parents) {
		if p := st.Parents[id]; p.Session == w.session {
			out.Parents = append(out.Parents, w.scheduled(st, p, hours))
		}
	}
	chains := map[uint64][]*order.Order{} // by the first of orders that were planned again
	root := map[uint64]uint64{}
	for _, id := range st.index.sessions[w.session] {
		o := st.Orders[id]
		if o == nil || o.Parent != 0 {
			continue
		}
		first := id
		if of, ok := root[o.RetryOf]; ok && st.Orders[of].Side == o.Side && st.Orders[of].InstrumentID == o.InstrumentID {
			first = of
		}
		root[id] = first
		chains[first] = append(chains[first], o)
	}
	for _, id := range slices.Sorted(maps.Keys(chains)) {
		out.Parents = append(out.Parents, w.atOnce(st, chains[id], hours))
	}
	return out
}

// scheduled is a parent that was worked over time.
func (w *witness) scheduled(st *State, p *Parent, hours Hours) tca.Parent {
	out := tca.Parent{
		ID: p.ID, Scheduled: true, Session: p.Session, Correlation: p.Correlation, InstrumentID: p.InstrumentID, Algorithm: p.Params.Algorithm.String(),
		Side: p.Side, Qty: p.Qty, DecisionNs: p.CreatedNs, DecisionPx: p.DecisionPx, ArrivalNs: max(p.StartNs, p.CreatedNs),
		Arrival: tca.Quote{TsNs: p.CreatedNs, Bid: p.Bid, Ask: p.Ask}, Breaks: hours.Breaks, Shares: held(p.Shares, p.Qty),
	}
	for _, id := range p.Children {
		out.Children = w.child(out.Children, st, st.Orders[id], hours)
	}
	out.EndNs = max(out.ArrivalNs, w.ended[p.ID])
	return ended(out)
}

// atOnce is an order that went whole, with those that took its place because its cash was still to come.
func (w *witness) atOnce(st *State, chain []*order.Order, hours Hours) tca.Parent {
	o := chain[0]
	s := w.of(o.ID)
	out := tca.Parent{
		ID: o.ID, Session: o.Session, Correlation: o.Correlation, InstrumentID: o.InstrumentID, Algorithm: schedule.Immediate.String(), Side: o.Side,
		Qty: o.Qty, DecisionNs: o.CreatedNs, DecisionPx: s.planned.Px, ArrivalNs: max(o.CreatedNs, hours.OpenNs),
		Arrival: tca.Quote{TsNs: o.CreatedNs, Bid: s.planned.Bid, Ask: s.planned.Ask}, Breaks: hours.Breaks,
	}
	if out.DecisionPx == 0 && o.Decided != nil {
		out.DecisionPx = o.Decided.ReferencePx
	}
	for _, one := range chain {
		out.Qty = max(out.Qty, one.Target())
		out.Children = w.child(out.Children, st, one, hours)
	}
	out.Shares = held(o.Shares, out.Qty)
	out.EndNs = max(out.ArrivalNs, chain[len(chain)-1].LastNs)
	return ended(out)
}

// held are shares without empty parts, scaled where an order was given another total.
func held(shares map[string]int64, qty int64) map[string]int64 {
	out := targets.ApportionShares(shares, qty)
	maps.DeleteFunc(out, func(_ string, n int64) bool { return n == 0 })
	if len(out) == 0 {
		out = map[string]int64{targets.Unattributed: qty}
	}
	return out
}

func ended(p tca.Parent) tca.Parent {
	for _, c := range p.Children {
		p.EndNs = max(p.EndNs, c.DoneNs)
	}
	return p
}

// child adds an order that riskd let go to the venue.
func (w *witness) child(all []tca.Child, st *State, o *order.Order, hours Hours) []tca.Child {
	s := w.of(o.ID)
	if o.Decided == nil || o.Decided.Code != 1 && o.Decided.Code != 2 || s.sentNs == 0 {
		return all
	}
	c := tca.Child{
		ID: o.ID, Path: o.Path, Style: schedule.Style(o.Style).String(), Qty: max(o.Target(), o.Cum), LimitPx: o.Limit(), SentNs: s.sentNs,
		DoneNs: o.DoneNs(), Sent: tca.Quote{TsNs: o.Decided.TsNs, Bid: o.Decided.ArrivalBid, Ask: o.Decided.ArrivalAsk},
	}
	if o.Style == 0 {
		c.Style = schedule.Marketable.String()
		if o.LimitPx == 0 {
			c.Style = schedule.MarketOrder.String()
		}
	}
	if c.DoneNs == 0 {
		c.DoneNs = hours.CloseNs // nobody heard of its end; a day's order does not outlive the session
	}
	c.DoneNs = max(c.DoneNs, c.SentNs)
	if s.ackNs > 0 {
		c.AckNs = max(s.ackNs, c.SentNs)
	}
	if a, ok := st.Assigned[o.ID]; ok {
		c.Venue, c.Experiment, c.Stratum, c.Block, c.Slot, c.Route = a.Venue, a.Experiment, a.Stratum.Key(), a.Block, a.Slot, string(a.Reason)
	}
	for _, f := range o.NetFills() {
		c.Fills = append(c.Fills, tca.Fill{
			ExecID: f.ExecID, TsNs: f.TsNs, Qty: f.Qty, Px: f.Px, Fee: f.Fee, Quote: tca.Quote{TsNs: f.TsNs, Bid: f.Bid, Ask: f.Ask},
		})
	}
	if n := o.Missing(); n > 0 {
		c.Fills = append(c.Fills, tca.Fill{TsNs: max(o.LastNs, c.SentNs), Qty: n, Px: o.GapPx})
	}
	return append(all, c)
}
