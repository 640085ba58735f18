package schedule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
)

const (
	usd    = int64(1_000_000)
	second = int64(1_000_000_000)
	minute = 60 * second
	hour   = 60 * minute
	open   = int64(1_700_000_000) * second
)

func wantFaults(t *testing.T, err error, faults ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", faults)
	}
	for _, f := range faults {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("the error does not say %q:\n%v", f, err)
		}
	}
}

// buy is a parent that buys within the hours after the open.
func buy(qty, lot, hours int64) schedule.Parent {
	return schedule.Parent{
		ID: 7, InstrumentID: 1, Side: order.Buy, Qty: qty, Lot: lot, Ticks: schedule.FlatTick(usd / 100),
		StartNs: open, EndNs: open + hours*hour, ADV: 10_000_000,
	}
}

func plan(t rapid.TB, p schedule.Params, parent schedule.Parent) *schedule.Plan {
	t.Helper()
	out, err := schedule.New(p, parent)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryFaultIsNamed(t *testing.T) {
	_, err := schedule.New(schedule.Params{
		Algorithm: schedule.TWAP, SliceNs: 0, Style: 9, MidBehindPPM: 5, CrossBehindPPM: 4, CollarBp: 10_000, AtEnd: schedule.Sweep,
		CatchUpPPM: -1, MinNotional: -1, MinGapNs: -1, MaxDisplayedPPM: -1, MaxADVPPM: 1, JitterTimePPM: 1_000_000, JitterSizePPM: -1,
	}, schedule.Parent{
		Side: 3, Qty: 150, Lot: 100, StartNs: 10, EndNs: 10, Breaks: [][2]int64{{5, 8}, {7, 9}}, ADV: 0,
		Ticks: schedule.TickTable{{5, 10}, {5, 0}},
	})
	wantFaults(t, err, "schedule: parent 0", "id is 0", "side is 3", "qty 150 is no multiple of the lot 100", "start_ns 10 and end_ns 10", "breaks[1]",
		"ticks[0] begins at 5", "ticks[1] begins at 5", "the tick is 0", "slice_ns is 0", `style is "style 9"`, "mid_behind_ppm is 5: give 0 to 4",
		"collar_bp is 10000", "at_end is SWEEP and sweep_ns 0", "catch_up_ppm is -1", "min_notional is -1", "min_gap_ns is -1", "max_displayed_ppm is -1",
		"max_adv_ppm is 1 and the parent's adv is unknown", "max_refusals is 0", "jitter_time_ppm is 1000000", "jitter_size_ppm is -1")
}

func TestFaultsOfEachAlgorithm(t *testing.T) {
	with := func(a schedule.Algorithm, change func(*schedule.Params)) schedule.Params {
		p := schedule.Defaults(a)
		if change != nil {
			change(&p)
		}
		return p
	}
	curve := func(start int64, ends, cum []int64) func(*schedule.Params) {
		return func(p *schedule.Params) { p.Volume = &schedule.VolumeCurve{StartNs: start, EndNs: ends, CumPPM: cum} }
	}
	lunch := buy(1000, 100, 3)
	lunch.Breaks = [][2]int64{{open + hour, open + 2*hour}}
	noon := lunch
	noon.StartNs, noon.EndNs = open+hour, open+2*hour
	for _, c := range []struct {
		name   string
		params schedule.Params
		parent schedule.Parent
		fault  string
	}{
		{"no algorithm", with(0, nil), lunch, "algorithm is 0"},
		{"window in a break", with(schedule.TWAP, nil), noon, "lies in a break"},
		{"too many slices", with(schedule.TWAP, func(p *schedule.Params) { p.SliceNs = 1 }), lunch, "more than 100000 slices"},
		{"limits of one child", with(schedule.Immediate, func(p *schedule.Params) { p.MaxADVPPM = 1 }), lunch, "IMMEDIATE sends one child"},
		{"patient at once", with(schedule.Immediate, func(p *schedule.Params) { p.Style = schedule.Passive }), lunch, "IMMEDIATE is MARKETABLE"},
		{"no curve", with(schedule.VWAP, nil), lunch, "volume is missing"},
		{"uneven curve", with(schedule.VWAP, curve(open, []int64{open + hour}, nil)), lunch, "1 bucket ends and 0 fractions"},
		{"falling curve", with(schedule.VWAP, curve(open, []int64{open + hour, open + 3*hour}, []int64{600_000, 500_000})), lunch, "does not fall"},
		{"curve backwards", with(schedule.VWAP, curve(open, []int64{open + 3*hour, open + hour}, []int64{600_000, 1_000_000})), lunch, "bucket ends must ascend"},
		{"open curve", with(schedule.VWAP, curve(open, []int64{open + 3*hour}, []int64{999_999})), lunch, "the last fraction is 999999"},
		{"short curve", with(schedule.VWAP, curve(open, []int64{open + hour}, []int64{1_000_000})), lunch, "it must be inside"},
		{"volume at lunch", with(schedule.VWAP, curve(open, []int64{open + hour, open + 2*hour, open + 3*hour}, []int64{500_000, 600_000, 1_000_000})), lunch, "bucket 1 lies in a break and has volume"},
		{"nothing in the window", with(schedule.VWAP, curve(open-hour, []int64{open, open + 3*hour}, []int64{1_000_000, 1_000_000})), lunch, "no volume falls into the window"},
		{"no rate", with(schedule.POV, func(p *schedule.Params) { p.RatePPM = 0 }), lunch, "rate_ppm is 0"},
		{"cap below rate", with(schedule.POV, func(p *schedule.Params) { p.CapPPM = 1 }), lunch, "cap_ppm is 1"},
		{"no day", with(schedule.AlmgrenChriss, nil), lunch, "day_ns is 0"},
		{"no impact", with(schedule.AlmgrenChriss, func(p *schedule.Params) { p.DayNs = 5 * hour }), lunch, "eta 0 is not above"},
		{"leave with a sweep", with(schedule.TWAP, func(p *schedule.Params) { p.AtEnd = schedule.Leave }), lunch, "LEAVE has none"},
		{"no policy", with(schedule.TWAP, func(p *schedule.Params) { p.AtEnd = 7 }), lunch, "at_end is 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := schedule.New(c.params, c.parent)
			wantFaults(t, err, c.fault)
			_, err = schedule.NewCurve(c.params, c.parent)
			wantFaults(t, err, c.fault)
		})
	}
}

