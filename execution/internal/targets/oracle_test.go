package targets_test

import (
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/targets"
)

// The plan counts in tables of whole numbers; here the same rules are written down a name at a time, in maps and numbers of any
// size. Whatever is held, worked and wanted, both must give the same.
func TestThePlanIsWhatTheRulesSayANameAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		got, want := targets.Net(in), slowNet(in)
		if !reflect.DeepEqual(got.Transfers, want.Transfers) || !reflect.DeepEqual(got.Skips, want.Skips) || !reflect.DeepEqual(got.CancelFor, want.CancelFor) {
			t.Fatalf("%+v\nwant %+v", got, want)
		}
		if len(got.Drafts) != len(want.Drafts) {
			t.Fatalf("%d orders, want %d", len(got.Drafts), len(want.Drafts))
		}
		for i := range got.Drafts {
			if !reflect.DeepEqual(got.Drafts[i], want.Drafts[i]) {
				t.Fatalf("%+v\nwant %+v", got.Drafts[i], want.Drafts[i])
			}
		}
		if in.Only == nil {
			alone := targets.NetOne(in, 3)
			for _, d := range want.Drafts {
				if d.InstrumentID == 3 && (len(alone.Drafts) != 1 || !reflect.DeepEqual(alone.Drafts[0], d)) {
					t.Fatalf("alone %+v\nwant %+v", alone, d)
				}
			}
		}
	})
}

// anyInput draws everything that a plan depends on but links, which are joined after it.
func anyInput(t *rapid.T) targets.Input {
	in := targets.Input{
		Session: 20240105, Equity: rapid.SampledFrom([]int64{million, 7, 0, -million, math.MaxInt64}).Draw(t, "equity"),
		Register:   reg(entry("a", "paper", 0.5), entry("b", "live", 0.3), entry("c", "live", 0.2), entry("old", "retired", 0.5)),
		Portfolios: map[string]targets.Portfolio{}, Ledger: map[string]map[int64]int64{}, Positions: map[int64]int64{}, Marks: map[int64]int64{},
		Working: map[int64]targets.Working{}, Market: map[int64]targets.Quote{}, Reference: map[int64]reference.Instrument{},
		Blocked: map[int64]string{},
		Unwound: targets.Unwound{Strategies: map[string]string{}, Instruments: map[int64]string{}},
	}
	flag := func(name string, of int) bool { return rapid.IntRange(1, of).Draw(t, name) == 1 }
	strategies := []string{"a", "b", "c", "old"}
	for id := int64(1); id <= 5; id++ {
		lot := rapid.SampledFrom([]int64{1, 100}).Draw(t, "lot")
		if !flag("unknown", 10) {
			in.Reference[id] = reference.Instrument{InstrumentID: id, Lot: lot, TickMicro: 10_000, Tradable: true}
		}
		if px := rapid.Int64Range(0, 200).Draw(t, "px") * dollar / 2; px > 0 {
			in.Market[id] = targets.Quote{Bid: px, Ask: px + 10_000}
		} else {
			in.Marks[id] = rapid.Int64Range(0, 50).Draw(t, "mark") * dollar
		}
		for _, s := range strategies {
			if flag("holds", 2) {
				if in.Ledger[s] == nil {
					in.Ledger[s] = map[int64]int64{}
				}
				in.Ledger[s][id] = rapid.Int64Range(-200, 5000).Draw(t, "held")
				in.Positions[id] += in.Ledger[s][id]
			}
		}
		if flag("moved outside", 4) {
			in.Positions[id] = rapid.Int64Range(-500, 20_000).Draw(t, "position")
		}
		if flag("works", 3) {
			w := targets.Working{ByStrategy: map[string]int64{}}
			for _, s := range []string{"a", "old"} {
				q := rapid.Int64Range(-300, 300).Draw(t, "working")
				w.ByStrategy[s] = q
				w.Buy, w.Sell = w.Buy+max(0, q), w.Sell+max(0, -q)
			}
			in.Working[id] = w
		}
		if flag("blocked", 8) {
			in.Blocked[id] = "100% unsure"
		}
		if flag("unwound", 10) {
			in.Unwound.Instruments[id] = "by hand"
		}
	}
	for _, s := range strategies {
		if flag("sends", 2) {
			var ts []targets.Target
			for _, id := range []int64{5, 1, 2, 3} {
				if flag("wants", 2) {
					weight := float64(rapid.IntRange(0, 1_000_000).Draw(t, "w")) / 1e6
					ts = append(ts, targets.Target{InstrumentID: id, Weight: weight, StopDistance: float64(rapid.IntRange(0, 3).Draw(t, "stop"))})
				}
			}
			in.Portfolios[s] = port(s, ts...)
		}
		if flag("gone", 8) {
			in.Unwound.Strategies[s] = "by hand"
		}
	}
	if flag("reduce only", 5) {
		in.ReduceOnly = "the audit trail is behind"
	}
	if flag("only", 5) {
		in.Only = map[int64]int64{1: 0, 3: rapid.Int64Range(0, 500).Draw(t, "cap")}
	}
	return in
}
