package router

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Outcome is an assigned order and what it cost.
type Outcome struct {
	Assignment Assignment
	CostBp     float64 // basis points of its notional, what did not fill included; tca's child rows have it
	Missing    bool    // its cost could not be measured
	// Covariates are numbers that were known before the assignment, in the order of Options.Covariates.
	Covariates []float64
}

// Options say how to compare.
type Options struct {
	Design     Design
	Confidence float64  // of the interval: 0.95
	Redraws    int      // assignments drawn anew for the p-values
	Seed       uint64   // of the redraws
	Covariates []string // their names
}

// StratumResult is one stratum's part of the comparison.
type StratumResult struct {
	Stratum string     `json:"stratum"`
	N       [2]int     `json:"n"`       // orders with an outcome by path
	MeanBp  [2]float64 `json:"mean_bp"` // by path
	Used    bool       `json:"used"`    // both paths have at least two orders, so that a variance can be estimated
}

// Balance is how alike the two paths' orders were in a number known before; the first is always "missing outcome".
type Balance struct {
	Covariate string  `json:"covariate"`
	Diff      float64 `json:"diff"` // stratified mean of path 1 less path 2, in standard deviations
	P         float64 `json:"p"`    // of the randomisation test
}

// Comparison is path 1 against path 2.
type Comparison struct {
	Orders      int        `json:"orders"`   // outcomes given
	Forced      int        `json:"forced"`   // not part of the experiment, left out
	Missing     [2]int     `json:"missing"`  // in the experiment without an outcome, by path
	N           [2]int     `json:"n"`        // with an outcome, by path
	LeftOut     int        `json:"left_out"` // of those, in strata with too few orders for a variance
	Strata      int        `json:"strata"`
	UsedStrata  int        `json:"used_strata"`
	FullBlocks  int        `json:"full_blocks"`
	MeanBp      [2]float64 `json:"mean_bp"` // weighted by strata
	DiffBp      float64    `json:"diff_bp"` // path 1 less path 2
	StdErrBp    float64    `json:"std_err_bp"`
	Z           float64    `json:"z"`  // difference over standard error; 0 when the latter is 0
	DF          float64    `json:"df"` // Welch and Satterthwaite's degrees of freedom of the interval
	LowBp       float64    `json:"low_bp"`
	HighBp      float64    `json:"high_bp"`
	Confidence  float64    `json:"confidence"`
	P           float64    `json:"p"` // randomisation test of "no order would have cost anything else on the other path"
	Redraws     int        `json:"redraws"`
	Balance     []Balance  `json:"balance"`
	StrataTable []StratumResult
}

// ErrTooFew says that no stratum has two orders on each path.
var ErrTooFew = errors.New("no stratum has two outcomes on each path")

// Compare estimates the difference of mean cost by Neyman's stratified estimator: the difference of means of each
// stratum weighted by its orders, the variance the weighted sum of both paths' sample variances over their numbers
// (Neyman 1923; Imbens and Rubin 2015, chapters 6 and 9). That variance is not too small when paths act differently on
// different orders. The p-value needs no such theory: it redraws the assignment as the design drew it (Fisher 1935).
// The order of outcomes does not matter. A record that is not the design's, or is there twice, is an error.
func Compare(o Options, outcomes []Outcome) (Comparison, error) {
	if err := o.validate(); err != nil {
		return Comparison{}, err
	}
	in, err := o.experiment(outcomes)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{Orders: len(outcomes), Forced: len(outcomes) - len(in), Confidence: o.Confidence, Redraws: o.Redraws}
	cells := groupBy(in, func(a, b Assignment) bool { return a.Stratum == b.Stratum })
	for _, b := range groupBy(in, sameBlock) {
		if len(b) == o.Design.Block {
			out.FullBlocks++
		}
	}
	costs := func(u Outcome) (float64, bool) { return u.CostBp, !u.Missing }
	est := estimate(cells, costs)
	for i, cell := range cells {
		row := StratumResult{Stratum: cell[0].Assignment.Stratum.Key(), Used: est.strata[i].usable()}
		for a := range row.N {
			row.N[a], row.MeanBp[a] = est.strata[i][a].n, est.strata[i][a].mean
			out.N[a] += row.N[a]
			if !row.Used {
				out.LeftOut += row.N[a]
			}
		}
		if row.Used {
			out.UsedStrata++
		}
		out.StrataTable = append(out.StrataTable, row)
	}
	for _, u := range in {
		if u.Missing {
			out.Missing[u.Assignment.Path-1]++
		}
	}
	out.Strata = len(cells)
	if out.UsedStrata == 0 {
		return out, fmt.Errorf("router: compare: %d orders in %d strata: %w", out.N[0]+out.N[1], out.Strata, ErrTooFew)
	}
	out.MeanBp, out.DiffBp, out.StdErrBp, out.DF = est.mean, est.diff, math.Sqrt(est.variance), est.df
	out.LowBp, out.HighBp = est.diff, est.diff
	if est.variance > 0 {
		out.Z = out.DiffBp / out.StdErrBp
		reach := studentQuantile(0.5+o.Confidence/2, est.df) * out.StdErrBp
		out.LowBp, out.HighBp = est.diff-reach, est.diff+reach
	}
	o.test(&out, in, cells, costs)
	return out, nil
}

