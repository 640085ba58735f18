package quotebook

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/tca"
)

// Series is an archive in memory, by instrument, as the cost analysis reads it (tca.Market).
//
// Where the feed was lost or omsd away there is a hole. A quote that a snapshot tells to be newer than the hole's beginning
// leaves the time from there to itself without a quote; one that is older stood all along. What traded in a hole is not
// known, so an interval that touches one has no trades.
//
// An auction's print stands as a quote without a spread until the next one: it is the price at which everybody dealt.
type Series struct {
	of     map[int64]*series
	closes map[int64]int64 // official closes, millionths
	holes  [][2]int64      // the moments between are not covered
	last   int64           // of the lines that are no snapshot's
	told   map[int64]int64 // by the snapshot that is read: instrument to the moment of its quote
	window [2]int64        // the last minutes of the session: a quote of them serves as the close where no official one is given
	Files  int             // files that were there
	Torn   int             // lines that a crash had cut short
}

type series struct {
	quotes []tca.Quote
	trades []tca.Trade
	close  int64 // the last closing print
}

// CloseWithinNs is how long before the end of the session its last mid may be and still serve as the close.
const CloseWithinNs = int64(15 * 60 * 1e9)

// ReadSeries reads the files of the days (UTC) of a session. closes are official closing prices in millionths; an instrument that they leave out closes at
// its closing print, or at its last mid of the session's last 15 minutes, or not at all.
func ReadSeries(dir string, openNs, closeNs int64, closes map[int64]int64) (*Series, error) {
	s := &Series{of: map[int64]*series{}, closes: closes, told: map[int64]int64{}, window: [2]int64{closeNs - CloseWithinNs, closeNs}}
	var err error
	s.Files, s.Torn, err = read(dir, openNs, closeNs, func(q *feed.Quote) { s.take(q, openNs) })
	for _, of := range s.of {
		// A line that was held by the gates comes after others that happened later.
		slices.SortStableFunc(of.quotes, func(a, b tca.Quote) int { return cmp.Compare(a.TsNs, b.TsNs) })
		slices.SortStableFunc(of.trades, func(a, b tca.Trade) int { return cmp.Compare(a.TsNs, b.TsNs) })
		of.quotes = slices.Compact(of.quotes)
	}
	return s, err
}

func (s *Series) take(q *feed.Quote, openNs int64) {
	switch {
	case q.Kind == feed.KindStatus:
		s.synced(q.TsNs)
		return
	case !q.Has(feed.FlagSnapshot):
		s.last = max(s.last, q.TsNs)
	case q.Kind != feed.KindTrade:
		s.told[q.InstrumentID] = max(s.told[q.InstrumentID], q.TsNs)
	}
	of := s.of[q.InstrumentID]
	if of == nil {
		of = &series{}
		s.of[q.InstrumentID] = of
	}
	switch q.Kind {
	case feed.KindQuote:
		of.quotes = append(of.quotes, tca.Quote{TsNs: q.TsNs, Bid: q.Bid, Ask: q.Ask})
	case feed.KindAuction:
		of.quotes = append(of.quotes, tca.Quote{TsNs: q.TsNs, Bid: q.Last, Ask: q.Last})
		if q.Has(feed.FlagClosing) && q.TsNs >= openNs {
			of.close = q.Last
		}
	case feed.KindTrade:
		if !q.Has(feed.FlagSnapshot) {
			of.trades = append(of.trades, tca.Trade{TsNs: q.TsNs, Qty: q.LastSize, Px: q.Last})
		}
	case feed.KindStatus:
	}
}

// synced ends a snapshot, and with it a hole where there was something before.
func (s *Series) synced(ns int64) {
	if s.last > 0 && ns > s.last {
		s.holes = append(s.holes, [2]int64{s.last, ns})
		for id, at := range s.told {
			if of := s.of[id]; at > s.last && of.quotes[0].TsNs <= s.last {
				of.quotes = append(of.quotes, tca.Quote{TsNs: s.last + 1})
			}
		}
	}
	s.last = max(s.last, ns)
	clear(s.told)
}

// At is the quote that stood at a moment; without a side when it is not known.
func (s *Series) At(instrument, ns int64) tca.Quote {
	of := s.of[instrument]
	if of == nil {
		return tca.Quote{}
	}
	i := sort.Search(len(of.quotes), func(i int) bool { return of.quotes[i].TsNs > ns })
	if i == 0 {
		return tca.Quote{}
	}
	return of.quotes[i-1]
}

// Trades are the prints with a price from one moment to another, both included.
func (s *Series) Trades(instrument, fromNs, toNs int64) iter.Seq2[tca.Trade, error] {
	return func(yield func(tca.Trade, error) bool) {
		of := s.of[instrument]
		if of == nil || slices.ContainsFunc(s.holes, func(h [2]int64) bool { return h[0] < toNs && fromNs < h[1] }) {
			return
		}
		for _, t := range of.trades[sort.Search(len(of.trades), func(i int) bool { return of.trades[i].TsNs >= fromNs }):] {
			if t.TsNs > toNs || !yield(t, nil) {
				return
			}
		}
	}
}

// Quotes are the changes of the best bid and offer after one moment, up to another.
func (s *Series) Quotes(instrument, fromNs, toNs int64) iter.Seq2[tca.Quote, error] {
	return func(yield func(tca.Quote, error) bool) {
		of := s.of[instrument]
		if of == nil {
			return
		}
		for _, q := range of.quotes[sort.Search(len(of.quotes), func(i int) bool { return of.quotes[i].TsNs > fromNs }):] {
			if q.TsNs > toNs || !yield(q, nil) {
				return
			}
		}
	}
}

// Close is the session's close of an instrument, see ReadSeries.
func (s *Series) Close(instrument int64, _ uint32) (int64, bool, error) {
	if px := s.closes[instrument]; px > 0 {
		return px, true, nil
	}
	if of := s.of[instrument]; of != nil && of.close > 0 {
		return of.close, true, nil
	}
	q := s.At(instrument, s.window[1])
	if q.TsNs < s.window[0] || q.Bid <= 0 || q.Ask < q.Bid {
		return 0, false, nil
	}
	return (q.Bid + q.Ask) / 2, true, nil
}
