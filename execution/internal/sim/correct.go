package sim

import "fmt"

// CorrectLast corrects the session's last fill to qty shares, fewer than it had; 0 busts it. It stands for what venues
// do after a trade was disputed. The records are empty when there is nothing to correct so; why says it.
func (e *Engine) CorrectLast(nowNs, qty int64) (records []Record, why string, err error) {
	e.enter()
	if err = e.advance(nowNs); err != nil {
		return e.take(), "", err
	}
	o, at := e.st.lastFill()
	if o == nil {
		return e.take(), "no fill in this session", nil
	}
	x := o.fills[at]
	if qty < 0 || qty >= x.qty {
		return e.take(), fmt.Sprintf("the last fill is of %d: give 0 to %d", x.qty, x.qty-1), nil
	}
	r := e.orderRecord(KindCorrect, o, "trade corrected")
	if qty == 0 {
		r.Text = "trade busted"
	}
	// What the order would be charged for this fill had it been of qty at once.
	before := *o
	before.Cum, before.Notional, before.NoteFees = o.Cum-x.qty, o.Notional-x.qty*x.px, o.NoteFees-x.note
	if qty > 0 {
		if r.Fee, r.NoteFee, err = e.st.charges.fill(&before, qty, x.px); err != nil {
			return e.take(), "", err
		}
	}
	r.RefID, r.Qty, r.Px, r.Cum = x.id, qty, x.px, o.Cum-(x.qty-qty)
	if o.Status.Working() {
		r.Leaves = o.Qty - r.Cum
	}
	r.AvgPx = average(o.Notional-(x.qty-qty)*x.px, r.Cum)
	// What was taken back is open again; an order that still works has taken all that is displayed, so it waits.
	err = e.emit(r)
	return e.take(), "", err
}

// lastFill finds the session's last fill that has not been busted.
func (s *state) lastFill() (*Order, int) {
	var last *Order
	for _, o := range s.arrival {
		if o == nil {
			continue
		}
		if n := len(o.fills); n > 0 && (last == nil || o.fills[n-1].seq > last.fills[len(last.fills)-1].seq) {
			last = o
		}
	}
	if last == nil {
		return nil, 0
	}
	return last, len(last.fills) - 1
}

// corrected takes back what a fill had too much. Cash may end below zero and a position below what was sold since: that
// is the account's trouble after a bust, and nothing here hides it.
func (s *state) corrected(o *Order, r *Record) error {
	at := -1
	for i, x := range o.fills {
		if x.id == r.RefID {
			at = i
		}
	}
	if at < 0 {
		return fmt.Errorf("order %s has no fill %q to correct", o.ClOrdID, r.RefID)
	}
	x := &o.fills[at]
	back := x.qty - r.Qty
	if r.Qty < 0 || back <= 0 || r.Cum != o.Cum-back || r.Px != x.px {
		return fmt.Errorf("correction of fill %q of %d at %d to %d at %d, cum %d", r.RefID, x.qty, x.px, r.Qty, r.Px, r.Cum)
	}
	notional, err := mul(back, x.px)
	if err != nil {
		return err
	}
	held := o.desk.held()
	if o.Side == Buy {
		s.cash += notional + x.fee - r.Fee
		held -= back
	} else {
		s.cash -= notional - x.fee + r.Fee
		held += back
	}
	o.Cum -= back
	o.Notional -= notional
	o.Fees -= x.fee - r.Fee
	o.NoteFees -= x.note - r.NoteFee
	s.ledger.traded(o, -back, -notional, r.Fee-x.fee)
	o.LastQty, o.LastPx = r.Qty, r.Px
	x.qty, x.fee, x.note = r.Qty, r.Fee, r.NoteFee
	if x.qty == 0 {
		o.fills = append(o.fills[:at:at], o.fills[at+1:]...)
		o.LastQty, o.LastPx = 0, 0
		if n := len(o.fills); n > 0 {
			o.LastQty, o.LastPx = o.fills[n-1].qty, o.fills[n-1].px
		}
	}
	if o.Status == PartiallyFilled && o.Cum == 0 {
		o.Status = New
	}
	if r.Leaves != o.Leaves() {
		return fmt.Errorf("correction of fill %q leaves %d, says %d", r.RefID, o.Leaves(), r.Leaves)
	}
	s.busted[o.InstrumentID] = true
	s.setPosition(o.desk, o.Symbol, held)
	return nil
}
