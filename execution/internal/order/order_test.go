package order_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
)

const (
	isNew       = 0
	isPartial   = 1
	isFill      = 2
	isCancelled = 4
	isRejected  = 8
	isUnknown   = 9
	isExpired   = 12
)

func decided(t interface {
	Helper()
	Fatal(...any)
}, qty, approved int64) *order.Order {
	t.Helper()
	o := order.NewOrder(order.Spec{ID: 7, InstrumentID: 3, Side: order.Buy, Qty: qty, Shares: map[string]int64{"a": qty}})
	if err := o.Own(order.Submit, 1, ""); err != nil {
		t.Fatal(err)
	}
	code := uint8(1)
	if approved < qty {
		code = 2
	}
	if err := o.Decide(order.Decision{Code: code, ApprovedQty: approved, TsNs: 2}); err != nil {
		t.Fatal(err)
	}
	return o
}

// life draws what a venue sends for one order, in order.
func life(t *rapid.T, approved int64) []order.Report {
	var reports []order.Report
	id, ts, cum := uint64(100), int64(10), int64(0)
	add := func(typ uint8, last int64) {
		id++
		ts++
		cum += last
		reports = append(reports, order.Report{
			ExecID: id, Type: typ, LastQty: last, LastPx: 1_000_000 * last, CumQty: cum, Leaves: approved - cum, Fee: last * 10, TsNs: ts, Bid: 1, Ask: 2,
		})
	}
	end := rapid.SampledFrom([]uint8{isFill, isCancelled, isExpired, isRejected, isNew}).Draw(t, "end")
	if end == isRejected {
		if rapid.Bool().Draw(t, "acked") {
			add(isNew, 0)
		}
		add(isRejected, 0)
		return reports
	}
	add(isNew, 0)
	for i := rapid.IntRange(0, 6).Draw(t, "partials"); i > 0 && approved-cum > 1; i-- {
		add(isPartial, rapid.Int64Range(1, approved-cum-1).Draw(t, "qty"))
	}
	switch end {
	case isFill:
		add(isFill, approved-cum)
	case isCancelled, isExpired:
		add(end, 0)
		if approved-cum > 1 && rapid.Bool().Draw(t, "late fill") {
			add(isPartial, rapid.Int64Range(1, approved-cum-1).Draw(t, "late"))
		}
	}
	return reports
}

func take(t *rapid.T, o *order.Order, rs []order.Report) {
	for _, r := range rs {
		if err := o.Take(r); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
	}
}

func content(t *rapid.T, o *order.Order) string {
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// However reports are shuffled and repeated, the order ends as the in-order one.
func TestShuffledAndRepeatedReportsEndTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		qty := rapid.Int64Range(1, 1000).Draw(t, "qty")
		approved := rapid.Int64Range(1, qty).Draw(t, "approved")
		reports := life(t, approved)
		want := decided(t, qty, approved)
		take(t, want, reports)

		noisy := append([]order.Report(nil), reports...)
		for i := rapid.IntRange(0, 5).Draw(t, "repeats"); i > 0; i-- {
			noisy = append(noisy, reports[rapid.IntRange(0, len(reports)-1).Draw(t, "which")])
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 0))
		rng.Shuffle(len(noisy), func(i, j int) { noisy[i], noisy[j] = noisy[j], noisy[i] })
		got := decided(t, qty, approved)
		low := int64(0)
		for _, r := range noisy {
			take(t, got, []order.Report{r})
			if got.Cum < low {
				t.Fatalf("the filled quantity fell from %d to %d", low, got.Cum)
			}
			low = got.Cum
		}
		if content(t, got) != content(t, want) {
			t.Fatalf("shuffled\n%s\nin order\n%s", content(t, got), content(t, want))
		}
	})
}

