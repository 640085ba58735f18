package schedule

import (
	"errors"
	"fmt"
)

// maxSlices bounds the work and the memory of a plan.
const maxSlices = 100_000

// Params say how parents are worked. Fields that an algorithm does not name are not used by it. ppm is parts per million.
type Params struct {
	Algorithm Algorithm `json:"algorithm"`
	// SliceNs is the trading time between two decisions: the window is cut into equal slices no longer than this.
	SliceNs int64 `json:"slice_ns"`
	// Style is how a child is priced while the schedule is kept. Behind the schedule by MidBehindPPM of the parent it is
	// at least MID, by CrossBehindPPM MARKETABLE: see Next.
	Style          Style `json:"style"`
	MidBehindPPM   int64 `json:"mid_behind_ppm"`
	CrossBehindPPM int64 `json:"cross_behind_ppm"`
	CollarBp       int64 `json:"collar_bp"` // how far past the far touch a marketable limit reaches, basis points
	// AtEnd is what becomes of the rest; SweepNs is how much trading time before the end SWEEP begins.
	AtEnd   EndPolicy `json:"at_end"`
	SweepNs int64     `json:"sweep_ns"`
	// CatchUpPPM is how much more than its own quantity a slice may send when the schedule is late (TWAP, VWAP,
	// ALMGREN_CHRISS): 500,000 is half as much again.
	CatchUpPPM  int64 `json:"catch_up_ppm"`
	MinNotional int64 `json:"min_notional"` // millionths; the smallest child
	MinGapNs    int64 `json:"min_gap_ns"`   // wall time between two children
	// MaxDisplayedPPM of the size displayed on the side that the child joins or takes, and MaxADVPPM of the average daily
	// volume, are the largest child; 0 = no such limit. IMMEDIATE has neither: it is for what is small.
	MaxDisplayedPPM int64 `json:"max_displayed_ppm"`
	MaxADVPPM       int64 `json:"max_adv_ppm"`
	MaxRefusals     int   `json:"max_refusals"` // children refused in a row that end the schedule
	// JitterTimePPM of a slice is how late it may begin, JitterSizePPM of a slice's quantity how much goes earlier or
	// later than the curve says, both by a hash of Seed, parent id and slice. 0 = off.
	JitterTimePPM int64  `json:"jitter_time_ppm,omitempty"`
	JitterSizePPM int64  `json:"jitter_size_ppm,omitempty"`
	Seed          uint64 `json:"seed,omitempty"`

	Volume *VolumeCurve `json:"volume,omitempty"` // VWAP

	RatePPM int64 `json:"rate_ppm,omitempty"` // POV: wanted part of the volume since the parent's start
	CapPPM  int64 `json:"cap_ppm,omitempty"`  // POV: the most of a slice's volume, also when it catches up

	Impact       Impact  `json:"impact,omitzero"`         // ALMGREN_CHRISS
	RiskAversion float64 `json:"risk_aversion,omitempty"` // ALMGREN_CHRISS: lambda, 1/currency unit
	DayNs        int64   `json:"day_ns,omitempty"`        // ALMGREN_CHRISS: trading time of a day, the model's unit of time
}

// Immediately are the parameters of an order that is sent at once.
func Immediately(collarBp int64) Params {
	return Params{Algorithm: Immediate, Style: Marketable, CollarBp: collarBp, MaxRefusals: 1}
}

const (
	second = int64(1_000_000_000)
	minute = 60 * second
)

// Defaults are sensible parameters of an algorithm, without what only its owner can know: the volume curve, impact and
// risk aversion, the least notional. Five-minute slices join the near touch, go to the mid 1% and cross 3% of the parent
// behind the schedule; a slice catches up by at most its own quantity.
func Defaults(a Algorithm) Params {
	if a == Immediate {
		return Immediately(50)
	}
	p := Params{
		Algorithm: a, SliceNs: 5 * minute, Style: Passive, MidBehindPPM: 10_000, CrossBehindPPM: 30_000, CollarBp: 50,
		AtEnd: Sweep, SweepNs: minute, CatchUpPPM: ppm, MinGapNs: second, MaxDisplayedPPM: ppm, MaxADVPPM: 10_000, MaxRefusals: 3,
	}
	if a == POV {
		p.AtEnd, p.SweepNs, p.RatePPM, p.CapPPM = Leave, 0, 100_000, 200_000
	}
	return p
}

