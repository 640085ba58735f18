package main

import (
	"strconv"
	"strings"

	"github.com/quickfixgo/quickfix"

	"dnalyaw/execution/internal/sim"
)

// securityIDSource says that SecurityID is the exchange's own number, which is the platform's instrument_id.
const securityIDSource = "8"

func newMessage(msgType string) *quickfix.Message {
	m := quickfix.NewMessage()
	m.Header.SetString(tagMsgType, msgType)
	return m
}

func setInt(m *quickfix.Message, tag quickfix.Tag, v int64) {
	m.Body.SetString(tag, strconv.FormatInt(v, 10))
}

func setMicro(m *quickfix.Message, tag quickfix.Tag, v int64) { m.Body.SetString(tag, formatMicro(v)) }

func setInstrument(m *quickfix.Message, id int64, symbol string) {
	if symbol == "" {
		symbol = "[N/A]" // FIX's word for: see SecurityID
	}
	m.Body.SetString(tagSymbol, symbol)
	if id != 0 {
		setInt(m, tagSecurityID, id)
		m.Body.SetString(tagSecurityIDSource, securityIDSource)
	}
}

func setOrderTerms(m *quickfix.Message, o sim.NewOrder) {
	m.Body.SetString(tagClOrdID, o.ClOrdID)
	setInstrument(m, o.InstrumentID, o.Symbol)
	switch {
	case o.Short:
		setInt(m, tagSide, sideShort)
	case o.Side == sim.Buy || o.Side == sim.Sell:
		setInt(m, tagSide, int64(o.Side))
	default:
		m.Body.SetString(tagSide, "7") // undisclosed: an order refused for its side
	}
	setInt(m, tagOrderQty, o.Qty)
	if o.Type == sim.Market || o.Type == sim.Limit {
		setInt(m, tagOrdType, int64(o.Type))
	}
	if o.Type == sim.Limit {
		setMicro(m, tagPrice, o.LimitPx)
	}
	setInt(m, tagTimeInForce, int64(o.TIF))
}

