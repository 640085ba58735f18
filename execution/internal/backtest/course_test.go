//go:build oms_backtest

package backtest_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// hooked is a ledger that may act while the run goes on.
type hooked struct {
	ledger
	onRecord func(r *sim.Record)
	onAnswer func(a core.Answer)
}

func (h *hooked) Record(session uint32, r *sim.Record) error {
	if h.onRecord != nil {
		h.onRecord(r)
	}
	return h.ledger.Record(session, r)
}

func (h *hooked) Handoff(session uint32, nowNs int64, a core.Answer) error {
	if h.onAnswer != nil {
		h.onAnswer(a)
	}
	return h.ledger.Handoff(session, nowNs, a)
}

func floorWith(sink backtest.Sink, rearmAfter int) *backtest.Floor {
	return backtest.New(backtest.Config{
		Region: "US", Sink: sink, Log: jsonlog.Discard(), RearmAfter: rearmAfter,
		Register: register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}},
		OpenRisk: func(ref []byte) (backtest.Risk, error) { return riskengine.Open(ref, nil, 4096) },
	})
}

// seconds is a latency of so many, always the same.
func seconds(n float64) *sim.LogNormal { return &sim.LogNormal{Mu: math.Log(n * 1e6)} }

// thin is a day on which a hundred shares are offered a minute: 4% of a million is 400 shares, and they take four minutes.
func thin(t *testing.T, latency *sim.LatencyModel) backtest.Day {
	d := aDay(t, 1, "2026-11-18", 0, nil, nil, nil, wants(20261118, 0, map[int64]float64{1: 0.04}))
	for i := range d.Market.Events {
		d.Market.Events[i].AskSize = 100
	}
	if latency != nil {
		d.Market.Model = &sim.Model{Latency: latency}
	}
	return d
}

func bought(fills []sim.Record) (n int64) {
	for _, r := range fills {
		n += r.Qty
	}
	return n
}

// The order of 400 is changed when the second hundred has filled. A total of 250 leaves fifty more; one of 150 is below what has
// filled, and risk refuses it. Where the change takes ninety seconds, 300 have filled when it comes, and the venue refuses 250.
func TestAReplacement(t *testing.T) {
	for _, c := range []struct {
		name     string
		total    int64
		latency  *sim.LatencyModel
		decision uint8
		bought   int64
		replaced int
	}{
		{"accepted", 250, nil, frame.DecisionApprove, 250, 1},
		{"refused by risk", 150, nil, frame.DecisionReject, 400, 0},
		{"refused by the venue", 250, &sim.LatencyModel{Order: seconds(90)}, frame.DecisionApprove, 400, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &hooked{}
			f := floorWith(h, 0)
			asked := false
			h.onRecord = func(r *sim.Record) {
				if r.Kind == sim.KindFill && r.Cum == 200 && !asked {
					asked = true
					if err := f.Core().Amend(1, c.total, 100_500_000, "a test"); err != nil {
						t.Error(err)
					}
				}
			}
			run(t, &h.ledger, f, thin(t, c.latency))
			if got := bought(h.fills); got != c.bought || !asked {
				t.Errorf("%d shares bought, want %d\n%s", got, c.bought, strings.Join(h.lines, "\n"))
			}
			if len(h.decisions) != 2 || h.decisions[1].Decision != c.decision || h.decisions[1].RequestedQty != c.total {
				t.Errorf("decisions %+v", h.decisions)
			}
			if n := strings.Count(strings.Join(h.lines, "\n"), `"kind":"replace"`); n != c.replaced {
				t.Errorf("%d replacements at the venue, want %d", n, c.replaced)
			}
			if held := f.Core().State().Books.Positions[1]; held != c.bought || h.days[0].Positions != 1 {
				t.Errorf("the books hold %d", held)
			}
			if n := len(f.Core().State().Orders); n != 0 {
				t.Errorf("%d orders have not ended", n)
			}
		})
	}
}

// What the venue reports two seconds late is known two seconds late: one second after the fill omsd still counts its order as
// working and buys nothing again; three seconds after it, it holds the shares.
func TestLateReports(t *testing.T) {
	h := &hooked{}
	f := floorWith(h, 0)
	d := aDay(t, 1, "2026-11-18", 0, nil, nil, nil)
	d.Market.Model = &sim.Model{Latency: &sim.LatencyModel{Report: seconds(2)}}
	var held []int64
	h.onAnswer = func(a core.Answer) {
		if a.Outcome != core.Accepted {
			t.Errorf("%s %v", a.Message, a.Faults)
		}
		held = append(held, f.Core().State().Books.Positions[1])
	}
	for _, after := range []int64{60, 61, 63} {
		b := wants(20261118, 0, map[int64]float64{1: 0.04})
		b.AtNs += after * second
		b.Portfolios[0].AsOfNs += after
		d.Portfolios = append(d.Portfolios, b)
	}
	run(t, &h.ledger, f, d)
	if !slices.Equal(held, []int64{0, 0, 400}) {
		t.Errorf("held at the hand-offs: %v", held)
	}
	if got := bought(h.fills); got != 400 || len(h.decisions) != 1 {
		t.Errorf("%d shares bought with %d decisions", got, len(h.decisions))
	}
	if r := h.fills[0]; r.ReportNs-r.TsNs < 2*second-1000 || r.ReportNs-r.TsNs > 2*second {
		t.Errorf("filled at %d, told at %d", r.TsNs, r.ReportNs)
	}
}

