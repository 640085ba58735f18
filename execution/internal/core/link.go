package core

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sort"
	"strings"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/targets"
)

func (c *Core) onLink(e risklink.Event) {
	switch e.Kind {
	case risklink.Up:
		c.onUp(e)
	case risklink.Down:
		c.onDown(e)
	case risklink.Frame:
		if e.Epoch == c.epoch {
			c.clockNs = max(c.clockNs, e.TsNs)
			c.onFrame(e.Msg, e.TsNs)
		}
	}
}

func (c *Core) onUp(e risklink.Event) {
	w := e.Welcome
	region := strings.TrimRight(string(w.Region[:]), "\x00")
	c.epoch, c.welcome, c.synced, c.accountOK = e.Epoch, w, false, false
	// A new connection may be to a riskd of another session; its clock starts anew.
	c.clockNs = e.TsNs
	clear(c.prices)
	clear(c.pricedNs)
	c.positions = map[int64]frame.Position{}
	c.out = c.out[:0]
	if region != c.cfg.Region {
		c.cfg.Log.Error("riskd serves another region; refusing it", "riskd", region, "omsd", c.cfg.Region)
		c.link.Drop(e.Epoch, fmt.Errorf("riskd serves region %s", region))
		return
	}
	c.ref, c.refErr = c.cfg.Reference()
	if c.refErr == nil {
		switch {
		case !c.ref.Matches(w.ReferenceHash):
			c.refErr = fmt.Errorf("reference.json has SHA-256 %s, riskd loaded another file (its hash starts %016x); restart riskd or restore the file", c.ref.Hex(), w.ReferenceHash)
		case c.ref.Region != c.cfg.Region:
			c.refErr = fmt.Errorf("reference.json is of region %s, omsd runs %s", c.ref.Region, c.cfg.Region)
		case w.Session != 0 && c.ref.Session != w.Session:
			c.refErr = fmt.Errorf("reference.json is of session %d, riskd trades %d", c.ref.Session, w.Session)
		}
	}
	if c.refErr == nil {
		c.refErr = c.readDay(w.Session)
	}
	file := ""
	if c.ref != nil {
		file = c.ref.Hex()
	}
	if c.refErr == nil && c.cfg.Observer != nil {
		c.cfg.Observer.Reference(c.ref)
	}
	if c.refErr != nil {
		c.cfg.Log.Error("no orders will be sent until the reference is right", "error", c.refErr.Error())
	}
	c.cfg.Log.Info("connected to riskd", "session", w.Session, "last_order_id", w.LastOrderID,
		"limits_hash", fmt.Sprintf("%016x", w.LimitsHash), "reference_sha256", file)
	if last := c.state.LastOrderID; w.LastOrderID > last {
		c.cfg.Log.Warn("riskd has taken order ids beyond this journal; continuing after them", "journal", last, "riskd", w.LastOrderID)
	}
	s := c.state
	if w.Session != s.Session || w.LimitsHash != s.LimitsHash || file != s.ReferenceFile || w.LastOrderID > s.LastOrderID || s.Region == "" {
		if w.Session != s.Session && s.Session != 0 {
			c.roll()
		}
		rec := &SessionRecord{region, w.Session, w.LimitsHash, w.ReferenceHash, file, w.LastOrderID}
		if err := c.record(&Record{Kind: kindSession, Session: rec}); err != nil {
			c.audit(0, err)
		}
	}
	c.beginRouting()
	c.retryRound, c.sellsAtLast = 0, 0
	c.startSync(true)
	c.beat(e.Epoch)
	c.watchBooks(e.Epoch)
}

// readDay reads how the session is traded. A file of another session is worse than none: large orders would go at once.
func (c *Core) readDay(trades uint32) (err error) {
	c.day = nil
	if c.cfg.Session == nil {
		return nil
	}
	day, err := c.cfg.Session()
	switch {
	case err != nil || day == nil:
		return err
	case day.Region != c.cfg.Region:
		return fmt.Errorf("session.json is of region %s, omsd runs %s", day.Region, c.cfg.Region)
	case trades != 0 && day.Number() != trades:
		return fmt.Errorf("session.json is of session %d, riskd trades %d; write it anew or remove it", day.Number(), trades)
	}
	c.day = day
	return nil
}