// faults names everything that is wrong with the parameters for this parent, together.
func (p Params) faults(parent Parent) []error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	within := func(name string, v, lo, hi int64) {
		if v < lo || v > hi {
			bad("%s is %d: give %d to %d", name, v, lo, hi)
		}
	}
	if !algorithmNames.known(p.Algorithm) {
		bad("algorithm is %d: give one of %q", p.Algorithm, algorithmNames.words[1:])
	}
	if p.Style < Passive || p.Style > Marketable {
		bad("style is %q: give PASSIVE, MID or MARKETABLE", p.Style)
	}
	within("collar_bp", p.CollarBp, 0, 9_999)
	if p.MaxRefusals < 1 {
		bad("max_refusals is %d: give 1 or more", p.MaxRefusals)
	}
	if p.Algorithm == Immediate {
		if p.Style != Marketable {
			bad("style is %s: IMMEDIATE is MARKETABLE", p.Style)
		}
		if p.MaxDisplayedPPM != 0 || p.MaxADVPPM != 0 {
			bad("max_displayed_ppm %d and max_adv_ppm %d: IMMEDIATE sends one child, so it can keep no limit of a child", p.MaxDisplayedPPM, p.MaxADVPPM)
		}
		return all
	}
	within("slice_ns", p.SliceNs, 1, 1<<62)
	within("cross_behind_ppm", p.CrossBehindPPM, 0, ppm)
	within("mid_behind_ppm", p.MidBehindPPM, 0, max(p.CrossBehindPPM, 0))
	within("catch_up_ppm", p.CatchUpPPM, 0, 1000*ppm)
	within("min_notional", p.MinNotional, 0, maxPx*1000)
	within("min_gap_ns", p.MinGapNs, 0, 1<<60)
	within("max_displayed_ppm", p.MaxDisplayedPPM, 0, 1000*ppm)
	within("max_adv_ppm", p.MaxADVPPM, 0, 1000*ppm)
	within("jitter_time_ppm", p.JitterTimePPM, 0, ppm-1)
	within("jitter_size_ppm", p.JitterSizePPM, 0, ppm)
	if p.MaxADVPPM > 0 && parent.ADV == 0 {
		bad("max_adv_ppm is %d and the parent's adv is unknown: give the adv, or 0 for no such limit", p.MaxADVPPM)
	}
	if !endNames.known(p.AtEnd) {
		bad("at_end is %d: give one of %q", p.AtEnd, endNames.words[1:])
	}
	if (p.AtEnd == Sweep) != (p.SweepNs > 0) {
		bad("at_end is %s and sweep_ns %d: SWEEP needs a positive one, LEAVE has none", p.AtEnd, p.SweepNs)
	}
	if len(parent.faults()) > 0 {
		return all // what follows needs a window that holds
	}
	total := newTradingTime(parent.StartNs, parent.EndNs, parent.Breaks).total
	if p.SliceNs > 0 && (total-1)/p.SliceNs >= maxSlices {
		bad("slice_ns %d cuts a window of %d into more than %d slices: make them longer", p.SliceNs, total, maxSlices)
		return all
	}
	return append(all, p.ownFaults(parent, total)...)
}

// ownFaults are those of the algorithm's own parameters.
func (p Params) ownFaults(parent Parent, total int64) []error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	switch p.Algorithm {
	case VWAP:
		if p.Volume == nil {
			bad("volume is missing: VWAP needs the session's volume curve")
		} else {
			all = append(all, p.Volume.faults(parent)...)
		}
	case POV:
		if p.RatePPM < 1 || p.RatePPM > ppm {
			bad("rate_ppm is %d: give 1 to %d", p.RatePPM, int64(ppm))
		}
		if p.CapPPM < p.RatePPM || p.CapPPM > ppm {
			bad("cap_ppm is %d: give rate_ppm (%d) to %d", p.CapPPM, p.RatePPM, int64(ppm))
		}
	case AlmgrenChriss:
		if p.DayNs < 1 {
			bad("day_ns is %d: give the trading time of a day", p.DayNs)
		} else if p.SliceNs > 0 {
			n := sliceCount(total, p.SliceNs)
			all = append(all, p.Impact.faults(float64(total)/float64(p.DayNs), p.RiskAversion, n)...)
		}
	case Immediate, TWAP:
	}
	return all
}

// Validate says what is wrong with the parameters and the parent, all faults at once.
func (p Params) Validate(parent Parent) error {
	return errors.Join(append(parent.faults(), p.faults(parent)...)...)
}

func sliceCount(total, slice int64) int { return int((total-1)/slice) + 1 }
