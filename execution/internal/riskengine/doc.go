// Package riskengine is the risk engine that riskd decides with, in this process: for cmd/oms-backtest alone. omsd asks
// riskd over its socket, and a test proves that it does not link this package.
//
// The types are plain Go and always there. [Engine], which calls the Rust library over cgo, is there with the build tag
// oms_backtest alone, so that everything else builds, vets and tests without Rust, without a C compiler and with
// CGO_ENABLED=0. To build what imports it:
//
//	tools/risk-cabi.sh                                        # build/lib/libdnalyaw_risk.a
//	go build $(../tools/risk-cabi.sh flags) ./cmd/oms-backtest
//
// Files that use Engine carry the tag too.
//
// Between the engine and its caller stands a desk (risk_native/desk), which takes what happens as riskd's core takes it: it
// knows orders by their first ids, ends what the venue ended, carries stops over the night, and brings a thrown kill switch
// to flat. Where it differs from riskd is said in docs/risk-in-process.md.
//
// Threading: one goroutine at a time may call an Engine, which one may change. A call that finds another inside does nothing
// and returns [ErrBusy]. Nothing is finalized: [Engine.Close] frees the memory outside Go's heap.
//
// Prices and money are int64 millionths of the currency unit, quantities whole shares, times nanoseconds since the Unix
// epoch, on the venue's clock. Codes of one byte are those of the frames between omsd and riskd.
package riskengine
