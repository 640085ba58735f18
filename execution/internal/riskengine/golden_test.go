//go:build oms_backtest

package riskengine

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"dnalyaw/execution/internal/frame"
)

// ints reads an argument that is a list of whole numbers.
func ints(t *testing.T, raw json.RawMessage) (out []int64) {
	t.Helper()
	must(t, json.Unmarshal(raw, &out))
	return out
}

// numbers are a decision's in the golden file's order; the hash there is the bits as a signed or an unsigned number.
func numbers(d *Decision) []int64 {
	return []int64{
		int64(d.OrderID), int64(d.InstrumentID), int64(d.Decision), int64(d.Reason), d.RequestedQty, d.ApprovedQty, d.ReferencePx,
		d.Equity, d.WorstCase, d.BindingLimit, int64(d.LimitsHash), int64(d.TradingState), int64(d.SessionState), int64(d.VenueUp),
		d.Position, d.WorkingBuys, d.WorkingSells, d.Traded, d.Bid, d.Ask, d.Last, d.PriceTsNs, d.StopLevel, d.RiskPerShare,
		d.Cash, d.SecondEquity, d.Baseline, d.Flows, int64(d.DrawdownBp), d.IssuerExposure, d.SectorExposure, d.GrossExposure,
		d.NetLong, d.NetShort, d.BuyingPower, int64(d.WorkingOrders),
	}
}

func orderOf(n []int64) Order {
	return Order{
		OrderID: uint64(n[0]), InstrumentID: uint64(n[1]), Qty: n[2], LimitPx: n[3], StopDistance: n[4], Strategies: uint64(n[5]),
		Side: uint8(n[6]), Type: uint8(n[7]), TIF: uint8(n[8]), Flags: uint8(n[9]),
	}
}

// golden plays a line into the engine and holds what comes of it against what Python's engine gave.
type golden struct {
	t    *testing.T
	e    *Engine
	now  int64
	seen map[string]int
}

func (g *golden) same(raw json.RawMessage, d *Decision) {
	g.t.Helper()
	// The hash is the one number that may be beyond an int64.
	var want []json.Number
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	must(g.t, dec.Decode(&want))
	got := numbers(d)
	if len(want) != len(got) {
		g.t.Fatalf("%d fields, want %d", len(got), len(want))
	}
	for i, w := range want {
		if fmt.Sprint(got[i]) != w.String() && fmt.Sprint(uint64(got[i])) != w.String() {
			g.t.Errorf("field %d is %d, Python's is %s: %+v", i, got[i], w, *d)
		}
	}
	g.seen[fmt.Sprint("decision ", d.Decision)]++
	g.seen[fmt.Sprint("reason ", d.Reason)]++
}

func (g *golden) report(r Report) Outcome {
	g.t.Helper()
	return report(g.t, g.e, r, g.now)
}

func (g *golden) play(kind string, arg []json.RawMessage) {
	t, e := g.t, g.e
	t.Helper()
	num := func(i int) (n int64) {
		t.Helper()
		must(t, json.Unmarshal(arg[i], &n))
		return n
	}
	switch kind {
	case "session":
		must(t, e.Session(uint8(num(0)), g.now))
	case "account":
		var pairs [][2]int64
		must(t, json.Unmarshal(arg[1], &pairs))
		var holdings []Holding
		for _, p := range pairs {
			holdings = append(holdings, Holding{InstrumentID: uint64(p[0]), Qty: p[1]})
		}
		must(t, e.Account(num(0), holdings, g.now))
	case "quote":
		g.now = max(g.now, num(4))
		_, err := e.Quotes([]Quote{{uint64(num(0)), num(1), num(2), num(3), num(4)}})
		must(t, err)
	case "decide":
		g.now = num(0)
		o := orderOf(ints(t, arg[1]))
		d := decide(t, e, &o, g.now)
		g.same(arg[2], &d)
	case "linked":
		g.now = num(0)
		var plain [][]int64
		var want []json.RawMessage
		must(t, json.Unmarshal(arg[1], &plain))
		must(t, json.Unmarshal(arg[2], &want))
		legs, ds := make([]Order, len(plain)), make([]Decision, len(plain))
		for i, p := range plain {
			legs[i] = orderOf(p)
		}
		must(t, e.DecideLinked(legs, g.now, ds))
		for i := range ds {
			g.same(want[i], &ds[i])
		}
	case "replace":
		g.now = num(0)
		n := ints(t, arg[1])
		var d Decision
		must(t, e.Replace(&Replace{uint64(n[0]), uint64(n[1]), n[2], n[3], n[4]}, g.now, &d))
		g.same(arg[2], &d)
	case "answered":
		g.report(Report{OrderID: uint64(num(0)), Type: uint8(num(1))})
	case "fill":
		// Python counts by itself; the venue's count is what the order had and these.
		before := g.cum(uint64(num(0)))
		o := g.report(Report{
			OrderID: uint64(num(0)), InstrumentID: uint64(num(1)), LastQty: num(2), LastPx: num(3), CumQty: before + num(2),
			LeavesQty: num(4), Fee: num(5), Type: frame.ExecFill,
		})
		if o.PositionChange != num(6) || o.Finished() != (num(4) == 0) {
			t.Errorf("%+v, Python's change is %d", o, num(6))
		}
	case "cancelled":
		if o := g.report(Report{OrderID: uint64(num(0)), CumQty: g.cum(uint64(num(0))), Type: frame.ExecCancelled}); !o.Finished() {
			t.Errorf("%+v", o)
		}
	case "clock":
		g.now = num(0)
		must(t, e.Clock(g.now))
	case "flow":
		must(t, e.ExpectFlow(num(0)))
	case "cash":
		must(t, e.Cash(num(0), g.now))
	case "halt":
		g.halt(arg)
	case "kill":
		g.now = num(0)
		must(t, e.Kill(g.now))
		// Nothing works: it asks for the account at once.
		if s, err := e.Settle(g.now, nil); err != nil || s.Phase != Reconciling || e.Wants() != WantAccount {
			t.Fatalf("%+v, wants %b, %v", s, e.Wants(), err)
		}
	case "settle":
		g.settle(arg)
	default:
		t.Fatalf("the golden file has a %q that nothing plays", kind)
	}
}

