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
		f.handed = false
		if err := f.core.Turn(); err != nil {
			return err
		}
		if len(f.queue) == 0 && !f.moved && f.wants() == 0 && f.settleAt > f.nowNs {
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
		w := f.wants()
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

// wants is what the risk engine wants and can have now. The venue answers a question for the account behind everything that it
// has reported before, so while reports are on their way the answer is too.
func (f *Floor) wants() riskengine.Wants {
	w := f.risk.Wants()
	if len(f.late) > 0 {
		w &^= riskengine.WantAccount | riskengine.WantCash
	}
	return w
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
			if err = f.tellDecision(&a.Decision, a.Order.Side, [16]byte{}); err != nil {
				return err
			}
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

func (f *Floor) tellDecision(d *riskengine.Decision, side uint8, correlation [16]byte) error {
	f.told.decision = d.Frame(correlation)
	f.hand(&f.told.decision)
	return f.cfg.Sink.Decision(f.day.ref.Session, f.nowNs, side, d)
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
	if d := &f.decision; accepted(d) {
		// The market that it was decided on is the one that its reports meet at this moment.
		f.quote, f.quoteOf = riskengine.Quote{InstrumentID: d.InstrumentID, Bid: d.Bid, Ask: d.Ask}, d.InstrumentID
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
	if err := f.tellDecision(d, o.Side, correlation); err != nil || !accepted(d) {
		return err
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

func (f *Floor) cancelAtVenue(wire uint64) error {
	name := f.clOrdID(wire)
	records, _, err := f.venue.Cancel(f.nowNs, name+"-C", name)
	if err != nil {
		return err
	}
	return f.hear(records)
}

// hand gives the core a frame of riskd's.
func (f *Floor) hand(m frame.Message) {
	f.handed = true
	f.core.Frame(f.epoch, f.nowNs, m)
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
