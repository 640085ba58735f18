package gate

import (
	"fmt"
	"strings"
)

// Reason names the rule that a quote broke, or what is the matter with the feed.
type Reason uint8

// The reasons. Values stand in kept files and counts: they never change their meaning.
const (
	None        Reason = 0
	Malformed   Reason = 1
	NotPositive Reason = 2
	Halted      Reason = 3
	Stale       Reason = 4
	Future      Reason = 5
	Duplicate   Reason = 6
	Crossed     Reason = 7
	Locked      Reason = 8
	OneSided    Reason = 9
	OffTick     Reason = 10
	Spread      Reason = 11
	Spike       Reason = 12
	Gap         Reason = 13
	Dead        Reason = 14
	Unknown     Reason = 15

	reasons = 16
)

// rule says of a reason what stands in docs/market-data.md.
type rule struct {
	name   string
	what   string // what is judged
	effect string // what becomes of it
	why    string
}

var rules = [reasons]rule{
	None:        {"NONE", "", "", ""},
	Malformed:   {"MALFORMED", "a kind or status that does not exist, or an instrument id below 1", "refused", "a decoder or a source is broken"},
	NotPositive: {"NOT_POSITIVE", "a negative price or size; a trade or print at 0", "refused", "no such price can be traded; 0 means absent on a quote's side alone"},
	Halted:      {"HALTED", "a quote or trade while the instrument is halted; auction prints pass", "refused", "an indication during a halt fills nobody"},
	Stale:       {"STALE", "event time before what was seen of the instrument (quotes and trades apart), or more than `MaxAgeNs` before its receipt (snapshots are exempt), or a number 64 or more behind the last", "refused", "newer data are known already, or the line is late"},
	Future:      {"FUTURE", "event time more than `MaxAheadNs` after its receipt", "refused", "one of two clocks is wrong, and everything after it would look stale"},
	Duplicate:   {"DUPLICATE", "a sequence number seen before, or a quote or print that repeats the last one of its instrument, its event time included", "refused", "it says nothing new; a trade counted twice is false volume"},
	Crossed:     {"CROSSED", "bid above ask", "refused", "such a book cannot stand: one side is wrong or old"},
	Locked:      {"LOCKED", "bid equal to ask", "passes; refused with `LockedRefused`", "several venues' best prices do meet: about 2% of SPY's minutes"},
	OneSided:    {"ONE_SIDED", "a side or both sides absent", "passes as it is and moves no statistic; refused with `OneSidedRefused`", "that a side is gone is information"},
	OffTick:     {"OFF_TICK", "a quoted price that is no multiple of the instrument's tick", "passes; refused with `OffTickRefused`", "venues differ in what they print between ticks"},
	Spread:      {"SPREAD", "relative spread above the running median by more than `SpreadDeviations` robust deviations of its logarithm, or above `SpreadCeiling`; regular hours apart from the rest of the day", "refused", "a side is far from the market; a lasting change moves the median and is accepted"},
	Spike:       {"SPIKE", "log distance to the last accepted price above `SpikeDeviations` robust deviations for the time that has passed", "held; let go when confirmed, else refused", "a wrong price returns, a crash stays: see below"},
	Gap:         {"GAP", "a jump of the sequence number", "what follows passes with `FlagSuspect` until a snapshot", "what is missing may matter; what came is no less true"},
	Dead:        {"DEAD", "no message for `MaxSilenceNs` in session time, of one instrument for `SilenceFactor` times its usual pause and at least `InstrumentSilenceNs`, or a lost connection", "no quote is refused; `Health` says so until the next message, after a lost connection until the snapshot", "silence is no price: whoever opens risk asks first"},
	Unknown:     {"UNKNOWN", "an instrument beyond the first `MaxInstruments`", "refused", "a bound on memory: ids out of noise must not take it"},
}

func (r Reason) String() string {
	if int(r) < len(rules) {
		return rules[r].name
	}
	return fmt.Sprintf("REASON_%d", uint8(r))
}

// Reasons are all reasons there are, in the order of their numbers.
func Reasons() []Reason {
	all := make([]Reason, 0, reasons-1)
	for r := Malformed; r < reasons; r++ {
		all = append(all, r)
	}
	return all
}

// Table is the table of reasons in docs/market-data.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| reason | what is judged | what becomes of it | why |\n| --- | --- | --- | --- |\n")
	for _, r := range Reasons() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", rules[r].name, rules[r].what, rules[r].effect, rules[r].why)
	}
	return b.String()
}
