package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// LatencyModel is how long what a client sends, and what it is told, take on the replayed clock.
type LatencyModel struct {
	Order  *LogNormal    `json:"order"`  // orders, cancels, replacements; nil = none
	Report *LogNormal    `json:"report"` // execution reports and refusals; nil = none
	Paths  []PathLatency `json:"paths"`  // of orders that are sent on one of the two paths; what it leaves out is the above
}

// PathLatency is a path's own latency. What is reported comes on one session, whatever the path, so a report has none.
type PathLatency struct {
	Path  int64      `json:"path"`
	Order *LogNormal `json:"order"`
}

func (m *LatencyModel) validate() error {
	if m == nil {
		return nil
	}
	all := []error{m.Order.validate("order"), m.Report.validate("report")}
	given := map[int64]bool{}
	for i, p := range m.Paths {
		name := fmt.Sprintf("paths[%d]", i)
		if p.Path < 1 || p.Path > maxPath || given[p.Path] || p.Order == nil {
			all = append(all, fmt.Errorf("model.latency.%s: path %d: give path 1 or 2 once, with its order", name, p.Path))
		}
		given[p.Path] = true
		all = append(all, p.Order.validate(name+".order"))
	}
	return errors.Join(all...)
}

// on is the latency of what is sent on a path, nil = none.
func (m *LatencyModel) on(path int64) *LogNormal {
	for _, p := range m.Paths {
		if p.Path == path {
			return p.Order
		}
	}
	return m.Order
}

// LogNormal is a latency in microseconds whose logarithm is normal with mean Mu and standard deviation Sigma. Its median is
// exp(Mu) microseconds, its 99th percentile exp(Mu + 2.326*Sigma).
type LogNormal struct {
	Mu    float64 `json:"mu"`
	Sigma float64 `json:"sigma"`
}

// maxLatencyNs bounds one draw: an hour.
const maxLatencyNs = int64(3_600_000_000_000)

func (l *LogNormal) validate(name string) error {
	if l == nil {
		return nil
	}
	// exp(22) microseconds are an hour.
	if !(l.Mu >= -10 && l.Mu <= 22) || !(l.Sigma >= 0 && l.Sigma <= 10) {
		return fmt.Errorf("model.latency.%s: mu %v, sigma %v: give mu from -10 to 22 (of microseconds) and sigma from 0 to 10", name, l.Mu, l.Sigma)
	}
	return nil
}

// draw is the latency of id in nanoseconds: the same in every run.
func (l *LogNormal) draw(seed int64, domain, id string) int64 {
	u := (float64(hash(seed, domain, id, 0)>>11) + 0.5) / (1 << 53) // inside (0, 1)
	z := math.Sqrt2 * math.Erfinv(2*u-1)
	us := math.Exp(l.Mu + float64(l.Sigma*z))
	if ns := us * 1000; ns < float64(maxLatencyNs) {
		return int64(ns)
	}
	return maxLatencyNs
}

// hash is the venue's only source of chance: the first eight bytes (little endian) of SHA-256(seed as eight bytes little
// endian, domain, 0, id, 0, number as eight bytes little endian).
func hash(seed int64, domain, id string, number int64) uint64 {
	var space [128]byte
	b := binary.LittleEndian.AppendUint64(space[:0], uint64(seed))
	b = append(append(b, domain...), 0)
	b = append(append(b, id...), 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(number))
	sum := sha256.Sum256(b)
	return binary.LittleEndian.Uint64(sum[:8])
}

// chance says whether something that happens bp of 10,000 times happens to id at number.
func chance(seed int64, domain, id string, number, bp int64) bool {
	return int64(hash(seed, domain, id, number)%10_000) < bp
}
