package metrics

import (
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
)

// The names of codes as labels. Each list is closed, so that what comes over the wire cannot make series without end.

var reasons = order.ReasonNames()

// unnamed stands for every reason code that has no name; it has none itself.
const unnamed = 65535

func reasonName(code uint16) string {
	if n, ok := reasons[code]; ok {
		return n
	}
	return other
}

func execName(kind uint8) string {
	switch kind {
	case frame.ExecNew:
		return "NEW"
	case frame.ExecPartial:
		return "PARTIAL"
	case frame.ExecFill:
		return "FILL"
	case frame.ExecCancelled:
		return "CANCELLED"
	case frame.ExecReplaced:
		return "REPLACED"
	case frame.ExecRejected:
		return "REJECTED"
	case frame.ExecUnknown:
		return "UNKNOWN"
	case frame.ExecExpired:
		return "EXPIRED"
	case frame.ExecCorrected:
		return "CORRECTED"
	}
	return other
}