// Twenty names of 4.5% fall by 7% at noon, 6.3% of equity: the switch is thrown and everything is sold. Nobody arms it again:
// the next days are refused. Armed again at the second session that begins with it thrown, that one trades.
func TestTheKillSwitchIsArmedAgain(t *testing.T) {
	for _, c := range []struct {
		after  int
		killed []bool
		want   []string
	}{
		{0, []bool{true, true, true}, []string{"ACCEPTED", "REFUSED", "REFUSED"}},
		{1, []bool{true, false, false}, []string{"ACCEPTED", "ACCEPTED", "ACCEPTED"}},
		{2, []bool{true, true, false}, []string{"ACCEPTED", "REFUSED", "ACCEPTED"}},
	} {
		h := &hooked{}
		f := floorWith(h, c.after)
		var outcomes []string
		h.onAnswer = func(a core.Answer) { outcomes = append(outcomes, a.Outcome.String()) }
		weights, fallen := map[int64]float64{}, map[int]int64{}
		for id := int64(1); id <= 20; id++ {
			weights[id], fallen[int(id)] = 0.045, 93*one
		}
		for k := range 3 {
			prices := fallen
			if k == 0 {
				prices = nil
			}
			hand := wants(uint32(20261118+k), k, weights)
			for i := range hand.Portfolios[0].Targets {
				hand.Portfolios[0].Targets[i].StopDistance = 19
			}
			d := aDay(t, 20, fmt.Sprintf("2026-11-%d", 18+k), k, prices, nil, nil, hand)
			if k == 0 {
				for i := range d.Market.Events {
					if ev := &d.Market.Events[i]; ev.TsNs > d.Market.OpenNs+2*3600*second {
						ev.Bid, ev.Ask = ev.Bid-7*one, ev.Ask-7*one
					}
				}
			}
			run(t, &h.ledger, f, d)
		}
		var killed []bool
		for _, d := range h.days {
			killed = append(killed, d.Killed)
		}
		if !slices.Equal(outcomes, c.want) || !slices.Equal(killed, c.killed) || h.days[0].Positions != 0 {
			t.Errorf("after %d: %v, killed %v, %d positions after the fall", c.after, outcomes, killed, h.days[0].Positions)
		}
	}
}

// The same quotes from a file, read as the session passes, trade the same; what is planted in it that cannot be true is
// refused by the gates, counted and explained.
func TestQuotesFromAFile(t *testing.T) {
	weights := map[int64]float64{1: 0.04, 2: 0.03}
	day := func() backtest.Day {
		d := aDay(t, 3, "2026-11-18", 0, nil, nil, nil)
		b := wants(20261118, 0, weights)
		b.AtNs += 600*second + 1
		d.Portfolios = append(d.Portfolios, b)
		return d
	}
	plain := &ledger{}
	run(t, plain, floorWith(plain, 0), day())
	dir := t.TempDir()
	d := day()
	var csv strings.Builder
	csv.WriteString("ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n")
	for i, ev := range d.Market.Events {
		row := func(bid, ask int64) {
			fmt.Fprintf(&csv, "%d,%d,%s,quote,%d,%d,%d,%d,test\n", ev.TsNs, ev.InstrumentID, ev.Symbol, bid, ask, ev.BidSize, ev.AskSize)
		}
		switch i {
		case 900:
			row(ev.Ask, ev.Bid) // crossed
		case 901:
			row(10*ev.Bid, 10*ev.Ask) // a decimal point too far
		}
		row(ev.Bid, ev.Ask)
	}
	session := fmt.Sprintf(`{"region":"US","session":"2026-11-18","currency":"USD","open_ns":%d,"close_ns":%d,"breaks":[],"actions":[],
		"initial_cash_micro":1,"fees":{},"reject_bp":0,"seed":1}`, d.Market.OpenNs, d.Market.CloseNs)
	for name, text := range map[string]string{"day.csv": csv.String(), "day.json": session} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var hashes []string
	for range 2 {
		l := &ledger{}
		f := floorWith(l, 0)
		p, err := backtest.Prepare(day())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.OpenQuotes([]string{filepath.Join(dir, "day.csv")}, filepath.Join(dir, "refused.jsonl")); err != nil {
			t.Fatal(err)
		}
		if err := f.RunPrepared(p); err != nil {
			t.Fatal(err)
		}
		if len(l.fills) != 2 || len(l.fills) != len(plain.fills) {
			t.Fatalf("%d fills, want %d", len(l.fills), len(plain.fills))
		}
		for i, r := range l.fills {
			if w := plain.fills[i]; r.TsNs != w.TsNs || r.Px != w.Px || r.Qty != w.Qty || r.InstrumentID != w.InstrumentID {
				t.Errorf("%+v, want %+v", r, w)
			}
		}
		if got, want := l.days[0].Cash, plain.days[0].Cash; got != want {
			t.Errorf("cash %d, want %d", got, want)
		}
		q := l.days[0].Quotes
		if q == nil || q.Refused["CROSSED"] != 1 || q.Refused["SPIKE"]+q.Refused["SPREAD"] != 1 || q.Read != uint64(len(d.Market.Events)) {
			t.Errorf("quotes %+v", q)
		}
		refused, err := os.ReadFile(filepath.Join(dir, "refused.jsonl"))
		if err != nil || strings.Count(string(refused), "\n") != 2 {
			t.Errorf("%s %v", refused, err)
		}
		hash, err := f.Core().StateHash()
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, hash+strings.Join(l.lines, "\n"))
	}
	if hashes[0] != hashes[1] {
		t.Error("two runs of the same file differ")
	}
}

