package gate

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Config holds the bounds. Default gives values for equities; docs/market-data.md says where they come from.
type Config struct {
	Sequenced bool // the feed numbers its messages +1 each

	MaxAgeNs   int64 // receipt after the event at most by this, where the receipt is known
	MaxAheadNs int64 // event after the receipt at most by this: the clocks' disagreement

	LockedRefused   bool
	OneSidedRefused bool
	OffTickRefused  bool
	TickMicro       int64 // where Instrument names none

	SpreadCeiling      float64 // of the middle price, always
	SpreadDeviations   float64 // robust deviations of the spread's logarithm
	SpreadFloor        float64 // of the middle: a narrower spread is never refused, in regular hours
	SpreadFloorOutside float64 // the same outside regular hours

	SpikeDeviations float64 // robust deviations of the log return
	MoveFloor       float64 // log return that is allowed on top, for the book's own noise
	DailyVolPrior   float64 // of the log return of a session, until there are observations
	DailyVolFloor   float64 // a calmer past than this promises nothing
	DailyVolCap     float64

	ConfirmQuotes  int   // so many quotes at the new level
	ConfirmNs      int64 // over at least this
	ConfirmTrades  int   // or so many trades at the new level and a third observation
	ConfirmTradeNs int64 // over at least this

	MarketNames int     // or so many instruments jumping the same way
	MarketShare float64 // which are at least this share of all
	MarketNs    int64   // within this time
	MarketMove  float64 // by a log return of at most this: a fault of scale hits all names too

	MaxSilenceNs        int64   // of the feed in session; 0 judges none
	SilenceFactor       float64 // of an instrument, times its usual pause; 0 judges none
	InstrumentSilenceNs int64   // and at least this

	MaxInstruments int
}

// Default returns bounds for equities.
func Default() Config {
	return Config{
		MaxAgeNs: int64(5 * time.Second), MaxAheadNs: int64(250 * time.Millisecond), TickMicro: 10_000,
		SpreadCeiling: 0.10, SpreadDeviations: 4, SpreadFloor: 0.0025, SpreadFloorOutside: 0.01,
		SpikeDeviations: 10, MoveFloor: 0.002, DailyVolPrior: 0.02, DailyVolFloor: 0.01, DailyVolCap: 0.20,
		ConfirmQuotes: 3, ConfirmNs: int64(2 * time.Second), ConfirmTrades: 2, ConfirmTradeNs: int64(200 * time.Millisecond),
		MarketNames: 3, MarketShare: 0.2, MarketNs: int64(time.Minute), MarketMove: 0.25,
		MaxSilenceNs: int64(5 * time.Second), SilenceFactor: 50, InstrumentSilenceNs: int64(30 * time.Second),
		MaxInstruments: 1 << 16,
	}
}

// validate names every fault at once.
func (c Config) validate() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf("gate: "+format, args...)) }
	for _, f := range []struct {
		name    string
		v       float64
		low, up float64
	}{
		{"SpreadCeiling", c.SpreadCeiling, 1e-6, 2}, {"SpreadDeviations", c.SpreadDeviations, 1, 100},
		{"SpreadFloor", c.SpreadFloor, 0, 1}, {"SpreadFloorOutside", c.SpreadFloorOutside, 0, 1},
		{"SpikeDeviations", c.SpikeDeviations, 1, 1000}, {"MoveFloor", c.MoveFloor, 0, 1},
		{"DailyVolFloor", c.DailyVolFloor, 1e-6, 1}, {"DailyVolPrior", c.DailyVolPrior, c.DailyVolFloor, c.DailyVolCap},
		{"DailyVolCap", c.DailyVolCap, c.DailyVolFloor, 10}, {"MarketShare", c.MarketShare, 0, 1},
		{"MarketMove", c.MarketMove, 0, 10}, {"SilenceFactor", c.SilenceFactor, 0, 1e6},
	} {
		if !(f.v >= f.low && f.v <= f.up) || math.IsInf(f.v, 0) {
			bad("%s is %v: give %v to %v", f.name, f.v, f.low, f.up)
		}
	}
	for _, n := range []struct {
		name string
		v    int64
		low  int64
	}{
		{"MaxAgeNs", c.MaxAgeNs, 1}, {"MaxAheadNs", c.MaxAheadNs, 0}, {"TickMicro", c.TickMicro, 1},
		{"ConfirmQuotes", int64(c.ConfirmQuotes), 2}, {"ConfirmNs", c.ConfirmNs, 0}, {"ConfirmTrades", int64(c.ConfirmTrades), 1},
		{"ConfirmTradeNs", c.ConfirmTradeNs, 0}, {"MarketNames", int64(c.MarketNames), 2}, {"MarketNs", c.MarketNs, 0},
		{"MaxSilenceNs", c.MaxSilenceNs, 0}, {"InstrumentSilenceNs", c.InstrumentSilenceNs, 0}, {"MaxInstruments", int64(c.MaxInstruments), 1},
	} {
		if n.v < n.low {
			bad("%s is %d: give %d or more", n.name, n.v, n.low)
		}
	}
	return errors.Join(all...)
}

// Instrument is what is known of one beforehand; zero values are unknown.
type Instrument struct {
	Symbol    string  // for explanations
	TickMicro int64   // price step, millionths
	DailyVol  float64 // volatility of a session's log return
}
