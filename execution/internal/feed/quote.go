package feed

import "fmt"

// Kind says what a Quote tells.
type Kind uint8

// The kinds. Values stand on the wire and in kept files: they never change their meaning.
const (
	KindQuote   Kind = 1 // the book's best bid and ask
	KindTrade   Kind = 2 // a trade at Last
	KindAuction Kind = 3 // the print of an auction at Last
	KindStatus  Kind = 4 // no price: what Status says
)

var kindNames = [...]string{KindQuote: "quote", KindTrade: "trade", KindAuction: "auction", KindStatus: "status"}

func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Status is what a KindStatus tells, of one instrument or, with InstrumentID 0, of the whole feed.
type Status uint8

// The statuses.
const (
	StatusNone   Status = 0
	StatusOpen   Status = 1  // continuous trading begins, or goes on after a break
	StatusBreak  Status = 2  // a break within the session
	StatusClose  Status = 3  // continuous trading has ended; what follows is after hours
	StatusHalt   Status = 4  // trading is halted
	StatusResume Status = 5  // the halt is over
	StatusGap    Status = 6  // LastSize messages are missing before Seq
	StatusDown   Status = 7  // the connection is lost or silent
	StatusSync   Status = 8  // a snapshot is complete: what follows it is numbered from Seq+1
	StatusEnd    Status = 9  // the source has ended, as it should
	StatusBeat   Status = 10 // the source lives, nothing else: its clock is RecvNs
)

var statusNames = [...]string{"none", "open", "break", "close", "halt", "resume", "gap", "down", "sync", "end", "beat"}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Flags say more about a Quote.
type Flags uint16

// The flags.
const (
	FlagSnapshot Flags = 1 << iota // the state as a snapshot has it, not something that happens now
	FlagOpening                    // an opening auction's print
	FlagClosing                    // a closing auction's print
	FlagReleased                   // was held by the gate and is let go: others have overtaken it
	FlagSuspect                    // passed while the feed had a gap: something before it may be missing
	FlagBackfill                   // made from a bar: what the bar said at its end
)

// Quote is the one type of market data.
type Quote struct {
	InstrumentID int64  // permanent id; 0 only for a status of the whole feed
	TsNs         int64  // event time: when the source says it happened
	RecvNs       int64  // receipt by the source's or our clock; 0 where a file does not tell
	Seq          uint64 // the stream's number, +1 a message; 0 where the source does not number
	Bid, Ask     int64  // KindQuote: best prices, millionths; 0 = absent
	BidSize      int64  // shares at the bid
	AskSize      int64  // shares at the ask
	Last         int64  // KindTrade, KindAuction: the price, millionths
	LastSize     int64  // shares traded; 0 where the source does not tell
	Source       string // where it comes from, as the source's contract names it
	Kind         Kind
	Status       Status // KindStatus alone
	Flags        Flags
}

// Has says whether all of the flags are set.
func (q *Quote) Has(f Flags) bool { return q.Flags&f == f }

// TwoSided says whether both sides of the book are there.
func (q *Quote) TwoSided() bool { return q.Bid > 0 && q.Ask > 0 }
