package main

import (
	"context"
	"log/slog"
	"time"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/sim"
)

const (
	inboxSize     = 1024                   // requests that wait for the loop; a full inbox holds the sender up
	turnSize      = 256                    // requests of one turn of the loop: they share one sync of the journal
	flushEvery    = 50 * time.Millisecond  // market data is coalesced this long
	beatRunning   = 100 * time.Millisecond // between two session statuses while the clock moves
	beatStanding  = 500 * time.Millisecond // and while it stands
	extendSeconds = time.Second
)

// venue owns the engine, the journal and the FIX session's state. Everything but post runs in the loop of run. A turn of the loop
// changes the engine for all requests that wait, journals what came of them with one sync, and only then tells anybody.
type venue struct {
	region  string
	engine  *sim.Engine
	journal *journal
	clock   *clock.Replay
	wall    clock.Clock
	log     *slog.Logger
	gate    *gatekeeper
	send    func(*message) error

	inbox chan func() error
	done  chan struct{}

	outbox  []outgoing // of this turn, to be told
	answers []func()   // of this turn, to the control socket
	hearing []outgoing // what the client has yet to hear of: reports with a latency

	loggedOn bool
	mdReqID  string // of the subscription, empty without one
	symbols  map[string]bool
	verbose  bool // each report is logged
	wire     wire
	reports  int64 // position and collateral reports sent, for their ids
	lastBeat time.Time
	lastExt  time.Time
}

func newVenue(engine *sim.Engine, j *journal, c *clock.Replay, wall clock.Clock, gate *gatekeeper, log *slog.Logger) *venue {
	return &venue{
		region: engine.Day().Region, engine: engine, journal: j, clock: c, wall: wall, log: log, gate: gate,
		send: newSender(), verbose: log.Enabled(context.Background(), slog.LevelDebug),
		inbox: make(chan func() error, inboxSize), done: make(chan struct{}),
	}
}

// post hands work to the loop. It is safe for concurrent use and returns at once when the loop has ended.
func (v *venue) post(work func() error) {
	select {
	case v.inbox <- work:
	case <-v.done:
	}
}

// run is the loop. An error means that the venue cannot keep its promises and must stop.
func (v *venue) run(ctx context.Context) error {
	defer close(v.done)
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	next := time.NewTimer(time.Hour)
	defer next.Stop()
	for {
		err := v.advance()
		if err == nil {
			err = v.flush()
		}
		if err != nil {
			return err
		}
		next.Reset(v.untilNext())
		select {
		case <-ctx.Done():
			return nil
		case work := <-v.inbox:
			err = v.work(work)
		case <-next.C:
		case <-flush.C:
			err = v.tick()
		}
		if err != nil {
			return err
		}
	}
}

// work does what waits, up to a turn's worth.
func (v *venue) work(work func() error) error {
	for n := 1; ; n++ {
		if err := work(); err != nil || n == turnSize {
			return err
		}
		select {
		case work = <-v.inbox:
		default:
			return nil
		}
	}
}

func (v *venue) untilNext() time.Duration {
	at, some := v.engine.NextNs()
	if len(v.hearing) > 0 && (!some || v.hearing[0].heardNs < at) {
		at, some = v.hearing[0].heardNs, true
	}
	if some {
		if d, ok := v.clock.WallUntil(at); ok {
			return d
		}
	}
	return time.Hour
}

func (v *venue) advance() error {
	if !v.clock.Running() {
		return nil
	}
	records, err := v.engine.Advance(v.clock.NowNs())
	if err != nil {
		return err
	}
	return v.commit(records)
}

