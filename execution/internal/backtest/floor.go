package backtest

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/session"
	"dnalyaw/execution/internal/sim"
)

// ownBase is where the ids of the risk engine's own closing orders begin.
const ownBase = uint64(1) << 62

// Config is what a Floor needs.
type Config struct {
	Region   string
	Register register.Register
	OpenRisk func(reference []byte) (Risk, error) // makes the engine at the first session
	Journal  core.Journal                         // nil = none is kept
	Sink     Sink

	// RearmAfter is after how many sessions that began with the kill switch thrown it is armed again, before the open, as a
	// person does with `dnalyaw rearm`; 0 = never.
	RearmAfter int

	Log *slog.Logger
}

// Floor is the whole runtime in one goroutine.
type Floor struct {
	cfg   Config
	core  *core.Core
	risk  Risk
	venue *sim.Engine
	day   *Prepared

	nowNs  int64
	epoch  uint64
	queue  []frame.Message // from the core, to be answered
	asked  []frame.Message // of the queue: what is being answered
	timers timers
	refuse error

	quotes   []riskengine.Quote
	changed  []sim.Quote
	actions  []riskengine.Action
	settleAt int64
	moved    bool               // something was reported since riskd's state was told
	handed   bool               // the core was told something since it turned
	later    []riskengine.Quote // of names in which nothing is held or works: told before anything is asked
	legs     []riskengine.Order
	legIDs   [][16]byte
	execs    uint64
	late     []late            // reports on their way
	first    map[uint64]uint64 // of the session: a modification's id -> the order's
	killed   int               // sessions that have begun with the kill switch thrown, without a break

	// Room that is used again: what is told is read at once and not kept.
	decision  riskengine.Decision
	order     riskengine.Order
	outcome   riskengine.Report
	told      told
	quote     riskengine.Quote // of the instrument quoteOf, as the risk engine has it now
	quoteOf   uint64
	positions []riskengine.Position
	prices    []riskengine.Quote
	name      []byte
}

// told are the frames that the core is handed.
type told struct {
	decision frame.Decision
	exec     frame.Exec
	price    frame.Price
	position frame.Position
	state    frame.State
}

// New makes a floor.
func New(cfg Config) *Floor {
	f := &Floor{cfg: cfg, actions: make([]riskengine.Action, 256), settleAt: math.MaxInt64}
	j := cfg.Journal
	if j == nil {
		j = core.NewMemory()
	}
	f.core = core.New(core.NewState().DropEnded(), core.Config{
		Region: cfg.Region, Log: cfg.Log,
		Register:  func() (register.Register, error) { return cfg.Register, nil },
		Reference: func() (*reference.Reference, error) { return f.day.ref, nil },
		Session:   func() (*session.Session, error) { return f.day.Session, nil },
		Now:       func() time.Time { return time.Unix(0, f.nowNs) },
		After:     func(d time.Duration, do func()) { f.timers.add(f.nowNs+int64(d), do) },
		BeatEvery: core.Never, WatchEvery: core.Never,
	}, j, f)
	return f
}

// Events implements core.Link; events are handed over directly.
func (f *Floor) Events() <-chan risklink.Event { return nil }

// Send implements core.Link: what the core sends is answered once its turn is over.
func (f *Floor) Send(_ uint64, m frame.Message) error {
	f.queue = append(f.queue, m)
	return nil
}

// Drop implements core.Link: in one process it can only mean that the parts do not fit together.
func (f *Floor) Drop(_ uint64, why error) { f.refuse = errors.Join(f.refuse, why) }

// Core is the order-management system, for reports.
func (f *Floor) Core() *core.Core { return f.core }

// Run trades one session after the other.
func (f *Floor) Run(d Day) error {
	day, err := Prepare(d)
	if err != nil {
		return err
	}
	return f.RunPrepared(day)
}

// RunPrepared is Run for a day that was prepared.
func (f *Floor) RunPrepared(day *Prepared) (err error) {
	f.day = day
	err = f.run()
	sum := Summary{}
	if err == nil {
		sum, err = f.summary()
	}
	if q := day.Quotes; q != nil {
		read, failed := q.Close()
		sum.Quotes = &read
		err = errors.Join(err, failed)
	}
	if err != nil {
		return err
	}
	return f.cfg.Sink.Day(sum)
}

func (f *Floor) run() error {
	day := f.day
	if err := f.open(); err != nil {
		return fmt.Errorf("session %d: %w", day.ref.Session, err)
	}
	if err := f.trade(); err != nil {
		return fmt.Errorf("session %d at %s: %w", day.ref.Session, time.Unix(0, f.nowNs).UTC().Format(time.RFC3339Nano), err)
	}
	return nil
}

