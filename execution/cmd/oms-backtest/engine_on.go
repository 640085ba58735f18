//go:build oms_backtest

package main

import (
	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/riskengine"
)

func openRisk(reference, tighter []byte, room int) (backtest.Risk, error) {
	return riskengine.Open(reference, tighter, room)
}

func library() string { return riskengine.Library() }