// commit takes what happened: it is journaled and told at the end of the turn.
func (v *venue) commit(records []sim.Record) error {
	if err := v.journal.add(records); err != nil {
		return err
	}
	for i := range records {
		r := &records[i]
		switch r.Kind {
		case sim.KindSession:
			if r.Text == sim.TextCheckpoint {
				continue
			}
			v.log.Info("session", "session", r.Session, "state", r.State, "clock_ns", r.TsNs, "reason", r.Text)
			if err := v.sendSession(""); err != nil {
				return err
			}
		case sim.KindFill:
			// The price first: a report must not tell of a market that its reader has not seen.
			if err := v.publish(v.engine.TakeChanged()); err != nil {
				return err
			}
			v.report(r)
		case sim.KindAck, sim.KindReject, sim.KindCancel, sim.KindExpire, sim.KindReplace, sim.KindCorrect:
			v.report(r)
		case sim.KindRefuse:
			v.refused(r)
		case sim.KindHalt, sim.KindResume:
			v.log.Info(string(r.Kind), "instrument_id", r.InstrumentID, "clock_ns", r.TsNs, "px", r.Px, "reason", r.Text)
			v.transmit(securityStatus(r, v.symbolOf(r.InstrumentID)))
		}
	}
	return nil
}

func (v *venue) symbolOf(instrument int64) string {
	for _, q := range v.engine.Quotes() {
		if q.InstrumentID == instrument {
			return q.Symbol
		}
	}
	return ""
}

func (v *venue) report(r *sim.Record) {
	v.logReport(r)
	if !v.loggedOn {
		return
	}
	terms, status, _ := v.engine.Terms(r.ClOrdID)
	v.outbox = append(v.outbox, outgoing{executionReport(v.region, r, terms, status), true, r.ReportNs})
}

// refused answers a cancel or a replacement that came too late on its way.
func (v *venue) refused(r *sim.Record) {
	v.logReport(r)
	if !v.loggedOn {
		return
	}
	id := r.Orig
	if r.CancelID != "" {
		id = r.ClOrdID
	}
	var held *sim.Order
	if o, known := v.engine.Order(id); known {
		held = &o
	}
	v.outbox = append(v.outbox, outgoing{refused(r, held), true, r.ReportNs})
}

// logReport says at debug level what log.jsonl has anyway.
func (v *venue) logReport(r *sim.Record) {
	if v.verbose {
		v.log.Debug(string(r.Kind), "cl_ord_id", r.ClOrdID, "instrument_id", r.InstrumentID, "side", r.Side, "qty", r.Qty,
			"cum", r.Cum, "leaves", r.Leaves, "exec_id", r.ExecID, "reason", r.Text)
	}
}

func (v *venue) tick() error {
	now := v.wall.Now()
	for _, m := range v.wire.due(now) {
		v.transmit(m)
	}
	if err := v.publish(v.engine.TakeChanged()); err != nil {
		return err
	}
	beat := beatStanding
	if v.clock.Running() {
		beat = beatRunning
	}
	if now.Sub(v.lastBeat) >= beat {
		if err := v.sendSession(""); err != nil {
			return err
		}
	}
	if now.Sub(v.lastExt) >= extendSeconds {
		v.lastExt = now
		if err := v.gate.extend(now); err != nil {
			v.log.Debug("write deadline", "error", err.Error())
		}
	}
	return nil
}

func (v *venue) publish(quotes []sim.Quote) error {
	if v.mdReqID == "" {
		return nil
	}
	for i := range quotes {
		if q := &quotes[i]; v.symbols == nil || v.symbols[q.Symbol] {
			v.transmit(snapshot(v.mdReqID, q))
		}
	}
	return nil
}

// nowNs is the replayed moment to act at.
func (v *venue) nowNs() int64 { return max(v.clock.NowNs(), v.engine.NowNs()) }

func (v *venue) sendSession(reqID string) error {
	v.lastBeat = v.wall.Now()
	day, at := v.engine.Day(), v.nowNs()
	if v.engine.Phase() == sim.Waiting || v.engine.Phase() == sim.Closed {
		at = v.engine.NowNs()
	}
	v.transmit(sessionStatus(&day, v.engine.Phase(), at, reqID))
	return nil
}
