package main

import (
	"cmp"
	"strconv"
	"strings"

	"dnalyaw/execution/internal/sim"
)

// securityIDSource says that SecurityID is the exchange's own number, which is the platform's instrument_id.
const securityIDSource = "8"

// instrument names an instrument.
func (m *message) instrument(id int64, symbol string) {
	if symbol == "" {
		symbol = "[N/A]" // FIX's word for: see SecurityID
	}
	if id != 0 {
		m.text(tagSecurityIDSource, securityIDSource)
		m.number(tagSecurityID, id)
	}
	m.text(tagSymbol, symbol)
}

// terms are what an order asks for.
func (m *message) terms(o *sim.NewOrder) {
	m.instrument(o.InstrumentID, o.Symbol)
	m.number(tagOrderQty, o.Qty)
	if o.Type == sim.Market || o.Type == sim.Limit {
		m.number(tagOrdType, int64(o.Type))
	}
	if o.Type == sim.Limit {
		m.micro(tagPrice, o.LimitPx)
	}
	switch {
	case o.Short:
		m.number(tagSide, sideShort)
	case o.Side == sim.Buy || o.Side == sim.Sell:
		m.number(tagSide, int64(o.Side))
	default:
		m.text(tagSide, "7") // undisclosed: an order refused for its side
	}
	m.number(tagTimeInForce, int64(o.TIF))
}

// termsAt are the order's terms at the record: those that a later replacement of the same moment has changed are the
// record's own.
func termsAt(r *sim.Record, terms sim.NewOrder) sim.NewOrder {
	terms.ClOrdID = r.ClOrdID
	switch r.Kind {
	case sim.KindFill:
		terms.Qty = r.Cum + r.Leaves
	case sim.KindCorrect:
	default:
		terms.Qty, terms.LimitPx = r.Qty, r.Px
	}
	return terms
}

// executionReport tells of one record. terms are its order's now, status what the order has become; a rejected duplicate
// has its own.
func executionReport(region string, r *sim.Record, terms sim.NewOrder, now sim.Status) *message {
	terms = termsAt(r, terms)
	id, orig := terms.ClOrdID, ""
	execType, status := "", ""
	executed := false
	switch r.Kind {
	case sim.KindAck:
		execType, status = "0", "0"
	case sim.KindFill:
		execType, status, executed = "F", "1", true
		if r.Leaves == 0 {
			status = "2"
		}
	case sim.KindCancel:
		execType, status = "4", "4"
		if r.CancelID != "" { // the answer to an F bears the F's own name, and the order's in OrigClOrdID
			id, orig = r.CancelID, r.ClOrdID
		}
	case sim.KindReplace:
		execType, status, orig = "5", "0", r.Orig
		if r.Cum > 0 {
			status = "1"
		}
	case sim.KindCorrect:
		execType, status, executed = "G", ordStatus[now], true
		if r.Qty == 0 {
			execType = "H"
		}
	case sim.KindExpire:
		execType, status = "C", "C"
	case sim.KindReject:
		execType, status = "8", "8"
	}
	m := newMessage("8")
	m.text(tagAccount, region)
	m.micro(tagAvgPx, r.AvgPx)
	m.text(tagClOrdID, id)
	if executed {
		m.commission(r.Fee)
	}
	m.number(tagCumQty, r.Cum)
	m.text(tagExecID, r.ExecID)
	m.someText(tagExecRefID, r.RefID)
	if executed {
		m.micro(tagLastPx, r.Px)
		m.number(tagLastQty, r.Qty)
	}
	m.text(tagOrderID, r.OrderID)
	m.text(tagOrdStatus, status)
	m.someText(tagOrigClOrdID, orig)
	m.terms(&terms)
	m.someText(tagText, r.Text)
	m.stamp(tagTransactTime, r.TsNs, fixTimestamp)
	if r.Kind == sim.KindReject {
		m.number(tagOrdRejReason, int64(r.Reason))
	}
	m.text(tagExecType, execType)
	m.number(tagLeavesQty, r.Leaves)
	return m
}

func (m *message) commission(fee int64) {
	m.micro(tagCommission, fee)
	m.text(tagCommType, "3") // absolute
}

var ordStatus = map[sim.Status]string{
	sim.Received: "A", sim.New: "0", sim.PartiallyFilled: "1", sim.Filled: "2", sim.Cancelled: "4", sim.Rejected: "8", sim.Expired: "C",
}

// statusReport answers a mass status request for one order: what the order has become, and its last fill.
func statusReport(region, reqID string, o *sim.Order, total int, last bool, nowNs int64) *message {
	m := newMessage("8")
	m.text(tagAccount, region)
	m.micro(tagAvgPx, o.AvgPx())
	m.text(tagClOrdID, o.ClOrdID)
	if o.Cum > 0 {
		m.commission(o.Fees)
	}
	m.number(tagCumQty, o.Cum)
	m.text(tagExecID, "0") // FIX 4.4: an order status is no execution
	m.someText(tagExecRefID, cmp.Or(o.LastFillID(), o.LastExecID))
	if o.Cum > 0 {
		m.micro(tagLastPx, o.LastPx)
		m.number(tagLastQty, o.LastQty)
	}
	m.text(tagOrderID, o.OrderID)
	m.text(tagOrdStatus, ordStatus[o.Status])
	m.someText(tagOrigClOrdID, o.PrevID)
	m.terms(&o.NewOrder)
	m.someText(tagText, o.Text)
	m.stamp(tagTransactTime, nowNs, fixTimestamp)
	if o.Status == sim.Rejected {
		m.number(tagOrdRejReason, int64(o.Reason))
	}
	m.text(tagExecType, "I")
	m.number(tagLeavesQty, o.Leaves())
	m.massStatus(reqID, total, last)
	return m
}

