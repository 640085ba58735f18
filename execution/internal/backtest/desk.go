package backtest

import (
	"errors"
	"fmt"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// settle answers what the core has sent, sees to what the risk engine wants, and lets the core turn, until all are quiet.
func (f *Floor) settle() error {
	for {
		if err := f.core.Turn(); err != nil {
			return err
		}
		if len(f.queue) == 0 && !f.moved && f.risk.Wants() == 0 && f.settleAt > f.nowNs {
			return f.refuse
		}
		f.asked, f.queue = f.queue, f.asked[:0]
		for _, m := range f.asked {
			if err := f.answer(m); err != nil {
				return err
			}
		}
		if err := f.see(); err != nil {
			return err
		}
		if f.moved {
			f.moved = false
			if err := f.tellState(); err != nil {
				return err
			}
		}
	}
}

// see sees to what the risk engine wants: the account, cash, what a stop or the kill switch does.
func (f *Floor) see() error {
	for {
		w := f.risk.Wants()
		switch {
		case w&riskengine.WantAccount != 0:
			if err := f.account(); err != nil {
				return err
			}
		case w&riskengine.WantCash != 0:
			if err := f.risk.Cash(f.venue.Cash(), f.nowNs); err != nil {
				return err
			}
			f.moved = true
		case w&riskengine.WantSettle != 0 || f.settleAt <= f.nowNs:
			if err := f.act(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// act takes what a stop or the kill switch wants done, and does it.
func (f *Floor) act() error {
	s, err := f.risk.Settle(f.nowNs, f.actions)
	if err != nil {
		return err
	}
	f.settleAt = s.WakeNs
	for i := range f.actions[:s.Count] {
		a := &f.actions[i]
		switch a.Kind {
		case riskengine.ActionCancel:
			err = f.cancelAtVenue(a.WireID)
		case riskengine.ActionClose:
			f.tellDecision(&a.Decision, [16]byte{})
			if accepted(&a.Decision) {
				err = f.sendToVenue(&a.Order, a.Decision.ApprovedQty)
			}
		}
		if err != nil {
			return err
		}
	}
	f.moved = f.moved || s.Count > 0
	return nil
}

func accepted(d *riskengine.Decision) bool {
	return d.Decision != frame.DecisionReject && d.ApprovedQty > 0
}

func (f *Floor) tellDecision(d *riskengine.Decision, correlation [16]byte) {
	f.told.decision = d.Frame(correlation)
	f.hand(&f.told.decision)
}

// answer does what a frame of the core asks for.
func (f *Floor) answer(m frame.Message) error {
	switch m := m.(type) {
	case *frame.Sync:
		return f.tellAll(m.Nonce)
	case *frame.NewOrder:
		return f.newOrder(m)
	case *frame.Replace:
		return f.replace(m)
	case *frame.Cancel:
		wire, err := f.risk.Cancel(m.OrderID, f.nowNs)
		if errors.Is(err, riskengine.ErrUnknownOrder) {
			f.hand(&frame.Refused{OrderID: m.OrderID, Reason: reasonUnknownOrder})
			return nil
		}
		if err != nil || wire == 0 {
			return err
		}
		return f.cancelAtVenue(wire)
	case *frame.Kill:
		f.moved = true
		return f.risk.Kill(f.nowNs)
	case *frame.Heartbeat:
		return nil
	}
	return fmt.Errorf("the core sent %s", m.Kind())
}

const reasonUnknownOrder = 44

func (f *Floor) newOrder(m *frame.NewOrder) error {
	if m.Legs > 1 {
		return f.leg(m)
	}
	f.order = riskengine.OrderOf(m)
	if err := f.risk.Decide(&f.order, f.nowNs, &f.decision); err != nil {
		return err
	}
	return f.decided(&f.order, &f.decision, m.Correlation)
}

// leg waits for the last leg, and has all of them decided as one.
func (f *Floor) leg(m *frame.NewOrder) error {
	f.legs, f.legIDs = append(f.legs, riskengine.OrderOf(m)), append(f.legIDs, m.Correlation)
	if m.Leg < m.Legs {
		return nil
	}
	legs, ids := f.legs, f.legIDs
	f.legs, f.legIDs = nil, nil
	ds := make([]riskengine.Decision, len(legs))
	if err := f.risk.DecideLinked(legs, f.nowNs, ds); err != nil {
		return err
	}
	for i := range legs {
		if err := f.decided(&legs[i], &ds[i], ids[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *Floor) decided(o *riskengine.Order, d *riskengine.Decision, correlation [16]byte) error {
	f.tellDecision(d, correlation)
	if !accepted(d) {
		return nil
	}
	return f.sendToVenue(o, d.ApprovedQty)
}

func (f *Floor) sendToVenue(o *riskengine.Order, qty int64) error {
	name := f.clOrdID(o.OrderID)
	in := sim.NewOrder{
		ClOrdID: name, InstrumentID: int64(o.InstrumentID), Symbol: f.day.symbols[int64(o.InstrumentID)], Side: sim.Side(o.Side),
		Type: sim.Type(o.Type), TIF: sim.TIF(o.TIF), Qty: qty, LimitPx: o.LimitPx, Short: o.Flags&frame.FlagSellShort != 0,
	}
	records, err := f.venue.Submit(f.nowNs, in)
	if err != nil {
		return err
	}
	return f.hear(records)
}

func (f *Floor) replace(m *frame.Replace) error {
	r := riskengine.ReplaceOf(m)
	var d riskengine.Decision
	if err := f.risk.Replace(&r, f.nowNs, &d); err != nil {
		return err
	}
	f.tellDecision(&d, m.Correlation)
	if !accepted(&d) {
		return nil
	}
	return errors.New("modifications are not simulated yet")
}

func (f *Floor) cancelAtVenue(wire uint64) error {
	name := f.clOrdID(wire)
	records, _, err := f.venue.Cancel(f.nowNs, name+"-C", name)
	if err != nil {
		return err
	}
	return f.hear(records)
}

// hand gives the core a frame of riskd's.
func (f *Floor) hand(m frame.Message) { f.core.Frame(f.epoch, f.nowNs, m) }

// hear takes what the venue reports: to the risk engine first, as riskd does, then to the core.
func (f *Floor) hear(records []sim.Record) error {
	for i := range records {
		r := &records[i]
		e := &f.told.exec
		if !execOf(r, e) {
			continue
		}
		id, err := f.orderID(r.ClOrdID)
		if err != nil {
			return err
		}
		f.execs++
		e.OrderID, e.ExecID = id, f.execs
		if q, known, err := f.risk.Price(uint64(r.InstrumentID)); err != nil {
			return err
		} else if known {
			e.Bid, e.Ask = q.Bid, q.Ask
		}
		report := riskengine.ReportOf(e)
		if _, err := f.risk.Report(&report, f.nowNs); err != nil {
			return fmt.Errorf("order %s, %s: %w", r.ClOrdID, r.Kind, err)
		}
		f.hand(e)
		if err := f.cfg.Sink.Record(f.day.ref.Session, r); err != nil {
			return err
		}
		f.moved = true
	}
	return nil
}

// execOf is the EXEC of a record; false for what is no report of an order.
func execOf(r *sim.Record, e *frame.Exec) bool {
	*e = frame.Exec{InstrumentID: uint64(r.InstrumentID), CumQty: r.Cum, LeavesQty: r.Leaves, Side: frame.SideBuy}
	if r.Side == "sell" {
		e.Side = frame.SideSell
	}
	switch r.Kind {
	case sim.KindAck:
		e.ExecType = frame.ExecNew
	case sim.KindFill:
		e.ExecType, e.LastQty, e.LastPx, e.Fee = frame.ExecPartial, r.Qty, r.Px, r.Fee
		if r.Leaves == 0 {
			e.ExecType = frame.ExecFill
		}
	case sim.KindCancel:
		e.ExecType, e.Reason = frame.ExecCancelled, reasonCancelled
	case sim.KindExpire:
		e.ExecType, e.Reason = frame.ExecExpired, reasonExpired
	case sim.KindReject:
		e.ExecType, e.Reason = frame.ExecRejected, reasonVenueReject
	default:
		return false
	}
	return true
}

// Codes of docs/reasons.md that riskd gives the venue's reports.
const (
	reasonVenueReject = 40
	reasonCancelled   = 42
	reasonExpired     = 43
)

// tellQuotes gives the risk engine what changed, and the core what it works in.
func (f *Floor) tellQuotes() error {
	if len(f.changed) == 0 {
		return nil
	}
	f.quotes = f.quotes[:0]
	for i := range f.changed {
		q := &f.changed[i]
		out := riskengine.Quote{InstrumentID: uint64(q.InstrumentID), Last: q.Print, TsNs: q.TsNs}
		if q.BidSize > 0 {
			out.Bid = q.Bid
		}
		if q.AskSize > 0 {
			out.Ask = q.Ask
		}
		f.quotes = append(f.quotes, out)
	}
	if _, err := f.risk.Quotes(f.quotes); err != nil {
		return err
	}
	for i := range f.quotes {
		if f.core.Works(int64(f.quotes[i].InstrumentID)) {
			if err := f.tellPrice(f.quotes[i].InstrumentID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Floor) tellPrice(id uint64) error {
	q, known, err := f.risk.Price(id)
	if err == nil && known {
		f.handPrice(&q)
	}
	return err
}

func (f *Floor) handPrice(q *riskengine.Quote) {
	f.told.price = frame.Price{InstrumentID: q.InstrumentID, Bid: q.Bid, Ask: q.Ask, Last: q.Last, TsNs: q.TsNs}
	f.hand(&f.told.price)
}

// tellAll answers a SYNC: in one process no report was missed, so positions, prices and the account are all there is.
func (f *Floor) tellAll(nonce uint64) error {
	var err error
	if f.positions, err = f.risk.AppendPositions(f.positions[:0]); err != nil {
		return err
	}
	for _, p := range f.positions {
		f.told.position = frame.Position{InstrumentID: p.InstrumentID, Qty: p.Qty, MarkPx: p.MarkPx}
		f.hand(&f.told.position)
	}
	if f.prices, err = f.risk.AppendPrices(f.prices[:0]); err != nil {
		return err
	}
	for i := range f.prices {
		f.handPrice(&f.prices[i])
	}
	if err := f.tellState(); err != nil {
		return err
	}
	f.hand(&frame.SyncEnd{Nonce: nonce, Positions: uint32(len(f.positions))})
	return nil
}

func (f *Floor) tellState() error {
	s, err := f.risk.State()
	if err != nil {
		return err
	}
	f.told.state = s.Frame()
	f.hand(&f.told.state)
	return nil
}

// account tells the risk engine the whole account.
func (f *Floor) account() error {
	var holdings []riskengine.Holding
	for _, p := range f.venue.Positions() {
		holdings = append(holdings, riskengine.Holding{InstrumentID: uint64(p.InstrumentID), Qty: p.Qty, SettlementPx: p.Mark})
	}
	f.moved = true
	return f.risk.Account(f.venue.Cash(), holdings, f.nowNs)
}
