package sim

import (
	"fmt"
	"slices"
)

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
}

// Refusal is why a replacement is refused; the order stands as it was.
type Refusal struct {
	Reason int // FIX CxlRejReason
	Text   string
}

// Replace changes a working order at nowNs. Without a refusal the records hold the replacement. An order whose limit
// changes or whose total grows goes behind the others of its price.
func (e *Engine) Replace(nowNs int64, in Replacement) ([]Record, *Refusal, error) {
	if err := e.advance(nowNs); err != nil {
		return e.take(), nil, err
	}
	o := e.st.orders[in.Orig]
	if no := e.refuseReplacement(o, in); no != nil {
		return e.take(), no, nil
	}
	changed := *o
	changed.Qty, changed.LimitPx = in.Qty, in.LimitPx
	r := e.orderRecord(KindReplace, &changed, "")
	r.ClOrdID, r.Orig, r.Leaves, r.ReservePx = in.ClOrdID, o.ClOrdID, in.Qty-o.Cum, e.reservePx(&changed)
	err := e.emit(r)
	if err == nil {
		err = e.match(o.InstrumentID)
	}
	return e.take(), nil, err
}

func (e *Engine) refuseReplacement(o *Order, in Replacement) *Refusal {
	no := func(reason int, format string, args ...any) *Refusal {
		return &Refusal{reason, fmt.Sprintf(format, args...)}
	}
	switch {
	case o == nil:
		return no(cxlUnknown, "unknown order")
	case e.st.seen[in.ClOrdID]:
		return no(cxlDuplicate, "duplicate ClOrdID")
	case !o.Status.Working():
		return no(cxlTooLate, "too late: the order is %s", o.Status)
	case in.Symbol != o.Symbol || in.Side != o.Side || in.Short != o.Short || in.Type != o.Type || in.TIF != o.TIF:
		return no(cxlOther, "symbol, side, type and time in force cannot be changed")
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
func (s *state) replaced(r Record) error {
	o, ok := s.orders[r.Orig]
	if !ok {
		return fmt.Errorf("%s of unknown order %q", r.Kind, r.Orig)
	}
	if s.seen[r.ClOrdID] {
		return fmt.Errorf("ClOrdID %q arrived twice", r.ClOrdID)
	}
	if r.Qty <= o.Cum || r.Cum != o.Cum || r.Leaves != r.Qty-o.Cum {
		return fmt.Errorf("order %s with %d filled cannot have a total of %d", r.Orig, o.Cum, r.Qty)
	}
	if err := o.step(r.Kind); err != nil {
		return err
	}
	if r.Qty > o.Qty || r.Px != o.LimitPx {
		i := slices.Index(s.arrival, o)
		s.arrival = append(slices.Delete(s.arrival, i, i+1), o)
	}
	o.PrevID, o.ClOrdID, o.LastExecID, o.Text = r.Orig, r.ClOrdID, r.ExecID, r.Text
	o.Qty, o.LimitPx, o.ReservePx = r.Qty, r.Px, r.ReservePx
	s.seen[r.ClOrdID] = true
	s.orders[r.ClOrdID] = o
	return nil
}
