package core

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dnalyaw/execution/internal/order"
)

// booksGrace is how long venue and books may differ while nothing is reported: riskd tells the account a moment after
// the fills that changed it.
const booksGrace = 5 * time.Second

// cashTolerance is the part of equity, one in so many, up to which cash may differ without a word: riskd knows cash
// between two of the venue's statements by the fills it heard of.
const cashTolerance = 100_000

// compareBooks looks for differences between the books and what the venue says through riskd. At a session's first
// snapshot what happened overnight is explained or not; within a session a difference that stands is never explained by
// itself.
func (c *Core) compareBooks() {
	if !c.synced || !c.accountOK || c.syncNonce != 0 || c.state.Session == 0 || c.account.VenueUp == 0 {
		return
	}
	b := &c.state.Books
	switch {
	case b.Session == 0:
		c.adopt(&BooksRecord{Reason: "the venue's account is seen for the first time"})
	case b.Session != c.state.Session:
		r := &BooksRecord{Reason: "the session begins"}
		c.overnight(r)
		c.adopt(r)
	default:
		c.withinSession()
	}
}

// venueBooks is the account as the venue has it.
func (c *Core) venueBooks() map[int64]int64 {
	out := map[int64]int64{}
	for id, p := range c.positions {
		if p.Qty != 0 {
			out[id] = p.Qty
		}
	}
	return out
}

func (c *Core) adopt(r *BooksRecord) {
	r.Session, r.Cash, r.Positions = c.state.Session, c.account.Cash, c.venueBooks()
	if err := c.record(&Record{Kind: kindBooks, Books: r}); err != nil {
		c.audit(0, err)
		return
	}
	c.differsSince = time.Time{}
	for _, d := range r.Explained {
		c.cfg.Log.Info("the venue's account differs from the books, explained", "difference", d.String())
	}
	for _, d := range r.Unexplained {
		c.cfg.Log.Error("the venue's account differs from the books; no new orders in it until a person accepts it", "difference", d.String(),
			"command", fmt.Sprintf("dnalyaw reconcile --region %s --accept --reason TEXT", c.cfg.Region))
	}
}

// overnight explains what changed between two sessions: splits by the reference file, names that left it, and cash, which
// the venue settles (dividends, fees, fractions) while nobody trades.
func (c *Core) overnight(r *BooksRecord) {
	b, venue := &c.state.Books, c.venueBooks()
	for _, id := range union(b.Positions, venue) {
		was, is := b.Positions[id], venue[id]
		if was == is {
			continue
		}
		d := Difference{InstrumentID: id, Books: was, Venue: is}
		ref, listed := c.refInstrument(id)
		switch {
		case !listed && is == 0:
			d.Why = "it is not in the session's reference: delisted or gone"
		case listed && ref.SplitNum != ref.SplitDen && is == was*ref.SplitNum/ref.SplitDen:
			d.Why = fmt.Sprintf("a split, %d for %d", ref.SplitNum, ref.SplitDen)
		case c.unheard(id):
			d.Why = "an order of the session before whose fills were not all reported"
		default:
			d.Why = "shares that no order, split or delisting explains"
			r.Unexplained = append(r.Unexplained, d)
			continue
		}
		r.Explained = append(r.Explained, d)
	}
	if b.Cash != c.account.Cash {
		r.Explained = append(r.Explained, Difference{Books: b.Cash, Venue: c.account.Cash, Why: "between two sessions the venue settles dividends, fees and fractions"})
	}
}

// withinSession waits until a difference has stood for a while with nothing under way that could explain it. Only then it
// asks what explains it: while orders fill, something differs at every look.
func (c *Core) withinSession() {
	if c.holdsWhatBooksSay() && !c.cashDiffers() {
		c.differsSince = time.Time{}
		return
	}
	b, venue := &c.state.Books, c.venueBooks()
	var differ []int64
	for _, id := range union(b.Positions, venue) {
		if b.Positions[id] != venue[id] {
			differ = append(differ, id)
		}
	}
	money, now := c.cashDiffers(), c.cfg.Now()
	switch {
	case c.differsSince.IsZero() || c.movedAt.After(c.differsSince):
		// Counted from the last report on: what follows a fill may be on its way.
		c.differsSince = now
	case now.Sub(c.differsSince) >= booksGrace:
		c.adopt(c.inSession(differ, venue, money))
	}
}

