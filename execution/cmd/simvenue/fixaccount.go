package main

import "dnalyaw/execution/internal/sim"

// positionAck opens the answer to a request for positions: how many reports follow.
func positionAck(region, reqID, rptID string, total int) *message {
	m := newMessage("AO")
	m.text(tagAccount, region)
	m.number(tagAccountType, 1)
	m.text(tagPosReqID, reqID)
	m.text(tagPosMaintRptID, rptID)
	m.number(tagTotalPosReports, int64(total))
	result := int64(0)
	if total == 0 {
		result = 2 // no positions found
	}
	m.number(tagPosReqResult, result)
	m.number(tagPosReqStatus, 0)
	return m
}

func positionReport(region, session, reqID, rptID string, p *sim.Position, total int) *message {
	m := newMessage("AP")
	m.text(tagAccount, region)
	m.instrument(p.InstrumentID, p.Symbol)
	m.number(tagAccountType, 1)
	m.number(tagNoPositions, 1)
	m.text(tagPosType, "TQ")
	m.number(tagLongQty, max(p.Qty, 0))
	m.number(tagShortQty, max(-p.Qty, 0))
	m.number(tagPosQtyStatus, 0)
	m.text(tagPosReqID, reqID)
	m.text(tagClearingBusinessDate, wireDate(session))
	m.text(tagPosMaintRptID, rptID)
	m.number(tagTotalPosReports, int64(total))
	m.number(tagPosReqResult, 0)
	m.micro(tagSettlPrice, p.Mark)
	m.number(tagSettlPriceType, 2) // theoretical: the session has not settled
	m.micro(tagPriorSettlPrice, p.Mark)
	return m
}

// collateralReport is the account's cash. Where the session settles its trades later it says too what of the cash has changed
// hands, what it will be once all has, and what may be spent.
func collateralReport(e *sim.Engine, inquiryID, rptID string) *message {
	day := e.Day()
	m := newMessage("BA")
	m.text(tagAccount, day.Region)
	m.text(tagCurrency, day.Currency)
	m.number(tagAccountType, 1)
	settles := day.Model != nil && day.Model.Settlement != nil
	if settles {
		m.micro(tagMarginExcess, e.BuyingPower())
	}
	m.micro(tagTotalNetValue, e.Value())
	m.micro(tagCashOutstanding, e.Cash())
	m.text(tagCollRptID, rptID)
	m.someText(tagCollInquiryID, inquiryID)
	m.number(tagCollStatus, 3) // assigned
	m.number(tagTotNumReports, 1)
	m.flag(tagLastRptRequested, true)
	if settles {
		m.micro(tagStartCash, e.SettledCash())
		m.micro(tagEndCash, e.Cash())
	}
	return m
}
