package tca_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/tca"
)

func anyQuote(t *rapid.T) tca.Quote {
	q := tca.Quote{Bid: rapid.Int64Range(900_000, 1_100_000).Draw(t, "bid")}
	q.Ask = q.Bid + rapid.Int64Range(0, 2001).Draw(t, "spread")
	switch rapid.IntRange(0, 14).Draw(t, "trouble") {
	case 0:
		q.Bid = 0
	case 1:
		q.Ask = 0
	case 2:
		q.Ask = q.Bid - 1
	}
	return q
}

func anyParent(t *rapid.T) (tca.Parent, tape) {
	p := tca.Parent{
		ID: 1, Currency: "USD", Side: rapid.SampledFrom([]order.Side{order.Buy, order.Sell}).Draw(t, "side"), DecisionNs: start, ArrivalNs: start, EndNs: start + minute,
		Arrival: anyQuote(t), Shares: map[string]int64{},
	}
	if rapid.IntRange(0, 9).Draw(t, "decided") > 0 {
		p.DecisionPx = rapid.Int64Range(900_000, 1_100_000).Draw(t, "decision")
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "children") {
		c := tca.Child{ID: uint64(i + 1), Path: 1, Venue: "X", Qty: rapid.Int64Range(1, 1000).Draw(t, "qty"), SentNs: start, DoneNs: start, Sent: anyQuote(t), Done: anyQuote(t)}
		left := c.Qty
		for j := range rapid.IntRange(0, 4).Draw(t, "fills") {
			f := tca.Fill{ExecID: uint64(j + 1), TsNs: start, Px: rapid.Int64Range(900_000, 1_100_000).Draw(t, "px"), Fee: rapid.Int64Range(-5, 500).Draw(t, "fee"), Quote: anyQuote(t)}
			if f.Qty = min(left, rapid.Int64Range(0, 500).Draw(t, "filled")); f.Qty > 0 {
				c.Fills, left = append(c.Fills, f), left-f.Qty
			}
		}
		p.Children, p.Qty = append(p.Children, c), p.Qty+c.Qty
	}
	p.Qty += rapid.Int64Range(0, 500).Draw(t, "never sent")
	for i := 0; p.Qty > 0 && sum(p.Shares) < p.Qty; i++ {
		p.Shares[fmt.Sprint("s", i)] = min(rapid.Int64Range(1, 1000).Draw(t, "share"), p.Qty-sum(p.Shares))
	}
	m := tape{}
	if rapid.IntRange(0, 4).Draw(t, "closes") > 0 {
		m.close = rapid.Int64Range(900_000, 1_100_000).Draw(t, "close")
	}
	return p, m
}

func sum(m map[string]int64) int64 {
	n := int64(0)
	for _, v := range m {
		n += v
	}
	return n
}

// ledger is the oracle: a real account against a paper one, in exact fractions. The paper account bought the whole
// quantity at the decision's price without cost; both are valued at the close.
func ledger(p tca.Parent, close int64) *big.Rat {
	rat := func(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }
	cash, held := new(big.Rat), int64(0)
	sign := int64(1)
	if p.Side == order.Sell {
		sign = -1
	}
	for _, c := range p.Children {
		for _, f := range c.Fills {
			cash.Sub(cash, new(big.Rat).Mul(rat(sign*f.Qty), rat(f.Px)))
			cash.Sub(cash, rat(f.Fee))
			held += sign * f.Qty
		}
	}
	actual := cash.Add(cash, new(big.Rat).Mul(rat(held), rat(close)))
	paper := new(big.Rat).Mul(rat(sign*p.Qty), rat(close-p.DecisionPx))
	return paper.Sub(paper, actual)
}

