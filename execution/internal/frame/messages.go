package frame

import "encoding/binary"

var le = binary.LittleEndian

func putI64(b []byte, v int64) { le.PutUint64(b, uint64(v)) }
func getI64(b []byte) int64    { return int64(le.Uint64(b)) }

// Hello opens a connection from omsd. Session 0 accepts whichever session riskd trades.
type Hello struct {
	Session uint32
	Region  [4]byte
}

// NewOrder asks riskd for its one decision on an order. Prices are millionths, quantities whole shares.
type NewOrder struct {
	OrderID      uint64
	InstrumentID uint64
	Qty          int64
	LimitPx      int64
	StopDistance int64
	Correlation  [16]byte
	Side         uint8
	Type         uint8
	TIF          uint8
	Flags        uint8
	// Leg of Legs: linked legs are decided as one and arrive one after another; 0 of 0 is an order of its own.
	Leg  uint8
	Legs uint8
	// Path is the route to the market: PathDefault, PathFirst or PathSecond. A Replace keeps the order's.
	Path uint8
	// Strategies has bit i set when the order carries a target of the reference file's strategies[i].
	Strategies uint64
}

// MaxLegs is the most legs that one order may have.
const MaxLegs = 16

func (m *NewOrder) legsHold() bool {
	return m.Leg == 0 && m.Legs == 0 || m.Leg >= 1 && m.Leg <= m.Legs && m.Legs >= 2 && m.Legs <= MaxLegs
}

// The routes to one market, in NewOrder and in Decision. The default is the market's own choice: the venue is told none.
const (
	PathDefault = 0
	PathFirst   = 1
	PathSecond  = 2
)

// Values of NewOrder's one-byte fields.
const (
	SideBuy        = 1
	SideSell       = 2
	TypeMarket     = 1
	TypeLimit      = 2
	TIFDay         = 0
	TIFIOC         = 3
	FlagReduceOnly = 1
	FlagSellShort  = 2
)

// Cancel asks riskd to take an order off the venue.
type Cancel struct {
	OrderID     uint64
	Correlation [16]byte
}

// Kill is the kill switch; Who says who threw it and why, zero padded.
type Kill struct {
	Correlation [16]byte
	Who         [64]byte
}

// Sync asks for everything needed to rebuild; SyncEnd repeats the nonce.
type Sync struct{ Nonce uint64 }

// Replace asks riskd to change an order, which keeps its id. Qty is the new total, what has filled included.
type Replace struct {
	OrderID      uint64
	OriginalID   uint64
	Qty          int64
	LimitPx      int64
	StopDistance int64
	Correlation  [16]byte
}

// Heartbeat says that omsd is alive.
type Heartbeat struct{}

// Welcome answers Hello.
type Welcome struct {
	Session       uint32
	TradingState  uint8
	VenueUp       uint8
	LastOrderID   uint64
	LimitsHash    uint64
	ReferenceHash uint64
	Region        [8]byte
}

// Decision is riskd's one word on an order.
type Decision struct {
	OrderID      uint64
	InstrumentID uint64
	RequestedQty int64
	ApprovedQty  int64
	LimitsHash   uint64
	Correlation  [16]byte
	Decision     uint8
	Path         uint8 // as the order asked for it
	Reason       uint16
	ReferencePx  int64
	Equity       int64
	WorstCase    int64
	BindingLimit int64
}

// Values of Decision.Decision.
const (
	DecisionApprove = 1
	DecisionReduce  = 2
	DecisionReject  = 3
	DecisionFlatten = 4
)

// Exec is a report on an order from the venue.
type Exec struct {
	OrderID      uint64
	InstrumentID uint64
	LastQty      int64
	LastPx       int64
	CumQty       int64
	LeavesQty    int64
	Fee          int64
	ExecID       uint64
	ExecType     uint8
	Side         uint8
	Reason       uint16
	Flags        uint8
	Bid          int64
	Ask          int64
}

