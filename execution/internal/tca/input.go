package tca

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"dnalyaw/execution/internal/order"
)

// Bounds of what is measured: they keep every sum inside 128 bits.
const (
	maxQty   = 1_000_000_000_000
	maxPx    = 1_000_000_000_000_000
	maxMoney = 1 << 61
)

// Quote is the best bid and offer, in millionths; 0 is an absent side.
type Quote struct {
	TsNs int64 `json:"ts_ns"`
	Bid  int64 `json:"bid"`
	Ask  int64 `json:"ask"`
}

// twiceMid is bid plus ask, when both are there and do not cross.
func (q Quote) twiceMid() point {
	if q.Bid <= 0 || q.Ask < q.Bid {
		return point{}
	}
	return point{q.Bid + q.Ask, true}
}

// point is twice a price, in millionths, or nothing.
type point struct {
	twice int64
	known bool
}

func price(px int64) point { return point{2 * px, px > 0} }

// Fill is one execution as it holds, or what a correction changed: then with a negative quantity and fee.
type Fill struct {
	ExecID uint64 `json:"exec_id"`
	TsNs   int64  `json:"ts_ns"`
	Qty    int64  `json:"qty"`   // shares
	Px     int64  `json:"px"`    // millionths
	Fee    int64  `json:"fee"`   // millionths of the currency
	Quote  Quote  `json:"quote"` // the market when it filled, before the fill
}

// Child is one child order. Its quotes are the market when it was sent and when it ended.
type Child struct {
	ID      uint64 `json:"id"`
	Path    uint8  `json:"path"`
	Venue   string `json:"venue"`
	Style   string `json:"style"`
	Qty     int64  `json:"qty"` // shares that were sent, or what riskd left of them
	LimitPx int64  `json:"limit_px"`
	SentNs  int64  `json:"sent_ns"`
	AckNs   int64  `json:"ack_ns"`  // 0 = never acknowledged
	DoneNs  int64  `json:"done_ns"` // when nothing of it could fill any more
	Sent    Quote  `json:"sent"`
	Done    Quote  `json:"done"`
	Fills   []Fill `json:"fills"`
	// Where the order stands in the router's experiment, as it was assigned.
	Experiment bool   `json:"experiment"`
	Stratum    string `json:"stratum"`
	Block      uint32 `json:"block"`
	Slot       int    `json:"slot"`
	Route      string `json:"route"` // the router's reason
}

// filled is the quantity of the fills, their fees and what was paid or received for them.
func (c Child) filled() (qty int64, fees, money wide) {
	for _, f := range c.Fills {
		qty, fees, money = qty+f.Qty, fees.plus(times(f.Fee, 1)), money.plus(times(f.Qty, f.Px))
	}
	return qty, fees, money
}

// Parent is an order as it was decided, and all that was done for it. It has ended.
type Parent struct {
	ID           uint64           `json:"id"`
	Scheduled    bool             `json:"scheduled"` // worked by a schedule; otherwise an order that went at once, and ID is its own
	Session      uint32           `json:"session"`   // YYYYMMDD
	Correlation  string           `json:"correlation"`
	InstrumentID int64            `json:"instrument_id"`
	Currency     string           `json:"currency"`
	Algorithm    string           `json:"algorithm"`
	Side         order.Side       `json:"side"`
	Qty          int64            `json:"qty"` // shares decided
	DecisionNs   int64            `json:"decision_ns"`
	DecisionPx   int64            `json:"decision_px"` // millionths; 0 = unknown
	ArrivalNs    int64            `json:"arrival_ns"`  // when the first child could go
	Arrival      Quote            `json:"arrival"`     // the market then
	EndNs        int64            `json:"end_ns"`      // when it was complete or given up
	Breaks       [][2]int64       `json:"breaks"`      // of the session
	Shares       map[string]int64 `json:"shares"`      // strategy -> its part of Qty; they sum to Qty
	Children     []Child          `json:"children"`
}

// Validate says what is wrong with the parent, all faults at once.
func (p Parent) Validate() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if p.Side != order.Buy && p.Side != order.Sell {
		bad("side is %d: give 1 (buy) or 2 (sell)", p.Side)
	}
	if p.Qty < 1 || p.Qty > maxQty {
		bad("qty is %d: give 1 to %d", p.Qty, int64(maxQty))
	}
	if p.DecisionPx < 0 || p.DecisionPx > maxPx {
		bad("decision_px is %d: give 0 (unknown) to %d", p.DecisionPx, int64(maxPx))
	}
	if p.DecisionNs <= 0 || p.ArrivalNs < p.DecisionNs || p.EndNs < p.ArrivalNs {
		bad("decision_ns %d, arrival_ns %d and end_ns %d: they must follow each other", p.DecisionNs, p.ArrivalNs, p.EndNs)
	}
	sum := int64(0)
	for _, strategy := range slices.Sorted(maps.Keys(p.Shares)) {
		n := p.Shares[strategy]
		if n < 1 || n > maxQty || strategy == "" {
			bad("shares of strategy %q are %d: give each named strategy a part from 1 on", strategy, n)
			continue
		}
		sum += n
	}
	if sum != p.Qty {
		bad("shares sum to %d, qty is %d: they must be the same", sum, p.Qty)
	}
	all = append(all, quoteFaults("arrival", p.Arrival)...)
	filled := int64(0)
	seen := map[uint64]bool{}
	for i, c := range p.Children {
		name := fmt.Sprintf("children[%d] (%d)", i, c.ID)
		if seen[c.ID] {
			bad("%s is there twice", name)
		}
		seen[c.ID] = true
		all = append(all, c.faults(name)...)
		n, _, _ := c.filled()
		filled += n
	}
	if filled > p.Qty {
		bad("%d of %d filled: more than was decided", filled, p.Qty)
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("tca: parent %d: %w", p.ID, err)
	}
	return nil
}

func (c Child) faults(name string) []error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(name+": "+format, args...)) }
	if c.Qty < 1 || c.Qty > maxQty {
		bad("qty is %d: give 1 to %d", c.Qty, int64(maxQty))
	}
	if c.Path > 2 {
		bad("path is %d: give 1 or 2, or 0 for the market's default", c.Path)
	}
	if c.SentNs <= 0 || c.DoneNs < c.SentNs || c.AckNs != 0 && c.AckNs < c.SentNs {
		bad("sent_ns %d, ack_ns %d and done_ns %d: they must follow each other", c.SentNs, c.AckNs, c.DoneNs)
	}
	all = append(all, quoteFaults(name+" sent", c.Sent)...)
	all = append(all, quoteFaults(name+" done", c.Done)...)
	for _, f := range c.Fills {
		if f.Qty == 0 || f.Qty > maxQty || f.Qty < -maxQty || f.Px < 1 || f.Px > maxPx || f.Fee > maxMoney || f.Fee < -maxMoney {
			bad("fill %d is %d at %d with a fee of %d", f.ExecID, f.Qty, f.Px, f.Fee)
		}
		all = append(all, quoteFaults(fmt.Sprintf("%s fill %d", name, f.ExecID), f.Quote)...)
	}
	if n, _, _ := c.filled(); n < 0 || n > c.Qty {
		bad("%d of %d filled", n, c.Qty)
	}
	return all
}

func quoteFaults(name string, q Quote) []error {
	if q.Bid < 0 || q.Ask < 0 || q.Bid > maxPx || q.Ask > maxPx {
		return []error{fmt.Errorf("%s: quote %d to %d: give 0 (absent) to %d", name, q.Bid, q.Ask, int64(maxPx))}
	}
	return nil
}
