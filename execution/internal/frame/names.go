package frame

// DecisionName is a decision's name in logs, reports and labels, and unknown for a code that is none.
func DecisionName(code uint8, unknown string) string {
	switch code {
	case DecisionApprove:
		return "APPROVE"
	case DecisionReduce:
		return "REDUCE"
	case DecisionReject:
		return "REJECT"
	case DecisionFlatten:
		return "FLATTEN"
	}
	return unknown
}
