//go:build oms_backtest && !cgo

package riskengine

// The engine is Rust behind a C ABI: without cgo there is none, and the compiler says it here rather than at every use.
var _ = oms_backtest_needs_CGO_ENABLED_1
