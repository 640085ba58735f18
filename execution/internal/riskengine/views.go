//go:build oms_backtest

package riskengine

// #include <dnalyaw_risk.h>
// #cgo noescape dnalyaw_risk_state
// #cgo nocallback dnalyaw_risk_state
// #cgo noescape dnalyaw_risk_position
// #cgo nocallback dnalyaw_risk_position
// #cgo noescape dnalyaw_risk_positions
// #cgo nocallback dnalyaw_risk_positions
// #cgo noescape dnalyaw_risk_price
// #cgo nocallback dnalyaw_risk_price
// #cgo noescape dnalyaw_risk_prices
// #cgo nocallback dnalyaw_risk_prices
// #cgo noescape dnalyaw_risk_stops
// #cgo nocallback dnalyaw_risk_stops
// #cgo noescape dnalyaw_risk_orders
// #cgo nocallback dnalyaw_risk_orders
// #cgo noescape dnalyaw_risk_state_hash
// #cgo nocallback dnalyaw_risk_state_hash
// #cgo nocallback dnalyaw_risk_check
import "C"

import (
	"slices"
	"unsafe"
)

// State is the account and what may be traded now.
func (e *Engine) State() (State, error) {
	var s State
	err := e.done(C.dnalyaw_risk_state(e.desk, (*C.dnalyaw_state)(unsafe.Pointer(&s))))
	return s, err
}

// Position is the signed shares of one instrument; 0 of one that is unknown.
func (e *Engine) Position(instrument uint64) (int64, error) {
	var qty C.int64_t
	err := e.done(C.dnalyaw_risk_position(e.desk, C.uint64_t(instrument), &qty))
	return int64(qty), err
}

// Price is what the engine holds of one instrument's market after its gates, what PRICE frames tell; false where it holds none.
func (e *Engine) Price(instrument uint64) (Quote, bool, error) {
	var q Quote
	err := e.done(C.dnalyaw_risk_price(e.desk, C.uint64_t(instrument), (*C.dnalyaw_quote)(unsafe.Pointer(&q))))
	return q, q.InstrumentID != 0, err
}

// Positions are all positions that are not zero, by instrument.
func (e *Engine) Positions() ([]Position, error) { return e.AppendPositions(nil) }

// AppendPositions is Positions behind what into holds, in its room where there is enough.
func (e *Engine) AppendPositions(into []Position) ([]Position, error) {
	return list(e, into, func(first *Position, room C.size_t, n *C.size_t) C.int32_t {
		return C.dnalyaw_risk_positions(e.desk, (*C.dnalyaw_position)(unsafe.Pointer(first)), room, n)
	})
}

// Prices are the prices that the engine holds, by instrument.
func (e *Engine) Prices() ([]Quote, error) { return e.AppendPrices(nil) }

// AppendPrices is Prices behind what into holds, in its room where there is enough.
func (e *Engine) AppendPrices(into []Quote) ([]Quote, error) {
	return list(e, into, func(first *Quote, room C.size_t, n *C.size_t) C.int32_t {
		return C.dnalyaw_risk_prices(e.desk, (*C.dnalyaw_quote)(unsafe.Pointer(first)), room, n)
	})
}

// Stops are the stops that are held, by instrument.
func (e *Engine) Stops() ([]Stop, error) {
	return list(e, nil, func(first *Stop, room C.size_t, n *C.size_t) C.int32_t {
		return C.dnalyaw_risk_stops(e.desk, (*C.dnalyaw_stop)(unsafe.Pointer(first)), room, n)
	})
}

// Orders are the open orders, by their first ids.
func (e *Engine) Orders() ([]OpenOrder, error) {
	return list(e, nil, func(first *OpenOrder, room C.size_t, n *C.size_t) C.int32_t {
		return C.dnalyaw_risk_orders(e.desk, (*C.dnalyaw_open_order)(unsafe.Pointer(first)), room, n)
	})
}

// list asks with the room that there is until all fits.
func list[T any](e *Engine, into []T, ask func(first *T, room C.size_t, n *C.size_t) C.int32_t) ([]T, error) {
	have := len(into)
	into = slices.Grow(into, 64)
	for {
		out := into[have:cap(into)]
		var n C.size_t
		if err := e.done(ask(&out[0], C.size_t(len(out)), &n)); err != nil {
			return nil, err
		}
		if int(n) <= len(out) {
			return into[:have+int(n)], nil
		}
		into = slices.Grow(into, int(n))
	}
}

// StateHash is the SHA-256 of the engine's whole state: two engines that were told alike agree.
func (e *Engine) StateHash() ([32]byte, error) {
	var hash [32]byte
	err := e.done(C.dnalyaw_risk_state_hash(e.desk, (*C.uint8_t)(unsafe.Pointer(&hash[0]))))
	return hash, err
}

// Check computes every running sum again, as riskd's shadow does every second; a difference is ErrShadow.
func (e *Engine) Check() error { return e.done(C.dnalyaw_risk_check(e.desk)) }
