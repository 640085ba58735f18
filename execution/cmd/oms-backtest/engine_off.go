//go:build !oms_backtest

package main

import (
	"errors"

	"dnalyaw/execution/internal/backtest"
)

// openRisk says that this program was built without the risk engine: it cannot run, and says how to build it.
func openRisk(_, _ []byte, _ int) (backtest.Risk, error) {
	return nil, errors.New("built without the risk engine; build it with: tools/risk-cabi.sh && (cd execution && go build $(../tools/risk-cabi.sh flags) ./cmd/oms-backtest)")
}

func library() string { return "none" }
