package metrics_test

import (
	"testing"
	"time"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

// One order: planned at 0, submitted at 30 us, decided at 130 us, acknowledged at 630 us, filled in part at 2630 us and
// whole later. Each hop is one measurement of the difference.
func TestHopsAreTimedOnOmsdsClock(t *testing.T) {
	m, w := newMetrics(t)
	m.Reference(theReference(1))
	o := anOrder(1, 1)
	after := func(d time.Duration) { w.at = w.at.Add(d) }
	m.Planned(o)
	after(30 * time.Microsecond)
	o.State, o.Sends = order.Submitted, 1
	m.Submitted(o)
	m.Reached(o, order.New)
	after(100 * time.Microsecond)
	o.State, o.Decided = order.Approved, &order.Decision{Code: 2, Reason: 46, ApprovedQty: 80}
	m.Decided(o)
	m.Reached(o, order.Submitted)
	after(500 * time.Microsecond)
	o.State = order.Acknowledged
	m.Reported(o, report(0, 1, 0))
	m.Reached(o, order.Approved)
	after(2 * time.Millisecond)
	o.State = order.PartiallyFilled
	m.Reported(o, report(1, 2, 30))
	m.Reached(o, order.Acknowledged)
	after(time.Hour)
	o.State = order.Filled
	m.Reported(o, report(2, 3, 50))
	m.Reached(o, order.PartiallyFilled)

	got := scrape(t, m, &loop{})
	for hop, want := range map[string]float64{
		"plan_to_submit": 30, "submit_to_decision": 100, "decision_to_ack": 500, "ack_to_first_fill": 2000,
	} {
		h := find(t, got, "omsd_order_hop_microseconds", "hop", hop).GetHistogram()
		if h.GetSampleCount() != 1 || h.GetSampleSum() != want {
			t.Errorf("%s: %d measurements, sum %v, want one of %v", hop, h.GetSampleCount(), h.GetSampleSum(), want)
		}
		var bounds []float64
		for _, b := range h.GetBucket() {
			in := uint64(0)
			if want <= b.GetUpperBound() {
				in = 1
			}
			if b.GetCumulativeCount() != in {
				t.Errorf("%s: %d measurements up to %v", hop, b.GetCumulativeCount(), b.GetUpperBound())
			}
			bounds = append(bounds, b.GetUpperBound())
		}
		if len(bounds) != 20 || bounds[0] != 10 || bounds[18] != 1e7 { // and +Inf
			t.Errorf("%s has the buckets %v", hop, bounds)
		}
	}
	for _, state := range []string{"NEW", "SUBMITTED", "APPROVED", "ACKNOWLEDGED", "PARTIALLY_FILLED", "FILLED"} {
		if n := counter(t, got, "omsd_orders_total", "state", state, "venue", "NASDAQ", "symbol", "N1"); n != 1 {
			t.Errorf("%v orders reached %s", n, state)
		}
	}
	// 30 and 50 shares at 50.00, and 1.25 of fees each.
	if a, b := counter(t, got, "omsd_traded_currency_total", "side", "BUY"), counter(t, got, "omsd_fees_currency_total"); a != 4000 || b != 2.5 {
		t.Errorf("traded %v, fees %v", a, b)
	}
	if n := counter(t, got, "omsd_decisions_total", "decision", "REDUCE", "reason", "PARTICIPATION"); n != 1 {
		t.Errorf("%v decisions", n)
	}
	if n := counter(t, got, "omsd_executions_total", "type", "PARTIAL", "replayed", "false"); n != 1 {
		t.Errorf("%v partial fills", n)
	}
}

// What a snapshot repeats happened while nobody measured; a resend does not begin the wait anew.
func TestRepeatedReportsAreNotTimed(t *testing.T) {
	m, w := newMetrics(t)
	o := anOrder(1, 1)
	m.Planned(o)
	m.Submitted(o)
	w.at = w.at.Add(time.Millisecond)
	m.Submitted(o)
	w.at = w.at.Add(time.Millisecond)
	o.Decided = &order.Decision{Code: 1, ApprovedQty: 100}
	m.Decided(o)
	told := report(0, 1, 0)
	told.Replayed = true
	m.Reported(o, told)
	m.Reported(o, report(2, 2, 100))
	got := scrape(t, m, &loop{})
	if h := find(t, got, "omsd_order_hop_microseconds", "hop", "submit_to_decision").GetHistogram(); h.GetSampleSum() != 2000 || h.GetSampleCount() != 1 {
		t.Errorf("%v", h)
	}
	for _, one := range got["omsd_order_hop_microseconds"].GetMetric() {
		for _, l := range one.GetLabel() {
			if l.GetValue() == "decision_to_ack" || l.GetValue() == "ack_to_first_fill" {
				t.Errorf("timed: %v", one)
			}
		}
	}
	if n := counter(t, got, "omsd_executions_total", "type", "NEW", "replayed", "true"); n != 1 {
		t.Errorf("%v", n)
	}
	if n := counter(t, got, "omsd_orders_total", "state", "NEW", "venue", "unknown", "symbol", "other"); n != 1 {
		t.Errorf("%v orders in an instrument that no reference has", n)
	}
}

func TestTheJournalsTimes(t *testing.T) {
	m, w := newMetrics(t)
	for block := uint64(1); block <= 3; block++ {
		m.Committed(block, 20*time.Microsecond)
		w.at = w.at.Add(time.Millisecond)
	}
	m.Durable(2) // after 3 ms: the blocks waited 3 and 2 ms
	m.Durable(2)
	m.Turned(40*time.Microsecond, 5)
	got := scrape(t, m, &loop{})
	for name, want := range map[string][2]float64{
		"omsd_journal_commit_microseconds": {3, 60}, "omsd_journal_sync_lag_microseconds": {2, 5000}, "omsd_loop_turn_microseconds": {1, 40},
	} {
		if h := find(t, got, name).GetHistogram(); float64(h.GetSampleCount()) != want[0] || h.GetSampleSum() != want[1] {
			t.Errorf("%s: %v", name, h)
		}
	}
	// A disk that stands still bounds what is timed.
	for block := uint64(4); block <= 20_000; block++ {
		m.Committed(block, 0)
	}
	m.Durable(20_000)
	if h := find(t, scrape(t, m, &loop{}), "omsd_journal_sync_lag_microseconds").GetHistogram(); h.GetSampleCount() != 2+4096 {
		t.Errorf("%d blocks timed", h.GetSampleCount())
	}
}

// The first 2,000 instruments by id have their symbol; the others count together, also those of later references.
func TestSymbolsAreBounded(t *testing.T) {
	m, _ := newMetrics(t)
	m.Reference(theReference(2100))
	m.Reference(theReference(2200))
	for i := int64(1); i <= 2200; i++ {
		m.Planned(anOrder(uint64(i), i))
	}
	got := scrape(t, m, &loop{})
	if n := len(got["omsd_orders_total"].GetMetric()); n != 2001 {
		t.Errorf("%d series", n)
	}
	if n := counter(t, got, "omsd_orders_total", "symbol", "other", "venue", "NASDAQ"); n != 200 {
		t.Errorf("%v orders are others'", n)
	}
	counter(t, got, "omsd_orders_total", "symbol", "N2000")
}

// Codes from the wire without a name share a series.
func TestCodesAreBounded(t *testing.T) {
	m, _ := newMetrics(t)
	o := anOrder(1, 1)
	for reason := range uint16(3000) {
		o.Decided = &order.Decision{Code: 3, Reason: 1000 + reason}
		m.Decided(o)
		m.Reported(o, report(uint8(100+reason%100), uint64(reason), 0))
	}
	got := scrape(t, m, &loop{})
	if len(got["omsd_decisions_total"].GetMetric()) != 1 || len(got["omsd_executions_total"].GetMetric()) != 1 {
		t.Errorf("%v", got)
	}
	if n := counter(t, got, "omsd_decisions_total", "decision", "REJECT", "reason", "other"); n != 3000 {
		t.Errorf("%v", n)
	}
}

func TestRefusedRequestsCountEachCodeOnce(t *testing.T) {
	m, _ := newMetrics(t)
	m.Refused([]targets.Fault{{Code: "STALE"}, {Code: "NOT_FINITE"}, {Code: "STALE"}})
	m.Refused([]targets.Fault{{Code: "STALE"}})
	got := scrape(t, m, &loop{})
	if a, b := counter(t, got, "omsd_request_faults_total", "code", "STALE"), counter(t, got, "omsd_request_faults_total", "code", "NOT_FINITE"); a != 2 || b != 1 {
		t.Errorf("%v and %v", a, b)
	}
}
