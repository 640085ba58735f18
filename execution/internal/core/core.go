// Package core is omsd's one goroutine: it owns the state, the journal and what is sent to riskd.
//
// Everything that happens comes in through one loop: events of the risk link, calls of the API, timers. Each turn of
// the loop appends records to the journal and applies them, commits once, and only then lets frames and answers out.
// So what anybody has seen is in the journal, and a replay of the journal gives the same state.
package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/targets"
)

// Link is what the core needs of the connection to riskd; risklink.Link is one.
type Link interface {
	Events() <-chan risklink.Event
	Send(epoch uint64, m frame.Message) error
	Drop(epoch uint64, why error)
}

// Config is what a Core needs.
type Config struct {
	Region        string
	RegisterPath  string
	ReferencePath string
	Window        int           // orders that may wait for a decision at once
	SubmitWait    time.Duration // how long a submission waits for riskd's snapshot
	RetryWait     time.Duration // the first wait before a re-plan; it doubles
	MaxRetries    int           // re-plans of one instrument in one session
	BeatEvery     time.Duration // between two heartbeats to riskd
	Log           *slog.Logger
}

// Metrics are counters since the start, safe to read at any time.
type Metrics struct {
	Decisions, Execs, Duplicates, Illegal, Foreign, Resends, Syncs, Commits, RefusedRequests, Beats, Corrections atomic.Uint64
	CommitMaxNs, LoopHigh                                                                                        atomic.Int64
}

// Core is omsd's state and its rules.
type Core struct {
	cfg     Config
	link    Link
	journal *journal.Journal
	state   *State
	metrics Metrics
	calls   chan func()
	wake    chan struct{}
	ended   chan struct{}

	// What riskd says; never journaled, rebuilt by SYNC.
	epoch     uint64 // 0 = down
	welcome   frame.Welcome
	synced    bool
	account   frame.State
	accountOK bool
	spent     int64 // by fills since the account was last sent
	clockNs   int64
	positions map[int64]frame.Position
	staged    map[int64]frame.Position // positions of a SYNC under way
	prices    map[int64]targets.Quote
	ref       *reference.Reference
	refErr    error

	syncNonce uint64 // of the SYNC under way; 0 = none
	syncFirst bool   // it is the connection's first: reconcile when it ends
	heard     map[uint64]bool

	submits     []*submission
	kills       []*killWait
	replanAsked bool
	retryRound  int
	retryAt     time.Time
	sellsAtLast int

	out     []frame.Message
	replies []func()
	hash    string
	hashAt  journal.Hash
}

// Open replays the journal at path and makes a core that continues it.
func Open(path string, cfg Config, link Link) (*Core, error) {
	if cfg.Window == 0 {
		cfg.Window = 64
	}
	if cfg.SubmitWait == 0 {
		cfg.SubmitWait = 5 * time.Second
	}
	if cfg.RetryWait == 0 {
		cfg.RetryWait = 10 * time.Millisecond
	}
	if cfg.MaxRetries == 0 {
		cfg.MaxRetries = 6
	}
	if cfg.BeatEvery == 0 {
		cfg.BeatEvery = 500 * time.Millisecond
	}
	j, rec, err := journal.Open(path)
	if err != nil {
		return nil, err
	}
	if rec.TornBytes > 0 {
		cfg.Log.Warn("the journal's last block was cut short by a crash and is dropped; nobody had seen it",
			"bytes", rec.TornBytes)
	}
	st, err := Replay(rec.Records)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), j.Close())
	}
	if st.Region != "" && st.Region != cfg.Region {
		return nil, errors.Join(fmt.Errorf("%s belongs to region %s, not %s; give each region its own --dir", path, st.Region, cfg.Region), j.Close())
	}
	return &Core{
		cfg: cfg, link: link, journal: j, state: st,
		calls: make(chan func(), 256), wake: make(chan struct{}, 1), ended: make(chan struct{}),
		positions: map[int64]frame.Position{}, prices: map[int64]targets.Quote{}, heard: map[uint64]bool{},
	}, nil
}

// Replay rebuilds the state from a journal's records.
func Replay(records [][]byte) (*State, error) {
	st := newState()
	for i, b := range records {
		r, err := decodeRecord(b)
		if err == nil {
			err = st.apply(r)
		}
		if err != nil && !errors.Is(err, order.ErrIllegal) {
			return nil, fmt.Errorf("%w: record %d: %w", journal.ErrBroken, i+1, err)
		}
	}
	return st, nil
}

