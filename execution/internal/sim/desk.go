package sim

import (
	"cmp"
	"slices"
)

// desk is what the account has of one instrument: its position, its working orders and sums over them that are kept up
// to date, so that no decision scans the session's orders.
type desk struct {
	id       int64
	position *Position   // nil when it is flat
	queue    [3][]*Order // by Side: the working orders, in the order in which they trade
	selling  int64       // shares that working sells claim

	pledge      int64 // what its short position holds back, as it was last summed
	pledgeStale bool  // the position or its price has changed since

	haltedByPlan bool
	haltedByHand bool
}

func (s *state) desk(instrument int64) *desk {
	d := s.desks[instrument]
	if d == nil {
		d = &desk{id: instrument}
		s.desks[instrument] = d
	}
	return d
}

func (d *desk) held() int64 {
	if d.position == nil {
		return 0
	}
	return d.position.Qty
}

func (d *desk) halted() bool { return d.haltedByPlan || d.haltedByHand }

func (d *desk) idle() bool { return len(d.queue[Buy]) == 0 && len(d.queue[Sell]) == 0 }

// ahead orders the working orders of a side: market orders first, then the better limit, then the earlier.
func ahead(x, y *Order) int {
	if x.Type != y.Type {
		return cmp.Compare(x.Type, y.Type)
	}
	if x.LimitPx != y.LimitPx {
		if x.Side == Buy {
			return cmp.Compare(y.LimitPx, x.LimitPx)
		}
		return cmp.Compare(x.LimitPx, y.LimitPx)
	}
	return cmp.Compare(x.priority, y.priority)
}

// enter puts a working order into its queue.
func (s *state) enter(o *Order) {
	q := &o.desk.queue[o.Side]
	at, _ := slices.BinarySearchFunc(*q, o, ahead)
	*q = slices.Insert(*q, at, o)
	if o.Short {
		s.shorts = append(s.shorts, o)
		o.shortAt = len(s.shorts)
	}
}

// leave takes an order out of its queue, before anything that decides its place there is changed.
func (s *state) leave(o *Order) {
	q := &o.desk.queue[o.Side]
	if at, found := slices.BinarySearchFunc(*q, o, ahead); found {
		*q = slices.Delete(*q, at, at+1)
	}
	if o.shortAt > 0 {
		last := s.shorts[len(s.shorts)-1]
		s.shorts[o.shortAt-1], last.shortAt = last, o.shortAt
		s.shorts = s.shorts[:len(s.shorts)-1]
		o.shortAt = 0
	}
}

// unclaim takes what an order claims out of the sums, claim puts back what it claims now; between the two the order changes.
func (s *state) unclaim(o *Order) {
	if o.Side == Buy {
		s.reserved -= o.claimed
	} else {
		o.desk.selling -= o.claimed
	}
	o.claimed = 0
}

func (s *state) claim(o *Order) {
	leaves := o.Leaves()
	switch {
	case leaves == 0:
	case o.Side == Sell:
		o.claimed = leaves
		o.desk.selling += leaves
	case o.ReservePx > 0:
		cost, err := s.charges.cost(o, leaves, o.ReservePx)
		if err != nil {
			return // an order whose cost overflows was never accepted
		}
		o.claimed = cost
		s.reserved += cost
	}
}

// reservedByOthers is the cash that working buys other than o hold back.
func (s *state) reservedByOthers(o *Order) int64 {
	if o.Side == Buy {
		return s.reserved - o.claimed
	}
	return s.reserved
}

// arrive puts an order behind all others.
func (s *state) arrive(o *Order) {
	s.priority++
	o.priority, o.slot = s.priority, len(s.arrival)
	s.arrival = append(s.arrival, o)
}

// depart leaves a hole where the order was. Once most places are holes the rest moves up.
func (s *state) depart(o *Order) {
	s.arrival[o.slot] = nil
	s.holes++
	if s.holes < 64 || s.holes < len(s.arrival)/2 {
		return
	}
	kept := s.arrival[:0]
	for _, o := range s.arrival {
		if o != nil {
			o.slot = len(kept)
			kept = append(kept, o)
		}
	}
	clear(s.arrival[len(kept):])
	s.arrival, s.holes = kept, 0
}

// each calls do for the session's orders as they arrived, until one fails. Orders that do adds are not visited.
func (s *state) each(do func(*Order) error) error {
	for i := 0; i < len(s.arrival); i++ {
		if o := s.arrival[i]; o != nil {
			if err := do(o); err != nil {
				return err
			}
		}
	}
	return nil
}
