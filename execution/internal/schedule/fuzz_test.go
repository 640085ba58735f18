package schedule_test

import (
	"encoding/json"
	"testing"

	"dnalyaw/execution/internal/schedule"
)

// FuzzPlan reads parameters, a parent, its progress and a market from JSON, as a journal holds them. Whatever they say,
// a plan is refused with a reason or decides within the parent's quantity.
func FuzzPlan(f *testing.F) {
	params, _ := json.Marshal(hourly())
	parent, _ := json.Marshal(buy(4000, 100, 4))
	progress, _ := json.Marshal(schedule.Progress{Done: 400, Working: 600, Resting: 600, RestingPx: 9_980_000, RestingSinceNs: open})
	market, _ := json.Marshal(quoted)
	f.Add(params, parent, progress, market, open+hour)
	pov, _ := json.Marshal(schedule.Defaults(schedule.POV))
	f.Add(pov, parent, []byte(`{"done":-1}`), []byte(`{"bid":9223372036854775807,"ask":1}`), int64(0))
	f.Add([]byte(`{"algorithm":"ALMGREN_CHRISS","day_ns":1,"impact":{"eta":1e308},"risk_aversion":1e308}`), parent, progress, market, open)
	f.Fuzz(func(t *testing.T, params, parent, progress, market []byte, now int64) {
		var p schedule.Params
		var o schedule.Parent
		var g schedule.Progress
		var m schedule.Market
		for _, in := range []struct {
			data []byte
			into any
		}{{params, &p}, {parent, &o}, {progress, &g}, {market, &m}} {
			if json.Unmarshal(in.data, in.into) != nil {
				return
			}
		}
		plan, err := schedule.New(p, o)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a reason")
			}
			return
		}
		d := plan.Next(now, g, m)
		if d.Qty < 0 || d.Qty > o.Qty || d.Qty > 0 && (now < o.StartNs || now >= o.EndNs) || d.Reason.String() == "" {
			t.Fatalf("decided %+v for %+v", d, o)
		}
		if due := plan.Curve().At(now); due < 0 || due > o.Qty {
			t.Fatalf("%d of %d are due", due, o.Qty)
		}
	})
}

// FuzzNext asks plans of every algorithm with any numbers at all, also such as no journal should hold.
func FuzzNext(f *testing.F) {
	parent := buy(4050, 100, 4)
	parent.Closing = true
	parent.Breaks = [][2]int64{{open + hour, open + 2*hour}}
	var plans []*schedule.Plan
	for _, a := range []schedule.Algorithm{schedule.Immediate, schedule.TWAP, schedule.VWAP, schedule.POV, schedule.AlmgrenChriss} {
		p := schedule.Defaults(a)
		p.Impact, p.RiskAversion, p.DayNs, p.MinNotional = paper, 1e-6, 6*hour, 1000*usd
		p.Volume = &schedule.VolumeCurve{StartNs: open, EndNs: []int64{open + 4*hour}, CumPPM: []int64{1_000_000}}
		plans = append(plans, plan(f, p, parent))
	}
	f.Add(open+hour/2, int64(400), int64(600), int64(600), 10*usd, open, int64(600), open, 10*usd, 11*usd, int64(500), int64(700), int64(9000), int64(100))
	f.Fuzz(func(t *testing.T, now, done, working, resting, px, since, sent, last, bid, ask, bidSize, askSize, volume, sliceVolume int64) {
		g := schedule.Progress{
			Done: done, Working: working, Resting: resting, RestingPx: px, RestingSinceNs: since, SentInSlice: sent, LastSentNs: last,
		}
		m := schedule.Market{Bid: bid, Ask: ask, BidSize: bidSize, AskSize: askSize, Last: px, Volume: volume, SliceVolume: sliceVolume}
		for _, p := range plans {
			d := p.Next(now, g, m)
			if d.Qty < 0 || d.Qty > 0 && (done < 0 || working < 0 || d.Qty > parent.Qty-done-working || d.Cancel || d.Finished || d.LimitPx < 0) {
				t.Fatalf("%s decided %+v with %+v in %+v", p.Params().Algorithm, d, g, m)
			}
		}
	})
}
