package sim

import "fmt"

// shortMarginBp is what a short sale needs beyond its proceeds, in basis points of its notional.
const shortMarginBp = 5_000

// Locate is how many shares of an instrument the venue lends in a session.
type Locate struct {
	InstrumentID int64 `json:"instrument_id"`
	Qty          int64 `json:"qty"`
}

// located is what the session lends of an instrument; 0 = its short sales are refused.
func (s Session) located(instrument int64) int64 {
	for _, l := range s.Locates {
		if l.InstrumentID == instrument {
			return l.Qty
		}
	}
	return 0
}

// cannotPay says why the account cannot carry the order, with FIX's OrdRejReason; an empty text means that it can.
// replaced is the order whose place it takes, nil for a new one.
func (e *Engine) cannotPay(o, replaced *Order) (reason int, text string) {
	held := e.st.held(o.InstrumentID)
	open := o.Qty - o.Cum
	if o.Side == Sell {
		committed := e.st.committedSells(o.InstrumentID)
		if replaced != nil {
			committed -= replaced.Leaves()
		}
		if o.Short {
			return e.cannotShort(o, replaced, open, held, committed)
		}
		if free := held - committed; open > free {
			return reasonOther, fmt.Sprintf("sells %d with %d free: the account cannot be short", open, free)
		}
		return 0, ""
	}
	px := e.reservePx(o)
	if px == 0 {
		return 0, ""
	}
	cost, err := e.day.Fees.buyCost(open, px)
	free := e.st.cash - e.st.reservedByOthers(orSelf(replaced, o), e.day.Fees)
	if open > -held { // more than covers a short: what the shorts have pledged is not for sale
		free -= e.pledged()
	}
	if err != nil || cost > free {
		return reasonExceeds, "insufficient cash"
	}
	return 0, ""
}

func orSelf(replaced, o *Order) *Order {
	if replaced != nil {
		return replaced
	}
	return o
}

// cannotShort checks a short sale: its marking, the shares to borrow, and the margin beside the proceeds.
func (e *Engine) cannotShort(o, replaced *Order, open, held, committed int64) (int, string) {
	lent := e.day.located(o.InstrumentID)
	short := max(0, -held) + committed
	switch {
	case held > 0:
		return reasonOther, fmt.Sprintf("marked short while the account holds %d", held)
	case lent == 0:
		return reasonOther, "no shares to borrow: short sales of this instrument are not offered"
	case short+open > lent:
		return reasonOther, fmt.Sprintf("sells %d short with %d of %d borrowed", open, short, lent)
	}
	px := max(o.LimitPx, e.books[o.InstrumentID].shown(e.day.OpenNs).Mark())
	free := e.st.cash - e.st.reservedByOthers(orSelf(replaced, o), e.day.Fees) - saturated(e.pledged(), e.workingMargin(orSelf(replaced, o)))
	if atMargin(open, px, shortMarginBp) > free {
		return reasonExceeds, "insufficient cash"
	}
	return 0, ""
}

// pledged is what the short positions hold back: their market value, which buys them back, and the margin.
func (e *Engine) pledged() int64 {
	var sum int64
	for _, p := range e.st.positions {
		if p.Qty < 0 {
			sum = saturated(sum, atMargin(-p.Qty, e.markOf(*p), 10_000+shortMarginBp))
		}
	}
	return sum
}

// workingMargin is what working short sales other than o hold back.
func (e *Engine) workingMargin(o *Order) int64 {
	var sum int64
	for _, w := range e.st.arrival {
		if w != o && w.Short && w.Leaves() > 0 {
			sum = saturated(sum, atMargin(w.Leaves(), max(w.LimitPx, e.books[w.InstrumentID].shown(e.day.OpenNs).Mark()), shortMarginBp))
		}
	}
	return sum
}

// atMargin is qty at px times bp, and more than any account has where that does not fit.
func atMargin(qty, px, bp int64) int64 {
	v, err := mul(qty, px)
	if err == nil {
		v, err = mulDiv(v, bp, 10_000, true)
	}
	if err != nil {
		return maxPledge
	}
	return min(v, maxPledge)
}

// maxPledge is more than any account has, and leaves room to take it from the cash.
const maxPledge = int64(1) << 61

func saturated(a, b int64) int64 { return min(a+b, maxPledge) }
