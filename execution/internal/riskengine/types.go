package riskengine

import "dnalyaw/execution/internal/frame"

// Order is an order as it arrives. Nothing in it is believed: what cannot be gets a reject.
type Order struct {
	OrderID      uint64 // strictly increasing, below 2^62
	InstrumentID uint64
	Qty          int64
	LimitPx      int64 // 0 for a market order
	StopDistance int64 // from entry to stop, price units; 0 = none
	Strategies   uint64
	Side         uint8
	Type         uint8
	TIF          uint8
	Flags        uint8
	_            [4]byte
}

// Replace is a modification of an order, which keeps its id.
type Replace struct {
	OrderID      uint64 // the modification's own, from the orders' run
	OriginalID   uint64 // the order's first id
	Qty          int64  // new total, what has filled included
	LimitPx      int64
	StopDistance int64
}

// Quote is everything now known of one instrument's market. 0 is an absent side; a side without shares is absent.
type Quote struct {
	InstrumentID uint64
	Bid          int64
	Ask          int64
	Last         int64 // last trade or auction print
	TsNs         int64
}

// Holding is a position as the venue reports it, signed. SettlementPx is the last price by the venue, on the session's
// share basis; 0 = it tells none.
type Holding struct {
	InstrumentID uint64
	Qty          int64
	SettlementPx int64
}

// Report is what the venue says of an order, by its first id or that of its modification. Type is a code of EXEC frames, or
// one of the two refusals.
type Report struct {
	OrderID      uint64
	InstrumentID uint64
	LastQty      int64
	LastPx       int64
	CumQty       int64
	LeavesQty    int64
	Fee          int64
	Type         uint8
	_            [7]byte
}

// Values of Report.Type that EXEC frames do not have.
const (
	CancelRefused  = 64
	ReplaceRefused = 65
)

// Outcome is what a report did.
type Outcome struct {
	PositionChange int64
	finished       uint8
	repeated       uint8
	_              [6]byte
}

// Finished says that the order is done.
func (o Outcome) Finished() bool { return o.finished != 0 }

// Repeated says that the report changed nothing: a repeat, or one that a later report overtook.
func (o Outcome) Repeated() bool { return o.repeated != 0 }

// Decision is what was decided, and everything that it was made on. 0 where a value is not known.
type Decision struct {
	OrderID      uint64
	InstrumentID uint64 // 0 when a modification names no working order
	RequestedQty int64
	ApprovedQty  int64 // of a modification the new total
	ReferencePx  int64
	Equity       int64
	WorstCase    int64 // exposure of the instrument after the decision
	BindingLimit int64 // the value of the limit that bound, or of the instrument limit
	LimitsHash   uint64

	Position       int64
	WorkingBuys    int64
	WorkingSells   int64
	Traded         int64 // shares today, both sides
	Bid            int64
	Ask            int64
	Last           int64
	PriceTsNs      int64
	StopLevel      int64 // held in the order's direction
	RiskPerShare   int64
	Cash           int64
	SecondEquity   int64 // at the second marks
	Baseline       int64 // in the firm's currency
	Flows          int64
	IssuerExposure int64
	SectorExposure int64
	GrossExposure  int64
	NetLong        int64
	NetShort       int64
	BuyingPower    int64
	DrawdownBp     int32
	WorkingOrders  uint32

	Reason       uint16
	Decision     uint8
	TradingState uint8
	SessionState uint8
	VenueUp      uint8
	_            [2]byte
}

// ActionKind says what an Action is.
type ActionKind uint8

// The kinds of actions.
const (
	ActionCancel ActionKind = 1 // cancel the order OrderID, which the venue knows by WireID
	ActionClose  ActionKind = 2 // send Order, where Decision accepted it; tell Decision in any case
)

// Action is something that a thrown switch or a stop that was reached wants done at the venue.
type Action struct {
	OrderID  uint64
	WireID   uint64
	Order    Order
	Decision Decision
	Kind     ActionKind
	_        [7]byte
}

// Phase is where the kill switch stands.
type Phase uint8

// The phases, in their order.
const (
	Armed Phase = iota
	Cancelling
	Reconciling
	Closing
	Verifying
	Flat
)

func (p Phase) String() string {
	names := [...]string{"armed", "cancelling", "reconciling", "closing", "verifying", "flat"}
	if int(p) < len(names) {
		return names[p]
	}
	return "phase " + string('0'+p%10)
}

// Settled is what came of settling: how many actions were written, where the switch stands, and when to settle again if
// nothing happens before (math.MaxInt64: when something happens).
type Settled struct {
	Count  uint64
	WakeNs int64
	Phase  Phase
	_      [7]byte
}

