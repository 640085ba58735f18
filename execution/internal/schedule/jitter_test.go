package schedule_test

import (
	"testing"

	"dnalyaw/execution/internal/schedule"
)

// TestJitter is off by default, differs between parents and seeds, and stays within its bounds.
func TestJitter(t *testing.T) {
	params := hourly()
	params.SliceNs = 10 * minute
	calm := plan(t, params, buy(24_000, 100, 4))
	params.JitterTimePPM, params.JitterSizePPM, params.Seed = 500_000, 1_000_000, 42
	starts := map[int64]bool{}
	sizes := map[int64]bool{}
	for id := uint64(1); id <= 20; id++ {
		parent := buy(24_000, 100, 4)
		parent.ID = id
		p := plan(t, params, parent)
		for k := range 24 {
			late := p.SliceStartNs(k) - calm.SliceStartNs(k)
			if late < 0 || late > 5*minute {
				t.Fatalf("slice %d of parent %d begins %d ns late", k, id, late)
			}
			starts[late] = true
			if d := p.Next(p.SliceStartNs(k), schedule.Progress{Done: int64(k) * 1000}, quoted); d.Qty > 0 {
				sizes[d.Qty] = true
				if d.Qty < 100 || d.Qty > 2000 {
					t.Fatalf("slice %d of parent %d sends %d", k, id, d.Qty)
				}
			}
		}
	}
	if len(starts) < 400 || len(sizes) < 5 {
		t.Errorf("of 480 slices %d begin at different moments and send %d different sizes", len(starts), len(sizes))
	}
	if calm.SliceStartNs(3) != open+30*minute {
		t.Errorf("without jitter slice 3 begins at +%d", calm.SliceStartNs(3)-open)
	}
}
