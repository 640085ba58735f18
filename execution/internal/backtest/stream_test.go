//go:build oms_backtest

package backtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/backtest"
)

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

// A file that is cut off ends the run with its error, and leaves nobody waiting; neither does a day that is let go of unread.
func TestAFileThatIsCutOff(t *testing.T) {
	running := runtime.NumGoroutine()
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
	if p, err = backtest.Prepare(d); err != nil {
		t.Fatal(err)
	}
	if err := p.OpenQuotes([]string{path}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Quotes.Close(); err == nil {
		t.Error("the fault of a file that nobody read to its end is lost")
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > running; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines run where %d ran before", runtime.NumGoroutine(), running)
		}
	}
}
