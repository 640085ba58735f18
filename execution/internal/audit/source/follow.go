// Package source reads the journals of omsd and riskd while their owners write them.
//
// A reader here shares no code with what wrote the files: it is also what the journals are judged by. It opens files for
// reading only, keeps its place, and reads what is new. What a killed process left unfinished at the end is waited for:
// its owner cuts it off at the next start.
package source

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"dnalyaw/execution/internal/audit"
)

const (
	// patience is for how long the owner's word that the disk has a record is waited for, before the reader itself syncs
	// the file: while the owner writes, its syncs are told in the file, and a second one would only be in their way.
	patience = 250 * time.Millisecond
	// stuckAfter is for how long something unfinished may stand at the end before it is looked at for damage.
	stuckAfter = time.Second
	// chunk is the most that is read at once, and that may wait for the disk.
	chunk = 4 << 20
)

// record is one whole record where it ends.
type record struct {
	segment int
	end     int64
	body    []byte
}

// cursor reads one format from one place on. Not safe for concurrent use.
type cursor interface {
	// advance gives the whole records that follow, a chunk at most; none when there are none yet.
	advance() ([]record, error)
	// durable says up to where the owner says that the disk has the journal: all of the earlier segments, and the current
	// one up to an offset.
	durable() (segment int, end int64, err error)
	// sync brings the segments from this one to the current one to the disk.
	sync(from int) error
	// unfinished says whether bytes stand behind the last whole record, and whether they are proof of damage.
	unfinished() (there bool, damage error)
	// seek goes to the last segment that has at most so many records before it, without reading what is skipped; how many.
	seek(records uint64) (uint64, error)
	close() error
}

// Follower is a Source over one of the journals.
type Follower struct {
	fresh func() cursor
	now   func() time.Time

	whole   bool   // what the disk may not have yet counts too
	at      cursor // nil before the first read
	queue   []record
	queued  int       // bytes in it
	since   time.Time // the queue's first record waits for the disk since then, at most
	seq     uint64    // given out
	synced  record    // the disk has everything up to here
	moved   time.Time // the end
	checked time.Time

	tip struct {
		sync.Mutex
		at  cursor
		seq uint64
	}
}

var _ audit.Source = (*Follower)(nil)

func follow(fresh func() cursor) *Follower {
	return &Follower{fresh: fresh, now: time.Now}
}

// EveryRecord makes the reader give every whole record, without waiting for the disk: for one who compares and writes
// nothing.
func (f *Follower) EveryRecord() { f.whole = true }

// Read is [audit.Source.Read].
func (f *Follower) Read(after uint64, count int) ([]audit.Entry, error) {
	if f.at == nil || after < f.seq {
		if err := f.begin(after); err != nil {
			return nil, err
		}
	}
	var out []audit.Entry
	for size := 0; len(out) < count && size < chunk; {
		ready, err := f.fill()
		if err != nil || ready == 0 {
			// What was read before the damage is given out first.
			if len(out) > 0 {
				return out, nil
			}
			return nil, err
		}
		for _, r := range f.queue[:ready] {
			if len(out) == count || size >= chunk {
				break
			}
			f.seq++
			f.queue, f.queued = f.queue[1:], f.queued-len(r.body)
			if f.seq > after {
				out = append(out, audit.Decode(f.seq, r.body))
				size += len(r.body)
			}
		}
	}
	return out, nil
}

// begin opens the journal where the record after that one stands, or before.
func (f *Follower) begin(after uint64) error {
	if f.at != nil {
		if err := f.at.close(); err != nil {
			return err
		}
	}
	f.at, f.queue, f.queued, f.synced = f.fresh(), nil, 0, record{}
	var err error
	f.seq, err = f.at.seek(after)
	return err
}

