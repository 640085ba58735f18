package core

import (
	"fmt"
	"maps"
	"slices"

	"dnalyaw/execution/internal/order"
)

// Books are what the account should hold by everything this journal has heard: what the venue said at a moment, and
// every fill since. The venue wins where they differ; what cannot be explained stops trading until a person accepts it.
type Books struct {
	Session     uint32                `json:"session"` // 0 = the venue's account was never seen
	Cash        int64                 `json:"cash"`    // millionths
	CashUnsure  bool                  `json:"cash_unsure,omitempty"`
	Positions   map[int64]int64       `json:"positions"`
	Differences map[string]Difference `json:"differences,omitempty"` // not accepted yet, by what they are about
}

// Difference is something that the venue says and the books cannot explain.
type Difference struct {
	InstrumentID int64  `json:"instrument_id,omitempty"` // 0 = cash
	Books        int64  `json:"books"`
	Venue        int64  `json:"venue"`
	SinceNs      int64  `json:"since_ns"`
	Why          string `json:"why"`
}

func (d Difference) key() string {
	if d.InstrumentID == 0 {
		return "cash"
	}
	return fmt.Sprintf("#%d", d.InstrumentID)
}

// String says it in words.
func (d Difference) String() string {
	what := "cash"
	if d.InstrumentID != 0 {
		what = fmt.Sprintf("instrument %d", d.InstrumentID)
	}
	return fmt.Sprintf("%s: the books have %d, the venue %d (%s)", what, d.Books, d.Venue, d.Why)
}

// BooksRecord sets the books to what the venue says, and tells every difference to what they were.
type BooksRecord struct {
	Session     uint32          `json:"session"`
	Cash        int64           `json:"cash"`
	Positions   map[int64]int64 `json:"positions"`
	Explained   []Difference    `json:"explained,omitempty"`
	Unexplained []Difference    `json:"unexplained,omitempty"` // these stop trading
	Who         string          `json:"who,omitempty"`         // a person who accepts what was unexplained
	Reason      string          `json:"reason,omitempty"`
}

func (s *State) applyBooks(r *BooksRecord, tsNs int64) {
	b := &s.Books
	b.Session, b.Cash, b.CashUnsure, b.Positions = r.Session, r.Cash, false, maps.Clone(r.Positions)
	if b.Positions == nil {
		b.Positions = map[int64]int64{}
	}
	if r.Who != "" {
		b.Differences = nil
	}
	for _, d := range r.Unexplained {
		if b.Differences == nil {
			b.Differences = map[string]Difference{}
		}
		d.SinceNs = tsNs
		b.Differences[d.key()] = d
	}
}

// bookFill moves the books by what an order's report changed. A quantity whose own report never came has no price, so
// the cash is not known before the venue tells it.
func (b *Books) bookFill(o *order.Order, cum int64, fills int, r *order.Report) {
	if b.Session == 0 {
		return
	}
	sign := o.Side.Sign()
	if d := sign * (o.Cum - cum); d != 0 {
		if b.Positions[o.InstrumentID] += d; b.Positions[o.InstrumentID] == 0 {
			delete(b.Positions, o.InstrumentID)
		}
	}
	switch {
	case len(o.Fills) > fills:
		b.Cash -= sign*r.LastQty*r.LastPx + r.Fee
		if o.Cum-cum != r.LastQty {
			b.CashUnsure = true // it filled a gap, or left one
		}
	case o.Cum != cum:
		b.CashUnsure = true
	}
}

// differences lists the unaccepted ones, by what they are about.
func (b *Books) differences() []Difference {
	keys := slices.Sorted(maps.Keys(b.Differences))
	out := make([]Difference, len(keys))
	for i, k := range keys {
		out[i] = b.Differences[k]
	}
	return out
}
