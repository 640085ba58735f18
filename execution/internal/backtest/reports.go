package backtest

import (
	"fmt"
	"math"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// late is a report that is on its way from the venue.
type late struct {
	atNs   int64
	record sim.Record
}

// hear takes what the venue reports, at once or when it comes: reports do not overtake each other.
func (f *Floor) hear(records []sim.Record) error {
	for i := range records {
		r := &records[i]
		if !reported(r.Kind) {
			continue
		}
		if err := f.cfg.Sink.Record(f.day.ref.Session, r); err != nil {
			return err
		}
		at := max(r.ReportNs, f.nowNs)
		if n := len(f.late); n > 0 {
			at = max(at, f.late[n-1].atNs)
		}
		if at > f.nowNs {
			f.late = append(f.late, late{at, *r})
			continue
		}
		if err := f.report(r); err != nil {
			return err
		}
	}
	return nil
}

// nextLate is when the next report comes.
func (f *Floor) nextLate() int64 {
	if len(f.late) == 0 {
		return math.MaxInt64
	}
	return f.late[0].atNs
}

// hearLate takes the reports that have come by a moment.
func (f *Floor) hearLate(at int64) error {
	n := 0
	for ; n < len(f.late) && f.late[n].atNs <= at; n++ {
		if err := f.report(&f.late[n].record); err != nil {
			return err
		}
	}
	if n > 0 {
		f.late = append(f.late[:0], f.late[n:]...)
	}
	return nil
}

// report tells of a record: the risk engine first, as riskd hears it, then the core.
func (f *Floor) report(r *sim.Record) error {
	id, err := f.orderID(r.ClOrdID)
	if err != nil {
		return err
	}
	f.moved = true
	if r.Kind == sim.KindRefuse {
		return f.refused(r, id)
	}
	if first, replaced := f.first[id]; replaced {
		id = first // an order keeps its first id, whatever it is called at the venue
	}
	e := &f.told.exec
	execOf(r, e)
	f.execs++
	e.OrderID, e.ExecID = id, f.execs
	if err := f.quoted(uint64(r.InstrumentID)); err != nil {
		return err
	}
	e.Bid, e.Ask = f.quote.Bid, f.quote.Ask
	f.outcome = riskengine.ReportOf(e)
	if _, err := f.risk.Report(&f.outcome, f.nowNs); err != nil {
		return fmt.Errorf("order %s, %s: %w", r.ClOrdID, r.Kind, err)
	}
	f.hand(e)
	return nil
}

// quoted keeps an instrument's price in quote: of several reports in one moment it is asked for once.
func (f *Floor) quoted(id uint64) error {
	if f.quoteOf == id {
		return nil
	}
	q, known, err := f.risk.Price(id)
	if err != nil {
		return err
	}
	if f.quote, f.quoteOf = q, id; !known {
		f.quote = riskengine.Quote{}
	}
	return nil
}

// reported says whether a kind of record is told to the client.
func reported(k sim.Kind) bool {
	switch k {
	case sim.KindAck, sim.KindFill, sim.KindCancel, sim.KindExpire, sim.KindReject, sim.KindReplace, sim.KindRefuse:
		return true
	}
	return false
}

// execOf is the EXEC of a record.
func execOf(r *sim.Record, e *frame.Exec) {
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
	case sim.KindReplace:
		e.ExecType, e.Reason = frame.ExecReplaced, reasonReplaced
	}
}

// Codes of docs/reasons.md that riskd gives the venue's reports.
const (
	reasonVenueReject = 40
	reasonCancelled   = 42
	reasonExpired     = 43
	reasonReplaced    = 59
)
