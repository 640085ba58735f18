package targets_test

import (
	"testing"

	"dnalyaw/execution/internal/targets"
)

// A name that is there twice is a fault, next to itself and apart, in any order of the names.
func TestATargetThatIsThereTwice(t *testing.T) {
	ctx := targets.Context{Register: reg(entry("a", "live", 1))}
	for _, c := range []struct {
		ids    []int64
		faults int
	}{{[]int64{1, 2, 3}, 0}, {[]int64{3, 1, 2}, 0}, {[]int64{1, 1, 2}, 1}, {[]int64{2, 1, 2}, 1}, {[]int64{1, 2, 2, 2}, 2}} {
		var ts []targets.Target
		for _, id := range c.ids {
			ts = append(ts, targets.Target{InstrumentID: id, Weight: 0.01})
		}
		n := 0
		for _, f := range targets.Validate([]targets.Portfolio{port("a", ts...)}, ctx) {
			if f.Code == targets.FaultDuplicate {
				n++
			}
		}
		if n != c.faults {
			t.Errorf("%v: %d faults, want %d", c.ids, n, c.faults)
		}
	}
}
