package main

import "github.com/quickfixgo/quickfix"

// The FIX 4.4 fields that this venue reads or writes.
const (
	tagAccount              quickfix.Tag = 1
	tagAvgPx                quickfix.Tag = 6
	tagClOrdID              quickfix.Tag = 11
	tagCommission           quickfix.Tag = 12
	tagCommType             quickfix.Tag = 13
	tagCumQty               quickfix.Tag = 14
	tagCurrency             quickfix.Tag = 15
	tagExecID               quickfix.Tag = 17
	tagExecRefID            quickfix.Tag = 19
	tagSecurityIDSource     quickfix.Tag = 22
	tagLastPx               quickfix.Tag = 31
	tagLastQty              quickfix.Tag = 32
	tagMsgType              quickfix.Tag = 35
	tagOrderID              quickfix.Tag = 37
	tagOrderQty             quickfix.Tag = 38
	tagOrdStatus            quickfix.Tag = 39
	tagOrdType              quickfix.Tag = 40
	tagOrigClOrdID          quickfix.Tag = 41
	tagPrice                quickfix.Tag = 44
	tagSecurityID           quickfix.Tag = 48
	tagSide                 quickfix.Tag = 54
	tagSymbol               quickfix.Tag = 55
	tagText                 quickfix.Tag = 58
	tagTimeInForce          quickfix.Tag = 59
	tagTransactTime         quickfix.Tag = 60
	tagCxlRejReason         quickfix.Tag = 102
	tagOrdRejReason         quickfix.Tag = 103
	tagNoRelatedSym         quickfix.Tag = 146
	tagExecType             quickfix.Tag = 150
	tagLeavesQty            quickfix.Tag = 151
	tagMDReqID              quickfix.Tag = 262
	tagSubscriptionType     quickfix.Tag = 263
	tagNoMDEntries          quickfix.Tag = 268
	tagMDEntryType          quickfix.Tag = 269
	tagMDEntryPx            quickfix.Tag = 270
	tagMDEntrySize          quickfix.Tag = 271
	tagMDEntryDate          quickfix.Tag = 272
	tagMDEntryTime          quickfix.Tag = 273
	tagTradSesReqID         quickfix.Tag = 335
	tagTradingSessionID     quickfix.Tag = 336
	tagTradSesStatus        quickfix.Tag = 340
	tagTradSesOpenTime      quickfix.Tag = 342
	tagTradSesCloseTime     quickfix.Tag = 344
	tagCxlRejResponseTo     quickfix.Tag = 434
	tagAccountType          quickfix.Tag = 581
	tagMassStatusReqID      quickfix.Tag = 584
	tagMassStatusReqType    quickfix.Tag = 585
	tagNoPositions          quickfix.Tag = 702
	tagPosType              quickfix.Tag = 703
	tagLongQty              quickfix.Tag = 704
	tagShortQty             quickfix.Tag = 705
	tagPosQtyStatus         quickfix.Tag = 706
	tagPosReqID             quickfix.Tag = 710
	tagClearingBusinessDate quickfix.Tag = 715
	tagPosMaintRptID        quickfix.Tag = 721
	tagTotalPosReports      quickfix.Tag = 727
	tagPosReqResult         quickfix.Tag = 728
	tagPosReqStatus         quickfix.Tag = 729
	tagSettlPrice           quickfix.Tag = 730
	tagSettlPriceType       quickfix.Tag = 731
	tagPriorSettlPrice      quickfix.Tag = 734
	tagTotalNetValue        quickfix.Tag = 900
	tagCashOutstanding      quickfix.Tag = 901
	tagCollRptID            quickfix.Tag = 908
	tagCollInquiryID        quickfix.Tag = 909
	tagCollStatus           quickfix.Tag = 910
	tagTotNumReports        quickfix.Tag = 911
	tagLastRptRequested     quickfix.Tag = 912
)
