package sim

import (
	"fmt"
	"sort"
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
	priority  int64 // places in time given so far
	session   string
	region    string
	market    string
	phase     Phase
	edges     int // session boundaries passed, see Engine.edges
	haltSteps int // scheduled halts and resumptions passed, see Engine.haltPlan
	actions   int // corporate actions applied in this session
	taken     int // orders of this session
	fills     int
	cash      int64
	positions map[int64]*Position
	desks     map[int64]*desk
	orders    map[string]*Order // this session's, by every ClOrdID they have had
	arrival   []*Order          // the same in order of arrival, with holes
	holes     int
	seen      *idSet         // every ClOrdID ever taken
	protect   bool           // the connection asked for cancel on disconnect
	busted    map[int64]bool // instruments of which a fill was corrected in this session

	charges      *charges          // of the day's session
	reserved     int64             // cash that working buys claim
	shorts       []*Order          // working short sales
	stale        []*desk           // desks whose pledge is to be summed anew
	lines        [maxPath + 1]line // what is under way, by path
	lastReportNs int64
	ledger       settlement
	borrowedUpTo int64 // the last instrument whose loan was paid at this close

	archive  bool // finished orders are noted in finished, to be dropped
	finished []*Order
	free     []*Order // dropped, to be used again
}

func newState() *state {
	return &state{
		positions: map[int64]*Position{}, desks: map[int64]*desk{}, orders: map[string]*Order{}, seen: newIDSet(),
		busted: map[int64]bool{}, charges: &charges{},
	}
}

// noOrderID marks a reject that belongs to no order of its own: the ClOrdID was already taken.
const noOrderID = "NONE"

func (s *state) apply(r *Record) error {
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
	s.lastReportNs = max(s.lastReportNs, r.ReportNs)
	return nil
}

func (s *state) change(r *Record) error {
	switch r.Kind {
	case KindSession:
		return s.sessionChange(r)
	case KindAction:
		return s.action(r)
	case KindProtect:
		s.protect = r.Protect
		return nil
	case KindOrder:
		return s.orderArrived(r)
	case KindReplace:
		return s.replaced(r)
	case KindPending:
		return s.setOut(r)
	case KindRefuse:
		s.actedOn(r)
		return nil
	case KindHalt, KindResume:
		return s.haltChange(r)
	case KindSettle:
		return s.ledger.settle(r)
	case KindReject:
		if r.OrderID == noOrderID {
			return nil
		}
	}
	o, ok := s.orders[r.ClOrdID]
	if !ok {
		return fmt.Errorf("%s of unknown order %q", r.Kind, r.ClOrdID)
	}
	return s.orderChange(o, r)
}

// orderChange moves one order along, with its place in the queue and in the sums.
func (s *state) orderChange(o *Order, r *Record) error {
	worked := o.Status.Working()
	if err := o.step(r.Kind); err != nil {
		return err
	}
	s.unclaim(o)
	o.LastExecID, o.Text = r.ExecID, r.Text
	var err error
	switch r.Kind {
	case KindAck:
		o.ReservePx = r.ReservePx
	case KindReject:
		o.Reason = r.Reason
	case KindFill:
		err = s.filled(o, r)
	case KindCorrect:
		err = s.corrected(o, r)
	case KindCancel, KindExpire:
	default:
		err = fmt.Errorf("unknown kind %q", r.Kind)
	}
	if err != nil {
		return err
	}
	s.actedOn(r)
	s.claim(o)
	switch works := o.Status.Working(); {
	case works && !worked:
		s.enter(o)
	case worked && !works:
		s.leave(o)
	}
	if s.archive && !o.Status.Working() && o.Status != Received {
		s.finished = append(s.finished, o)
	}
	return nil
}

func (s *state) orderArrived(r *Record) error {
	side, err := parseSide(r.Side)
	if err != nil {
		return err
	}
	if s.seen.has(r.ClOrdID) {
		return fmt.Errorf("ClOrdID %q arrived twice", r.ClOrdID)
	}
	s.orderSeq++
	s.taken++
	o := s.blank()
	o.NewOrder = NewOrder{
		ClOrdID: r.ClOrdID, InstrumentID: r.InstrumentID, Symbol: r.Symbol, Side: side,
		Type: r.Type, TIF: r.TIF, Qty: r.Qty, LimitPx: r.Px, Short: r.Short, Path: r.Path,
	}
	o.OrderID, o.Seq, o.Status, o.desk = r.OrderID, s.orderSeq, Received, s.desk(r.InstrumentID)
	s.seen.add(r.ClOrdID)
	s.orders[r.ClOrdID] = o
	s.arrive(o)
	if r.DueNs > 0 {
		s.sendOut(r, arrival{order: o})
	}
	return nil
}

// blank is an order without anything, where it can be one that was dropped.
func (s *state) blank() *Order {
	n := len(s.free)
	if n == 0 {
		return &Order{}
	}
	o := s.free[n-1]
	s.free = s.free[:n-1]
	*o = Order{fills: o.fills[:0], work: work{names: o.names[:0]}}
	return o
}

func (s *state) filled(o *Order, r *Record) error {
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
	o.NoteFees += r.NoteFee
	o.LastQty, o.LastPx = r.Qty, r.Px
	o.fills = append(o.fills, execution{r.ExecID, r.N, r.Qty, r.Px, r.Fee, r.NoteFee})
	if o.Cum == o.Qty {
		o.Status = Filled
	}
	held := o.desk.held()
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
	s.ledger.traded(o, r.Qty, notional, r.Fee)
	s.setPosition(o.desk, o.Symbol, held)
	if p := o.desk.position; p != nil {
		p.Mark = r.Px
	}
	s.fills++
	return nil
}

func (s *state) setPosition(d *desk, symbol string, qty int64) {
	defer s.restate(d)
	if qty == 0 {
		delete(s.positions, d.id)
		d.position = nil
		return
	}
	if d.position == nil {
		d.position = &Position{InstrumentID: d.id}
		s.positions[d.id] = d.position
	}
	if symbol != "" {
		d.position.Symbol = symbol
	}
	d.position.Qty = qty
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

func parseSide(text string) (Side, error) {
	switch text {
	case "buy":
		return Buy, nil
	case "sell":
		return Sell, nil
	}
	return 0, fmt.Errorf("side %q is neither buy nor sell", text)
}
