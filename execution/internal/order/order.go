package order

import (
	"errors"
	"fmt"
)

// ErrIllegal is wrapped by every refused transition; the order is unchanged.
var ErrIllegal = errors.New("order: illegal transition")

// Side of an order.
type Side uint8

// The sides, numbered as on the wire.
const (
	Buy  Side = 1
	Sell Side = 2
)

// String is BUY or SELL.
func (s Side) String() string {
	switch s {
	case Buy:
		return "BUY"
	case Sell:
		return "SELL"
	}
	return fmt.Sprintf("side %d", uint8(s))
}

// Sign is +1 for a buy and -1 for a sell.
func (s Side) Sign() int64 {
	if s == Sell {
		return -1
	}
	return 1
}

// Spec is what an order asks for; it never changes, and the same id always carries the same Spec.
type Spec struct {
	ID           uint64           `json:"id"`
	Session      uint32           `json:"session"`
	InstrumentID int64            `json:"instrument_id"`
	Side         Side             `json:"side"`
	Qty          int64            `json:"qty"`
	LimitPx      int64            `json:"limit_px"`      // millionths; 0 = market
	StopDistance int64            `json:"stop_distance"` // millionths; 0 = none
	ReduceOnly   bool             `json:"reduce_only,omitempty"`
	Correlation  string           `json:"correlation"`
	CreatedNs    int64            `json:"created_ns"`
	Shares       map[string]int64 `json:"shares"` // strategy -> its part of Qty; they sum to Qty
	RetryOf      uint64           `json:"retry_of,omitempty"`
	Strategies   uint64           `json:"strategies,omitempty"` // bit i: Shares has the reference's strategies[i]
	Parent       uint64           `json:"parent,omitempty"`     // the scheduled order that it is a slice of; 0 = none
	Style        uint8            `json:"style,omitempty"`      // how the schedule priced it
	Leg          uint8            `json:"leg,omitempty"`        // 1 to Legs: decided as one with those beside it; 0 = on its own
	Legs         uint8            `json:"legs,omitempty"`
}

// Decision is riskd's word on the order, with the market as it stood when it came.
type Decision struct {
	Code         uint8  `json:"code"`
	Reason       uint16 `json:"reason"`
	ApprovedQty  int64  `json:"approved_qty"`
	ReferencePx  int64  `json:"reference_px"`
	Equity       int64  `json:"equity"`
	WorstCase    int64  `json:"worst_case"`
	BindingLimit int64  `json:"binding_limit"`
	LimitsHash   uint64 `json:"limits_hash"`
	TsNs         int64  `json:"ts_ns"`
	ArrivalBid   int64  `json:"arrival_bid"`
	ArrivalAsk   int64  `json:"arrival_ask"`
}

// Order is one order and everything that was heard of it. What it holds after a set of reports does not depend on
// their order or on repetitions.
type Order struct {
	Spec
	State    State        `json:"state"`
	Path     uint8        `json:"path,omitempty"` // route to the market, 1 or 2; 0 = there is only one
	Sends    int          `json:"sends"`
	Decided  *Decision    `json:"decided,omitempty"`
	Cum      int64        `json:"cum"`
	Fills    []FillRecord `json:"fills,omitempty"` // ascending by exec id
	Seen     []uint64     `json:"seen,omitempty"`  // exec ids of every report taken, ascending
	GapPx    int64        `json:"gap_px,omitempty"`
	Reason   uint16       `json:"reason,omitempty"`
	LastNs   int64        `json:"last_ns,omitempty"`
	WhyState string       `json:"why_state,omitempty"`
	Asked    *Amendment   `json:"asked,omitempty"`   // the modification under way
	Revised  *Revision    `json:"revised,omitempty"` // what the venue replaced it by, the latest
	spare    *Decision    // room for Decided, of the order whose memory this one has
}

// Amendment is a modification that was sent.
type Amendment struct {
	ID      uint64 `json:"id"`       // its own, from the sequence of the orders
	Qty     int64  `json:"qty"`      // the new total, what has filled included
	LimitPx int64  `json:"limit_px"` // millionths
}

// Revision is what a replacement made of the order.
type Revision struct {
	Qty     int64  `json:"qty"`
	LimitPx int64  `json:"limit_px,omitempty"` // 0 = as it was, or not known
	ExecID  uint64 `json:"exec_id"`
	TsNs    int64  `json:"ts_ns"`
}

// NewOrder makes an order in state NEW.
func NewOrder(s Spec) *Order { return &Order{Spec: s} }

// Renew makes a new order of one that nobody asks for any more, in its memory.
func (o *Order) Renew(s Spec) {
	spare := o.Decided
	if spare == nil {
		spare = o.spare
	}
	*o = Order{Spec: s, Fills: o.Fills[:0], Seen: o.Seen[:0], spare: spare}
}

