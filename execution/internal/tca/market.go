package tca

import (
	"fmt"
	"iter"
)

// Trade is one print of the market.
type Trade struct {
	TsNs int64
	Qty  int64 // shares; 0 = the feed does not say
	Px   int64 // millionths
}

// Market streams what traded and what was quoted. The series ascend in time and need not be in memory; a series that it
// does not have is empty. It is read by one goroutine at a time.
type Market interface {
	// Trades are the prints of an instrument from fromNs to toNs, both included.
	Trades(instrumentID, fromNs, toNs int64) iter.Seq2[Trade, error]
	// Quotes are the changes of its best bid and offer after fromNs, up to toNs.
	Quotes(instrumentID, fromNs, toNs int64) iter.Seq2[Quote, error]
	// Close is the official close of a session (YYYYMMDD), in millionths; ok is false when there is none (yet).
	Close(instrumentID int64, session uint32) (px int64, ok bool, err error)
}

// vwap is the volume-weighted mean price of the prints in the parent's interval, rounded to a millionth, and their
// volume; nothing when no print has a size.
func vwap(p Parent, m Market) (point, int64, error) {
	var money wide
	volume := int64(0)
	for t, err := range m.Trades(p.InstrumentID, p.ArrivalNs, p.EndNs) {
		switch {
		case err != nil:
			return point{}, 0, fmt.Errorf("tca: parent %d: reading trades: %w", p.ID, err)
		case t.Qty < 0 || t.Qty > maxQty || t.Px < 1 || t.Px > maxPx:
			return point{}, 0, fmt.Errorf("tca: parent %d: a trade of %d at %d (%d ns): give a size from 0 and a price from 1 on", p.ID, t.Qty, t.Px, t.TsNs)
		case t.TsNs < p.ArrivalNs || t.TsNs > p.EndNs:
			return point{}, 0, fmt.Errorf("tca: parent %d: a trade at %d ns is outside the interval %d to %d that was asked for", p.ID, t.TsNs, p.ArrivalNs, p.EndNs)
		case volume > maxMoney:
			return point{}, 0, fmt.Errorf("tca: parent %d: volume: %w", p.ID, ErrOverflow)
		}
		volume += t.Qty
		money = money.plus(times(t.Qty, t.Px))
	}
	if volume == 0 {
		return point{}, 0, nil
	}
	px, err := money.over(volume)
	return price(px), volume, err
}

// twap is the mean of the mids in the parent's interval weighted by time, without breaks and without the time in which
// the book was one-sided or crossed; nothing when none is left.
func twap(p Parent, m Market) (point, error) {
	var sum wide
	total := int64(0)
	last, from := p.Arrival, p.ArrivalNs
	until := func(ns int64) {
		if mid := last.twiceMid(); mid.known {
			d := open(from, ns, p.Breaks)
			sum, total = sum.plus(times(mid.twice, d)), total+d
		}
		from = ns
	}
	for q, err := range m.Quotes(p.InstrumentID, p.ArrivalNs, p.EndNs) {
		switch {
		case err != nil:
			return point{}, fmt.Errorf("tca: parent %d: reading quotes: %w", p.ID, err)
		case q.TsNs < from || q.TsNs > p.EndNs:
			return point{}, fmt.Errorf("tca: parent %d: a quote at %d ns after %d, up to %d: they must ascend", p.ID, q.TsNs, from, p.EndNs)
		}
		if faults := quoteFaults("quote", q); faults != nil {
			return point{}, fmt.Errorf("tca: parent %d: %w", p.ID, faults[0])
		}
		until(q.TsNs)
		last = q
	}
	until(p.EndNs)
	if total == 0 {
		return point{}, nil
	}
	px, err := sum.over(2 * total)
	return price(px), err
}

// open is the time from one moment to another that is in no break.
func open(from, to int64, breaks [][2]int64) int64 {
	d := to - from
	for _, b := range breaks {
		d -= max(0, min(b[1], to)-max(b[0], from))
	}
	return d
}
