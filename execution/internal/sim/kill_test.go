package sim_test

import (
	"fmt"
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
