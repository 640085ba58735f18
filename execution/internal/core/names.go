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

func decisionName(d uint8) string {
	switch d {
	case frame.DecisionApprove:
		return "APPROVE"
	case frame.DecisionReduce:
		return "REDUCE"
	case frame.DecisionReject:
		return "REJECT"
	case frame.DecisionFlatten:
		return "FLATTEN"
	}
	return "NONE"
}
