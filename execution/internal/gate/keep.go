package gate

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"dnalyaw/execution/internal/feed"
)

// Entry is a refused quote, or a finding, as it is kept.
type Entry struct {
	Quote   feed.Quote
	Verdict Verdict
	Finding Finding // where Finding.Reason is not None
}

// Keeper keeps what was refused: Put copies it into a bounded queue and never waits, Drain writes it as JSON lines. What
// finds the queue full is counted, and the next line says how many were lost. Put and Drain may be called by two
// goroutines; Put allocates nothing.
type Keeper struct {
	name func(id int64) string

	mu   sync.Mutex
	ring []Entry
	from int
	n    int
	lost uint64 // since the last Drain
	kept uint64

	drain sync.Mutex // one writer at a time
	batch []Entry
	line  []byte
}

// NewKeeper returns a queue for so many entries. name says an instrument's symbol, nil: none is known; Drain calls it.
func NewKeeper(room int, name func(id int64) string) (*Keeper, error) {
	if room < 1 || room > 1<<20 {
		return nil, fmt.Errorf("gate: a queue for %d refused quotes: give 1 to %d", room, 1<<20)
	}
	if name == nil {
		name = func(int64) string { return "" }
	}
	return &Keeper{name: name, ring: make([]Entry, room)}, nil
}

// Put keeps a refused quote, or one before which messages are missing.
func (k *Keeper) Put(q *feed.Quote, v Verdict) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.slot(); e != nil {
		*e = Entry{Quote: *q, Verdict: v}
	}
}

// PutFinding keeps a finding.
func (k *Keeper) PutFinding(f Finding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.slot(); e != nil {
		*e = Entry{Finding: f}
	}
}

func (k *Keeper) slot() *Entry {
	if k.n == len(k.ring) {
		k.lost++
		return nil
	}
	e := &k.ring[(k.from+k.n)%len(k.ring)]
	k.n++
	k.kept++
	return e
}

// Kept is how many entries were taken so far, and Waiting how many of them are not drained yet.
func (k *Keeper) Kept() (kept uint64, waiting int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept, k.n
}

// Drain writes what is kept to w, a JSON object a line, and returns how many lines. After a failed write the rest of
// the batch is lost, and counted as that.
func (k *Keeper) Drain(w io.Writer) (int, error) {
	k.drain.Lock()
	defer k.drain.Unlock()
	k.mu.Lock()
	k.batch = k.batch[:0]
	for ; k.n > 0; k.n-- {
		k.batch = append(k.batch, k.ring[k.from])
		k.from = (k.from + 1) % len(k.ring)
	}
	lost := k.lost
	k.lost = 0
	k.mu.Unlock()
	lines := 0
	for i := range k.batch {
		k.line = appendEntry(k.line[:0], &k.batch[i], k.name)
		if _, err := w.Write(k.line); err != nil {
			return lines, k.fail(err, lost+uint64(len(k.batch)-i))
		}
		lines++
	}
	if lost > 0 {
		k.line = fmt.Appendf(k.line[:0], "{\"reason\":\"LOST\",\"n\":%d,\"text\":\"refused, but the queue was full: drain it more often or give it more room\"}\n", lost)
		if _, err := w.Write(k.line); err != nil {
			return lines, k.fail(err, lost)
		}
		lines++
	}
	return lines, nil
}

func (k *Keeper) fail(err error, lost uint64) error {
	k.mu.Lock()
	k.lost += lost
	k.mu.Unlock()
	return errors.Join(fmt.Errorf("gate: writing refused quotes: %w", err))
}