// Values of Exec.ExecType, and the flag of a report repeated by SYNC.
const (
	ExecNew       = 0
	ExecPartial   = 1
	ExecFill      = 2
	ExecCancelled = 4
	ExecReplaced  = 5
	ExecRejected  = 8
	ExecUnknown   = 9
	ExecExpired   = 12
	ExecCorrected = 13
	FlagReplayed  = 1
)

// State is the account and what may be traded now. Money is in millionths.
type State struct {
	TradingState uint8
	VenueUp      uint8
	SessionState uint8
	Session      uint32
	Equity       int64
	Baseline     int64
	Cash         int64
	DrawdownBp   int32
	Reason       uint16
}

// Values of State.TradingState and State.SessionState.
const (
	TradingActive     = 1
	TradingReduceOnly = 2
	TradingHalted     = 3
	TradingKilled     = 4
	SessionUnknown    = 0
	SessionPreOpen    = 1
	SessionOpen       = 2
	SessionBreak      = 3
	SessionClosed     = 4
)

// Position is the venue's position in one instrument, signed.
type Position struct {
	InstrumentID uint64
	Qty          int64
	MarkPx       int64
}

// Price is the market in one instrument; 0 is an absent side.
type Price struct {
	InstrumentID uint64
	Bid          int64
	Ask          int64
	Last         int64
	TsNs         int64
}

// SyncEnd closes the answer to Sync and says how much of each was sent.
type SyncEnd struct {
	Nonce     uint64
	Orders    uint32
	Positions uint32
	Prices    uint32
}

// Refused answers a frame that gets no decision.
type Refused struct {
	OrderID uint64
	Reason  uint16
}

// Kind implements Message.
func (*Hello) Kind() Kind { return KindHello }

// Kind implements Message.
func (*NewOrder) Kind() Kind { return KindNewOrder }

// Kind implements Message.
func (*Cancel) Kind() Kind { return KindCancel }

// Kind implements Message.
func (*Kill) Kind() Kind { return KindKill }

// Kind implements Message.
func (*Sync) Kind() Kind { return KindSync }

// Kind implements Message.
func (*Replace) Kind() Kind { return KindReplace }

// Kind implements Message.
func (*Heartbeat) Kind() Kind { return KindHeartbeat }

// Kind implements Message.
func (*Welcome) Kind() Kind { return KindWelcome }

// Kind implements Message.
func (*Decision) Kind() Kind { return KindDecision }

// Kind implements Message.
func (*Exec) Kind() Kind { return KindExec }

// Kind implements Message.
func (*State) Kind() Kind { return KindState }

// Kind implements Message.
func (*Position) Kind() Kind { return KindPosition }

// Kind implements Message.
func (*Price) Kind() Kind { return KindPrice }

// Kind implements Message.
func (*SyncEnd) Kind() Kind { return KindSyncEnd }

// Kind implements Message.
func (*Refused) Kind() Kind { return KindRefused }

func (m *Hello) put(b *[Size]byte) {
	le.PutUint32(b[24:], m.Session)
	copy(b[28:32], m.Region[:])
}

func (m *Hello) get(b *[Size]byte) {
	m.Session = le.Uint32(b[24:])
	copy(m.Region[:], b[28:32])
}

func (m *NewOrder) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.OrderID)
	le.PutUint64(b[32:], m.InstrumentID)
	putI64(b[40:], m.Qty)
	putI64(b[48:], m.LimitPx)
	putI64(b[56:], m.StopDistance)
	copy(b[64:80], m.Correlation[:])
	b[80], b[81], b[82], b[83] = m.Side, m.Type, m.TIF, m.Flags
	b[84], b[85], b[86] = m.Leg, m.Legs, m.Path
	le.PutUint64(b[88:], m.Strategies)
}