// termsAt are the order's terms at the record: those that a later replacement of the same moment has changed are the
// record's own.
func termsAt(r sim.Record, terms sim.NewOrder) sim.NewOrder {
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
func executionReport(region string, r sim.Record, terms sim.NewOrder, now sim.Status) *quickfix.Message {
	m := newMessage("8")
	m.Body.SetString(tagAccount, region)
	m.Body.SetString(tagOrderID, r.OrderID)
	m.Body.SetString(tagExecID, r.ExecID)
	setOrderTerms(m, termsAt(r, terms))
	setInt(m, tagCumQty, r.Cum)
	setInt(m, tagLeavesQty, r.Leaves)
	setMicro(m, tagAvgPx, r.AvgPx)
	m.Body.SetString(tagTransactTime, formatNs(r.TsNs, fixTimestamp))
	if r.Text != "" {
		m.Body.SetString(tagText, r.Text)
	}
	execType, status := "", ""
	switch r.Kind {
	case sim.KindAck:
		execType, status = "0", "0"
	case sim.KindFill:
		execType, status = "F", "1"
		if r.Leaves == 0 {
			status = "2"
		}
		setInt(m, tagLastQty, r.Qty)
		setMicro(m, tagLastPx, r.Px)
		setMicro(m, tagCommission, r.Fee)
		m.Body.SetString(tagCommType, "3") // absolute
	case sim.KindCancel:
		execType, status = "4", "4"
		if r.CancelID != "" { // the answer to an F bears the F's own name, and the order's in OrigClOrdID
			m.Body.SetString(tagClOrdID, r.CancelID)
			m.Body.SetString(tagOrigClOrdID, r.ClOrdID)
		}
	case sim.KindReplace:
		execType, status = "5", "0"
		if r.Cum > 0 {
			status = "1"
		}
		m.Body.SetString(tagOrigClOrdID, r.Orig)
	case sim.KindCorrect:
		execType, status = "G", ordStatus[now]
		if r.Qty == 0 {
			execType = "H"
		}
		m.Body.SetString(tagExecRefID, r.RefID)
		setInt(m, tagLastQty, r.Qty)
		setMicro(m, tagLastPx, r.Px)
		setMicro(m, tagCommission, r.Fee)
		m.Body.SetString(tagCommType, "3")
	case sim.KindExpire:
		execType, status = "C", "C"
	case sim.KindReject:
		execType, status = "8", "8"
		setInt(m, tagOrdRejReason, int64(r.Reason))
	}
	m.Body.SetString(tagExecType, execType)
	m.Body.SetString(tagOrdStatus, status)
	return m
}

var ordStatus = map[sim.Status]string{
	sim.Received: "A", sim.New: "0", sim.PartiallyFilled: "1", sim.Filled: "2", sim.Cancelled: "4", sim.Rejected: "8", sim.Expired: "C",
}

// statusReport answers a mass status request for one order: what the order has become, and its last fill.
func statusReport(region, reqID string, o sim.Order, total int, last bool, nowNs int64) *quickfix.Message {
	m := newMessage("8")
	m.Body.SetString(tagAccount, region)
	m.Body.SetString(tagOrderID, o.OrderID)
	m.Body.SetString(tagExecID, "0") // FIX 4.4: an order status is no execution
	if o.LastExecID != "" {
		m.Body.SetString(tagExecRefID, o.LastExecID)
	}
	m.Body.SetString(tagExecType, "I")
	setOrderTerms(m, o.NewOrder)
	setInt(m, tagCumQty, o.Cum)
	setInt(m, tagLeavesQty, o.Leaves())
	setMicro(m, tagAvgPx, o.AvgPx())
	m.Body.SetString(tagTransactTime, formatNs(nowNs, fixTimestamp))
	if o.Cum > 0 {
		setInt(m, tagLastQty, o.LastQty)
		setMicro(m, tagLastPx, o.LastPx)
		setMicro(m, tagCommission, o.Fees)
		m.Body.SetString(tagCommType, "3")
	}
	if o.Text != "" {
		m.Body.SetString(tagText, o.Text)
	}
	if o.PrevID != "" {
		m.Body.SetString(tagOrigClOrdID, o.PrevID)
	}
	m.Body.SetString(tagOrdStatus, ordStatus[o.Status])
	if o.Status == sim.Rejected {
		setInt(m, tagOrdRejReason, int64(o.Reason))
	}
	setMassStatus(m, reqID, total, last)
	return m
}

// noOrders answers a mass status request when the session has no order.
func noOrders(region, reqID string, nowNs int64) *quickfix.Message {
	m := newMessage("8")
	m.Body.SetString(tagAccount, region)
	for tag, v := range map[quickfix.Tag]string{
		tagOrderID: "NONE", tagExecID: "0", tagExecType: "I", tagOrdStatus: "8", tagSymbol: "[N/A]", tagSide: "7",
		tagCumQty: "0", tagLeavesQty: "0", tagAvgPx: "0", tagText: "no orders in this session",
	} {
		m.Body.SetString(tag, v)
	}
	m.Body.SetString(tagTransactTime, formatNs(nowNs, fixTimestamp))
	setMassStatus(m, reqID, 0, true)
	return m
}

func setMassStatus(m *quickfix.Message, reqID string, total int, last bool) {
	m.Body.SetString(tagMassStatusReqID, reqID)
	m.Body.SetInt(tagTotNumReports, total)
	m.Body.SetBool(tagLastRptRequested, last)
}

// What a cancelReject answers, in FIX's CxlRejResponseTo.
const (
	toCancel  = 1
	toReplace = 2
)

// cancelReject answers a cancel or a replacement that changes nothing. reason is 0 too late, 1 unknown order, 6 duplicate
// ClOrdID, 99 other.
func cancelReject(to int, clOrdID, origClOrdID string, o *sim.Order, reason int, text string, nowNs int64) *quickfix.Message {
	m := newMessage("9")
	m.Body.SetString(tagClOrdID, clOrdID)
	m.Body.SetString(tagOrigClOrdID, origClOrdID)
	orderID, status := "NONE", "8"
	if o != nil {
		orderID = o.OrderID
		status = ordStatus[o.Status]
	}
	m.Body.SetString(tagOrderID, orderID)
	m.Body.SetString(tagOrdStatus, status)
	m.Body.SetInt(tagCxlRejReason, reason)
	m.Body.SetInt(tagCxlRejResponseTo, to)
	m.Body.SetString(tagTransactTime, formatNs(nowNs, fixTimestamp))
	m.Body.SetString(tagText, text)
	return m
}

// positionAck opens the answer to a request for positions: how many reports follow.
func positionAck(region, reqID, rptID string, total int) *quickfix.Message {
	m := newMessage("AO")
	m.Body.SetString(tagPosMaintRptID, rptID)
	m.Body.SetString(tagPosReqID, reqID)
	m.Body.SetInt(tagTotalPosReports, total)
	result := 0
	if total == 0 {
		result = 2 // no positions found
	}
	m.Body.SetInt(tagPosReqResult, result)
	m.Body.SetInt(tagPosReqStatus, 0)
	m.Body.SetString(tagAccount, region)
	m.Body.SetInt(tagAccountType, 1)
	return m
}

func positionReport(region, session, reqID, rptID string, p sim.Position, total int) *quickfix.Message {
	m := newMessage("AP")
	m.Body.SetString(tagPosMaintRptID, rptID)
	m.Body.SetString(tagPosReqID, reqID)
	m.Body.SetInt(tagTotalPosReports, total)
	m.Body.SetInt(tagPosReqResult, 0)
	m.Body.SetString(tagClearingBusinessDate, wireDate(session))
	m.Body.SetString(tagAccount, region)
	m.Body.SetInt(tagAccountType, 1)
	setInstrument(m, p.InstrumentID, p.Symbol)
	setMicro(m, tagSettlPrice, p.Mark)
	m.Body.SetInt(tagSettlPriceType, 2) // theoretical: the session has not settled
	setMicro(m, tagPriorSettlPrice, p.Mark)
	g := quickfix.NewRepeatingGroup(tagNoPositions, quickfix.GroupTemplate{
		quickfix.GroupElement(tagPosType), quickfix.GroupElement(tagLongQty), quickfix.GroupElement(tagShortQty),
		quickfix.GroupElement(tagPosQtyStatus),
	})
	row := g.Add()
	row.SetString(tagPosType, "TQ")
	row.SetString(tagLongQty, strconv.FormatInt(max(p.Qty, 0), 10))
	row.SetString(tagShortQty, strconv.FormatInt(max(-p.Qty, 0), 10))
	row.SetInt(tagPosQtyStatus, 0)
	m.Body.SetGroup(g)
	return m
}

// protectReport answers a request for cancel on disconnect.
func protectReport(region, reqID string, on bool) *quickfix.Message {
	m := newMessage("BF")
	m.Body.SetString(tagUserRequestID, reqID)
	m.Body.SetString(tagUsername, region)
	m.Body.SetInt(tagUserStatus, 1) // logged in
	text := "CANCEL_ON_DISCONNECT"
	if !on {
		text = "CANCEL_ON_DISCONNECT_OFF"
	}
	m.Body.SetString(tagUserStatusText, text)
	return m
}

func collateralReport(region, currency, inquiryID, rptID string, cash, value int64) *quickfix.Message {
	m := newMessage("BA")
	m.Body.SetString(tagCollRptID, rptID)
	m.Body.SetString(tagCollInquiryID, inquiryID)
	m.Body.SetInt(tagCollStatus, 3) // assigned
	m.Body.SetInt(tagTotNumReports, 1)
	m.Body.SetBool(tagLastRptRequested, true)
	m.Body.SetString(tagAccount, region)
	m.Body.SetInt(tagAccountType, 1)
	m.Body.SetString(tagCurrency, currency)
	setMicro(m, tagCashOutstanding, cash)
	setMicro(m, tagTotalNetValue, value)
	return m
}

// snapshot is one instrument's whole market: always a bid and an offer entry, price 0 for a side that is absent, and a
// trade entry once there was an auction print.
func snapshot(reqID string, q sim.Quote) *quickfix.Message {
	m := newMessage("W")
	m.Body.SetString(tagMDReqID, reqID)
	setInstrument(m, q.InstrumentID, q.Symbol)
	g := quickfix.NewRepeatingGroup(tagNoMDEntries, quickfix.GroupTemplate{
		quickfix.GroupElement(tagMDEntryType), quickfix.GroupElement(tagMDEntryPx), quickfix.GroupElement(tagMDEntrySize),
		quickfix.GroupElement(tagMDEntryDate), quickfix.GroupElement(tagMDEntryTime),
	})
	entry := func(kind string, px, size, tsNs int64) {
		row := g.Add()
		row.SetString(tagMDEntryType, kind)
		row.SetString(tagMDEntryPx, formatMicro(px))
		row.SetString(tagMDEntrySize, strconv.FormatInt(size, 10))
		row.SetString(tagMDEntryDate, formatNs(tsNs, fixDate))
		row.SetString(tagMDEntryTime, formatNs(tsNs, fixTime))
	}
	entry("0", q.Bid, q.BidSize, q.TsNs)
	entry("1", q.Ask, q.AskSize, q.TsNs)
	if q.Print > 0 {
		entry("2", q.Print, 0, q.PrintTsNs)
	}
	m.Body.SetGroup(g)
	return m
}

// sessionStatus is the venue's clock and the state of its session.
func sessionStatus(day sim.Session, phase sim.Phase, nowNs int64, reqID string) *quickfix.Message {
	m := newMessage("h")
	m.Body.SetString(tagTradingSessionID, day.Region)
	if reqID != "" {
		m.Body.SetString(tagTradSesReqID, reqID)
	}
	m.Body.SetInt(tagTradSesStatus, map[sim.Phase]int{sim.Waiting: 4, sim.Open: 2, sim.Break: 1, sim.Closed: 3}[phase])
	m.Body.SetString(tagTradSesOpenTime, formatNs(day.OpenNs, fixTimestamp))
	m.Body.SetString(tagTradSesCloseTime, formatNs(day.CloseNs, fixTimestamp))
	m.Body.SetString(tagText, "SIMULATED session="+wireDate(day.Session)+" clock="+strconv.FormatInt(nowNs, 10))
	return m
}

// wireDate turns YYYY-MM-DD into FIX's YYYYMMDD.
func wireDate(session string) string { return strings.ReplaceAll(session, "-", "") }
