package order_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
)

const (
	isReplaced  = 5
	isCorrected = 13
)

// netOf is what the fills of an order come to: shares and millionths.
func netOf(o *order.Order) (qty, value int64) {
	for _, f := range o.Fills {
		qty += f.Qty
		value += f.Qty * f.Px
	}
	return qty, value
}

func fill(id uint64, last, cum, leaves, px int64) order.Report {
	return order.Report{ExecID: id, Type: isPartial, LastQty: last, LastPx: px, CumQty: cum, Leaves: leaves, TsNs: int64(id)}
}

func corrected(id uint64, change, cum, leaves, px int64) order.Report {
	return order.Report{ExecID: id, Type: isCorrected, LastQty: change, LastPx: px, CumQty: cum, Leaves: leaves, TsNs: int64(id)}
}

func replaced(id uint64, cum, leaves int64) order.Report {
	return order.Report{ExecID: id, Type: isReplaced, CumQty: cum, Leaves: leaves, Reason: order.ReasonReplaced, TsNs: int64(id)}
}

func TestABustLowersWhatHasFilled(t *testing.T) {
	o := decided(t, 100, 100)
	for _, step := range []struct {
		r       order.Report
		state   order.State
		cum     int64
		working int64
		value   int64
	}{
		{fill(1, 40, 40, 60, 10), order.PartiallyFilled, 40, 60, 400},
		{fill(2, 20, 60, 40, 11), order.PartiallyFilled, 60, 40, 620},
		{corrected(3, -15, 45, 55, 11), order.PartiallyFilled, 45, 55, 455},
		{corrected(3, -15, 45, 55, 11), order.PartiallyFilled, 45, 55, 455}, // told again
		{fill(2, 20, 60, 40, 11), order.PartiallyFilled, 45, 55, 455},       // a SYNC repeats what was corrected since
		{corrected(4, -45, 0, 100, 10), order.Acknowledged, 0, 100, 5},      // 40 at 10 and 5 at 11, taken back at 10
		{fill(5, 100, 100, 0, 9), order.Filled, 100, 0, 905},
		{corrected(6, -30, 70, 0, 9), order.Cancelled, 70, 0, 635}, // a finished order stays finished
		{corrected(7, 30, 100, 0, 8), order.Filled, 100, 0, 875},   // the same shares at another price
	} {
		if err := o.Take(step.r); err != nil {
			t.Fatalf("%+v: %v", step.r, err)
		}
		qty, value := netOf(o)
		if o.State != step.state || o.Cum != step.cum || o.Working() != step.working || qty != step.cum || value != step.value || o.Missing() != 0 {
			t.Fatalf("after %+v: %s, filled %d (%d by reports), working %d, value %d; want %+v", step.r, o.State, o.Cum, qty, o.Working(), value, step)
		}
	}
}

// The story told again brings a lost order back, and not the shares that were taken from it.
// Fees that were not told with their fills come alone: the order stands as it was, and its fills cost what they cost.
func TestFeesAloneAreBooked(t *testing.T) {
	o := decided(t, 100, 100)
	first := fill(1, 40, 40, 60, 10) // told by a later report, without its fee
	last := order.Report{ExecID: 2, Type: isFill, LastQty: 60, LastPx: 12, CumQty: 100, Fee: 6, TsNs: 2}
	fees := corrected(3, 0, 100, 0, 11)
	fees.Fee = 4
	for _, r := range []order.Report{first, last, fees, fees} {
		if err := o.Take(r); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
	}
	var sum int64
	for _, f := range o.NetFills() {
		sum += f.Fee
	}
	if qty, value := netOf(o); o.State != order.Filled || o.Cum != 100 || qty != 100 || value != 1120 || sum != 10 || o.Missing() != 0 || len(o.NetFills()) != 2 {
		t.Errorf("%v, %d filled, %d worth %d for %d: %v", o.State, o.Cum, qty, value, sum, o.NetFills())
	}
}

