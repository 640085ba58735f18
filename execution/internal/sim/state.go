package sim

import (
	"fmt"
	"sort"
	"strconv"
)

// Position is one instrument's holding; Qty is negative when it is short.
type Position struct {
	InstrumentID int64
	Symbol       string
	Qty          int64
	Mark         int64 // last known price, 0 without one
}

// state is everything that the records determine. apply is the only way to change it, in life and in replay.
type state struct {
	n         int64
	tsNs      int64
	execs     int64
	orderSeq  int64
	session   string
	region    string
	market    string
	phase     Phase
	edges     int // session boundaries passed, see Engine.edges
	actions   int // corporate actions applied in this session
	fills     int
	cash      int64
	positions map[int64]*Position
	orders    map[string]*Order // this session's
	arrival   []*Order          // the same in order of arrival
	seen      map[string]bool   // every ClOrdID ever taken
	protect   bool              // the connection asked for cancel on disconnect
	busted    map[int64]bool    // instruments of which a fill was corrected in this session
}

func newState() *state {
	return &state{positions: map[int64]*Position{}, orders: map[string]*Order{}, seen: map[string]bool{}, busted: map[int64]bool{}}
}

// noOrderID marks a reject that belongs to no order of its own: the ClOrdID was already taken.
const noOrderID = "NONE"

func (s *state) apply(r Record) error {
	if r.N != s.n+1 {
		return fmt.Errorf("record n=%d follows n=%d", r.N, s.n)
	}
	if err := s.change(r); err != nil {
		return fmt.Errorf("record n=%d: %w", r.N, err)
	}
	s.n, s.tsNs = r.N, r.TsNs
	if r.ExecID != "" {
		s.execs++
	}
	return nil
}

func (s *state) change(r Record) error {
	switch r.Kind {
	case KindSession:
		return s.sessionChange(r)
	case KindAction:
		s.actions++
		s.cash += r.Cash
		s.setPosition(r.InstrumentID, "", r.Position)
		return nil
	case KindProtect:
		s.protect = r.Protect
		return nil
	case KindOrder:
		return s.orderArrived(r)
	case KindReplace:
		return s.replaced(r)
	case KindReject:
		if r.OrderID == noOrderID {
			return nil
		}
	}
	o, ok := s.orders[r.ClOrdID]
	if !ok {
		return fmt.Errorf("%s of unknown order %q", r.Kind, r.ClOrdID)
	}
	if err := o.step(r.Kind); err != nil {
		return err
	}
	o.LastExecID, o.Text = r.ExecID, r.Text
	switch r.Kind {
	case KindAck:
		o.ReservePx = r.ReservePx
	case KindReject:
		o.Reason = r.Reason
	case KindFill:
		return s.filled(o, r)
	case KindCorrect:
		return s.corrected(o, r)
	case KindCancel, KindExpire:
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	return nil
}

func (s *state) sessionChange(r Record) error {
	if r.Session == "" {
		return fmt.Errorf("session record without a session")
	}
	if r.Session != s.session {
		if r.State != Waiting || r.Session < s.session || s.session != "" && s.phase != Closed {
			return fmt.Errorf("session %s %s cannot follow session %s %s", r.Session, r.State, s.session, s.phase)
		}
		s.session, s.region, s.market, s.edges, s.actions, s.fills = r.Session, r.Region, r.Market, 0, 0, 0
		s.orders, s.arrival, s.busted, s.phase = map[string]*Order{}, nil, map[int64]bool{}, Waiting
		s.cash += r.Cash
		return nil
	}
	switch {
	case r.State == s.phase:
		// A checkpoint of the clock; while waiting also new market files.
		if r.Market != "" {
			s.market = r.Market
		}
	case s.phase == Waiting && r.State == Open:
		s.phase = Open
	case s.phase == Open && (r.State == Break || r.State == Closed), s.phase == Break && (r.State == Open || r.State == Closed),
		s.phase == Waiting && r.State == Closed:
		s.phase = r.State
		s.edges++
	default:
		return fmt.Errorf("session %s cannot go from %s to %s", s.session, s.phase, r.State)
	}
	for id, px := range r.Marks {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return fmt.Errorf("mark of %q: %w", id, err)
		}
		if p := s.positions[n]; p != nil {
			p.Mark = px
		}
	}
	return nil
}

