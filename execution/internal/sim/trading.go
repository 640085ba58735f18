package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// FIX OrdRejReason values.
const (
	reasonBroker    = 0
	reasonSymbol    = 1
	reasonClosed    = 2
	reasonExceeds   = 3
	reasonDuplicate = 6
	reasonQuantity  = 13
	reasonOther     = 99
)

// textIOC is why the rest of an IOC order is cancelled.
const textIOC = "IOC: nothing more to fill at once"

// maxQty keeps every product of a quantity and a price far inside 128 bits and its sum inside 63.
const maxQty = 1_000_000_000

// Submit takes an order at nowNs, after everything that happens up to then.
func (e *Engine) Submit(nowNs int64, in NewOrder) ([]Record, error) {
	err := e.advance(nowNs)
	if err == nil {
		err = e.submit(in)
	}
	return e.take(), err
}

func (e *Engine) submit(in NewOrder) error {
	if in.InstrumentID == 0 {
		in.InstrumentID = e.symbols[in.Symbol]
	}
	if e.st.seen[in.ClOrdID] {
		return e.emit(Record{
			Kind: KindReject, ClOrdID: in.ClOrdID, InstrumentID: in.InstrumentID, Side: in.Side.String(), Qty: in.Qty,
			Px: in.LimitPx, OrderID: noOrderID, Symbol: in.Symbol, Type: in.Type, TIF: in.TIF,
			Reason: reasonDuplicate, Text: "duplicate ClOrdID",
		})
	}
	if err := e.emit(Record{
		Kind: KindOrder, ClOrdID: in.ClOrdID, InstrumentID: in.InstrumentID, Side: in.Side.String(), Qty: in.Qty,
		Px: in.LimitPx, OrderID: fmt.Sprintf("%s-%s-V%d", e.day.Region, e.st.session, e.st.orderSeq+1),
		Symbol: in.Symbol, Type: in.Type, TIF: in.TIF, Short: in.Short,
	}); err != nil {
		return err
	}
	return e.answer(e.st.orders[in.ClOrdID])
}

// answer accepts or refuses an order that has arrived, and lets it trade.
func (e *Engine) answer(o *Order) error {
	if reason, text := e.refusal(o); text != "" {
		return e.emit(e.rejection(o, reason, text))
	}
	ack := e.orderRecord(KindAck, o, "")
	ack.Leaves = o.Qty
	ack.ReservePx = e.reservePx(o)
	if err := e.emit(ack); err != nil {
		return err
	}
	if err := e.match(o.InstrumentID); err != nil {
		return err
	}
	if o.TIF == IOC && o.Status.Working() {
		return e.emit(e.orderRecord(KindCancel, o, textIOC))
	}
	return nil
}

// refusal says why an order is refused; an empty text means that it is not.
func (e *Engine) refusal(o *Order) (reason int, text string) {
	b := e.books[o.InstrumentID]
	switch {
	case e.st.phase == Waiting:
		return reasonClosed, "session has not opened"
	case e.st.phase == Closed:
		return reasonClosed, "session is closed"
	case b == nil || b.quote.Symbol != o.Symbol:
		return reasonSymbol, "unknown symbol"
	case o.Side != Buy && o.Side != Sell:
		return reasonOther, "side is neither buy nor sell"
	case o.Short && o.Side != Sell:
		return reasonOther, "a buy is no short sale"
	case o.Type != Market && o.Type != Limit:
		return reasonOther, "order type is neither market nor limit"
	case o.TIF != Day && o.TIF != IOC:
		return reasonOther, "time in force is neither day nor IOC"
	case o.Qty <= 0 || o.Qty > maxQty:
		return reasonQuantity, fmt.Sprintf("quantity must be 1 to %d", int64(maxQty))
	case o.Type == Limit && o.LimitPx <= 0:
		return reasonOther, "limit price must be positive"
	case o.Type == Market && o.LimitPx != 0:
		return reasonOther, "a market order has no price"
	case RejectedByChance(e.day.Seed, e.day.RejectBp, o.ClOrdID):
		return reasonBroker, "rejected by the simulated venue"
	}
	return e.cannotPay(o, nil)
}

