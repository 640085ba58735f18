package clock

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// Pace is how fast a replay goes. Up to SlowUntilNs it goes at SlowSpeed, from there on at Speed; both are replayed
// seconds a wall second. The pace hangs on the replayed moment alone, so a clock that is resumed there keeps it.
type Pace struct {
	Speed       float64
	SlowUntilNs int64
	SlowSpeed   float64
}

// Steady is one speed all along.
func Steady(speed float64) Pace { return Pace{Speed: speed} }

// SlowOpening lets the stretch of replayed time after openNs take at least the wall time given, and what follows go at
// speed. Without wall time, or where speed is slower anyway, it is Steady.
func SlowOpening(speed float64, openNs int64, stretch, wall time.Duration) Pace {
	if wall <= 0 || stretch <= 0 || stretch.Seconds()/wall.Seconds() >= speed {
		return Steady(speed)
	}
	return Pace{Speed: speed, SlowUntilNs: openNs + int64(stretch), SlowSpeed: stretch.Seconds() / wall.Seconds()}
}

// Replay maps wall time to a replayed moment in nanoseconds since the Unix epoch. It stands at its position
// until Start, then moves at its pace relative to base and never past its end. It is safe for concurrent use.
type Replay struct {
	mu      sync.Mutex
	base    Clock
	pace    Pace
	at      int64 // position at since
	since   time.Time
	end     int64
	running bool
}

// NewReplay returns a clock standing at startNs.
func NewReplay(base Clock, startNs, endNs int64, pace Pace) (*Replay, error) {
	if !(pace.Speed > 0) || math.IsInf(pace.Speed, 0) {
		return nil, fmt.Errorf("replay speed %v: give a finite number above 0", pace.Speed)
	}
	if pace.SlowUntilNs > startNs && !(pace.SlowSpeed > 0 && pace.SlowSpeed <= pace.Speed) {
		return nil, fmt.Errorf("replay's slow speed %v: give a number above 0, at most the speed %v", pace.SlowSpeed, pace.Speed)
	}
	if startNs > endNs {
		return nil, fmt.Errorf("replay start %d is after its end %d", startNs, endNs)
	}
	return &Replay{base: base, pace: pace, at: startNs, end: endNs}, nil
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
	passed := r.passed(float64(r.base.Now().Sub(r.since)))
	if passed >= float64(r.end-r.at) {
		return r.end
	}
	return r.at + int64(passed)
}

// slow is how much of the slow stretch lay ahead at the start.
func (r *Replay) slow() float64 { return float64(max(0, r.pace.SlowUntilNs-r.at)) }

// passed is the replayed time since the start after so much wall time, both in nanoseconds.
func (r *Replay) passed(wall float64) float64 {
	slow := r.slow()
	if slow == 0 {
		return wall * r.pace.Speed
	}
	if crawled := wall * r.pace.SlowSpeed; crawled <= slow {
		return crawled
	}
	return slow + (wall-slow/r.pace.SlowSpeed)*r.pace.Speed
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
	crawl := max(0, min(ns, r.pace.SlowUntilNs)-now)
	wall := float64(ns-now-crawl) / r.pace.Speed
	if crawl > 0 {
		wall += float64(crawl) / r.pace.SlowSpeed
	}
	return time.Duration(min(math.Ceil(wall), float64(24*time.Hour))), true
}
