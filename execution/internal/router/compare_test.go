package router_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"dnalyaw/execution/internal/router"
)

// placed are n orders of each of some strata, assigned by the design; cost gives what each costs on its path.
func placed(seed uint64, strata, n int, cost func(stratum int, a router.Assignment) router.Outcome) []router.Outcome {
	d := router.Design{Seed: seed, Block: 4}
	var out []router.Outcome
	for h := range strata {
		s := router.Stratum{Market: "US", Instrument: int64(h), Basis: router.Displayed}
		for i := range n {
			a := router.Assignment{
				OrderID: uint64(h*1000 + i), Stratum: s, Experiment: true, Reason: router.Randomised, Block: uint32(i / 4), Slot: i % 4, Seed: seed,
			}
			a.Path = d.Slots(s.Key(), a.Block)[a.Slot]
			u := cost(h, a)
			u.Assignment = a
			out = append(out, u)
		}
	}
	return out
}

func options(seed uint64, redraws int, covariates ...string) router.Options {
	return router.Options{Design: router.Design{Seed: seed, Block: 4}, Confidence: 0.95, Redraws: redraws, Seed: 11, Covariates: covariates}
}

// TestCompareByHand works two strata of different size.
func TestCompareByHand(t *testing.T) {
	// Stratum 0, one block: path 1 costs 10 and 14, path 2 costs 4 and 8. Stratum 1, two blocks: path 1 costs 1, 2, 3
	// and 2, path 2 costs 2, 2, 2 and 2.
	costs := [2][2][]float64{{{10, 14}, {4, 8}}, {{1, 2, 3, 2}, {2, 2, 2, 2}}}
	var at [2][2]int
	give := func(h int, a router.Assignment) router.Outcome {
		p := a.Path - 1
		at[h][p]++
		return router.Outcome{CostBp: costs[h][p][at[h][p]-1]}
	}
	in := placed(3, 1, 4, give)
	for _, u := range placed(3, 2, 8, func(h int, a router.Assignment) router.Outcome {
		if h == 0 {
			return router.Outcome{}
		}
		return give(h, a)
	})[8:] {
		in = append(in, u)
	}
	got, err := router.Compare(options(3, 999), in)
	if err != nil {
		t.Fatal(err)
	}
	// Weights 4/12 and 8/12. Means 12/3 + 2*2/3 = 16/3 and 6/3 + 2*2/3 = 10/3, so the difference is 2.
	// Variances: stratum 0 has 8/2 + 8/2 = 8, stratum 1 has (2/3)/4 + 0 = 1/6; with squared weights 8/9 + 4/54 = 26/27.
	// Degrees of freedom: (26/27)^2 / ((4/9)^2/1 + (4/9)^2/1 + (2/27)^2/3) = 0.927298 / 0.396891.
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"mean of path 1", got.MeanBp[0], 16.0 / 3}, {"mean of path 2", got.MeanBp[1], 10.0 / 3}, {"difference", got.DiffBp, 2},
		{"standard error", got.StdErrBp, math.Sqrt(26.0 / 27)}, {"degrees of freedom", got.DF, 2.336406},
		{"z", got.Z, 2 / math.Sqrt(26.0/27)},
	} {
		if math.Abs(c.got-c.want) > 1e-6 {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
	if got.N != [2]int{6, 6} || got.Strata != 2 || got.UsedStrata != 2 || got.FullBlocks != 3 || got.LeftOut != 0 || got.Forced != 0 {
		t.Errorf("counts are %+v", got)
	}
	// t with 2.3364 degrees reaches 3.7666 at 97.5% (between 4.3027 for 2 and 3.1824 for 3).
	if reach := (got.HighBp - got.LowBp) / 2 / got.StdErrBp; reach < 3.6 || reach > 3.9 || math.Abs(got.HighBp+got.LowBp-4) > 1e-9 {
		t.Errorf("the interval is %v to %v: %v standard errors", got.LowBp, got.HighBp, reach)
	}
	// All 6 arrangements of stratum 0 matter, the other stratum moves little: only the two extreme ones of six are as far
	// apart, and about half of the other stratum's arrangements take them no further.
	if got.P < 0.1 || got.P > 0.4 {
		t.Errorf("the p-value is %v", got.P)
	}
}

// TestExactRandomisation counts the p-value of one block by hand: of six arrangements the two that part 1, 2 from 8, 9
// are as extreme, so p tends to a third.
func TestExactRandomisation(t *testing.T) {
	low, high := []float64{1, 2}, []float64{8, 9}
	in := placed(3, 1, 4, func(_ int, a router.Assignment) router.Outcome {
		from := &low
		if a.Path == 2 {
			from = &high
		}
		u := router.Outcome{CostBp: (*from)[0]}
		*from = (*from)[1:]
		return u
	})
	got, err := router.Compare(options(3, 30_000), in)
	if err != nil || math.Abs(got.P-1.0/3) > 0.012 {
		t.Errorf("p is %v (%v), want a third", got.P, err)
	}
	// Two orders of a block that is not full: both on one path in two of six arrangements, apart in four.
	half, err := router.Compare(options(3, 30_000), append(in, placed(3, 2, 2, func(int, router.Assignment) router.Outcome { return router.Outcome{CostBp: 5} })[2:]...))
	if err != nil || half.Strata != 2 || half.UsedStrata != 1 || half.LeftOut != 2 || half.FullBlocks != 1 || math.Abs(half.P-1.0/3) > 0.012 {
		t.Errorf("with a stratum of two equal orders: %+v (%v)", half, err)
	}
}

// TestNullIsUniform draws experiments in which the paths cost the same, with trends and strata that differ, and holds
// the p-values against the uniform distribution (Kolmogorov and Smirnov).
func TestNullIsUniform(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	const runs = 300
	var ps, balance []float64
	inside := 0
	for r := range uint64(runs) {
		in := placed(r+1, 5, 15, func(h int, a router.Assignment) router.Outcome {
			trend := 3 * float64(a.Block)
			return router.Outcome{CostBp: 10*float64(h) + trend + draw.NormFloat64()*float64(1+h), Covariates: []float64{draw.ExpFloat64()}}
		})
		got, err := router.Compare(options(r+1, 199, "log notional"), in)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, got.P)
		balance = append(balance, got.Balance[1].P)
		if got.LowBp <= 0 && got.HighBp >= 0 {
			inside++
		}
	}
	for name, all := range map[string][]float64{"costs": ps, "a covariate": balance} {
		slices.Sort(all)
		d := 0.0
		for i, p := range all {
			d = math.Max(d, math.Max(p-float64(i)/runs, float64(i+1)/runs-p))
		}
		// 1.63/sqrt(n) is the 1% point; the p-values come in steps of 1/200, which adds at most one of them.
		if bound := 1.63/math.Sqrt(runs) + 1.0/200; d > bound {
			t.Errorf("p-values of %s: distance %v from uniform, at most %v", name, d, bound)
		}
	}
	// Blocks take the trend out of the difference; Neyman's variance does not know that, so its interval covers more.
	if inside < runs*95/100-15 {
		t.Errorf("%d of %d intervals cover no difference", inside, runs)
	}
}

