package gate

import "dnalyaw/execution/internal/feed"

// Outcome is what becomes of a quote.
type Outcome uint8

// The outcomes.
const (
	Pass   Outcome = 1
	Hold   Outcome = 2 // it may be a spike: what follows decides, see Settled
	Refuse Outcome = 3
)

func (o Outcome) String() string {
	switch o {
	case Pass:
		return "pass"
	case Hold:
		return "hold"
	case Refuse:
		return "refuse"
	}
	return "none"
}

// Verdict is the judgement of one quote.
type Verdict struct {
	Outcome  Outcome
	Reason   Reason  // why it is held or refused
	Measured float64 // what the rule measured, in the rule's unit: see Explain
	Bound    float64 // what it may be at most
	Score    float64 // robust deviations, where the rule counts in them
	Ref      int64   // the price it was held against, millionths
	SinceNs  int64   // how long ago that price was, or since when; ns
	Side     Side    // what was judged
	Release  Release // why a held quote was let go or refused
	Suspect  bool    // it passed while the feed had a gap
	Missing  uint64  // messages that are missing just before it
	Again    bool    // a snapshot tells once more what was refused before: it is refused, and not counted or kept again
}

// Side is the part of a quote that a rule judged.
type Side uint8

// The sides.
const (
	Whole Side = iota
	BidSide
	AskSide
	LastPrice
	Sizes
	Order // its number
)

func (s Side) String() string {
	return [...]string{"quote", "bid", "ask", "last", "size", "number"}[min(int(s), 5)]
}

// Release is what settled a held quote.
type Release uint8

// What settles a held quote: the first five let it go.
const (
	NotSettled   Release = iota
	ByQuotes             // enough quotes at the new level for long enough
	ByTrades             // trades at the new level
	ByAuction            // an auction's print at the new level
	ByMarket             // other instruments jumped the same way
	BorneOut             // a price that needs no proof lies at least half as far out
	Reverted             // the price is back: it was no move
	Contradicted         // the price went elsewhere, and this was not on its way
	Crowded              // more was held than there is room for
	Unconfirmed          // the stream ended, or trading was halted, first
)

// Settled is a held quote with its end. Its Outcome is Pass or Refuse.
type Settled struct {
	Quote   feed.Quote
	Verdict Verdict
}

// Finding is something about the feed or an instrument that is no quote's fault.
type Finding struct {
	Reason       Reason
	InstrumentID int64 // 0: the whole feed
	SinceNs      int64 // since when it is silent
	NowNs        int64
	BoundNs      int64
	Over         bool // it has ended
}

// Health is what a consumer asks before it relies on prices.
type Health struct {
	FeedDead   bool
	Suspect    bool // there is a gap that no snapshot has closed
	Dead       bool // the instrument is silent beyond its bound
	Halted     bool
	Holding    bool  // a possible move is held: the last passed price may be old news
	LastNs     int64 // event time of the last that passed, 0: none yet
	KnownPrice bool
}