// State is the account and what may be traded now.
type State struct {
	Equity         int64 // 0 when not known
	Baseline       int64 // 0 when not set
	Cash           int64 // 0 when not known
	Flows          int64
	NowNs          int64
	LimitsHash     uint64 // first eight bytes
	ReferenceHash  uint64 // first eight bytes
	LastOrderID    uint64
	LastOwnOrderID uint64
	OpenOrders     uint64
	FiredStops     uint64
	Unreferenced   uint64 // positions in instruments that the reference does not have
	Session        uint32 // YYYYMMDD; 0 before the session's state was told
	DrawdownBp     int32
	KillSession    uint32
	KillReason     uint16
	Reason         uint16
	TradingState   uint8
	SessionState   uint8
	VenueUp        uint8
	Phase          Phase
	killed         uint8
	_              [3]byte
}

// Killed says that the kill switch has fired.
func (s *State) Killed() bool { return s.killed != 0 }

// Position is a position with the price at which exposure is measured; 0 = none.
type Position struct {
	InstrumentID uint64
	Qty          int64
	MarkPx       int64
}

// Stop is a stop that is held. Direction is frame.SideBuy of a long, frame.SideSell of a short.
type Stop struct {
	InstrumentID uint64
	LevelPx      int64
	Direction    uint8
	fired        uint8
	_            [6]byte
}

// Fired says that it was reached, and that the position is being closed.
func (s Stop) Fired() bool { return s.fired != 0 }

// OpenOrder is an order that works, under its first id and what the venue knows it by.
type OpenOrder struct {
	OrderID         uint64
	WireID          uint64
	ReplacementID   uint64 // the modification that the venue has not answered; 0 = none
	InstrumentID    uint64
	Qty             int64
	CumQty          int64
	ReservePx       int64
	LimitPx         int64
	Side            uint8
	cancelRequested uint8
	fateUnknown     uint8
	_               [5]byte
}

// CancelRequested says that a cancel was asked for.
func (o *OpenOrder) CancelRequested() bool { return o.cancelRequested != 0 }

// FateUnknown says that the venue has not told what became of it.
func (o *OpenOrder) FateUnknown() bool { return o.fateUnknown != 0 }

// Wants is what an engine wants of whoever simulates the venue, as bits.
type Wants uint8

// The bits. WantSettle: call Settle. WantCash: call Cash. WantAccount: call Account.
const (
	WantSettle  Wants = 1
	WantCash    Wants = 2
	WantAccount Wants = 4
)

// Scope is what can be halted.
type Scope uint8

// The scopes.
const (
	HaltAll Scope = iota
	HaltInstrument
	HaltVenue
	HaltStrategy
)

// OrderOf is a NEW_ORDER frame's order; that it is a leg of several is the caller's to see.
func OrderOf(m *frame.NewOrder) Order {
	return Order{
		OrderID: m.OrderID, InstrumentID: m.InstrumentID, Qty: m.Qty, LimitPx: m.LimitPx, StopDistance: m.StopDistance,
		Strategies: m.Strategies, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
	}
}

// ReplaceOf is a REPLACE frame's modification.
func ReplaceOf(m *frame.Replace) Replace {
	return Replace{OrderID: m.OrderID, OriginalID: m.OriginalID, Qty: m.Qty, LimitPx: m.LimitPx, StopDistance: m.StopDistance}
}

// ReportOf is an EXEC frame's report.
func ReportOf(m *frame.Exec) Report {
	return Report{
		OrderID: m.OrderID, InstrumentID: m.InstrumentID, LastQty: m.LastQty, LastPx: m.LastPx, CumQty: m.CumQty,
		LeavesQty: m.LeavesQty, Fee: m.Fee, Type: m.ExecType,
	}
}

// Frame is the DECISION frame of a decision on an order of this correlation.
func (d *Decision) Frame(correlation [16]byte) frame.Decision {
	return frame.Decision{
		OrderID: d.OrderID, InstrumentID: d.InstrumentID, RequestedQty: d.RequestedQty, ApprovedQty: d.ApprovedQty,
		LimitsHash: d.LimitsHash, Correlation: correlation, Decision: d.Decision, Reason: d.Reason,
		ReferencePx: d.ReferencePx, Equity: d.Equity, WorstCase: d.WorstCase, BindingLimit: d.BindingLimit,
	}
}

// Frame is the STATE frame.
func (s *State) Frame() frame.State {
	return frame.State{
		TradingState: s.TradingState, VenueUp: s.VenueUp, SessionState: s.SessionState, Session: s.Session, Equity: s.Equity,
		Baseline: s.Baseline, Cash: s.Cash, DrawdownBp: s.DrawdownBp, Reason: s.Reason,
	}
}
