package main

import (
	"github.com/quickfixgo/quickfix"

	"dnalyaw/execution/internal/sim"
)

// outgoing is one message of a turn. A report, which faults may spoil, is heard of when the replayed clock is at heardNs.
type outgoing struct {
	msg     *message
	report  bool
	heardNs int64
}

// newSender hands messages to the FIX engine, all in the same of its message objects: the engine makes bytes of it at once.
func newSender() func(*message) error {
	space := quickfix.NewMessage()
	return func(m *message) error {
		m.fill(space)
		return quickfix.SendToTarget(space, sessionID)
	}
}

// transmit puts a message for the connection there is in the outbox.
func (v *venue) transmit(m *message) {
	if v.loggedOn {
		v.outbox = append(v.outbox, outgoing{msg: m})
	}
}

// flush ends a turn: what happened is journaled, and then told.
func (v *venue) flush() error {
	if err := v.journal.flush(); err != nil {
		return err
	}
	v.tell()
	for _, answer := range v.answers {
		answer()
	}
	v.answers = v.answers[:0]
	return nil
}

// tell sends what the client may hear now; the rest waits for the replayed clock, which no longer moves after the close.
func (v *venue) tell() {
	if len(v.outbox) == 0 && len(v.hearing) == 0 {
		return
	}
	now, closed := v.nowNs(), v.engine.Phase() == sim.Closed
	heard := func(out outgoing) bool { return out.heardNs <= now || closed }
	n := 0
	for n < len(v.hearing) && heard(v.hearing[n]) {
		n++
	}
	v.gate.batch(n + len(v.outbox))
	for _, out := range v.hearing[:n] {
		v.deliver(out.msg)
	}
	v.hearing = v.hearing[n:]
	for _, out := range v.outbox {
		switch {
		case !out.report:
			v.put(out.msg)
		case heard(out):
			v.deliver(out.msg)
		default:
			v.hearing = append(v.hearing, out)
		}
	}
	clear(v.outbox)
	v.outbox = v.outbox[:0]
}

// deliver sends a report, or what a fault makes of it.
func (v *venue) deliver(m *message) {
	for _, m := range v.wire.pass(m, v.wall.Now()) {
		v.put(m)
	}
}

// put queues a message for the connection there is. What cannot be sent is dropped: the other side asks for the
// mass status when it comes back.
func (v *venue) put(m *message) {
	if !v.loggedOn {
		return
	}
	if err := v.send(m); err != nil {
		v.log.Warn("message not sent", "error", err.Error())
	}
}
