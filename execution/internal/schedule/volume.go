package schedule

import (
	"fmt"
	"slices"
)

// VolumeCurve is how a session's volume is spread over it: bucket i reaches from the end of the one before (the first
// from StartNs) to EndNs[i], and by then CumPPM[i] millionths of the session's volume have traded. Within a bucket
// volume is even over trading time.
type VolumeCurve struct {
	StartNs int64   `json:"start_ns"`
	EndNs   []int64 `json:"end_ns"`
	CumPPM  []int64 `json:"cum_ppm"`
}

// weightScale refines a bucket's millionths, so that a window that cuts a bucket loses less than a trillionth.
const weightScale = 1_000_000

// knot is a corner of a piecewise linear curve: by the trading time At the weight Cum is due.
type knot struct{ at, cum int64 }

func (v VolumeCurve) faults(p Parent) []error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf("volume: "+format, args...)) }
	if len(v.EndNs) == 0 || len(v.EndNs) != len(v.CumPPM) {
		bad("%d bucket ends and %d fractions: give as many of each, at least one", len(v.EndNs), len(v.CumPPM))
		return all
	}
	at, cum := v.StartNs, int64(0)
	for i, end := range v.EndNs {
		switch {
		case end <= at:
			bad("end_ns[%d] is %d: bucket ends must ascend", i, end)
		case v.CumPPM[i] < cum:
			bad("cum_ppm[%d] is %d: a cumulative fraction does not fall", i, v.CumPPM[i])
		case v.CumPPM[i] > cum && newTradingTime(at, end, p.Breaks).total == 0:
			bad("bucket %d lies in a break and has volume: a break has none", i)
		}
		at, cum = end, v.CumPPM[i]
	}
	if cum != ppm {
		bad("the last fraction is %d: it is %d", cum, int64(ppm))
	}
	if v.StartNs > p.StartNs || at < p.EndNs {
		bad("the curve covers %d to %d, the window is %d to %d: it must be inside", v.StartNs, at, p.StartNs, p.EndNs)
	}
	if len(all) == 0 {
		if k := v.knots(p); k[len(k)-1].cum == 0 {
			bad("no volume falls into the window from %d to %d: widen it or use TWAP", p.StartNs, p.EndNs)
		}
	}
	return all
}

// knots is the curve in the parent's window, by trading time.
func (v VolumeCurve) knots(p Parent) []knot {
	window := newTradingTime(p.StartNs, p.EndNs, p.Breaks)
	out := []knot{{0, 0}}
	from, cum := v.StartNs, int64(0)
	for i, end := range v.EndNs {
		weight := (v.CumPPM[i] - cum) * weightScale
		whole := newTradingTime(from, end, p.Breaks).total
		in := newTradingTime(max(from, p.StartNs), min(end, p.EndNs), p.Breaks).total
		if from < p.EndNs && end > p.StartNs && whole > 0 && in > 0 {
			out = append(out, knot{window.elapsed(min(end, p.EndNs)), out[len(out)-1].cum + mulDivNear(weight, in, whole)})
		}
		from, cum = end, v.CumPPM[i]
	}
	return slices.Clip(out)
}