// roll ends the journal's segment with the session: the next start reads the state here instead of all that made it.
func (c *Core) roll() {
	if !c.journal.Keeps() {
		return
	}
	state, err := json.Marshal(c.state)
	if err == nil && c.journal.Pending() > 0 {
		err = c.journal.Commit()
	}
	if err == nil {
		err = c.journal.Roll(state)
	}
	if err != nil {
		// A journal that failed refuses the next commit, and the loop ends there.
		c.cfg.Log.Error("no snapshot at the session's end", "error", err.Error())
	}
}

// beat tells riskd that this loop still turns, for as long as the connection lasts. It goes through the loop and its
// commit on purpose: an omsd that hangs must look like one that is gone.
func (c *Core) beat(epoch uint64) {
	if c.epoch != epoch {
		return
	}
	c.metrics.Beats.Add(1)
	c.send(&frame.Heartbeat{})
	if c.cfg.BeatEvery != Never {
		c.after(c.cfg.BeatEvery, func() { c.beat(epoch) })
	}
}

func (c *Core) onDown(e risklink.Event) {
	if e.Epoch != c.epoch {
		return
	}
	c.snapshot()
	why := "connection lost"
	if e.Err != nil {
		why = e.Err.Error()
	}
	c.cfg.Log.Warn("risk link is down", "error", why)
	c.epoch, c.synced, c.syncNonce, c.replanAsked = 0, false, 0, false
	c.out = c.out[:0]
	c.refuseSubmits(targets.FaultRiskDown, "the link to riskd went down; nothing was taken, submit again when it is up")
	c.endKills()
}

// startSync asks riskd for everything. One is under way at a time and serves everybody who asks meanwhile: frames
// keep their order, so at its end positions, fills and prices are of one moment.
func (c *Core) startSync(first bool) {
	if c.epoch == 0 {
		return
	}
	if c.syncNonce != 0 && !first {
		return
	}
	c.metrics.Syncs.Add(1)
	c.syncNonce = c.epoch<<32 | c.metrics.Syncs.Load()&0xffffffff
	c.syncFirst = first
	if c.staged == nil {
		c.staged = map[int64]frame.Position{}
	}
	clear(c.staged)
	clear(c.heard)
	c.send(&frame.Sync{Nonce: c.syncNonce})
}

func (c *Core) onFrame(m frame.Message, tsNs int64) {
	switch m := m.(type) {
	case *frame.Decision:
		c.onDecision(m, tsNs)
	case *frame.Exec:
		c.onExec(m, tsNs)
	case *frame.State:
		c.onState(m)
	case *frame.Position:
		c.positions[int64(m.InstrumentID)] = *m
		if c.syncNonce != 0 {
			c.staged[int64(m.InstrumentID)] = *m
		}
	case *frame.Price:
		c.prices[int64(m.InstrumentID)] = targets.Quote{Bid: m.Bid, Ask: m.Ask, Last: m.Last}
		c.pricedNs[int64(m.InstrumentID)] = m.TsNs
		c.stir(int64(m.InstrumentID))
	case *frame.SyncEnd:
		c.onSyncEnd(m)
	case *frame.Refused:
		c.onRefused(m)
	default:
		c.link.Drop(c.epoch, fmt.Errorf("riskd sent %s in the middle of a connection", m.Kind()))
	}
}