// trade lets the session pass.
func (f *Floor) trade() error {
	records, err := f.venue.Start()
	if err != nil {
		return err
	}
	if err := f.risk.Session(frame.SessionOpen, f.nowNs); err != nil {
		return err
	}
	if err := f.hear(records); err != nil {
		return err
	}
	f.moved = true
	for {
		at, running := f.venue.NextNs()
		if !running {
			break
		}
		at = min(at, f.settleAt, f.timers.next(), f.core.WakeNs(), f.nextHandoff(), f.nextLate())
		at = max(at, f.nowNs)
		if err := f.advance(at); err != nil {
			return err
		}
	}
	if err := f.risk.Session(frame.SessionClosed, f.nowNs); err != nil {
		return err
	}
	f.moved = true
	return f.settle()
}

// advance moves everything to a moment.
func (f *Floor) advance(at int64) error {
	f.nowNs = at
	before := f.venue.Phase()
	records, err := f.venue.Advance(at)
	if err != nil {
		return err
	}
	f.changed = f.venue.AppendChanged(f.changed[:0])
	if err := f.tellQuotes(); err != nil {
		return err
	}
	after := f.venue.Phase()
	if len(records) == 0 && after == before && f.stillness(at) {
		return nil
	}
	if err := f.tellLater(); err != nil {
		return err
	}
	if err := f.hearLate(at); err != nil {
		return err
	}
	if err := f.hear(records); err != nil {
		return err
	}
	if after != before {
		if err := f.risk.Session(sessionState(after), at); err != nil {
			return err
		}
		f.moved = true
	}
	f.timers.run(at)
	if f.core.WakeNs() <= at {
		f.moved = true // the state that is told brings the core's clock here
	}
	if err := f.handOver(at); err != nil {
		return err
	}
	return f.settle()
}

// stillness says that prices have changed by now and nothing else: nobody was told anything, and nobody wants anything.
func (f *Floor) stillness(at int64) bool {
	return !f.handed && !f.moved && f.settleAt > at && f.nextLate() > at && f.timers.next() > at && f.core.WakeNs() > at && f.nextHandoff() > at && f.risk.Wants() == 0
}

func sessionState(p sim.Phase) uint8 {
	switch p {
	case sim.Waiting:
		return frame.SessionPreOpen
	case sim.Open:
		return frame.SessionOpen
	case sim.Break:
		return frame.SessionBreak
	case sim.Closed:
		return frame.SessionClosed
	}
	return frame.SessionUnknown
}

func (f *Floor) nextHandoff() int64 {
	if len(f.day.Portfolios) == 0 {
		return math.MaxInt64
	}
	return f.day.Portfolios[0].AtNs
}

// handOver submits what is due.
func (f *Floor) handOver(until int64) error {
	for len(f.day.Portfolios) > 0 && f.day.Portfolios[0].AtNs <= until {
		h := f.day.Portfolios[0]
		f.day.Portfolios = f.day.Portfolios[1:]
		var told *core.Answer
		f.core.Submit(f.cfg.Region, h.Portfolios, func(a core.Answer) { told = &a })
		if err := f.settle(); err != nil {
			return err
		}
		if told == nil {
			return errors.New("a hand-off was not answered")
		}
		if err := f.cfg.Sink.Handoff(f.day.ref.Session, f.nowNs, *told); err != nil {
			return err
		}
	}
	return nil
}

// orderID is the id in a ClOrdID; the risk engine's own orders have a K before theirs.
func (f *Floor) orderID(clOrdID string) (uint64, error) {
	digits, base := "", uint64(0)
	if n := len(f.cfg.Region); len(clOrdID) > n+1 && clOrdID[:n] == f.cfg.Region && clOrdID[n] == '-' {
		if digits = clOrdID[n+1:]; digits[0] == 'K' {
			digits, base = digits[1:], ownBase
		}
	}
	id, err := strconv.ParseUint(digits, 10, 62)
	if err != nil {
		return 0, fmt.Errorf("the venue reports an order %q that nobody sent", clOrdID)
	}
	return base + id, nil
}

func (f *Floor) clOrdID(id uint64) string {
	b := append(append(f.name[:0], f.cfg.Region...), '-')
	if id >= ownBase {
		b, id = append(b, 'K'), id-ownBase
	}
	f.name = strconv.AppendUint(b, id, 10)
	return string(f.name)
}

// Close frees the risk engine.
func (f *Floor) Close() error {
	if f.risk == nil {
		return nil
	}
	return f.risk.Close()
}
