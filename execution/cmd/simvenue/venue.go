package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/quickfixgo/quickfix"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/sim"
)

const (
	inboxSize     = 1024                   // requests that wait for the loop; a full inbox holds the sender up
	flushEvery    = 50 * time.Millisecond  // market data is coalesced this long
	beatRunning   = 100 * time.Millisecond // between two session statuses while the clock moves
	beatStanding  = 500 * time.Millisecond // and while it stands
	extendSeconds = time.Second
)

// venue owns the engine, the journal and the FIX session's state. Everything but post runs in the loop of run.
type venue struct {
	region  string
	engine  *sim.Engine
	journal *journal
	clock   *clock.Replay
	wall    clock.Clock
	log     *slog.Logger
	gate    *gatekeeper
	send    func(*quickfix.Message) error

	inbox chan func() error
	done  chan struct{}

	loggedOn bool
	mdReqID  string // of the subscription, empty without one
	symbols  map[string]bool
	wire     wire
	reports  int64 // position and collateral reports sent, for their ids
	lastBeat time.Time
	lastExt  time.Time
}

func newVenue(engine *sim.Engine, j *journal, c *clock.Replay, wall clock.Clock, gate *gatekeeper, log *slog.Logger) *venue {
	return &venue{
		region: engine.Day().Region, engine: engine, journal: j, clock: c, wall: wall, log: log, gate: gate,
		send:  func(m *quickfix.Message) error { return quickfix.SendToTarget(m, sessionID) },
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
		if err := v.advance(); err != nil {
			return err
		}
		next.Reset(v.untilNext())
		var err error
		select {
		case <-ctx.Done():
			return nil
		case work := <-v.inbox:
			err = work()
		case <-next.C:
		case <-flush.C:
			err = v.tick()
		}
		if err != nil {
			return err
		}
	}
}

