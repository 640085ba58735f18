package sim

import "fmt"

// applyAction changes the account for one corporate action and records it, also when nothing is held: the record says
// how far the list was worked off.
func (e *Engine) applyAction(a Action) error {
	held := e.st.desk(a.InstrumentID).held()
	r := Record{Kind: KindAction, InstrumentID: a.InstrumentID, Qty: held, Px: a.AmountMicro, Position: held}
	var err error
	switch a.Kind {
	case "split":
		r.Position, r.Cash, err = e.split(a, magnitude(held))
		r.Position, r.Cash = signed(held, r.Position), signed(held, r.Cash)
		r.Text = fmt.Sprintf("split %d for %d", a.RatioNum, a.RatioDen)
	case "dividend": // who is short pays it
		r.Cash, err = mul(magnitude(held), a.AmountMicro)
		r.Cash = signed(held, r.Cash)
		r.Text = "dividend"
	case "delisting":
		r.Cash, err = mul(magnitude(held), a.AmountMicro)
		r.Cash = signed(held, r.Cash)
		r.Position = 0
		r.Text = "delisting"
	}
	if err != nil {
		return fmt.Errorf("%s of instrument %d: %w", a.Kind, a.InstrumentID, err)
	}
	return e.emit(r)
}

func magnitude(held int64) int64 { return max(held, -held) }

// signed gives an amount the sign of the position that it belongs to.
func signed(held, amount int64) int64 {
	if held < 0 {
		return -amount
	}
	return amount
}

// split gives the whole shares after a split, and cash for the fraction of one at the session's opening indication, or
// at the old mark scaled when the instrument does not trade.
func (e *Engine) split(a Action, held int64) (qty, cash int64, err error) {
	if qty, err = mulDiv(held, a.RatioNum, a.RatioDen, false); err != nil || held == 0 {
		return qty, 0, err
	}
	// In wrapping arithmetic the difference is exact: it is below RatioDen.
	fraction := held*a.RatioNum - qty*a.RatioDen
	var px int64
	if b := e.book(a.InstrumentID); b != nil {
		q := b.shown(e.day.OpenNs)
		px = q.Mark()
	}
	if px == 0 {
		if px, err = mulDiv(e.st.positions[a.InstrumentID].Mark, a.RatioDen, a.RatioNum, false); err != nil {
			return 0, 0, err
		}
	}
	cash, err = mulDiv(fraction, px, a.RatioDen, false)
	return qty, cash, err
}
