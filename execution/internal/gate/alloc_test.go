package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// Passing, refusing, holding and letting go cost no allocation once the instrument is known and has once been held.
func TestCheckAllocatesNothing(t *testing.T) {
	g := calm(t, gate.Default())
	keep, err := gate.NewKeeper(1<<16, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := 100.0
	round := func() {
		for _, q := range []feed.Quote{
			book(i, 10000, 10002), book(i+1, 10003, 10001), book(i+2, 10500, 10502), book(i+3, 10000, 10003),
			book(i+4, 9500, 9502), book(i+5, 9500, 9503), book(i+6, 9500, 9502), trade(i+7, 9501), auction(i+8, 9500),
			book(i+9, 10000, 10002), book(i+10, 10001, 10002), book(i+11.5, 10000, 10001),
		} {
			if v := g.Check(&q); v.Outcome == gate.Refuse {
				keep.Put(&q, v)
			}
		}
		g.Tick(t0 + int64(i*1e9))
		i += 100
	}
	round()
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations in 12 checks", n)
	}
	if x := g.Totals(); x.Held < 500 || x.Refused < 200 {
		t.Errorf("the rounds did not do what they are for: %+v", x)
	}
}

// The documentation's table is this package's.
func TestDocumentationHasTheTable(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "market-data.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), gate.Table()) {
		t.Errorf("%s lacks the table of reasons as it is now; put this in:\n%s", path, gate.Table())
	}
}

func BenchmarkCheck(b *testing.B) {
	quotes := recordedLine(b, "20131007")
	g := mustGate(b, gate.Default())
	const dayNs = 86400 * sec
	at := int64(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(quotes) {
			i, at = 0, at+dayNs
		}
		q := quotes[i]
		q.TsNs += at
		g.Check(&q)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "quotes/s")
}
