package sim

import "fmt"

// shortMarginBp is what a short sale needs beyond its proceeds, in basis points of its notional.
const shortMarginBp = 5_000

// Locate is how many shares of an instrument the venue lends in a session.
type Locate struct {
	InstrumentID int64 `json:"instrument_id"`
	Qty          int64 `json:"qty"`
}

// cannotPay says why the account cannot carry the order, with FIX's OrdRejReason; an empty text means that it can.
// replaced is the order whose place it takes, nil for a new one.
func (e *Engine) cannotPay(o, replaced *Order) (reason int, text string) {
	held := o.desk.held()
	open := o.Qty - o.Cum
	if o.Side == Sell {
		committed := o.desk.selling
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
	cost, err := e.st.charges.cost(o, open, px)
	free := e.spendable() - e.st.reservedByOthers(orSelf(replaced, o))
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
	lent := e.located[o.InstrumentID]
	short := max(0, -held) + committed
	switch {
	case held > 0:
		return reasonOther, fmt.Sprintf("marked short while the account holds %d", held)
	case lent == 0:
		return reasonOther, "no shares to borrow: short sales of this instrument are not offered"
	case short+open > lent:
		return reasonOther, fmt.Sprintf("sells %d short with %d of %d borrowed", open, short, lent)
	}
	q := e.book(o.InstrumentID).shown(e.day.OpenNs)
	px := max(o.LimitPx, q.Mark())
	free := e.st.cash - e.st.reservedByOthers(orSelf(replaced, o)) - saturated(e.pledged(), e.workingMargin(orSelf(replaced, o)))
	if atMargin(open, px, shortMarginBp) > free {
		return reasonExceeds, "insufficient cash"
	}
	return 0, ""
}
