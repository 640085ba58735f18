package core

import (
	"context"
	"errors"
	"time"

	"dnalyaw/execution/internal/targets"
)

// maxBatch is how many events one commit takes in.
const maxBatch = 512

// Run is the loop. It returns when the context ends (nil), or when the journal cannot be written any more.
func (c *Core) Run(ctx context.Context) error {
	defer close(c.ended)
	for {
		var start time.Time
		select {
		case <-ctx.Done():
			return c.stop()
		case e := <-c.link.Events():
			start = c.cfg.Now()
			c.onLink(e)
		case f := <-c.calls:
			start = c.cfg.Now()
			f()
		case <-c.journal.Synced():
			start = c.cfg.Now()
		}
		// Whatever else has come is taken into the same commit.
		n := int64(1)
		for ; n < maxBatch && c.another(); n++ {
		}
		c.metrics.LoopHigh.Store(max(c.metrics.LoopHigh.Load(), n))
		if err := c.turn(); err != nil {
			return err
		}
		if c.cfg.Observer != nil {
			c.cfg.Observer.Turned(c.cfg.Now().Sub(start), int(n))
		}
	}
}

// another takes one more event in if there is one.
func (c *Core) another() bool {
	select {
	case e := <-c.link.Events():
		c.onLink(e)
	case f := <-c.calls:
		f()
	default:
		return false
	}
	return true
}

// turn does what follows from what was taken in, commits it, and lets frames and answers out.
func (c *Core) turn() error {
	c.work()
	c.pump()
	c.askReplan()
	return c.flush()
}

// flush commits what this turn recorded. Frames leave once it is written, for that outlives the process, and riskd
// tells after a power cut what it took; answers to callers leave once the disk has what they say.
func (c *Core) flush() error {
	if c.journal.Pending() > 0 {
		start := c.cfg.Now()
		if err := c.journal.Commit(); err != nil {
			c.cfg.Log.Error("the journal cannot be written; stopping before anything leaves", "error", err.Error())
			return err
		}
		c.metrics.Commits.Add(1)
		took := c.cfg.Now().Sub(start)
		c.metrics.CommitMaxNs.Store(max(c.metrics.CommitMaxNs.Load(), int64(took)))
		if c.cfg.Observer != nil {
			c.cfg.Observer.Committed(c.journal.Blocks(), took)
		}
	}
	for _, m := range c.out {
		if err := c.link.Send(c.epoch, m); err != nil {
			// Down follows on the link; the next connection reconciles what was not sent.
			c.cfg.Log.Warn("a frame was not sent", "kind", m.Kind().String(), "error", err.Error())
			break
		}
	}
	if f, ok := c.link.(flusher); ok && len(c.out) > 0 {
		f.Flush(c.epoch)
	}
	c.out = c.out[:0]
	for _, reply := range c.replies {
		c.waiting = append(c.waiting, answer{c.journal.Blocks(), reply})
	}
	c.replies = c.replies[:0]
	return c.letOut()
}

// answer is what a caller is told once the disk has so many blocks.
type answer struct {
	block uint64
	give  func()
}

// letOut gives the answers that the disk has caught up with.
func (c *Core) letOut() error {
	if err := c.journal.Err(); err != nil {
		c.cfg.Log.Error("the journal does not reach the disk; stopping", "error", err.Error())
		return err
	}
	durable, n := c.journal.Durable(), 0
	if c.cfg.Observer != nil {
		c.cfg.Observer.Durable(durable)
	}
	for n < len(c.waiting) && c.waiting[n].block <= durable {
		c.waiting[n].give()
		n++
	}
	c.waiting = append(c.waiting[:0], c.waiting[n:]...)
	return nil
}

// stop writes the last snapshot of the account and closes the journal, and with it gives the last answers.
func (c *Core) stop() error {
	c.refuseSubmits(targets.FaultRiskDown, "omsd is stopping")
	c.snapshot()
	err := errors.Join(c.flush(), c.journal.Close())
	if err == nil {
		err = c.letOut()
	}
	return err
}

// do runs f in the loop and waits for its answer, which comes after the disk has what it says.
func (c *Core) do(ctx context.Context, f func(reply func())) error {
	done := make(chan struct{})
	call := func() {
		f(func() { c.replies = append(c.replies, func() { close(done) }) })
	}
	return c.await(ctx, call, done)
}

// await hands a call to the loop and waits until it says that it is done.
func (c *Core) await(ctx context.Context, call func(), done <-chan struct{}) error {
	select {
	case c.calls <- call:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
		return ErrStopped
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
		select {
		case <-done:
			return nil
		default:
			return ErrStopped
		}
	}
}

// ErrStopped says that omsd is stopping.
var ErrStopped = errors.New("omsd is stopping")

// after runs f in the loop once d has passed. The wall clock is used for waiting only, never for what is recorded.
func (c *Core) after(d time.Duration, f func()) {
	c.cfg.After(d, func() {
		select {
		case c.calls <- f:
		case <-c.ended:
		}
	})
}
