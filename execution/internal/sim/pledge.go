package sim

import "math/bits"

// pledges is the sum of what the short positions hold back, in 128 bits, so that what was added can be taken off again.
type pledges struct{ hi, lo uint64 }

func (p *pledges) change(from, to int64) {
	var carry uint64
	p.lo, carry = bits.Sub64(p.lo, uint64(from), 0)
	p.hi, _ = bits.Sub64(p.hi, 0, carry)
	p.lo, carry = bits.Add64(p.lo, uint64(to), 0)
	p.hi, _ = bits.Add64(p.hi, 0, carry)
}

func (p *pledges) total() int64 {
	if p.hi > 0 || p.lo > uint64(maxPledge) {
		return maxPledge
	}
	return int64(p.lo)
}

// restate notes that an instrument's short position, or its price, has changed.
func (s *state) restate(d *desk) {
	if !d.pledgeStale && (d.pledge != 0 || d.held() < 0) {
		d.pledgeStale = true
		s.stale = append(s.stale, d)
	}
}

// pledged is what the short positions hold back: their market value, which buys them back, and the margin.
func (e *Engine) pledged() int64 {
	for _, d := range e.st.stale {
		now := int64(0)
		if d.held() < 0 {
			now = atMargin(-d.position.Qty, e.markOf(*d.position), 10_000+shortMarginBp)
		}
		e.pledges.change(d.pledge, now)
		d.pledge, d.pledgeStale = now, false
	}
	e.st.stale = e.st.stale[:0]
	return e.pledges.total()
}

// workingMargin is what working short sales other than o hold back.
func (e *Engine) workingMargin(o *Order) int64 {
	var sum int64
	for _, w := range e.st.shorts {
		if b := e.book(w.InstrumentID); w != o && b != nil {
			q := b.shown(e.day.OpenNs)
			sum = saturated(sum, atMargin(w.Leaves(), max(w.LimitPx, q.Mark()), shortMarginBp))
		}
	}
	return sum
}

// atMargin is qty at px times bp, and more than any account has where that does not fit.
func atMargin(qty, px, bp int64) int64 {
	v, err := mul(qty, px)
	if err == nil {
		v, err = mulDiv(v, bp, 10_000, true)
	}
	if err != nil {
		return maxPledge
	}
	return min(v, maxPledge)
}

// maxPledge is more than any account has, and leaves room to take it from the cash.
const maxPledge = int64(1) << 61

func saturated(a, b int64) int64 { return min(a+b, maxPledge) }
