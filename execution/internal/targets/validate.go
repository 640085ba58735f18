package targets

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"dnalyaw/execution/internal/register"
)

// Codes of faults.
const (
	FaultRegion        = "WRONG_REGION"
	FaultEmpty         = "EMPTY_REQUEST"
	FaultStrategy      = "NO_STRATEGY"
	FaultTwice         = "DUPLICATE_PORTFOLIO"
	FaultSession       = "WRONG_SESSION"
	FaultStale         = "STALE"
	FaultFuture        = "AS_OF_IN_FUTURE"
	FaultAsOf          = "AS_OF_MISSING"
	FaultCorrelation   = "BAD_CORRELATION_ID"
	FaultStage         = "STAGE"
	FaultUnregistered  = "NOT_REGISTERED"
	FaultRegister      = "REGISTER"
	FaultUnlisted      = "NOT_IN_REFERENCE"
	FaultNotFinite     = "NOT_FINITE"
	FaultNegative      = "NEGATIVE_WEIGHT"
	FaultAboveOne      = "WEIGHT_ABOVE_ONE"
	FaultStop          = "BAD_STOP"
	FaultLeverage      = "OVER_LEVERAGE"
	FaultInstrument    = "UNKNOWN_INSTRUMENT"
	FaultDuplicate     = "DUPLICATE_TARGET"
	FaultConflict      = "CONFLICT"
	FaultRiskDown      = "RISK_DOWN"
	FaultVenueDown     = "VENUE_DOWN"
	FaultReference     = "REFERENCE_MISMATCH"
	FaultHalted        = "HALTED"
	FaultNoAccount     = "NO_ACCOUNT"
	FaultSessionClosed = "SESSION_CLOSED"
	FaultUnreconciled  = "UNRECONCILED"
	FaultNoPortfolio   = "NO_PORTFOLIO"
	FaultUnwound       = "UNWOUND"
	FaultJournal       = "JOURNAL_BEHIND"
)

// maxAge is how old as_of may be by the venue's clock: a decision is made on the day that it is traded.
const maxAge = 24 * time.Hour

// maxTargets bounds one portfolio; a region has far fewer instruments.
const maxTargets = 100_000

// Fault is one thing that is wrong with a request.
type Fault struct {
	StrategyID   string
	InstrumentID int64 // 0 when the fault is the portfolio's or the request's
	Code         string
	Message      string
}

// Context is what a request is judged against.
type Context struct {
	Region      string
	Session     uint32 // the venue's; 0 = not known, then sessions are not judged
	ClockNs     int64  // the venue's; 0 = not known
	Register    register.Register
	RegisterErr error
	LastAsOf    map[string]int64 // strategy -> the latest as_of taken
	Unwound     Unwound
	// HasPrice says that riskd sent a price; InReference that the reference file has the instrument. nil = not known.
	HasPrice    func(int64) bool
	HasPosition func(int64) bool
	InReference func(int64) bool
	// Listed says that the reference file lists the strategy, or lists none at all. nil = not known.
	Listed func(strategy string) bool
}

// Validate names every fault of the portfolios at once; none means that all may be taken.
func Validate(ps []Portfolio, c Context) []Fault {
	var faults []Fault
	seen := map[string]bool{}
	if c.RegisterErr != nil {
		faults = append(faults, Fault{Code: FaultRegister, Message: c.RegisterErr.Error()})
	}
	for _, p := range ps {
		add := func(instrument int64, code, format string, args ...any) {
			faults = append(faults, Fault{p.StrategyID, instrument, code, fmt.Sprintf(format, args...)})
		}
		if p.StrategyID == "" {
			add(0, FaultStrategy, "a portfolio has no strategy_id")
		}
		if seen[p.StrategyID] {
			add(0, FaultTwice, "strategy %q is in the request twice; send one portfolio a strategy", p.StrategyID)
		}
		seen[p.StrategyID] = true
		if c.Session != 0 && p.Session != c.Session {
			add(0, FaultSession, "portfolio is for session %d, the venue trades %d", p.Session, c.Session)
		}
		validateAsOf(p, c, add)
		if b, err := hex.DecodeString(p.Correlation); err != nil || len(b) != 16 || strings.ToLower(p.Correlation) != p.Correlation {
			add(0, FaultCorrelation, "correlation_id %q is not 32 lower-case hex digits", p.Correlation)
		}
		if c.Listed != nil && !c.Listed(p.StrategyID) {
			add(0, FaultUnlisted, "strategy %q is not among the strategies of the session's reference.json, so risk could not tell its orders apart; write the file anew", p.StrategyID)
		}
		if why, gone := c.Unwound.Strategies[p.StrategyID]; gone {
			add(0, FaultUnwound, "strategy %q is %s; lift that before it trades again: dnalyaw unwind --strategy %s --lift", p.StrategyID, why, p.StrategyID)
		}
		maxLeverage := math.Inf(1)
		if c.RegisterErr == nil {
			switch e, ok := c.Register[p.StrategyID]; {
			case !ok:
				add(0, FaultUnregistered, "strategy %q has no line in the register; add one before it trades", p.StrategyID)
			case !e.MayTrade():
				add(0, FaultStage, "strategy %q is at stage %q; only paper and live may trade", p.StrategyID, e.Stage)
			default:
				maxLeverage = e.MaxLeverage
			}
		}
		validateTargets(p, c, maxLeverage, add)
	}
	return faults
}

