//go:build oms_backtest

package riskengine

// #include <dnalyaw_risk.h>
// #cgo noescape dnalyaw_risk_open_session
// #cgo nocallback dnalyaw_risk_open_session
// #cgo nocallback dnalyaw_risk_session_state
// #cgo noescape dnalyaw_risk_account
// #cgo nocallback dnalyaw_risk_account
// #cgo nocallback dnalyaw_risk_cash
// #cgo noescape dnalyaw_risk_quotes
// #cgo nocallback dnalyaw_risk_quotes
// #cgo nocallback dnalyaw_risk_clock
// #cgo nocallback dnalyaw_risk_expect_flow
// #cgo noescape dnalyaw_risk_halt
// #cgo nocallback dnalyaw_risk_halt
// #cgo nocallback dnalyaw_risk_kill
// #cgo nocallback dnalyaw_risk_rearm
import "C"

import "unsafe"

// OpenSession begins the next session day with its reference.json. A thrown switch, halts, ids and stops (rebased by the
// file's splits) go on; orders that are still open count as expired; the account is wanted.
func (e *Engine) OpenSession(reference []byte) error {
	return e.done(C.dnalyaw_risk_open_session(e.desk, data(reference), C.size_t(len(reference))))
}

// Session tells the venue's session state, a frame.Session code. The session day begins with the first one.
func (e *Engine) Session(state uint8, nowNs int64) error {
	return e.done(C.dnalyaw_risk_session_state(e.desk, C.uint8_t(state), C.int64_t(nowNs)))
}

// Account tells the whole account: cash, and every position that is not zero. What is wanted of the account is then seen to.
// riskd asks for it at the start of a session, and after a correction or a fill that nobody told.
func (e *Engine) Account(cash int64, holdings []Holding, nowNs int64) error {
	return e.done(C.dnalyaw_risk_account(e.desk, C.int64_t(cash),
		(*C.dnalyaw_holding)(unsafe.Pointer(unsafe.SliceData(holdings))), C.size_t(len(holdings)), C.int64_t(nowNs)))
}

// Cash tells the account's cash, every fill that was reported in it.
func (e *Engine) Cash(cash, nowNs int64) error {
	return e.done(C.dnalyaw_risk_cash(e.desk, C.int64_t(cash), C.int64_t(nowNs)))
}

// Quotes tells prices in the order in which they came; the clock moves with them. It returns how many were of instruments
// that the reference does not have: nothing reads those.
func (e *Engine) Quotes(quotes []Quote) (unknown int, err error) {
	var n C.uint64_t
	err = e.done(C.dnalyaw_risk_quotes(e.desk, (*C.dnalyaw_quote)(unsafe.Pointer(unsafe.SliceData(quotes))),
		C.size_t(len(quotes)), &n))
	return int(n), err
}

// Clock moves the venue's clock; it never goes back.
func (e *Engine) Clock(nowNs int64) error {
	return e.done(C.dnalyaw_risk_clock(e.desk, C.int64_t(nowNs)))
}

// ExpectFlow announces money that enters (positive) or leaves the account from outside; it counts once Cash shows it.
func (e *Engine) ExpectFlow(amount int64) error {
	return e.done(C.dnalyaw_risk_expect_flow(e.desk, C.int64_t(amount)))
}

// Halt stops one thing from opening, or lets it open again: instrument names it for HaltInstrument, name for HaltVenue and
// HaltStrategy. What closes passes.
func (e *Engine) Halt(scope Scope, instrument uint64, name string, on bool) error {
	var flag C.uint8_t
	if on {
		flag = 1
	}
	text := (*C.uint8_t)(unsafe.Pointer(unsafe.StringData(name)))
	return e.done(C.dnalyaw_risk_halt(e.desk, C.uint8_t(scope), C.uint64_t(instrument), text, C.size_t(len(name)), flag))
}

// Kill throws the kill switch by hand.
func (e *Engine) Kill(nowNs int64) error {
	return e.done(C.dnalyaw_risk_kill(e.desk, C.int64_t(nowNs)))
}

// Rearm arms a fired switch again; after a drawdown not in the same session.
func (e *Engine) Rearm() error { return e.done(C.dnalyaw_risk_rearm(e.desk)) }