func (s *state) orderArrived(r Record) error {
	side, err := parseSide(r.Side)
	if err != nil {
		return err
	}
	if s.seen[r.ClOrdID] {
		return fmt.Errorf("ClOrdID %q arrived twice", r.ClOrdID)
	}
	s.orderSeq++
	o := &Order{
		NewOrder: NewOrder{
			ClOrdID: r.ClOrdID, InstrumentID: r.InstrumentID, Symbol: r.Symbol, Side: side,
			Type: r.Type, TIF: r.TIF, Qty: r.Qty, LimitPx: r.Px, Short: r.Short,
		},
		OrderID: r.OrderID, Seq: s.orderSeq, Status: Received,
	}
	s.seen[r.ClOrdID] = true
	s.orders[r.ClOrdID] = o
	s.arrival = append(s.arrival, o)
	return nil
}

func (s *state) filled(o *Order, r Record) error {
	if r.Qty <= 0 || o.Cum+r.Qty > o.Qty || r.Cum != o.Cum+r.Qty || r.Leaves != o.Qty-r.Cum {
		return fmt.Errorf("fill of %d on order %s (%d of %d filled) says cum %d leaves %d",
			r.Qty, o.ClOrdID, o.Cum, o.Qty, r.Cum, r.Leaves)
	}
	notional, err := mul(r.Qty, r.Px)
	if err != nil {
		return err
	}
	o.Cum += r.Qty
	o.Notional += notional
	o.Fees += r.Fee
	o.LastQty, o.LastPx = r.Qty, r.Px
	o.fills = append(o.fills, execution{r.ExecID, r.N, r.Qty, r.Px, r.Fee})
	if o.Cum == o.Qty {
		o.Status = Filled
	}
	held := s.held(o.InstrumentID)
	if o.Side == Buy {
		s.cash -= notional + r.Fee
		held += r.Qty
	} else {
		s.cash += notional - r.Fee
		held -= r.Qty
	}
	if o.Side == Buy && s.cash < 0 || o.Side == Sell && held < 0 && !o.Short && !s.busted[o.InstrumentID] {
		return fmt.Errorf("fill on order %s leaves cash %d and position %d", o.ClOrdID, s.cash, held)
	}
	s.setPosition(o.InstrumentID, o.Symbol, held)
	if p := s.positions[o.InstrumentID]; p != nil {
		p.Mark = r.Px
	}
	s.fills++
	return nil
}

// held is the signed position.
func (s *state) held(instrument int64) int64 {
	if p := s.positions[instrument]; p != nil {
		return p.Qty
	}
	return 0
}

func (s *state) setPosition(id int64, symbol string, qty int64) {
	p := s.positions[id]
	if qty == 0 {
		delete(s.positions, id)
		return
	}
	if p == nil {
		p = &Position{InstrumentID: id}
		s.positions[id] = p
	}
	if symbol != "" {
		p.Symbol = symbol
	}
	p.Qty = qty
}

// sortedPositions lists the positions by instrument.
func (s *state) sortedPositions() []Position {
	out := make([]Position, 0, len(s.positions))
	for _, p := range s.positions {
		out = append(out, *p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].InstrumentID < out[j].InstrumentID })
	return out
}

// reservedByOthers is the cash that working buys other than o hold back.
func (s *state) reservedByOthers(o *Order, fees Fees) int64 {
	var sum int64
	for _, w := range s.arrival {
		if w == o || w.Side != Buy || w.ReservePx == 0 || w.Leaves() == 0 {
			continue
		}
		cost, err := fees.buyCost(w.Leaves(), w.ReservePx)
		if err != nil {
			continue // an order whose cost overflows was never accepted
		}
		sum += cost
	}
	return sum
}

// committedSells is how much of a position working sells already claim.
func (s *state) committedSells(instrument int64) int64 {
	var sum int64
	for _, w := range s.arrival {
		if w.Side == Sell && w.InstrumentID == instrument {
			sum += w.Leaves()
		}
	}
	return sum
}

func parseSide(text string) (Side, error) {
	switch text {
	case "buy":
		return Buy, nil
	case "sell":
		return Sell, nil
	}
	return 0, fmt.Errorf("side %q is neither buy nor sell", text)
}