// TestIntervalCovers plants a difference of 3 bp that is larger on some orders than on others.
func TestIntervalCovers(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 6))
	const runs = 500
	inside, found, sum := 0, 0, 0.0
	for r := range uint64(runs) {
		in := placed(r+1, 4, 20, func(h int, a router.Assignment) router.Outcome {
			u := router.Outcome{CostBp: 5*float64(h) + 4*draw.NormFloat64(), Covariates: []float64{float64(h)}}
			if a.Path == 1 {
				u.CostBp += 3 + draw.NormFloat64()
			}
			return u
		})
		got, err := router.Compare(options(r+1, 39, "x"), in)
		if err != nil {
			t.Fatal(err)
		}
		sum += got.DiffBp
		if got.LowBp <= 3 && got.HighBp >= 3 {
			inside++
		}
		if got.P <= 0.05 {
			found++
		}
	}
	// 95% of 500 is 475, standard deviation 4.9.
	if inside < 455 || inside > 495 {
		t.Errorf("%d of %d intervals cover the truth", inside, runs)
	}
	if mean := sum / runs; math.Abs(mean-3) > 0.2 {
		t.Errorf("the mean estimate is %v", mean)
	}
	if found < runs*3/4 {
		t.Errorf("only %d of %d experiments find it", found, runs)
	}
}

func TestCompareLeavesOutWhatWasForced(t *testing.T) {
	in := placed(3, 3, 12, func(h int, a router.Assignment) router.Outcome {
		return router.Outcome{CostBp: float64(a.Slot), Missing: h == 2 && a.Path == 1 && a.Block == 0, Covariates: []float64{float64(a.Path)}}
	})
	base, err := router.Compare(options(3, 99, "told"), in)
	if err != nil {
		t.Fatal(err)
	}
	forced := router.Outcome{Assignment: router.Assignment{Path: 1, Reason: router.Down}, CostBp: 1e6}
	mixed := append(slices.Clone(in), forced, forced)
	slices.Reverse(mixed)
	got, err := router.Compare(options(3, 99, "told"), mixed)
	if err != nil {
		t.Fatal(err)
	}
	if got.Forced != 2 || got.Orders != base.Orders+2 || got.Missing != [2]int{2, 0} || got.N != [2]int{16, 18} {
		t.Errorf("counts are %+v", got)
	}
	got.Forced, got.Orders = base.Forced, base.Orders
	if !reflect.DeepEqual(got, base) {
		t.Errorf("forced orders or another order of outcomes change the result:\n%+v\n%+v", got, base)
	}
	// A covariate that tells the path is as unbalanced as can be; missing orders on one path are seen too.
	if b := got.Balance[1]; b.Covariate != "told" || b.P > 0.011 || b.Diff > -1.5 {
		t.Errorf("the telling covariate's balance is %+v", b)
	}
	if b := got.Balance[0]; b.Covariate != "missing outcome" || b.Diff < 0.3 {
		t.Errorf("the missing orders' balance is %+v", b)
	}
}