func (m *NewOrder) get(b *[Size]byte) {
	m.OrderID = le.Uint64(b[24:])
	m.InstrumentID = le.Uint64(b[32:])
	m.Qty = getI64(b[40:])
	m.LimitPx = getI64(b[48:])
	m.StopDistance = getI64(b[56:])
	copy(m.Correlation[:], b[64:80])
	m.Side, m.Type, m.TIF, m.Flags = b[80], b[81], b[82], b[83]
	m.Leg, m.Legs, m.Path = b[84], b[85], b[86]
	m.Strategies = le.Uint64(b[88:])
}

func (m *Cancel) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.OrderID)
	copy(b[32:48], m.Correlation[:])
}

func (m *Cancel) get(b *[Size]byte) {
	m.OrderID = le.Uint64(b[24:])
	copy(m.Correlation[:], b[32:48])
}

func (m *Kill) put(b *[Size]byte) {
	copy(b[24:40], m.Correlation[:])
	copy(b[40:104], m.Who[:])
}

func (m *Kill) get(b *[Size]byte) {
	copy(m.Correlation[:], b[24:40])
	copy(m.Who[:], b[40:104])
}

func (m *Sync) put(b *[Size]byte) { le.PutUint64(b[24:], m.Nonce) }
func (m *Sync) get(b *[Size]byte) { m.Nonce = le.Uint64(b[24:]) }

func (m *Replace) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.OrderID)
	le.PutUint64(b[32:], m.OriginalID)
	putI64(b[40:], m.Qty)
	putI64(b[48:], m.LimitPx)
	putI64(b[56:], m.StopDistance)
	copy(b[64:80], m.Correlation[:])
}

func (m *Replace) get(b *[Size]byte) {
	m.OrderID = le.Uint64(b[24:])
	m.OriginalID = le.Uint64(b[32:])
	m.Qty = getI64(b[40:])
	m.LimitPx = getI64(b[48:])
	m.StopDistance = getI64(b[56:])
	copy(m.Correlation[:], b[64:80])
}

func (*Heartbeat) put(*[Size]byte) {}
func (*Heartbeat) get(*[Size]byte) {}

func (m *Welcome) put(b *[Size]byte) {
	le.PutUint32(b[24:], m.Session)
	b[28], b[29] = m.TradingState, m.VenueUp
	le.PutUint64(b[32:], m.LastOrderID)
	le.PutUint64(b[40:], m.LimitsHash)
	le.PutUint64(b[48:], m.ReferenceHash)
	copy(b[56:64], m.Region[:])
}

func (m *Welcome) get(b *[Size]byte) {
	m.Session = le.Uint32(b[24:])
	m.TradingState, m.VenueUp = b[28], b[29]
	m.LastOrderID = le.Uint64(b[32:])
	m.LimitsHash = le.Uint64(b[40:])
	m.ReferenceHash = le.Uint64(b[48:])
	copy(m.Region[:], b[56:64])
}

func (m *Decision) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.OrderID)
	le.PutUint64(b[32:], m.InstrumentID)
	putI64(b[40:], m.RequestedQty)
	putI64(b[48:], m.ApprovedQty)
	le.PutUint64(b[56:], m.LimitsHash)
	copy(b[64:80], m.Correlation[:])
	b[80], b[81] = m.Decision, m.Path
	le.PutUint16(b[82:], m.Reason)
	putI64(b[88:], m.ReferencePx)
	putI64(b[96:], m.Equity)
	putI64(b[104:], m.WorstCase)
	putI64(b[112:], m.BindingLimit)
}

func (m *Decision) get(b *[Size]byte) {
	m.OrderID = le.Uint64(b[24:])
	m.InstrumentID = le.Uint64(b[32:])
	m.RequestedQty = getI64(b[40:])
	m.ApprovedQty = getI64(b[48:])
	m.LimitsHash = le.Uint64(b[56:])
	copy(m.Correlation[:], b[64:80])
	m.Decision, m.Path = b[80], b[81]
	m.Reason = le.Uint16(b[82:])
	m.ReferencePx = getI64(b[88:])
	m.Equity = getI64(b[96:])
	m.WorstCase = getI64(b[104:])
	m.BindingLimit = getI64(b[112:])
}