func (o Options) validate() error {
	all := []error{o.Design.Validate()}
	if !(o.Confidence > 0 && o.Confidence < 1) {
		all = append(all, fmt.Errorf("confidence is %v: give a number between 0 and 1", o.Confidence))
	}
	if o.Redraws < 1 {
		all = append(all, fmt.Errorf("redraws is %d: give 1 or more", o.Redraws))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("router: compare: %w", err)
	}
	return nil
}

// experiment are the outcomes that take part, by stratum, block and slot.
func (o Options) experiment(outcomes []Outcome) ([]Outcome, error) {
	var in []Outcome
	keys := map[Stratum]string{}
	for _, u := range outcomes {
		if !u.Assignment.Experiment {
			continue
		}
		key, ok := keys[u.Assignment.Stratum]
		if !ok {
			key = u.Assignment.Stratum.Key()
			keys[u.Assignment.Stratum] = key
		}
		if err := o.Design.holds(u.Assignment, key); err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
		if len(u.Covariates) != len(o.Covariates) {
			return nil, fmt.Errorf("router: compare: order %d has %d covariates, %d are named", u.Assignment.OrderID, len(u.Covariates), len(o.Covariates))
		}
		if !u.Missing && (math.IsNaN(u.CostBp) || math.IsInf(u.CostBp, 0)) {
			return nil, fmt.Errorf("router: compare: order %d costs %v bp: mark it missing", u.Assignment.OrderID, u.CostBp)
		}
		for i, v := range u.Covariates {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("router: compare: order %d: covariate %q is %v: give a finite number", u.Assignment.OrderID, o.Covariates[i], v)
			}
		}
		in = append(in, u)
	}
	slices.SortStableFunc(in, func(x, y Outcome) int {
		a, b := x.Assignment, y.Assignment
		return cmp.Or(cmp.Compare(keys[a.Stratum], keys[b.Stratum]), cmp.Compare(a.Block, b.Block), cmp.Compare(a.Slot, b.Slot))
	})
	for i := 1; i < len(in); i++ {
		if a, b := in[i-1].Assignment, in[i].Assignment; sameBlock(a, b) && a.Slot == b.Slot {
			return nil, fmt.Errorf("router: compare: orders %d and %d both hold slot %d of block %d of stratum %s", a.OrderID, b.OrderID, a.Slot, a.Block, a.Stratum.Key())
		}
	}
	return in, nil
}

func sameBlock(a, b Assignment) bool { return a.Stratum == b.Stratum && a.Block == b.Block }

// groupBy cuts sorted outcomes into runs of the same.
func groupBy(in []Outcome, same func(a, b Assignment) bool) [][]Outcome {
	var out [][]Outcome
	for i := 0; i < len(in); {
		j := i + 1
		for j < len(in) && same(in[j].Assignment, in[i].Assignment) {
			j++
		}
		out = append(out, in[i:j])
		i = j
	}
	return out
}

// arm is one path's orders in one stratum; squares is about their mean.
type arm struct {
	n             int
	mean, squares float64
}

type pair [2]arm

func (p pair) usable() bool { return p[0].n >= 2 && p[1].n >= 2 }

type estimated struct {
	strata             []pair
	mean               [2]float64
	diff, variance, df float64
}

// estimate is Neyman's stratified estimator of a number that each outcome has or lacks.
func estimate(cells [][]Outcome, value func(Outcome) (float64, bool)) estimated {
	var e estimated
	total := 0
	for _, cell := range cells {
		var p pair
		for _, u := range cell {
			if v, ok := value(u); ok { // Welford's update
				a := &p[u.Assignment.Path-1]
				a.n++
				d := v - a.mean
				a.mean += d / float64(a.n)
				a.squares += d * (v - a.mean)
			}
		}
		e.strata = append(e.strata, p)
		if p.usable() {
			total += p[0].n + p[1].n
		}
	}
	below := 0.0
	for _, p := range e.strata {
		if !p.usable() {
			continue
		}
		w := float64(p[0].n+p[1].n) / float64(total)
		for a := range p {
			n := float64(p[a].n)
			v := w * w * p[a].squares / (n - 1) / n
			e.mean[a] += w * p[a].mean
			e.variance += v
			below += v * v / (n - 1)
		}
	}
	e.diff = e.mean[0] - e.mean[1]
	if below > 0 {
		e.df = e.variance * e.variance / below
	}
	return e
}
