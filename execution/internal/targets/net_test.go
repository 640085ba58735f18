package targets_test

import (
	"math"
	"math/big"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/targets"
)

const (
	dollar  = int64(1_000_000)
	million = 1_000_000 * dollar
)

func reg(entries ...register.Entry) register.Register {
	r := register.Register{}
	for _, e := range entries {
		r[e.StrategyID] = e
	}
	return r
}

func entry(id, stage string, capital float64) register.Entry {
	return register.Entry{StrategyID: id, Stage: stage, CapitalFraction: capital, MaxLeverage: 1}
}

func port(id string, ts ...targets.Target) targets.Portfolio {
	return targets.Portfolio{StrategyID: id, Session: 20240105, AsOfNs: 1, Correlation: "00112233445566778899aabbccddeeff", Targets: ts}
}

// base has one million of equity, two strategies with half each, instrument 1 at 50.00 in lots of 1, instrument 2 at
// 20.00 in lots of 100.
func base() targets.Input {
	return targets.Input{
		Session: 20240105, Equity: million,
		Register:   reg(entry("a", "paper", 0.5), entry("b", "live", 0.5), entry("old", "retired", 0.5)),
		Portfolios: map[string]targets.Portfolio{}, Ledger: map[string]map[int64]int64{}, Positions: map[int64]int64{},
		Working: map[int64]targets.Working{},
		Market:  map[int64]targets.Quote{1: {Bid: 49_990_000, Ask: 50_010_000}, 2: {Last: 20 * dollar}},
		Reference: map[int64]reference.Instrument{
			1: {InstrumentID: 1, Lot: 1, TickMicro: 10_000, Tradable: true}, 2: {InstrumentID: 2, Lot: 100, TickMicro: 10_000, Tradable: true},
		},
	}
}

func one(t *testing.T, in targets.Input) targets.Draft {
	t.Helper()
	res := targets.Net(in)
	if len(res.Drafts) != 1 {
		t.Fatalf("%+v", res)
	}
	return res.Drafts[0]
}

// a wants 10% of 500,000 = 50,000, b 4% = 20,000; 70,000 / 50.00 = 1400 shares, 1000 and 400.
func TestStrategiesNetIntoOneOrder(t *testing.T) {
	in := base()
	in.Portfolios["a"] = port("a", targets.Target{InstrumentID: 1, Weight: 0.1, StopDistance: 2})
	in.Portfolios["b"] = port("b", targets.Target{InstrumentID: 1, Weight: 0.04, StopDistance: 3})
	d := one(t, in)
	want := targets.Draft{
		InstrumentID: 1, Side: order.Buy, Qty: 1400, LimitPx: 50_260_000, // 50.01 + 50 bp = 50.26005
		StopDistance: 3 * dollar, Shares: map[string]int64{"a": 1000, "b": 400},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, want %+v", d, want)
	}
	// One without a stop puts the whole notional at risk.
	in.Portfolios["b"] = port("b", targets.Target{InstrumentID: 1, Weight: 0.04})
	if d := one(t, in); d.StopDistance != 0 {
		t.Errorf("stop %d, want 0", d.StopDistance)
	}
}

// 10% of 500,000 at the last print of 20.00 is 2500 shares, 25 lots; 9.9% is 2475, 24 lots.
func TestLotsRoundDownAndAPrintIsAPrice(t *testing.T) {
	for weight, want := range map[float64]int64{0.1: 2500, 0.099: 2400} {
		in := base()
		in.Portfolios["a"] = port("a", targets.Target{InstrumentID: 2, Weight: weight, StopDistance: 1})
		if d := one(t, in); d.Qty != want || d.LimitPx != 20_100_000 {
			t.Errorf("weight %v: %+v, want %d at 20.10", weight, d, want)
		}
	}
}

func TestAbsentNamesAreClosedWithOddLots(t *testing.T) {
	in := base()
	in.Positions[2], in.Ledger["a"] = 150, map[int64]int64{2: 150}
	in.Portfolios["a"] = port("a")
	d := one(t, in)
	// 20.00 less 50 bp.
	if d.Side != order.Sell || d.Qty != 150 || !d.Closing || d.LimitPx != 19_900_000 || d.Shares["a"] != 150 {
		t.Errorf("%+v", d)
	}
	// Part of it is sold in whole lots only: wanted 100, held 350, 250 too many, two lots.
	in.Positions[2], in.Ledger["a"] = 350, map[int64]int64{2: 350}
	in.Portfolios["a"] = port("a", targets.Target{InstrumentID: 2, Weight: 0.004})
	if d := one(t, in); d.Side != order.Sell || d.Qty != 200 || d.Closing {
		t.Errorf("%+v", d)
	}
	// Without any price the close goes as a market order: what lowers exposure gets out.
	delete(in.Market, 2)
	in.Portfolios["a"] = port("a")
	if d := one(t, in); d.Qty != 350 || d.LimitPx != 0 {
		t.Errorf("%+v", d)
	}
}

