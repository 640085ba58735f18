package router

import (
	"errors"
	"fmt"
	"math"
)

// Spending is how much of the false-alarm probability may have been used by a part of the planned orders.
type Spending string

// The spending functions of Lan and DeMets (1983), each for one side of a two-sided test.
const (
	OBrienFleming Spending = "obrien_fleming" // little early, most at the end
	Pocock        Spending = "pocock"         // nearly even
)

// spent is the probability that one side may have used when a part t of the information is in.
func (s Spending) spent(alpha, t float64) float64 {
	t = min(t, 1)
	if s == Pocock {
		return alpha * math.Log(1+(math.E-1)*t)
	}
	return 2 * (1 - normalCDF(normalQuantile(1-alpha/2)/math.Sqrt(t)))
}

// ErrSpent says that a monitor has looked for the last time.
var ErrSpent = errors.New("the sequential test is over")

// Monitor is a group sequential test of "both paths cost the same": it may look at the growing data again and again, and
// still calls a difference where there is none with probability Alpha at most (Lan and DeMets 1983; the boundaries by the
// recursive integration of Armitage, McPherson and Rowe 1969, see Jennison and Turnbull 2000, chapters 7 and 19). It
// needs a statistic whose increments are independent and nearly normal, which a stratified difference of means over its
// standard error is for large samples. Plain data: the owner journals each Look and appends it.
type Monitor struct {
	Alpha    float64  `json:"alpha"` // two-sided
	MaxN     int64    `json:"max_n"` // orders in the experiment at which the last of it is spent
	Spending Spending `json:"spending"`
	Looks    []Look   `json:"looks"`
}

// Look is one look at the data: a journal record.
type Look struct {
	AtNs    int64   `json:"at_ns"`
	N       int64   `json:"n"`     // orders in the experiment with an outcome
	Spent   float64 `json:"spent"` // of Alpha, this look included
	Bound   float64 `json:"bound"` // |Z| from here on is a difference
	Z       float64 `json:"z"`
	Crossed bool    `json:"crossed"`
}

// minStep is the least part of MaxN between two looks: closer ones learn nothing and cost accuracy.
const minStep = 0.01

// maxZ stands for a boundary that nothing reaches: P(|Z| > 8) is 1e-15.
const maxZ = 8.0

// Validate says what is wrong, all faults at once.
func (m Monitor) Validate() error {
	var all []error
	if !(m.Alpha > 0 && m.Alpha <= 0.5) {
		all = append(all, fmt.Errorf("alpha is %v: give a number above 0, at most 0.5", m.Alpha))
	}
	if m.MaxN < 1 {
		all = append(all, fmt.Errorf("max_n is %d: give the orders at which the test ends", m.MaxN))
	}
	if m.Spending != OBrienFleming && m.Spending != Pocock {
		all = append(all, fmt.Errorf("spending is %q: give %q or %q", m.Spending, OBrienFleming, Pocock))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("router: monitor: %w", err)
	}
	return nil
}

// Look compares a statistic with its boundary. It changes nothing: append the result to Looks. n orders are in, z is
// the difference over its standard error. After a crossing, or once MaxN orders were looked at, it returns ErrSpent.
func (m Monitor) Look(atNs, n int64, z float64) (Look, error) {
	if err := m.Validate(); err != nil {
		return Look{}, err
	}
	if math.IsNaN(z) {
		return Look{}, errors.New("router: monitor: z is no number: look when there are outcomes")
	}
	last := Look{}
	if k := len(m.Looks); k > 0 {
		last = m.Looks[k-1]
	}
	if last.Crossed || last.N >= m.MaxN {
		return Look{}, fmt.Errorf("router: monitor: %d orders were in at the last look, a difference found: %t: %w", last.N, last.Crossed, ErrSpent)
	}
	if float64(n-last.N) < minStep*float64(m.MaxN) {
		return Look{}, fmt.Errorf("router: monitor: %d orders after %d: wait for at least %v of %d more", n, last.N, minStep, m.MaxN)
	}
	var times, spends []float64
	for _, l := range append(m.Looks[:len(m.Looks):len(m.Looks)], Look{N: n}) {
		t := float64(l.N) / float64(m.MaxN)
		times, spends = append(times, t), append(spends, m.Spending.spent(m.Alpha/2, t))
	}
	bounds := boundaries(times, spends)
	out := Look{AtNs: atNs, N: n, Spent: 2 * spends[len(spends)-1], Bound: bounds[len(bounds)-1], Z: z}
	out.Crossed = math.Abs(z) >= out.Bound
	return out, nil
}

