package metrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/targets"
)

// wall is a clock that a test moves.
type wall struct{ at time.Time }

func (w *wall) now() time.Time { return w.at }

// loop is what a scrape asks, in a state that a test sets.
type loop struct {
	view  core.Overview
	stuck bool
	core  core.Metrics
}

func (l *loop) Overview(ctx context.Context) (core.Overview, error) {
	return l.view, l.Ping(ctx)
}

func (l *loop) Ping(ctx context.Context) error {
	if !l.stuck {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (l *loop) Metrics() *core.Metrics { return &l.core }

type log struct{}

func (log) Dropped() (uint64, uint64) { return 3, 4 }
func (log) Failed() uint64            { return 5 }

func newMetrics(t *testing.T) (*metrics.Metrics, *wall) {
	t.Helper()
	w := &wall{time.Unix(1704465000, 0)}
	m, err := metrics.New("US", w.now)
	if err != nil {
		t.Fatal(err)
	}
	return m, w
}

func get(t *testing.T, m *metrics.Metrics, l metrics.Loop, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler(l).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec.Code, rec.Body.String()
}

func scrape(t *testing.T, m *metrics.Metrics, l metrics.Loop) map[string]*dto.MetricFamily {
	t.Helper()
	code, body := get(t, m, l, "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil || code != 200 {
		t.Fatalf("status %d, %v\n%s", code, err, body)
	}
	return families
}

// find is the one series of a family that has all of the labels.
func find(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) *dto.Metric {
	t.Helper()
	var found []*dto.Metric
	for _, one := range families[name].GetMetric() {
		has := map[string]string{}
		for _, l := range one.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		ok := has["region"] == "US"
		for i := 0; i < len(labels); i += 2 {
			ok = ok && has[labels[i]] == labels[i+1]
		}
		if ok {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s%v has %d series: %v", name, labels, len(found), families[name])
	}
	return found[0]
}

func counter(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	return find(t, families, name, labels...).GetCounter().GetValue()
}

func gauge(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	return find(t, families, name, labels...).GetGauge().GetValue()
}

func theReference(n int) *reference.Reference {
	ref := &reference.Reference{Region: "US", Instruments: map[int64]reference.Instrument{}}
	for i := int64(1); i <= int64(n); i++ {
		ref.Instruments[i] = reference.Instrument{InstrumentID: i, Symbol: fmt.Sprintf("N%d", i), Venue: "NASDAQ"}
	}
	return ref
}

func anOrder(id uint64, instrument int64) *order.Order {
	return order.NewOrder(order.Spec{ID: id, InstrumentID: instrument, Side: order.Buy, Qty: 100, LimitPx: 100_000_000})
}

func report(kind uint8, exec uint64, qty int64) *order.Report {
	return &order.Report{ExecID: exec, Type: kind, LastQty: qty, LastPx: 50_000_000, Fee: 1_250_000}
}

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

func overview() core.Overview {
	return core.Overview{
		LinkUp: true, Synced: true, AccountKnown: true, VenueUp: true, MaxLag: 2 * time.Second, Lag: 1500 * time.Millisecond,
		Open: map[order.State]int{order.Unknown: 2, order.Acknowledged: 5}, Worked: 7, Differences: 1,
		Equity: 1_010_000_000_000, Baseline: 1_000_000_000_000, Cash: 510_000_000_000, DrawdownBp: 12, Positions: 3, Long: 700_000, Short: 200_000,
	}
}

func TestGauges(t *testing.T) {
	m, _ := newMetrics(t)
	l := &loop{view: overview()}
	l.core.Illegal.Add(9)
	stats := &risklink.Stats{}
	stats.FramesIn.Add(11)
	if err := m.Watch(l, stats, log{}); err != nil {
		t.Fatal(err)
	}
	got := scrape(t, m, l)
	for name, want := range map[string]float64{
		"omsd_unknown_orders": 2, "omsd_worked_parents": 7, "omsd_book_differences": 1, "omsd_equity_currency": 1_010_000, "omsd_positions": 3,
		"omsd_cash_currency": 510_000, "omsd_session_pnl_currency": 10_000, "omsd_drawdown_bp": 12, "omsd_journal_lag_seconds": 1.5,
		"omsd_loop_responsive": 1, "omsd_ready": 1,
	} {
		if v := gauge(t, got, name); v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	for kind, want := range map[string]float64{"long": 700_000, "short": 200_000, "gross": 900_000, "net": 500_000} {
		if v := gauge(t, got, "omsd_exposure_currency", "kind", kind); v != want {
			t.Errorf("%s exposure is %v, want %v", kind, v, want)
		}
	}
	if v := gauge(t, got, "omsd_open_orders", "state", "ACKNOWLEDGED"); v != 5 {
		t.Errorf("%v acknowledged", v)
	}
	if counter(t, got, "omsd_illegal_total") != 9 || counter(t, got, "omsd_risk_frames_total", "direction", "in") != 11 ||
		counter(t, got, "omsd_log_lines_dropped_total", "level", "below_warn") != 3 || counter(t, got, "omsd_log_lines_dropped_total", "level", "warn_and_above") != 4 ||
		counter(t, got, "omsd_log_write_failures_total") != 5 {
		t.Error("what others count is not in the scrape")
	}
	// What nobody told is missing, not 0.
	l.view = core.Overview{Open: map[order.State]int{}}
	got = scrape(t, m, l)
	if got["omsd_equity_currency"] != nil || got["omsd_exposure_currency"] != nil || gauge(t, got, "omsd_ready") != 0 {
		t.Error("an account that is not known has numbers")
	}
	l.stuck = true
	got = scrape(t, m, l)
	if gauge(t, got, "omsd_loop_responsive") != 0 || got["omsd_unknown_orders"] != nil {
		t.Error("a loop that does not answer has gauges")
	}
}

func TestReadinessNamesEveryReason(t *testing.T) {
	m, _ := newMetrics(t)
	for name, c := range map[string]struct {
		change func(*core.Overview)
		want   []string
	}{
		"ready":             {func(*core.Overview) {}, nil},
		"link down":         {func(v *core.Overview) { *v = core.Overview{} }, []string{"RISK_DOWN", "NO_ACCOUNT"}},
		"sync":              {func(v *core.Overview) { v.Synced = false }, []string{"NOT_IN_STEP"}},
		"reference":         {func(v *core.Overview) { v.Reference = "another file" }, []string{"REFERENCE_MISMATCH"}},
		"account":           {func(v *core.Overview) { v.AccountKnown = false }, []string{"NO_ACCOUNT"}},
		"venue and journal": {func(v *core.Overview) { v.VenueUp, v.Lag = false, v.MaxLag+1 }, []string{"VENUE_DOWN", "JOURNAL_BEHIND"}},
	} {
		l := &loop{view: overview()}
		c.change(&l.view)
		code, body := get(t, m, l, "/readyz")
		var said struct {
			Ready   bool
			Reasons []metrics.Reason
		}
		if err := json.Unmarshal([]byte(body), &said); err != nil {
			t.Fatalf("%s: %v: %s", name, err, body)
		}
		var codes []string
		for _, r := range said.Reasons {
			codes = append(codes, r.Code)
			if r.Message == "" {
				t.Errorf("%s: %s is not explained", name, r.Code)
			}
		}
		if !slices.Equal(codes, c.want) || said.Ready != (c.want == nil) || (code == 200) != (c.want == nil) || code != 200 && code != 503 {
			t.Errorf("%s: status %d, %s", name, code, body)
		}
	}
}

func TestAStuckLoopIsUnhealthy(t *testing.T) {
	m, _ := newMetrics(t)
	if code, body := get(t, m, &loop{}, "/healthz"); code != 200 || !strings.Contains(body, `"healthy":true`) {
		t.Errorf("status %d, %s", code, body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		start := time.Now()
		code, body := get(t, m, &loop{stuck: true}, path)
		if took := time.Since(start); code != 503 || !strings.Contains(body, "LOOP_STUCK") || took < metrics.HealthWait || took > metrics.HealthWait+5*time.Second {
			t.Errorf("%s: status %d after %s, %s", path, code, took, body)
		}
	}
}

// Everything that happens for an order, once its attribute sets are made, allocates nothing.
func TestRecordingAllocatesNothing(t *testing.T) {
	m, w := newMetrics(t)
	m.Reference(theReference(1))
	o := anOrder(1, 1)
	decided := &order.Decision{Code: 1, ApprovedQty: 100}
	ack, fill := report(0, 1, 0), report(2, 2, 100)
	block := uint64(0)
	life := func() {
		o.ID++
		block++
		o.State, o.Decided = order.New, nil
		m.Planned(o)
		o.State = order.Submitted
		m.Submitted(o)
		m.Reached(o, order.New)
		w.at = w.at.Add(time.Microsecond)
		o.State, o.Decided = order.Approved, decided
		m.Decided(o)
		m.Reached(o, order.Submitted)
		o.State = order.Acknowledged
		m.Reported(o, ack)
		m.Reached(o, order.Approved)
		o.State = order.Filled
		m.Reported(o, fill)
		m.Reached(o, order.Acknowledged)
		m.Committed(block, time.Microsecond)
		m.Durable(block)
		m.Turned(time.Microsecond, 3)
	}
	if n := testing.AllocsPerRun(2000, life); n != 0 {
		t.Errorf("%v allocations an order", n)
	}
}

func BenchmarkAnOrdersLife(b *testing.B) {
	m, err := metrics.New("US", nil)
	if err != nil {
		b.Fatal(err)
	}
	o := anOrder(1, 1)
	o.Decided = &order.Decision{Code: 1, ApprovedQty: 100}
	ack, fill := report(0, 1, 0), report(2, 2, 100)
	b.ReportAllocs()
	for b.Loop() {
		o.ID++
		m.Planned(o)
		m.Submitted(o)
		m.Decided(o)
		m.Reported(o, ack)
		m.Reported(o, fill)
		for range 4 {
			m.Reached(o, order.New)
		}
	}
}

// The table in docs/observability.md is what is registered, row by row.
func TestTheDocumentsTableIsTheCatalog(t *testing.T) {
	text, err := os.ReadFile("../../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(omsd_[a-z_]+)` \\| ([a-z]+) \\| ([a-z, `]*) \\| (.+) \\|$")
	var got, want []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		labels := strings.ReplaceAll(strings.ReplaceAll(m[3], "`", ""), " ", "")
		got = append(got, strings.Join([]string{m[1], m[2], labels, m[4]}, " | "))
	}
	for _, d := range metrics.Catalog() {
		want = append(want, strings.Join([]string{d.Name, string(d.Kind), d.Labels, d.Help}, " | "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the document has\n%s\nregistered is\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
