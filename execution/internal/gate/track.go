package gate

import "math"

// Running robust estimates in constant time and space. A quantile is followed by steps: up by p when the observation
// lies above it, down by 1-p when below, so that it rests where a share p lies below. The step shrinks like 1/n to a
// floor, below which it would no longer follow a change. An outlier moves it by one step, however far out it lies.
// See Robbins and Monro (1951), "A stochastic approximation method", and, for quantiles, Tierney (1983).

const leastStep = 0.05

func step(n int64) float64 { return max(leastStep, 1/float64(n+1)) }

// spreadTrack follows median and median absolute deviation of the logarithm of the relative spread.
type spreadTrack struct {
	N   int64   `json:"n"`
	Med float64 `json:"med"`
	Dev float64 `json:"dev"`
}

// The deviation's limits: calmer than the first and one odd tick is an alarm, wilder than the second and nothing is.
const (
	leastSpreadDev = 0.35
	mostSpreadDev  = 0.70
	spreadWarmUp   = 20     // observations before the estimate counts
	toSigma        = 1.4826 // a normal's standard deviation in median absolute deviations
)

func (t *spreadTrack) add(x float64) {
	if t.N == 0 {
		t.Med, t.Dev = x, (leastSpreadDev+mostSpreadDev)/2
	}
	eta := step(t.N)
	t.N++
	off := x - t.Med
	t.Med += eta * sign(off)
	t.Dev = clamp(t.Dev+eta*sign(math.Abs(off)-t.Dev), leastSpreadDev, mostSpreadDev)
}

// score is how many robust deviations x lies above the median.
func (t *spreadTrack) score(x float64) float64 { return (x - t.Med) / (toSigma * t.Dev) }

// bound is the relative spread that lies so many robust deviations above the median.
func (t *spreadTrack) bound(deviations float64) float64 {
	return math.Exp(t.Med + deviations*toSigma*t.Dev)
}

// scaleTrack follows the scale of log returns per square root of a second, from the upper quartile of their size:
// prices stand still in more than half of the observations of a quiet name, where a median would be 0.
type scaleTrack struct {
	N     int64   `json:"n"`
	Sigma float64 `json:"sigma"`
}

const (
	upperQuartile = 0.75
	quartileSigma = 1.1503 // the 75% quantile of |z| of a standard normal
)

func (t *scaleTrack) add(z, low, up float64) {
	eta := step(t.N)
	t.N++
	if z > quartileSigma*t.Sigma {
		t.Sigma *= math.Exp(eta * upperQuartile)
	} else {
		t.Sigma *= math.Exp(-eta * (1 - upperQuartile))
	}
	t.Sigma = clamp(t.Sigma, low, up)
}

// pauseTrack follows the median pause between messages, by steps in proportion to it.
type pauseTrack struct {
	N       int64   `json:"n"`
	UsualNs float64 `json:"usual_ns"`
}

func (t *pauseTrack) add(pauseNs int64) {
	x := max(float64(pauseNs), 1e3)
	if t.N == 0 {
		t.UsualNs = x
	}
	t.UsualNs *= 1 + step(t.N)/2*sign(x-t.UsualNs) // halved: the first step must not reach 0
	t.N++
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func clamp(x, low, up float64) float64 { return min(max(x, low), up) }

// sessionSeconds is a regular session of 6.5 hours: the unit in which risk is counted overnight.
const sessionSeconds = 23400.0

// riskSeconds turns elapsed time into the time in which prices move as much: within a session itself; a night moves
// prices like at most one session more, and each further day off adds a fifth of one (French and Roll 1986, "Stock
// return variances: the arrival of information and the reaction of traders").
func riskSeconds(elapsedNs int64) float64 {
	s := float64(elapsedNs) / 1e9
	if s <= sessionSeconds {
		return max(s, 0)
	}
	daysOff := clamp(s/86400-1, 0, 20)
	return sessionSeconds * (1 + 0.2*daysOff)
}