func (g *golden) cum(id uint64) int64 {
	orders, err := g.e.Orders()
	must(g.t, err)
	for _, o := range orders {
		if o.OrderID == id || o.WireID == id {
			return o.CumQty
		}
	}
	g.t.Fatalf("order %d is not open", id)
	return 0
}

func (g *golden) halt(arg []json.RawMessage) {
	var what string
	var on bool
	must(g.t, json.Unmarshal(arg[0], &what))
	must(g.t, json.Unmarshal(arg[1], &on))
	scope := map[string]Scope{"all": HaltAll, "instrument": HaltInstrument, "venue": HaltVenue, "strategy": HaltStrategy}[what]
	names := map[string]string{"venue": "NYSE", "strategy": "beta"}
	must(g.t, g.e.Halt(scope, 5, names[what], on))
}

func (g *golden) settle(arg []json.RawMessage) {
	t := g.t
	t.Helper()
	must(t, json.Unmarshal(arg[0], &g.now))
	var closes [][2]json.RawMessage
	must(t, json.Unmarshal(arg[2], &closes))
	cancels := ints(t, arg[1])
	actions := make([]Action, 64)
	s, err := g.e.Settle(g.now, actions)
	must(t, err)
	if int(s.Count) != len(cancels)+len(closes) {
		t.Fatalf("%d actions, Python wants %d cancels and %d closes", s.Count, len(cancels), len(closes))
	}
	for i, a := range actions[:s.Count] {
		if i < len(cancels) {
			if a.Kind != ActionCancel || a.WireID != uint64(cancels[i]) {
				t.Errorf("%+v, Python cancels %d", a, cancels[i])
			}
			continue
		}
		var limit int64
		want := closes[i-len(cancels)]
		must(t, json.Unmarshal(want[0], &limit))
		if a.Kind != ActionClose || a.Order.LimitPx != limit {
			t.Errorf("%+v, Python's limit is %d", a, limit)
		}
		g.same(want[1], &a.Decision)
	}
}

// Every decision, to its last number, and the hash of the whole state after every event: what Python's RiskEngine, which
// research uses, makes of a day, the engine here makes of it.
func TestADayIsDecidedAsPythonDecidesIt(t *testing.T) {
	f, err := os.Open("testdata/golden.jsonl.gz")
	must(t, err)
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	must(t, err)
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatal("the golden file is empty")
	}
	e, err := Open(bytes.Clone(lines.Bytes()), nil, 0)
	must(t, err)
	defer func() { must(t, e.Close()) }()
	g := &golden{t: t, e: e, now: -1 << 63, seen: map[string]int{}}
	for n := 2; lines.Scan() && !t.Failed(); n++ {
		var line []json.RawMessage
		must(t, json.Unmarshal(lines.Bytes(), &line))
		var kind, want string
		last := len(line) - 1
		must(t, json.Unmarshal(line[0], &kind))
		must(t, json.Unmarshal(line[last], &want))
		g.play(kind, line[1:last])
		g.seen[kind]++
		if kind == "session" {
			continue // Python's account starts reconciled, a desk's does not
		}
		hash, err := e.StateHash()
		must(t, err)
		if got := hex.EncodeToString(hash[:8]); got != want {
			t.Errorf("line %d (%s): the state's hash is %s, Python's is %s; write the file again after a change of the engine", n, kind, got, want)
		}
	}
	must(t, lines.Err())
	must(t, e.Check())
	for _, what := range []string{"decision 1", "decision 2", "decision 3", "decision 4", "linked", "replace", "fill", "settle", "flow"} {
		if g.seen[what] < 3 {
			t.Errorf("%d of %q: the file shows nothing: %v", g.seen[what], what, g.seen)
		}
	}
}
