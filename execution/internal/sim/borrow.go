package sim

import "fmt"

// BorrowModel is what borrowed shares cost: an annual rate on the market value of a short position, for each calendar day,
// charged at the close.
type BorrowModel struct {
	DefaultBp int64 `json:"default_bp"` // of instruments that give no borrow_bp
	Days      int64 `json:"days"`       // calendar days to the next session; 0 = 1
	DayCount  int64 `json:"day_count"`  // days of a year: 360 (default) or 365
}

func (m *BorrowModel) validate() error {
	switch {
	case m == nil:
	case m.DefaultBp < 0 || m.DefaultBp > maxBorrowBp:
		return fmt.Errorf("model.borrow.default_bp is %d: give 0 to %d", m.DefaultBp, int64(maxBorrowBp))
	case m.Days < 0 || m.Days > 31:
		return fmt.Errorf("model.borrow.days is %d: give the calendar days to the next session, 1 to 31", m.Days)
	case m.DayCount != 0 && m.DayCount != 360 && m.DayCount != 365:
		return fmt.Errorf("model.borrow.day_count is %d: give 360 or 365", m.DayCount)
	}
	return nil
}

// maxBorrowBp is 1000% a year.
const maxBorrowBp = 100_000

// borrowCost is what a loan of qty shares worth px each costs for the days to the next session, rounded up to a millionth:
// qty * px * bp/10,000 * days/year.
func (m *BorrowModel) borrowCost(qty, px, bp int64) (int64, error) {
	value, err := mul(qty, px)
	if err != nil {
		return 0, err
	}
	year := int64(360)
	if m.DayCount != 0 {
		year = m.DayCount
	}
	return mulDiv(value, bp*max(m.Days, 1), 10_000*year, true)
}

// chargeBorrows pays for the short positions at the close. It is charged for every instrument once, also when a kill comes
// between two.
func (e *Engine) chargeBorrows(tsNs int64) error {
	m := e.day.Model
	if m == nil || m.Borrow == nil {
		return nil
	}
	for _, p := range e.st.sortedPositions() {
		if p.Qty >= 0 || p.InstrumentID <= e.st.borrowedUpTo {
			continue
		}
		px, bp := e.markOf(p), e.traitsOf(p.InstrumentID).BorrowBp
		cost, err := m.Borrow.borrowCost(-p.Qty, px, bp)
		if err != nil {
			return fmt.Errorf("borrow cost of instrument %d: %w", p.InstrumentID, err)
		}
		if err := e.emitAt(Record{
			Kind: KindAction, How: HowBorrow, InstrumentID: p.InstrumentID, Qty: p.Qty, Px: px, Position: p.Qty, Cash: -cost,
			Text: fmt.Sprintf("borrow cost: %d bp a year for %d days", bp, max(m.Borrow.Days, 1)),
		}, tsNs); err != nil {
			return err
		}
	}
	return nil
}

// action books a corporate action, or the cost of a loan.
func (s *state) action(r *Record) error {
	s.cash += r.Cash
	if r.How == HowBorrow {
		s.borrowedUpTo = r.InstrumentID
		return nil
	}
	s.actions++
	d := s.desk(r.InstrumentID)
	if r.Position != d.held() {
		s.ledger.forget(r.InstrumentID)
	}
	s.setPosition(d, "", r.Position)
	return nil
}
