package targets_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/targets"
)

func linked(id int64, weight float64, link string) targets.Target {
	return targets.Target{InstrumentID: id, Weight: weight, StopDistance: 1, Link: link}
}

// four is base with four instruments at 50.00 in lots of 1.
func four() targets.Input {
	in := base()
	for id := int64(1); id <= 4; id++ {
		in.Market[id] = targets.Quote{Bid: 49_990_000, Ask: 50_010_000}
		in.Reference[id] = reference.Instrument{InstrumentID: id, Lot: 1, TickMicro: 10_000, Tradable: true}
	}
	return in
}

func groupsOf(res targets.Result) string {
	var out []string
	for _, d := range res.Drafts {
		out = append(out, fmt.Sprintf("%s%d:%d", d.Side, d.InstrumentID, d.Group))
	}
	return strings.Join(out, " ")
}

// Sells, then the pair with its sell first, then buys.
func TestLinkedOrdersStandTogether(t *testing.T) {
	in := four()
	in.Positions[1], in.Positions[3] = 1000, 500
	in.Ledger["a"] = map[int64]int64{1: 1000, 3: 500}
	in.Portfolios["a"] = port("a", linked(2, 0.1, "pair"), linked(4, 0.1, ""), linked(3, 0.01, "pair"))
	if got := groupsOf(targets.Net(in)); got != "SELL1:0 SELL3:2 BUY2:2 BUY4:0" {
		t.Error(got)
	}
	// A leg that is where it should be leaves the other on its own.
	in.Positions[3], in.Ledger["a"][3] = 100, 100
	if got := groupsOf(targets.Net(in)); got != "SELL1:0 BUY2:0 BUY4:0" {
		t.Error(got)
	}
}

// A leg that cannot be traded takes the others with it, also over two links and two strategies.
func TestALegThatCannotBeTradedTakesTheOthersWithIt(t *testing.T) {
	in := four()
	in.Portfolios["a"] = port("a", linked(1, 0.1, "x"), linked(2, 0.1, "x"))
	in.Portfolios["b"] = port("b", linked(2, 0.1, "y"), linked(3, 0.1, "y"), linked(4, 0.1, ""))
	delete(in.Market, 3)
	res := targets.Net(in)
	if got := groupsOf(res); got != "BUY4:0" {
		t.Error(got)
	}
	whys := map[int64]string{}
	for _, s := range res.Skips {
		whys[s.InstrumentID] = s.Why
	}
	if whys[3] != "no price" || !strings.Contains(whys[1], "linked to instrument 3") || !strings.Contains(whys[2], "no price") {
		t.Errorf("%v", whys)
	}
}

func TestMoreLegsThanCanBeDecidedAsOne(t *testing.T) {
	in := four()
	var ts []targets.Target
	for id := int64(1); id <= 17; id++ {
		in.Market[id], in.Reference[id] = in.Market[1], reference.Instrument{InstrumentID: id, Lot: 1, TickMicro: 10_000, Tradable: true}
		ts = append(ts, linked(id, 0.01, "basket"))
	}
	in.Portfolios["a"] = port("a", ts...)
	if res := targets.Net(in); len(res.Drafts) != 0 || len(res.Skips) != 17 || !strings.Contains(res.Skips[0].Why, "17 linked orders") {
		t.Errorf("%d drafts, %v", len(res.Drafts), res.Skips)
	}
}

// Whatever is linked to what: a group is all there or not at all, its legs stand together, and nothing else changes place.
func TestGroupsAreWholeOrAbsent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := four()
		for id := int64(1); id <= 4; id++ {
			if rapid.IntRange(0, 4).Draw(t, "unpriced") == 0 {
				delete(in.Market, id)
			}
		}
		link := map[string][]int64{}
		for _, s := range []string{"a", "b"} {
			var ts []targets.Target
			for id := int64(1); id <= 4; id++ {
				if name := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "link"); rapid.Bool().Draw(t, "wants") {
					ts = append(ts, linked(id, 0.1, name))
					if name != "" {
						link[s+name] = append(link[s+name], id)
					}
				}
			}
			in.Portfolios[s] = port(s, ts...)
		}
		res := targets.Net(in)
		drafted, place := map[int64]bool{}, map[int64]int64{}
		for i, d := range res.Drafts {
			drafted[d.InstrumentID], place[d.InstrumentID] = true, d.Group
			if i > 0 && d.Group != 0 && res.Drafts[i-1].Group != d.Group {
				for _, e := range res.Drafts[i+1:] {
					if res.Drafts[i-1].Group != 0 && e.Group == res.Drafts[i-1].Group {
						t.Fatalf("a group is apart: %s", groupsOf(res))
					}
				}
			}
			if d.Side != order.Buy {
				t.Fatalf("%+v", d)
			}
		}
		// Nothing is held and all want the same of a name they want, so every wish with a price is a leg.
		for name, ids := range link {
			for _, id := range ids[1:] {
				if drafted[id] != drafted[ids[0]] || place[id] != place[ids[0]] {
					t.Fatalf("link %s of %v: %s", name, ids, groupsOf(res))
				}
			}
		}
	})
}
