// Package quotebook holds what the gates let through: the last sizes and the volume of each instrument for whoever works
// an order (core.MarketData), and, in an archive of one file a day, every message for whoever analyses the session later.
// Prices are int64 millionths, sizes whole shares, times int64 nanoseconds since the epoch (UTC).
package quotebook

import (
	"sync"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/feed"
)

// Book is the market as a feed tells it. One goroutine takes quotes in, any may look.
type Book struct {
	mu    sync.RWMutex
	of    map[int64]*entry
	up    bool // the feed's line stands and its last hole is closed
	gap   bool
	told  bool // it tells trades with sizes
	taken uint64
}

type entry struct {
	bidSize, askSize int64
	sized            bool
	halted           bool
	traded           int64 // shares in trades since the book began
}

// NewBook is an empty one; its feed is down until it tells something.
func NewBook() *Book { return &Book{of: map[int64]*entry{}} }

// Take takes in what came through the gates, statuses included.
func (b *Book) Take(q *feed.Quote) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.InstrumentID == 0 {
		b.status(q.Status)
		return
	}
	b.taken++
	e := b.of[q.InstrumentID]
	if e == nil {
		e = &entry{}
		b.of[q.InstrumentID] = e
	}
	switch q.Kind {
	case feed.KindQuote:
		e.bidSize, e.askSize, e.sized = q.BidSize, q.AskSize, true
	case feed.KindTrade:
		// A snapshot's trade was counted, or missed, before: it only says that the feed tells trades. The size of an
		// auction's print is what it could take where a file is made of bars, so it is not volume.
		b.told = b.told || q.LastSize > 0
		if !q.Has(feed.FlagSnapshot) {
			e.traded += max(0, q.LastSize)
		}
	case feed.KindAuction:
		e.sized = false
	case feed.KindStatus:
		e.halted = q.Status == feed.StatusHalt
	}
}

func (b *Book) status(s feed.Status) {
	switch s {
	case feed.StatusDown, feed.StatusEnd:
		b.up = false
	case feed.StatusGap:
		b.gap = true
	case feed.StatusSync:
		b.up, b.gap = true, false
	case feed.StatusNone, feed.StatusOpen, feed.StatusBreak, feed.StatusClose, feed.StatusHalt, feed.StatusResume, feed.StatusBeat:
	}
}

// Look is what the feed knows of an instrument.
func (b *Book) Look(instrument int64) core.MarketLook {
	b.mu.RLock()
	defer b.mu.RUnlock()
	look := core.MarketLook{Alive: b.up, Counts: b.up && !b.gap && b.told}
	if e := b.of[instrument]; e != nil {
		look.BidSize, look.AskSize, look.Sized = e.bidSize, e.askSize, e.sized && b.up
		look.Halted, look.Traded = e.halted && b.up, e.traded
	}
	return look
}

// State is whether the feed stands, and how many messages about instruments passed its gates.
func (b *Book) State() (up bool, taken uint64) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.up, b.taken
}
