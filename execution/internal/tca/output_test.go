package tca_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/tca"
)

var update = flag.Bool("update", false, "write the schema's tables in docs/cost-analysis.md anew")

const page = "../../../docs/cost-analysis.md"

// decode reads a row back from the line that is written for it.
func decode(t rapid.TB, r tca.Row) map[string]any {
	t.Helper()
	var b bytes.Buffer
	if err := tca.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&b)
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLinesFollowTheSchema(t *testing.T) {
	r := analyse(t, firstOf(worked()), secondOf(worked()))
	a := tca.NewAggregator()
	if err := a.Add(r); err != nil {
		t.Fatal(err)
	}
	rows := append(r.Rows(), a.Rows()[0], tca.PathsRow{Kind: "paths", Schema: tca.SchemaVersion})
	schema := tca.Schema()
	seen := map[string]bool{}
	for _, row := range rows {
		line := decode(t, row)
		kind := line["kind"].(string)
		seen[kind] = true
		if len(line) != len(schema[kind]) {
			t.Errorf("a %s has %d fields, the schema %d", kind, len(line), len(schema[kind]))
		}
		for _, f := range schema[kind] {
			v, ok := line[f.Name]
			if !ok || f.Doc == "" {
				t.Errorf("%s.%s is not in the line or has no words: %+v", kind, f.Name, f)
			}
			if good := fits(v, f.Type); !good {
				t.Errorf("%s.%s is %v, the schema says %s", kind, f.Name, v, f.Type)
			}
		}
	}
	if len(seen) != len(schema) {
		t.Errorf("saw %v of the schema's kinds", seen)
	}
	var first, again bytes.Buffer
	if err := errors.Join(tca.Write(&first, rows...), tca.Write(&again, rows...)); err != nil || first.String() != again.String() {
		t.Errorf("the same rows give other bytes (%v)", err)
	}
	if !strings.HasPrefix(first.String(), `{"kind":"parent","schema":2,"parent_id":5,`) || strings.Count(first.String(), "\n") != len(rows) {
		t.Errorf("the lines begin %.60q", first.String())
	}
	if err := tca.Write(failing{}, rows...); err == nil || !strings.Contains(err.Error(), "writing row 0 (parent): full") {
		t.Errorf("a writer that fails gives %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

var _ io.Writer = failing{}

// fits says whether a JSON value is of a schema's type.
func fits(v any, kind string) bool {
	base, nullable := strings.CutSuffix(kind, " or null")
	switch x := v.(type) {
	case nil:
		return nullable
	case bool:
		return base == "bool"
	case string:
		return base == "text"
	case []any:
		return base == "list of text"
	case json.Number:
		_, err := x.Int64()
		return base == "float" || base == "int" && (err == nil || !strings.ContainsAny(x.String(), ".e"))
	}
	return false
}

// TestSchemaPage holds the page's tables against the schema.
func TestSchemaPage(t *testing.T) {
	var b strings.Builder
	for _, kind := range []string{"parent", "child", "strategy", "aggregate", "paths"} {
		fmt.Fprintf(&b, "\n### %s\n\n| field | type | unit | meaning |\n| --- | --- | --- | --- |\n", kind)
		for _, f := range tca.Schema()[kind] {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, f.Unit, f.Doc)
		}
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- schema -->\n", "\n<!-- end of schema -->"
	head, rest, ok := strings.Cut(string(data), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the schema: %q and %q", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(page, []byte(head+begin+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != b.String() {
		t.Errorf("%s is stale: go test ./internal/tca -run TestSchemaPage -update", page)
	}
}

// TestAggregateByHand adds three parents: 41.27 bp on 100,000, and two that cost 10 and 50 bp on 50,000 and 150,000.
func TestAggregateByHand(t *testing.T) {
	base := analyse(t, firstOf(worked()), secondOf(worked()))
	other := func(cost, notional int64) tca.Report {
		r := base
		r.Children, r.Strategies = nil, nil
		r.Parent.Shortfall, r.Parent.NotionalMicro = &cost, &notional
		return r
	}
	unknown := base
	unknown.Children, unknown.Strategies = nil, nil
	unknown.Parent.Shortfall = nil
	reports := []tca.Report{base, other(50*usd, 50_000*usd), other(750*usd, 150_000*usd), unknown}
	add := func(reports []tca.Report) *tca.Aggregator {
		a := tca.NewAggregator()
		for _, r := range reports {
			if err := a.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		return a
	}
	rows := add(reports).Rows()
	find := func(by, key, measure string) tca.AggregateRow {
		i := slices.IndexFunc(rows, func(r tca.AggregateRow) bool { return r.By == by && r.Key == key && r.Measure == measure })
		if i < 0 {
			t.Fatalf("no %s of %s %q", measure, by, key)
		}
		return rows[i]
	}
	got := find("all", "", "shortfall")
	if got.N != 3 || got.NMissing != 1 || got.Sum != 12127*usd/10 || got.Weight != 300_000*usd || got.Currency != "USD" {
		t.Errorf("counts are %+v", got)
	}
	// 1,212.70 / 300,000. Deviations of 41.27, 10, 50 from it with weights 1/3, 1/6, 1/2; mean 33.756667.
	nearBp(t, "weighted mean", got.WeightedBp, 40.423333)
	nearBp(t, "its standard error", got.WeightedSEBp, math.Sqrt(1.5*(sq(0.846667/3)+sq(30.423333/6)+sq(9.576667/2))))
	nearBp(t, "mean", got.MeanBp, 33.756667)
	nearBp(t, "its standard error", got.MeanSEBp, math.Sqrt((sq(41.27-33.756667)+sq(10-33.756667)+sq(50-33.756667))/6))
	nearBp(t, "median", got.MedianBp, 41.27)
	if one := find("strategy", "beta", "shortfall"); one.N != 1 || one.Sum != 16508*cent || one.WeightedSEBp != nil || one.MeanSEBp != nil {
		t.Errorf("a strategy: %+v", one)
	}
	if path := find("path", "ARCA 2", "cost"); path.Sum != 321*usd/10 || path.Weight != 40_088*usd {
		t.Errorf("a path: %+v", path)
	}
	if venue := find("venue", "NASDAQ", "spread"); venue.Sum != 10*usd {
		t.Errorf("a venue: %+v", venue)
	}
	two := add(reports[1:3]).Rows()
	nearBp(t, "median of 10 and 50", two[slices.IndexFunc(two, func(r tca.AggregateRow) bool { return r.By == "all" && r.Measure == "shortfall" })].MedianBp, 30)
	slices.Reverse(reports)
	if again := add(reports).Rows(); !reflect.DeepEqual(again, rows) {
		t.Error("another order of reports gives other rows")
	}
	a := add([]tca.Report{other(math.MaxInt64, usd)})
	if err := a.Add(other(1, usd)); !errors.Is(err, tca.ErrOverflow) {
		t.Errorf("a sum beyond 63 bits gives %v", err)
	}
}

func sq(x float64) float64 { return x * x }

// FuzzAnalyse reads a parent from JSON. It is refused with a reason, or its parts sum to its shortfall.
func FuzzAnalyse(f *testing.F) {
	p, _ := worked()
	data, _ := json.Marshal(p)
	f.Add(data, 101*usd, 10014*cent, int64(1500))
	f.Add([]byte(`{"side":2,"qty":1,"decision_ns":1,"arrival_ns":1,"end_ns":1,"shares":{"a":1}}`), int64(0), int64(1), int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, closing, px, qty int64) {
		var p tca.Parent
		if json.Unmarshal(data, &p) != nil {
			return
		}
		m := tape{close: closing, trades: []tca.Trade{{TsNs: p.ArrivalNs, Qty: qty, Px: px}}, quotes: []tca.Quote{{TsNs: p.EndNs, Bid: px, Ask: px}}}
		r, err := tca.Analyse(p, m)
		if err != nil {
			return
		}
		row := r.Parent
		if row.Shortfall != nil {
			parts := or0(row.Delay) + row.Timing + row.Impact + row.Spread + row.Unsplit + row.Fees + *row.Opportunity + *row.Residual
			if parts != *row.Shortfall {
				t.Fatalf("the parts of %+v sum to %d", row, parts)
			}
		}
		if err := tca.Write(io.Discard, r.Rows()...); err != nil {
			t.Fatal(err)
		}
	})
}