// boundaries are the symmetric bounds of |Z| at the given times: by each, both sides together have been crossed with
// twice the given cumulative probability when there is no difference. The score B(t) = Z sqrt(t) is a Brownian motion
// then; its density over the paths that have not crossed is carried from look to look on a grid.
func boundaries(times, spends []float64) []float64 {
	bounds := make([]float64, len(times))
	var g grid
	prevT, prevSpent := 0.0, 0.0
	for k, t := range times {
		sd := math.Sqrt(t - prevT)
		want := 2 * (spends[k] - prevSpent)
		crossing := func(b float64) float64 { return g.tail(b, sd) }
		lo, hi := 0.0, maxZ*math.Sqrt(t)
		if crossing(hi) < want {
			for range 60 {
				if mid := lo + (hi-lo)/2; crossing(mid) > want {
					lo = mid
				} else {
					hi = mid
				}
			}
		}
		bounds[k] = hi / math.Sqrt(t)
		next := sd
		if k+1 < len(times) {
			next = math.Sqrt(times[k+1] - t)
		}
		g = g.step(hi, sd, min(sd, next)/10)
		prevT, prevSpent = t, spends[k]
	}
	return bounds
}

// grid is a density at equally spaced points, with the weights of Simpson's rule. The empty grid is a mass of one at 0.
type grid struct{ at, mass []float64 }

// tail is the mass beyond b on either side after a normal step.
func (g grid) tail(b, sd float64) float64 {
	if len(g.at) == 0 {
		return 2 * normalCDF(-b/sd)
	}
	sum := 0.0
	for i, u := range g.at {
		sum += g.mass[i] * (normalCDF((u-b)/sd) + normalCDF((-b-u)/sd))
	}
	return sum
}

// step is the density within b after a normal step, at points about h apart.
func (g grid) step(b, sd, h float64) grid {
	n := 2*int(math.Min(math.Ceil(b/h), 4000)) + 2 // even: Simpson's rule takes pairs of intervals
	out := grid{make([]float64, n+1), make([]float64, n+1)}
	w := 2 * b / float64(n)
	for i := range out.at {
		x := -b + w*float64(i)
		density := 0.0
		if len(g.at) == 0 {
			density = math.Exp(-x*x/(2*sd*sd)) / (sd * math.Sqrt(2*math.Pi))
		}
		for j, u := range g.at {
			density += g.mass[j] * math.Exp(-(x-u)*(x-u)/(2*sd*sd)) / (sd * math.Sqrt(2*math.Pi))
		}
		weight := w / 3
		if i > 0 && i < n {
			weight *= float64(2 + 2*(i%2))
		}
		out.at[i], out.mass[i] = x, density*weight
	}
	return out
}

// Judge turns a look into a change of policy: when a difference is found, the cheaper path is preferred and exploration
// shrinks to the floor. diffBp is the mean cost of path 1 less that of path 2. ok is false when nothing changes.
func (c Config) Judge(market string, l Look, diffBp float64) (change Change, ok bool) {
	if !l.Crossed {
		return Change{}, false
	}
	better := uint8(1)
	if diffBp > 0 {
		better = 2
	}
	return Change{
		Kind: Policy, Market: market, Path: better, ExplorePPM: c.FloorPPM, AtNs: l.AtNs,
		Why: fmt.Sprintf("path 1 costs %+.3f bp more than path 2 over %d orders, z %.2f at a bound of %.2f", diffBp, l.N, l.Z, l.Bound),
	}, true
}
