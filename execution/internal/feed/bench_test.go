package feed_test

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// marketRows is a session's file of so many quotes: 40 names, a cent of movement.
func marketRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString("ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n")
	for i := range n {
		id := i%40 + 1
		price := int64(50+id)*usd + int64(i/40%7)*usd/100
		fmt.Fprintf(&b, "%d,%d,SYM%d,quote,%d,%d,%d,%d,recorded quote\n", t0+int64(i)*1e5, id, id, price, price+usd/50, 100+i%9, 200)
	}
	return b.Bytes()
}

func through(tb testing.TB, rows []byte, filtered bool) int {
	tb.Helper()
	var f feed.Feed = feed.NewMarketReader("bench.csv", bytes.NewReader(rows))
	if filtered {
		g, err := gate.New(gate.Default())
		if err != nil {
			tb.Fatal(err)
		}
		f = gate.NewFilter(f, g, nil)
	}
	if err := feed.Open(context.Background(), f); err != nil {
		tb.Fatal(err)
	}
	var q feed.Quote
	n := 0
	for f.Next(&q) {
		n++
	}
	if err := f.Err(); err != nil {
		tb.Fatal(err)
	}
	return n
}

const benchRows = 200_000

// perCPU reports quotes a second of the processor's time: on a shared machine the wall says how busy the others are.
func perCPU(b *testing.B, quotes int, spent func() float64) {
	b.ReportMetric(float64(quotes)/b.Elapsed().Seconds(), "quotes/s")
	b.ReportMetric(float64(quotes)/spent(), "quotes/cpu-s")
}

// cpu begins to count the processor's seconds of this process.
func cpu(b *testing.B) func() float64 {
	b.Helper()
	used := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	start := used()
	return func() float64 { return used() - start }
}

func bench(b *testing.B, filtered bool) {
	rows := marketRows(benchRows)
	b.ReportAllocs()
	b.ResetTimer()
	spent := cpu(b)
	for b.Loop() {
		if n := through(b, rows, filtered); n != benchRows {
			b.Fatal(n)
		}
	}
	perCPU(b, b.N*benchRows, spent)
}

func BenchmarkFile(b *testing.B)     { bench(b, false) }
func BenchmarkFileGate(b *testing.B) { bench(b, true) }

func BenchmarkMemoryGate(b *testing.B) {
	var quotes []feed.Quote
	f := feed.NewMarketReader("bench.csv", bytes.NewReader(marketRows(benchRows)))
	if err := feed.Open(context.Background(), f); err != nil {
		b.Fatal(err)
	}
	quotes, err := feed.ReadAll(f)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	spent := cpu(b)
	for b.Loop() {
		g, err := gate.New(gate.Default())
		if err != nil {
			b.Fatal(err)
		}
		in := gate.NewFilter(feed.NewMemory(quotes, nil), g, nil)
		if err := feed.Open(context.Background(), in); err != nil {
			b.Fatal(err)
		}
		var q feed.Quote
		n := 0
		for in.Next(&q) {
			n++
		}
		if n != benchRows {
			b.Fatal(n)
		}
	}
	perCPU(b, b.N*benchRows, spent)
}

func BenchmarkSocket(b *testing.B) {
	quotes, names := walk(100_000)
	for b.Loop() {
		s := start(b, socket(b), feed.ServerOptions{Wait: 1}, quotes, names)
		c := dial(b, s.addr)
		var q feed.Quote
		for c.Next(&q) {
		}
		if err := c.Err(); err != nil {
			b.Fatal(err)
		}
		if err := s.stop(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "quotes/s")
}

// Reading and judging a quote more costs no allocation: a file ten times as long costs as many.
func TestNextAllocatesNothing(t *testing.T) {
	small, large := marketRows(2_000), marketRows(20_000)
	of := func(rows []byte) float64 {
		return testing.AllocsPerRun(5, func() { through(t, rows, true) })
	}
	if a, b := of(small), of(large); b > a+1 {
		t.Errorf("%v allocations for 2,000 rows and %v for 20,000", a, b)
	}
}