func TestCompareRefuses(t *testing.T) {
	good := func() []router.Outcome {
		return placed(3, 1, 8, func(_ int, a router.Assignment) router.Outcome {
			return router.Outcome{CostBp: float64(a.Slot), Covariates: []float64{1}}
		})
	}
	for name, spoil := range map[string]func([]router.Outcome){
		"the design says":               func(in []router.Outcome) { in[2].Assignment.Path = 3 - in[2].Assignment.Path },
		"both hold slot 1 of block 0":   func(in []router.Outcome) { in[5] = in[1]; in[5].Assignment.OrderID = 99 },
		"costs NaN bp":                  func(in []router.Outcome) { in[0].CostBp = math.NaN() },
		`covariate "x" is +Inf`:         func(in []router.Outcome) { in[0].Covariates[0] = math.Inf(1) },
		"has 0 covariates, 1 are named": func(in []router.Outcome) { in[0].Covariates = nil },
	} {
		in := good()
		spoil(in)
		_, err := router.Compare(options(3, 9, "x"), in)
		wantError(t, err, name)
	}
	_, err := router.Compare(router.Options{}, nil)
	wantError(t, err, "block is 0", "confidence is 0", "redraws is 0")
	few, err := router.Compare(options(3, 9, "x"), good()[:3])
	if !errors.Is(err, router.ErrTooFew) || few.Strata != 1 {
		t.Errorf("three orders: %+v, %v", few, err)
	}
	// Equal costs have no standard error: no z, and a p-value of one.
	flat := placed(3, 1, 8, func(int, router.Assignment) router.Outcome { return router.Outcome{CostBp: 2} })
	got, err := router.Compare(options(3, 99), flat)
	if err != nil || got.Z != 0 || got.P != 1 || got.LowBp != 0 || got.HighBp != 0 {
		t.Errorf("equal costs: %s", fmt.Sprint(got, err))
	}
}

// TestExperimentEndToEnd routes orders while a monitor looks every 100 of them: path 2 is 2 bp cheaper, so exploration
// shrinks, the cheaper path is preferred, and the forced orders stay out of the analysis.
func TestExperimentEndToEnd(t *testing.T) {
	c := config(77)
	s := newState(t, c)
	m := router.Monitor{Alpha: 0.05, MaxN: 2000, Spending: router.OBrienFleming}
	draw := rand.New(rand.NewPCG(7, 8))
	var outcomes []router.Outcome
	experiments, changedAt := 0, 0
	for i := range 2500 {
		r := router.Request{OrderID: uint64(i), Facts: liquid}
		r.Facts.Qty = 1 + draw.Int64N(900)
		r.Facts.SinceOpenNs = draw.Int64N(6 * 3_600_000_000_000)
		a := assign(t, c, s, r)
		cost := 4 + 3*draw.NormFloat64()
		if a.Path == 2 {
			cost -= 2
		}
		outcomes = append(outcomes, router.Outcome{Assignment: a, CostBp: cost})
		if !a.Experiment {
			continue
		}
		if experiments++; experiments%100 != 0 || changedAt > 0 {
			continue
		}
		got, err := router.Compare(router.Options{Design: c.Design, Confidence: 0.95, Redraws: 99, Seed: 1}, outcomes)
		if err != nil {
			t.Fatal(err)
		}
		look, err := m.Look(int64(i), int64(experiments), got.Z)
		if err != nil {
			t.Fatal(err)
		}
		m.Looks = append(m.Looks, look)
		if change, ok := c.Judge("US", look, got.DiffBp); ok {
			if err := s.Change(c, change); err != nil {
				t.Fatal(err)
			}
			changedAt = i
		}
	}
	line := s.Lines["US"]
	if changedAt == 0 || line.Preferred != 2 || line.ExplorePPM != c.FloorPPM {
		t.Fatalf("after %d looks the line is %+v", len(m.Looks), line)
	}
	after, explored := 0, 0
	for _, u := range outcomes[changedAt+1:] {
		after++
		if u.Assignment.Experiment {
			explored++
		} else if u.Assignment.Path != 2 {
			t.Fatalf("order %d exploits path %d", u.Assignment.OrderID, u.Assignment.Path)
		}
	}
	if explored == 0 || explored > after/8 {
		t.Errorf("%d of %d orders explore at a floor of a twentieth", explored, after)
	}
}
