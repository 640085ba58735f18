package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
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

// Submit takes an order at nowNs, after everything that happens up to then. Where the venue has a latency the answer comes
// with the records of a later call.
func (e *Engine) Submit(nowNs int64, in NewOrder) ([]Record, error) {
	e.enter()
	err := e.advance(nowNs)
	if err == nil {
		err = e.submit(&in)
	}
	if err == nil && e.Latent() {
		err = e.advance(nowNs)
	}
	return e.take(), err
}

func (e *Engine) submit(in *NewOrder) error {
	if in.InstrumentID == 0 {
		in.InstrumentID = e.symbols[in.Symbol]
	}
	if e.st.seen.has(in.ClOrdID) {
		return e.emit(Record{
			Kind: KindReject, ClOrdID: in.ClOrdID, InstrumentID: in.InstrumentID, Side: in.Side.String(), Qty: in.Qty,
			Px: in.LimitPx, OrderID: noOrderID, Symbol: in.Symbol, Type: in.Type, TIF: in.TIF,
			Reason: reasonDuplicate, Text: "duplicate ClOrdID",
		})
	}
	due := e.dueAt(in.Path, in.ClOrdID)
	r := e.draft()
	r.Kind, r.ClOrdID, r.InstrumentID, r.Side, r.Qty, r.Px = KindOrder, in.ClOrdID, in.InstrumentID, in.Side.String(), in.Qty, in.LimitPx
	r.OrderID, r.Symbol, r.Type, r.TIF = e.name('V', e.st.orderSeq+1), in.Symbol, in.Type, in.TIF
	r.Short, r.Path, r.DueNs = in.Short, in.Path, due
	if err := e.emitDraft(0); err != nil || due > 0 {
		return err
	}
	return e.answer(e.st.orders[in.ClOrdID])
}

// answer accepts or refuses an order that has arrived, and lets it trade.
func (e *Engine) answer(o *Order) error {
	if reason, text := e.refusal(o); text != "" {
		return e.emit(e.rejection(o, reason, text))
	}
	reserve := e.reservePx(o)
	ack := e.draft()
	ack.of(KindAck, o, "")
	ack.Leaves, ack.ReservePx = o.Qty, reserve
	if err := e.emitDraft(0); err != nil {
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
	b := e.book(o.InstrumentID)
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
	case o.Path < 0 || o.Path > maxPath:
		return reasonOther, fmt.Sprintf("path %d: there are 0, the default, to %d", o.Path, int64(maxPath))
	case o.Qty <= 0 || o.Qty > maxQty:
		return reasonQuantity, fmt.Sprintf("quantity must be 1 to %d", int64(maxQty))
	case o.Type == Limit && o.LimitPx <= 0:
		return reasonOther, "limit price must be positive"
	case o.Type == Market && o.LimitPx != 0:
		return reasonOther, "a market order has no price"
	case RejectedByChance(e.day.Seed, e.day.RejectBp, o.ClOrdID):
		return reasonBroker, "rejected by the simulated venue"
	case b.desk.halted() && e.day.Model != nil && e.day.Model.HaltOrders == HaltReject:
		return reasonClosed, "the instrument is halted"
	}
	return e.cannotPay(o, nil)
}

// RejectedByChance says whether the venue refuses this order to exercise its clients: rejectBp of 10,000 by a hash of
// the seed and the ClOrdID, so that the same order meets the same fate in every run.
func RejectedByChance(seed, rejectBp int64, clOrdID string) bool {
	if rejectBp == 0 {
		return false
	}
	var space [80]byte
	head := binary.LittleEndian.AppendUint64(space[:0], uint64(seed))
	sum := sha256.Sum256(append(head, clOrdID...))
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
	q := e.book(o.InstrumentID).shown(e.day.OpenNs)
	if q.Ask > 0 {
		return q.Ask
	}
	return q.Mark()
}

// Cancel cancels what is left of a working order at nowNs; cancelID is the request's own name. found says whether the order is
// known in this session; a known order that no longer works gives no record: it is too late. Where the venue has a latency the
// outcome, also that it is too late, comes with the records of a later call, and found is true.
func (e *Engine) Cancel(nowNs int64, cancelID, clOrdID string) (records []Record, found bool, err error) {
	e.enter()
	if err = e.advance(nowNs); err != nil {
		return e.take(), false, err
	}
	path := int64(0)
	if o := e.st.orders[clOrdID]; o != nil {
		path = o.Path
	}
	if due := e.dueAt(path, cancelID); due > 0 {
		if cancelID == "" {
			cancelID = "cancel of " + clOrdID // what is under way has a name
		}
		if err = e.emit(Record{Kind: KindPending, Path: path, ClOrdID: clOrdID, CancelID: cancelID, DueNs: due, Text: "cancel"}); err == nil {
			err = e.advance(nowNs)
		}
		return e.take(), true, err
	}
	o, found := e.st.orders[clOrdID]
	if found && o.Status.Working() {
		err = e.cancel(o, cancelID)
	}
	return e.take(), found, err
}

func (e *Engine) cancel(o *Order, cancelID string) error {
	r := e.orderRecord(KindCancel, o, "cancelled by the client")
	r.CancelID = cancelID
	return e.emit(r)
}

// orderRecord is a record of an order with what does not depend on its kind.
func (e *Engine) orderRecord(kind Kind, o *Order, text string) (r Record) {
	r.of(kind, o, text)
	return r
}

// of makes an empty record one of an order.
func (r *Record) of(kind Kind, o *Order, text string) {
	r.Kind, r.ClOrdID, r.InstrumentID, r.Side, r.Qty, r.Px = kind, o.ClOrdID, o.InstrumentID, o.Side.String(), o.Qty, o.LimitPx
	r.Cum, r.OrderID, r.AvgPx, r.Text = o.Cum, o.OrderID, o.AvgPx(), text
}

func (e *Engine) rejection(o *Order, reason int, text string) Record {
	r := e.orderRecord(KindReject, o, text)
	r.Reason = reason
	return r
}