// noOrders answers a mass status request when the session has no order.
func noOrders(region, reqID string, nowNs int64) *message {
	m := newMessage("8")
	m.text(tagAccount, region)
	m.text(tagAvgPx, "0")
	m.text(tagCumQty, "0")
	m.text(tagExecID, "0")
	m.text(tagOrderID, "NONE")
	m.text(tagOrdStatus, "8")
	m.text(tagSide, "7")
	m.text(tagSymbol, "[N/A]")
	m.text(tagText, "no orders in this session")
	m.stamp(tagTransactTime, nowNs, fixTimestamp)
	m.text(tagExecType, "I")
	m.text(tagLeavesQty, "0")
	m.massStatus(reqID, 0, true)
	return m
}

func (m *message) massStatus(reqID string, total int, last bool) {
	m.text(tagMassStatusReqID, reqID)
	m.number(tagTotNumReports, int64(total))
	m.flag(tagLastRptRequested, last)
}

// What a cancelReject answers, in FIX's CxlRejResponseTo.
const (
	toCancel  = 1
	toReplace = 2
)

// cancelReject answers a cancel or a replacement that changes nothing. reason is 0 too late, 1 unknown order, 6 duplicate
// ClOrdID, 99 other.
func cancelReject(to int64, clOrdID, origClOrdID string, o *sim.Order, reason int, text string, nowNs int64) *message {
	orderID, status := "NONE", "8"
	if o != nil {
		orderID, status = o.OrderID, ordStatus[o.Status]
	}
	m := newMessage("9")
	m.text(tagClOrdID, clOrdID)
	m.text(tagOrderID, orderID)
	m.text(tagOrdStatus, status)
	m.text(tagOrigClOrdID, origClOrdID)
	m.text(tagText, text)
	m.stamp(tagTransactTime, nowNs, fixTimestamp)
	m.number(tagCxlRejReason, int64(reason))
	m.number(tagCxlRejResponseTo, to)
	return m
}

// refused is the cancelReject of a refusal that came with the venue's records.
func refused(r *sim.Record, o *sim.Order) *message {
	if r.CancelID != "" {
		return cancelReject(toCancel, r.CancelID, r.ClOrdID, o, r.Reason, r.Text, r.TsNs)
	}
	return cancelReject(toReplace, r.ClOrdID, r.Orig, o, r.Reason, r.Text, r.TsNs)
}

// protectReport answers a request for cancel on disconnect.
func protectReport(region, reqID string, on bool) *message {
	m := newMessage("BF")
	m.text(tagUsername, region)
	m.text(tagUserRequestID, reqID)
	m.number(tagUserStatus, 1) // logged in
	if on {
		m.text(tagUserStatusText, "CANCEL_ON_DISCONNECT")
	} else {
		m.text(tagUserStatusText, "CANCEL_ON_DISCONNECT_OFF")
	}
	return m
}

// snapshot is one instrument's whole market: always a bid and an offer entry, price 0 for a side that is absent, and a
// trade entry once there was an auction print.
func snapshot(reqID string, q *sim.Quote) *message {
	m := newMessage("W")
	m.text(tagMDReqID, reqID)
	m.instrument(q.InstrumentID, q.Symbol)
	entries := int64(2)
	if q.Print > 0 {
		entries++
	}
	m.number(tagNoMDEntries, entries)
	m.entry("0", q.Bid, q.BidSize, q.TsNs)
	m.entry("1", q.Ask, q.AskSize, q.TsNs)
	if q.Print > 0 {
		m.entry("2", q.Print, 0, q.PrintTsNs)
	}
	return m
}

func (m *message) entry(kind string, px, size, tsNs int64) {
	m.text(tagMDEntryType, kind)
	m.micro(tagMDEntryPx, px)
	m.number(tagMDEntrySize, size)
	m.stamp(tagMDEntryDate, tsNs, fixDate)
	m.stamp(tagMDEntryTime, tsNs, fixTime)
}

// sessionStatus is the venue's clock and the state of its session.
func sessionStatus(day *sim.MarketDay, phase sim.Phase, nowNs int64, reqID string) *message {
	m := newMessage("h")
	m.text(tagText, "SIMULATED session="+wireDate(day.Session.Session)+" clock="+strconv.FormatInt(nowNs, 10))
	m.someText(tagTradSesReqID, reqID)
	m.text(tagTradingSessionID, day.Region)
	m.text(tagTradSesStatus, tradSesStatus[phase])
	m.stamp(tagTradSesOpenTime, day.OpenNs, fixTimestamp)
	m.stamp(tagTradSesCloseTime, day.CloseNs, fixTimestamp)
	return m
}

var tradSesStatus = map[sim.Phase]string{sim.Waiting: "4", sim.Open: "2", sim.Break: "1", sim.Closed: "3"}

// securityStatus tells that an instrument is halted (2) or trades again (3).
func securityStatus(r *sim.Record, symbol string) *message {
	m := newMessage("f")
	m.instrument(r.InstrumentID, symbol)
	m.text(tagText, r.Text)
	m.stamp(tagTransactTime, r.TsNs, fixTimestamp)
	if r.Kind == sim.KindHalt {
		m.text(tagSecurityTradingStatus, "2")
	} else {
		m.text(tagSecurityTradingStatus, "3")
	}
	return m
}

// wireDate turns YYYY-MM-DD into FIX's YYYYMMDD.
func wireDate(session string) string { return strings.ReplaceAll(session, "-", "") }
