package router_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"dnalyaw/execution/internal/router"
)

// looks asks a monitor at the given numbers of orders, with a statistic that never crosses.
func looks(t *testing.T, m router.Monitor, ns ...int64) []router.Look {
	t.Helper()
	for _, n := range ns {
		l, err := m.Look(n, n, 0)
		if err != nil {
			t.Fatal(err)
		}
		m.Looks = append(m.Looks, l)
	}
	return m.Looks
}

// TestPublishedBoundaries compares with published tables of Lan and DeMets' boundaries.
func TestPublishedBoundaries(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     router.Monitor
		ns    []int64
		bound []float64
		tol   float64
	}{
		{"O'Brien-Fleming, two-sided 5%, five looks", router.Monitor{Alpha: 0.05, MaxN: 1000, Spending: router.OBrienFleming},
			[]int64{200, 400, 600, 800, 1000}, []float64{4.8769, 3.3569, 2.6803, 2.2898, 2.0310}, 2e-4},
		{"Pocock, two-sided 5%, five looks", router.Monitor{Alpha: 0.05, MaxN: 1000, Spending: router.Pocock},
			[]int64{200, 400, 600, 800, 1000}, []float64{2.4380, 2.4268, 2.4101, 2.3966, 2.3859}, 2e-4},
		// One-sided 5% of SeqBounds.jl's README; the other side of ours, also 5%, changes the last digits only.
		{"O'Brien-Fleming, a side 5%, four looks", router.Monitor{Alpha: 0.10, MaxN: 1000, Spending: router.OBrienFleming},
			[]int64{250, 500, 750, 1000}, []float64{3.74955, 2.53993, 2.01604, 1.72014}, 2e-3},
	} {
		for i, l := range looks(t, c.m, c.ns...) {
			if math.Abs(l.Bound-c.bound[i]) > c.tol {
				t.Errorf("%s: bound %d is %.5f, published %v", c.name, i+1, l.Bound, c.bound[i])
			}
		}
	}
	// A single look is the plain test.
	if l := looks(t, router.Monitor{Alpha: 0.05, MaxN: 10, Spending: router.Pocock}, 10)[0]; math.Abs(l.Bound-1.959964) > 1e-5 || math.Abs(l.Spent-0.05) > 1e-12 {
		t.Errorf("one look has the bound %v and spends %v", l.Bound, l.Spent)
	}
}

// TestMonitorKeepsItsAlpha plays Brownian motions without drift through uneven looks: they cross as often as is spent.
func TestMonitorKeepsItsAlpha(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	ns := []int64{30, 40, 170, 480, 500, 900, 1200} // the last is beyond the plan
	for _, spending := range []router.Spending{router.OBrienFleming, router.Pocock} {
		m := router.Monitor{Alpha: 0.2, MaxN: 1000, Spending: spending}
		all := looks(t, m, ns...)
		const runs = 20_000
		crossed := make([]int, len(ns))
		for range runs {
			b, last := 0.0, int64(0)
			for k, n := range ns {
				b += draw.NormFloat64() * math.Sqrt(float64(n-last))
				last = n
				if math.Abs(b)/math.Sqrt(float64(n)) >= all[k].Bound {
					for ; k < len(ns); k++ {
						crossed[k]++
					}
					break
				}
			}
		}
		for k, l := range all {
			got := float64(crossed[k]) / runs
			if se := math.Sqrt(l.Spent*(1-l.Spent)/runs) + 1e-5; math.Abs(got-l.Spent) > 4*se {
				t.Errorf("%s: by look %d %.4f have crossed, %.4f is spent", spending, k+1, got, l.Spent)
			}
		}
		if last := all[len(all)-1]; math.Abs(last.Spent-0.2) > 1e-12 {
			t.Errorf("%s: the last look has spent %v", spending, last.Spent)
		}
	}
}

func TestMonitorRefuses(t *testing.T) {
	_, err := router.Monitor{Spending: "all"}.Look(0, 1, 0)
	wantError(t, err, "alpha is 0", "max_n is 0", `spending is "all"`)
	m := router.Monitor{Alpha: 0.05, MaxN: 1000, Spending: router.OBrienFleming}
	_, err = m.Look(0, 500, math.NaN())
	wantError(t, err, "z is no number")
	m.Looks = looks(t, m, 500)
	_, err = m.Look(0, 505, 0)
	wantError(t, err, "505 orders after 500")
	found, err := m.Look(9, 600, -5)
	if err != nil || !found.Crossed {
		t.Fatalf("five standard errors at 60%%: %+v (%v)", found, err)
	}
	m.Looks = append(m.Looks, found)
	if _, err = m.Look(0, 900, 0); !errors.Is(err, router.ErrSpent) {
		t.Errorf("after a crossing it says %v", err)
	}
	m.Looks = looks(t, router.Monitor{Alpha: 0.05, MaxN: 1000, Spending: router.OBrienFleming}, 1000)
	if _, err = m.Look(0, 2000, 0); !errors.Is(err, router.ErrSpent) {
		t.Errorf("at the end it says %v", err)
	}
	c := config(5)
	change, ok := c.Judge("US", found, -1.5)
	if !ok || change.Path != 1 || change.ExplorePPM != 50_000 || change.AtNs != 9 {
		t.Errorf("it judges %+v, %t", change, ok)
	}
	if change, _ := c.Judge("US", found, 1.5); change.Path != 2 {
		t.Errorf("path 1 costs more and it prefers path %d", change.Path)
	}
	if err := newState(t, c).Change(c, change); err != nil {
		t.Errorf("its change is refused: %v", err)
	}
	if _, ok := c.Judge("US", router.Look{}, 1); ok {
		t.Error("it judges without a crossing")
	}
}
