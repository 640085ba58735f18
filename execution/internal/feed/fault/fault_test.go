package fault

import (
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/feed"
)

func quotes(n int) []feed.Quote {
	var all []feed.Quote
	for i := range n {
		all = append(all, feed.Quote{InstrumentID: 1, TsNs: int64(i+1) * 1e9, Kind: feed.KindQuote, Bid: 100, Ask: 102, BidSize: int64(i + 1)})
	}
	return all
}

func numbers(all []feed.Quote) []uint64 {
	var out []uint64
	for _, q := range all {
		out = append(out, q.Seq)
	}
	return out
}

// Worked by hand: the third of six messages is spoilt, and arrives like this.
func TestEachKind(t *testing.T) {
	for _, c := range []struct {
		kind  Kind
		order []uint64
		check func(q feed.Quote) bool // the spoilt one
	}{
		{Drop, []uint64{1, 2, 4, 5, 6}, nil},
		{Repeat, []uint64{1, 2, 3, 3, 4, 5, 6}, nil},
		{Reorder, []uint64{1, 2, 4, 3, 5, 6}, nil},
		{Delay, []uint64{1, 2, 4, 3, 5, 6}, func(q feed.Quote) bool { return q.TsNs == 3e9 && q.RecvNs == 4.5e9 }},
		{Backdate, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.TsNs == 1.5e9 }},
		{Postdate, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.TsNs == 4.5e9 }},
		{Cross, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.Bid == 102 && q.Ask == 100 }},
		{Widen, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.Bid == 78 && q.Ask == 102 || q.Bid == 100 && q.Ask == 131 }},
		{Jump, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.Bid == 78 && q.Ask == 79 || q.Bid == 128 && q.Ask == 131 }},
		{Negative, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.Bid == -100 && q.Ask == 102 }},
		{Lose, []uint64{1, 2, 3, 4, 5, 6}, func(q feed.Quote) bool { return q.Bid == 0 && q.Ask == 102 || q.Bid == 100 && q.Ask == 0 }},
	} {
		plan := Plan{From: 3, To: 3, DelayNs: 15e8}
		plan.Rate[c.kind] = 1
		p, err := NewPlanter(plan)
		if err != nil {
			t.Fatal(err)
		}
		got := Number(quotes(6), p, 10)
		if c.kind == Delay { // it arrives at 4.5 s: after the fourth, before the fifth
			c.order = []uint64{1, 2, 4, 3, 5, 6}
		}
		if !slices.Equal(numbers(got), c.order) {
			t.Errorf("%s: %v, want %v", c.kind, numbers(got), c.order)
		}
		if m := p.Map(); len(m) != 1 || m[0].N != 3 || m[0].Kind != c.kind || m[0].Original.Bid != 100 || m[0].Original.TsNs != 3e9 {
			t.Errorf("%s: %+v", c.kind, m)
		}
		if c.check != nil && !c.check(got[slices.Index(c.order, 3)]) {
			t.Errorf("%s: %+v", c.kind, got[slices.Index(c.order, 3)])
		}
		for _, q := range got {
			if q.Seq != 3 && q.RecvNs != q.TsNs+10 {
				t.Errorf("%s: %+v", c.kind, q)
			}
		}
	}
	for kind, status := range map[Kind]feed.Status{Cut: feed.CutLine, Mute: feed.MuteLine} {
		plan := Plan{From: 3, To: 3}
		plan.Rate[kind] = 1
		p, err := NewPlanter(plan)
		if err != nil {
			t.Fatal(err)
		}
		var out []feed.Quote
		for _, q := range quotes(4) {
			out = p.Deliver(&q, out)
		}
		if len(out) != 5 || out[3].Status != status {
			t.Errorf("%s: %+v", kind, out)
		}
	}
}

// The same plan spoils the same messages; rates come out about as asked, apart as asked.
func TestPlanIsDeterministicAndKeepsItsRates(t *testing.T) {
	plan, err := ParsePlan("drop=0.05,spike=0.05,seed=9,apart=3,from=10")
	if err != nil {
		t.Fatal(err)
	}
	of := func() []Planted {
		p, err := NewPlanter(plan)
		if err != nil {
			t.Fatal(err)
		}
		Number(quotes(10_000), p, 1)
		return p.Map()
	}
	a, b := of(), of()
	if !slices.Equal(a, b) {
		t.Error("two runs differ")
	}
	// One in ten, and three good ones after each: about 10,000 * 0.1 / 1.3 = 770.
	if len(a) < 690 || len(a) > 850 {
		t.Errorf("%d spoilt", len(a))
	}
	for i := range a {
		if a[i].N < 10 || i > 0 && a[i].N-a[i-1].N <= 3 {
			t.Fatalf("%d after %+v", a[i].N, a[max(i, 1)-1])
		}
	}
	plan.Seed++
	if slices.Equal(a, of()) {
		t.Error("another seed spoils the same")
	}
}

func TestParsePlan(t *testing.T) {
	p, err := ParsePlan("disconnect=0.5,delay-ms=20")
	if err != nil || p.Rate[Cut] != 0.5 || p.DelayNs != 20e6 {
		t.Errorf("%v %+v", err, p)
	}
	for text, want := range map[string]string{"pest=1": "known are drop", "drop": "NAME=NUMBER", "drop=x": "NAME=NUMBER", "drop=-1": "NAME=NUMBER", "drop=NaN": "NAME=NUMBER", "drop=0.6,spike=0.6": "add up to 1.2"} {
		if _, err := ParsePlan(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzParsePlan(f *testing.F) {
	f.Add("drop=0.001,spike=1e-4,seed=7,delay-ms=10000")
	f.Fuzz(func(t *testing.T, text string) {
		plan, err := ParsePlan(text)
		if err != nil {
			return
		}
		p, err := NewPlanter(plan)
		if err != nil {
			t.Fatal(err)
		}
		if got := Number(quotes(50), p, 1); len(got) > 300 {
			t.Fatalf("%d messages out of 50", len(got))
		}
	})
}
