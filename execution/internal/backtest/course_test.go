//go:build oms_backtest

package backtest_test

import (
	"fmt"
	"math"
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
