package targets

import (
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/schedule"
)

// Unattributed owns what the venue holds and no strategy's fills explain. Nobody wants it, so a plan sells it.
const Unattributed = "_unattributed"

// DriftBand is the part of equity, as one in so many, below which a difference is left alone unless it closes.
const DriftBand = 1000

// Input is everything a plan depends on.
type Input struct {
	Session    uint32
	Equity     int64                // millionths
	Portfolios map[string]Portfolio // the latest of each strategy in this session
	Register   register.Register
	Ledger     map[string]map[int64]int64 // strategy -> instrument -> attributed shares
	Positions  map[int64]int64            // from riskd
	Working    map[int64]Working          // from open orders
	Market     map[int64]Quote
	Marks      map[int64]int64
	Reference  map[int64]reference.Instrument
	Ticks      map[string]schedule.TickTable // by venue; one without a table has the reference's tick
	Unwound    Unwound
	Blocked    map[int64]string // not planned, and why
	ReduceOnly string           // why nothing may be bought; empty = it may
	Only       map[int64]int64  // re-plan: these instruments, at most so many shares (0 = no cap); nil = all
}

// Unwound is what an operator wants to be held no more, with the reason.
type Unwound struct {
	Strategies  map[string]string
	Instruments map[int64]string
}

// Working is what open orders of one instrument may still fill.
type Working struct {
	Buy, Sell  int64
	ByStrategy map[string]int64 // signed
}

// Draft is an order without its id.
type Draft struct {
	InstrumentID int64
	Side         order.Side
	Qty          int64
	LimitPx      int64
	StopDistance int64
	Closing      bool
	Shares       map[string]int64
	Group        int64 // drafts of one group are decided as one; 0 = on its own
}

// Transfer moves attributed shares of an instrument to a strategy (negative: away from it) without an order: two
// strategies' opposite wishes met inside, or the ledger set to what the venue holds after a split.
type Transfer struct {
	StrategyID   string `json:"strategy_id"`
	InstrumentID int64  `json:"instrument_id"`
	Qty          int64  `json:"qty"`
	Px           int64  `json:"px,omitempty"` // decision price of a cross
	Why          string `json:"why"`          // "cross" or "venue position"
}

// Skip says why an instrument gets no order.
type Skip struct {
	InstrumentID int64  `json:"instrument_id"`
	Qty          int64  `json:"qty"`
	Why          string `json:"why"`
}

// Result is a plan: sells first, then groups, then buys, each by instrument.
type Result struct {
	Drafts    []Draft
	Transfers []Transfer
	Skips     []Skip
	CancelFor []int64 // instruments whose working orders point the other way and must be cancelled first
}

// Net makes one order an instrument from everything the strategies want together.
func Net(in Input) Result {
	res := Result{}
	t := wholeTable(&in)
	n := &netter{in: &in, t: t, res: &res}
	if len(in.Only) == 0 {
		res.Drafts = make([]Draft, 0, len(t.ids)) // a new plan may trade everything
	}
	for row := range t.ids {
		n.net(row)
	}
	link(in, &res)
	res.Drafts = inOrder(res.Drafts)
	return res
}

// NetOne is Net for one instrument.
func NetOne(in Input, id int64) Result {
	res := Result{}
	n := &netter{in: &in, t: tableOf(&in, id), res: &res}
	n.net(0)
	return res
}

// TicksOf is the tick table of an instrument: its venue's, or the one tick of the reference.
func TicksOf(ref reference.Instrument, tables map[string]schedule.TickTable) schedule.TickTable {
	if t, ok := tables[ref.Venue]; ok {
		return t
	}
	return schedule.FlatTick(ref.TickMicro)
}
