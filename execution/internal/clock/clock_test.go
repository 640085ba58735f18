package clock_test

import (
	"math"
	"testing"
	"time"

	"dnalyaw/execution/internal/clock"
)

func TestReplayStandsRunsAndStops(t *testing.T) {
	wall := clock.NewManual(time.Unix(1000, 0))
	r, err := clock.NewReplay(wall, 500, 500+int64(10*time.Second), 4)
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
	r, err := clock.NewReplay(wall, 0, int64(10*time.Second), 4)
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
		if _, err := clock.NewReplay(clock.System{}, 0, 1, speed); err == nil {
			t.Errorf("speed %v accepted", speed)
		}
	}
	if _, err := clock.NewReplay(clock.System{}, 2, 1, 1); err == nil {
		t.Error("a start after the end accepted")
	}
}
