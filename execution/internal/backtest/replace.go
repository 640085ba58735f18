package backtest

import (
	"fmt"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// replace has a modification decided, and sends it to the venue where it is accepted, with what the decision left of its total.
func (f *Floor) replace(m *frame.Replace) error {
	r := riskengine.ReplaceOf(m)
	if err := f.risk.Replace(&r, f.nowNs, &f.decision); err != nil {
		return err
	}
	orig := f.clOrdID(m.OriginalID)
	o, known := f.venue.Order(orig)
	if err := f.tellDecision(&f.decision, uint8(o.Side), m.Correlation); err != nil || !accepted(&f.decision) {
		return err
	}
	if !known {
		return fmt.Errorf("a modification of order %d was accepted, and the venue does not know the order", m.OriginalID)
	}
	f.first[m.OrderID] = m.OriginalID
	records, no, err := f.venue.Replace(f.nowNs, sim.Replacement{
		ClOrdID: f.clOrdID(m.OrderID), Orig: orig, Symbol: o.Symbol, Side: o.Side, Short: o.Short, Type: o.Type, TIF: o.TIF,
		Qty: f.decision.ApprovedQty, LimitPx: m.LimitPx,
	})
	if err != nil {
		return err
	}
	if err := f.hear(records); err != nil {
		return err
	}
	if no != nil {
		f.moved = true
		return f.refuseReplacement(m.OrderID, uint64(o.InstrumentID))
	}
	return nil
}

// refused takes what the venue refuses later: a modification, or a cancel that came too late, whose order has reported its end.
func (f *Floor) refused(r *sim.Record, id uint64) error {
	if r.CancelID != "" {
		return nil
	}
	return f.refuseReplacement(id, uint64(r.InstrumentID))
}

// refuseReplacement tells that the order stands as it was.
func (f *Floor) refuseReplacement(id, instrument uint64) error {
	report := riskengine.Report{OrderID: f.first[id], InstrumentID: instrument, Type: riskengine.ReplaceRefused}
	if _, err := f.risk.Report(&report, f.nowNs); err != nil {
		return fmt.Errorf("modification %d, refused by the venue: %w", id, err)
	}
	f.hand(&frame.Refused{OrderID: id, Reason: reasonVenueReject})
	return nil
}
