package sim_test

import (
	"fmt"
	"syscall"
	"testing"

	"dnalyaw/execution/internal/sim"
)

// cpu is the processor time that this process has used: on a shared machine the figure that stands.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// quotes makes n rows of 500 names, a microsecond apart.
func quotes(n int) []sim.Event {
	events := make([]sim.Event, n)
	for i := range events {
		id := int64(1 + i%500)
		px := 10*usd + int64(i*7919%200)*10_000
		events[i] = quote(open+int64(i)*1000, id, px, 100+int64(i%900), px+10_000, 100+int64(i%700))
	}
	return events
}

func benchDay(events []sim.Event, m *sim.Model) sim.MarketDay {
	d := day(func(s *sim.Session) { s.InitialCash, s.Model = 1<<60, m }, events...)
	d.Fees = sim.Fees{PerShareMicro: 3_500, MinMicro: 350_000}
	return d
}

// fullModel has every part on.
func fullModel() *sim.Model {
	return &sim.Model{
		Queue:      &sim.QueueModel{TradeBp: 5_000, CancelAheadBp: 5_000, FillBp: 8_000},
		Impact:     &sim.ImpactModel{Temporary: 1, Permanent: 0.314, HalfLifeNs: hour},
		Auctions:   &sim.AuctionModel{},
		Settlement: &sim.SettlementModel{Date: "2023-11-16"},
		Fees:       &sim.FeeModel{Schedule: sim.ScheduleUS},
		Borrow:     &sim.BorrowModel{DefaultBp: 50},
		Defaults:   sim.Traits{ADV: 1_000_000, VolatilityBp: 200, TickMicro: 10_000},
	}
}

type benchModel struct {
	name string
	m    *sim.Model
}

func benchModels() []benchModel { return []benchModel{{"plain", nil}, {"model", fullModel()}} }

// BenchmarkQuotes is the market alone: nothing works.
func BenchmarkQuotes(b *testing.B) {
	for _, c := range benchModels() {
		b.Run(c.name, func(b *testing.B) {
			m := c.m
			events := quotes(1_000_000)
			b.ReportAllocs()
			b.ResetTimer()
			began := cpu(b)
			for done := 0; done < b.N; done += len(events) {
				e, _, err := sim.ResumeWith(sim.Options{DropFinished: true, ReuseRecords: true}, benchDay(events, m), nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Start(); err != nil {
					b.Fatal(err)
				}
				for i := range events { // one call a row, as a backtest makes it
					if _, err := e.Advance(events[i].TsNs); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)/(cpu(b)-began), "quotes/cpu-s")
		})
	}
}

// BenchmarkOrders submits marketable orders that fill at once, a quote between every two.
func BenchmarkOrders(b *testing.B) {
	for _, c := range benchModels() {
		b.Run(c.name, func(b *testing.B) {
			m := c.m
			events := quotes(1_000_000)
			ids := make([]string, len(events))
			for i := range ids {
				ids[i] = fmt.Sprintf("US-%d", i+1)
			}
			b.ReportAllocs()
			b.ResetTimer()
			began := cpu(b)
			fills := 0
			for done := 0; done < b.N; done += len(events) {
				e, _, err := sim.ResumeWith(sim.Options{DropFinished: true, ReuseRecords: true}, benchDay(events, m), nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Start(); err != nil {
					b.Fatal(err)
				}
				for i := range min(len(events), b.N-done) {
					ev := &events[i]
					records, err := e.Submit(ev.TsNs, sim.NewOrder{ClOrdID: ids[i], InstrumentID: ev.InstrumentID, Symbol: ev.Symbol, Side: sim.Buy, Type: sim.Limit, Qty: 50, LimitPx: ev.Ask + usd})
					if err != nil {
						b.Fatal(err)
					}
					if records[len(records)-1].Kind == sim.KindFill {
						fills++
					}
				}
			}
			if fills != b.N {
				b.Fatalf("%d fills of %d orders", fills, b.N)
			}
			b.ReportMetric(float64(b.N)/(cpu(b)-began), "orders/cpu-s")
		})
	}
}

// BenchmarkResting moves the market under 5,000 resting orders of 500 names.
func BenchmarkResting(b *testing.B) {
	for _, c := range benchModels() {
		b.Run(c.name, func(b *testing.B) {
			m := c.m
			events := quotes(1_000_000)
			b.ReportAllocs()
			b.ResetTimer()
			began := cpu(b)
			for done := 0; done < b.N; done += len(events) {
				b.StopTimer()
				e, _, err := sim.ResumeWith(sim.Options{DropFinished: true, ReuseRecords: true}, benchDay(events, m), nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Start(); err != nil {
					b.Fatal(err)
				}
				if _, err := e.Advance(events[600].TsNs); err != nil {
					b.Fatal(err)
				}
				for i := range 5_000 {
					id := int64(1 + i%500)
					if _, err := e.Submit(events[600].TsNs, sim.NewOrder{ClOrdID: fmt.Sprintf("R-%d", i+1), InstrumentID: id, Symbol: symbol(id), Side: sim.Buy, Type: sim.Limit, Qty: 50, LimitPx: 9*usd - int64(i)*100}); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				for i := 601; i < len(events); i++ {
					if _, err := e.Advance(events[i].TsNs); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)/(cpu(b)-began), "quotes/cpu-s")
		})
	}
}

// BenchmarkParseEvents reads the market file of a session.
func BenchmarkParseEvents(b *testing.B) {
	file := []byte("ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n")
	for _, ev := range quotes(100_000) {
		file = fmt.Appendf(file, "%d,%d,%s,quote,%d,%d,%d,%d,recorded quote\n", ev.TsNs, ev.InstrumentID, ev.Symbol, ev.Bid, ev.Ask, ev.BidSize, ev.AskSize)
	}
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu(b)
	for done := 0; done < b.N; done += 100_000 {
		if _, err := sim.ParseEvents("m.csv", file); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/(cpu(b)-began), "rows/cpu-s")
}
