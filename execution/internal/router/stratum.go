package router

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// None is the bucket of what is not known: a one-sided quote's spread, a size without a displayed size or ADV.
const None = 255

// Basis says what an order's size is measured against.
type Basis string

// The bases.
const (
	Displayed Basis = "displayed" // the size displayed at the far touch
	Volume    Basis = "adv"       // the average daily volume, where no size is displayed
	Unsized   Basis = "none"
)

// Stratum is a cell of the experiment: orders in it are alike in what was known before they were sent.
type Stratum struct {
	Market     string `json:"market"`
	Instrument int64  `json:"instrument"` // 0 = instruments are pooled by liquidity
	Liquidity  uint8  `json:"liquidity"`  // bucket of the daily traded notional; None when the instrument stands for itself
	Basis      Basis  `json:"basis"`
	Size       uint8  `json:"size"`   // bucket of the order's part of the basis
	Spread     uint8  `json:"spread"` // bucket of the quoted spread
	Time       uint8  `json:"time"`   // bucket of the trading time since the open
}

// Key is the stratum in one word, as it stands in the state and in reports.
func (s Stratum) Key() string {
	b := make([]byte, 0, 64)
	b = append(b, s.Market...)
	b = strconv.AppendInt(append(b, "|i"...), s.Instrument, 10)
	b = strconv.AppendUint(append(b, "|l"...), uint64(s.Liquidity), 10)
	b = strconv.AppendUint(append(append(b, '|'), s.Basis...), uint64(s.Size), 10)
	b = strconv.AppendUint(append(b, "|s"...), uint64(s.Spread), 10)
	b = strconv.AppendUint(append(b, "|t"...), uint64(s.Time), 10)
	return string(b)
}

// Buckets are the cuts between strata. A value takes the bucket of the first cut that it is below, the last bucket when
// it is below none. Fewer strata fill their blocks sooner; more make orders more alike.
type Buckets struct {
	ByInstrument  bool    `json:"by_instrument"`  // every instrument is a stratum of its own
	NotionalMicro []int64 `json:"notional_micro"` // cuts of the average daily notional, millionths of the currency
	DisplayedPPM  []int64 `json:"displayed_ppm"`  // cuts of the order's part of the displayed size
	ADVPPM        []int64 `json:"adv_ppm"`        // cuts of its part of the average daily volume
	SpreadPPM     []int64 `json:"spread_ppm"`     // cuts of the spread as a part of the mid: 100 is one basis point
	TimeNs        []int64 `json:"time_ns"`        // cuts of the trading time since the open
}

// DefaultBuckets pool instruments in three classes of liquidity: two sizes, two spreads and three times of the session.
func DefaultBuckets() Buckets {
	const minute = int64(60_000_000_000)
	return Buckets{
		NotionalMicro: []int64{10_000_000_000_000, 100_000_000_000_000}, DisplayedPPM: []int64{500_000}, ADVPPM: []int64{1_000},
		SpreadPPM: []int64{500}, TimeNs: []int64{30 * minute, 240 * minute},
	}
}

// Validate says what is wrong with the cuts, all faults at once.
func (b Buckets) Validate() error {
	var all []error
	for _, c := range []struct {
		name string
		cuts []int64
	}{
		{"notional_micro", b.NotionalMicro}, {"displayed_ppm", b.DisplayedPPM}, {"adv_ppm", b.ADVPPM}, {"spread_ppm", b.SpreadPPM}, {"time_ns", b.TimeNs},
	} {
		if len(c.cuts) >= None {
			all = append(all, fmt.Errorf("%s has %d cuts: give at most %d", c.name, len(c.cuts), None-1))
		}
		for i := range c.cuts {
			if i > 0 && c.cuts[i] <= c.cuts[i-1] || c.cuts[i] < 0 {
				all = append(all, fmt.Errorf("%s[%d] is %d: cuts must ascend from 0 on", c.name, i, c.cuts[i]))
			}
		}
	}
	return errors.Join(all...)
}

// Facts are what is known of an order before it is sent, and nothing else.
type Facts struct {
	Market        string
	InstrumentID  int64
	Qty           int64 // shares
	Displayed     int64 // shares at the far touch; 0 = none or unknown
	ADV           int64 // shares; 0 = unknown
	NotionalMicro int64 // average daily notional, millionths; 0 = unknown
	Bid, Ask      int64 // millionths; 0 = absent
	SinceOpenNs   int64 // trading time since the open
}

// Stratum puts an order in its cell.
func (b Buckets) Stratum(f Facts) Stratum {
	s := Stratum{Market: f.Market, Liquidity: None, Basis: Unsized, Size: None, Spread: None, Time: bucket(b.TimeNs, f.SinceOpenNs)}
	switch {
	case b.ByInstrument:
		s.Instrument = f.InstrumentID
	case f.NotionalMicro > 0:
		s.Liquidity = bucket(b.NotionalMicro, f.NotionalMicro)
	}
	switch {
	case f.Qty <= 0:
	case f.Displayed > 0:
		s.Basis, s.Size = Displayed, bucket(b.DisplayedPPM, part(f.Qty, f.Displayed))
	case f.ADV > 0:
		s.Basis, s.Size = Volume, bucket(b.ADVPPM, part(f.Qty, f.ADV))
	}
	if f.Bid > 0 && f.Ask >= f.Bid {
		s.Spread = bucket(b.SpreadPPM, part(f.Ask-f.Bid, f.Bid+(f.Ask-f.Bid)/2))
	}
	return s
}

// bucket is the place of the first cut above v.
func bucket(cuts []int64, v int64) uint8 {
	i, at := slices.BinarySearch(cuts, v)
	if at {
		i++
	}
	return uint8(i)
}