// A strategy that sent nothing keeps what it has; one that may not trade any more is wound down.
func TestSilentStrategiesKeepAndRetiredOnesClose(t *testing.T) {
	in := base()
	in.Positions[1] = 3000
	in.Ledger = map[string]map[int64]int64{"b": {1: 1000}, "old": {1: 2000}}
	in.Portfolios["a"] = port("a", targets.Target{InstrumentID: 1, Weight: 0.05, StopDistance: 1}) // 500 shares
	res := targets.Net(in)
	// old gives 2000, a takes 500 of them inside, 1500 are sold.
	if len(res.Drafts) != 1 || res.Drafts[0].Side != order.Sell || res.Drafts[0].Qty != 1500 || res.Drafts[0].Shares["old"] != 1500 {
		t.Fatalf("%+v", res)
	}
	want := []targets.Transfer{
		{StrategyID: "a", InstrumentID: 1, Qty: 500, Px: 50 * dollar, Why: "cross"},
		{StrategyID: "old", InstrumentID: 1, Qty: -500, Px: 50 * dollar, Why: "cross"},
	}
	if !reflect.DeepEqual(res.Transfers, want) {
		t.Errorf("%+v, want %+v", res.Transfers, want)
	}
}

// After a 2:1 split the venue holds twice what the ledger says: everybody's part doubles and nothing is traded.
func TestASplitScalesTheLedger(t *testing.T) {
	in := base()
	in.Positions[1] = 600
	in.Ledger = map[string]map[int64]int64{"a": {1: 200}, "b": {1: 100}}
	res := targets.Net(in)
	want := []targets.Transfer{
		{StrategyID: "a", InstrumentID: 1, Qty: 200, Why: "venue position"}, {StrategyID: "b", InstrumentID: 1, Qty: 100, Why: "venue position"},
	}
	if len(res.Drafts) != 0 || !reflect.DeepEqual(res.Transfers, want) {
		t.Errorf("%+v", res)
	}
	// A position that no strategy explains is nobody's, and is sold.
	in.Ledger = map[string]map[int64]int64{}
	if d := one(t, in); d.Side != order.Sell || d.Qty != 600 || d.Shares[targets.Unattributed] != 600 {
		t.Errorf("%+v", d)
	}
}

// 0.1% of a million is 1000: 19 shares at 50.00 are 950 and stay, 20 are traded; a close is traded whatever its size.
func TestDriftBand(t *testing.T) {
	in := base()
	in.Portfolios["a"] = port("a", targets.Target{InstrumentID: 1, Weight: 0.1, StopDistance: 1}) // 1000 shares
	for held, orders := range map[int64]int{981: 0, 980: 1, 1019: 0, 1020: 1} {
		in.Positions[1], in.Ledger["a"] = held, map[int64]int64{1: held}
		if res := targets.Net(in); len(res.Drafts) != orders {
			t.Errorf("held %d: %+v", held, res)
		}
	}
	in.Portfolios["a"] = port("a")
	in.Positions[1], in.Ledger["a"] = 1, map[int64]int64{1: 1}
	if d := one(t, in); d.Qty != 1 || !d.Closing {
		t.Errorf("%+v", d)
	}
}

func TestWorkingOrdersCount(t *testing.T) {
	in := base()
	in.Portfolios["a"] = port("a", targets.Target{InstrumentID: 1, Weight: 0.1, StopDistance: 1}) // 1000 shares
	in.Working[1] = targets.Working{Buy: 600, ByStrategy: map[string]int64{"a": 600}}
	if d := one(t, in); d.Qty != 400 || d.Shares["a"] != 400 {
		t.Errorf("%+v", d)
	}
	in.Working[1] = targets.Working{Buy: 1600, ByStrategy: map[string]int64{"a": 1600}}
	if res := targets.Net(in); len(res.Drafts) != 0 || len(res.CancelFor) != 1 {
		t.Errorf("opposing orders: %+v", res)
	}
	in.Blocked = map[int64]string{1: "its fate is unknown"}
	if res := targets.Net(in); len(res.Drafts) != 0 || len(res.CancelFor) != 0 || len(res.Skips) != 1 {
		t.Errorf("blocked: %+v", res)
	}
}

func TestMarketableLimit(t *testing.T) {
	for _, c := range []struct {
		touch, tick int64
		buy         bool
		want        int64
	}{
		{100_010_000, 10_000, true, 100_510_000},
		{99_990_000, 10_000, false, 99_500_000},
		{1_000_000, 100_000, true, 1_000_000}, // 50 bp is less than a tick: the touch itself
		{1_000_000, 100_000, false, 1_000_000},
		{1_050_000, 100_000, true, 1_100_000}, // an off-tick print is reached, not missed
		{1_050_000, 100_000, false, 1_000_000},
		{10_000, 10_000, false, 10_000},
	} {
		if got := targets.MarketableLimit(c.touch, schedule.FlatTick(c.tick), c.buy); got != c.want {
			t.Errorf("touch %d tick %d buy %v: %d, want %d", c.touch, c.tick, c.buy, got, c.want)
		}
	}
}