func TestAFoundOrderKeepsItsCorrection(t *testing.T) {
	o := decided(t, 100, 100)
	story := []order.Report{fill(1, 60, 60, 40, 10), corrected(3, -15, 45, 55, 10)}
	for _, r := range append(story, order.Report{ExecID: 9, Type: isUnknown, CumQty: 45, Leaves: 55}) {
		if err := o.Take(r); err != nil {
			t.Fatal(err)
		}
	}
	if o.State != order.Unknown {
		t.Fatal(o.State)
	}
	for _, r := range story {
		if err := o.Take(r); err != nil {
			t.Fatal(err)
		}
	}
	if o.State != order.PartiallyFilled || o.Cum != 45 || o.Missing() != 0 {
		t.Errorf("%s with %d", o.State, o.Cum)
	}
}

func TestAReplacementMovesTheTarget(t *testing.T) {
	o := decided(t, 100, 80)
	for _, step := range []struct {
		r       order.Report
		state   order.State
		cum     int64
		working int64
	}{
		{replaced(1, 0, 50), order.Acknowledged, 0, 50},
		{fill(2, 30, 30, 20, 10), order.PartiallyFilled, 30, 20},
		{replaced(3, 30, 90), order.PartiallyFilled, 30, 90}, // up again, above what was first approved
		{replaced(1, 0, 50), order.PartiallyFilled, 30, 90},  // told again, or late
		{fill(4, 90, 120, 0, 10), order.Filled, 120, 0},
	} {
		if err := o.Take(step.r); err != nil {
			t.Fatalf("%+v: %v", step.r, err)
		}
		if o.State != step.state || o.Cum != step.cum || o.Working() != step.working {
			t.Fatalf("after %+v: %s, filled %d, working %d; want %+v", step.r, o.State, o.Cum, o.Working(), step)
		}
	}
}

func TestSenselessAmendmentsChangeNothing(t *testing.T) {
	o := decided(t, 100, 60)
	if err := o.Take(fill(1, 30, 30, 30, 10)); err != nil {
		t.Fatal(err)
	}
	for _, r := range []order.Report{
		corrected(2, -31, -1, 61, 10), corrected(3, 31, 61, 0, 10), corrected(4, 0, 20, 40, 10), corrected(5, -61, 0, 60, 10),
		replaced(6, 20, 9), replaced(7, 30, -1), replaced(8, 0, 0), {ExecID: 9, Type: isReplaced, LastQty: 1, CumQty: 31, Leaves: 29},
	} {
		before := *o
		if err := o.Take(r); err == nil || o.State != before.State || o.Cum != before.Cum || o.Target() != before.Target() || len(o.Seen) != 1 {
			t.Errorf("%+v: %v, %+v", r, err, o)
		}
	}
}

