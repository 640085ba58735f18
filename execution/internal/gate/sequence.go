package gate

// sequence watches the numbers of a feed: a window of the last 64 tells a repeat from one that comes late.
type sequence struct {
	last    uint64 // the highest number seen, 0: none yet
	window  uint64 // bit i: last-i was seen
	missing uint64 // numbers below last that were not seen since the last snapshot
	open    bool   // told of a gap or a lost connection, and no snapshot since
}

func (s *sequence) suspect() bool { return s.open || s.missing > 0 }

// check takes the next number. Where it is false, v says why.
func (s *sequence) check(seq uint64, v *Verdict) bool {
	if s.last == 0 {
		s.last, s.window = seq, ^uint64(0) // a stream may be joined anywhere
		return true
	}
	if seq > s.last {
		ahead := seq - s.last
		if s.last, s.window = seq, s.window<<min(ahead, 64)|1; ahead >= 64 {
			s.window = 1
		}
		s.missing += ahead - 1
		v.Missing = ahead - 1
		return true
	}
	back := s.last - seq
	if back >= 64 {
		// Too long ago to tell a repeat from one that is late; old it is in any case.
		v.Reason, v.Measured, v.Bound, v.Side = Stale, float64(back), 63, Order
		return false
	}
	if s.window&(1<<back) != 0 {
		v.Reason, v.Measured, v.Bound = Duplicate, float64(seq), float64(s.last)
		return false
	}
	s.window |= 1 << back
	s.missing--
	return true
}

// sync begins anew after a snapshot of everything up to seq.
func (s *sequence) sync(seq uint64) {
	*s = sequence{last: seq, window: ^uint64(0)}
}
