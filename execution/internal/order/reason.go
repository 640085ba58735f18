package order

import "fmt"

// Reason codes that omsd acts on; docs/contracts.md lists them all.
const (
	ReasonNone         = 0
	ReasonStalePrice   = 13
	ReasonBuyingPower  = 24
	ReasonDuplicateID  = 26
	ReasonCancelled    = 42
	ReasonUnknownOrder = 44
	ReasonReplaced     = 59
)

var reasonNames = map[uint16]string{
	0: "NONE", 1: "INSTRUMENT_LIMIT", 2: "SECTOR_LIMIT", 3: "DRAWDOWN", 4: "TRADE_RISK",
	10: "UNKNOWN_INSTRUMENT", 11: "NOT_TRADABLE", 12: "NO_PRICE", 13: "STALE_PRICE", 14: "NO_ACCOUNT", 15: "VENUE_DOWN",
	16: "SESSION_CLOSED", 17: "HALTED", 18: "REDUCE_ONLY", 19: "KILLED", 20: "BAD_QUANTITY", 21: "BAD_LOT", 22: "BAD_TICK",
	23: "COLLAR", 24: "BUYING_POWER", 25: "SHORT_SALE", 26: "DUPLICATE_ID", 27: "BAD_SIDE",
	28: "MALFORMED", 29: "REFERENCE_MISSING", 30: "JOURNAL_FAILED", 31: "TIGHTER_LIMIT",
	32: "RESTRICTED", 33: "INSTRUMENT_HALTED", 34: "STRATEGY_HALTED", 35: "VENUE_HALTED", 36: "MAX_QUANTITY", 37: "MAX_NOTIONAL",
	38: "GROSS_LIMIT", 39: "NET_LIMIT",
	40: "VENUE_REJECT", 41: "VENUE_NEVER_SAW", 42: "CANCELLED", 43: "EXPIRED", 44: "UNKNOWN_ORDER", 45: "OPERATOR",
	46: "PARTICIPATION", 47: "RATE_THROTTLE", 48: "REPEATED_ORDER", 49: "NO_LOCATE", 50: "SHORT_MARKING", 51: "SELF_MATCH",
	52: "LINKED_LEG", 53: "SHADOW", 54: "UNRECONCILED", 55: "LINK_LOST", 56: "TOO_MANY_ORDERS", 57: "STOPPED", 58: "STALE_MARK",
	59: "REPLACED",
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
	32: "instrument is restricted: only closing orders",
	33: "instrument is halted by the operator",
	34: "a strategy of the order is halted by the operator",
	35: "venue is halted by the operator",
	36: "more than one order may ask for",
	37: "more notional than one order may have",
	38: "gross exposure limit of the book",
	39: "net exposure limit of the book",
	40: "refused by the venue",
	41: "the venue never saw the order",
	42: "cancelled",
	43: "expired at the end of the session",
	44: "order is unknown",
	45: "operator's command",
	46: "more than its part of the average daily volume",
	47: "too many orders in one second",
	48: "the same order too often in one second",
	49: "no shares located to sell short",
	50: "not marked as the short sale that it is, or marked without being one",
	51: "could trade with an own order",
	52: "another leg of the linked order was refused",
	53: "the shadow computation of risk differs",
	54: "the venue holds an order that risk does not know",
	55: "the line between order management and risk was lost",
	56: "no room for another working order",
	57: "the position's stop was reached",
	58: "the price of a held position is stale",
	59: "replaced",
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