// RejectedByChance says whether the venue refuses this order to exercise its clients: rejectBp of 10,000 by a hash of
// the seed and the ClOrdID, so that the same order meets the same fate in every run.
func RejectedByChance(seed, rejectBp int64, clOrdID string) bool {
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], uint64(seed))
	sum := sha256.Sum256(append(head[:], clOrdID...))
	return int64(binary.LittleEndian.Uint64(sum[:8])%10_000) < rejectBp
}

// reservePx is the price at which a buy holds back cash: its limit, or for a market order what the book shows.
func (e *Engine) reservePx(o *Order) int64 {
	if o.Side != Buy {
		return 0
	}
	if o.Type == Limit {
		return o.LimitPx
	}
	q := e.books[o.InstrumentID].shown(e.day.OpenNs)
	if q.Ask > 0 {
		return q.Ask
	}
	return q.Mark()
}

// Cancel cancels what is left of a working order at nowNs; cancelID is the request's own name. found says whether the order is known in this session;
// a known order that no longer works gives no record: it is too late.
func (e *Engine) Cancel(nowNs int64, cancelID, clOrdID string) (records []Record, found bool, err error) {
	if err = e.advance(nowNs); err != nil {
		return e.take(), false, err
	}
	o, found := e.st.orders[clOrdID]
	if found && o.Status.Working() {
		r := e.orderRecord(KindCancel, o, "cancelled by the client")
		r.CancelID = cancelID
		err = e.emit(r)
	}
	return e.take(), found, err
}

// match lets an instrument's working orders trade against what its book displays: market orders first, then the better
// limit, then the earlier arrival.
func (e *Engine) match(instrument int64) error {
	if e.st.phase != Open {
		return nil
	}
	b := e.books[instrument]
	var queue []*Order
	for _, o := range e.st.arrival {
		if o.InstrumentID == instrument && o.Status.Working() {
			queue = append(queue, o)
		}
	}
	slices.SortStableFunc(queue, func(x, y *Order) int {
		if x.Side != y.Side || x.Type != y.Type {
			return cmp.Or(cmp.Compare(x.Side, y.Side), cmp.Compare(x.Type, y.Type))
		}
		if x.Side == Buy {
			return cmp.Compare(y.LimitPx, x.LimitPx)
		}
		return cmp.Compare(x.LimitPx, y.LimitPx)
	})
	for _, o := range queue {
		if err := e.trade(b, o); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) matchAll() error {
	for _, q := range e.Quotes() {
		if err := e.match(q.InstrumentID); err != nil {
			return err
		}
	}
	return nil
}

// trade fills one order as far as the touch, its limit and the cash allow.
func (e *Engine) trade(b *book, o *Order) error {
	px, qty := b.touch(o.Side, o.Leaves())
	if qty == 0 || o.Type == Limit && (o.Side == Buy && px > o.LimitPx || o.Side == Sell && px < o.LimitPx) {
		return nil
	}
	short := false
	if o.Side == Buy {
		free := e.st.cash - e.st.reservedByOthers(o, e.day.Fees)
		can := e.day.Fees.affordable(qty, px, free)
		short, qty = can < qty, can
	}
	if qty > 0 {
		fee, err := e.day.Fees.Of(o.Side, qty, px)
		if err != nil {
			return fmt.Errorf("order %s: %d at %d: %w", o.ClOrdID, qty, px, err)
		}
		fill := e.orderRecord(KindFill, o, "")
		fill.Qty, fill.Px, fill.Fee = qty, px, fee
		fill.Cum, fill.Leaves = o.Cum+qty, o.Leaves()-qty
		fill.AvgPx = average(o.Notional+qty*px, fill.Cum)
		b.take(o.Side, qty)
		if err := e.emit(fill); err != nil {
			return err
		}
	}
	if short && o.Status.Working() {
		return e.emit(e.orderRecord(KindCancel, o, "insufficient cash"))
	}
	return nil
}

// orderRecord is a record of an order with what does not depend on its kind.
func (e *Engine) orderRecord(kind Kind, o *Order, text string) Record {
	return Record{
		Kind: kind, ClOrdID: o.ClOrdID, InstrumentID: o.InstrumentID, Side: o.Side.String(), Qty: o.Qty, Px: o.LimitPx,
		Cum: o.Cum, OrderID: o.OrderID, AvgPx: o.AvgPx(), Text: text,
	}
}

func (e *Engine) rejection(o *Order, reason int, text string) Record {
	r := e.orderRecord(KindReject, o, text)
	r.Reason = reason
	return r
}
