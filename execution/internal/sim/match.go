package sim

import "fmt"

// match lets an instrument's working orders trade against what its book displays: market orders first, then the better
// limit, then the earlier arrival. A fill that moves the market may let another order trade: then it begins anew, so that what
// comes next hangs on the state alone and a venue that is killed in between goes on the same.
func (e *Engine) match(instrument int64) error {
	b := e.book(instrument)
	if b == nil || !e.trading(b.desk) {
		return nil
	}
	for again := true; again && !b.desk.idle(); {
		again = false
		for _, side := range []Side{Buy, Sell} {
			moved, err := e.matchSide(b, side)
			if err != nil {
				return err
			}
			if moved {
				again = true
				break
			}
		}
	}
	return nil
}

// matchSide lets the orders of a side trade, until one has moved the market.
func (e *Engine) matchSide(b *book, side Side) (moved bool, err error) {
	// A copy: an order that ends leaves its queue.
	e.scratch = append(e.scratch[:0], b.desk.queue[side]...)
	for _, o := range e.scratch {
		if e.nothingFor(b, o) {
			return false, nil
		}
		for traded := true; traded && o.Status.Working(); {
			if traded, err = e.trade(b, o); err != nil || traded && b.on {
				return traded, err
			}
		}
	}
	return false, nil
}

// nothingFor says that neither an order nor any behind it in its queue can trade: they are sorted by their limits. With a
// model each is looked at, as one that rests may have been granted something.
func (e *Engine) nothingFor(b *book, o *Order) bool {
	if e.day.Model != nil {
		return false
	}
	px, left := b.touch(o.Side)
	return px == 0 || left == 0 || !o.reaches(px)
}

func (e *Engine) matchAll() error {
	for _, id := range e.ids {
		if err := e.match(id); err != nil {
			return err
		}
	}
	return nil
}

// trade takes one step of an order, as far as the market, its limit and the cash allow; false when there is none.
func (e *Engine) trade(b *book, o *Order) (bool, error) {
	if o.grant > 0 {
		return true, e.fill(o, min(o.grant, o.Leaves()), o.grantPx, o.grantHow)
	}
	if e.queues != nil && o.rested {
		return e.cross(b, o)
	}
	px, qty, beyond := b.offer(o)
	if qty == 0 {
		return false, nil
	}
	can := e.affordable(o, qty, px)
	if can == qty {
		return true, e.filled(o, qty, px, "")
	}
	if b.on && can > 0 {
		px = b.takerPx(o.Side, can, beyond)
	}
	return true, e.fillAndStop(o, can, px, "")
}

// cross fills an order that rests when the touch has come to it: at its own price, as much as is displayed.
func (e *Engine) cross(b *book, o *Order) (bool, error) {
	far := b.far(o.Side)
	if far == 0 || !o.reaches(far) || b.waits {
		return false, nil
	}
	qty := o.Leaves()
	if left := b.left[o.Side]; left != unlimited {
		qty = min(qty, left)
	}
	if qty == 0 {
		return false, nil
	}
	return true, e.fill(o, qty, o.LimitPx, HowCross)
}

// affordable is the part of qty that the account can pay for.
func (e *Engine) affordable(o *Order, qty, px int64) int64 {
	if o.Side != Buy {
		return qty
	}
	return e.st.charges.affordable(o, qty, px, e.spendable()-e.st.reservedByOthers(o))
}

// fill fills qty of an order at px; what the account cannot pay for is cut off.
func (e *Engine) fill(o *Order, qty, px int64, how How) error {
	if can := e.affordable(o, qty, px); can < qty {
		return e.fillAndStop(o, can, px, how)
	}
	return e.filled(o, qty, px, how)
}

// fillAndStop fills what can be paid for, and ends the order.
func (e *Engine) fillAndStop(o *Order, qty, px int64, how How) error {
	if qty > 0 {
		if err := e.filled(o, qty, px, how); err != nil || !o.Status.Working() {
			return err
		}
	}
	return e.emit(e.orderRecord(KindCancel, o, "insufficient cash"))
}

func (e *Engine) filled(o *Order, qty, px int64, how How) error {
	fee, note, err := e.st.charges.fill(o, qty, px)
	if err != nil {
		return fmt.Errorf("order %s: %d at %d: %w", o.ClOrdID, qty, px, err)
	}
	r := e.draft()
	r.of(KindFill, o, "")
	r.Qty, r.Px, r.Fee, r.NoteFee, r.How = qty, px, fee, note, how
	r.Cum, r.Leaves = o.Cum+qty, o.Leaves()-qty
	r.AvgPx = average(o.Notional+qty*px, r.Cum)
	return e.emitDraft(0)
}

// absorb is what a record does to the market that this venue shows, in life and in replay.
func (e *Engine) absorb(r *Record) {
	switch r.Kind {
	case KindFill:
		o := e.st.orders[r.ClOrdID]
		b := e.book(r.InstrumentID)
		if o == nil || b == nil {
			return
		}
		switch r.How {
		case HowQueue, HowAuction:
			o.grant = max(o.grant-r.Qty, 0)
		case HowCross:
			b.take(o.Side, r.Qty)
		default:
			b.taken(o, r.Qty)
			if b.on {
				e.touched(b)
				e.st.restate(b.desk)
			}
		}
	case KindAck, KindReplace:
		if o, b := e.st.orders[r.ClOrdID], e.book(r.InstrumentID); o != nil && b != nil && e.queues != nil {
			o.line(b)
		}
	case KindSession:
		if r.State == Open && r.Text != TextCheckpoint && e.day.Model != nil {
			for _, id := range e.ids {
				e.uncross(e.book(id))
			}
		}
	case KindResume:
		if b := e.book(r.InstrumentID); b != nil {
			e.reopen(b, r.TsNs, r.Px)
		}
	}
}

// reopen lets an instrument trade again after a halt: at a print, or not before its next row.
func (e *Engine) reopen(b *book, tsNs, px int64) {
	if px > 0 {
		e.show(b, &Event{TsNs: tsNs, InstrumentID: b.quote.InstrumentID, Symbol: b.quote.Symbol, Auction: true, Bid: px, Ask: px})
		return
	}
	b.waits, b.uncrossed = true, true
}
