package router_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/router"
)

const usd = int64(1_000_000)

func config(seed uint64) router.Config {
	return router.Config{
		Design: router.Design{Seed: seed, Block: 4}, Buckets: router.DefaultBuckets(), FloorPPM: 50_000,
		Paths: map[string][2]router.PathInfo{
			"US": {{ID: 1, Name: "direct", Venue: "NASDAQ"}, {ID: 2, Name: "broker", Venue: "ARCA"}},
			"HK": {{ID: 1, Name: "direct", Venue: "HKEX"}, {ID: 2, Name: "broker", Venue: "HKEX"}},
		},
	}
}

func newState(t rapid.TB, c router.Config) router.State {
	t.Helper()
	s, err := router.NewState(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// liquid is an order of 100 shares in a name that trades a billion dollars a day.
var liquid = router.Facts{
	Market: "US", InstrumentID: 1, Qty: 100, Displayed: 1000, ADV: 20_000_000, NotionalMicro: 1_000_000_000 * usd, Bid: 50 * usd, Ask: 50_010_000,
}

func assign(t rapid.TB, c router.Config, s router.State, r router.Request) router.Assignment {
	t.Helper()
	a, err := s.Assign(c, r)
	if err == nil {
		err = s.Place(c, a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

func TestStratumByHand(t *testing.T) {
	b := router.DefaultBuckets()
	for _, c := range []struct {
		name   string
		change func(*router.Facts)
		want   string
	}{
		// A tenth of the displayed size, a spread of 2 bp, at the open.
		{"liquid", func(f *router.Facts) {}, "US|i0|l2|displayed0|s0|t0"},
		{"half the size displayed", func(f *router.Facts) { f.Qty = 500 }, "US|i0|l2|displayed1|s0|t0"},
		{"just below", func(f *router.Facts) { f.Qty = 499 }, "US|i0|l2|displayed0|s0|t0"},
		{"nothing displayed", func(f *router.Facts) { f.Displayed = 0; f.Qty = 20_000 }, "US|i0|l2|adv1|s0|t0"},
		{"nothing known", func(f *router.Facts) { f.Displayed, f.ADV, f.NotionalMicro = 0, 0, 0 }, "US|i0|l255|none255|s0|t0"},
		{"wide", func(f *router.Facts) { f.Ask = 50_100_000 }, "US|i0|l2|displayed0|s1|t0"},
		{"one-sided", func(f *router.Facts) { f.Bid = 0 }, "US|i0|l2|displayed0|s255|t0"},
		{"crossed", func(f *router.Facts) { f.Bid = 51 * usd }, "US|i0|l2|displayed0|s255|t0"},
		{"after half an hour", func(f *router.Facts) { f.SinceOpenNs = 1_800_000_000_000 }, "US|i0|l2|displayed0|s0|t1"},
		{"near the close", func(f *router.Facts) { f.SinceOpenNs = 6 * 3_600_000_000_000 }, "US|i0|l2|displayed0|s0|t2"},
		{"small name", func(f *router.Facts) { f.NotionalMicro = 9_999_999 * usd }, "US|i0|l0|displayed0|s0|t0"},
	} {
		f := liquid
		c.change(&f)
		if got := b.Stratum(f).Key(); got != c.want {
			t.Errorf("%s: stratum %s, want %s", c.name, got, c.want)
		}
	}
	b.ByInstrument = true
	if got := b.Stratum(liquid).Key(); got != "US|i1|l255|displayed0|s0|t0" {
		t.Errorf("by instrument the stratum is %s", got)
	}
}

func TestEveryFaultOfTheConfigIsNamed(t *testing.T) {
	c := config(0)
	c.Design.Block, c.FloorPPM = 3, 0
	c.Buckets.SpreadPPM, c.Buckets.TimeNs = []int64{5, 5}, []int64{-1}
	c.Paths["HK"] = [2]router.PathInfo{{ID: 1, Name: "a", Venue: "HKEX"}, {ID: 1, Name: "b", Venue: "HKEX"}}
	c.Paths["U|S"] = c.Paths["US"]
	_, err := router.NewState(c)
	wantError(t, err, "block is 3", "spread_ppm[1] is 5", "time_ns[0] is -1", `market "HK": place 1`, `"U|S"`, "floor_ppm is 0")
	_, err = router.NewState(router.Config{Design: router.Design{Block: 4}})
	wantError(t, err, "seed is 0", "paths is empty")
}

// TestEachFullBlockIsHalf draws many blocks: each has as many of either path, and all six arrangements come equally often.
func TestEachFullBlockIsHalf(t *testing.T) {
	count := map[string]int{}
	const blocks = 6000
	for b := range blocks {
		slots := router.Design{Seed: 9, Block: 4}.Slots("US|x", uint32(b))
		if ones := strings.Count(fmt.Sprint(slots), "1"); ones != 2 || len(slots) != 4 {
			t.Fatalf("block %d is %v", b, slots)
		}
		count[fmt.Sprint(slots)]++
	}
	chi := 0.0
	for _, n := range count {
		chi += float64((n-blocks/6)*(n-blocks/6)) / (blocks / 6)
	}
	if len(count) != 6 || chi > 20.5 { // the 0.1% point of chi-squared with 5 degrees of freedom
		t.Errorf("the arrangements came %v times, chi-squared %.1f", count, chi)
	}
}

// TestSlotsAreUnpredictable compares the slots of other seeds, strata and blocks: they agree as often as chance has it.
func TestSlotsAreUnpredictable(t *testing.T) {
	base := func(i int) []uint8 { return router.Design{Seed: 9, Block: 4}.Slots("US|x", uint32(i)) }
	for name, other := range map[string]func(int) []uint8{
		"seed":    func(i int) []uint8 { return router.Design{Seed: 10, Block: 4}.Slots("US|x", uint32(i)) },
		"stratum": func(i int) []uint8 { return router.Design{Seed: 9, Block: 4}.Slots("US|y", uint32(i)) },
		"block":   func(i int) []uint8 { return base(i + 1) },
	} {
		agree := 0
		for i := range 3000 {
			if reflect.DeepEqual(base(i), other(i)) {
				agree++
			}
		}
		if agree < 400 || agree > 600 { // a sixth of 3,000, five standard deviations
			t.Errorf("with another %s %d of 3000 blocks agree, chance gives 500", name, agree)
		}
	}
}

// TestAssignmentsAreAnHonestDesign plays orders, forced paths and outages. In each full block half of the orders take
// each path; the path never depends on the order but for its stratum; a replay of the journaled records gives the same
// state and the same next assignment.
func TestAssignmentsAreAnHonestDesign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(rapid.Uint64Range(1, 1<<60).Draw(t, "seed"))
		c.Design.Block = rapid.SampledFrom([]int{2, 4, 6}).Draw(t, "block")
		s := newState(t, c)
		var journal []any
		blocks := map[string][]uint8{}
		for id := uint64(1); id <= uint64(rapid.IntRange(1, 150).Draw(t, "orders")); id++ {
			if rapid.IntRange(0, 9).Draw(t, "change") == 0 {
				r := anyChange(t)
				if err := s.Change(c, r); err != nil {
					t.Fatal(err)
				}
				journal = append(journal, r)
			}
			r := router.Request{OrderID: id, Facts: liquid, Urgent: rapid.IntRange(0, 9).Draw(t, "urgent") == 0, AtNs: int64(id)}
			r.Facts.Qty = rapid.Int64Range(1, 900).Draw(t, "qty")
			a, err := s.Assign(c, r)
			if errors.Is(err, router.ErrNoPath) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			twin := r
			twin.OrderID, twin.AtNs, twin.Facts.InstrumentID = id+1000, 77, 99
			if r.Facts.Qty < 500 {
				twin.Facts.Qty = 499 - r.Facts.Qty/2
			}
			b, err := s.Assign(c, twin)
			b.OrderID, b.AtNs = a.OrderID, a.AtNs
			if err != nil || a != b {
				t.Fatalf("another order of the stratum gets %+v (%v), this one %+v", b, err, a)
			}
			if err := s.Place(c, a); err != nil {
				t.Fatal(err)
			}
			journal = append(journal, a)
			line := s.Lines["US"]
			if line.Down[a.Path-1] || a.Experiment != (a.Reason == router.Randomised) || a.Experiment && (line.Override > 0 || r.Urgent) {
				t.Fatalf("assignment %+v with the line %+v", a, line)
			}
			if a.Experiment {
				key := fmt.Sprint(a.Stratum.Key(), a.Block)
				if len(blocks[key]) != a.Slot {
					t.Fatalf("slot %d of %s after %d orders", a.Slot, key, len(blocks[key]))
				}
				blocks[key] = append(blocks[key], a.Path)
			}
		}
		for key, paths := range blocks {
			ones := 0
			for _, p := range paths {
				if p == 1 {
					ones++
				}
			}
			if len(paths) == c.Design.Block && 2*ones != len(paths) {
				t.Fatalf("block %s is full with %v", key, paths)
			}
		}
		replayed := replay(t, c, journal)
		if !reflect.DeepEqual(s, replayed) {
			t.Fatalf("the replay has %+v, the live state %+v", replayed, s)
		}
	})
}

func anyChange(t *rapid.T) router.Change {
	r := router.Change{Market: "US", Path: rapid.Uint8Range(1, 2).Draw(t, "path"), Why: "test"}
	r.Kind = rapid.SampledFrom([]router.ChangeKind{router.PathDown, router.PathUp, router.PathUp, router.Override, router.Policy}).Draw(t, "kind")
	switch r.Kind {
	case router.Override:
		r.Path = rapid.SampledFrom([]uint8{0, 0, 1, 2}).Draw(t, "forced")
	case router.Policy:
		r.ExplorePPM = rapid.Int64Range(50_000, 1_000_000).Draw(t, "explore")
	}
	return r
}

// replay reads the journal's JSON back and applies it to a new state.
func replay(t *rapid.T, c router.Config, journal []any) router.State {
	s := newState(t, c)
	for _, r := range journal {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		switch r.(type) {
		case router.Assignment:
			var a router.Assignment
			if err = json.Unmarshal(data, &a); err == nil {
				err = s.Place(c, a)
			}
		case router.Change:
			var x router.Change
			if err = json.Unmarshal(data, &x); err == nil {
				err = s.Change(c, x)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestForcedPathsByHand(t *testing.T) {
	c := config(5)
	s := newState(t, c)
	change := func(r router.Change) {
		t.Helper()
		if err := s.Change(c, r); err != nil {
			t.Fatal(err)
		}
	}
	get := func(urgent bool) router.Assignment {
		return assign(t, c, s, router.Request{Facts: liquid, Urgent: urgent})
	}
	want := func(a router.Assignment, path uint8, venue string, why router.Reason) {
		t.Helper()
		if a.Path != path || a.Venue != venue || a.Reason != why || a.Experiment {
			t.Errorf("assigned %+v, want path %d at %s because %s", a, path, venue, why)
		}
	}
	want(get(true), 1, "NASDAQ", router.Urgent)
	change(router.Change{Kind: router.PathDown, Market: "US", Path: 1})
	want(get(false), 2, "ARCA", router.Down)
	change(router.Change{Kind: router.PathUp, Market: "US", Path: 1})
	change(router.Change{Kind: router.Override, Market: "US", Path: 2})
	want(get(true), 2, "ARCA", router.Overridden)
	change(router.Change{Kind: router.PathDown, Market: "US", Path: 2})
	_, err := s.Assign(c, router.Request{OrderID: 3, Facts: liquid})
	wantError(t, err, "order 3", "an operator forces path 2", router.ErrNoPath.Error())
	change(router.Change{Kind: router.Override, Market: "US"})
	change(router.Change{Kind: router.PathDown, Market: "US", Path: 1})
	if _, err = s.Assign(c, router.Request{Facts: liquid}); !errors.Is(err, router.ErrNoPath) {
		t.Errorf("with both paths down it says %v", err)
	}
	if len(s.Cells) != 0 {
		t.Errorf("forced orders took places in the design: %+v", s.Cells)
	}
	_, err = s.Assign(c, router.Request{Facts: router.Facts{Market: "JP"}})
	wantError(t, err, `market "JP" has no paths`)
	for _, bad := range []struct {
		r    router.Change
		word string
	}{
		{router.Change{Kind: router.PathDown, Market: "JP", Path: 1}, "has no paths"},
		{router.Change{Kind: router.PathDown, Market: "US", Path: 3}, "path is 3"},
		{router.Change{Kind: router.Policy, Market: "US", Path: 1, ExplorePPM: 49_999}, "explore_ppm is 49999: give 50000"},
		{router.Change{Kind: "nap", Market: "US", Path: 1}, `kind "nap"`},
	} {
		before := s.Lines["US"]
		wantError(t, s.Change(c, bad.r), bad.word)
		if s.Lines["US"] != before {
			t.Errorf("a refused change changed the line to %+v", s.Lines["US"])
		}
	}
}

func TestExplorationKeepsItsRate(t *testing.T) {
	c := config(5)
	s := newState(t, c)
	if err := s.Change(c, router.Change{Kind: router.Policy, Market: "US", Path: 2, ExplorePPM: 50_000}); err != nil {
		t.Fatal(err)
	}
	n := map[router.Reason]int{}
	byPath := map[uint8]int{}
	for i := range 8000 {
		a := assign(t, c, s, router.Request{OrderID: uint64(i), Facts: liquid})
		n[a.Reason]++
		byPath[a.Path]++
		if a.Reason == router.Exploiting && a.Path != 2 {
			t.Fatalf("order %d exploits path %d", i, a.Path)
		}
	}
	// A twentieth of 8,000 is 400, standard deviation 19.5; half of them take path 1.
	if x := n[router.Randomised]; x < 320 || x > 480 || byPath[1] < x/2-2 || byPath[1] > x/2+2 {
		t.Errorf("%v, by path %v", n, byPath)
	}
}

func TestPlaceRefusesWhatIsNotTheDesigns(t *testing.T) {
	c := config(5)
	s := newState(t, c)
	first := assign(t, c, s, router.Request{OrderID: 1, Facts: liquid})
	next, err := s.Assign(c, router.Request{OrderID: 2, Facts: liquid})
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(s)
	for name, spoil := range map[string]func(*router.Assignment){
		"there twice":          func(a *router.Assignment) { *a = first },
		"the design says":      func(a *router.Assignment) { a.Path = 3 - a.Path },
		"not of this design":   func(a *router.Assignment) { a.Seed++ },
		"takes place":          func(a *router.Assignment) { a.Block, a.Path = 1, c.Design.Slots(a.Stratum.Key(), 1)[a.Slot] },
		`reason "" is unknown`: func(a *router.Assignment) { a.Reason = "" },
	} {
		a := next
		spoil(&a)
		wantError(t, s.Place(c, a), name)
	}
	if fmt.Sprint(s) != before {
		t.Errorf("refused records changed the state from %s to %+v", before, s)
	}
}
