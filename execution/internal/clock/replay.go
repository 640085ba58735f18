package clock

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// Replay maps wall time to a replayed moment in nanoseconds since the Unix epoch. It stands at its position
// until Start, then moves speed times as fast as base and never past its end. It is safe for concurrent use.
type Replay struct {
	mu      sync.Mutex
	base    Clock
	speed   float64
	at      int64 // position at since
	since   time.Time
	end     int64
	running bool
}

// NewReplay returns a clock standing at startNs. speed is replayed seconds a wall second.
func NewReplay(base Clock, startNs, endNs int64, speed float64) (*Replay, error) {
	if !(speed > 0) || math.IsInf(speed, 0) {
		return nil, fmt.Errorf("replay speed %v: give a finite number above 0", speed)
	}
	if startNs > endNs {
		return nil, fmt.Errorf("replay start %d is after its end %d", startNs, endNs)
	}
	return &Replay{base: base, speed: speed, at: startNs, end: endNs}, nil
}

// Start lets the clock move; on a moving clock it does nothing.
func (r *Replay) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running {
		r.running, r.since = true, r.base.Now()
	}
}

// Running says whether Start was called.
func (r *Replay) Running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running
}

// NowNs returns the replayed moment.
func (r *Replay) NowNs() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running {
		return r.at
	}
	passed := float64(r.base.Now().Sub(r.since)) * r.speed
	if passed >= float64(r.end-r.at) {
		return r.end
	}
	return r.at + int64(passed)
}

// WallUntil is how long, on the wall, until the clock reaches ns: 0 when it is there; false while it stands short of it.
func (r *Replay) WallUntil(ns int64) (time.Duration, bool) {
	now := r.NowNs()
	if now >= ns {
		return 0, true
	}
	if !r.Running() || ns > r.end {
		return 0, false
	}
	wall := math.Ceil(float64(ns-now) / r.speed)
	return time.Duration(min(wall, float64(24*time.Hour))), true
}
