package schedule_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/schedule"
)

func curve(t testing.TB, p schedule.Params, parent schedule.Parent) schedule.Curve {
	t.Helper()
	c, err := schedule.NewCurve(p, parent)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dueAt(t *testing.T, c schedule.Curve, rows [][2]int64) {
	t.Helper()
	for _, r := range rows {
		if got := c.At(open + r[0]); got != r[1] {
			t.Errorf("%d minutes after the open %d shares are due, want %d", r[0]/minute, got, r[1])
		}
	}
}

// TestTWAPByHand works 1,000 shares in lots of 100 over two hours of trading around an hour of lunch.
func TestTWAPByHand(t *testing.T) {
	parent := buy(1000, 100, 3)
	parent.Breaks = [][2]int64{{open + hour, open + 2*hour}}
	dueAt(t, curve(t, schedule.Defaults(schedule.TWAP), parent), [][2]int64{
		{-minute, 0}, {0, 0}, {5 * minute, 0}, {6 * minute, 100}, {30 * minute, 300}, {60 * minute, 500}, {90 * minute, 500},
		{120 * minute, 500}, {138 * minute, 700}, {174 * minute, 1000}, {180 * minute, 1000}, {300 * minute, 1000},
	})
}

// TestOddLotWaits sees the odd 50 of a closing order go with the last child, and a lot wait for it.
func TestOddLotWaits(t *testing.T) {
	parent := buy(1050, 100, 2)
	parent.Closing = true
	dueAt(t, curve(t, schedule.Defaults(schedule.TWAP), parent), [][2]int64{
		{60 * minute, 500}, {108 * minute, 900}, {119 * minute, 900}, {120 * minute, 1050},
	})
	small := buy(150, 100, 2)
	small.Closing = true
	dueAt(t, curve(t, schedule.Defaults(schedule.TWAP), small), [][2]int64{{119 * minute, 0}, {120 * minute, 150}})
	dueAt(t, curve(t, schedule.Immediately(50), small), [][2]int64{{-1, 0}, {0, 150}})
}

// TestVWAPEqualsTheCurve works a U-shaped session of four buckets with a lunch: at every bucket's end the curve's own
// fraction is due.
func TestVWAPEqualsTheCurve(t *testing.T) {
	parent := buy(100_000, 100, 5)
	parent.Breaks = [][2]int64{{open + 2*hour, open + 3*hour}}
	p := schedule.Defaults(schedule.VWAP)
	p.Volume = &schedule.VolumeCurve{
		StartNs: open, EndNs: []int64{open + hour, open + 2*hour, open + 3*hour, open + 4*hour, open + 5*hour},
		CumPPM: []int64{350_000, 500_000, 500_000, 650_000, 1_000_000},
	}
	dueAt(t, curve(t, p, parent), [][2]int64{
		{hour, 35_000}, {2 * hour, 50_000}, {150 * minute, 50_000}, {3 * hour, 50_000}, {4 * hour, 65_000}, {5 * hour, 100_000},
		{30 * minute, 17_500}, {90 * minute, 42_500},
	})
	// A window that cuts the first bucket in half trades 175,000 of 825,000 millionths by the end of it: 21.2121%.
	parent.StartNs = open + 30*minute
	dueAt(t, curve(t, p, parent), [][2]int64{{hour, 21_200}, {2 * hour, 39_400}, {4 * hour, 57_600}})
}

// TestAlmgrenChrissCurve follows the published trajectory: after each day what it has sold.
func TestAlmgrenChrissCurve(t *testing.T) {
	parent := buy(1_000_000, 1, 5)
	p := schedule.Defaults(schedule.AlmgrenChriss)
	p.SliceNs, p.DayNs, p.Impact, p.RiskAversion = hour, hour, paper, 2e-6 // a day of one hour, five of them
	dueAt(t, curve(t, p, parent), [][2]int64{
		{hour, 571_401}, {2 * hour, 817_067}, {3 * hour, 923_704}, {4 * hour, 972_357}, {5 * hour, 1_000_000}, {30 * minute, 285_701},
	})
	p.RiskAversion = 0
	dueAt(t, curve(t, p, parent), [][2]int64{{hour, 200_000}, {150 * minute, 500_000}})
}

// anyParent draws a parent with up to two breaks in a window of up to ten hours.
func anyParent(t *rapid.T) schedule.Parent {
	p := buy(1, rapid.SampledFrom([]int64{1, 10, 100, 500}).Draw(t, "lot"), 10)
	p.ID = rapid.Uint64Range(1, 1000).Draw(t, "id")
	p.Side = sides.Draw(t, "side")
	p.Qty = rapid.Int64Range(1, 3000).Draw(t, "lots") * p.Lot
	if p.Closing = rapid.Bool().Draw(t, "closing"); p.Closing {
		p.Qty += rapid.Int64Range(0, p.Lot-1).Draw(t, "odd")
	}
	at := open
	for range rapid.IntRange(0, 2).Draw(t, "breaks") {
		from := at + rapid.Int64Range(0, 120).Draw(t, "until break")*minute
		at = from + rapid.Int64Range(1, 90).Draw(t, "break")*minute
		p.Breaks = append(p.Breaks, [2]int64{from, at})
	}
	p.StartNs = open + rapid.Int64Range(0, 60).Draw(t, "start")*minute
	p.EndNs = max(at, p.StartNs) + rapid.Int64Range(1, 200).Draw(t, "end")*minute
	return p
}

// anyParams draws parameters of every algorithm but IMMEDIATE that fit the parent.
func anyParams(t *rapid.T, parent schedule.Parent) schedule.Params {
	p := schedule.Defaults(rapid.SampledFrom([]schedule.Algorithm{schedule.TWAP, schedule.VWAP, schedule.POV, schedule.AlmgrenChriss}).Draw(t, "algorithm"))
	p.SliceNs = rapid.Int64Range(1, 40).Draw(t, "slice") * minute
	p.Style = rapid.SampledFrom([]schedule.Style{schedule.Passive, schedule.Mid, schedule.Marketable}).Draw(t, "style")
	p.CrossBehindPPM = rapid.Int64Range(0, 100_000).Draw(t, "cross")
	p.MidBehindPPM = rapid.Int64Range(0, p.CrossBehindPPM).Draw(t, "mid")
	p.CatchUpPPM = rapid.Int64Range(0, 3_000_000).Draw(t, "catch up")
	p.CollarBp = rapid.Int64Range(0, 200).Draw(t, "collar")
	p.MinNotional = rapid.Int64Range(0, 5).Draw(t, "min notional") * 1000 * usd
	p.MaxDisplayedPPM = rapid.SampledFrom([]int64{0, 250_000, 1_000_000}).Draw(t, "displayed")
	p.MaxADVPPM = rapid.SampledFrom([]int64{0, 1_000, 10_000}).Draw(t, "adv")
	if p.AtEnd = rapid.SampledFrom([]schedule.EndPolicy{schedule.Sweep, schedule.Leave}).Draw(t, "at end"); p.AtEnd == schedule.Sweep {
		p.SweepNs = rapid.Int64Range(1, 10).Draw(t, "sweep") * minute
	} else {
		p.SweepNs = 0
	}
	if rapid.Bool().Draw(t, "jitter") {
		p.JitterTimePPM = rapid.Int64Range(0, 999_999).Draw(t, "jitter time")
		p.JitterSizePPM = rapid.Int64Range(0, 1_000_000).Draw(t, "jitter size")
		p.Seed = rapid.Uint64().Draw(t, "seed")
	}
	switch p.Algorithm {
	case schedule.VWAP:
		p.Volume = anyVolume(t, parent)
	case schedule.AlmgrenChriss:
		p.Impact, p.DayNs = paper, 6*hour
		p.RiskAversion = rapid.SampledFrom([]float64{0, 1e-9, 1e-6, 1e-3, 10}).Draw(t, "lambda")
	case schedule.POV:
		p.RatePPM = rapid.Int64Range(1, 400_000).Draw(t, "rate")
		p.CapPPM = rapid.Int64Range(p.RatePPM, 1_000_000).Draw(t, "cap")
	}
	return p
}

// anyVolume draws a curve in half hours that covers the window, without volume in breaks.
func anyVolume(t *rapid.T, parent schedule.Parent) *schedule.VolumeCurve {
	v := &schedule.VolumeCurve{StartNs: open}
	var weights []int64
	sum := int64(0)
	for at := open; at < parent.EndNs; at += 30 * minute {
		w := rapid.Int64Range(1, 1000).Draw(t, "volume")
		for _, b := range parent.Breaks {
			if at >= b[0] && at+30*minute <= b[1] {
				w = 0
			}
		}
		v.EndNs = append(v.EndNs, at+30*minute)
		weights, sum = append(weights, w), sum+w
	}
	cum := int64(0)
	for _, w := range weights {
		cum += w
		share := new(big.Int).Mul(big.NewInt(cum), big.NewInt(1_000_000))
		v.CumPPM = append(v.CumPPM, share.Quo(share, big.NewInt(max(sum, 1))).Int64())
	}
	return v
}

// wholeBreaks says that no break cuts a bucket or hides two of them, so that a drawn curve is a legal one.
func legal(p schedule.Params, parent schedule.Parent) bool { return p.Validate(parent) == nil }

func TestCurveProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent := anyParent(t)
		p := anyParams(t, parent)
		if !legal(p, parent) {
			t.Skip("two breaks hide a bucket with volume")
		}
		c, err := schedule.NewCurve(p, parent)
		if err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for at := parent.StartNs - minute; at <= parent.EndNs+minute; at += (parent.EndNs - parent.StartNs) / 97 {
			due := c.At(at)
			switch {
			case due < last:
				t.Fatalf("due falls from %d to %d at %d", last, due, at)
			case at < parent.EndNs && due%parent.Lot != 0:
				t.Fatalf("%d shares are due at %d: no whole lots of %d", due, at, parent.Lot)
			case at < parent.StartNs && due != 0 || due > parent.Qty:
				t.Fatalf("%d of %d shares are due at %d", due, parent.Qty, at)
			}
			for _, b := range parent.Breaks {
				if at >= b[0] && at < b[1] && at >= parent.StartNs && b[0] > parent.StartNs && b[0] < parent.EndNs && due != c.At(b[0]) {
					t.Fatalf("the curve moves in the break %v", b)
				}
			}
			last = due
		}
		if got := c.At(parent.EndNs); got != parent.Qty {
			t.Fatalf("at the end %d of %d are due", got, parent.Qty)
		}
	})
}
