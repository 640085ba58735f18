package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Feed is a source of market data. Its methods are called by one goroutine, in the order Connect, Subscribe, then Next
// until it is false, Close. Cancelling the context given to Connect ends a Next that waits.
type Feed interface {
	// Connect opens the file or the connection and reads what stands at its head.
	Connect(ctx context.Context) error
	// Subscribe chooses the instruments to stream; without ids it chooses all. It replaces an earlier choice and is
	// called before the first Next.
	Subscribe(ids ...int64) error
	// Next fills q with what comes next. It returns false at the end, and then Err says whether that was a failure.
	Next(q *Quote) bool
	// Err is the failure that ended the stream, nil where it ended as it should.
	Err() error
	// Symbol is the name of an instrument, for people; "" while the feed has not named it.
	Symbol(id int64) string
	// Close releases what Connect took. It may be called twice.
	Close() error
}

// ErrNotConnected is returned by Subscribe, and ends Next, before Connect.
var ErrNotConnected = errors.New("the feed is not connected: call Connect first")

// Stream yields the feed's quotes, and at the end its failure if there was one. The Quote is the loop's own copy.
func Stream(f Feed) iter.Seq2[Quote, error] {
	return func(yield func(Quote, error) bool) {
		var q Quote
		for f.Next(&q) {
			if !yield(q, nil) {
				return
			}
		}
		if err := f.Err(); err != nil {
			yield(Quote{}, err)
		}
	}
}

// Open connects the feed and subscribes it: what most callers do first.
func Open(ctx context.Context, f Feed, ids ...int64) error {
	if err := f.Connect(ctx); err != nil {
		return err
	}
	return f.Subscribe(ids...)
}

// choice is the set of subscribed instruments; nil chooses all.
type choice map[int64]struct{}

func chosen(ids []int64) (choice, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	c := make(choice, len(ids))
	for _, id := range ids {
		if id <= 0 {
			return nil, fmt.Errorf("subscribe to instrument %d: ids are positive", id)
		}
		c[id] = struct{}{}
	}
	return c, nil
}

// has lets a status of the whole feed through as well.
func (c choice) has(id int64) bool {
	if c == nil || id == 0 {
		return true
	}
	_, ok := c[id]
	return ok
}

func (c choice) ids() []int64 {
	ids := make([]int64, 0, len(c))
	for id := range c {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// interner keeps one string for each text that repeats in a file, so that reading allocates nothing later on. It is
// bounded: a file of ever new texts costs an allocation each, not memory.
type interner struct{ known map[string]string }

const internLimit = 1 << 16

func (n *interner) get(b []byte) string {
	if s, ok := n.known[string(b)]; ok {
		return s
	}
	if n.known == nil {
		n.known = map[string]string{}
	}
	s := string(b)
	if len(n.known) < internLimit {
		n.known[s] = s
	}
	return s
}
