package schedule

import (
	"errors"
	"fmt"
	"math"
)

// Impact is the linear market of Almgren and Chriss (2000), section 1: an arithmetic random walk, a permanent impact
// that is linear in the rate of trading and a temporary one that is linear too, plus a fixed part. Money is in currency
// units here, time in trading days.
type Impact struct {
	Sigma   float64 `json:"sigma"`   // volatility, currency units a share and square root of a day
	Eta     float64 `json:"eta"`     // temporary impact, currency units a share for a rate of one share a day
	Gamma   float64 `json:"gamma"`   // permanent impact, currency units a share for each share traded
	Epsilon float64 `json:"epsilon"` // fixed cost, currency units a share: half the spread and fees
}

// ImpactFromMarket is the paper's own calibration (its section 3.4): trading one percent of the daily volume costs one
// spread for the moment, ten percent move the price by one spread for good, and half a spread is paid always. px and
// spread are millionths, dailyVolBp the daily volatility in basis points, adv shares a day.
func ImpactFromMarket(px, spread, dailyVolBp, adv int64) (Impact, error) {
	if px <= 0 || spread <= 0 || dailyVolBp <= 0 || adv <= 0 {
		return Impact{}, fmt.Errorf("impact from price %d, spread %d, volatility %d bp, adv %d: all must be positive", px, spread, dailyVolBp, adv)
	}
	s, volume := float64(spread)/1e6, float64(adv)
	return Impact{
		Sigma: float64(px) / 1e6 * float64(dailyVolBp) / 1e4, Eta: s / (0.01 * volume), Gamma: s / (0.1 * volume), Epsilon: s / 2,
	}, nil
}

// Trajectory is an optimal way to trade X shares in N equal periods, and what it is expected to cost.
type Trajectory struct {
	Holdings []float64 // shares still to trade at the periods' ends, N+1 of them: X first, 0 last
	Trades   []float64 // shares of each period
	Cost     float64   // expected cost in currency units
	Variance float64   // of the cost, in squared currency units
	Kappa    float64   // 1/days; the holdings are X sinh(kappa (T-t))/sinh(kappa T)
}

// HalfLife is the time in days in which a long trade falls by the factor e, the paper's measure of urgency; infinite
// without risk aversion.
func (t Trajectory) HalfLife() float64 { return 1 / t.Kappa }

// etaTilde is the temporary impact less what the permanent one gives back within a period of tau days.
func (m Impact) etaTilde(tau float64) float64 { return m.Eta - float64(m.Gamma*tau)/2 }

func (m Impact) faults(days, lambda float64, n int) []error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"sigma", m.Sigma}, {"eta", m.Eta}, {"gamma", m.Gamma}, {"epsilon", m.Epsilon}, {"risk_aversion", lambda},
	} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			bad("%s is %v: give a finite number, 0 or more", v.name, v.value)
		}
	}
	if n < 1 || !(days > 0) {
		bad("%d periods in %v days: both must be positive", n, days)
	}
	if len(all) == 0 {
		tau := days / float64(n)
		switch a := m.curvature(tau, lambda); {
		case !(m.etaTilde(tau) > 0):
			bad("eta %v is not above gamma*tau/2 = %v: with periods of %v days the permanent impact leaves no convex cost; shorten the slices", m.Eta, m.Gamma*tau/2, tau)
		case math.IsNaN(a) || math.IsInf(a, 0):
			bad("risk_aversion %v times sigma %v squared over eta %v is no finite number", lambda, m.Sigma, m.Eta)
		}
	}
	return all
}

// curvature is the square of kappa-tilde times tau.
func (m Impact) curvature(tau, lambda float64) float64 {
	return lambda * m.Sigma * m.Sigma / m.etaTilde(tau) * tau * tau
}

// remaining is the part of the quantity still to trade at the end of each period, n+1 numbers from 1 to 0. The first
// order condition of the paper, x[j-1] - (2+a) x[j] + x[j+1] = 0, is solved from the end by the ratios of neighbours:
// only additions, multiplications and divisions, so it cannot overflow for a large kappa T, becomes TWAP for kappa 0,
// and gives the same bits on every machine, which sinh does not promise.
func remaining(a float64, n int) []float64 {
	ratio := make([]float64, n) // ratio[j] = x[j+1]/x[j]
	for j := n - 2; j >= 0; j-- {
		ratio[j] = 1 / (2 + a - ratio[j+1])
	}
	x := make([]float64, n+1)
	x[0] = 1
	for j, r := range ratio {
		x[j+1] = x[j] * r
	}
	return x
}

// Trajectory is the optimum of expected cost plus lambda times variance for X shares in n equal periods of days in all
// (Almgren and Chriss 2000, equations 16 to 20). lambda is per currency unit, 0 or more.
func (m Impact) Trajectory(shares, days, lambda float64, n int) (Trajectory, error) {
	all := m.faults(days, lambda, n)
	if !(shares > 0) || math.IsInf(shares, 0) {
		all = append(all, fmt.Errorf("shares is %v: give a positive number", shares))
	}
	if len(all) > 0 {
		return Trajectory{}, fmt.Errorf("almgren-chriss: %w", errors.Join(all...))
	}
	tau := days / float64(n)
	a := m.curvature(tau, lambda)
	t := Trajectory{Holdings: remaining(a, n), Trades: make([]float64, n)}
	for j := range t.Holdings {
		t.Holdings[j] *= shares
	}
	for j := range t.Trades {
		t.Trades[j] = t.Holdings[j] - t.Holdings[j+1]
	}
	t.Cost, t.Variance = m.CostOf(t.Holdings, tau)
	// cosh(kappa tau) = 1 + a/2 says sinh(kappa tau / 2) = sqrt(a)/2, which keeps its digits for a small a.
	t.Kappa = 2 * math.Asinh(math.Sqrt(a)/2) / tau
	return t, nil
}

// CostOf is the expected cost, in currency units, and its variance for any holdings at the ends of periods of tau days
// (equations 5 and 8 of the paper with linear impact): holdings[0] shares at first, 0 at last.
func (m Impact) CostOf(holdings []float64, tau float64) (cost, variance float64) {
	var squares, held, traded float64
	for j := 1; j < len(holdings); j++ {
		n := holdings[j-1] - holdings[j]
		traded += math.Abs(n)
		squares += float64(n * n)
		held += float64(holdings[j] * holdings[j])
	}
	x := holdings[0]
	cost = float64(m.Gamma*x*x)/2 + float64(m.Epsilon*traded) + float64(m.etaTilde(tau)/tau*squares)
	return cost, m.Sigma * m.Sigma * tau * held
}

// FrontierPoint is one point of the efficient frontier: no trajectory has less cost at this variance.
type FrontierPoint struct {
	RiskAversion float64 // 1/currency unit
	Cost         float64 // currency units
	Variance     float64 // squared currency units
	HalfLife     float64 // days
}

// Frontier is the efficient frontier (section 2 of the paper) at the given risk aversions, in their order.
func (m Impact) Frontier(shares, days float64, n int, lambdas []float64) ([]FrontierPoint, error) {
	out := make([]FrontierPoint, 0, len(lambdas))
	for _, l := range lambdas {
		t, err := m.Trajectory(shares, days, l, n)
		if err != nil {
			return nil, err
		}
		out = append(out, FrontierPoint{l, t.Cost, t.Variance, t.HalfLife()})
	}
	return out, nil
}
