package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"dnalyaw/execution/internal/sim"
)

// TestKilledAfterEveryLine cuts the log of one eventful session after each of its lines. A venue that resumes there and
// sees what had not yet been asked of it ends with the same orders, fills and account.
func TestKilledAfterEveryLine(t *testing.T) {
	lunch := func(s *sim.Session) {
		s.Breaks = [][2]int64{{open + 2*hour, open + 3*hour}}
		s.Fees = sim.Fees{PerShareMicro: 5_000, MinMicro: usd}
	}
	d := day(lunch,
		quote(open, 1, 9*usd, 30, 10*usd, 50), auction(open, 2, 5*usd),
		quote(open+hour, 1, 9*usd, 30, 11*usd, 40),
		quote(open+2*hour+1, 1, 9*usd, 30, 10*usd, 45),
		quote(open+4*hour, 1, 12*usd, 70, 13*usd, 20))
	ioc := market(1, sim.Buy, 60)
	ioc.TIF = sim.IOC
	steps := []struct {
		at int64
		id string
		o  *sim.NewOrder
	}{
		{open + 1, "a", ptr(market(1, sim.Buy, 20))},
		{open + 2, "b", ptr(ioc)},                     // takes the last 30, the rest is cancelled
		{open + 3, "c", ptr(market(1, sim.Buy, 65))},  // 40 at the next row, 25 more after the break
		{open + 4, "d", ptr(market(2, sim.Buy, 100))}, // at the standing print
		{open + 5, "e", ptr(limit(1, sim.Sell, 49, 12*usd))},
		{open + 6, "f", ptr(limit(1, sim.Buy, 10, 8*usd))},
		{open + 7, "f", nil}, // cancel
		{open + 8, "g", ptr(market(1, sim.Sell, 1))},
		{open + 2*hour + 2, "h", ptr(market(1, sim.Buy, 10))},
		{open + 5*hour, "i", ptr(limit(1, sim.Buy, 10, 8*usd))},
		{close, "none", nil},
	}
	play := func(from []sim.Record) *desk {
		k := newDesk(t, d, from...)
		k.start()
		for _, s := range steps {
			if s.o == nil {
				if o, ok := k.e.Order(s.id); !ok || o.Status.Working() {
					records, _, err := k.e.Cancel(s.at, "c", s.id)
					k.keep(records, err)
				}
			} else if _, known := k.e.Order(s.id); !known {
				k.order(s.at, s.id, *s.o)
			}
		}
		return k
	}
	whole := play(nil)
	wantFills := "a 20@10000000; b 30@10000000; d 100@5000000; g 1@9000000; c 40@11000000; c 25@10000000; h 10@10000000; e 49@12000000; "
	outcome := func(k *desk) string {
		out := fmt.Sprintf("cash %d value %d positions %v\n", k.e.Cash(), k.e.Value(), k.e.Positions())
		for _, o := range k.e.Orders() {
			out += fmt.Sprintf("%s %s cum %d leaves %d fees %d avg %d\n", o.ClOrdID, o.Status, o.Cum, o.Leaves(), o.Fees, o.AvgPx())
		}
		for _, r := range k.log {
			if r.Kind == sim.KindFill {
				out += fmt.Sprintf("%s %d@%d; ", r.ClOrdID, r.Qty, r.Px)
			}
		}
		return out
	}
	want := outcome(whole)
	if got := fillsOnly(whole.log); got != wantFills {
		t.Fatalf("fills %s\nwant  %s", got, wantFills)
	}
	for cut := 1; cut <= len(whole.log); cut++ {
		again := play(whole.log[:cut])
		if got := outcome(again); got != want {
			t.Errorf("killed after line %d (%s %s):\n%s\nunbroken:\n%s", cut, whole.log[cut-1].Kind, whole.log[cut-1].ClOrdID, got, want)
		}
	}
}

