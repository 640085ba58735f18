package order

import (
	"errors"
	"fmt"
	"hash/fnv"
	"sort"
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

// Report is an execution report from the venue.
type Report struct {
	ExecID   uint64 `json:"exec_id"`
	Type     uint8  `json:"type"`
	LastQty  int64  `json:"last_qty"`
	LastPx   int64  `json:"last_px"`
	CumQty   int64  `json:"cum_qty"`
	Leaves   int64  `json:"leaves"`
	Fee      int64  `json:"fee"`
	Reason   uint16 `json:"reason,omitempty"`
	Bid      int64  `json:"bid"`
	Ask      int64  `json:"ask"`
	TsNs     int64  `json:"ts_ns"`
	Replayed bool   `json:"replayed,omitempty"`
}

// FillRecord is one fill as reported.
type FillRecord struct {
	Qty  int64 `json:"qty"`
	Px   int64 `json:"px"`
	Fee  int64 `json:"fee"`
	TsNs int64 `json:"ts_ns"`
	Bid  int64 `json:"bid"`
	Ask  int64 `json:"ask"`
}

// Order is one order and everything that was heard of it. What it holds after a set of reports does not depend on
// their order or on repetitions.
type Order struct {
	Spec
	State    State                 `json:"state"`
	Sends    int                   `json:"sends"`
	Decided  *Decision             `json:"decided,omitempty"`
	Cum      int64                 `json:"cum"`
	Fills    map[uint64]FillRecord `json:"fills,omitempty"` // by exec id
	Seen     map[uint64]bool       `json:"seen,omitempty"`  // exec ids of every report taken
	GapPx    int64                 `json:"gap_px,omitempty"`
	Reason   uint16                `json:"reason,omitempty"`
	LastNs   int64                 `json:"last_ns,omitempty"`
	WhyState string                `json:"why_state,omitempty"`
	Revised  *Revision             `json:"revised,omitempty"` // what the venue replaced it by, the latest
}

// Revision is the total quantity that a replacement gave the order.
type Revision struct {
	Qty    int64  `json:"qty"`
	ExecID uint64 `json:"exec_id"`
	TsNs   int64  `json:"ts_ns"`
}

// NewOrder makes an order in state NEW.
func NewOrder(s Spec) *Order { return &Order{Spec: s} }

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
	case Approve, Deny, Ack, Partial, Fill, CancelRefused, CancelRefusedPartial, CancelDone, VenueReject, Expire, Replace, Correct, numEvents:
		return o.refuse(e, "not omsd's own event")
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
		o.Decided = &d
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

// key identifies a report: its exec id, or its content where riskd had none to give.
func (r Report) key() uint64 {
	if r.ExecID != 0 {
		return r.ExecID
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%d/%d", r.Type, r.CumQty, r.LastQty, r.LastPx)
	return h.Sum64()
}

// Knows says that taking the report would change nothing.
func (o *Order) Knows(r Report) bool {
	if r.Type == 9 && o.Open() {
		// A statement about the order as it stands now: it may come true again after the order was found.
		return o.State == Unknown
	}
	return o.Seen[r.key()] && o.State != Unknown
}

// event finds what a report means for this order.
func (o *Order) event(r Report) (Event, error) {
	cum := o.cumAfter(r)
	switch r.Type {
	case 0:
		if cum > 0 {
			return Partial, nil
		}
		return Ack, nil
	case 1, 2:
		if cum >= o.Target() {
			return Fill, nil
		}
		return Partial, nil
	case 4:
		return CancelDone, nil
	case 8:
		return VenueReject, nil
	case 9:
		return Lose, nil
	case 12:
		return Expire, nil
	case 5:
		return Replace, nil
	case 13:
		return Correct, nil
	}
	return 0, fmt.Errorf("%w: order %d, exec type %d", ErrIllegal, o.ID, r.Type)
}

// Take applies an execution report. Duplicates and reports out of order are harmless; what the table forbids, and a
// quantity beyond the approved one, is ErrIllegal and changes nothing.
func (o *Order) Take(r Report) error {
	e, err := o.event(r)
	if err != nil {
		return err
	}
	if e == Correct {
		return o.correct(r)
	}
	if e == Replace {
		return o.replace(r)
	}
	if r.CumQty < 0 || r.LastQty < 0 || r.CumQty > o.Target() || r.LastQty > max(r.CumQty, o.Target()) {
		return o.refuse(e, fmt.Sprintf("last %d, cumulative %d of %d", r.LastQty, r.CumQty, o.Target()))
	}
	if o.Knows(r) {
		return nil
	}
	if r.LastQty > 0 && !o.Seen[r.key()] {
		if sum := o.filledByReport() + r.LastQty; sum > o.Target() {
			return o.refuse(e, fmt.Sprintf("fills add up to %d of %d", sum, o.Target()))
		}
	}
	cum := o.cumAfter(r)
	// An ack, cancel or expiry may carry fills whose own reports were lost: the quantity is taken first.
	if cum > o.Cum {
		if pe := Partial; !o.legal(pe) {
			return o.refuse(e, "carries a fill")
		}
	}
	if err := o.fire(e); err != nil {
		return err
	}
	fresh := o.see(r)
	o.Cum = cum
	if r.LastQty > 0 && fresh {
		o.book(r)
	}
	o.settle(r)
	return nil
}

// cumAfter is the filled quantity once the report is taken. A report that was taken before says nothing new, also when
// the venue has taken shares back since.
func (o *Order) cumAfter(r Report) int64 {
	if o.Seen[r.key()] {
		return o.Cum
	}
	return max(o.Cum, r.CumQty)
}

// see notes the report and says whether it was new.
func (o *Order) see(r Report) bool {
	if o.Seen == nil {
		o.Seen = map[uint64]bool{}
	}
	fresh := !o.Seen[r.key()]
	o.Seen[r.key()] = true
	return fresh
}

func (o *Order) book(r Report) {
	if o.Fills == nil {
		o.Fills = map[uint64]FillRecord{}
	}
	o.Fills[r.key()] = FillRecord{Qty: r.LastQty, Px: r.LastPx, Fee: r.Fee, TsNs: r.TsNs, Bid: r.Bid, Ask: r.Ask}
}

// settle brings state, reason and time up to what is filled now.
func (o *Order) settle(r Report) {
	if o.Cum >= o.Target() && o.Cum > 0 && o.legal(Fill) {
		o.State = Filled
	}
	switch missing := o.Missing(); {
	case missing == 0:
		o.GapPx = 0
	case o.GapPx == 0:
		o.GapPx = r.LastPx
	}
	if r.Reason != 0 {
		o.Reason = max(o.Reason, r.Reason)
	}
	o.LastNs = max(o.LastNs, r.TsNs)
}

func (o *Order) filledByReport() int64 {
	var n int64
	for _, f := range o.Fills {
		n += f.Qty
	}
	return n
}

// Missing is the filled quantity whose own reports never came; the cumulative quantity of a later one proved it.
func (o *Order) Missing() int64 { return max(0, o.Cum-o.filledByReport()) }

// FillIDs lists the exec ids of the fills in the order of their times.
func (o *Order) FillIDs() []uint64 {
	ids := make([]uint64, 0, len(o.Fills))
	for id := range o.Fills {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool {
		a, b := o.Fills[ids[i]], o.Fills[ids[j]]
		if a.TsNs != b.TsNs {
			return a.TsNs < b.TsNs
		}
		return ids[i] < ids[j]
	})
	return ids
}
