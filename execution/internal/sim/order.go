package sim

import (
	"fmt"
	"slices"
)

// Side of an order.
type Side uint8

// The two sides. A sell that is not marked short never exceeds the position.
const (
	Buy  Side = 1
	Sell Side = 2
)

func (s Side) String() string {
	switch s {
	case Buy:
		return "buy"
	case Sell:
		return "sell"
	}
	return fmt.Sprintf("side(%d)", uint8(s))
}

// Type of an order.
type Type uint8

// The order types.
const (
	Market Type = 1
	Limit  Type = 2
)

func (t Type) String() string {
	switch t {
	case Market:
		return "market"
	case Limit:
		return "limit"
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// TIF is how long an order stands.
type TIF uint8

// Day orders expire at the close; IOC orders fill what they can at once and the rest is cancelled.
const (
	Day TIF = 0
	IOC TIF = 3
)

func (t TIF) String() string {
	switch t {
	case Day:
		return "day"
	case IOC:
		return "ioc"
	}
	return fmt.Sprintf("tif(%d)", uint8(t))
}

// Status of an order.
type Status uint8

// The statuses. Received lasts from an order's record to its ack's or reject's; both are journaled together.
const (
	Received Status = iota + 1
	New
	PartiallyFilled
	Filled
	Cancelled
	Rejected
	Expired
)

func (s Status) String() string {
	names := [...]string{"", "received", "new", "partially filled", "filled", "cancelled", "rejected", "expired"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Working says whether the order can still fill.
func (s Status) Working() bool { return s == New || s == PartiallyFilled }

// life is the whole life of an order: what each record may do in each status. What is absent is illegal.
// A fill that leaves nothing makes the order Filled, see state.filled; a correction that takes back the only fill of a
// working order makes it New, see state.corrected. What a correction takes from a filled order is not worked on again.
var life = map[Status]map[Kind]Status{
	Received:        {KindAck: New, KindReject: Rejected},
	New:             {KindFill: PartiallyFilled, KindCancel: Cancelled, KindExpire: Expired, KindReplace: New},
	PartiallyFilled: {KindFill: PartiallyFilled, KindCancel: Cancelled, KindExpire: Expired, KindReplace: PartiallyFilled, KindCorrect: PartiallyFilled},
	Filled:          {KindCorrect: Cancelled},
	Cancelled:       {KindCorrect: Cancelled},
	Rejected:        {},
	Expired:         {KindCorrect: Expired},
}

// steps is the kinds of records that are steps in an order's life, transitions life by Status and their places here; 0 is no
// legal step.
var steps = [...]Kind{KindAck, KindFill, KindCancel, KindExpire, KindReject, KindReplace, KindCorrect}

var transitions = func() (table [Expired + 1][len(steps)]Status) {
	for status, legal := range life {
		for kind, next := range legal {
			table[status][slices.Index(steps[:], kind)] = next
		}
	}
	return table
}()

// NewOrder is what a client asks for.
type NewOrder struct {
	ClOrdID      string
	InstrumentID int64 // 0: known by Symbol alone
	Symbol       string
	Side         Side
	Type         Type
	TIF          TIF
	Qty          int64
	LimitPx      int64 // 0 for a market order
	Short        bool  // a sell that is marked as a short sale
	Path         int64 // the path on which it is sent: 0 the default, 1 or 2
}

// maxPath is the highest path to the venue.
const maxPath = 2

// Order is one order's state. Every field follows from the records.
type Order struct {
	NewOrder
	OrderID    string
	Seq        int64 // arrival, for time priority
	Status     Status
	Cum        int64
	Notional   int64 // sum of qty*px over the fills
	Fees       int64
	NoteFees   int64 // of Fees: what the contract note has been charged so far
	ReservePx  int64 // price at which a buy reserves cash, 0: reserves none
	LastQty    int64
	LastPx     int64
	LastExecID string
	Reason     int // OrdRejReason of a rejected order
	Text       string
	PrevID     string // the ClOrdID before the last replacement, empty without one
	fills      []execution
	work
}

// work is what stands beside an order while it works. The records and the market's rows determine it.
type work struct {
	desk     *desk
	priority int64    // its place in time
	slot     int      // its place in state.arrival
	shortAt  int      // its place in state.shorts, counted from 1
	claimed  int64    // the cash that a working buy claims, the shares that a working sell claims
	names    []string // the ClOrdIDs before the present one
	resting
}

// execution is a fill as it stands after its corrections. note is the contract note's part of fee.
type execution struct {
	id                 string
	seq                int64 // of the record
	qty, px, fee, note int64
}

// public is a copy of the order that shares nothing with the engine.
func (o *Order) public() Order {
	c := *o
	c.desk = nil
	c.fills = append([]execution(nil), o.fills...)
	return c
}

// Leaves is what may still fill: 0 once the order is done.
func (o *Order) Leaves() int64 {
	if o.Status.Working() {
		return o.Qty - o.Cum
	}
	return 0
}

// LastFillID is the ExecID of the fill that LastQty and LastPx are of; empty without one. What came after it, a cancel for
// one, has an ExecID of its own, which is no fill's.
func (o *Order) LastFillID() string {
	if n := len(o.fills); n > 0 {
		return o.fills[n-1].id
	}
	return ""
}

// AvgPx is the average price of the fills, rounded half up; 0 without any.
func (o *Order) AvgPx() int64 { return average(o.Notional, o.Cum) }

func average(notional, qty int64) int64 {
	if qty == 0 {
		return 0
	}
	return (notional + qty/2) / qty
}

// step moves the order along transitions.
func (o *Order) step(kind Kind) error {
	at := slices.Index(steps[:], kind)
	next := Status(0)
	if at >= 0 {
		next = transitions[o.Status][at]
	}
	if next == 0 {
		return fmt.Errorf("order %s is %s: %s is no legal step", o.ClOrdID, o.Status, kind)
	}
	o.Status = next
	return nil
}
