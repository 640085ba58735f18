// Package metrics measures omsd: it counts and times what the loop does (core.Observer), shows what the loop knows, and
// serves both to Prometheus, with health and readiness.
//
// The instruments are OpenTelemetry's, read through its Prometheus exporter. What happens for every order costs no
// allocation: the attribute sets are made once, at their first use. Latencies are taken from omsd's own clock, not from
// the venue's.
package metrics

// Kind of an instrument.
type Kind string

// The kinds, as Prometheus calls them.
const (
	Histogram Kind = "histogram"
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
)

// Definition is one family of series as it is registered and as docs/observability.md lists it.
type Definition struct {
	Name   string
	Kind   Kind
	Labels string // comma separated; every series also has region
	Help   string // with the unit
}

// The names of the families.
const (
	nameHop     = "omsd_order_hop_microseconds"
	nameCommit  = "omsd_journal_commit_microseconds"
	nameSyncLag = "omsd_journal_sync_lag_microseconds"
	nameTurn    = "omsd_loop_turn_microseconds"

	nameOrders     = "omsd_orders_total"
	nameDecisions  = "omsd_decisions_total"
	nameExecutions = "omsd_executions_total"
	nameTraded     = "omsd_traded_currency_total"
	nameFees       = "omsd_fees_currency_total"
	nameFaults     = "omsd_request_faults_total"

	nameRefused     = "omsd_requests_refused_total"
	nameDuplicates  = "omsd_duplicates_total"
	nameIllegal     = "omsd_illegal_total"
	nameForeign     = "omsd_foreign_total"
	nameResends     = "omsd_resends_total"
	nameResyncs     = "omsd_resyncs_total"
	nameCorrections = "omsd_corrections_total"
	nameHeartbeats  = "omsd_heartbeats_total"
	nameCommits     = "omsd_journal_commits_total"
	nameConnects    = "omsd_risk_connects_total"
	nameFailures    = "omsd_risk_failures_total"
	nameFrames      = "omsd_risk_frames_total"
	nameBadFrames   = "omsd_risk_bad_frames_total"
	nameQueueFull   = "omsd_risk_queue_full_total"
	nameDropped     = "omsd_log_lines_dropped_total"
	nameLogFailures = "omsd_log_write_failures_total"

	nameQuotes        = "omsd_quotes_total"
	nameQuotesRefused = "omsd_quotes_refused_total"
	nameFeedUp        = "omsd_feed_up"

	nameResponsive  = "omsd_loop_responsive"
	nameReady       = "omsd_ready"
	nameOpen        = "omsd_open_orders"
	nameUnknown     = "omsd_unknown_orders"
	nameWorked      = "omsd_worked_parents"
	nameDifferences = "omsd_book_differences"
	namePositions   = "omsd_positions"
	nameExposure    = "omsd_exposure_currency"
	nameEquity      = "omsd_equity_currency"
	nameCash        = "omsd_cash_currency"
	namePnL         = "omsd_session_pnl_currency"
	nameDrawdown    = "omsd_drawdown_bp"
	nameLag         = "omsd_journal_lag_seconds"
	nameBatchHigh   = "omsd_loop_batch_high"
	nameQueueHigh   = "omsd_risk_queue_high"
	nameAuditRows   = "omsd_audit_rows_behind"
	nameAuditLink   = "omsd_audit_connected"
	nameAuditBehind = "omsd_audit_behind"
)