// inSession says what explains the instruments that differ, and the money where it does.
func (c *Core) inSession(differ []int64, venue map[int64]int64, money bool) *BooksRecord {
	b := &c.state.Books
	r := &BooksRecord{Reason: "the venue's account, in the session"}
	for _, id := range differ {
		d := Difference{InstrumentID: id, Books: b.Positions[id], Venue: venue[id]}
		switch {
		case c.foreignIn(id):
			d.Why = "an order that is not in this journal"
			r.Explained = append(r.Explained, d)
		case c.unheard(id):
			d.Why = "an order whose fills were not all reported"
			r.Explained = append(r.Explained, d)
		default:
			d.Why = "shares that no order explains"
			r.Unexplained = append(r.Unexplained, d)
		}
	}
	if !money {
		return r
	}
	d := Difference{Books: b.Cash, Venue: c.account.Cash}
	switch {
	case b.CashUnsure:
		d.Why = "fills without their own report have no price here"
		r.Explained = append(r.Explained, d)
	case len(c.state.Foreign) > 0:
		d.Why = "orders that are not in this journal"
		r.Explained = append(r.Explained, d)
	default:
		d.Why = "money that no fill explains"
		r.Unexplained = append(r.Unexplained, d)
	}
	return r
}

// holdsWhatBooksSay is the usual case, at no cost.
func (c *Core) holdsWhatBooksSay() bool {
	b, held := &c.state.Books, 0
	for id, p := range c.positions {
		if p.Qty == 0 {
			continue
		}
		if held++; b.Positions[id] != p.Qty {
			return false
		}
	}
	for _, q := range b.Positions {
		if q != 0 {
			held--
		}
	}
	return held == 0
}

func (c *Core) cashDiffers() bool {
	off := c.state.Books.Cash - c.account.Cash
	return off > c.account.Equity/cashTolerance || -off > c.account.Equity/cashTolerance
}

// unheard says that an order in the instrument has filled more than was reported, or nobody knows its fate.
func (c *Core) unheard(instrument int64) bool {
	for _, id := range c.state.index.openOf[instrument] {
		if o := c.state.Orders[id]; o.State == order.Unknown || o.Missing() > 0 {
			return true
		}
	}
	for _, id := range c.state.index.sessions[c.state.Session] {
		if o := c.state.Orders[id]; o.InstrumentID == instrument && o.Missing() > 0 {
			return true
		}
	}
	return false
}

func (c *Core) foreignIn(instrument int64) bool {
	for _, f := range c.state.Foreign {
		if f.InstrumentID == instrument && f.Session == c.state.Session {
			return true
		}
	}
	return false
}

func union(ms ...map[int64]int64) []int64 {
	all := map[int64]bool{}
	for _, m := range ms {
		for id := range m {
			all[id] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// AcceptBooks takes the venue's account as it is for the books: a person has looked at the differences. It returns how
// many there were.
func (c *Core) AcceptBooks(ctx context.Context, who, reason string) (int, error) {
	n := 0
	var failed error
	err := c.do(ctx, func(reply func()) {
		defer reply()
		n = len(c.state.Books.Differences)
		switch {
		case n == 0:
			failed = fmt.Errorf("%w: venue and books agree", ErrNothing)
		case !c.synced || !c.accountOK:
			failed = fmt.Errorf("%w: the venue's account is not known; ask again when the link is up", errLinkDown)
		default:
			c.adopt(&BooksRecord{Who: who, Reason: reason})
			c.cfg.Log.Warn("the venue's account is accepted", "who", who, "reason", reason, "differences", n)
		}
	})
	if err != nil {
		return 0, err
	}
	return n, failed
}

// watchBooks compares again and again for as long as the connection lasts.
func (c *Core) watchBooks(epoch uint64) {
	if c.epoch != epoch {
		return
	}
	c.compareBooks()
	if c.cfg.WatchEvery != Never {
		c.after(c.cfg.WatchEvery, func() { c.watchBooks(epoch) })
	}
}
