package schedule

import (
	"errors"
	"fmt"
)

// Rule says which parents are large enough to be scheduled, and how.
type Rule struct {
	// SmallADVPPM is the part of the average daily volume up to which a parent is small.
	SmallADVPPM int64 `json:"small_adv_ppm"`
	// RatePPM is the part of the volume that a parent is expected to trade, and MinDurationNs the expected duration at
	// that rate up to which it is small as well.
	RatePPM       int64 `json:"rate_ppm"`
	MinDurationNs int64 `json:"min_duration_ns"`
	// Large is the algorithm of a large parent. Where what it needs is missing (a volume curve, an impact model with a
	// risk aversion) it falls back to VWAP and then to TWAP, and Choice says so.
	Large Algorithm `json:"large"`
	// Unknown is the algorithm where the average daily volume is unknown.
	Unknown Algorithm `json:"unknown"`
	// Base are the parameters that every scheduled parent gets; algorithm, volume, impact, risk aversion and day are set
	// by Choose.
	Base         Params  `json:"base"`
	RiskAversion float64 `json:"risk_aversion,omitempty"`
}

// DefaultRule schedules what is above 0.5% of the daily volume and would take more than ten minutes at 10% of the
// volume. What it cannot measure is spread evenly.
func DefaultRule() Rule {
	return Rule{
		SmallADVPPM: 5_000, RatePPM: 100_000, MinDurationNs: 10 * minute, Large: AlmgrenChriss, Unknown: TWAP, Base: Defaults(TWAP),
	}
}

// Facts are what is known of an instrument when a parent is made.
type Facts struct {
	DayNs  int64        // trading time of its session
	Volume *VolumeCurve // nil = unknown
	Impact *Impact      // nil = unknown
	// Counted says that the volume that trades can be counted. Where it cannot, POV goes by the volume that is expected,
	// and where that is unknown too it cannot be worked.
	Counted bool
}

// Choice is what the rule found.
type Choice struct {
	Params Params `json:"params"`
	Large  bool   `json:"large"`
	ADVPPM int64  `json:"adv_ppm"` // the parent's part of the average daily volume; -1 = unknown
	// DurationNs is the trading time that the parent takes at the rule's rate; -1 = unknown. Beyond the window's trading
	// time the schedule must go faster than the rate, and Crowded says so.
	DurationNs int64  `json:"duration_ns"`
	Crowded    bool   `json:"crowded,omitempty"`
	Why        string `json:"why"`
}

// Validate says what is wrong with the rule, all faults at once. Base is checked on its own (Params.Check) and with each parent.
func (r Rule) Validate() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if r.SmallADVPPM < 0 {
		bad("small_adv_ppm is %d: give 0 or more", r.SmallADVPPM)
	}
	if r.RatePPM < 1 || r.RatePPM > ppm {
		bad("rate_ppm is %d: give 1 to %d", r.RatePPM, int64(ppm))
	}
	if r.MinDurationNs < 0 {
		bad("min_duration_ns is %d: give 0 or more", r.MinDurationNs)
	}
	for _, a := range []struct {
		name string
		is   Algorithm
	}{{"large", r.Large}, {"unknown", r.Unknown}} {
		if !algorithmNames.known(a.is) {
			bad("%s is %d: give one of %q", a.name, a.is, algorithmNames.words[1:])
		}
	}
	return errors.Join(all...)
}

// Choose applies the rule to a parent. The parameters it gives still have to hold for the parent: New checks them.
func (r Rule) Choose(parent Parent, f Facts) (Choice, error) {
	if err := errors.Join(r.Validate(), parent.Validate()); err != nil {
		return Choice{}, fmt.Errorf("schedule: choosing for parent %d: %w", parent.ID, err)
	}
	if f.DayNs < 1 {
		return Choice{}, fmt.Errorf("schedule: choosing for parent %d: day_ns is %d: give the session's trading time", parent.ID, f.DayNs)
	}
	if parent.ADV == 0 {
		c := Choice{Large: r.Unknown != Immediate, ADVPPM: -1, DurationNs: -1, Why: "the average daily volume is unknown"}
		unknown := r.Unknown
		if unknown == POV && !f.Counted {
			c.Why += "; no volume can be counted for POV"
			unknown = VWAP
		}
		c.Params = r.fit(unknown, f, &c.Why)
		c.Params.MaxADVPPM = 0
		return c, nil
	}
	c := Choice{
		ADVPPM:     mulDiv(parent.Qty, ppm, parent.ADV),
		DurationNs: mulDiv(mulDiv(parent.Qty, f.DayNs, parent.ADV), ppm, r.RatePPM),
	}
	switch {
	case c.ADVPPM <= r.SmallADVPPM:
		c.Why = fmt.Sprintf("small: %d ppm of the daily volume, at most %d", c.ADVPPM, r.SmallADVPPM)
	case c.DurationNs <= r.MinDurationNs:
		c.Why = fmt.Sprintf("short: %d s at the rate, at most %d", c.DurationNs/second, r.MinDurationNs/second)
	default:
		c.Large = true
		c.Why = fmt.Sprintf("large: %d ppm of the daily volume, %d s at the rate", c.ADVPPM, c.DurationNs/second)
		c.Crowded = c.DurationNs > newTradingTime(parent.StartNs, parent.EndNs, parent.Breaks).total
	}
	if !c.Large {
		c.Params = Immediately(r.Base.CollarBp)
		return c, nil
	}
	c.Params = r.fit(r.Large, f, &c.Why)
	return c, nil
}

// fit makes the parameters of an algorithm, or of the next best one that the facts allow.
func (r Rule) fit(a Algorithm, f Facts, why *string) Params {
	if a == AlmgrenChriss && (f.Impact == nil || !(r.RiskAversion > 0)) {
		*why += "; no impact model or no risk aversion for ALMGREN_CHRISS"
		a = VWAP
	}
	if a == VWAP && f.Volume == nil {
		*why += "; no volume curve for VWAP"
		a = TWAP
	}
	if a == Immediate {
		return Immediately(r.Base.CollarBp)
	}
	p := r.Base
	p.Algorithm = a
	switch a {
	case VWAP:
		p.Volume = f.Volume
	case AlmgrenChriss:
		p.Impact, p.RiskAversion, p.DayNs = *f.Impact, r.RiskAversion, f.DayNs
	case POV:
		p.RatePPM, p.CapPPM = r.RatePPM, max(r.RatePPM, r.Base.CapPPM)
	case Immediate, TWAP:
	}
	return p
}