// Hong Kong's steps by hand: 0.01 below 20, 0.02 from there on. 50 bp above 19.95 is 20.04975, which is 20.04 on the
// upper band; 50 bp below 20.04 is 19.9398, which is 19.94 on the lower one.
func TestALimitThatReachesIntoAnotherBand(t *testing.T) {
	ticks := schedule.TickTable{{FromPx: 0, Tick: 10_000}, {FromPx: 20_000_000, Tick: 20_000}}
	if got := targets.MarketableLimit(19_950_000, ticks, true); got != 20_040_000 {
		t.Errorf("a buy at %d", got)
	}
	if got := targets.MarketableLimit(20_040_000, ticks, false); got != 19_940_000 {
		t.Errorf("a sell at %d", got)
	}
}

// Hamilton by hand: 10 by 5:3:1 is 5.56, 3.33, 1.11: floors 5, 3, 1, and one to the largest remainder.
func TestApportion(t *testing.T) {
	w := []*big.Int{big.NewInt(5), big.NewInt(3), big.NewInt(1)}
	if got := targets.Apportion(w, 10); !reflect.DeepEqual(got, []int64{6, 3, 1}) {
		t.Errorf("%v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.MapOfN(rapid.StringMatching("[a-f]"), rapid.Int64Range(0, 1_000_000), 1, 6).Draw(t, "parts")
		var whole int64
		for _, q := range parts {
			whole += q
		}
		total := rapid.Int64Range(0, whole).Draw(t, "total")
		var sum int64
		for k, q := range targets.ApportionShares(parts, total) {
			sum += q
			exact := float64(parts[k]) * float64(total) / math.Max(1, float64(whole))
			if math.Abs(float64(q)-exact) >= 1.000001 || q > parts[k] {
				t.Fatalf("%s gets %d of exactly %f, of at most %d", k, q, exact, parts[k])
			}
		}
		if sum != total {
			t.Fatalf("parts sum to %d, not %d", sum, total)
		}
	})
}

// Whatever is held and wanted: shares sum to the order, nothing is sold that is not held, and the ledger after
// transfers and full fills is the venue's position.
func TestNetKeepsTheBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := base()
		for _, s := range []string{"a", "b"} {
			if rapid.Bool().Draw(t, "sends "+s) {
				var ts []targets.Target
				for _, id := range []int64{1, 2} {
					if rapid.Bool().Draw(t, "wants") {
						ts = append(ts, targets.Target{InstrumentID: id, Weight: float64(rapid.IntRange(0, 500_000).Draw(t, "w")) / 1e6, StopDistance: 1})
					}
				}
				in.Portfolios[s] = port(s, ts...)
			}
		}
		for _, s := range []string{"a", "b", "old"} {
			in.Ledger[s] = map[int64]int64{}
			for _, id := range []int64{1, 2} {
				in.Ledger[s][id] = rapid.Int64Range(0, 5000).Draw(t, "held")
				in.Positions[id] += in.Ledger[s][id]
			}
		}
		if rapid.Bool().Draw(t, "moved outside") {
			in.Positions[1] = rapid.Int64Range(0, 20_000).Draw(t, "position")
		}
		res := targets.Net(in)
		after := map[int64]int64{}
		for _, m := range in.Ledger {
			for id, q := range m {
				after[id] += q
			}
		}
		for _, tr := range res.Transfers {
			after[tr.InstrumentID] += tr.Qty
		}
		for id, q := range in.Positions {
			if after[id] != q {
				t.Fatalf("ledger of %d is %d after transfers, position %d", id, after[id], q)
			}
		}
		seen := map[int64]bool{}
		sells := true
		for _, d := range res.Drafts {
			var sum int64
			for _, q := range d.Shares {
				if q < 0 {
					t.Fatalf("%+v has a negative share", d)
				}
				sum += q
			}
			if sum != d.Qty || d.Qty <= 0 || seen[d.InstrumentID] {
				t.Fatalf("%+v", d)
			}
			seen[d.InstrumentID] = true
			if d.Side == order.Sell && (d.Qty > in.Positions[d.InstrumentID] || !sells) {
				t.Fatalf("%+v with position %d", d, in.Positions[d.InstrumentID])
			}
			if d.Side == order.Buy {
				sells = false
			}
			if lot := in.Reference[d.InstrumentID].Lot; !d.Closing && d.Qty%lot != 0 {
				t.Fatalf("%+v is not whole lots of %d", d, lot)
			}
		}
	})
}

func TestContentHash(t *testing.T) {
	a, b := targets.Target{InstrumentID: 1, Weight: 0.1}, targets.Target{InstrumentID: 2, Weight: 0.2}
	base := port("a", a, b)
	other := base
	other.Correlation, other.Targets = "ffffffffffffffffffffffffffffffff", []targets.Target{b, a}
	if base.ContentHash() != other.ContentHash() {
		t.Error("the order of targets or the correlation id changed the content")
	}
	other.Session++
	if base.ContentHash() == other.ContentHash() {
		t.Error("another session is the same content")
	}
	if base.ContentHash() == port("a", a).ContentHash() {
		t.Error("fewer targets are the same content")
	}
	b.StopDistance = 1
	if base.ContentHash() == port("a", a, b).ContentHash() {
		t.Error("another stop is the same content")
	}
}
