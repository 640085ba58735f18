//go:build oms_backtest

package backtest_test

import (
	"fmt"
	"syscall"
	"testing"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// BenchmarkOrders trades days of quotes in which a strategy turns everything over every minute.
func BenchmarkOrders(b *testing.B) {
	l := &counts{}
	const names, rounds = 50, 300
	fl := backtest.New(backtest.Config{
		Region: "US", Sink: l, Log: jsonlog.Discard(),
		Register: register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}},
		OpenRisk: func(ref []byte) (backtest.Risk, error) { return riskengine.Open(ref, nil, 4096) },
	})
	began := cpuSeconds(b)
	for k := 0; b.Loop(); k++ {
		date := fmt.Sprintf("2026-%02d-%02d", 1+k/28, 1+k%28)
		n := uint32(20260000 + 100*(1+k/28) + 1 + k%28)
		var hs []backtest.Handoff
		for r := range rounds {
			weights := map[int64]float64{}
			for id := int64(1); id <= names; id++ {
				weights[id] = 0.005 + 0.005*float64((id+int64(r))%2)
			}
			h := wants(n, k, weights)
			h.AtNs += int64(r) * 60 * second
			h.Portfolios[0].AsOfNs += int64(r)
			hs = append(hs, h)
		}
		if err := fl.Run(aDay(b, names, date, k, nil, nil, nil, hs...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(l.orders)/b.Elapsed().Seconds(), "orders/s")
	b.ReportMetric(float64(l.orders)/(cpuSeconds(b)-began), "orders/cpu-s")
}

// cpuSeconds is the processor time of this process, which other work on the machine does not stretch.
func cpuSeconds(tb testing.TB) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

type counts struct{ orders, fills int }

func (c *counts) Handoff(uint32, int64, core.Answer) error { return nil }
func (c *counts) Record(_ uint32, r *sim.Record) error {
	switch r.Kind {
	case sim.KindAck:
		c.orders++
	case sim.KindFill:
		c.fills++
	}
	return nil
}
func (c *counts) Decision(uint32, int64, uint8, *riskengine.Decision) error { return nil }
func (c *counts) Day(backtest.Summary) error                                { return nil }

// BenchmarkQuotes lets a session of quotes pass, each at its own moment, while half of the names are held.
func BenchmarkQuotes(b *testing.B) {
	const names, quotes = 50, 1_000_000
	fl := backtest.New(backtest.Config{
		Region: "US", Sink: &counts{}, Log: jsonlog.Discard(),
		Register: register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}},
		OpenRisk: func(ref []byte) (backtest.Risk, error) { return riskengine.Open(ref, nil, 4096) },
	})
	took := 0.0
	for k := 0; b.Loop(); k++ {
		b.StopTimer()
		date := fmt.Sprintf("2026-%02d-%02d", 1+k/28, 1+k%28)
		weights := map[int64]float64{}
		for id := int64(1); id <= names/2; id++ {
			weights[id] = 0.01
		}
		d := aDay(b, names, date, k, nil, nil, nil, wants(uint32(20260000+100*(1+k/28)+1+k%28), k, weights))
		first := d.Market.Events[:names]
		d.Market.Events = append([]sim.Event(nil), first...)
		step := int64(390*60) * second / quotes
		for i := range quotes {
			ev := first[(i*7)%names]
			ev.TsNs += step*int64(i) + 1
			move := int64(i%5) * 10_000
			ev.Bid, ev.Ask = ev.Bid+move, ev.Ask+move
			d.Market.Events = append(d.Market.Events, ev)
		}
		began := cpuSeconds(b)
		b.StartTimer()
		if err := fl.Run(d); err != nil {
			b.Fatal(err)
		}
		took += cpuSeconds(b) - began
	}
	b.ReportMetric(float64(b.N*quotes)/took, "quotes/cpu-s")
	b.ReportMetric(float64(b.N*quotes)/b.Elapsed().Seconds(), "quotes/s")
}
