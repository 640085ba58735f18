//go:build oms_backtest

package riskengine

// #include <dnalyaw_risk.h>
// #cgo noescape dnalyaw_risk_decide
// #cgo nocallback dnalyaw_risk_decide
// #cgo noescape dnalyaw_risk_decide_linked
// #cgo nocallback dnalyaw_risk_decide_linked
// #cgo noescape dnalyaw_risk_replace
// #cgo nocallback dnalyaw_risk_replace
// #cgo noescape dnalyaw_risk_cancel
// #cgo nocallback dnalyaw_risk_cancel
// #cgo noescape dnalyaw_risk_report
// #cgo nocallback dnalyaw_risk_report
// #cgo noescape dnalyaw_risk_settle
// #cgo nocallback dnalyaw_risk_settle
import "C"

import "unsafe"

// Decide decides an order and, when it is accepted, reserves its worst case. The decision goes to d.
func (e *Engine) Decide(o *Order, nowNs int64, d *Decision) error {
	return e.done(C.dnalyaw_risk_decide(e.desk, (*C.dnalyaw_order)(unsafe.Pointer(o)), C.int64_t(nowNs),
		(*C.dnalyaw_decision)(unsafe.Pointer(d))))
}

// DecideLinked decides legs as one: 2 to 16 of them, and a decision for each.
func (e *Engine) DecideLinked(legs []Order, nowNs int64, ds []Decision) error {
	if len(legs) != len(ds) {
		return ErrLegs
	}
	return e.done(C.dnalyaw_risk_decide_linked(e.desk, (*C.dnalyaw_order)(unsafe.Pointer(unsafe.SliceData(legs))),
		C.size_t(len(legs)), C.int64_t(nowNs), (*C.dnalyaw_decision)(unsafe.Pointer(unsafe.SliceData(ds)))))
}

// Replace decides a modification. Where it is accepted, what the venue makes of it is told with a Report: frame.ExecReplaced
// or ReplaceRefused.
func (e *Engine) Replace(r *Replace, nowNs int64, d *Decision) error {
	return e.done(C.dnalyaw_risk_replace(e.desk, (*C.dnalyaw_replace)(unsafe.Pointer(r)), C.int64_t(nowNs),
		(*C.dnalyaw_decision)(unsafe.Pointer(d))))
}

// Cancel asks for an order to be cancelled. wireID is what the venue knows it by: send the cancel there; 0 = one is on its
// way already. ErrUnknownOrder: no order works under this id.
func (e *Engine) Cancel(orderID uint64, nowNs int64) (wireID uint64, err error) {
	var wire C.uint64_t
	err = e.done(C.dnalyaw_risk_cancel(e.desk, C.uint64_t(orderID), C.int64_t(nowNs), &wire))
	return uint64(wire), err
}

// Report tells what the venue says of an order.
func (e *Engine) Report(r *Report, nowNs int64) (Outcome, error) {
	var o Outcome
	err := e.done(C.dnalyaw_risk_report(e.desk, (*C.dnalyaw_report)(unsafe.Pointer(r)), C.int64_t(nowNs),
		(*C.dnalyaw_outcome)(unsafe.Pointer(&o))))
	return o, err
}

// Settle takes what a thrown switch or a stop that was reached wants done now, at most len(actions) of it. Closing orders
// are decided by it. Call it while WantSettle is wanted, and at the moment that Settled names.
func (e *Engine) Settle(nowNs int64, actions []Action) (Settled, error) {
	var s Settled
	err := e.done(C.dnalyaw_risk_settle(e.desk, C.int64_t(nowNs), (*C.dnalyaw_action)(unsafe.Pointer(unsafe.SliceData(actions))),
		C.size_t(len(actions)), (*C.dnalyaw_settled)(unsafe.Pointer(&s))))
	return s, err
}
