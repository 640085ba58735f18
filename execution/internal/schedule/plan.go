package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Plan is a parent with its parameters and the curve made from them. It never changes.
type Plan struct {
	params Params
	parent Parent
	curve  Curve
	slices int
}

// New makes a plan, or names every fault of the parameters and the parent together.
func New(p Params, parent Parent) (*Plan, error) {
	if err := p.Validate(parent); err != nil {
		return nil, fmt.Errorf("schedule: parent %d: %w", parent.ID, err)
	}
	plan := &Plan{params: p, parent: parent, curve: newCurve(p, parent), slices: 1}
	if p.Algorithm != Immediate {
		plan.slices = sliceCount(plan.curve.time.total, p.SliceNs)
	}
	return plan, nil
}

// Parent is the parent as it was given.
func (p *Plan) Parent() Parent { return p.parent }

// Params are the parameters as they were given.
func (p *Plan) Params() Params { return p.params }

// Curve is the parent's curve.
func (p *Plan) Curve() Curve { return p.curve }

// Slices is how many slices the window has.
func (p *Plan) Slices() int { return p.slices }

// Slice is the slice that a moment lies in: -1 before the first begins, Slices() from the end on.
func (p *Plan) Slice(nowNs int64) int {
	t := p.curve.time
	if nowNs >= t.end {
		return p.slices
	}
	if nowNs < t.start {
		return -1
	}
	e := t.elapsed(nowNs)
	k := int(mulDiv(e, int64(p.slices), t.total))
	k = min(k, p.slices-1)
	if e < p.begins(k) {
		k--
	}
	return k
}

// SliceStartNs is when slice k begins to trade. The owner of POV counts a slice's volume from there.
func (p *Plan) SliceStartNs(k int) int64 {
	switch {
	case k < 0:
		return p.curve.time.start
	case k >= p.slices:
		return p.curve.time.end
	}
	return p.curve.time.at(p.begins(k))
}

// begins is the trading time at which slice k begins, with its jitter.
func (p *Plan) begins(k int) int64 {
	n := int64(p.slices)
	at := boundary(p.curve.time.total, k, p.slices)
	if p.params.JitterTimePPM > 0 {
		room := mulDiv(p.curve.time.total/n, p.params.JitterTimePPM, ppm)
		at += int64(p.draw("time", k) % uint64(room+1))
	}
	return at
}

// goal is what is due by the end of slice k, with its jitter; the last one is the whole.
func (p *Plan) goal(k int) int64 {
	if k < 0 {
		return 0
	}
	if k >= p.slices-1 {
		return p.parent.Qty
	}
	due := p.edge(k)
	if p.params.JitterSizePPM == 0 {
		return due
	}
	// Half of the smaller of the two slices that meet here: goals cannot pass each other.
	room := mulDiv(min(due-p.edge(k-1), p.edge(k+1)-due), p.params.JitterSizePPM, 2*ppm)
	lots := room / p.parent.Lot
	return due + (int64(p.draw("size", k)%uint64(2*lots+1))-lots)*p.parent.Lot
}

// edge is the curve at the end of slice k.
func (p *Plan) edge(k int) int64 {
	if k < 0 {
		return 0
	}
	return p.curve.due(boundary(p.curve.time.total, k+1, p.slices))
}

// draw is a number that nobody without the seed can tell, always the same for a parent and a slice.
func (p *Plan) draw(what string, k int) uint64 {
	var b [24]byte
	binary.LittleEndian.PutUint64(b[0:], p.params.Seed)
	binary.LittleEndian.PutUint64(b[8:], p.parent.ID)
	binary.LittleEndian.PutUint64(b[16:], uint64(k))
	sum := sha256.Sum256(append(b[:], what...))
	return binary.LittleEndian.Uint64(sum[:8])
}