func (m *Exec) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.OrderID)
	le.PutUint64(b[32:], m.InstrumentID)
	putI64(b[40:], m.LastQty)
	putI64(b[48:], m.LastPx)
	putI64(b[56:], m.CumQty)
	putI64(b[64:], m.LeavesQty)
	putI64(b[72:], m.Fee)
	le.PutUint64(b[80:], m.ExecID)
	b[88], b[89] = m.ExecType, m.Side
	le.PutUint16(b[90:], m.Reason)
	b[92] = m.Flags
	putI64(b[96:], m.Bid)
	putI64(b[104:], m.Ask)
}

func (m *Exec) get(b *[Size]byte) {
	m.OrderID = le.Uint64(b[24:])
	m.InstrumentID = le.Uint64(b[32:])
	m.LastQty = getI64(b[40:])
	m.LastPx = getI64(b[48:])
	m.CumQty = getI64(b[56:])
	m.LeavesQty = getI64(b[64:])
	m.Fee = getI64(b[72:])
	m.ExecID = le.Uint64(b[80:])
	m.ExecType, m.Side = b[88], b[89]
	m.Reason = le.Uint16(b[90:])
	m.Flags = b[92]
	m.Bid = getI64(b[96:])
	m.Ask = getI64(b[104:])
}

func (m *State) put(b *[Size]byte) {
	b[24], b[25], b[26] = m.TradingState, m.VenueUp, m.SessionState
	le.PutUint32(b[28:], m.Session)
	putI64(b[32:], m.Equity)
	putI64(b[40:], m.Baseline)
	putI64(b[48:], m.Cash)
	le.PutUint32(b[56:], uint32(m.DrawdownBp))
	le.PutUint16(b[60:], m.Reason)
}

func (m *State) get(b *[Size]byte) {
	m.TradingState, m.VenueUp, m.SessionState = b[24], b[25], b[26]
	m.Session = le.Uint32(b[28:])
	m.Equity = getI64(b[32:])
	m.Baseline = getI64(b[40:])
	m.Cash = getI64(b[48:])
	m.DrawdownBp = int32(le.Uint32(b[56:]))
	m.Reason = le.Uint16(b[60:])
}

func (m *Position) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.InstrumentID)
	putI64(b[32:], m.Qty)
	putI64(b[40:], m.MarkPx)
}

func (m *Position) get(b *[Size]byte) {
	m.InstrumentID = le.Uint64(b[24:])
	m.Qty = getI64(b[32:])
	m.MarkPx = getI64(b[40:])
}

func (m *Price) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.InstrumentID)
	putI64(b[32:], m.Bid)
	putI64(b[40:], m.Ask)
	putI64(b[48:], m.Last)
	putI64(b[56:], m.TsNs)
}

func (m *Price) get(b *[Size]byte) {
	m.InstrumentID = le.Uint64(b[24:])
	m.Bid = getI64(b[32:])
	m.Ask = getI64(b[40:])
	m.Last = getI64(b[48:])
	m.TsNs = getI64(b[56:])
}

func (m *SyncEnd) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.Nonce)
	le.PutUint32(b[32:], m.Orders)
	le.PutUint32(b[36:], m.Positions)
	le.PutUint32(b[40:], m.Prices)
}

func (m *SyncEnd) get(b *[Size]byte) {
	m.Nonce = le.Uint64(b[24:])
	m.Orders = le.Uint32(b[32:])
	m.Positions = le.Uint32(b[36:])
	m.Prices = le.Uint32(b[40:])
}

func (m *Refused) put(b *[Size]byte) {
	le.PutUint64(b[24:], m.OrderID)
	le.PutUint16(b[32:], m.Reason)
}

func (m *Refused) get(b *[Size]byte) {
	m.OrderID = le.Uint64(b[24:])
	m.Reason = le.Uint16(b[32:])
}
