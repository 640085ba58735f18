// Package backtest runs the order-management system on a virtual clock: omsd's core with its state machine, targets,
// schedules and router, the risk engine that riskd decides with, and the simulated venue's engine, in one goroutine. The
// same inputs give the same outputs, byte for byte.
//
// What is real here is real there: the core takes riskd's frames and sends its own, so an order lives the same life as in
// a session with processes and sockets between.
package backtest

import "dnalyaw/execution/internal/riskengine"

// Risk is the risk engine; riskengine.Engine is one, where the program is built with it.
type Risk interface {
	OpenSession(reference []byte) error
	Session(state uint8, nowNs int64) error
	Account(cash int64, holdings []riskengine.Holding, nowNs int64) error
	Cash(cash, nowNs int64) error
	Quotes(quotes []riskengine.Quote) (unknown int, err error)
	Clock(nowNs int64) error
	Decide(o *riskengine.Order, nowNs int64, d *riskengine.Decision) error
	DecideLinked(legs []riskengine.Order, nowNs int64, ds []riskengine.Decision) error
	Replace(r *riskengine.Replace, nowNs int64, d *riskengine.Decision) error
	Cancel(orderID uint64, nowNs int64) (wireID uint64, err error)
	Report(r *riskengine.Report, nowNs int64) (riskengine.Outcome, error)
	Settle(nowNs int64, actions []riskengine.Action) (riskengine.Settled, error)
	Kill(nowNs int64) error
	Rearm() error
	Wants() riskengine.Wants
	State() (riskengine.State, error)
	AppendPositions(into []riskengine.Position) ([]riskengine.Position, error)
	AppendPrices(into []riskengine.Quote) ([]riskengine.Quote, error)
	Price(instrument uint64) (riskengine.Quote, bool, error)
	Close() error
}
