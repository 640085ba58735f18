//go:build oms_backtest

package backtest_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/session"
	"dnalyaw/execution/internal/sim"
	"dnalyaw/execution/internal/targets"
)

const (
	one    = int64(1_000_000)
	second = int64(1_000_000_000)
	day0   = int64(1_795_012_200_000_000_000) // 2026-11-18 14:30 UTC
)

// ledger keeps what a run produces, as lines.
type ledger struct {
	lines []string
	days  []backtest.Summary
	fills []sim.Record

	decisions []riskengine.Decision
}

func (l *ledger) Handoff(session uint32, nowNs int64, a core.Answer) error {
	l.lines = append(l.lines, fmt.Sprintf("%d %d %s %s %v", session, nowNs, a.Outcome, a.Message, a.Faults))
	return nil
}

func (l *ledger) Record(session uint32, r *sim.Record) error {
	b, err := json.Marshal(r)
	l.lines = append(l.lines, string(b))
	if r.Kind == sim.KindFill {
		l.fills = append(l.fills, *r)
	}
	return err
}

func (l *ledger) Decision(session uint32, nowNs int64, side uint8, d *riskengine.Decision) error {
	l.decisions = append(l.decisions, *d)
	return nil
}

func (l *ledger) Day(d backtest.Summary) error {
	l.days = append(l.days, d)
	b, err := json.Marshal(d)
	l.lines = append(l.lines, string(b))
	return err
}

// aDay is a session of six and a half hours with names 1 to n, a quote every minute a cent around prices.
func aDay(t testing.TB, n int, date string, k int, prices map[int]int64, actions []sim.Action, split map[int][2]int, h ...backtest.Handoff) backtest.Day {
	t.Helper()
	open := day0 + int64(k)*24*3600*second
	var rows []map[string]any
	var events []sim.Event
	for id := 1; id <= n; id++ {
		px, listed := prices[id]
		if !listed {
			px = 100 * one
		}
		if px == 0 {
			continue
		}
		row := map[string]any{
			"instrument_id": id, "issuer_id": id, "label": fmt.Sprintf("N%d.NYSE", id), "symbol": fmt.Sprintf("N%d", id), "sector": fmt.Sprint(id),
			"lot": 1, "tick_micro": 10_000, "currency": "USD", "tradable": true, "volatility_bp": 100, "gap_bp": 200, "adv": 10_000_000, "close_micro": px,
		}
		if s, ok := split[id]; ok {
			row["split_num"], row["split_den"] = s[0], s[1]
		}
		rows = append(rows, row)
	}
	for minute := int64(0); minute <= 390; minute++ {
		for id := 1; id <= n; id++ {
			px, listed := prices[id]
			if !listed {
				px = 100 * one
			}
			if px > 0 {
				events = append(events, sim.Event{
					TsNs: open + minute*60*second, InstrumentID: int64(id), Symbol: fmt.Sprintf("N%d", id), Bid: px - 10_000, Ask: px + 10_000, BidSize: 10_000, AskSize: 10_000,
				})
			}
		}
	}
	ref, err := json.Marshal(map[string]any{"region": "US", "session": date, "currency": "USD", "generated_at": nil, "instruments": rows})
	if err != nil {
		t.Fatal(err)
	}
	return backtest.Day{
		Reference: ref, Portfolios: h,
		Market: sim.MarketDay{Session: sim.Session{
			Region: "US", Session: date, Currency: "USD", OpenNs: open, CloseNs: open + 390*60*second, Actions: actions,
			InitialCash: 1_000_000 * one, Fees: sim.Fees{PerShareMicro: 5_000}, Seed: 7,
		}, Events: events},
	}
}

func wants(session uint32, k int, weights map[int64]float64) backtest.Handoff {
	at := day0 + int64(k)*24*3600*second
	p := targets.Portfolio{StrategyID: "alpha", AsOfNs: at - 1800*second, Session: session, Correlation: strings.Repeat("ab", 16)}
	for id := int64(1); id < 100; id++ {
		if w, ok := weights[id]; ok {
			p.Targets = append(p.Targets, targets.Target{InstrumentID: id, Weight: w, StopDistance: 5})
		}
	}
	return backtest.Handoff{AtNs: at, Portfolios: []targets.Portfolio{p}}
}

func floor(l *ledger) *backtest.Floor {
	return backtest.New(backtest.Config{
		Region: "US", Sink: l, Log: jsonlog.Discard(),
		Register: register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}},
		OpenRisk: func(ref []byte) (backtest.Risk, error) { return riskengine.Open(ref, nil, 4096) },
	})
}

func run(t testing.TB, l *ledger, f *backtest.Floor, days ...backtest.Day) {
	t.Helper()
	for _, d := range days {
		if err := f.Run(d); err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(l.lines[max(0, len(l.lines)-12):], "\n"))
		}
	}
}