func (c *Core) onState(m *frame.State) {
	before := c.account
	hadAccount := c.accountOK
	c.account, c.accountOK, c.spent = *m, true, 0
	if m.Session != 0 && m.Session != c.welcome.Session {
		// Another session has another reference and other limits: start over with a handshake.
		c.link.Drop(c.epoch, fmt.Errorf("riskd went from session %d to %d", c.welcome.Session, m.Session))
		return
	}
	if !hadAccount || before.TradingState != m.TradingState || before.VenueUp != m.VenueUp || before.SessionState != m.SessionState {
		c.cfg.Log.Info("riskd's state", "trading", tradingName(m.TradingState), "session_state", sessionName(m.SessionState),
			"venue_up", m.VenueUp == 1, "equity_micro", m.Equity, "cash_micro", m.Cash, "drawdown_bp", m.DrawdownBp,
			"reason", order.ReasonName(m.Reason))
	}
	if m.SessionState == frame.SessionClosed && (!hadAccount || before.SessionState != frame.SessionClosed) {
		for _, id := range c.state.openIDs() {
			if o := c.state.Orders[id]; o.State == order.New {
				c.own(o, order.Lapse, "the session closed before it was sent")
			}
		}
		if c.synced {
			c.snapshot()
		}
	}
	if m.TradingState == frame.TradingKilled {
		c.endKills()
	}
}

func (c *Core) onDecision(m *frame.Decision, tsNs int64) {
	c.metrics.Decisions.Add(1)
	if of, ok := c.state.Amends[m.OrderID]; ok {
		c.onAmendDecision(of, m)
		return
	}
	o := c.state.Orders[m.OrderID]
	if o == nil {
		c.onForeign(m.OrderID, int64(m.InstrumentID), m.Decision != frame.DecisionReject && m.ApprovedQty > 0,
			decisionName(m.Decision)+" "+order.ReasonName(m.Reason))
		if riskdsOwn(m.OrderID) {
			d := c.decisionOf(m, int64(m.InstrumentID), tsNs)
			c.onClose(&CloseRecord{
				OrderID: m.OrderID, InstrumentID: int64(m.InstrumentID), Qty: m.RequestedQty,
				Correlation: hex.EncodeToString(m.Correlation[:]), Decision: &d,
			})
		}
		return
	}
	c.hear(m.OrderID)
	if int64(m.InstrumentID) != o.InstrumentID || m.RequestedQty != o.Qty {
		c.audit(o.ID, fmt.Errorf("decision is about %d of instrument %d, the order is %d of %d",
			m.RequestedQty, m.InstrumentID, o.Qty, o.InstrumentID))
		return
	}
	if m.Decision == frame.DecisionReject && m.Reason == order.ReasonDuplicateID && (o.Sends > 1 || o.Decided != nil) {
		// riskd has taken this id and does not hold this content: nobody knows what became of the order.
		if o.Open() {
			c.own(o, order.Lose, "riskd does not hold it under its id")
			c.logOrder(o, "order's fate is unknown")
		}
		return
	}
	d := c.decisionOf(m, o.InstrumentID, tsNs)
	if p := o.Decided; p != nil && o.State != order.Unknown && p.Code == d.Code && p.Reason == d.Reason && p.ApprovedQty == d.ApprovedQty {
		c.metrics.Duplicates.Add(1)
		return
	}
	c.scratch.decision = DecisionRecord{o.ID, d}
	c.scratch.record = Record{Kind: kindDecision, Decision: &c.scratch.decision}
	if err := c.record(&c.scratch.record); err != nil {
		c.audit(o.ID, err)
		return
	}
	c.logOrder(o, "decided")
	c.afterDecision(o)
	c.stir(o.InstrumentID)
}

// hear notes that riskd told of an order in a SYNC, at whose end every open order is compared with that.
func (c *Core) hear(id uint64) {
	if c.syncNonce != 0 {
		c.heard[id] = true
	}
}