// A modification by hand: 100 at 10 becomes 60 at 12 with 40 filled; a second one is refused and changes nothing.
func TestAModificationIsAskedAnsweredAndRefused(t *testing.T) {
	o := decided(t, 100, 100)
	take := func(reports ...order.Report) {
		t.Helper()
		for _, r := range reports {
			if err := o.Take(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	take(order.Report{ExecID: 1, Type: 0, Leaves: 100}, order.Report{ExecID: 2, Type: 1, LastQty: 40, LastPx: 10, CumQty: 40, Leaves: 60, TsNs: 1})
	if err := o.Amend(order.Amendment{ID: 7, Qty: 40, LimitPx: 12}); !errors.Is(err, order.ErrIllegal) || o.State != order.PartiallyFilled {
		t.Errorf("a total that has filled: %v, %s", err, o.State)
	}
	if err := o.Amend(order.Amendment{ID: 7, Qty: 60, LimitPx: 12}); err != nil || o.State != order.PendingReplace || o.Working() != 60 {
		t.Fatalf("%v, %s, %d working: until it is answered the order works as it was", err, o.State, o.Working())
	}
	if err := o.RefuseAmend(8, 2); !errors.Is(err, order.ErrIllegal) {
		t.Errorf("another one's refusal: %v", err)
	}
	take(order.Report{ExecID: 3, Type: 5, CumQty: 40, Leaves: 20, TsNs: 2})
	if o.State != order.PartiallyFilled || o.Working() != 20 || o.Limit() != 12 || o.Asked != nil {
		t.Errorf("%s, %d working at %d", o.State, o.Working(), o.Limit())
	}
	if err := o.Amend(order.Amendment{ID: 9, Qty: 80, LimitPx: 13}); err != nil {
		t.Fatal(err)
	}
	if err := o.RefuseAmend(9, 3); err != nil || o.State != order.PartiallyFilled || o.Working() != 20 || o.Limit() != 12 {
		t.Errorf("%v, %s, %d working at %d", err, o.State, o.Working(), o.Limit())
	}
	// What fills while it is asked counts, and a cancel may overtake it.
	if err := o.Amend(order.Amendment{ID: 10, Qty: 80, LimitPx: 13}); err != nil {
		t.Fatal(err)
	}
	take(order.Report{ExecID: 4, Type: 2, LastQty: 20, LastPx: 12, CumQty: 60, TsNs: 4})
	if err := o.RefuseAmend(10, 5); err != nil || o.State != order.Filled || o.Asked != nil {
		t.Errorf("%v, %s", err, o.State)
	}
}

func TestNetFillsAreWhatHolds(t *testing.T) {
	o := decided(t, 100, 100)
	take := func(rs ...order.Report) {
		t.Helper()
		for _, r := range rs {
			if err := o.Take(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	paid := func(r order.Report, fee int64) order.Report { r.Fee = fee; return r }
	take(paid(fill(1, 40, 40, 60, 10), 8), paid(fill(2, 20, 60, 40, 11), 4), paid(fill(3, 10, 70, 30, 10), 2))
	take(paid(corrected(4, -15, 55, 45, 10), -3)) // all 10 of the third, 5 of the first
	take(paid(corrected(5, -20, 35, 65, 11), -4), paid(corrected(6, 20, 55, 45, 12), 5))
	got := ""
	for _, f := range o.NetFills() {
		got += fmt.Sprintf("%d:%d@%d fee %d; ", f.ExecID, f.Qty, f.Px, f.Fee)
	}
	if want := "1:35@10 fee 7; 6:20@12 fee 5; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Told at a price that no fill has: off the nearest.
	take(corrected(7, -1, 54, 46, 13))
	if n := o.NetFills(); n[0].Qty != 35 || n[1].Qty != 19 || len(n) != 2 {
		t.Errorf("%+v", n)
	}
}

// What stands at the end is what the venue has, and its fills come to it, however often reports are repeated.
func TestCorrectionsKeepTheBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const qty = 1000
		o := decided(t, qty, qty)
		var told []order.Report
		fills := map[uint64][2]int64{} // shares left of a fill, its price
		cum, value, id := int64(0), int64(0), uint64(100)
		done := false
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			id++
			switch {
			case rapid.IntRange(0, 3).Draw(t, "what") > 0 && !done:
				last := rapid.Int64Range(1, min(200, qty-cum)).Draw(t, "last")
				px := rapid.Int64Range(1, 50).Draw(t, "px")
				cum, value = cum+last, value+last*px
				fills[id] = [2]int64{last, px}
				told = append(told, fill(id, last, cum, qty-cum, px))
				done = cum == qty
			case len(fills) > 0:
				var ids []uint64
				for k := range fills {
					ids = append(ids, k)
				}
				slices.Sort(ids)
				which := rapid.SampledFrom(ids).Draw(t, "which")
				f := fills[which]
				back := rapid.Int64Range(1, f[0]).Draw(t, "back")
				if fills[which] = [2]int64{f[0] - back, f[1]}; f[0] == back {
					delete(fills, which)
				}
				cum, value = cum-back, value-back*f[1]
				told = append(told, corrected(id, -back, cum, 0, f[1]))
			default:
				continue
			}
			take(t, o, told[len(told)-1:])
			if rapid.Bool().Draw(t, "again") {
				take(t, o, []order.Report{told[rapid.IntRange(0, len(told)-1).Draw(t, "repeat")]})
			}
			gotQty, gotValue := netOf(o)
			if o.Cum != cum || gotQty != cum || gotValue != value || o.Missing() != 0 {
				t.Fatalf("filled %d, by reports %d worth %d; want %d worth %d", o.Cum, gotQty, gotValue, cum, value)
			}
			var netQty, netValue int64
			for _, f := range o.NetFills() {
				if f.Qty <= 0 {
					t.Fatalf("net fill %+v", f)
				}
				netQty, netValue = netQty+f.Qty, netValue+f.Qty*f.Px
			}
			if netQty != cum || netValue != value {
				t.Fatalf("net fills of %d worth %d; want %d worth %d", netQty, netValue, cum, value)
			}
			if o.State.Terminal() != done {
				t.Fatalf("%s with %d of %d", o.State, cum, qty)
			}
		}
	})
}
