package core

import (
	"fmt"
	"math"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/targets"
)

// The methods here are for an owner that runs the core on a clock of its own, in its own goroutine, and never calls Run.

// NewState is the state before the first record.
func NewState() *State { return newState() }

// DropEnded has orders forgotten as soon as they have ended: for runs in which whoever owns the core keeps what it wants of
// them and no report comes late. What was forgotten is in the hash by its number only.
func (s *State) DropEnded() *State {
	s.dropEnded = true
	return s
}

// Take takes one event of the link in; Turn does what follows from it.
func (c *Core) Take(e risklink.Event) { c.onLink(e) }

// Frame is Take for a frame of riskd's.
func (c *Core) Frame(epoch uint64, tsNs int64, m frame.Message) {
	c.onLink(risklink.Event{Kind: risklink.Frame, Epoch: epoch, TsNs: tsNs, Msg: m})
}

// Turn takes in what timers have left, does what follows from everything that was taken in, commits it and lets frames
// and answers out.
func (c *Core) Turn() error {
	for c.another() {
	}
	return c.turn()
}

// Submit is SubmitTargets without waiting: the answer comes in a later Turn.
func (c *Core) Submit(region string, ps []targets.Portfolio, answer func(Answer)) {
	s := &submission{region: region, portfolios: ps}
	s.answer = func(a Answer) {
		if !s.answered {
			s.answered = true
			c.logAnswer(s, a)
			c.replies = append(c.replies, func() { answer(a) })
		}
	}
	c.onSubmit(s)
}

// Amend gives a working order another total and limit, through risk like everything else; the frame leaves with the next Turn.
func (c *Core) Amend(id uint64, qty, limitPx int64, why string) error {
	o := c.state.Orders[id]
	if o == nil || !c.amend(o, qty, limitPx, why) {
		return fmt.Errorf("order %d: %w", id, errNotWorking)
	}
	return nil
}

// WakeNs is when a schedule wants to be asked again though nothing happens, by the venue's clock; math.MaxInt64 = with
// whatever comes next.
func (c *Core) WakeNs() int64 {
	if len(c.state.active) == 0 || c.wakeNs <= c.clockNs {
		return math.MaxInt64
	}
	return c.wakeNs
}

// Works says whether a schedule works in an instrument and so wants its prices as they come.
func (c *Core) Works(instrument int64) bool {
	for _, id := range c.state.active {
		if c.state.Parents[id].InstrumentID == instrument {
			return true
		}
	}
	return false
}

// StateHash is the hash of everything that would survive a restart.
func (c *Core) StateHash() (string, error) { return c.state.Hash() }

// State is the whole state, to be read only.
func (c *Core) State() *State { return c.state }