type adder func(instrument int64, code, format string, args ...any)

func validateAsOf(p Portfolio, c Context, add adder) {
	if p.AsOfNs <= 0 {
		add(0, FaultAsOf, "as_of is missing")
		return
	}
	if last, ok := c.LastAsOf[p.StrategyID]; ok && p.AsOfNs < last {
		add(0, FaultStale, "as_of %s is older than %s, which was taken already", utc(p.AsOfNs), utc(last))
	}
	if c.ClockNs > 0 {
		switch age := c.ClockNs - p.AsOfNs; {
		case age > int64(maxAge):
			add(0, FaultStale, "as_of %s is more than 24 hours before the venue's clock, %s", utc(p.AsOfNs), utc(c.ClockNs))
		case age < 0:
			add(0, FaultFuture, "as_of %s is after the venue's clock, %s", utc(p.AsOfNs), utc(c.ClockNs))
		}
	}
}

func validateTargets(p Portfolio, c Context, maxLeverage float64, add adder) {
	if len(p.Targets) > maxTargets {
		add(0, FaultEmpty, "%d targets are more than %d", len(p.Targets), maxTargets)
		return
	}
	var seen map[int64]bool // only where targets do not come by instrument, as they mostly do
	if !ascend(p.Targets) {
		seen = make(map[int64]bool, len(p.Targets))
	}
	gross := 0.0
	for _, t := range p.Targets {
		if seen[t.InstrumentID] {
			add(t.InstrumentID, FaultDuplicate, "instrument %d is there twice", t.InstrumentID)
		}
		if seen != nil {
			seen[t.InstrumentID] = true
		}
		switch w := t.Weight; {
		case math.IsNaN(w) || math.IsInf(w, 0):
			add(t.InstrumentID, FaultNotFinite, "weight of %d is %v", t.InstrumentID, w)
		case w < 0:
			add(t.InstrumentID, FaultNegative, "weight of %d is %v; strategies are long-only", t.InstrumentID, w)
		case w > 1:
			add(t.InstrumentID, FaultAboveOne, "weight of %d is %v; the most is 1", t.InstrumentID, w)
			gross += w
		default:
			gross += w
		}
		switch s := t.StopDistance; {
		case math.IsNaN(s) || math.IsInf(s, 0):
			add(t.InstrumentID, FaultNotFinite, "stop_distance of %d is %v", t.InstrumentID, s)
		case s < 0 || s > 1e9:
			add(t.InstrumentID, FaultStop, "stop_distance of %d is %v; it is 0 (none) or positive currency units a share", t.InstrumentID, s)
		}
		validateInstrument(t, c, add)
	}
	checkLeverage(gross, len(p.Targets), maxLeverage, add)
}

// ascend says that every target is of a higher instrument than the one before it: none is there twice.
func ascend(ts []Target) bool {
	for i := 1; i < len(ts); i++ {
		if ts[i].InstrumentID <= ts[i-1].InstrumentID {
			return false
		}
	}
	return true
}

func checkLeverage(gross float64, names int, maxLeverage float64, add adder) {
	// Each weight is rounded to a millionth before it is sent, so the sum may be half a millionth a name too high.
	if slack := 5e-7*float64(names) + 1e-9; gross > maxLeverage+slack {
		add(0, FaultLeverage, "gross weight %.6f is over the register's max_leverage %v", gross, maxLeverage)
	}
}

// ValidateLeverageWith says whether a portfolio whose targets are right one by one is within its strategy's leverage once it
// has another target.
func ValidateLeverageWith(p Portfolio, t Target, c Context) (faults []Fault) {
	gross, names := p.grossWith(t)
	if e, ok := c.Register[p.StrategyID]; ok && c.RegisterErr == nil {
		checkLeverage(gross, names, e.MaxLeverage, func(instrument int64, code, format string, args ...any) {
			faults = append(faults, Fault{p.StrategyID, instrument, code, fmt.Sprintf(format, args...)})
		})
	}
	return faults
}

func validateInstrument(t Target, c Context, add adder) {
	switch {
	case t.InstrumentID <= 0:
		add(t.InstrumentID, FaultInstrument, "instrument_id %d is not positive", t.InstrumentID)
	case c.InReference != nil && !c.InReference(t.InstrumentID):
		add(t.InstrumentID, FaultInstrument, "instrument %d is not in the session's reference.json", t.InstrumentID)
	case c.HasPrice != nil && t.Weight != 0 && !c.HasPrice(t.InstrumentID):
		add(t.InstrumentID, FaultInstrument, "riskd has sent no price of instrument %d (neither a quote nor a print)", t.InstrumentID)
	case c.HasPrice != nil && !c.HasPrice(t.InstrumentID) && !c.HasPosition(t.InstrumentID):
		add(t.InstrumentID, FaultInstrument, "riskd has sent neither a price nor a position of instrument %d", t.InstrumentID)
	}
}

func utc(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }
