package gate

import (
	"math"

	"dnalyaw/execution/internal/feed"
)

// spike judges the price against the last accepted one and settles what is held.
func (g *Gate) spike(in *instrument, q *feed.Quote, v *Verdict) {
	v.Outcome = Pass
	if in.Ref == 0 {
		in.accept(&g.c, q, 0, 0, 1)
		return
	}
	r, near, side := away(q, in.Ref)
	if r == 0 {
		// Inside the book, which is the usual case. A side alone, or none, says nothing about what is held.
		if q.Kind != feed.KindQuote || q.TwoSided() {
			g.refuseHeld(in, Reverted)
		}
		in.accept(&g.c, q, 0, in.Ref, 1)
		return
	}
	if in.Hold == nil && math.Abs(r) <= g.c.MoveFloor {
		in.accept(&g.c, q, r, near, 1) // within every bound: the common step needs no scale
		return
	}
	elapsed := q.TsNs - in.RefTs
	bound, scale := in.room(&g.c, q.TsNs)
	if math.Abs(r) <= bound {
		if in.Hold != nil && (q.Kind != feed.KindQuote || q.TwoSided()) {
			g.back(in, r)
		}
		in.accept(&g.c, q, r, near, scale)
		return
	}
	v.Reason, v.Measured, v.Bound, v.Score, v.Ref, v.SinceNs, v.Side = Spike, r, bound, math.Abs(r)/scale, in.Ref, elapsed, side
	by := g.weigh(in, q, r, near, bound)
	if by == NotSettled {
		v.Outcome = Hold
		g.push(in, q, *v)
		return
	}
	if in.Hold != nil {
		g.release(in, r, by)
	}
	in.accept(&g.c, q, r, near, scale)
	v.Release = by
}

// back settles what is held by a price that would have passed in any case, r away from the reference: it bears out what
// lies at most twice as far on the same side; from the rest the price is back.
func (g *Gate) back(in *instrument, r float64) {
	borne := false
	for _, e := range in.Hold.Entries {
		held, _, _ := away(&e.Quote, in.Ref)
		if onTheWay(held, r) {
			borne = true
			g.settle(in, e, Pass, BorneOut)
		} else {
			g.settle(in, e, Refuse, Reverted)
		}
	}
	if !borne {
		g.market.forget(in.ID)
	}
	g.drop(in)
}

// weigh counts the quote as an observation of a new level, and says what confirms it.
func (g *Gate) weigh(in *instrument, q *feed.Quote, r float64, near int64, bound float64) Release {
	switch h := in.Hold; {
	case h == nil:
		in.Hold = g.take()
		in.Hold.moveTo(q, near)
	case h.agrees(in.Ref, r, near, bound):
		h.at(q, near)
	default:
		h.moveTo(q, near)
	}
	if by := in.Hold.confirmed(&g.c, q.TsNs); by != NotSettled {
		return by
	}
	if math.Abs(r) > g.c.MarketMove || q.Kind == feed.KindQuote && !q.TwoSided() {
		return NotSettled
	}
	up := r > 0
	together := g.market.add(in.ID, q.TsNs, up, g.c.MarketNs)
	if together >= g.c.MarketNames && float64(together) >= g.c.MarketShare*float64(len(g.known)) {
		g.market.Until[way(up)] = q.TsNs + g.c.MarketNs
	}
	if q.TsNs <= g.market.Until[way(up)] {
		return ByMarket
	}
	return NotSettled
}
