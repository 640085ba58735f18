//go:build oms_backtest

package riskengine

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/frame"
)

// ledger counts what was accepted and filled, by itself.
type ledger struct {
	cash int64
	held [4]int64
	open map[uint64]*entry
}

type entry struct {
	o   Order
	qty int64
	cum int64
}

// Whatever is asked and filled: positions, cash and open orders are what the fills add up to, no order that opens and
// is accepted takes a name past 5% of equity, and the running sums hold.
func TestWhatFillsAddUpToIsWhatIsHeld(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e, err := Open(referenceFile(t, "2026-11-23", name(1, nil), name(2, nil), name(3, nil)), nil, 64)
		must(t, err)
		defer func() { must(t, e.Close()) }()
		must(t, e.Session(frame.SessionOpen, t0))
		must(t, e.Account(1_000_000*one, nil, t0))
		at(t, e, 100*one, t0)
		l := ledger{cash: 1_000_000 * one, open: map[uint64]*entry{}}
		now, id := t0, uint64(0)
		pick := func(rt *rapid.T) *entry {
			ids := slices.Sorted(maps.Keys(l.open))
			if len(ids) == 0 {
				rt.Skip("nothing is open")
			}
			return l.open[rapid.SampledFrom(ids).Draw(rt, "order")]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"decide": func(rt *rapid.T) {
				id++
				o := *buy(id, rapid.Uint64Range(1, 4).Draw(rt, "instrument"), rapid.Int64Range(0, 1_200).Draw(rt, "qty"))
				if rapid.Bool().Draw(rt, "sell") {
					o.Side = frame.SideSell
				}
				o.Flags = rapid.SampledFrom([]uint8{0, 0, frame.FlagSellShort, frame.FlagReduceOnly}).Draw(rt, "flags")
				d := decide(t, e, &o, now)
				if d.ApprovedQty < 0 || d.ApprovedQty > max(o.Qty, 0) || (d.ApprovedQty > 0) != (d.Decision != frame.DecisionReject) {
					rt.Fatalf("%+v", d)
				}
				if d.ApprovedQty > 0 {
					l.open[id] = &entry{o, d.ApprovedQty, 0}
					held := d.Position
					if o.Side == frame.SideSell {
						held = -held
					}
					if held >= 0 && d.WorstCase > d.Equity/20 {
						rt.Fatalf("past the limit: %+v", d)
					}
				}
			},
			"fill": func(rt *rapid.T) {
				w := pick(rt)
				q := rapid.Int64Range(1, w.qty-w.cum).Draw(rt, "shares")
				w.cum += q
				r := Report{
					OrderID: w.o.OrderID, InstrumentID: w.o.InstrumentID, LastQty: q, LastPx: 100 * one, CumQty: w.cum, LeavesQty: w.qty - w.cum,
					Fee: q * 5_000, Type: frame.ExecPartial,
				}
				out := report(t, e, r, now)
				signed := q
				if w.o.Side == frame.SideSell {
					signed = -q
				}
				l.held[w.o.InstrumentID] += signed
				l.cash -= signed*100*one + r.Fee
				if out.PositionChange != signed || out.Finished() != (w.cum == w.qty) {
					rt.Fatalf("%+v after %+v", out, r)
				}
				if again := report(t, e, r, now); w.cum < w.qty && !again.Repeated() {
					rt.Fatalf("told again: %+v", again)
				}
				if w.cum == w.qty {
					delete(l.open, w.o.OrderID)
				}
			},
			"end": func(rt *rapid.T) {
				w := pick(rt)
				kind := rapid.SampledFrom([]uint8{frame.ExecCancelled, frame.ExecExpired, frame.ExecRejected}).Draw(rt, "kind")
				if out := report(t, e, Report{OrderID: w.o.OrderID, InstrumentID: w.o.InstrumentID, CumQty: w.cum, Type: kind}, now); !out.Finished() {
					rt.Fatalf("%+v", out)
				}
				delete(l.open, w.o.OrderID)
			},
			"time": func(rt *rapid.T) {
				now += rapid.Int64Range(1, 5*second).Draw(rt, "ns")
				at(t, e, 100*one, now)
			},
			"": func(rt *rapid.T) {
				s, err := e.State()
				must(t, err)
				if s.Cash != l.cash || s.OpenOrders != uint64(len(l.open)) {
					rt.Fatalf("%+v, the ledger has %d in cash and %d orders", s, l.cash, len(l.open))
				}
				for i := uint64(1); i < 4; i++ {
					if q, err := e.Position(i); err != nil || q != l.held[i] {
						rt.Fatalf("%d of %d, the ledger has %d: %v", q, i, l.held[i], err)
					}
				}
				must(t, e.Check())
			},
		})
	})
}
