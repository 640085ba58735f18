package schedule_test

import (
	"strings"
	"testing"

	"dnalyaw/execution/internal/schedule"
)

func TestChoose(t *testing.T) {
	day := 390 * minute
	volume := &schedule.VolumeCurve{StartNs: open, EndNs: []int64{open + 7*hour}, CumPPM: []int64{1_000_000}}
	impact := paper
	rule := schedule.DefaultRule()
	rule.RiskAversion = 1e-6
	impatient := rule
	impatient.RiskAversion = 0
	following := rule
	following.Large, following.Base.CapPPM = schedule.POV, 150_000
	lost := rule
	lost.Unknown = schedule.POV
	waiting := rule
	waiting.MinDurationNs = 30 * minute
	// The daily volume is ten million shares. At 10% of it a share takes 390 min / 1,000,000.
	for _, c := range []struct {
		name      string
		rule      schedule.Rule
		qty, adv  int64
		facts     schedule.Facts
		algorithm schedule.Algorithm
		large     bool
		ppm, dur  int64
		why       string
	}{
		{"small", rule, 50_000, 10_000_000, schedule.Facts{DayNs: day}, schedule.Immediate, false, 5_000, 1170 * second, "small: 5000 ppm"},
		{"short", waiting, 70_000, 10_000_000, schedule.Facts{DayNs: day}, schedule.Immediate, false, 7_000, 1638 * second, "short: 1638 s"},
		{"large", rule, 100_000, 10_000_000, schedule.Facts{DayNs: day, Volume: volume, Impact: &impact}, schedule.AlmgrenChriss, true, 10_000, 39 * minute, "large"},
		{"no aversion", impatient, 100_000, 10_000_000, schedule.Facts{DayNs: day, Volume: volume, Impact: &impact}, schedule.VWAP, true, 10_000, 39 * minute, "no risk aversion"},
		{"no impact", rule, 100_000, 10_000_000, schedule.Facts{DayNs: day, Volume: volume}, schedule.VWAP, true, 10_000, 39 * minute, "no impact model"},
		{"no curve", rule, 100_000, 10_000_000, schedule.Facts{DayNs: day}, schedule.TWAP, true, 10_000, 39 * minute, "no volume curve"},
		{"follow", following, 100_000, 10_000_000, schedule.Facts{DayNs: day, Volume: volume, Impact: &impact}, schedule.POV, true, 10_000, 39 * minute, "large"},
		{"nothing to follow", lost, 100_000, 0, schedule.Facts{DayNs: day}, schedule.TWAP, true, -1, -1, "no volume can be counted for POV; no volume curve"},
		{"counted", lost, 100_000, 0, schedule.Facts{DayNs: day, Counted: true}, schedule.POV, true, -1, -1, "unknown"},
		{"unknown", rule, 100_000, 0, schedule.Facts{DayNs: day}, schedule.TWAP, true, -1, -1, "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := buy(c.qty, 100, 6)
			parent.ADV = c.adv
			got, err := c.rule.Choose(parent, c.facts)
			if err != nil {
				t.Fatal(err)
			}
			if got.Params.Algorithm != c.algorithm || got.Large != c.large || got.ADVPPM != c.ppm || got.DurationNs != c.dur || got.Crowded {
				t.Errorf("chose %s, large %t, %d ppm, %d ns, crowded %t", got.Params.Algorithm, got.Large, got.ADVPPM, got.DurationNs, got.Crowded)
			}
			if !strings.Contains(got.Why, c.why) {
				t.Errorf("it says %q, want %q", got.Why, c.why)
			}
			if _, err := schedule.New(got.Params, parent); err != nil {
				t.Errorf("the parameters do not hold for the parent: %v", err)
			}
		})
	}
	crowded, err := rule.Choose(buy(2_000_000, 100, 6), schedule.Facts{DayNs: day})
	if err != nil || !crowded.Crowded {
		t.Errorf("a fifth of the daily volume in six hours at a tenth of it: crowded %t (%v)", crowded.Crowded, err)
	}
	_, err = schedule.Rule{SmallADVPPM: -1, MinDurationNs: -1}.Choose(buy(150, 100, 1), schedule.Facts{})
	wantFaults(t, err, "small_adv_ppm is -1", "rate_ppm is 0", "min_duration_ns is -1", "large is 0", "unknown is 0", "qty 150")
	_, err = rule.Choose(buy(100, 100, 1), schedule.Facts{})
	wantFaults(t, err, "day_ns is 0")
}