// decisionOf is riskd's decision with the market as it stands.
func (c *Core) decisionOf(m *frame.Decision, instrument, tsNs int64) order.Decision {
	bid, ask := arrival(c.prices[instrument])
	return order.Decision{
		Code: m.Decision, Reason: m.Reason, ApprovedQty: m.ApprovedQty, ReferencePx: m.ReferencePx, Equity: m.Equity,
		WorstCase: m.WorstCase, BindingLimit: m.BindingLimit, LimitsHash: m.LimitsHash, TsNs: tsNs,
		ArrivalBid: bid, ArrivalAsk: ask,
	}
}

// arrival is the market at the decision: the quote, or the print on both sides where there is none.
func arrival(q targets.Quote) (bid, ask int64) {
	if q.Bid == 0 && q.Ask == 0 {
		return q.Last, q.Last
	}
	return q.Bid, q.Ask
}

func (c *Core) onExec(m *frame.Exec, tsNs int64) {
	c.metrics.Execs.Add(1)
	c.movedAt = c.cfg.Now()
	r := order.Report{
		ExecID: m.ExecID, Type: m.ExecType, LastQty: m.LastQty, LastPx: m.LastPx, CumQty: m.CumQty, Leaves: m.LeavesQty,
		Fee: m.Fee, Reason: m.Reason, Bid: m.Bid, Ask: m.Ask, TsNs: tsNs, Replayed: m.Flags&frame.FlagReplayed != 0,
	}
	o := c.state.Orders[m.OrderID]
	if o == nil {
		open := m.ExecType == frame.ExecNew || m.ExecType == frame.ExecPartial || m.ExecType == frame.ExecUnknown ||
			m.ExecType == frame.ExecReplaced || m.ExecType == frame.ExecCorrected && m.LeavesQty > 0
		c.onForeign(m.OrderID, int64(m.InstrumentID), open, "exec "+order.ReasonName(m.Reason))
		if riskdsOwn(m.OrderID) {
			kept := r // so that the report of an order of ours, which is not kept, takes no memory
			c.onClose(&CloseRecord{OrderID: m.OrderID, InstrumentID: int64(m.InstrumentID), Side: order.Side(m.Side), Exec: &kept})
		}
		return
	}
	c.hear(m.OrderID)
	if int64(m.InstrumentID) != o.InstrumentID || m.Side != uint8(o.Side) {
		c.audit(o.ID, fmt.Errorf("report is about side %d of instrument %d, the order is %s of %d", m.Side, m.InstrumentID, o.Side, o.InstrumentID))
		return
	}
	if o.Knows(r) {
		c.metrics.Duplicates.Add(1)
		return
	}
	c.scratch.exec = ExecRecord{o.ID, r}
	c.scratch.record = Record{Kind: kindExec, Exec: &c.scratch.exec}
	if err := c.record(&c.scratch.record); err != nil {
		c.audit(o.ID, err)
		return
	}
	if o.Side == order.Buy && !r.Replayed && (r.LastQty > 0 || r.Type == frame.ExecCorrected) {
		// riskd's word on the cash may come later than the fill that spends it; what a correction takes back is not spent.
		c.spent += (r.LastQty*r.LastPx + r.Fee)
	}
	if r.Type == frame.ExecCorrected {
		c.metrics.Corrections.Add(1)
		c.cfg.Log.Warn("the venue corrected a fill", "order_id", o.ID, "change", r.LastQty, "px", r.LastPx, "filled", o.Cum, jsonlog.CorrelationKey, o.Correlation)
	}
	if n := o.Missing(); n > 0 {
		c.cfg.Log.Warn("filled quantity without its own report", "order_id", o.ID, "missing", n, jsonlog.CorrelationKey, o.Correlation)
	}
	c.logOrder(o, "report")
	c.stir(o.InstrumentID)
}

// onForeign notes an order that riskd knows and this journal does not; while it works it blocks its instrument.
func (c *Core) onForeign(id uint64, instrument int64, open bool, what string) {
	// What has ended does not begin again when a SYNC repeats its whole story.
	if f, ok := c.state.Foreign[id]; ok && (open || !f.Open) && f.Session == c.state.Session {
		return
	}
	c.metrics.Foreign.Add(1)
	c.cfg.Log.Warn("riskd reports an order that is not in this journal", "order_id", id, "instrument_id", instrument, "open", open, "what", what)
	if err := c.record(&Record{Kind: kindForeign, Foreign: &ForeignRecord{id, instrument, open, what}}); err != nil {
		c.audit(id, err)
	}
}

