package sim

import "fmt"

// CxlRejReason values beyond those of a cancel: 0 too late, 1 unknown order.
const (
	cxlTooLate   = 0
	cxlUnknown   = 1
	cxlDuplicate = 6
	cxlOther     = 99
)

// Replacement asks for another total and another limit of a working order. Orig is any ClOrdID that the order has had.
type Replacement struct {
	ClOrdID string
	Orig    string
	Symbol  string
	Side    Side
	Short   bool
	Type    Type
	TIF     TIF
	Qty     int64 // the new total, what has filled included
	LimitPx int64
	Path    int64 // 0 = the order's
}

// Refusal is why a replacement is refused; the order stands as it was.
type Refusal struct {
	Reason int // FIX CxlRejReason
	Text   string
}

// Replace changes a working order at nowNs. Without a refusal the records hold the replacement. An order whose limit
// changes or whose total grows goes behind the others of its price. Where the venue has a latency the outcome, also a refusal,
// comes with the records of a later call.
func (e *Engine) Replace(nowNs int64, in Replacement) ([]Record, *Refusal, error) {
	e.enter()
	if err := e.advance(nowNs); err != nil {
		return e.take(), nil, err
	}
	if o := e.st.orders[in.Orig]; in.Path == 0 && o != nil {
		in.Path = o.Path
	}
	if due := e.dueAt(in.Path, in.ClOrdID); due > 0 {
		err := e.emit(Record{
			Kind: KindPending, Path: in.Path, ClOrdID: in.ClOrdID, Orig: in.Orig, Symbol: in.Symbol, Side: in.Side.String(), Short: in.Short, Type: in.Type,
			TIF: in.TIF, Qty: in.Qty, Px: in.LimitPx, DueNs: due, Text: "replacement",
		})
		if err == nil {
			err = e.advance(nowNs)
		}
		return e.take(), nil, err
	}
	no, err := e.replace(in)
	return e.take(), no, err
}

func (e *Engine) replace(in Replacement) (*Refusal, error) {
	o := e.st.orders[in.Orig]
	if no := e.refuseReplacement(o, in); no != nil {
		return no, nil
	}
	changed := *o
	changed.Qty, changed.LimitPx = in.Qty, in.LimitPx
	r := e.orderRecord(KindReplace, &changed, "")
	r.ClOrdID, r.Orig, r.Leaves, r.ReservePx = in.ClOrdID, o.ClOrdID, in.Qty-o.Cum, e.reservePx(&changed)
	if err := e.emit(r); err != nil {
		return nil, err
	}
	return nil, e.match(o.InstrumentID)
}

func (e *Engine) refuseReplacement(o *Order, in Replacement) *Refusal {
	no := func(reason int, format string, args ...any) *Refusal {
		return &Refusal{reason, fmt.Sprintf(format, args...)}
	}
	switch {
	case o == nil:
		return no(cxlUnknown, "unknown order")
	case e.st.seen.has(in.ClOrdID):
		return no(cxlDuplicate, "duplicate ClOrdID")
	case !o.Status.Working():
		return no(cxlTooLate, "too late: the order is %s", o.Status)
	case in.Symbol != o.Symbol || in.Side != o.Side || in.Short != o.Short || in.Type != o.Type || in.TIF != o.TIF:
		return no(cxlOther, "symbol, side, type and time in force cannot be changed")
	case in.Path != o.Path:
		return no(cxlOther, "the path cannot be changed")
	case in.Qty <= 0 || in.Qty > maxQty:
		return no(cxlOther, "quantity must be 1 to %d", int64(maxQty))
	case in.Qty <= o.Cum:
		return no(cxlOther, "a total of %d is not above the %d that have filled", in.Qty, o.Cum)
	case o.Type == Limit && in.LimitPx <= 0:
		return no(cxlOther, "limit price must be positive")
	case o.Type == Market && in.LimitPx != 0:
		return no(cxlOther, "a market order has no price")
	}
	// The order that it would become, in the old one's place.
	changed := *o
	changed.Qty, changed.LimitPx = in.Qty, in.LimitPx
	if _, text := e.cannotPay(&changed, o); text != "" {
		return no(cxlOther, "%s", text)
	}
	return nil
}

// replaced gives the order its new terms and name; every name that it had still finds it.
func (s *state) replaced(r *Record) error {
	o, ok := s.orders[r.Orig]
	if !ok {
		return fmt.Errorf("%s of unknown order %q", r.Kind, r.Orig)
	}
	if s.seen.has(r.ClOrdID) {
		return fmt.Errorf("ClOrdID %q arrived twice", r.ClOrdID)
	}
	if r.Qty <= o.Cum || r.Cum != o.Cum || r.Leaves != r.Qty-o.Cum {
		return fmt.Errorf("order %s with %d filled cannot have a total of %d", r.Orig, o.Cum, r.Qty)
	}
	if err := o.step(r.Kind); err != nil {
		return err
	}
	s.unclaim(o)
	s.leave(o)
	if r.Qty > o.Qty || r.Px != o.LimitPx {
		s.depart(o)
		s.arrive(o)
		o.resting = resting{}
	}
	o.names = append(o.names, o.ClOrdID)
	o.PrevID, o.ClOrdID, o.LastExecID, o.Text = r.Orig, r.ClOrdID, r.ExecID, r.Text
	o.Qty, o.LimitPx, o.ReservePx = r.Qty, r.Px, r.ReservePx
	s.seen.add(r.ClOrdID)
	s.orders[r.ClOrdID] = o
	s.actedOn(r)
	s.claim(o)
	s.enter(o)
	return nil
}
