package sim

import (
	"fmt"
	"strconv"
)

func (s *state) sessionChange(r *Record) error {
	if r.Session == "" {
		return fmt.Errorf("session record without a session")
	}
	if r.Session != s.session {
		if r.State != Waiting || r.Session < s.session || s.session != "" && s.phase != Closed {
			return fmt.Errorf("session %s %s cannot follow session %s %s", r.Session, r.State, s.session, s.phase)
		}
		s.begin(r)
		return nil
	}
	switch {
	case r.State == s.phase:
		// A checkpoint of the clock; while waiting also new market files.
		if r.Market != "" {
			s.market = r.Market
			s.ledger.date = r.Settle
		}
	case s.phase == Waiting && r.State == Open:
		s.phase = Open
	case s.phase == Open && (r.State == Break || r.State == Closed), s.phase == Break && (r.State == Open || r.State == Closed),
		s.phase == Waiting && r.State == Closed:
		s.phase = r.State
		s.edges++
	default:
		return fmt.Errorf("session %s cannot go from %s to %s", s.session, s.phase, r.State)
	}
	for id, px := range r.Marks {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return fmt.Errorf("mark of %q: %w", id, err)
		}
		if p := s.positions[n]; p != nil {
			p.Mark = px
			s.restate(s.desk(n))
		}
	}
	return nil
}

// begin is a new session, without orders.
func (s *state) begin(r *Record) {
	s.session, s.region, s.market, s.phase = r.Session, r.Region, r.Market, Waiting
	s.edges, s.haltSteps, s.actions, s.taken, s.fills, s.borrowedUpTo = 0, 0, 0, 0, 0, 0
	clear(s.orders)
	clear(s.busted)
	clear(s.arrival)
	s.arrival, s.holes, s.finished = s.arrival[:0], 0, s.finished[:0]
	s.reserved, s.shorts, s.lines, s.lastReportNs = 0, s.shorts[:0], [maxPath + 1]line{}, 0
	for _, d := range s.desks {
		d.queue[Buy], d.queue[Sell], d.selling, d.haltedByPlan, d.haltedByHand = d.queue[Buy][:0], d.queue[Sell][:0], 0, false, false
		s.restate(d)
	}
	s.ledger.date = r.Settle
	s.cash += r.Cash
}
