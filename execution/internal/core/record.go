package core

import (
	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

// Record is one line of the journal. Exactly one of the pointers is set, by its Kind.
type Record struct {
	Kind string `json:"k"`
	TsNs int64  `json:"ts"` // the venue's clock
	About
	Session      *SessionRecord      `json:"session,omitempty"`
	Plan         *PlanRecord         `json:"plan,omitempty"`
	Own          *OwnRecord          `json:"own,omitempty"`
	Decision     *DecisionRecord     `json:"decision,omitempty"`
	Exec         *ExecRecord         `json:"exec,omitempty"`
	Refused      *RefusedRecord      `json:"refused,omitempty"`
	Illegal      *IllegalRecord      `json:"illegal,omitempty"`
	Foreign      *ForeignRecord      `json:"foreign,omitempty"`
	Snapshot     *Snapshot           `json:"snapshot,omitempty"`
	Operator     *OperatorRecord     `json:"operator,omitempty"`
	Anchor       *audit.Anchor       `json:"anchor,omitempty"`
	Update       *UpdateRecord       `json:"update,omitempty"`
	Route        *RouteRecord        `json:"route,omitempty"`
	Books        *BooksRecord        `json:"books,omitempty"`
	Unwind       *UnwindRecord       `json:"unwind,omitempty"`
	Child        *ChildRecord        `json:"child,omitempty"`
	ParentEnd    *ParentEndRecord    `json:"parent_end,omitempty"`
	Close        *CloseRecord        `json:"close,omitempty"`
	Amend        *AmendRecord        `json:"amend,omitempty"`
	AmendRefused *AmendRefusedRecord `json:"amend_refused,omitempty"`
	Volume       *VolumeRecord       `json:"volume,omitempty"`
}

// The kinds of records.
const (
	kindSession      = "session"
	kindPlan         = "plan"
	kindOwn          = "own"
	kindDecision     = "decision"
	kindExec         = "exec"
	kindRefused      = "refused"
	kindIllegal      = "illegal"
	kindForeign      = "foreign"
	kindSnapshot     = "snapshot"
	kindOperator     = "operator"
	kindClose        = "close"
	kindAmend        = "amend"
	kindAnchor       = audit.KindAnchor
	kindUpdate       = "update"
	kindRoute        = "route"
	kindBooks        = "books"
	kindUnwind       = "unwind"
	kindChild        = "child"
	kindParentEnd    = "parent_end"
	kindAmendRefused = "amend_refused"
	kindVolume       = "volume"
)

// SessionRecord is what riskd said of itself when it welcomed us.
type SessionRecord struct {
	Region        string `json:"region"`
	Session       uint32 `json:"session"`
	LimitsHash    uint64 `json:"limits_hash"`
	ReferenceHash uint64 `json:"reference_hash"`
	ReferenceFile string `json:"reference_file"` // SHA-256 of the file as omsd read it
	LastOrderID   uint64 `json:"last_order_id"`
}

// PlanRecord holds everything a plan changes: the portfolios taken and the orders made of them.
type PlanRecord struct {
	Retry      bool                `json:"retry,omitempty"` // a re-plan, for the instruments in For
	For        []int64             `json:"for,omitempty"`
	Session    uint32              `json:"session"`
	Equity     int64               `json:"equity"`
	Portfolios []targets.Portfolio `json:"portfolios,omitempty"`
	Orders     []order.Spec        `json:"orders,omitempty"`
	Parents    []ParentSpec        `json:"parents,omitempty"`
	Transfers  []targets.Transfer  `json:"transfers,omitempty"`
	Skips      []targets.Skip      `json:"skips,omitempty"`
	CancelFor  []int64             `json:"cancel_for,omitempty"`
	Prices     []PlanPrice         `json:"prices,omitempty"` // of the instruments of Orders, for the cost analysis
}

// PlanPrice is the market at which a plan was counted, as riskd told it. Prices are millionths, 0 = absent.
type PlanPrice struct {
	InstrumentID int64 `json:"instrument_id"`
	Px           int64 `json:"px"` // the decision's price
	Bid          int64 `json:"bid"`
	Ask          int64 `json:"ask"`
}

// OwnRecord is something omsd does to an order: submit, cancel, withdraw, lapse, lose.
type OwnRecord struct {
	OrderID uint64      `json:"order_id"`
	Event   order.Event `json:"event"`
	Why     string      `json:"why,omitempty"`
}

// DecisionRecord is a DECISION frame with the market as it stood.
type DecisionRecord struct {
	OrderID uint64 `json:"order_id"`
	order.Decision
}

// ExecRecord is an EXEC frame.
type ExecRecord struct {
	OrderID uint64 `json:"order_id"`
	order.Report
}

// RefusedRecord is a REFUSED frame about a cancel.
type RefusedRecord struct {
	OrderID uint64 `json:"order_id"`
	Reason  uint16 `json:"reason"`
}

// IllegalRecord audits something that the state machine refused; the state is unchanged.
type IllegalRecord struct {
	OrderID uint64 `json:"order_id"`
	Error   string `json:"error"`
}

// ForeignRecord is a report about an order that is not in this journal.
type ForeignRecord struct {
	OrderID      uint64 `json:"order_id"`
	InstrumentID int64  `json:"instrument_id"`
	Open         bool   `json:"open"`
	What         string `json:"what"`
}

// Snapshot is the account at a moment, for the report of a session that is over.
type Snapshot struct {
	Session    uint32         `json:"session"`
	Equity     int64          `json:"equity"`
	Baseline   int64          `json:"baseline"`
	Cash       int64          `json:"cash"`
	LimitsHash uint64         `json:"limits_hash"`
	Reference  string         `json:"reference"`
	Positions  []PositionMark `json:"positions"`
}

// PositionMark is one position with its mark.
type PositionMark struct {
	InstrumentID int64 `json:"instrument_id"`
	Qty          int64 `json:"qty"`
	Mark         int64 `json:"mark"`
}

// OperatorRecord is an operator's command; it ends every retry.
type OperatorRecord struct {
	Command string `json:"command"`
	Who     string `json:"who,omitempty"`
	Reason  string `json:"reason,omitempty"`
}