func (v *venue) untilNext() time.Duration {
	if at, ok := v.engine.NextNs(); ok {
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

// commit journals what happened and only then tells of it.
func (v *venue) commit(records []sim.Record) error {
	if err := v.journal.append(records); err != nil {
		return err
	}
	for _, r := range records {
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
		}
	}
	return nil
}

func (v *venue) report(r sim.Record) {
	v.log.Info(string(r.Kind), "cl_ord_id", r.ClOrdID, "instrument_id", r.InstrumentID, "side", r.Side, "qty", r.Qty,
		"cum", r.Cum, "leaves", r.Leaves, "exec_id", r.ExecID, "reason", r.Text)
	if !v.loggedOn {
		return
	}
	o, _ := v.engine.Order(r.ClOrdID)
	msg := executionReport(v.region, r, o.NewOrder, o.Status)
	for _, m := range v.wire.pass(msg, v.wall.Now()) {
		v.transmit(m)
	}
}

// transmit queues a message for the connection there is. What cannot be sent is dropped: the other side asks for the
// mass status when it comes back.
func (v *venue) transmit(m *quickfix.Message) {
	if !v.loggedOn {
		return
	}
	if err := v.send(m); err != nil {
		v.log.Warn("message not sent", "error", err.Error())
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
	for _, q := range quotes {
		if v.symbols == nil || v.symbols[q.Symbol] {
			v.transmit(snapshot(v.mdReqID, q))
		}
	}
	return nil
}

// nowNs is the replayed moment to act at.
func (v *venue) nowNs() int64 { return max(v.clock.NowNs(), v.engine.NowNs()) }

func (v *venue) sendSession(reqID string) error {
	v.lastBeat = v.wall.Now()
	at := v.nowNs()
	if v.engine.Phase() == sim.Waiting || v.engine.Phase() == sim.Closed {
		at = v.engine.NowNs()
	}
	v.transmit(sessionStatus(v.engine.Day().Session, v.engine.Phase(), at, reqID))
	return nil
}

func (v *venue) onLogon() error {
	v.loggedOn, v.mdReqID, v.symbols = true, "", nil
	v.log.Info("logged on", "target", sessionID.TargetCompID)
	if p := v.engine.Phase(); p == sim.Open || p == sim.Break {
		v.clock.Start() // a session resumed after a restart waited for its client
	}
	return v.sendSession("")
}

func (v *venue) onLogout() error {
	v.loggedOn, v.mdReqID, v.symbols = false, "", nil
	v.wire.drop()
	v.log.Info("logged out", "target", sessionID.TargetCompID)
	records, err := v.engine.Disconnected(v.clock.NowNs())
	if err != nil {
		return err
	}
	return v.commit(records)
}

// start opens the session and lets the clock run.
func (v *venue) start() error {
	records, err := v.engine.Start()
	if err != nil {
		return err
	}
	if p := v.engine.Phase(); p == sim.Open || p == sim.Break {
		v.clock.Start()
	}
	return v.commit(records)
}

func (v *venue) newOrder(in sim.NewOrder) error {
	records, err := v.engine.Submit(v.clock.NowNs(), in)
	if err != nil {
		return err
	}
	return v.commit(records)
}

func (v *venue) cancelOrder(id, orig string) error {
	records, found, err := v.engine.Cancel(v.clock.NowNs(), id, orig)
	if err != nil {
		return err
	}
	if err := v.commit(records); err != nil {
		return err
	}
	for _, r := range records {
		if r.Kind == sim.KindCancel && r.CancelID == id {
			return nil
		}
	}
	if !found {
		v.transmit(cancelReject(toCancel, id, orig, nil, 1, "unknown order", v.nowNs()))
		return nil
	}
	o, _ := v.engine.Order(orig)
	v.transmit(cancelReject(toCancel, id, orig, &o, 0, "too late: the order is "+o.Status.String(), v.nowNs()))
	return nil
}

func (v *venue) replaceOrder(r sim.Replacement) error {
	records, refused, err := v.engine.Replace(v.clock.NowNs(), r)
	if err != nil {
		return err
	}
	if err := v.commit(records); err != nil || refused == nil {
		return err
	}
	v.log.Info("replacement refused", "cl_ord_id", r.ClOrdID, "orig_cl_ord_id", r.Orig, "qty", r.Qty, "reason", refused.Text)
	var held *sim.Order
	if o, known := v.engine.Order(r.Orig); known {
		held = &o
	}
	v.transmit(cancelReject(toReplace, r.ClOrdID, r.Orig, held, refused.Reason, refused.Text, v.nowNs()))
	return nil
}

// protect turns cancel on disconnect on or off for this connection.
func (v *venue) protect(id string, on bool) error {
	if !v.loggedOn {
		return nil // the connection that asked is gone
	}
	records, err := v.engine.Protect(on)
	if err != nil {
		return err
	}
	if err := v.commit(records); err != nil {
		return err
	}
	v.log.Info("cancel on disconnect", "on", on)
	v.transmit(protectReport(v.region, id, on))
	return nil
}

// correctLast corrects the session's last fill to qty shares; why says what stands against it.
func (v *venue) correctLast(qty int64) (why string, err error) {
	records, why, err := v.engine.CorrectLast(v.clock.NowNs(), qty)
	if err != nil {
		return "", err
	}
	return why, v.commit(records)
}

func (v *venue) massStatus(id string) error {
	orders := v.engine.Orders()
	if len(orders) == 0 {
		v.transmit(noOrders(v.region, id, v.nowNs()))
	}
	for i, o := range orders {
		v.transmit(statusReport(v.region, id, o, len(orders), i == len(orders)-1, v.nowNs()))
	}
	return nil
}

func (v *venue) reportID() string {
	v.reports++
	return fmt.Sprintf("R%d-%d", v.wall.Now().UnixNano(), v.reports)
}

func (v *venue) positions(id string) error {
	positions := v.engine.Positions()
	v.transmit(positionAck(v.region, id, v.reportID(), len(positions)))
	for _, p := range positions {
		v.transmit(positionReport(v.region, v.engine.Day().Session.Session, id, v.reportID(), p, len(positions)))
	}
	return nil
}

func (v *venue) collateral(id string) error {
	v.transmit(collateralReport(v.region, v.engine.Day().Currency, id, v.reportID(), v.engine.Cash(), v.engine.Value()))
	return nil
}

// marketData answers a V: kind 0 sends the snapshots, 1 goes on with updates, 2 ends the subscription.
func (v *venue) marketData(id string, kind int64, symbols map[string]bool) error {
	if kind == 2 {
		v.mdReqID, v.symbols = "", nil
		return nil
	}
	kept, keptSymbols := v.mdReqID, v.symbols
	v.mdReqID, v.symbols = id, symbols
	err := v.publish(v.engine.Quotes())
	if kind == 0 {
		v.mdReqID, v.symbols = kept, keptSymbols
	}
	return err
}
