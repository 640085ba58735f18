package schedule

import "fmt"

// Algorithm is how a parent's quantity is spread over its window.
type Algorithm uint8

// The algorithms.
const (
	// Immediate sends one child order of the whole quantity.
	Immediate Algorithm = iota + 1
	// TWAP spreads the quantity evenly over trading time.
	TWAP
	// VWAP spreads it as the session's volume is usually spread.
	VWAP
	// POV follows the volume that trades.
	POV
	// AlmgrenChriss spreads it so that expected cost plus risk aversion times variance is least.
	AlmgrenChriss
)

var algorithmNames = names[Algorithm]{"algorithm", []string{"", "IMMEDIATE", "TWAP", "VWAP", "POV", "ALMGREN_CHRISS"}}

// String is the algorithm's name in journals and reports.
func (a Algorithm) String() string { return algorithmNames.of(a) }

// MarshalText writes the name.
func (a Algorithm) MarshalText() ([]byte, error) { return algorithmNames.write(a) }

// UnmarshalText reads what MarshalText wrote.
func (a *Algorithm) UnmarshalText(b []byte) (err error) { *a, err = algorithmNames.read(b); return err }

// Style is how a child's price stands to the market.
type Style uint8

// The styles, from the most patient to the most urgent.
const (
	// Passive joins the near touch: the bid for a buy.
	Passive Style = iota + 1
	// Mid rests at the middle of the quote, rounded to the tick towards the near touch.
	Mid
	// Marketable is a limit at the far touch plus the collar.
	Marketable
	// MarketOrder has no limit; only a closing parent sent at once in a name without any price has it.
	MarketOrder
)

var styleNames = names[Style]{"style", []string{"", "PASSIVE", "MID", "MARKETABLE", "MARKET"}}

// String is the style's name in journals and reports.
func (s Style) String() string { return styleNames.of(s) }

// MarshalText writes the name.
func (s Style) MarshalText() ([]byte, error) { return styleNames.write(s) }

// UnmarshalText reads what MarshalText wrote.
func (s *Style) UnmarshalText(b []byte) (err error) { *s, err = styleNames.read(b); return err }

// EndPolicy is what becomes of the quantity that is left when the window ends.
type EndPolicy uint8

// The policies.
const (
	// Sweep sends the rest marketable in the window's last SweepNs, whatever the catch-up and participation limits say;
	// the collar and the limits by displayed size and ADV still hold.
	Sweep EndPolicy = iota + 1
	// Leave lets it go unfilled.
	Leave
)

var endNames = names[EndPolicy]{"end policy", []string{"", "SWEEP", "LEAVE"}}

// String is the policy's name in journals.
func (p EndPolicy) String() string { return endNames.of(p) }

// MarshalText writes the name.
func (p EndPolicy) MarshalText() ([]byte, error) { return endNames.write(p) }

// UnmarshalText reads what MarshalText wrote.
func (p *EndPolicy) UnmarshalText(b []byte) (err error) { *p, err = endNames.read(b); return err }

// Reason says why a decision is what it is.
type Reason uint8

// The reasons.
const (
	OnSchedule   Reason = iota + 1 // a child of the current slice
	Behind                         // a child that crosses or closes in, because the schedule is late
	Sweeping                       // a child of the window's last moments
	Waiting                        // nothing is due before the next wake
	NotStarted                     // the window has not begun
	InBreak                        // the session has a break
	Halted                         // the instrument does not trade
	NoQuote                        // the side that the price is made from is absent
	BelowMinimum                   // what is due is less than the smallest child
	Limited                        // displayed size, ADV, catch-up or participation leave less than the smallest child
	Pacing                         // the last child went less than MinGapNs ago
	Repricing                      // resting children are pulled to be sent at another price
	Complete                       // everything has filled
	WindowOver                     // the window has ended
	Refused                        // too many children in a row were refused
	Unfillable                     // what is left of an opening order is no whole lot
	ChildEnded                     // the one child of IMMEDIATE has ended
	Inconsistent                   // more has filled or works than the parent's quantity
	numReasons   = int(Inconsistent) + 1
)

var reasonNames = names[Reason]{"reason", []string{
	"", "ON_SCHEDULE", "BEHIND", "SWEEPING", "WAITING", "NOT_STARTED", "IN_BREAK", "HALTED", "NO_QUOTE", "BELOW_MINIMUM", "LIMITED",
	"PACING", "REPRICING", "COMPLETE", "WINDOW_OVER", "REFUSED", "UNFILLABLE", "CHILD_ENDED", "INCONSISTENT",
}}

// String is the reason's name in journals and reports.
func (r Reason) String() string { return reasonNames.of(r) }

// MarshalText writes the name.
func (r Reason) MarshalText() ([]byte, error) { return reasonNames.write(r) }

// UnmarshalText reads what MarshalText wrote.
func (r *Reason) UnmarshalText(b []byte) (err error) { *r, err = reasonNames.read(b); return err }

// names maps an enumeration to its words; index 0 is the unset value and has none.
type names[T ~uint8] struct {
	kind  string
	words []string
}

func (n names[T]) known(v T) bool { return v > 0 && int(v) < len(n.words) }

func (n names[T]) of(v T) string {
	if n.known(v) {
		return n.words[v]
	}
	return fmt.Sprintf("%s %d", n.kind, uint8(v))
}

func (n names[T]) write(v T) ([]byte, error) {
	if v != 0 && !n.known(v) {
		return nil, fmt.Errorf("schedule: no %s has the number %d", n.kind, uint8(v))
	}
	return []byte(n.words[v]), nil
}

func (n names[T]) read(b []byte) (T, error) {
	for i, w := range n.words {
		if w == string(b) {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("schedule: no %s is named %q: give one of %q", n.kind, b, n.words[1:])
}
