package backtest

import (
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// Sink takes what a run produces, in the order in which it happens. What it is given holds until it returns.
type Sink interface {
	Handoff(session uint32, nowNs int64, a core.Answer) error
	Record(session uint32, r *sim.Record) error
	// Decision is what the risk engine decided on an order, a modification or, as FLATTEN, an order of its own; side is the
	// order's, a frame.Side code.
	Decision(session uint32, nowNs int64, side uint8, d *riskengine.Decision) error
	Day(d Summary) error
}

// Summary is the account at a session's end. Money is in millionths.
type Summary struct {
	Session   uint32 `json:"session"`
	Cash      int64  `json:"cash_micro"`
	Value     int64  `json:"value_micro"` // cash and positions at their marks
	Positions int    `json:"positions"`
	Orders    int    `json:"orders"`
	Fills     int    `json:"fills"`
	Events    int    `json:"events"`           // of the market
	Killed    bool   `json:"killed,omitempty"` // the kill switch is thrown

	Quotes *Reading `json:"quotes,omitempty"` // where they were read as the session passed
}

func (f *Floor) summary() (Summary, error) {
	state, err := f.risk.State()
	orders, fills := f.venue.Counts()
	return Summary{
		Killed: err == nil && state.Killed(),

		Session: f.day.ref.Session, Cash: f.venue.Cash(), Value: f.venue.Value(), Positions: len(f.venue.Positions()), Orders: orders, Fills: fills,
		Events: f.venue.Events(),
	}, err
}
