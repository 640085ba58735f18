package gate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// shared is the folder of recorded data beside the checkout; the tests that need it are skipped without it.
func shared(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		dir = filepath.Dir(dir)
		if data := filepath.Join(dir, "shared", "data"); exists(data) {
			return data
		}
	}
	t.Skip("no shared/data beside the checkout")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func mustGate(t testing.TB, c gate.Config) *gate.Gate {
	t.Helper()
	g, err := gate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// leanDaily reads every instrument's daily bars, in the order of time, and the actions of the factor files.
func leanDaily(t testing.TB) ([]feed.Quote, []feed.Action, map[int64]string) {
	t.Helper()
	usa := filepath.Join(shared(t), "lean", "equity", "usa")
	who, err := feed.ReadLeanIdentities(filepath.Join(usa, "map_files"))
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(usa, "daily", "*.zip"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("daily files: %v %v", paths, err)
	}
	var feeds []feed.Feed
	for _, path := range paths {
		feeds = append(feeds, feed.NewLeanDaily(path, who.Who))
	}
	m := feed.NewMerge(feeds...)
	if err := feed.Open(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	quotes, err := feed.ReadAll(m)
	if err != nil {
		t.Fatal(err)
	}
	var actions []feed.Action
	names := map[int64]string{}
	for _, id := range who.IDs() {
		names[id] = m.Symbol(id)
		path := filepath.Join(usa, "factor_files", who.File(id)+".csv")
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		of, err := feed.ParseLeanFactors(path, data, id)
		if err != nil {
			t.Fatal(err)
		}
		actions = append(actions, of...)
	}
	return quotes, actions, names
}

// leanMinutes reads the recorded minutes of a name's day: quotes and trades, with the day's hours.
func leanMinutes(t testing.TB, id int64, name, day string) []feed.Quote {
	t.Helper()
	folder := filepath.Join(shared(t), "lean", "equity", "usa", "minute", strings.ToLower(name))
	marks, err := feed.NewYork().Marks(day)
	if err != nil {
		t.Fatal(err)
	}
	m := feed.NewMerge(
		feed.NewLeanMinute(filepath.Join(folder, day+"_quote.zip"), id, name),
		feed.NewLeanMinute(filepath.Join(folder, day+"_trade.zip"), id, name), marks)
	if err := feed.Open(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	quotes, err := feed.ReadAll(m)
	if err != nil {
		t.Fatal(err)
	}
	return quotes
}

// fates runs quotes through a gate and says for each what became of it in the end.
func fates(g *gate.Gate, quotes []feed.Quote) []gate.Verdict {
	end := make([]gate.Verdict, len(quotes))
	waiting := map[int64][]int{}
	settle := func() {
		for _, s := range g.Settled() {
			id := s.Quote.InstrumentID
			end[waiting[id][0]] = s.Verdict
			waiting[id] = waiting[id][1:]
		}
	}
	for i := range quotes {
		q := quotes[i]
		v := g.Check(&q)
		settle()
		end[i] = v
		if v.Outcome == gate.Hold {
			waiting[q.InstrumentID] = append(waiting[q.InstrumentID], i)
		}
	}
	g.Flush()
	settle()
	return end
}

// tally says how often each end came, for messages of tests.
func tally(end []gate.Verdict) string {
	n := map[string]int{}
	for _, v := range end {
		key := v.Outcome.String()
		if v.Outcome == gate.Refuse {
			key += " " + v.Reason.String()
		}
		n[key]++
	}
	var keys []string
	for k := range n {
		keys = append(keys, fmt.Sprintf("%s %d", k, n[k]))
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}