// Target is the quantity that completes the order: what a replacement left of it, what riskd approved, or what was asked
// before it decided.
func (o *Order) Target() int64 {
	if o.Revised != nil {
		return o.Revised.Qty
	}
	if o.Decided != nil && (o.Decided.Code == 1 || o.Decided.Code == 2) {
		return o.Decided.ApprovedQty
	}
	return o.Qty
}

// Limit is the order's limit as it works now, in millionths; 0 = market.
func (o *Order) Limit() int64 {
	if o.Revised != nil && o.Revised.LimitPx > 0 {
		return o.Revised.LimitPx
	}
	return o.LimitPx
}

// Working is what may still fill, unsigned. An UNKNOWN order may still fill.
func (o *Order) Working() int64 {
	if o.State.Terminal() {
		return 0
	}
	return max(0, o.Target()-o.Cum)
}

// Open says that the order may still trade.
func (o *Order) Open() bool { return !o.State.Terminal() }

// DoneNs is when the order ended, by the venue's clock; 0 while it is open.
func (o *Order) DoneNs() int64 {
	if o.Open() {
		return 0
	}
	return o.LastNs
}

// fire makes the table's move, or returns ErrIllegal and changes nothing.
func (o *Order) fire(e Event) error {
	switch c := table[e][o.State]; c.v {
	case stay:
		return nil
	case move:
		o.State = c.to
		return nil
	case illegal:
		return o.refuse(e, "")
	}
	return o.refuse(e, "")
}

func (o *Order) refuse(e Event, detail string) error {
	if detail != "" {
		detail = ": " + detail
	}
	return fmt.Errorf("%w: order %d is %s, event %q%s", ErrIllegal, o.ID, o.State, e, detail)
}

// legal says whether the table allows the event now.
func (o *Order) legal(e Event) bool { return table[e][o.State].v != illegal }

// Own applies one of omsd's own events: Submit, CancelSent, Withdraw, Lapse, Lose.
func (o *Order) Own(e Event, tsNs int64, why string) error {
	switch e {
	case Submit, CancelSent, Withdraw, Lapse, Lose:
	case Approve, Deny, Ack, Partial, Fill, CancelRefused, CancelRefusedPartial, CancelDone, VenueReject, Expire,
		ReplaceSent, ReplaceRefused, ReplaceRefusedPartial, Replace, Correct, numEvents:
		return o.refuse(e, "not omsd's own event")
	default:
		return o.refuse(e, "no such event")
	}
	if err := o.fire(e); err != nil {
		return err
	}
	if e == Submit {
		o.Sends++
	}
	if why != "" {
		o.WhyState = why
	}
	if o.State.Terminal() {
		o.LastNs = max(o.LastNs, tsNs)
	}
	return nil
}

// RefuseCancel notes that a cancel was refused.
func (o *Order) RefuseCancel(tsNs int64) error {
	e := CancelRefused
	if o.Cum > 0 {
		e = CancelRefusedPartial
	}
	if err := o.fire(e); err != nil {
		return err
	}
	o.LastNs = max(o.LastNs, tsNs)
	return nil
}

// Decide notes riskd's decision. The same decision again is harmless; another one is illegal.
func (o *Order) Decide(d Decision) error {
	e := Deny
	switch d.Code {
	case 1, 2:
		e = Approve
		if d.ApprovedQty <= 0 || d.ApprovedQty > o.Qty {
			return o.refuse(e, fmt.Sprintf("approved %d of %d", d.ApprovedQty, o.Qty))
		}
	case 3, 4:
	default:
		return o.refuse(e, fmt.Sprintf("decision code %d", d.Code))
	}
	if p := o.Decided; p != nil {
		if p.Code != d.Code || p.Reason != d.Reason || p.ApprovedQty != d.ApprovedQty {
			return o.refuse(e, fmt.Sprintf("decided %d/%d for %d before, now %d/%d for %d",
				p.Code, p.Reason, p.ApprovedQty, d.Code, d.Reason, d.ApprovedQty))
		}
		if o.State != Unknown {
			return nil
		}
	}
	if err := o.fire(e); err != nil {
		return err
	}
	if o.Decided == nil {
		if o.Decided, o.spare = o.spare, nil; o.Decided == nil {
			o.Decided = new(Decision)
		}
		*o.Decided = d
		o.LastNs = max(o.LastNs, d.TsNs)
	}
	if o.State == Approved && o.Cum > 0 {
		o.State = PartiallyFilled
	}
	if o.Cum > 0 && o.Cum >= o.Target() && o.legal(Fill) {
		o.State = Filled
	}
	return nil
}
