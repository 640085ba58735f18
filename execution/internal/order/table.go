package order

// verdict says what an event does in a state.
type verdict uint8

const (
	illegal verdict = iota // an error: counted, audited, state unchanged
	stay                   // a duplicate, or a report that came out of order: harmless
	move                   // to cell.to
)

type cell struct {
	v  verdict
	to State
}

func to(s State) cell { return cell{move, s} }

var (
	no   = cell{illegal, 0}
	same = cell{stay, 0}
)

// table is the whole machine: what each event does in each state. Rows are events, columns states in the order of
// their constants. docs/order-states.md is generated from it.
//
// Late and repeated reports stay; a fill after a cancel or an expiry is taken (the quantity counts, and the fill that
// completes the order makes it FILLED). What riskd denied or the venue rejected cannot trade.
var table = [numEvents][numStates]cell{
	// NEW, SUBMITTED, APPROVED, ACKNOWLEDGED, PARTIALLY_FILLED, FILLED, PENDING_CANCEL, PENDING_REPLACE, CANCELLED, REJECTED, DENIED, EXPIRED, UNKNOWN
	Submit:                {to(Submitted), same, same, same, same, no, same, same, no, no, no, no, same},
	Approve:               {no, to(Approved), same, same, same, same, same, same, same, same, no, same, to(Approved)},
	Deny:                  {no, to(Denied), no, no, no, no, to(Denied), no, no, no, same, no, to(Denied)},
	Ack:                   {no, to(Acknowledged), to(Acknowledged), same, same, same, same, same, same, same, no, same, to(Acknowledged)},
	Partial:               {no, to(PartiallyFilled), to(PartiallyFilled), to(PartiallyFilled), same, same, same, same, same, no, no, same, to(PartiallyFilled)},
	Fill:                  {no, to(Filled), to(Filled), to(Filled), to(Filled), same, to(Filled), to(Filled), to(Filled), no, no, to(Filled), to(Filled)},
	CancelSent:            {no, to(PendingCancel), to(PendingCancel), to(PendingCancel), to(PendingCancel), no, same, to(PendingCancel), no, no, no, no, same},
	CancelRefused:         {no, same, same, same, same, same, to(Acknowledged), same, same, same, same, same, same},
	CancelRefusedPartial:  {no, no, no, no, same, same, to(PartiallyFilled), same, same, no, no, same, same},
	CancelDone:            {no, to(Cancelled), to(Cancelled), to(Cancelled), to(Cancelled), same, to(Cancelled), to(Cancelled), same, no, no, same, to(Cancelled)},
	VenueReject:           {no, to(Rejected), to(Rejected), to(Rejected), no, no, to(Rejected), to(Rejected), no, same, no, no, to(Rejected)},
	Expire:                {no, to(Expired), to(Expired), to(Expired), to(Expired), same, to(Expired), to(Expired), same, no, no, same, to(Expired)},
	Withdraw:              {to(Cancelled), no, no, no, no, no, no, no, same, no, no, no, no},
	Lapse:                 {to(Expired), to(Expired), no, no, no, no, to(Cancelled), no, no, no, no, same, to(Expired)},
	Lose:                  {no, to(Unknown), to(Unknown), to(Unknown), to(Unknown), no, to(Unknown), to(Unknown), no, no, no, no, same},
	ReplaceSent:           {no, no, to(PendingReplace), to(PendingReplace), to(PendingReplace), no, no, same, no, no, no, no, no},
	ReplaceRefused:        {no, no, same, same, same, same, same, to(Acknowledged), same, no, no, same, same},
	ReplaceRefusedPartial: {no, no, no, no, same, same, same, to(PartiallyFilled), same, no, no, same, same},
	Replace:               {no, no, same, same, same, no, same, to(Acknowledged), same, no, no, same, to(Acknowledged)},
	Correct:               {no, no, same, same, same, to(Cancelled), same, same, same, no, no, same, same},
}