func (c *Core) onRefused(m *frame.Refused) {
	if o := c.amended(m.OrderID); o != nil {
		c.cfg.Log.Warn("a modification was refused", "order_id", o.ID, "modification", m.OrderID, "reason", order.ReasonName(m.Reason), jsonlog.CorrelationKey, o.Correlation)
		c.refuseAmend(o, m.OrderID, m.Reason)
		return
	}
	o := c.state.Orders[m.OrderID]
	if o == nil {
		c.cfg.Log.Warn("riskd refused a frame", "order_id", m.OrderID, "reason", order.ReasonName(m.Reason))
		return
	}
	c.cfg.Log.Warn("riskd refused a cancel", "order_id", o.ID, "reason", order.ReasonName(m.Reason), jsonlog.CorrelationKey, o.Correlation)
	if !o.Open() {
		// The order ended while the cancel was on its way.
		c.metrics.Duplicates.Add(1)
		return
	}
	if err := c.record(&Record{Kind: kindRefused, Refused: &RefusedRecord{o.ID, m.Reason}}); err != nil {
		c.audit(o.ID, err)
	}
}

func (c *Core) onSyncEnd(m *frame.SyncEnd) {
	if m.Nonce != c.syncNonce {
		c.cfg.Log.Warn("SYNC_END with a nonce that was not asked for", "nonce", m.Nonce)
		return
	}
	c.positions, c.staged = c.staged, c.positions
	first := c.syncFirst
	c.syncNonce, c.syncFirst = 0, false
	if first {
		c.synced = true
		c.reconcile()
	}
	c.compareBooks()
	c.settleSubmits()
	if c.replanAsked {
		c.replanAsked = false
		c.replan()
	}
}

// snapshot records the account and the positions, for the reports of a session that is over.
func (c *Core) snapshot() {
	if !c.synced || !c.accountOK || c.state.Session == 0 {
		return
	}
	s := &Snapshot{
		Session: c.state.Session, Equity: c.account.Equity, Baseline: c.account.Baseline, Cash: c.account.Cash,
		LimitsHash: c.welcome.LimitsHash, Reference: c.state.ReferenceFile, Positions: c.positionMarks(),
	}
	if err := c.record(&Record{Kind: kindSnapshot, Snapshot: s}); err != nil {
		c.audit(0, err)
	}
}

func (c *Core) positionMarks() []PositionMark {
	out := make([]PositionMark, 0, len(c.positions))
	for id, p := range c.positions {
		if p.Qty != 0 {
			out = append(out, PositionMark{id, p.Qty, p.MarkPx})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].InstrumentID < out[j].InstrumentID })
	return out
}

func (c *Core) logOrder(o *order.Order, what string) {
	if !c.cfg.Log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.Uint64("order_id", o.ID), slog.Int64("instrument_id", o.InstrumentID), slog.String("side", o.Side.String()), slog.Int64("qty", o.Qty),
		slog.String("state", o.State.String()), slog.Int64("filled", o.Cum), slog.String(jsonlog.CorrelationKey, o.Correlation))
	if o.Decided != nil {
		attrs = append(attrs, slog.String("decision", decisionName(o.Decided.Code)), slog.Int64("approved", o.Decided.ApprovedQty),
			slog.String("reason", order.ReasonName(reasonOf(o))))
	}
	c.cfg.Log.LogAttrs(context.Background(), slog.LevelInfo, what, attrs...)
}

func reasonOf(o *order.Order) uint16 {
	if o.Reason != 0 {
		return o.Reason
	}
	if o.Decided != nil {
		return o.Decided.Reason
	}
	return 0
}