func TestNamesSurviveJSON(t *testing.T) {
	in := schedule.Defaults(schedule.AlmgrenChriss)
	in.Impact, in.RiskAversion, in.DayNs, in.Seed = paper, 1e-6, 5*hour, 1<<63
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"algorithm":"ALMGREN_CHRISS"`, `"style":"PASSIVE"`, `"at_end":"SWEEP"`, `"seed":9223372036854775808`} {
		if !strings.Contains(string(data), word) {
			t.Errorf("%s has no %s", data, word)
		}
	}
	var out schedule.Params
	if err := json.Unmarshal(data, &out); err != nil || out != in {
		t.Fatalf("read back %+v (%v), wrote %+v", out, err, in)
	}
	wantFaults(t, json.Unmarshal([]byte(`{"algorithm":"ICEBERG"}`), &out), `no algorithm is named "ICEBERG"`, "TWAP")
	for r := schedule.OnSchedule; r <= schedule.Inconsistent; r++ {
		text, err := r.MarshalText()
		var back schedule.Reason
		if err != nil || len(text) == 0 || back.UnmarshalText(text) != nil || back != r {
			t.Errorf("reason %d is written %q (%v) and read %v", uint8(r), text, err, back)
		}
	}
	if _, err := (schedule.Inconsistent + 1).MarshalText(); err == nil {
		t.Error("a reason without a name was written")
	}
	if got := schedule.Style(9).String(); got != "style 9" {
		t.Errorf("an unknown style is called %q", got)
	}
}

func TestTickTable(t *testing.T) {
	// Below 0.25 a tick of 0.001, to 0.50 of 0.005, then 0.01: the foot of Hong Kong's table.
	table := schedule.TickTable{{0, 1_000}, {250_000, 5_000}, {500_000, 10_000}}
	for _, c := range []struct{ px, down, up int64 }{
		{249_500, 249_000, 250_000}, {250_000, 250_000, 250_000}, {252_000, 250_000, 255_000}, {499_000, 495_000, 500_000},
		{501_000, 500_000, 510_000}, {999, 0, 1_000},
	} {
		if down, up := table.Down(c.px), table.Up(c.px); down != c.down || up != c.up {
			t.Errorf("%d is between %d and %d, want %d and %d", c.px, down, up, c.down, c.up)
		}
	}
}
