package schedule_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/schedule"
)

// The numbers of section 3.4 of the paper: 50 dollars, 30% a year, a spread of 1/8, 5 million shares a day; a million
// shares in five days.
var paper = schedule.Impact{Sigma: 0.95, Eta: 2.5e-6, Gamma: 2.5e-7, Epsilon: 0.0625}

const paperShares, paperDays, paperPeriods = 1e6, 5.0, 5

func near(t testing.TB, what string, got, want, rel float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > rel*math.Max(math.Abs(want), 1e-300) {
		t.Errorf("%s is %v, want %v (relative %v)", what, got, want, rel)
	}
}

func trajectory(t testing.TB, m schedule.Impact, shares, days, lambda float64, n int) schedule.Trajectory {
	t.Helper()
	tr, err := m.Trajectory(shares, days, lambda, n)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestPublishedTrajectory compares with what an independent implementation publishes for the paper's stock at a risk
// aversion of 2e-6 (PyPI almgren-chriss 1.1.0, its README).
func TestPublishedTrajectory(t *testing.T) {
	tr := trajectory(t, paper, paperShares, paperDays, 2e-6, paperPeriods)
	for j, want := range []float64{1e6, 428598.84574702, 182932.81426177, 76295.72161546, 27643.37739691, 0} {
		if math.Abs(tr.Holdings[j]-want) > 1e-6 {
			t.Errorf("holding %d is %.8f, want %.8f", j, tr.Holdings[j], want)
		}
	}
	near(t, "cost", tr.Cost, 1140715.1670497851, 1e-12)
	near(t, "standard deviation", math.Sqrt(tr.Variance), 449367.65254135116, 1e-12)
}

// TestPublishedFrontier compares with the frontier that another implementation prints for the same stock (DROP, its
// AlmgrenChriss coverage test: cost and variance in millions, risk aversion in millionths, half-life in days).
func TestPublishedFrontier(t *testing.T) {
	rows := []struct{ lambda, cost, variance, halfLife float64 }{
		{0.001, 0.6625, 1.0812, 51.30}, {0.003, 0.6625, 1.0776, 29.62}, {0.005, 0.6625, 1.0740, 22.94}, {0.009, 0.6626, 1.0669, 17.10},
	}
	for _, r := range rows {
		pts, err := paper.Frontier(paperShares, paperDays, paperPeriods, []float64{r.lambda * 1e-6})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(pts[0].Cost/1e6-r.cost) > 5e-5 || math.Abs(pts[0].Variance/1e12-r.variance) > 5e-5 {
			t.Errorf("lambda %v: cost %.5f and variance %.5f, want %v and %v", r.lambda, pts[0].Cost/1e6, pts[0].Variance/1e12, r.cost, r.variance)
		}
		if math.Abs(pts[0].HalfLife-r.halfLife) > 0.005 {
			t.Errorf("lambda %v: half-life %.3f, want %v", r.lambda, pts[0].HalfLife, r.halfLife)
		}
	}
}

// TestPaperNumbers makes the paper's parameters from its market's numbers, and works two of its optima by hand.
func TestPaperNumbers(t *testing.T) {
	m, err := schedule.ImpactFromMarket(50_000_000, 125_000, 190, 5_000_000)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "sigma", m.Sigma, 0.95, 1e-12)
	near(t, "eta", m.Eta, 2.5e-6, 1e-12)
	near(t, "gamma", m.Gamma, 2.5e-7, 1e-12)
	near(t, "epsilon", m.Epsilon, 1.0/16, 1e-12)
	// At a risk aversion of 1e-6 cosh kappa = 1 + 0.9025e-6/2.375e-6/2 = 1.19, so kappa = ln(1.19 + sqrt(0.4161)) = 0.607076.
	near(t, "kappa", trajectory(t, paper, paperShares, paperDays, 1e-6, paperPeriods).Kappa, 0.607076, 1e-6)
	// Without risk aversion a fifth goes each day. By hand: gamma X^2/2 = 125,000; epsilon X = 62,500; eta~ = 2.375e-6,
	// times five squares of 200,000 = 475,000. Variance 0.9025 (0.64+0.36+0.16+0.04) 1e12.
	flat := trajectory(t, paper, paperShares, paperDays, 0, paperPeriods)
	near(t, "cost of TWAP", flat.Cost, 662_500, 1e-12)
	near(t, "variance of TWAP", flat.Variance, 0.9025*1.2e12, 1e-12)
	if flat.Kappa != 0 || !math.IsInf(flat.HalfLife(), 1) {
		t.Errorf("without risk aversion kappa is %v and the half-life %v", flat.Kappa, flat.HalfLife())
	}
}

// objective is expected cost plus lambda times variance, written from the paper's price dynamics alone: period k sells
// n at the price before it less the temporary impact, and every share still held loses the permanent impact.
func objective(m schedule.Impact, x []float64, tau, lambda float64) float64 {
	cost, variance := 0.0, 0.0
	for k := 1; k < len(x); k++ {
		n := x[k-1] - x[k]
		cost += x[k]*m.Gamma*n + n*(m.Epsilon+m.Eta*n/tau)
		variance += m.Sigma * m.Sigma * tau * x[k] * x[k]
	}
	return cost + lambda*variance
}

// minimise finds the least objective by coordinate descent: along one coordinate it is a parabola, and three values of
// it say where its bottom lies.
func minimise(m schedule.Impact, shares, days, lambda float64, n int) []float64 {
	x := make([]float64, n+1)
	for j := range x {
		x[j] = shares * float64(n-j) / float64(n)
	}
	tau, step := days/float64(n), shares/10
	for range 20_000 {
		moved := 0.0
		for j := 1; j < n; j++ {
			at := x[j]
			value := func(v float64) float64 { x[j] = v; return objective(m, x, tau, lambda) }
			lo, mid, hi := value(at-step), value(at), value(at+step)
			x[j] = at + step/2*(lo-hi)/(lo-2*mid+hi)
			moved = math.Max(moved, math.Abs(x[j]-at))
		}
		if moved < shares*1e-12 {
			break
		}
	}
	return x
}

func TestTrajectoryIsTheMinimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := schedule.Impact{
			Sigma: rapid.Float64Range(0.01, 5).Draw(t, "sigma"), Eta: rapid.Float64Range(1e-7, 1e-5).Draw(t, "eta"),
			Epsilon: rapid.Float64Range(0, 0.1).Draw(t, "epsilon"),
		}
		n := rapid.IntRange(1, 8).Draw(t, "periods")
		days := rapid.Float64Range(0.5, 5).Draw(t, "days")
		m.Gamma = rapid.Float64Range(0, 1).Draw(t, "gamma") * m.Eta / (days / float64(n))
		lambda := rapid.Float64Range(0, 1e-5).Draw(t, "lambda")
		got, err := m.Trajectory(1e6, days, lambda, n)
		if err != nil {
			t.Fatal(err)
		}
		want := minimise(m, 1e6, days, lambda, n)
		for j := range want {
			if math.Abs(got.Holdings[j]-want[j]) > 2 { // of a million: the parabola's bottom is known to about sqrt(epsilon)
				t.Fatalf("holding %d is %v, the minimum has %v (%+v, lambda %v)", j, got.Holdings[j], want[j], m, lambda)
			}
		}
		total := got.Cost + lambda*got.Variance
		if own := objective(m, got.Holdings, days/float64(n), lambda); math.Abs(total-own) > 1e-9*total {
			t.Fatalf("cost plus lambda variance is %v, written out it is %v", total, own)
		}
	})
}

// TestTrajectoryIsSinh compares with the paper's closed form (equation 17), where it can be evaluated.
func TestTrajectoryIsSinh(t *testing.T) {
	for _, lambda := range []float64{1e-9, 1e-7, 1e-6, 1e-5, 1e-3} {
		for _, n := range []int{1, 2, 5, 78} {
			tau := paperDays / float64(n)
			squared := lambda * paper.Sigma * paper.Sigma / (paper.Eta - paper.Gamma*tau/2)
			kappa := math.Acosh(1+squared*tau*tau/2) / tau
			tr := trajectory(t, paper, paperShares, paperDays, lambda, n)
			near(t, "kappa", tr.Kappa, kappa, 1e-6)
			for j, x := range tr.Holdings {
				want := paperShares * math.Sinh(kappa*(paperDays-float64(j)*tau)) / math.Sinh(kappa*paperDays)
				if math.Abs(x-want) > 1e-3 {
					t.Errorf("lambda %v, %d periods: holding %d is %v, sinh gives %v", lambda, n, j, x, want)
				}
			}
		}
	}
}

func TestTrajectoryAtItsLimits(t *testing.T) {
	for _, lambda := range []float64{0, 1e-30, 1e-18} {
		for j, x := range trajectory(t, paper, 1000, 1, lambda, 10).Holdings {
			if math.Abs(x-float64(1000-100*j)) > 1e-6 {
				t.Errorf("lambda %v: holding %d is %v, TWAP has %d", lambda, j, x, 1000-100*j)
			}
		}
	}
	// kappa T is in the hundreds here, and sinh of it overflows: everything goes in the first period.
	tr := trajectory(t, paper, 1000, 1000, 1e6, 1000)
	if tr.Trades[0] < 999.999 || tr.Holdings[1000] != 0 {
		t.Errorf("with all risk aversion the first period trades %v of 1000, the end holds %v", tr.Trades[0], tr.Holdings[1000])
	}
	for j := 1; j < len(tr.Holdings); j++ {
		if !(tr.Holdings[j] <= tr.Holdings[j-1] && tr.Holdings[j] >= 0) {
			t.Fatalf("holding %d is %v after %v", j, tr.Holdings[j], tr.Holdings[j-1])
		}
	}
}

func TestFrontierIsEfficient(t *testing.T) {
	lambdas := []float64{0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4}
	pts, err := paper.Frontier(paperShares, paperDays, 20, lambdas)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(pts); i++ {
		if pts[i].Cost <= pts[i-1].Cost || pts[i].Variance >= pts[i-1].Variance {
			t.Errorf("point %d (%+v) costs no more or risks no less than %+v", i, pts[i], pts[i-1])
		}
		// The frontier is convex and lambda is its slope (section 3.1): each chord's slope lies between the lambdas of its ends.
		slope := (pts[i].Cost - pts[i-1].Cost) / (pts[i-1].Variance - pts[i].Variance)
		if slope < lambdas[i-1] || slope > lambdas[i] {
			t.Errorf("the slope between points %d and %d is %v, outside %v to %v", i-1, i, slope, lambdas[i-1], lambdas[i])
		}
	}
}

func TestImpactFaults(t *testing.T) {
	_, err := schedule.Impact{Sigma: math.NaN(), Eta: -1, Gamma: math.Inf(1)}.Trajectory(0, 0, -1, 0)
	wantFaults(t, err, "sigma is NaN", "eta is -1", "gamma is +Inf", "risk_aversion is -1", "0 periods in 0 days", "shares is 0")
	_, err = schedule.Impact{Sigma: 1, Eta: 1e-6, Gamma: 2e-6}.Trajectory(1, 1, 1, 1)
	wantFaults(t, err, "eta 1e-06 is not above gamma*tau/2 = 1e-06")
	_, err = schedule.ImpactFromMarket(50, 0, 1, 1)
	wantFaults(t, err, "spread 0")
}
