package gate

import (
	"context"

	"dnalyaw/execution/internal/feed"
)

// Filter is a feed behind its gate: it streams what passes, statuses included, and hands everything else to a Keeper.
// A quote that was held and is let go comes just before the one that confirmed it, with FlagReleased: other instruments
// may have overtaken it, of its own only quotes of one side.
type Filter struct {
	feed    feed.Feed
	gate    *Gate
	keep    *Keeper
	pending []feed.Quote // passed, still to be handed out
	at      int
	ended   bool
}

// NewFilter puts the gate behind the feed. keep may be nil: then refusals are counted only.
func NewFilter(f feed.Feed, g *Gate, keep *Keeper) *Filter {
	return &Filter{feed: f, gate: g, keep: keep, pending: make([]feed.Quote, 0, 2*holdRoom+1)}
}

// Gate is the gate, for Tick, Health and the counts. Call it from the goroutine that calls Next.
func (f *Filter) Gate() *Gate { return f.gate }

// Connect connects the feed.
func (f *Filter) Connect(ctx context.Context) error {
	f.ended, f.at, f.pending = false, 0, f.pending[:0]
	return f.feed.Connect(ctx)
}

// Subscribe chooses the instruments of the feed.
func (f *Filter) Subscribe(ids ...int64) error { return f.feed.Subscribe(ids...) }

// Next gives the next quote that passes.
func (f *Filter) Next(q *feed.Quote) bool {
	for {
		if f.at < len(f.pending) {
			*q = f.pending[f.at]
			f.at++
			return true
		}
		f.at, f.pending = 0, f.pending[:0]
		if f.ended {
			return false
		}
		if !f.feed.Next(q) {
			f.ended = true
			f.gate.Flush()
			f.settle()
			return false
		}
		v := f.gate.Check(q)
		f.settle()
		if v.Suspect {
			q.Flags |= feed.FlagSuspect
		}
		if f.keep != nil && (v.Outcome == Refuse && !v.Again || v.Missing > 0) {
			f.keep.Put(q, v)
		}
		if v.Outcome != Pass {
			continue
		}
		if len(f.pending) == 0 {
			return true
		}
		f.pending = append(f.pending, *q)
	}
}

// settle takes what the gate decided about held quotes.
func (f *Filter) settle() {
	for i := range f.gate.Settled() {
		s := &f.gate.Settled()[i]
		if s.Verdict.Outcome == Pass {
			f.pending = append(f.pending, s.Quote)
		} else if f.keep != nil && !s.Verdict.Again {
			f.keep.Put(&s.Quote, s.Verdict)
		}
	}
}

// Tick passes the time to the gate and keeps what it finds.
func (f *Filter) Tick(nowNs int64) []Finding {
	found := f.gate.Tick(nowNs)
	if f.keep != nil {
		for _, x := range found {
			f.keep.PutFinding(x)
		}
	}
	return found
}

// Err is the feed's failure.
func (f *Filter) Err() error { return f.feed.Err() }

// Symbol is the feed's name of an instrument.
func (f *Filter) Symbol(id int64) string { return f.feed.Symbol(id) }

// Close closes the feed.
func (f *Filter) Close() error { return f.feed.Close() }
