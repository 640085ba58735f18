package feed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// Action is a corporate action that changes what a price means from TsNs on: before it, a price stands for RatioNum
// shares of now for every RatioDen, and pays AmountMicro a share of before.
type Action struct {
	InstrumentID       int64
	TsNs               int64 // from when on it holds, ns UTC
	RatioNum, RatioDen int64 // new shares for old; 1 and 1 where it is no split
	AmountMicro        int64 // cash per old share, millionths
}

// SortActions puts actions into the order in which they take effect.
func SortActions(all []Action) {
	slices.SortStableFunc(all, func(a, b Action) int {
		return cmp.Or(cmp.Compare(a.TsNs, b.TsNs), cmp.Compare(a.InstrumentID, b.InstrumentID))
	})
}

// factorStep is the rounding of price factors, which carry seven decimals.
const factorStep = 1e-7

// ParseLeanFactors reads a factor file: lines of day, price factor, split factor, reference price. A line holds up to
// and including its day, so a change between two lines takes effect after the first one's day: its split is the change
// of the split factor, its dividend what the price factor takes off the reference price.
func ParseLeanFactors(name string, data []byte, id int64) ([]Action, error) {
	in, hours := newLines(name, bytes.NewReader(data)), NewYork()
	var actions []Action
	var before [3]float64
	var until int64
	for {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			return actions, nil
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(row)) == 0 {
			continue
		}
		var f [4][]byte
		if n := split(row, f[:]); n != 3 && n != 4 {
			return nil, in.fail(fmt.Errorf("%d columns, want day, price factor, split factor, reference price", n))
		}
		if string(f[0]) == "20501231" {
			f[0] = []byte("20501230") // the day after it must be a day as well
		}
		day, err := hours.midnight(f[0])
		if err != nil {
			return nil, in.fail(err)
		}
		now := [3]float64{}
		for i, b := range f[1:] {
			if len(b) == 0 && i == 2 {
				continue
			}
			if now[i], err = strconv.ParseFloat(string(b), 64); err != nil || !(now[i] >= 0) || i < 2 && now[i] == 0 || math.IsInf(now[i], 0) {
				return nil, in.fail(fmt.Errorf("%.40q: give a number above 0", b))
			}
		}
		if until > 0 {
			if hours.at(day, 0) <= until {
				return nil, in.fail(fmt.Errorf("day %s: days must ascend", f[0]))
			}
			if a, changed := factorAction(before, now); changed {
				a.InstrumentID, a.TsNs = id, until+int64(24*time.Hour)
				actions = append(actions, a)
			}
		}
		before, until = now, hours.at(day, 0)
	}
}

// factorAction says what happened between two lines.
func factorAction(before, after [3]float64) (Action, bool) {
	a := Action{RatioNum: 1, RatioDen: 1}
	if ratio := after[1] / before[1]; math.Abs(ratio-1) > 1e-6 {
		a.RatioNum, a.RatioDen = fraction(ratio)
	}
	if change := before[0] - after[0]; math.Abs(change) > factorStep && before[2] > 0 {
		a.AmountMicro = max(0, int64(math.Round(before[2]*(1-before[0]/after[0])*1e6)))
	}
	return a, a.RatioNum != a.RatioDen || a.AmountMicro > 0
}

// fraction is the split that a rounded ratio stands for: n for m with m up to 20 where one is within 1e-5, else the
// ratio in millionths.
func fraction(ratio float64) (num, den int64) {
	up := max(ratio, 1/ratio)
	for m := int64(1); m <= 20; m++ {
		n := math.Round(up * float64(m))
		if math.Abs(n/float64(m)/up-1) <= 1e-5 {
			if ratio >= 1 {
				return int64(n), m
			}
			return m, int64(n)
		}
	}
	if ratio >= 1 {
		return int64(math.Round(min(ratio, 1e12) * 1e6)), 1_000_000
	}
	return 1_000_000, int64(math.Round(min(up, 1e12) * 1e6))
}
