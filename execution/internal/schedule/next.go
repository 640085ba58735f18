package schedule

import "math"

// Next says what to do at a moment. It depends on its arguments alone. Its rules, in order:
//
//  1. Nothing goes before the start, in a break, in a halt, or from the end on; at the end what works is pulled.
//  2. A slice may send up to the goal at its end. What the slices before it should have filled and did not is behind.
//  3. Behind by CrossBehindPPM of the parent the child is marketable and takes what is behind, at least the smallest
//     child; resting children that are priced worse are pulled first. Behind by MidBehindPPM it is at the mid. Otherwise it has Params.Style.
//  4. A resting child of an earlier slice whose price is no longer what its style asks for is pulled and sent anew.
//  5. In the last SweepNs of SWEEP everything that is left is marketable.
//  6. A child is within the catch-up limit (POV: the cap), the limits by displayed size and ADV and what remains, in
//     whole lots, at least a lot and the least notional. A closing parent's last child takes the odd lot with it, and may
//     be below the least notional.
func (p *Plan) Next(nowNs int64, g Progress, m Market) Decision {
	d := Decision{Slice: p.Slice(nowNs), NextWakeNs: p.wake(nowNs)}
	if g.Done < 0 || g.Working < 0 || g.Resting < 0 || g.Resting > g.Working || g.Done > p.parent.Qty || g.Working > p.parent.Qty-g.Done {
		return d.end(Inconsistent, g)
	}
	switch {
	case g.Done == p.parent.Qty:
		return d.end(Complete, g)
	case d.Slice >= p.slices:
		return d.end(WindowOver, g)
	case g.Refusals >= p.params.MaxRefusals:
		return d.end(Refused, g)
	case nowNs < p.parent.StartNs || d.Slice < 0:
		return d.because(NotStarted)
	}
	if until := p.curve.time.inBreak(nowNs); until > 0 {
		d.NextWakeNs = until
		return d.because(InBreak)
	}
	if m.Halted {
		return d.because(Halted)
	}
	if p.params.Algorithm == Immediate {
		return p.immediate(d, g, m)
	}
	return p.sliced(nowNs, d, g, m)
}

func (d Decision) because(r Reason) Decision { d.Reason = r; return d }

// end stops the schedule; what still works is pulled, and the parent is finished when nothing does.
func (d Decision) end(r Reason, g Progress) Decision {
	d.Reason, d.NextWakeNs = r, 0
	d.Cancel, d.Finished = g.Working > 0, g.Working <= 0
	return d
}

// immediate sends the one child.
func (p *Plan) immediate(d Decision, g Progress, m Market) Decision {
	if g.LastSentNs > 0 || g.Done > 0 || g.Working > 0 {
		if g.Working == 0 {
			return d.end(ChildEnded, g)
		}
		return d.because(Waiting)
	}
	at := p.price(Marketable, m)
	if !at.ok && m.Last > 0 && m.Last <= maxPx {
		at = priced{style: Marketable, limit: p.collared(m.Last), ok: true}
	}
	if !at.ok && p.parent.Closing {
		at = p.price(MarketOrder, m)
	}
	if !at.ok {
		return d.because(NoQuote)
	}
	d.Qty, d.Style, d.LimitPx = p.parent.Qty, at.style, at.limit
	return d.because(OnSchedule)
}

// due is what a slice must have sent by its end, and what should have filled before it began.
func (p *Plan) due(k int, m Market) (before, goal int64) {
	if p.params.Algorithm != POV {
		return p.goal(k - 1), p.goal(k)
	}
	rate := func(volume int64) int64 {
		due := mulDiv(max(volume, 0), p.params.RatePPM, ppm)
		if due >= p.parent.Qty {
			return p.parent.Qty
		}
		return min(floorTo(due, p.parent.Lot), p.curve.before)
	}
	return rate(m.Volume - m.SliceVolume), rate(m.Volume)
}

