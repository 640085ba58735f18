// Package core is omsd's one goroutine: it owns the state, the journal and what is sent to riskd.
//
// Everything that happens comes in through one loop: events of the risk link, calls of the API, timers. Each turn of
// the loop appends records to the journal and applies them, commits once, and only then lets frames out; answers to
// callers wait for the disk as well. So what anybody has seen is in the journal, and a replay of the journal gives the
// same state.
package core

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/session"
	"dnalyaw/execution/internal/targets"
)

// Link is what the core needs of the connection to riskd; risklink.Link is one.
type Link interface {
	Events() <-chan risklink.Event
	Send(epoch uint64, m frame.Message) error
	Drop(epoch uint64, why error)
}

// flusher is a link that collects what is sent until it is told to let it out, which is once a turn.
type flusher interface{ Flush(epoch uint64) }

// Journal is where the core's records go; journal.Journal is one.
type Journal interface {
	Keeps() bool // false: records are counted, and nobody reads them again
	Append(record []byte)
	Pending() int
	Commit() error
	Roll(state []byte) error
	Blocks() uint64          // written
	Durable() uint64         // on the disk
	Synced() <-chan struct{} // a word after every sync
	Lag(time.Time) time.Duration
	Err() error
	Chain() journal.Hash
	Close() error
}

// Config is what a Core needs.
type Config struct {
	Region      string
	Register    func() (register.Register, error)
	Reference   func() (*reference.Reference, error)
	Session     func() (*session.Session, error)     // nil, or a nil session: every order goes at once
	Earlier     func(session uint32) (*State, error) // for reports of sessions that the state has forgotten; may be nil
	Window      int                                  // orders that may wait for a decision at once
	SubmitWait  time.Duration                        // how long a submission waits for riskd's snapshot
	RetryWait   time.Duration                        // the first wait before a re-plan; it doubles
	MaxRetries  int                                  // re-plans of one instrument in one session
	BeatEvery   time.Duration                        // between two heartbeats to riskd
	WatchEvery  time.Duration                        // between two comparisons of the books with the venue
	MaxLag      time.Duration                        // how long the disk may be behind before no new order leaves
	AuditBehind func() bool                          // the audit trail has fallen too far behind; nil = there is none. From any goroutine.
	Market      MarketData                           // sizes, halts and volume; nil = there is no feed beside riskd
	Now         func() time.Time
	After       func(time.Duration, func()) // calls once, from any goroutine
	Log         *slog.Logger
	Observer    Observer // of what happens, for metrics; may be nil
}

// Never is for what is not to be done again and again.
const Never = time.Duration(math.MaxInt64)

func (cfg *Config) defaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&cfg.SubmitWait, 5 * time.Second}, {&cfg.RetryWait, 10 * time.Millisecond},
		{&cfg.BeatEvery, 500 * time.Millisecond}, {&cfg.WatchEvery, time.Second}, {&cfg.MaxLag, 2 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if cfg.Window == 0 {
		cfg.Window = 64
	}
	if cfg.MaxRetries == 0 {
		cfg.MaxRetries = 6
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	}
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
	journal Journal
	state   *State
	metrics Metrics
	calls   chan func()
	ended   chan struct{}
	encoded []byte // room for a record

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
	pricedNs  map[int64]int64 // when those prices are of, UTC
	ref       *reference.Reference
	refErr    error
	day       *session.Session // how the session is traded, nil = not known

	syncNonce uint64 // of the SYNC under way; 0 = none
	syncFirst bool   // it is the connection's first: reconcile when it ends
	heard     map[uint64]bool

	behind       bool      // the audit trail is, as last logged
	movedAt      time.Time // when something was last reported that moves the account
	differsSince time.Time // since when venue and books differ

	submits     []*submission
	kills       []*killWait
	replanAsked bool
	retryRound  int
	retryAt     time.Time
	sellsAtLast int

	plans    map[uint64]*schedule.Plan // of the parents that are worked
	wakes    map[uint64]int64          // when each wants to be asked again, the venue's clock
	wakeNs   int64                     // the first of them
	counters map[uint64]*counter       // volume of the parents that follow it
	stirred  map[int64]bool            // instruments in which something happened since they were asked

	out     []frame.Message
	replies []func() // of this turn
	waiting []answer // for the disk

	// Room that is used again, so that an order costs no memory of its own.
	scratch   scratch
	newOrders slab[frame.NewOrder]
	legs      []*order.Order
	shares    map[int64]int64 // what a plan reads of the positions
	marks     map[int64]int64
}

