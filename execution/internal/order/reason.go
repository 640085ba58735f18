package order

import "fmt"

// Reason codes that omsd acts on; docs/contracts.md lists them all.
const (
	ReasonNone         = 0
	ReasonBuyingPower  = 24
	ReasonDuplicateID  = 26
	ReasonCancelled    = 42
	ReasonUnknownOrder = 44
)

var reasonNames = map[uint16]string{
	0: "NONE", 1: "INSTRUMENT_LIMIT", 2: "SECTOR_LIMIT", 3: "DRAWDOWN", 4: "TRADE_RISK",
	10: "UNKNOWN_INSTRUMENT", 11: "NOT_TRADABLE", 12: "NO_PRICE", 13: "STALE_PRICE", 14: "NO_ACCOUNT", 15: "VENUE_DOWN",
	16: "SESSION_CLOSED", 17: "HALTED", 18: "REDUCE_ONLY", 19: "KILLED", 20: "BAD_QUANTITY", 21: "BAD_LOT", 22: "BAD_TICK",
	23: "COLLAR", 24: "BUYING_POWER", 25: "SHORT_SALE", 26: "DUPLICATE_ID", 27: "BAD_SIDE",
	28: "MALFORMED", 29: "REFERENCE_MISSING", 30: "JOURNAL_FAILED", 31: "TIGHTER_LIMIT",
	40: "VENUE_REJECT", 41: "VENUE_NEVER_SAW", 42: "CANCELLED", 43: "EXPIRED", 44: "UNKNOWN_ORDER", 45: "OPERATOR",
}

var reasonWords = map[uint16]string{
	0:  "",
	1:  "more than 5% of equity in one instrument",
	2:  "more than 25% of equity in one sector",
	3:  "daily drawdown limit reached",
	4:  "more than 1% of equity at risk in one trade",
	10: "instrument is not known to risk",
	11: "instrument may not be traded",
	12: "no price",
	13: "price is stale",
	14: "no account state from the venue",
	15: "venue is down",
	16: "session is closed",
	17: "trading is halted",
	18: "only reducing orders are accepted",
	19: "kill switch is on",
	20: "quantity is not valid",
	21: "quantity is not whole lots",
	22: "price is not on the tick",
	23: "price is outside the collar",
	24: "not enough cash",
	25: "would sell what is not held",
	26: "order id was used before",
	27: "side is not valid",
	28: "order is malformed",
	29: "reference data is missing",
	30: "risk could not write its journal",
	31: "a tighter limit of this deployment",
	40: "refused by the venue",
	41: "the venue never saw the order",
	42: "cancelled",
	43: "expired at the end of the session",
	44: "order is unknown",
	45: "operator's command",
}

// ReasonWords says a reason code in words, with its name.
func ReasonWords(code uint16) string {
	if code == ReasonNone {
		return ""
	}
	if w, ok := reasonWords[code]; ok {
		return ReasonName(code) + ": " + w
	}
	return ReasonName(code)
}

// ReasonName is the contract's name of a reason code.
func ReasonName(code uint16) string {
	if n, ok := reasonNames[code]; ok {
		return n
	}
	return fmt.Sprintf("REASON_%d", code)
}

// ReasonNames is a copy of the whole list.
func ReasonNames() map[uint16]string {
	out := make(map[uint16]string, len(reasonNames))
	for k, v := range reasonNames {
		out[k] = v
	}
	return out
}
