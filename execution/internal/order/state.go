// Package order is the life of one order: a state machine in one table, and what an order remembers.
//
// Nothing here does I/O or looks at a clock; an Order is changed by the one goroutine that owns it.
package order

import "fmt"

// State is where an order stands.
type State uint8

// The states. NEW has not left omsd; SUBMITTED has left it and has no decision yet.
const (
	New State = iota
	Submitted
	Approved
	Acknowledged
	PartiallyFilled
	Filled
	PendingCancel
	PendingReplace
	Cancelled
	Rejected
	Denied
	Expired
	Unknown
	numStates
)

var stateNames = [numStates]string{
	"NEW", "SUBMITTED", "APPROVED", "ACKNOWLEDGED", "PARTIALLY_FILLED", "FILLED",
	"PENDING_CANCEL", "PENDING_REPLACE", "CANCELLED", "REJECTED", "DENIED", "EXPIRED", "UNKNOWN",
}

var stateMeanings = [numStates]string{
	"planned and in the journal, not yet sent to riskd",
	"sent to riskd, no decision yet",
	"decided by riskd (whole or reduced), not yet acknowledged by the venue",
	"working at the venue, nothing filled",
	"working at the venue, partly filled",
	"filled to the approved quantity",
	"a cancel was sent, its outcome is not known",
	"a modification was sent, its outcome is not known; the order works as it was",
	"taken off the venue; what had filled stays filled",
	"refused by the venue",
	"refused by riskd",
	"ended by the end of its session",
	"nobody knows what became of it; blocks new plans for its instrument in its session",
}

// String is the state's name in reports and journals.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// MarshalText writes the name, so that journals stay readable.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *State) UnmarshalText(b []byte) error {
	for i, n := range stateNames {
		if n == string(b) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("order: no state named %q", b)
}

// Terminal says that nothing but a late fill can still happen to the order.
func (s State) Terminal() bool {
	switch s {
	case Filled, Cancelled, Rejected, Denied, Expired:
		return true
	case New, Submitted, Approved, Acknowledged, PartiallyFilled, PendingCancel, PendingReplace, Unknown:
		return false
	}
	return false
}

// Event is what happens to an order.
type Event uint8

// The events. Submit, CancelSent, ReplaceSent, Withdraw, Lapse and Lose are omsd's own; the others are riskd's or the venue's words.
const (
	Submit Event = iota
	Approve
	Deny
	Ack
	Partial
	Fill
	CancelSent
	CancelRefused
	CancelRefusedPartial
	CancelDone
	VenueReject
	Expire
	Withdraw
	Lapse
	Lose
	ReplaceSent
	ReplaceRefused
	ReplaceRefusedPartial
	Replace
	Correct
	numEvents
)

var eventNames = [numEvents]string{
	"submit", "approve", "deny", "ack", "partial fill", "fill", "cancel sent", "cancel refused",
	"cancel refused, partly filled", "cancelled", "venue reject", "expire", "withdraw", "lapse", "lose",
	"replace sent", "replace refused", "replace refused, partly filled", "replaced", "corrected",
}

var eventMeanings = [numEvents]string{
	"omsd sends the frame, the first time or again with the same id",
	"riskd's APPROVE or REDUCE",
	"riskd's REJECT or FLATTEN",
	"the venue has the order",
	"a fill that leaves some of the approved quantity",
	"the fill that completes the approved quantity",
	"omsd sends a cancel",
	"riskd or the venue refuses the cancel; nothing has filled",
	"riskd or the venue refuses the cancel; some has filled",
	"the venue took the order off",
	"the venue refuses the order",
	"the venue ends the order at the end of the session",
	"omsd drops an order that was never sent",
	"riskd never took the order, and its session is over or its cancel was asked for",
	"neither riskd nor the venue knows the order, or the venue calls it unknown",
	"omsd sends a modification: another total, another limit",
	"riskd or the venue refuses the modification; nothing has filled",
	"riskd or the venue refuses the modification; some has filled",
	"the venue gave the order another total and limit",
	"the venue took back or added to what it had reported as filled; a filled order that lost shares is not worked on",
}

// Known says that it is one of the events above: what is read from a file may be any byte.
func (e Event) Known() bool { return e < numEvents }

// String is the event's name in the journal.
func (e Event) String() string {
	if e.Known() {
		return eventNames[e]
	}
	return fmt.Sprintf("event %d", uint8(e))
}

// MarshalText writes the name, so that journals stay readable.
func (e Event) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (e *Event) UnmarshalText(b []byte) error {
	for i, n := range eventNames {
		if n == string(b) {
			*e = Event(i)
			return nil
		}
	}
	return fmt.Errorf("order: no event named %q", b)
}