// scratch is the record that is being made. Nothing keeps a record once it is applied and observed.
type scratch struct {
	record   Record
	own      OwnRecord
	decision DecisionRecord
	exec     ExecRecord
}

// Open replays the journal in dir and makes a core that continues it.
func Open(dir string, cfg Config, link Link) (*Core, error) {
	j, rec, err := journal.Open(dir)
	if err != nil {
		return nil, err
	}
	if rec.TornBytes > 0 {
		cfg.Log.Warn("the journal's end was cut short by a crash and is dropped; no caller had been told of it",
			"bytes", rec.TornBytes)
	}
	st, err := Replay(rec.Snapshot, rec.Records)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), j.Close())
	}
	if st.Region != "" && st.Region != cfg.Region {
		return nil, errors.Join(fmt.Errorf("%s belongs to region %s, not %s; give each region its own --dir", dir, st.Region, cfg.Region), j.Close())
	}
	return New(st, cfg, j, link), nil
}

// New makes a core of a state and the journal that continues it.
func New(st *State, cfg Config, j Journal, link Link) *Core {
	cfg.defaults()
	return &Core{
		cfg: cfg, link: link, journal: j, state: st, calls: make(chan func(), 256), ended: make(chan struct{}),
		positions: map[int64]frame.Position{}, prices: map[int64]targets.Quote{}, pricedNs: map[int64]int64{}, heard: map[uint64]bool{},
		plans: map[uint64]*schedule.Plan{}, wakes: map[uint64]int64{}, counters: map[uint64]*counter{}, stirred: map[int64]bool{},
		shares: map[int64]int64{}, marks: map[int64]int64{},
	}
}

// Replay rebuilds the state from a snapshot (nil = none) and the records after it.
func Replay(snapshot []byte, records [][]byte) (*State, error) {
	st, err := restoreState(snapshot)
	if err != nil {
		return nil, fmt.Errorf("%w: snapshot: %w", journal.ErrBroken, err)
	}
	for i, b := range records {
		if err := st.Apply(b); err != nil {
			return nil, fmt.Errorf("%w: record %d: %w", journal.ErrBroken, i+1, err)
		}
	}
	return st, nil
}

// Metrics are the core's counters.
func (c *Core) Metrics() *Metrics { return &c.metrics }

// record appends to the journal and applies. What the state machine refuses is audited in the same commit.
func (c *Core) record(r *Record) error {
	r.TsNs = c.clockNs
	b := c.encoded[:0]
	if c.journal.Keeps() {
		r.About = c.about(r)
		var err error
		if b, err = appendRecord(b, r); err != nil {
			return err
		}
		c.encoded = b
	}
	watched, from := c.watched(r)
	err := c.state.apply(r)
	if err != nil && !errors.Is(err, order.ErrIllegal) {
		c.cfg.Log.Error("a record does not apply", "kind", r.Kind, "error", err.Error())
		return err
	}
	c.journal.Append(b)
	if err == nil {
		c.observe(r, watched, from)
	}
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
	c.scratch.own = OwnRecord{o.ID, e, why}
	c.scratch.record = Record{Kind: kindOwn, Own: &c.scratch.own}
	if err := c.record(&c.scratch.record); err != nil {
		c.audit(o.ID, err)
		return false
	}
	return true
}

func (c *Core) send(m frame.Message) { c.out = append(c.out, m) }
