//go:build oms_backtest

package riskengine

import (
	"fmt"
	"testing"

	"dnalyaw/execution/internal/frame"
)

// BenchmarkCall is what a call costs that does nothing behind the boundary.
func BenchmarkCall(b *testing.B) {
	e := opened(b)
	for b.Loop() {
		if err := e.Clock(t0); err != nil {
			b.Fatal(err)
		}
	}
}

// large is an engine over 500 names, all of them priced.
func large(b *testing.B) *Engine {
	rows := make([]row, 500)
	for i := range rows {
		id := int64(i + 1)
		rows[i] = name(id, row{"symbol": fmt.Sprintf("N%d", id), "sector": fmt.Sprintf("s%d", id%11)})
	}
	e, err := Open(referenceFile(b, "2026-11-23", rows...), nil, 16_384)
	must(b, err)
	b.Cleanup(func() { must(b, e.Close()) })
	must(b, e.Session(frame.SessionOpen, t0))
	must(b, e.Account(1_000_000_000*one, nil, t0))
	_, err = e.Quotes(prices(500, t0))
	must(b, err)
	return e
}

func prices(n int, nowNs int64) []Quote {
	quotes := make([]Quote, n)
	for i := range quotes {
		quotes[i] = Quote{uint64(i%500 + 1), 100*one - 10_000, 100*one + 10_000, 100 * one, nowNs}
	}
	return quotes
}

// BenchmarkDecide is a decision and the end of its order, so that none piles up: two calls.
func BenchmarkDecideAndCancelled(b *testing.B) {
	e := large(b)
	var d Decision
	var id uint64
	for b.Loop() {
		id++
		now := t0 + int64(id)*100_000
		o := Order{
			OrderID: id, InstrumentID: id%500 + 1, Qty: 10 + int64(id%97), LimitPx: 100 * one, StopDistance: 2 * one, Strategies: 1,
			Side: frame.SideBuy, Type: frame.TypeLimit,
		}
		if err := e.Decide(&o, now, &d); err != nil {
			b.Fatal(err)
		}
		if d.ApprovedQty == 0 {
			if d.Reason != 13 && d.Reason != 47 {
				b.Fatalf("%+v", d)
			}
			// The prices have grown old.
			if _, err := e.Quotes(prices(500, now)); err != nil {
				b.Fatal(err)
			}
			continue
		}
		r := Report{OrderID: id, InstrumentID: o.InstrumentID, Type: frame.ExecCancelled}
		if _, err := e.Report(&r, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReject is the cost of a decision that stops at the second check: the call and its answer.
func BenchmarkReject(b *testing.B) {
	e := large(b)
	var d Decision
	o := Order{OrderID: 1}
	for b.Loop() {
		o.OrderID++
		if err := e.Decide(&o, t0, &d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQuotes is the cost of a quote, told alone and in batches.
func BenchmarkQuotes(b *testing.B) {
	for _, n := range []int{1, 16, 256, 4_096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := large(b)
			now := t0
			quotes := prices(n, now)
			for b.Loop() {
				now++
				for i := range quotes {
					quotes[i].TsNs = now
				}
				if _, err := e.Quotes(quotes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/quote")
		})
	}
}

// BenchmarkOrder is a whole order as a backtest has it: a quote, the decision, its acknowledgement and its fill, and the
// sale that takes the position down again.
func BenchmarkOrder(b *testing.B) {
	e := large(b)
	var d Decision
	var id uint64
	quote := make([]Quote, 1)
	for b.Loop() {
		id++
		instrument := (id/2)%500 + 1
		now := t0 + int64(id)*100_000
		quote[0] = Quote{instrument, 100*one - 10_000, 100*one + 10_000, 100 * one, now}
		if _, err := e.Quotes(quote); err != nil {
			b.Fatal(err)
		}
		o := Order{
			OrderID: id, InstrumentID: instrument, Qty: 10, LimitPx: 100 * one, StopDistance: 2 * one, Strategies: 1,
			Side: frame.SideBuy + uint8(id%2), Type: frame.TypeLimit,
		}
		if err := e.Decide(&o, now, &d); err != nil {
			b.Fatal(err)
		}
		if d.ApprovedQty == 0 {
			continue
		}
		for _, r := range [...]Report{
			{OrderID: id, InstrumentID: instrument, LeavesQty: d.ApprovedQty, Type: frame.ExecNew},
			{OrderID: id, InstrumentID: instrument, LastQty: d.ApprovedQty, LastPx: 100 * one, CumQty: d.ApprovedQty, Type: frame.ExecFill},
		} {
			if _, err := e.Report(&r, now); err != nil {
				b.Fatal(err)
			}
		}
	}
}
