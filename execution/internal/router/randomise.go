package router

import (
	"math"
	"math/rand/v2"
)

// test fills in the p-values: those of the cost and of the balance of what was known before, from the same redraws.
//
// The statistic is the sum over orders of plus or minus one (path 1 or 2) times the number less its stratum's mean: in
// balanced strata it is the stratified difference, and it is defined whatever a redraw gives. A redraw shuffles each
// block as the design did; a block that is not full yet gives its orders the first slots of a whole one.
func (o Options) test(out *Comparison, in []Outcome, cells [][]Outcome, costs func(Outcome) (float64, bool)) {
	values := []func(Outcome) (float64, bool){costs, func(u Outcome) (float64, bool) {
		if u.Missing {
			return 1, true
		}
		return 0, true
	}}
	for i := range o.Covariates {
		values = append(values, func(u Outcome) (float64, bool) { return u.Covariates[i], true })
	}
	centred := make([][]float64, len(values))
	for v, value := range values {
		centred[v] = centre(cells, value)
	}
	sides := make([]float64, len(in))
	for i, u := range in {
		sides[i] = side(u.Assignment.Path)
	}
	seen := make([]float64, len(values))
	for v := range values {
		seen[v] = dot(sides, centred[v])
	}
	beyond := make([]int, len(values))
	draw := rand.NewPCG(o.Seed, 0x726f75746572)
	slots := make([]uint8, o.Design.Block)
	for range o.Redraws {
		o.redraw(draw, in, slots, sides)
		for v := range values {
			// The same sum in another order differs in its last bits: that is no smaller value.
			if math.Abs(dot(sides, centred[v])) >= math.Abs(seen[v])*(1-1e-9) {
				beyond[v]++
			}
		}
	}
	p := func(v int) float64 { return float64(beyond[v]+1) / float64(o.Redraws+1) }
	out.P = p(0)
	for v, value := range values[1:] {
		b := Balance{Covariate: "missing outcome", P: p(v + 1)}
		if v > 0 {
			b.Covariate = o.Covariates[v-1]
		}
		if sd := spread(in, value); sd > 0 {
			b.Diff = estimate(cells, value).diff / sd
		}
		out.Balance = append(out.Balance, b)
	}
}

// redraw shuffles every block and writes each order's side.
func (o Options) redraw(draw *rand.PCG, in []Outcome, slots []uint8, sides []float64) {
	for i, u := range in {
		if i == 0 || !sameBlock(u.Assignment, in[i-1].Assignment) {
			deal(slots, draw)
		}
		sides[i] = side(slots[u.Assignment.Slot])
	}
}

func side(path uint8) float64 { return float64(3 - 2*int(path)) }

// centre is each order's number less the mean of its stratum, 0 where it has none.
func centre(cells [][]Outcome, value func(Outcome) (float64, bool)) []float64 {
	var out []float64
	for _, cell := range cells {
		sum, n := 0.0, 0
		for _, u := range cell {
			if v, ok := value(u); ok {
				sum, n = sum+v, n+1
			}
		}
		for _, u := range cell {
			v, ok := value(u)
			if !ok {
				out = append(out, 0)
				continue
			}
			out = append(out, v-sum/float64(n))
		}
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// spread is the standard deviation over all orders.
func spread(in []Outcome, value func(Outcome) (float64, bool)) float64 {
	var a arm
	for _, u := range in {
		if v, ok := value(u); ok {
			a.n++
			d := v - a.mean
			a.mean += d / float64(a.n)
			a.squares += d * (v - a.mean)
		}
	}
	if a.n < 2 {
		return 0
	}
	return math.Sqrt(a.squares / float64(a.n-1))
}
