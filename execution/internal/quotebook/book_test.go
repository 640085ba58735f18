package quotebook_test

import (
	"testing"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/quotebook"
)

func status(s feed.Status) *feed.Quote { return &feed.Quote{Kind: feed.KindStatus, Status: s} }

// What is volume and what is not, by hand: 300 and 200 are trades; a snapshot's trade was counted by whoever saw it, and
// an auction's size is room, not volume.
func TestOnlyTradesAreVolume(t *testing.T) {
	b := quotebook.NewBook()
	b.Take(status(feed.StatusSync))
	for _, q := range []feed.Quote{
		{InstrumentID: 7, Kind: feed.KindAuction, Last: 1, LastSize: 5_000_000, Flags: feed.FlagOpening},
	} {
		b.Take(&q)
	}
	if got := b.Look(7); got.Traded != 0 || got.Counts || !got.Alive {
		t.Fatalf("before any trade: %+v", got)
	}
	for _, q := range []feed.Quote{
		{InstrumentID: 7, Kind: feed.KindTrade, Last: 1, LastSize: 900, Flags: feed.FlagSnapshot},
		{InstrumentID: 7, Kind: feed.KindTrade, Last: 1, LastSize: 300}, {InstrumentID: 8, Kind: feed.KindTrade, Last: 1, LastSize: 50},
		{InstrumentID: 7, Kind: feed.KindTrade, Last: 1, LastSize: 200}, {InstrumentID: 7, Kind: feed.KindTrade, Last: 1},
	} {
		b.Take(&q)
	}
	if got := b.Look(7); got.Traded != 500 || !got.Counts {
		t.Errorf("after trades: %+v", got)
	}
	// The feed tells trades, so a name without one has traded nothing.
	if got := b.Look(9); got != (core.MarketLook{Alive: true, Counts: true}) {
		t.Errorf("a name that nobody has heard of: %+v", got)
	}
}

// A hole in the line means that trades may be missing, a line that is down that all of them are.
func TestAHoleInTheLineCountsNothing(t *testing.T) {
	b := quotebook.NewBook()
	trade := &feed.Quote{InstrumentID: 7, Kind: feed.KindTrade, Last: 1, LastSize: 10}
	quote := &feed.Quote{InstrumentID: 7, Kind: feed.KindQuote, Bid: 1, Ask: 2, BidSize: 30, AskSize: 40}
	halt := &feed.Quote{InstrumentID: 7, Kind: feed.KindStatus, Status: feed.StatusHalt}
	type state struct{ alive, counts, sized, halted bool }
	for i, step := range []struct {
		q    *feed.Quote
		want state
	}{
		{quote, state{}}, {trade, state{}}, {status(feed.StatusSync), state{true, true, true, false}}, {status(feed.StatusGap), state{true, false, true, false}},
		{status(feed.StatusSync), state{true, true, true, false}}, {halt, state{true, true, true, true}}, {status(feed.StatusDown), state{}},
		{trade, state{}}, {status(feed.StatusSync), state{true, true, true, true}},
		{&feed.Quote{InstrumentID: 7, Kind: feed.KindStatus, Status: feed.StatusResume}, state{true, true, true, false}},
		{&feed.Quote{InstrumentID: 7, Kind: feed.KindAuction, Last: 3, LastSize: 9}, state{true, true, false, false}}, {status(feed.StatusEnd), state{}},
	} {
		b.Take(step.q)
		l := b.Look(7)
		if got := (state{l.Alive, l.Counts, l.Sized, l.Halted}); got != step.want {
			t.Errorf("step %d: %+v, want %+v", i, got, step.want)
		}
	}
	if l := b.Look(7); l.Traded != 20 || l.BidSize != 30 || l.AskSize != 40 {
		t.Errorf("%+v", l)
	}
	if up, n := b.State(); up || n != 6 {
		t.Errorf("up %v after %d messages", up, n)
	}
}
