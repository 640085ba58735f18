package schedule

import (
	"errors"
	"fmt"

	"dnalyaw/execution/internal/order"
)

// maxQty and maxPx keep every product in the package inside 128 bits.
const (
	maxQty = 1_000_000_000_000
	maxPx  = 1_000_000_000_000_000
)

// Parent is one order to be worked: plain data, the same before and after a restart.
type Parent struct {
	ID           uint64     `json:"id"`
	InstrumentID int64      `json:"instrument_id"`
	Side         order.Side `json:"side"`
	Qty          int64      `json:"qty"` // shares
	Lot          int64      `json:"lot"` // shares
	Ticks        TickTable  `json:"ticks"`
	// Closing says that the order only takes a position down: its odd lot goes too, with the last child, and what is left
	// of it may be below the least notional.
	Closing bool       `json:"closing,omitempty"`
	StartNs int64      `json:"start_ns"`
	EndNs   int64      `json:"end_ns"`           // no child is sent from then on
	Breaks  [][2]int64 `json:"breaks,omitempty"` // [start, end) of each break of the session, ascending
	ADV     int64      `json:"adv,omitempty"`    // average daily volume in shares; 0 = unknown
}

func (p Parent) faults() []error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if p.ID == 0 {
		bad("id is 0: give the parent an id")
	}
	if p.Side != order.Buy && p.Side != order.Sell {
		bad("side is %d: give 1 (buy) or 2 (sell)", p.Side)
	}
	if p.Lot < 1 || p.Lot > maxQty {
		bad("lot is %d: give 1 to %d", p.Lot, int64(maxQty))
	}
	switch {
	case p.Qty < 1 || p.Qty > maxQty:
		bad("qty is %d: give 1 to %d", p.Qty, int64(maxQty))
	case p.Lot > 0 && p.Qty%p.Lot != 0 && !p.Closing:
		bad("qty %d is no multiple of the lot %d: only a closing order may have an odd lot", p.Qty, p.Lot)
	}
	if p.StartNs <= 0 || p.EndNs <= p.StartNs {
		bad("start_ns %d and end_ns %d: the end must follow the start", p.StartNs, p.EndNs)
	}
	last := int64(0)
	for i, b := range p.Breaks {
		if b[0] < last || b[1] <= b[0] {
			bad("breaks[%d] %v: breaks must ascend and may not overlap", i, b)
		}
		last = b[1]
	}
	if len(all) == 0 && newTradingTime(p.StartNs, p.EndNs, p.Breaks).total == 0 {
		bad("the window from %d to %d lies in a break: nothing trades in it", p.StartNs, p.EndNs)
	}
	if p.ADV < 0 {
		bad("adv is %d: give 0 (unknown) or more", p.ADV)
	}
	return append(all, p.Ticks.faults()...)
}

// Validate says what is wrong with the parent, all faults at once.
func (p Parent) Validate() error { return errors.Join(p.faults()...) }

// TickBand is the tick that holds from a price on, until the next band begins.
type TickBand struct {
	FromPx int64 `json:"from_px"` // millionths
	Tick   int64 `json:"tick"`    // millionths
}

// TickTable is a venue's ticks by price, ascending, the first from 0.
type TickTable []TickBand

// FlatTick is the table of a venue that has one tick at every price.
func FlatTick(tick int64) TickTable { return TickTable{{0, tick}} }

func (t TickTable) faults() []error {
	var all []error
	if len(t) == 0 {
		return []error{errors.New("ticks is empty: give at least one band, from price 0")}
	}
	for i, b := range t {
		switch {
		case i == 0 && b.FromPx != 0:
			all = append(all, fmt.Errorf("ticks[0] begins at %d: the first band begins at 0", b.FromPx))
		case i > 0 && b.FromPx <= t[i-1].FromPx:
			all = append(all, fmt.Errorf("ticks[%d] begins at %d: bands must ascend", i, b.FromPx))
		}
		if b.Tick < 1 || b.Tick > maxPx {
			all = append(all, fmt.Errorf("ticks[%d]: the tick is %d: give 1 to %d", i, b.Tick, int64(maxPx)))
		} else if b.FromPx%b.Tick != 0 {
			all = append(all, fmt.Errorf("ticks[%d] begins at %d, which is no multiple of its tick %d", i, b.FromPx, b.Tick))
		}
	}
	return all
}

func (t TickTable) band(px int64) int {
	i := len(t) - 1
	for i > 0 && t[i].FromPx > px {
		i--
	}
	return i
}

// Down is the highest price of the table that is not above px; 0 when there is none.
func (t TickTable) Down(px int64) int64 { return floorTo(px, t[t.band(px)].Tick) }

// Up is the lowest price of the table that is not below px.
func (t TickTable) Up(px int64) int64 {
	i := t.band(px)
	up := ceilTo(px, t[i].Tick)
	if i+1 < len(t) {
		up = min(up, t[i+1].FromPx)
	}
	return up
}