// A file that is cut off ends the run with its error, and leaves nobody waiting.
func TestAFileThatIsCutOff(t *testing.T) {
	d := aDay(t, 1, "2026-11-18", 0, nil, nil, nil)
	path := filepath.Join(t.TempDir(), "day.csv")
	text := fmt.Sprintf("ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n%d,1,N1,quote,1,2,1,1,x\n%d,1,N1", d.Market.OpenNs, d.Market.OpenNs+1)
	session := fmt.Sprintf(`{"region":"US","session":"2026-11-18","currency":"USD","open_ns":%d,"close_ns":%d,"breaks":[],"actions":[],"initial_cash_micro":1,"fees":{},"reject_bp":0,"seed":1}`,
		d.Market.OpenNs, d.Market.CloseNs)
	for name, data := range map[string]string{path: text, strings.TrimSuffix(path, ".csv") + ".json": session} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := backtest.Prepare(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.OpenQuotes([]string{path}, ""); err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	if err := floorWith(l, 0).RunPrepared(p); err == nil || !strings.Contains(err.Error(), "day.csv:3") || len(l.days) != 0 {
		t.Errorf("%v", err)
	}
}

// priced is a risk engine whose decisions are held against the prices that it tells at that moment.
type priced struct {
	*riskengine.Engine
	t       *testing.T
	checked int
}

func (p *priced) Decide(o *riskengine.Order, nowNs int64, d *riskengine.Decision) error {
	if err := p.Engine.Decide(o, nowNs, d); err != nil {
		return err
	}
	if q, known, err := p.Price(o.InstrumentID); err != nil || !known || q.Bid != d.Bid || q.Ask != d.Ask {
		p.t.Errorf("decided on %d/%d, the price is %+v (%v, %v)", d.Bid, d.Ask, q, known, err)
	}
	p.checked++
	return nil
}

// An order's reports carry the market that it was decided on, which spares asking for it: it is the one that the engine tells.
func TestADecisionNamesThePriceThatIsTold(t *testing.T) {
	p := &priced{t: t}
	l := &ledger{}
	f := backtest.New(backtest.Config{
		Region: "US", Sink: l, Log: jsonlog.Discard(),
		Register: register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}},
		OpenRisk: func(ref []byte) (backtest.Risk, error) {
			var err error
			p.Engine, err = riskengine.Open(ref, nil, 4096)
			return p, err
		},
	})
	d := aDay(t, 20, "2026-11-18", 0, nil, nil, nil)
	for i := range d.Market.Events {
		ev := &d.Market.Events[i]
		ev.Bid, ev.Ask = ev.Bid-int64(i%7)*10_000, ev.Ask+int64(i%5)*10_000
		switch i % 11 {
		case 0:
			ev.BidSize = 0 // a side that is not there
		case 1:
			ev.Ask = 0
		}
	}
	for r := range 30 {
		weights := map[int64]float64{}
		for id := int64(1); id <= 20; id++ {
			weights[id] = 0.02 + 0.01*float64((id+int64(r))%2)
		}
		b := wants(20261118, 0, weights)
		b.AtNs += int64(r) * 600 * second
		b.Portfolios[0].AsOfNs += int64(r)
		d.Portfolios = append(d.Portfolios, b)
	}
	run(t, l, f, d)
	if p.checked < 400 {
		t.Errorf("%d decisions", p.checked)
	}
}
