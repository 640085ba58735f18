package clock_test

import (
	"math"
	"testing"
	"time"

	"dnalyaw/execution/internal/clock"
)

func TestReplayStandsRunsAndStops(t *testing.T) {
	wall := clock.NewManual(time.Unix(1000, 0))
	r, err := clock.NewReplay(wall, 500, 500+int64(10*time.Second), clock.Steady(4))
	if err != nil {
		t.Fatal(err)
	}
	wall.Advance(time.Hour)
	if got := r.NowNs(); got != 500 || r.Running() {
		t.Fatalf("before Start: %d, running %v", got, r.Running())
	}
	r.Start()
	wall.Advance(time.Second)
	r.Start() // a second start must not set the clock back
	if got, want := r.NowNs(), int64(500+4e9); got != want {
		t.Fatalf("after one second at 4x: %d, want %d", got, want)
	}
	wall.Advance(time.Hour)
	if got, want := r.NowNs(), int64(500+10e9); got != want {
		t.Fatalf("at the end: %d, want %d", got, want)
	}
}

func TestWallUntil(t *testing.T) {
	wall := clock.NewManual(time.Unix(1000, 0))
	r, err := clock.NewReplay(wall, 0, int64(10*time.Second), clock.Steady(4))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.WallUntil(1); ok {
		t.Error("a standing clock reaches something")
	}
	r.Start()
	wall.Advance(time.Second) // 4 s
	for ns, want := range map[time.Duration]time.Duration{0: 0, 4 * time.Second: 0, 8 * time.Second: time.Second, 4*time.Second + 1: 1} {
		if got, ok := r.WallUntil(int64(ns)); !ok || got != want {
			t.Errorf("until %v: %v %v, want %v", ns, got, ok, want)
		}
	}
	if _, ok := r.WallUntil(int64(11 * time.Second)); ok {
		t.Error("the clock passes its end")
	}
}

func TestReplayRefusesNonsense(t *testing.T) {
	for _, speed := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := clock.NewReplay(clock.System{}, 0, 1, clock.Steady(speed)); err == nil {
			t.Errorf("speed %v accepted", speed)
		}
	}
	if _, err := clock.NewReplay(clock.System{}, 2, 1, clock.Steady(1)); err == nil {
		t.Error("a start after the end accepted")
	}
	for _, slow := range []float64{0, -1, math.NaN(), 2} {
		if _, err := clock.NewReplay(clock.System{}, 0, 9, clock.Pace{Speed: 1, SlowUntilNs: 5, SlowSpeed: slow}); err == nil {
			t.Errorf("slow speed %v accepted", slow)
		}
	}
}

// Five minutes in two seconds are 150 a second; after them it goes at full speed.
func TestSlowOpening(t *testing.T) {
	const open = int64(1_700_000_000_000_000_000)
	end := open + int64(6*time.Hour)
	pace := clock.SlowOpening(5000, open, 5*time.Minute, 2*time.Second)
	wall := clock.NewManual(time.Unix(1000, 0))
	r, err := clock.NewReplay(wall, open, end, pace)
	if err != nil {
		t.Fatal(err)
	}
	wall.Advance(time.Hour) // it stands until it is started
	r.Start()
	var at time.Duration
	for _, step := range []struct{ wall, want time.Duration }{
		{0, 0}, {time.Millisecond, 150 * time.Millisecond}, {180 * time.Millisecond, 27 * time.Second},
		{time.Second, 150 * time.Second}, {2 * time.Second, 5 * time.Minute},
		{2*time.Second + time.Millisecond, 5*time.Minute + 5*time.Second}, {3 * time.Second, 5*time.Minute + 5000*time.Second},
		{time.Hour, 6 * time.Hour},
	} {
		wall.Advance(step.wall - at)
		at = step.wall
		if got := time.Duration(r.NowNs() - open); got != step.want {
			t.Errorf("after %v on the wall: %v, want %v", step.wall, got, step.want)
		}
	}
}

func TestSlowOpeningWallUntil(t *testing.T) {
	wall := clock.NewManual(time.Unix(1000, 0))
	r, err := clock.NewReplay(wall, 0, int64(6*time.Hour), clock.SlowOpening(5000, 0, 5*time.Minute, 2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	r.Start()
	wall.Advance(time.Second) // at 2m30s
	for ns, want := range map[time.Duration]time.Duration{
		time.Minute: 0, 5 * time.Minute: time.Second, 150*time.Second + 1: 1, 5*time.Minute + 5000*time.Second: 2 * time.Second,
	} {
		if got, ok := r.WallUntil(int64(ns)); !ok || got != want {
			t.Errorf("until %v: %v %v, want %v", ns, got, ok, want)
		}
		if d, ok := r.WallUntil(int64(ns)); ok && d > 0 {
			probe := clock.NewManual(time.Unix(1000, 0))
			again, err := clock.NewReplay(probe, 0, int64(6*time.Hour), clock.SlowOpening(5000, 0, 5*time.Minute, 2*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			again.Start()
			probe.Advance(time.Second + d)
			if got := again.NowNs(); got < int64(ns) {
				t.Errorf("waited %v for %v and stands at %v", d, ns, time.Duration(got))
			}
		}
	}
}

// A session resumed inside the opening goes on slowly from there; one resumed after it does not start over.
func TestSlowOpeningOfAResumedSession(t *testing.T) {
	for from, want := range map[time.Duration]time.Duration{
		4 * time.Minute: 4*time.Minute + 15*time.Second, time.Hour: time.Hour + 500*time.Second,
	} {
		wall := clock.NewManual(time.Unix(1000, 0))
		r, err := clock.NewReplay(wall, int64(from), int64(6*time.Hour), clock.SlowOpening(5000, 0, 5*time.Minute, 2*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		r.Start()
		wall.Advance(100 * time.Millisecond)
		if got := time.Duration(r.NowNs()); got != want {
			t.Errorf("from %v: %v, want %v", from, got, want)
		}
	}
}

func TestSlowOpeningOffOrNeedless(t *testing.T) {
	for name, pace := range map[string]clock.Pace{
		"no wall time":    clock.SlowOpening(5000, 7, 5*time.Minute, 0),
		"slow all along":  clock.SlowOpening(150, 7, 5*time.Minute, 2*time.Second),
		"slower still":    clock.SlowOpening(1, 7, 5*time.Minute, 2*time.Second),
		"nothing to slow": clock.SlowOpening(5000, 7, 0, 2*time.Second),
	} {
		if pace != clock.Steady(pace.Speed) {
			t.Errorf("%s: %+v", name, pace)
		}
	}
}