// Metrics are the core's counters.
func (c *Core) Metrics() *Metrics { return &c.metrics }

// Run is the loop. It returns when the context ends (nil), or when the journal cannot be written any more.
func (c *Core) Run(ctx context.Context) error {
	defer close(c.ended)
	for {
		select {
		case <-ctx.Done():
			return c.stop()
		case e := <-c.link.Events():
			c.onLink(e)
		case f := <-c.calls:
			f()
		case <-c.wake:
		}
		// Whatever else has come is taken into the same commit.
		for n := int64(1); n < 512; n++ {
			select {
			case e := <-c.link.Events():
				c.onLink(e)
				continue
			case f := <-c.calls:
				f()
				continue
			default:
			}
			c.metrics.LoopHigh.Store(max(c.metrics.LoopHigh.Load(), n))
			break
		}
		c.pump()
		c.askReplan()
		if err := c.flush(); err != nil {
			return err
		}
	}
}

// flush commits what this turn recorded, then lets out what depends on it.
func (c *Core) flush() error {
	if c.journal.Pending() > 0 {
		start := time.Now()
		if err := c.journal.Commit(); err != nil {
			c.cfg.Log.Error("the journal cannot be written; stopping before anything leaves", "error", err.Error())
			return err
		}
		c.metrics.Commits.Add(1)
		c.metrics.CommitMaxNs.Store(max(c.metrics.CommitMaxNs.Load(), int64(time.Since(start))))
	}
	for _, m := range c.out {
		if err := c.link.Send(c.epoch, m); err != nil {
			// Down follows on the link; the next connection reconciles what was not sent.
			c.cfg.Log.Warn("a frame was not sent", "kind", m.Kind().String(), "error", err.Error())
			break
		}
	}
	c.out = c.out[:0]
	for _, reply := range c.replies {
		reply()
	}
	c.replies = c.replies[:0]
	return nil
}

// stop writes the last snapshot and closes the journal.
func (c *Core) stop() error {
	c.refuseSubmits(targets.FaultRiskDown, "omsd is stopping")
	c.snapshot()
	return errors.Join(c.flush(), c.journal.Close())
}

// record appends to the journal and applies. What the state machine refuses is audited in the same commit.
func (c *Core) record(r *Record) error {
	r.TsNs = c.clockNs
	b, err := encodeRecord(r)
	if err != nil {
		return err
	}
	if err = c.state.apply(r); err != nil && !errors.Is(err, order.ErrIllegal) {
		c.cfg.Log.Error("a record does not apply", "kind", r.Kind, "error", err.Error())
		return err
	}
	c.journal.Append(b)
	return err
}

// audit records something that was refused; the state it was refused for is unchanged.
func (c *Core) audit(id uint64, what error) {
	c.metrics.Illegal.Add(1)
	attrs := []any{"order_id", id, "error", what.Error()}
	if o := c.state.Orders[id]; o != nil {
		attrs = append(attrs, jsonlog.CorrelationKey, o.Correlation)
	}
	c.cfg.Log.Error("illegal report or transition, state unchanged", attrs...)
	if err := c.record(&Record{Kind: kindIllegal, Illegal: &IllegalRecord{id, what.Error()}}); err != nil {
		c.cfg.Log.Error("the audit record does not apply", "error", err.Error())
	}
}

// own records one of omsd's own events of an order; false means that it was refused and audited.
func (c *Core) own(o *order.Order, e order.Event, why string) bool {
	if err := c.record(&Record{Kind: kindOwn, Own: &OwnRecord{o.ID, e, why}}); err != nil {
		c.audit(o.ID, err)
		return false
	}
	return true
}

func (c *Core) send(m frame.Message) { c.out = append(c.out, m) }

// do runs f in the loop and waits for its answer, which comes after the commit.
func (c *Core) do(ctx context.Context, f func(reply func())) error {
	done := make(chan struct{})
	call := func() {
		f(func() { c.replies = append(c.replies, func() { close(done) }) })
	}
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
	time.AfterFunc(d, func() {
		select {
		case c.calls <- f:
		case <-c.ended:
		}
	})
}
