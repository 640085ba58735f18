package gate

import (
	"math"

	"dnalyaw/execution/internal/feed"
)

// instrument is what the gate remembers of one. Exported fields are the state that State writes.
type instrument struct {
	ID     int64   `json:"id"`
	Symbol string  `json:"symbol,omitempty"`
	Tick   int64   `json:"tick"`
	Vol    float64 `json:"vol"` // of a session, as known beforehand

	Ref       int64 `json:"ref"` // the last accepted price, 0: none yet
	RefTs     int64 `json:"ref_ts"`
	SampleRef int64 `json:"sample_ref"` // the price at the last sample of the scale
	SampleTs  int64 `json:"sample_ts"`

	Scale     scaleTrack  `json:"scale"`
	Burst     float64     `json:"burst"` // the largest accepted move of late, in robust deviations
	BurstTs   int64       `json:"burst_ts"`
	Regular   spreadTrack `json:"regular"`
	Outside   spreadTrack `json:"outside"`
	Pause     pauseTrack  `json:"pause"`
	SeenNs    int64       `json:"seen_ns"` // receipt, or event time, of the last message
	QuoteTs   int64       `json:"quote_ts"`
	TradeTs   int64       `json:"trade_ts"`
	BackTs    int64       `json:"back_ts"` // the last of Back quotes in a row that were older than what was seen
	Back      int         `json:"back"`
	Halted    bool        `json:"halted"`
	Dead      bool        `json:"dead"`
	LastQuote said        `json:"last_quote"` // that passed or is held
	LastPrint said        `json:"last_print"`
	Refusals  [2]said     `json:"refusals"` // the last refused quote, and the last refused trade or print

	Actions []feed.Action   `json:"actions,omitempty"` // announced, still to come
	Hold    *hold           `json:"hold,omitempty"`
	Counts  [reasons]uint64 `json:"counts"` // refused, by reason
	Passed  uint64          `json:"passed"` // with those that were held first
	Held    uint64          `json:"held"`   // ever
	Again   uint64          `json:"again"`  // refused before, and told again by a snapshot
}

// Burst: a move of five deviations and more is remembered and makes room for others as large, because crashes come in
// series; it is forgotten by half in five days. A wrong print that opens the gate for good would need to be
// confirmed first.
const (
	burstFrom     = 5.0
	burstMost     = 30.0
	burstRoom     = 2.0
	burstHalfLife = 5 * 86400e9 // five days, ns
	leastSeconds  = 60.0        // below a minute prices move by the book's own noise, not by the square root of time
	sampleNs      = 60_000_000_000
)

// room is the log return that is allowed at the moment, and the robust scale for the time since the last price.
func (in *instrument) room(c *Config, ts int64) (bound, scale float64) {
	risk := riskSeconds(ts - in.RefTs)
	scale = in.Scale.Sigma * math.Sqrt(max(risk, leastSeconds))
	deviations := c.SpikeDeviations
	if burst := in.burst(ts); burst >= burstFrom {
		deviations += burstRoom * burst
	}
	noise := c.MoveFloor
	if in.Regular.N > spreadWarmUp {
		noise += math.Exp(min(in.Regular.Med, 0))
	}
	if ticks := 3 * float64(in.Tick) / float64(in.Ref); ticks > noise {
		noise = ticks
	}
	return deviations*scale + noise, scale
}

// burst is what is left of the largest accepted move of late.
func (in *instrument) burst(ts int64) float64 {
	if in.Burst == 0 {
		return 0
	}
	return in.Burst * math.Exp2(-max(0, float64(ts-in.BurstTs))/burstHalfLife)
}

// away is how far, as a log return, a quote lies from a price: 0 when the price is inside the book. near is the price
// of the quote that lies closest.
func away(q *feed.Quote, price int64) (r float64, near int64, side Side) {
	switch {
	case q.Kind != feed.KindQuote:
		near, side = q.Last, LastPrice
	case q.TwoSided():
		switch {
		case q.Bid > price:
			near, side = q.Bid, BidSide
		case q.Ask < price:
			near, side = q.Ask, AskSide
		default:
			return 0, price, Whole
		}
	case q.Bid > 0:
		near, side = q.Bid, BidSide
	case q.Ask > 0:
		near, side = q.Ask, AskSide
	default:
		return 0, price, Whole
	}
	if near == price {
		return 0, near, side
	}
	return math.Log(float64(near) / float64(price)), near, side
}

// accept takes a judged price: r away from the reference, scale for the time since.
func (in *instrument) accept(c *Config, q *feed.Quote, r float64, near int64, scale float64) {
	if q.Kind == feed.KindQuote && !q.TwoSided() {
		return // one side alone says where the price is not
	}
	ts := q.TsNs
	if in.Ref == 0 {
		near = q.Last
		if q.Kind == feed.KindQuote {
			near = q.Bid + (q.Ask-q.Bid)/2
		}
		in.Ref, in.RefTs, in.SampleRef, in.SampleTs = near, ts, near, ts
		return
	}
	if r != 0 {
		if z := min(math.Abs(r)/scale, burstMost); z >= burstFrom {
			in.Burst, in.BurstTs = max(in.burst(ts), z), ts
		}
		in.Ref = near
	}
	in.RefTs = max(in.RefTs, ts)
	if elapsed := ts - in.SampleTs; elapsed >= sampleNs {
		z := math.Abs(math.Log(float64(in.Ref)/float64(in.SampleRef))) / math.Sqrt(riskSeconds(elapsed))
		low, up := c.DailyVolFloor/math.Sqrt(sessionSeconds), c.DailyVolCap/math.Sqrt(sessionSeconds)
		in.Scale.add(z, low, up)
		in.SampleRef, in.SampleTs = in.Ref, ts
	}
}

// act applies the announced actions that hold from before the moment: prices are compared on the new basis.
func (in *instrument) act(ts int64) {
	for len(in.Actions) > 0 && in.Actions[0].TsNs <= ts {
		a := in.Actions[0]
		in.Actions = in.Actions[1:]
		in.Ref, in.SampleRef = rebase(in.Ref, a), rebase(in.SampleRef, a)
	}
}

// rebase is a price before the action, as one after it. A statistic's reference: rounding to a millionth is enough.
func rebase(price int64, a feed.Action) int64 {
	if price == 0 {
		return 0
	}
	after := float64(price-min(a.AmountMicro, price-1)) * float64(a.RatioDen) / float64(a.RatioNum)
	return max(1, int64(math.Round(min(after, 1e18))))
}