// When reports are lost, the last two make up for state and quantity, and what is missing is known to be missing. A
// SYNC then repeats everything, and nothing is missing any more.
func TestLostReportsAreMadeUpByTheLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		qty := rapid.Int64Range(1, 1000).Draw(t, "qty")
		reports := life(t, qty)
		want := decided(t, qty, qty)
		take(t, want, reports)
		kept := reports[:0:0]
		var lost int64
		for i, r := range reports {
			if i >= len(reports)-2 || rapid.Bool().Draw(t, "keep") {
				kept = append(kept, r)
			} else {
				lost += r.LastQty
			}
		}
		got := decided(t, qty, qty)
		take(t, got, kept)
		if got.State != want.State || got.Cum != want.Cum {
			t.Fatalf("%s with %d, in order %s with %d", got.State, got.Cum, want.State, want.Cum)
		}
		if got.Missing() != lost {
			t.Fatalf("missing %d, lost %d", got.Missing(), lost)
		}
		take(t, got, reports)
		if got.State != want.State || got.Cum != want.Cum || got.Missing() != 0 || !slices.Equal(got.Fills, want.Fills) {
			t.Fatalf("after everything was repeated: %+v, want %+v", got, want)
		}
	})
}

// Nonsense never changes an order.
func TestIllegalReportsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := decided(t, 100, 60)
		take(t, o, life(t, 60))
		before := content(t, o)
		for _, r := range []order.Report{
			{ExecID: 1, Type: isFill, LastQty: 61, CumQty: 61},
			{ExecID: 2, Type: isPartial, LastQty: -1, CumQty: 10},
			{ExecID: 3, Type: isPartial, LastQty: 1, CumQty: -10},
			{ExecID: 4, Type: 77},
		} {
			if err := o.Take(r); !errors.Is(err, order.ErrIllegal) {
				t.Fatalf("%+v gives %v", r, err)
			}
			if content(t, o) != before {
				t.Fatalf("%+v changed the order", r)
			}
		}
	})
}

func TestDecisions(t *testing.T) {
	o := decided(t, 100, 60)
	if err := o.Decide(order.Decision{Code: 2, ApprovedQty: 60, TsNs: 9}); err != nil {
		t.Errorf("the same decision again: %v", err)
	}
	for _, d := range []order.Decision{{Code: 1, ApprovedQty: 100}, {Code: 2, ApprovedQty: 61}, {Code: 3}, {Code: 9}, {Code: 2, ApprovedQty: 0}} {
		if err := o.Decide(d); !errors.Is(err, order.ErrIllegal) {
			t.Errorf("%+v after REDUCE to 60 gives %v", d, err)
		}
	}
	if o.State != order.Approved || o.Target() != 60 || o.Working() != 60 || o.Decided.TsNs != 2 {
		t.Errorf("order is %+v", o)
	}
}

// What a file says may be any byte.
func TestEventsThatNobodyKnowsAreIllegal(t *testing.T) {
	for e := range 256 {
		o := order.NewOrder(order.Spec{ID: 7, InstrumentID: 3, Side: order.Buy, Qty: 1, Shares: map[string]int64{"a": 1}})
		if err := o.Own(order.Event(e), 1, ""); !order.Event(e).Known() && (!errors.Is(err, order.ErrIllegal) || o.State != order.New) {
			t.Errorf("event %d: %v, %s", e, err, o.State)
		}
	}
}

func TestUnknownOrdersAreFoundAgain(t *testing.T) {
	o := decided(t, 10, 10)
	ack := order.Report{ExecID: 1, Type: isNew, Leaves: 10, TsNs: 3}
	for _, step := range []struct {
		do   func() error
		want order.State
	}{
		{func() error { return o.Take(ack) }, order.Acknowledged},
		{func() error { return o.Own(order.Lose, 4, "gone") }, order.Unknown},
		{func() error { return o.Take(order.Report{ExecID: 2, Type: isUnknown, TsNs: 5}) }, order.Unknown},
		{func() error { return o.Take(ack) }, order.Acknowledged},                                          // the repeated report finds it
		{func() error { return o.Take(order.Report{ExecID: 2, Type: isUnknown, TsNs: 5}) }, order.Unknown}, // lost once more
		{func() error { return o.Take(ack) }, order.Acknowledged},
		{func() error { return o.Own(order.Lose, 6, "gone") }, order.Unknown},
		{func() error { return o.Take(order.Report{ExecID: 3, Type: isFill, LastQty: 10, CumQty: 10, TsNs: 7}) }, order.Filled},
	} {
		if err := step.do(); err != nil || o.State != step.want {
			t.Fatalf("%s, %v; want %s", o.State, err, step.want)
		}
	}
	if o.DoneNs() != 7 {
		t.Errorf("done at %d, want 7", o.DoneNs())
	}
}