// fill says how many of the queue's records the disk has, reading on when there are none.
func (f *Follower) fill() (int, error) {
	if n := f.ready(); n > 0 {
		return n, nil
	}
	if f.queued < chunk {
		more, err := f.at.advance()
		f.take(more)
		if err == nil && len(more) == 0 {
			err = f.damage()
		}
		// What is whole is given out before the damage behind it is told.
		if err != nil && len(f.queue) == 0 {
			return 0, err
		}
	}
	if err := f.settle(); err != nil {
		return 0, err
	}
	return f.ready(), nil
}

// take puts records that were read into the queue.
func (f *Follower) take(more []record) {
	if len(more) == 0 {
		return
	}
	f.moved = f.now()
	if len(f.queue) == 0 {
		f.since = f.moved
	}
	for _, r := range more {
		f.queued += len(r.body)
	}
	f.queue = append(f.queue, more...)
}

// ready is the number of records at the queue's head that the disk has.
func (f *Follower) ready() int {
	n := len(f.queue)
	if n > 0 && (f.whole || f.covered(f.queue[n-1])) {
		return n
	}
	for i, r := range f.queue {
		if !f.covered(r) {
			return i
		}
	}
	return n
}

func (f *Follower) covered(r record) bool {
	return r.segment < f.synced.segment || r.segment == f.synced.segment && r.end <= f.synced.end
}

// settle finds out how far the disk has the journal, by the owner's word or by syncing it.
func (f *Follower) settle() error {
	if len(f.queue) == 0 {
		return nil
	}
	segment, end, err := f.at.durable()
	if err != nil {
		return err
	}
	if told := (record{segment: segment, end: end}); !f.covered(told) {
		f.synced, f.since = told, f.now()
	}
	if f.ready() > 0 || f.now().Sub(f.since) < patience {
		return nil
	}
	if err := f.at.sync(f.queue[0].segment); err != nil {
		return fmt.Errorf("bring the journal's end to the disk: %w", err)
	}
	f.synced = f.queue[len(f.queue)-1]
	return nil
}

// damage looks now and then whether what stands unfinished at the end is a write under way or damage.
func (f *Follower) damage() error {
	now := f.now()
	if now.Sub(f.moved) < stuckAfter || now.Sub(f.checked) < stuckAfter {
		return nil
	}
	f.checked = now
	return f.proof()
}

// proof is what shows that the end is damaged. What its owner has written since the last read looks just like that, so a
// verdict stands only when another read finds nothing whole either.
func (f *Follower) proof() error {
	_, damage := f.at.unfinished()
	if damage == nil {
		return nil
	}
	more, err := f.at.advance()
	if len(more) == 0 {
		return errors.Join(damage, err)
	}
	f.take(more) // an error behind them comes again with the next read
	return nil
}

// Rest looks at once at what stands behind the last whole record: an error when it is damage and no write under way. It
// is for a reader that has read everything and will not wait.
func (f *Follower) Rest() error {
	if f.at == nil {
		return nil
	}
	return f.proof()
}

// Tip is [audit.Source.Tip].
func (f *Follower) Tip() (uint64, error) {
	f.tip.Lock()
	defer f.tip.Unlock()
	if f.tip.at == nil {
		at := f.fresh()
		before, err := at.seek(math.MaxUint64)
		if err != nil {
			return 0, closing(at, err)
		}
		f.tip.at, f.tip.seq = at, before
	}
	for {
		more, err := f.tip.at.advance()
		f.tip.seq += uint64(len(more))
		if err != nil || len(more) == 0 {
			return f.tip.seq, err
		}
	}
}

// Close is [audit.Source.Close].
func (f *Follower) Close() error {
	f.tip.Lock()
	defer f.tip.Unlock()
	var err error
	if f.at != nil {
		err, f.at = f.at.close(), nil
	}
	if f.tip.at != nil {
		err = closing(f.tip.at, err)
		f.tip.at = nil
	}
	return err
}

func closing(c cursor, err error) error {
	if cerr := c.close(); err == nil {
		return cerr
	}
	return err
}