var catalog = []Definition{
	{nameHop, Histogram, "hop", "Time between two steps of an order's life, microseconds."},
	{nameCommit, Histogram, "", "Time to write one block of the journal, microseconds."},
	{nameSyncLag, Histogram, "", "Time from a block's write until the loop knows it on the disk, microseconds."},
	{nameTurn, Histogram, "", "Time of one turn of the loop, its commit included, microseconds."},

	{nameOrders, Counter, "state,venue,symbol", "Orders that reached a state; NEW counts the orders planned."},
	{nameDecisions, Counter, "decision,reason", "Decisions of riskd on omsd's orders."},
	{nameExecutions, Counter, "type,replayed", "Reports of the venue on omsd's orders, without duplicates."},
	{nameTraded, Counter, "side", "Value of the fills reported, currency units; corrections are not taken off."},
	{nameFees, Counter, "", "Fees of the fills reported, currency units."},
	{nameFaults, Counter, "code", "Refused submissions by the codes of their faults; a code counts once a submission."},

	{nameRefused, Counter, "", "Submissions refused."},
	{nameDuplicates, Counter, "", "Reports and decisions heard again, dropped."},
	{nameIllegal, Counter, "", "Reports and transitions that the state machine refused."},
	{nameForeign, Counter, "", "Orders heard of that are not in this journal."},
	{nameResends, Counter, "", "Orders sent again under their ids after a reconnect."},
	{nameResyncs, Counter, "", "Snapshots asked of riskd."},
	{nameCorrections, Counter, "", "Fills corrected by the venue."},
	{nameHeartbeats, Counter, "", "Heartbeats sent to riskd."},
	{nameCommits, Counter, "", "Blocks of the journal written."},
	{nameConnects, Counter, "", "Connections to riskd made."},
	{nameFailures, Counter, "", "Connections to riskd that failed or ended."},
	{nameFrames, Counter, "direction", "Frames to and from riskd."},
	{nameBadFrames, Counter, "", "Frames from riskd that were wrong."},
	{nameQueueFull, Counter, "", "Connections to riskd ended because their queue was full."},
	{nameDropped, Counter, "level", "Log lines dropped because the log's reader is too slow."},
	{nameLogFailures, Counter, "", "Writes of the log that failed."},

	{nameQuotes, Counter, "", "Messages of the feed about instruments that passed its gates; with --feed."},
	{nameQuotesRefused, Counter, "reason", "Messages that the gates refused, and the gaps and silences that they found; with --feed."},
	{nameFeedUp, Gauge, "", "1: the feed's line stands; with --feed."},

	{nameResponsive, Gauge, "", "1: the loop answered this scrape within a second. 0: what the loop knows is missing from it."},
	{nameReady, Gauge, "", "1: /readyz says 200."},
	{nameOpen, Gauge, "state", "Open orders."},
	{nameUnknown, Gauge, "", "Open orders whose fate nobody knows."},
	{nameWorked, Gauge, "", "Parent orders that are worked."},
	{nameDifferences, Gauge, "", "Differences between books and venue that nobody has accepted."},
	{namePositions, Gauge, "", "Instruments held."},
	{nameExposure, Gauge, "kind", "Market value held, currency units, at the last mid, print or mark."},
	{nameEquity, Gauge, "", "Equity, currency units."},
	{nameCash, Gauge, "", "Cash, currency units."},
	{namePnL, Gauge, "", "Equity less the session's baseline, currency units."},
	{nameDrawdown, Gauge, "", "Drawdown of the day as riskd counts it, basis points."},
	{nameLag, Gauge, "", "How long the oldest write of the journal has waited for the disk, seconds."},
	{nameBatchHigh, Gauge, "", "The most events that one turn took in."},
	{nameQueueHigh, Gauge, "", "The most frames that waited for riskd's socket."},
	{nameAuditRows, Gauge, "", "Records of the journal that are not in the audit table yet."},
	{nameAuditLink, Gauge, "", "1: the audit table's database is connected."},
	{nameAuditBehind, Gauge, "", "1: the audit table is too far behind, and nothing is opened."},
}

// Catalog lists every family that is registered.
func Catalog() []Definition { return append([]Definition(nil), catalog...) }

// Buckets are the upper bounds of every histogram, in microseconds: 10 us to 10 s.
func Buckets() []float64 {
	return []float64{
		10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7,
	}
}

// The hops of an order's life.
const (
	hopPlanSubmit = iota
	hopSubmitDecision
	hopDecisionAck
	hopAckFill
	numHops
)

var hopNames = [numHops]string{"plan_to_submit", "submit_to_decision", "decision_to_ack", "ack_to_first_fill"}