// TestModelKilledAfterEveryLine is the same with everything that a model has under way: a queue, what was moved, a halt, orders and
// cancels that have not arrived, loans, unsettled trades.
func TestModelKilledAfterEveryLine(t *testing.T) {
	m := fullModel()
	m.Latency = &sim.LatencyModel{Order: &sim.LogNormal{Mu: 14, Sigma: 0.5}, Report: &sim.LogNormal{Mu: 13, Sigma: 0.5}} // seconds
	m.Halts = []sim.Halt{{InstrumentID: 1, StartNs: open + 2*hour, EndNs: open + 3*hour, ReopenMicro: 10_500_000}}
	m.Defaults.ADV = 5_000
	m.Queue.FillBp = 10_000
	d := day(withModel(m, func(s *sim.Session) {
		s.InitialCash = 100_000 * usd
		s.Breaks = [][2]int64{{open + 4*hour, open + 5*hour}}
		s.Locates = []sim.Locate{{InstrumentID: 2, Qty: 500}}
	}),
		quote(open, 1, 9*usd, 100, 10*usd, 50), auction(open, 2, 5*usd),
		quote(open+hour/2, 1, 9*usd, 40, 10*usd, 50), quote(open+hour, 1, 9*usd, 20, 10*usd, 50), quote(open+hour+1, 1, 8*usd, 20, 10*usd, 50),
		quote(open+hour+hour/4, 1, 8*usd, 4, 10*usd, 50), quote(open+3*hour+hour/2, 1, 9*usd, 40, 9_500_000, 5), quote(open+5*hour, 1, 9*usd, 40, 9_500_000, 500), auction(close, 1, 9*usd))
	short := market(2, sim.Sell, 200)
	short.Short = true
	steps := []step{
		{at: open + 1, order: ptr(limit(1, sim.Buy, 300, 9*usd))},
		{at: open + 2, order: ptr(market(1, sim.Buy, 90))},
		{at: open + 3, order: ptr(short)},
		{at: open + hour/2, order: ptr(limit(1, sim.Buy, 30, 9*usd))},
		{at: open + hour + 2, cancel: "o1"},
		{at: open + 2*hour - 1, order: ptr(market(1, sim.Buy, 70))},
		{at: open + 2*hour + 1, order: ptr(limit(1, sim.Buy, 25, 11*usd))},
		{at: open + 3*hour + 1, order: ptr(limit(1, sim.Buy, 400, 10*usd))},
		{at: open + 4*hour - 1, cancel: "o0"},
		{at: open + 5*hour - 1, order: ptr(market(1, sim.Sell, 60))},
		{at: close - 1_000_000_000, order: ptr(limit(1, sim.Sell, 20, 9*usd))},
		{at: close, cancel: "none"},
	}
	for i, s := range steps {
		if s.order != nil {
			s.order.ClOrdID, s.order.Symbol = fmt.Sprintf("o%d", i), symbol(s.order.InstrumentID)
		}
	}
	play := func(from []sim.Record) *desk {
		k := newDesk(t, d, from...)
		k.start()
		for _, s := range steps {
			if slices.ContainsFunc(from, s.sent) {
				continue
			}
			if s.order != nil {
				k.keep(k.e.Submit(s.at, *s.order))
			} else {
				k.keep(mustCancel(k.e.Cancel(s.at, "c-"+s.cancel, s.cancel)))
			}
		}
		return k
	}
	whole := play(nil)
	hows := map[sim.How]int{}
	kinds := map[sim.Kind]int{}
	for _, r := range whole.log {
		kinds[r.Kind]++
		if r.Kind == sim.KindFill {
			hows[r.How]++
		}
	}
	if hows[sim.HowQueue] == 0 || hows[sim.HowAuction] == 0 || hows[sim.HowCross] == 0 || hows[""] < 4 || kinds[sim.KindHalt] != 1 || kinds[sim.KindResume] != 1 || kinds[sim.KindPending] != 2 || kinds[sim.KindAction] != 1 {
		t.Fatalf("the session is less eventful than this test needs: %v %v", hows, kinds)
	}
	for cut := 1; cut <= len(whole.log); cut++ {
		again := play(whole.log[:cut])
		if fills(again.log) != fills(whole.log) || photo(again.e) != photo(whole.e) {
			t.Fatalf("killed after line %d (%s %s):\n%s\n%s\nunbroken:\n%s\n%s", cut, whole.log[cut-1].Kind, whole.log[cut-1].ClOrdID,
				fills(again.log), photo(again.e), fills(whole.log), photo(whole.e))
		}
	}
}

func ptr(o sim.NewOrder) *sim.NewOrder { return &o }

func fillsOnly(log []sim.Record) string {
	out := ""
	for _, r := range log {
		if r.Kind == sim.KindFill {
			out += fmt.Sprintf("%s %d@%d; ", r.ClOrdID, r.Qty, r.Px)
		}
	}
	return out
}
