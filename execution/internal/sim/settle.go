package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// SettlementModel says when a session's trades settle and what the proceeds of a sale may be used for until then.
type SettlementModel struct {
	Date     string `json:"date"`     // YYYY-MM-DD, a business day after the session: T+1, T+2
	Proceeds string `json:"proceeds"` // usable (default) or settled
}

// What unsettled proceeds of long sales may be used for. Regulation T (12 CFR 220.8) lets a cash account buy against them but
// forbids it to sell what it has bought so before they are there; "settled" keeps that from happening at all.
const (
	ProceedsUsable  = "usable"
	ProceedsSettled = "settled"
)

func (m *SettlementModel) validate(session string) error {
	if m == nil {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, m.Date); err != nil || m.Date <= session {
		return fmt.Errorf("model.settlement.date is %q: give a date YYYY-MM-DD after the session's %s", m.Date, session)
	}
	if m.Proceeds != "" && m.Proceeds != ProceedsUsable && m.Proceeds != ProceedsSettled {
		return fmt.Errorf("model.settlement.proceeds is %q: give %s or %s", m.Proceeds, ProceedsUsable, ProceedsSettled)
	}
	return nil
}

// Unsettled is what has been traded for one settlement date and has not yet changed hands.
type Unsettled struct {
	Date     string `json:"date"`
	Cash     int64  `json:"cash_micro"`     // to be received, negative to be paid
	Proceeds int64  `json:"proceeds_micro"` // of it, what long sales bring
	shares   map[int64]int64
}

// settlement keeps what is unsettled, by date. date is that of the session's trades, empty = they settle at once.
type settlement struct {
	date    string
	pending []Unsettled
}

// entry is what is pending for the session's date.
func (l *settlement) entry() *Unsettled {
	at, found := slices.BinarySearchFunc(l.pending, l.date, func(u Unsettled, date string) int { return strings.Compare(u.Date, date) })
	if !found {
		l.pending = slices.Insert(l.pending, at, Unsettled{Date: l.date, shares: map[int64]int64{}})
	}
	return &l.pending[at]
}

// traded books a fill of qty shares, or a part of one that is taken back: then all are negative.
func (l *settlement) traded(o *Order, qty, notional, fee int64) {
	if l.date == "" {
		return
	}
	u := l.entry()
	if o.Side == Buy {
		u.Cash -= notional + fee
		u.shares[o.InstrumentID] += qty
		return
	}
	u.Cash += notional - fee
	u.shares[o.InstrumentID] -= qty
	if !o.Short {
		u.Proceeds += notional - fee
	}
}

// due is the first date of what is pending that a session reaches.
func (l *settlement) due(session string) (Unsettled, bool) {
	if len(l.pending) == 0 || l.pending[0].Date > session {
		return Unsettled{}, false
	}
	return l.pending[0], true
}

func (l *settlement) settle(r *Record) error {
	if len(l.pending) == 0 || l.pending[0].Date != r.Settle || l.pending[0].Cash != r.Cash {
		return fmt.Errorf("settlement of %d for %s, which is not what is pending", r.Cash, r.Settle)
	}
	l.pending = slices.Delete(l.pending, 0, 1)
	return nil
}

// forget makes an instrument's shares count as settled: a split or a delisting has changed them all.
func (l *settlement) forget(instrument int64) {
	for _, u := range l.pending {
		delete(u.shares, instrument)
	}
}

// cash is what is to be received on balance.
func (l *settlement) cash() (sum int64) {
	for _, u := range l.pending {
		sum += u.Cash
	}
	return sum
}

func (l *settlement) proceeds() (sum int64) {
	for _, u := range l.pending {
		sum += max(u.Proceeds, 0)
	}
	return sum
}

func (l *settlement) shares(instrument int64) (sum int64) {
	for _, u := range l.pending {
		sum += u.shares[instrument]
	}
	return sum
}

// settleDue settles what this session reaches.
func (e *Engine) settleDue() error {
	for {
		u, due := e.st.ledger.due(e.st.session)
		if !due {
			return nil
		}
		if err := e.emit(Record{Kind: KindSettle, Settle: u.Date, Cash: u.Cash, Text: "trades settle"}); err != nil {
			return err
		}
	}
}

// spendable is the cash that may be spent.
func (e *Engine) spendable() int64 {
	if m := e.day.Model; m != nil && m.Settlement != nil && m.Settlement.Proceeds == ProceedsSettled {
		return e.st.cash - e.st.ledger.proceeds()
	}
	return e.st.cash
}

// SettledCash is the cash that has changed hands: Cash less what is to be received, plus what is to be paid.
func (e *Engine) SettledCash() int64 { return e.st.cash - e.st.ledger.cash() }

// BuyingPower is the cash that a new buy may claim: without what unsettled sales bring where the session's rule says so,
// without what working orders claim and short positions pledge. It is negative where more is pledged than there is.
func (e *Engine) BuyingPower() int64 {
	return e.spendable() - e.st.reserved - saturated(e.pledged(), e.workingMargin(nil))
}

// SettledShares is the part of a position that has changed hands.
func (e *Engine) SettledShares(instrument int64) int64 {
	return e.st.desk(instrument).held() - e.st.ledger.shares(instrument)
}

// Unsettled lists what has not yet changed hands, by date.
func (e *Engine) Unsettled() []Unsettled {
	out := make([]Unsettled, len(e.st.ledger.pending))
	for i, u := range e.st.ledger.pending {
		out[i] = Unsettled{Date: u.Date, Cash: u.Cash, Proceeds: u.Proceeds}
	}
	return out
}