func (p *Plan) sliced(nowNs int64, d Decision, g Progress, m Market) Decision {
	remaining := p.parent.Qty - g.Done - g.Working
	if remaining == 0 && g.Resting == 0 {
		return d.because(Waiting)
	}
	if !p.parent.Closing && g.Working == 0 && remaining < p.parent.Lot {
		return d.end(Unfillable, g)
	}
	before, goal := p.due(d.Slice, m)
	behind := max(0, before-g.Done-(g.Working-g.Resting))
	sweeping := p.params.AtEnd == Sweep && p.curve.time.elapsed(nowNs) >= p.sweepAt()

	style, reason := p.params.Style, OnSchedule
	switch {
	case sweeping:
		style, reason = Marketable, Sweeping
	case behind > 0 && behind >= mulDiv(p.parent.Qty, p.params.CrossBehindPPM, ppm):
		style, reason = Marketable, Behind
	case behind > 0 && behind >= mulDiv(p.parent.Qty, p.params.MidBehindPPM, ppm) && style == Passive:
		style, reason = Mid, Behind
	}
	at := p.price(style, m)
	if !at.ok {
		return d.because(NoQuote)
	}
	if g.Resting > 0 && p.pull(g, at, d.Slice) {
		d.Cancel = true
		return d.because(Repricing)
	}

	least := p.least(at.mark)
	need := min(goal-g.Done-g.Working, remaining)
	if sweeping {
		need = remaining
	} else if reason == Behind && style == Marketable && p.params.Style != Marketable {
		need = min(need, max(ceilTo(behind, p.parent.Lot), least))
	}
	if need <= 0 {
		return d.because(Waiting)
	}
	qty := p.size(need, remaining, p.limit(sweeping, goal-before, least, g, at, m), least)
	switch {
	case qty < 0:
		return d.because(Limited)
	case qty == 0:
		return d.because(BelowMinimum)
	}
	if gap := g.LastSentNs + p.params.MinGapNs; g.LastSentNs > 0 && gap > nowNs {
		if d.NextWakeNs == 0 || gap < d.NextWakeNs {
			d.NextWakeNs = gap
		}
		return d.because(Pacing)
	}
	d.Qty, d.Style, d.LimitPx = qty, at.style, at.limit
	return d.because(reason)
}

// pull says whether resting children stand in the way of what should be sent now.
func (p *Plan) pull(g Progress, at priced, slice int) bool {
	if at.style == Marketable {
		return p.lessAggressive(g.RestingPx, at.limit)
	}
	return at.limit != g.RestingPx && p.Slice(g.RestingSinceNs) < slice
}

// least is the smallest child at a price: whole lots, at least one, worth the least notional.
func (p *Plan) least(mark int64) int64 {
	if p.params.MinNotional == 0 || mark <= 0 {
		return p.parent.Lot
	}
	return max(p.parent.Lot, ceilTo(mulDivUp(p.params.MinNotional, 1, mark), p.parent.Lot))
}

// limit is the largest child.
func (p *Plan) limit(sweeping bool, slice, least int64, g Progress, at priced, m Market) int64 {
	most := int64(math.MaxInt64)
	if f := p.params.MaxDisplayedPPM; f > 0 && !m.SizeUnknown {
		most = min(most, mulDiv(max(at.size, 0), f, ppm))
	}
	if f := p.params.MaxADVPPM; f > 0 {
		most = min(most, mulDiv(p.parent.ADV, f, ppm))
	}
	switch {
	case sweeping:
	case p.params.Algorithm == POV:
		most = min(most, mulDiv(max(m.SliceVolume, 0), p.params.CapPPM, ppm)-g.SentInSlice)
	default:
		// A slice of less than the smallest child may still send one, and the limit gives way to a rest below it.
		room := max(mulDiv(max(slice, 0), ppm+p.params.CatchUpPPM, ppm), least) - g.SentInSlice
		if rest := p.parent.Qty - g.Done - g.Working - room; rest > 0 && rest < least {
			room += rest
		}
		most = min(most, room)
	}
	return max(most, 0)
}

// size is the child's quantity: 0 when what is needed is less than the smallest child, -1 when the limits leave less.
func (p *Plan) size(need, remaining, most, least int64) int64 {
	qty := floorTo(min(need, most), p.parent.Lot)
	whole := p.parent.Closing || remaining%p.parent.Lot == 0
	rest := remaining - qty
	switch {
	case p.parent.Closing && need == remaining && most >= remaining:
		return remaining
	case rest > 0 && rest < least && whole && most >= remaining && qty >= least:
		// What would be left is too small to be sent on its own.
		return remaining
	case rest > 0 && rest < least && qty >= least:
		if shrunk := floorTo(remaining-least, p.parent.Lot); shrunk >= least {
			qty = min(qty, shrunk)
		}
	}
	if qty >= least {
		return qty
	}
	if min(need, remaining) >= least {
		return -1
	}
	return 0
}

func (p *Plan) sweepAt() int64 { return max(0, p.curve.time.total-p.params.SweepNs) }

// wake is the next moment at which the answer changes by itself.
func (p *Plan) wake(nowNs int64) int64 {
	t := p.curve.time
	if nowNs >= t.end {
		return 0
	}
	next := p.SliceStartNs(p.Slice(nowNs) + 1)
	if p.params.AtEnd == Sweep && p.params.Algorithm != Immediate {
		if at := t.at(p.sweepAt()); at > nowNs {
			next = min(next, at)
		}
	}
	return max(next, nowNs+1)
}
