package gate

import (
	"math"

	"dnalyaw/execution/internal/feed"
)

// backRun is how many quotes in a row, older than what was seen but in order among themselves, prove that the one
// before them was from the future. It counts only where a file tells no receipt: there nothing else would.
const backRun = 3

// sane judges what needs no statistics: signs, halts, times, repeats and the book's sides. Where it is false, v says why.
func (in *instrument) sane(c *Config, q *feed.Quote, v *Verdict) bool {
	switch {
	case !positive(q, v):
	case in.Halted && q.Kind != feed.KindAuction:
		v.Reason = Halted
	case !in.timely(c, q, v):
	case in.repeats(q):
		v.Reason, v.Ref = Duplicate, q.TsNs
	case q.Kind == feed.KindQuote:
		return in.standing(c, q, v)
	default:
		return true
	}
	return false
}

// standing judges whether a book's sides can stand beside each other.
func (in *instrument) standing(c *Config, q *feed.Quote, v *Verdict) bool {
	switch {
	case !q.TwoSided() && c.OneSidedRefused:
		v.Reason, v.Side = OneSided, absent(q)
	case !q.TwoSided():
		return true
	case q.Bid > q.Ask:
		v.Reason, v.Measured, v.Ref, v.Side = Crossed, float64(q.Bid-q.Ask), q.Ask, BidSide
	case q.Bid == q.Ask && c.LockedRefused:
		v.Reason, v.Ref = Locked, q.Ask
	case c.OffTickRefused && q.Bid%in.Tick != 0:
		v.Reason, v.Measured, v.Bound, v.Side = OffTick, float64(q.Bid), float64(in.Tick), BidSide
	case c.OffTickRefused && q.Ask%in.Tick != 0:
		v.Reason, v.Measured, v.Bound, v.Side = OffTick, float64(q.Ask), float64(in.Tick), AskSide
	default:
		return true
	}
	return false
}

func absent(q *feed.Quote) Side {
	switch {
	case q.Bid > 0:
		return AskSide
	case q.Ask > 0:
		return BidSide
	}
	return Whole
}

func positive(q *feed.Quote, v *Verdict) bool {
	low, side := q.Last, LastPrice
	sizes := q.LastSize
	if q.Kind == feed.KindQuote {
		low, side = q.Bid, BidSide
		if q.Ask < low {
			low, side = q.Ask, AskSide
		}
		sizes = min(q.BidSize, q.AskSize)
	}
	switch {
	case low < 0 || low == 0 && q.Kind != feed.KindQuote:
		v.Reason, v.Measured, v.Side = NotPositive, float64(low), side
	case sizes < 0:
		v.Reason, v.Measured, v.Side = NotPositive, float64(sizes), Sizes
	default:
		return true
	}
	return false
}

// timely judges the event time against the receipt and against what was seen. Quotes and trades have an order each:
// they reach a feed on lines of their own.
func (in *instrument) timely(c *Config, q *feed.Quote, v *Verdict) bool {
	if q.RecvNs != 0 {
		age := q.RecvNs - q.TsNs
		if age < -c.MaxAheadNs {
			v.Reason, v.Measured, v.Bound = Future, float64(-age), float64(c.MaxAheadNs)
			return false
		}
		if age > c.MaxAgeNs && !q.Has(feed.FlagSnapshot) {
			v.Reason, v.Measured, v.Bound = Stale, float64(age), float64(c.MaxAgeNs)
			return false
		}
	}
	seen := &in.TradeTs
	if q.Kind == feed.KindQuote {
		seen = &in.QuoteTs
	}
	if q.TsNs >= *seen {
		in.Back = 0
		return true
	}
	if q.RecvNs == 0 && q.Seq == 0 {
		if q.TsNs < in.BackTs {
			in.Back = 0
		}
		in.Back++
		in.BackTs = q.TsNs
		if in.Back >= backRun {
			in.rewind(q.TsNs)
			return true
		}
	}
	v.Reason, v.Measured, v.SinceNs, v.Side = Stale, float64(*seen-q.TsNs), *seen, LastPrice
	return false
}

// rewind sets the instrument's clocks back.
func (in *instrument) rewind(ts int64) {
	in.Back, in.BackTs = 0, 0
	for _, t := range []*int64{&in.QuoteTs, &in.TradeTs, &in.RefTs, &in.SampleTs, &in.BurstTs} {
		*t = min(*t, ts)
	}
}

// said is what a quote or print said, to know it again.
type said struct {
	TsNs  int64    `json:"ts_ns"`
	Price [2]int64 `json:"price"` // bid and ask, or last
	Size  [2]int64 `json:"size"`
}

func saying(q *feed.Quote) said {
	if q.Kind == feed.KindQuote {
		return said{q.TsNs, [2]int64{q.Bid, q.Ask}, [2]int64{q.BidSize, q.AskSize}}
	}
	return said{q.TsNs, [2]int64{q.Last}, [2]int64{q.LastSize}}
}

// repeats says whether a quote or print is the one before again. Two trades alike at one moment are common. A snapshot
// repeats by its nature.
func (in *instrument) repeats(q *feed.Quote) bool {
	switch {
	case q.Kind == feed.KindQuote && q.TsNs == in.LastQuote.TsNs:
		return in.LastQuote == saying(q) && !q.Has(feed.FlagSnapshot)
	case q.Kind == feed.KindAuction && q.TsNs == in.LastPrint.TsNs:
		return in.LastPrint == saying(q) && !q.Has(feed.FlagSnapshot)
	}
	return false
}

// note remembers a quote that passed or is held.
func (in *instrument) note(q *feed.Quote) {
	switch q.Kind {
	case feed.KindQuote:
		in.QuoteTs, in.LastQuote = q.TsNs, saying(q)
	case feed.KindAuction:
		in.TradeTs, in.LastPrint = q.TsNs, saying(q)
	default:
		in.TradeTs = q.TsNs
	}
}

// spread judges the width of a two-sided book, and learns from it whatever the verdict: a width that lasts is one.
func (in *instrument) spread(c *Config, q *feed.Quote, outside bool, v *Verdict) bool {
	if !q.TwoSided() {
		return true
	}
	mid := float64(q.Bid)/2 + float64(q.Ask)/2
	wide := float64(q.Ask-q.Bid) / mid
	track, floor := &in.Regular, c.SpreadFloor
	if outside {
		track, floor = &in.Outside, c.SpreadFloorOutside
	}
	ticks := 3 * float64(in.Tick) / mid
	// A locked book counts as half a tick: its logarithm must be finite.
	x := math.Log(max(wide, ticks/6))
	before := *track
	track.add(x)
	if floor = max(floor, ticks); wide <= floor {
		return true
	}
	score, ceiling := before.score(x), max(c.SpreadCeiling, ticks)
	switch {
	case wide > ceiling:
		v.Bound = ceiling
	case before.N >= spreadWarmUp && score > c.SpreadDeviations:
		v.Bound = max(floor, before.bound(c.SpreadDeviations))
	default:
		return true
	}
	v.Reason, v.Measured, v.Score = Spread, wide, score
	return false
}