// Three days by hand, to the millionth. A million in cash; 4% of it in name 1 at 100.00 is 400 shares, which cost the ask,
// 100.01, and half a cent each: 40,006.00. On day two name 1 splits two for one and name 2 pays nothing yet; 4% of name 2 is bought.
// On day three name 2 is delisted at 90.00 a share, and name 1 pays 0.25 a share before it is sold.
func TestAHandWorkedLedger(t *testing.T) {
	l := &ledger{}
	f := floor(l)
	run(t, l, f,
		aDay(t, 3, "2026-11-18", 0, nil, nil, nil, wants(20261118, 0, map[int64]float64{1: 0.04})),
		aDay(t, 3, "2026-11-19", 1, map[int]int64{1: 50 * one}, []sim.Action{{InstrumentID: 1, Kind: "split", RatioNum: 2, RatioDen: 1}}, map[int][2]int{1: {2, 1}},
			wants(20261119, 1, map[int64]float64{1: 0.04, 2: 0.03})),
		aDay(t, 3, "2026-11-20", 2, map[int]int64{1: 50 * one, 2: 0},
			[]sim.Action{{InstrumentID: 1, Kind: "dividend", AmountMicro: 250_000}, {InstrumentID: 2, Kind: "delisting", AmountMicro: 90 * one}}, nil,
			wants(20261120, 2, map[int64]float64{3: 0.04})),
	)
	// Day 1: 400 x 100.01 + 400 x 0.005 = 40,006. Cash 959,994.
	if d := l.days[0]; d.Cash != 959_994*one || d.Value != 999_994*one || d.Fills != 1 {
		t.Errorf("day one: %+v", d)
	}
	// Day 2: 800 shares of name 1 at 50.00 are what is wanted (dust apart); 3% of 999,994 at 100.00 is 299 shares of name 2:
	// 299 x 100.01 + 299 x 0.005 = 29,904.485. Cash 930,089.515.
	if d := l.days[1]; d.Cash != 930_089_515_000 || d.Positions != 2 {
		t.Errorf("day two: %+v", d)
	}
	// Day 3: 800 x 0.25 = 200 and 299 x 90 = 26,910 come in: 957,199.515. 800 of name 1 go at 49.99 less half a cent each:
	// 39,988. 4% of the equity before, 957,199.515 + 800 x 50 = 997,199.515, at 100.00 is 398 of name 3: 39,803.98 + 1.99.
	if d := l.days[2]; d.Cash != 957_199_515_000+39_988*one-39_805_970_000 || d.Positions != 1 {
		t.Errorf("day three: %+v\n%s", d, strings.Join(l.lines, "\n"))
	}
}

// The same inputs give the same lines, byte for byte, and the same state.
func TestTheSameInputsGiveTheSameBytes(t *testing.T) {
	var all [2][]string
	var hashes [2]string
	for i := range all {
		l := &ledger{}
		f := floor(l)
		for k := range 5 {
			date := fmt.Sprintf("2026-11-%d", 18+k)
			weights := map[int64]float64{}
			for id := int64(1); id <= 20; id++ {
				weights[id] = 0.02 + 0.01*float64((id+int64(k))%3)
			}
			run(t, l, f, aDay(t, 20, date, k, nil, nil, nil, wants(uint32(20261118+k), k, weights)))
		}
		all[i] = l.lines
		var err error
		if hashes[i], err = f.Core().StateHash(); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(all[0], all[1]) || hashes[0] != hashes[1] || len(all[0]) < 100 {
		t.Errorf("%d and %d lines, %s and %s", len(all[0]), len(all[1]), hashes[0], hashes[1])
	}
}

// A large order is worked over the session by the same schedule as live.
func TestASchedule(t *testing.T) {
	l := &ledger{}
	f := floor(l)
	d := aDay(t, 1, "2026-11-18", 0, nil, nil, nil, wants(20261118, 0, map[int64]float64{1: 0.04}))
	s, err := session.Parse([]byte(fmt.Sprintf(`{"region":"US","session":"2026-11-18","open_ns":%d,"close_ns":%d,"breaks":[],
		"rule":{"small_adv_ppm":0,"min_duration_ns":0,"large":"TWAP"}}`, d.Market.OpenNs, d.Market.CloseNs)))
	if err != nil {
		t.Fatal(err)
	}
	d.Session = s
	run(t, l, f, d)
	var bought int64
	for _, r := range l.fills {
		bought += r.Qty
	}
	if bought != 400 || len(l.fills) < 30 {
		t.Fatalf("%d shares in %d fills", bought, len(l.fills))
	}
	// Passive slices of a market that stands still fall behind and cross, all day long.
	if first, last := l.fills[0].TsNs, l.fills[len(l.fills)-1].TsNs; last-first < 6*3600*second {
		t.Errorf("worked for %d s only", (last-first)/second)
	}
}
