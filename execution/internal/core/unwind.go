package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

// Unwind is an operator's word that a name or a strategy is to be held no more. It stands until it is lifted.
type Unwind struct {
	InstrumentID int64  `json:"instrument_id,omitempty"`
	StrategyID   string `json:"strategy_id,omitempty"`
	Who          string `json:"who"`
	Reason       string `json:"reason"`
	SinceNs      int64  `json:"since_ns"`
}

// UnwindRecord begins or lifts an unwinding.
type UnwindRecord struct {
	Unwind
	Lift        bool    `json:"lift,omitempty"`
	Instruments []int64 `json:"instruments,omitempty"` // to be planned again
}

func (u Unwind) key() string {
	if u.InstrumentID != 0 {
		return fmt.Sprintf("#%d", u.InstrumentID)
	}
	return u.StrategyID
}

func (s *State) applyUnwind(r *UnwindRecord, tsNs int64) {
	if r.Lift {
		delete(s.Unwinds, r.key())
		return
	}
	u := r.Unwind
	u.SinceNs = tsNs
	s.Unwinds[u.key()] = u
	for _, id := range r.Instruments {
		delete(s.Waiting, id)
		s.Replan[id] = true
		// An operator's word has all the tries that a session gives.
		delete(s.Retries, id)
	}
}

// unwindings lists what is being unwound, by key.
func (s *State) unwindings() []Unwind {
	keys := make([]string, 0, len(s.Unwinds))
	for k := range s.Unwinds {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := make([]Unwind, len(keys))
	for i, k := range keys {
		out[i] = s.Unwinds[k]
	}
	return out
}

// unwound says what is wanted no more.
func (s *State) unwound() targets.Unwound {
	if len(s.Unwinds) == 0 {
		return targets.Unwound{}
	}
	out := targets.Unwound{Strategies: map[string]string{}, Instruments: map[int64]string{}}
	for _, u := range s.Unwinds {
		why := fmt.Sprintf("unwound by %s: %s", u.Who, u.Reason)
		if u.InstrumentID != 0 {
			out.Instruments[u.InstrumentID] = why
		} else {
			out.Strategies[u.StrategyID] = why
		}
	}
	return out
}

// ErrNothing says that there is nothing to unwind or to lift.
var ErrNothing = errors.New("nothing to do")

// Unwind takes a name or a strategy down to nothing: what is planned and not sent is dropped, what works is cancelled,
// and the rest is planned and decided by riskd like everything else, now or as soon as orders may leave. It returns how
// many instruments are concerned and how many cancels were sent. Lift ends it; nothing is bought before the next plan.
func (c *Core) Unwind(ctx context.Context, u Unwind, lift bool) (instruments, cancels int, err error) {
	var failed error
	err = c.do(ctx, func(reply func()) {
		defer reply()
		instruments, cancels, failed = c.unwind(u, lift)
	})
	if err != nil {
		return 0, 0, err
	}
	return instruments, cancels, failed
}

func (c *Core) unwind(u Unwind, lift bool) (instruments, cancels int, err error) {
	_, stands := c.state.Unwinds[u.key()]
	concerned := c.concerned(u)
	switch {
	case lift && !stands:
		return 0, 0, fmt.Errorf("%w: no unwinding of it stands", ErrNothing)
	case !lift && !stands && len(concerned) == 0:
		return 0, 0, fmt.Errorf("%w: it is neither held nor worked on; what it should never hold belongs into the register", ErrNothing)
	}
	r := &UnwindRecord{Unwind: u, Lift: lift}
	if !lift {
		r.Instruments = concerned
	}
	if err := c.record(&Record{Kind: kindUnwind, Unwind: r}); err != nil {
		return 0, 0, err
	}
	c.cfg.Log.Warn("unwind", "instrument_id", u.InstrumentID, "strategy", u.StrategyID, "lift", lift, "who", u.Who, "reason", u.Reason,
		"instruments", len(r.Instruments))
	for _, id := range r.Instruments {
		cancels += c.clearOut(id, "unwound by "+u.Who)
	}
	return len(r.Instruments), cancels, nil
}

// concerned lists the instruments that an unwinding is about, ascending.
func (c *Core) concerned(u Unwind) []int64 {
	found := map[int64]bool{}
	if u.InstrumentID != 0 {
		found[u.InstrumentID] = len(c.state.index.openOf[u.InstrumentID]) > 0 || c.positions[u.InstrumentID].Qty != 0
		for _, id := range c.state.active {
			found[u.InstrumentID] = found[u.InstrumentID] || c.state.Parents[id].InstrumentID == u.InstrumentID
		}
	} else {
		for id, q := range c.state.Ledger[u.StrategyID] {
			found[id] = q != 0
		}
		for id := range c.state.index.open {
			if o := c.state.Orders[id]; o.Session == c.state.Session && o.Shares[u.StrategyID] > 0 {
				found[o.InstrumentID] = true
			}
		}
		for _, id := range c.state.active {
			if p := c.state.Parents[id]; p.Shares[u.StrategyID] > 0 {
				found[p.InstrumentID] = true
			}
		}
	}
	var out []int64
	for id, yes := range found {
		if yes {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// clearOut takes an instrument's orders off, so that it can be planned anew.
func (c *Core) clearOut(instrument int64, why string) (cancels int) {
	c.endParents(instrument, why)
	for _, id := range slices.Clone(c.state.index.openOf[instrument]) {
		switch o := c.state.Orders[id]; {
		case o.Session != c.state.Session:
		case o.State == order.New:
			c.own(o, order.Withdraw, why)
		case o.State != order.PendingCancel && c.synced && c.cancel(o, why):
			cancels++
		}
	}
	return cancels
}
