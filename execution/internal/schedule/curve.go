package schedule

import (
	"math"
	"sort"
)

// acScale is the weight of a whole Almgren-Chriss trajectory.
const acScale = 1_000_000_000_000

// Curve is the quantity that is due by each moment of a parent's window.
type Curve struct {
	time   tradingTime
	knots  []knot // the first is {0, 0}; weight is linear in trading time between them
	qty    int64
	lot    int64
	before int64 // the most that is due before the end
}

// NewCurve makes the curve of a parent. IMMEDIATE is due at the start. POV follows the market and has no curve of its
// own: every moment's due is then 0, and the end's is the whole.
func NewCurve(p Params, parent Parent) (Curve, error) {
	if err := p.Validate(parent); err != nil {
		return Curve{}, err
	}
	return newCurve(p, parent), nil
}

func newCurve(p Params, parent Parent) Curve {
	c := Curve{
		time: newTradingTime(parent.StartNs, parent.EndNs, parent.Breaks), qty: parent.Qty, lot: parent.Lot,
		before: floorTo(parent.Qty, parent.Lot),
	}
	if c.before < c.qty {
		// The odd lot goes with the last child, so a lot waits for it.
		c.before = max(0, c.before-c.lot)
	}
	switch p.Algorithm {
	case Immediate:
		c.before = c.qty
		c.knots = []knot{{0, 1}, {c.time.total, 1}}
	case TWAP:
		c.knots = []knot{{0, 0}, {c.time.total, c.time.total}}
	case VWAP:
		c.knots = p.Volume.knots(parent)
	case AlmgrenChriss:
		n := sliceCount(c.time.total, p.SliceNs)
		tau := float64(c.time.total) / float64(p.DayNs) / float64(n)
		for j, x := range remaining(p.Impact.curvature(tau, p.RiskAversion), n) {
			c.knots = append(c.knots, knot{boundary(c.time.total, j, n), int64(math.Round((1 - x) * acScale))})
		}
	case POV:
		c.knots = []knot{{0, 0}, {c.time.total, 0}}
	}
	return c
}

// At is how many shares are due by a moment: whole lots, never falling, 0 before the start and the whole quantity from
// the end on. Between corners it is the nearest lot to the straight line in trading time.
func (c Curve) At(nowNs int64) int64 {
	if nowNs >= c.time.end {
		return c.qty
	}
	if nowNs < c.time.start {
		return 0
	}
	return c.due(c.time.elapsed(nowNs))
}

// due is At by trading time.
func (c Curve) due(elapsed int64) int64 {
	if elapsed >= c.time.total {
		return c.qty
	}
	last := c.knots[len(c.knots)-1].cum
	if last == 0 {
		return 0
	}
	i := sort.Search(len(c.knots), func(i int) bool { return c.knots[i].at > elapsed })
	a, b := c.knots[i-1], c.knots[min(i, len(c.knots)-1)]
	w := a.cum
	if b.at > a.at {
		w += mulDivNear(b.cum-a.cum, elapsed-a.at, b.at-a.at)
	}
	if c.before == c.qty && w == last {
		return c.qty
	}
	lots := mulDivNear(c.qty/c.lot, w, last)
	return min(lots*c.lot, c.before)
}

// boundary is the trading time at which slice k of n begins.
func boundary(total int64, k, n int) int64 { return mulDivUp(total, int64(k), int64(n)) }
