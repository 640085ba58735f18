package source

import "time"

// SetNow injects the clock.
func (f *Follower) SetNow(now func() time.Time) { f.now = now }

// Patience and StuckAfter are the follower's waits.
const (
	Patience   = patience
	StuckAfter = stuckAfter
)
