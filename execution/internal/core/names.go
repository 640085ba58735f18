package core

import "dnalyaw/execution/internal/frame"

func tradingName(s uint8) string {
	switch s {
	case frame.TradingActive:
		return "ACTIVE"
	case frame.TradingReduceOnly:
		return "REDUCE_ONLY"
	case frame.TradingHalted:
		return "HALTED"
	case frame.TradingKilled:
		return "KILLED"
	}
	return "UNKNOWN"
}

func sessionName(s uint8) string {
	switch s {
	case frame.SessionPreOpen:
		return "PRE_OPEN"
	case frame.SessionOpen:
		return "OPEN"
	case frame.SessionBreak:
		return "BREAK"
	case frame.SessionClosed:
		return "CLOSED"
	}
	return "UNKNOWN"
}

func decisionName(code uint8) string { return frame.DecisionName(code, "NONE") }