// TestIdentities holds the rows against the two accounts and against each other.
func TestIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, m := anyParent(t)
		if p.Qty == 0 {
			t.Skip("nothing was decided")
		}
		r, err := tca.Analyse(p, m)
		if err != nil {
			t.Fatal(err)
		}
		row := r.Parent
		filled := row.Filled
		if known := p.DecisionPx > 0 && (filled == p.Qty || m.close > 0); known != (row.Shortfall != nil) {
			t.Fatalf("shortfall %v with decision %d, close %d, %d of %d filled", row.Shortfall, p.DecisionPx, m.close, filled, p.Qty)
		}
		if row.Shortfall != nil {
			at := m.close
			if at == 0 {
				at = 1 // everything filled: any close gives the same
			}
			if want := ledger(p, at); want.Cmp(new(big.Rat).SetInt64(*row.Shortfall)) != 0 {
				t.Fatalf("shortfall %d, the two accounts differ by %s", *row.Shortfall, want)
			}
			parts := or0(row.Delay) + row.Timing + row.Impact + row.Spread + row.Unsplit + row.Fees + *row.Opportunity + *row.Residual
			if parts != *row.Shortfall {
				t.Fatalf("the parts sum to %d, the shortfall is %d", parts, *row.Shortfall)
			}
			// Each child's four prices and the parent's two are rounded by half a millionth at most.
			if bound := int64(len(p.Children)*2 + 1); *row.Residual > bound || *row.Residual < -bound {
				t.Fatalf("residual %d with %d children", *row.Residual, len(p.Children))
			}
		}
		checkChildren(t, p, r)
		checkStrategies(t, p, r)
	})
}

func or0(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func checkChildren(t *rapid.T, p tca.Parent, r tca.Report) {
	var e tca.Execution
	traded := int64(0)
	for i, c := range r.Children {
		e = tca.Execution{Timing: e.Timing + c.Timing, Impact: e.Impact + c.Impact, Spread: e.Spread + c.Spread, Unsplit: e.Unsplit + c.Unsplit, Fees: e.Fees + c.Fees}
		traded += c.TradedMicro
		in := p.Children[i]
		twoSided := func(q tca.Quote) bool { return q.Bid > 0 && q.Ask >= q.Bid }
		if want := twoSided(in.Sent) && (c.Filled == in.Qty || twoSided(in.Done)); want != (c.Cost != nil) {
			t.Fatalf("child %d has the cost %v", i, c.Cost)
		}
		if c.Cost == nil {
			continue
		}
		// Twice the cost, written out: a whole number, so that rounding is within one of it.
		twice := int64(0)
		for _, f := range in.Fills {
			twice += p.Side.Sign()*f.Qty*(2*f.Px-in.Sent.Bid-in.Sent.Ask) + 2*f.Fee
		}
		if open := in.Qty - c.Filled; open > 0 {
			twice += p.Side.Sign() * open * (in.Done.Bid + in.Done.Ask - in.Sent.Bid - in.Sent.Ask)
		}
		if d := 2**c.Cost - twice; d < -1 || d > 1 {
			t.Fatalf("child %d costs %d, twice that should be %d", i, *c.Cost, twice)
		}
	}
	if e != r.Parent.Execution || traded != r.Parent.TradedMicro {
		t.Fatalf("children sum to %+v and %d, the parent has %+v and %d", e, traded, r.Parent.Execution, r.Parent.TradedMicro)
	}
}

// checkStrategies sums every whole number of the strategies' JSON and compares with the parent's.
func checkStrategies(t *rapid.T, p tca.Parent, r tca.Report) {
	total := map[string]int64{}
	null := map[string]bool{}
	for _, s := range r.Strategies {
		for name, v := range decode(t, s) {
			if n, ok := v.(json.Number); ok {
				if i, err := n.Int64(); err == nil {
					total[name] += i
				}
			} else if v == nil {
				null[name] = true
			}
		}
	}
	parent := decode(t, r.Parent)
	for _, name := range []string{
		"qty", "filled", "traded", "delay", "timing", "impact", "spread", "unsplit", "fees", "opportunity", "residual", "shortfall", "notional",
	} {
		if parent[name] == nil {
			if !null[name] {
				t.Fatalf("%s is null for the parent and %d for its strategies", name, total[name])
			}
			continue
		}
		if want, _ := parent[name].(json.Number).Int64(); total[name] != want || null[name] {
			t.Fatalf("the strategies' %s sums to %d, the parent's is %d", name, total[name], want)
		}
	}
	if len(r.Strategies) != len(p.Shares) {
		t.Fatalf("%d strategies, %d rows", len(p.Shares), len(r.Strategies))
	}
}
