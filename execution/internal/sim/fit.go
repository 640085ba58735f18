package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// LatencyFit is a log-normal fitted to measured latencies, and how well it fits.
type LatencyFit struct {
	LogNormal
	N        int     `json:"n"`
	MedianUs float64 `json:"median_us"` // of the measurements
	P99Us    float64 `json:"p99_us"`    // of the measurements
	FitP99Us float64 `json:"fit_p99_us"`
	KS       float64 `json:"ks"`      // Kolmogorov-Smirnov distance of the logarithms from the fitted normal
	PValue   float64 `json:"p_value"` // of that distance with fitted parameters, at most 0.2 is told apart
}

// FitLatency fits a log-normal to latencies in microseconds by maximum likelihood: Mu is the mean of the logarithms, Sigma
// the root of their mean squared deviation (divided by n). The distance from the fit is Kolmogorov and Smirnov's; because the
// parameters come from the same data its p-value is Lilliefors', in the approximation of Dallal and Wilkinson (The American
// Statistician 40, 1986), which holds up to 0.1 and is cut off at 0.2.
func FitLatency(us []float64) (LatencyFit, error) {
	if len(us) < 5 {
		return LatencyFit{}, fmt.Errorf("%d latencies: give at least 5", len(us))
	}
	logs := make([]float64, len(us))
	for i, x := range us {
		if !(x > 0) || math.IsInf(x, 0) {
			return LatencyFit{}, fmt.Errorf("latency %d is %v: give positive microseconds", i+1, x)
		}
		logs[i] = math.Log(x)
	}
	slices.Sort(logs)
	n := float64(len(logs))
	mean := 0.0
	for _, x := range logs {
		mean += x / n
	}
	variance := 0.0
	for _, x := range logs {
		variance += (x - mean) * (x - mean) / n
	}
	f := LatencyFit{LogNormal: LogNormal{Mu: mean, Sigma: math.Sqrt(variance)}, N: len(logs)}
	if f.Sigma == 0 {
		return f, errors.New("all latencies are the same: there is no distribution to fit")
	}
	f.MedianUs, f.P99Us = math.Exp(quantile(logs, 0.5)), math.Exp(quantile(logs, 0.99))
	f.FitP99Us = math.Exp(f.Mu + 2.3263478740408408*f.Sigma)
	for i, x := range logs {
		cdf := 0.5 * math.Erfc(-(x-f.Mu)/(f.Sigma*math.Sqrt2))
		f.KS = max(f.KS, float64(i+1)/n-cdf, cdf-float64(i)/n)
	}
	f.PValue = lilliefors(f.KS, n)
	return f, nil
}

// quantile of sorted values, between the two nearest.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// lilliefors is the probability of a distance d or more when n values are normal and the parameters were fitted to them.
func lilliefors(d, n float64) float64 {
	if n > 100 {
		d *= math.Pow(n/100, 0.49)
		n = 100
	}
	p := math.Exp(-7.01256*d*d*(n+2.78019) + 2.99587*d*math.Sqrt(n+2.78019) - 0.122119 + 0.974598/math.Sqrt(n) + 1.67997/n)
	return min(p, 0.2)
}

// ReadLatencies reads microseconds, one a line; empty lines and lines that begin with # are passed over.
func ReadLatencies(name string, from io.Reader) ([]float64, error) {
	var out []float64
	lines := bufio.NewScanner(from)
	for line := 1; lines.Scan(); line++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		us, err := strconv.ParseFloat(text, 64)
		if err != nil || !(us > 0) || math.IsInf(us, 0) {
			return nil, fmt.Errorf("%s:%d: %.40q is no latency: give positive microseconds, one a line", name, line, text)
		}
		out = append(out, us)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
