package metrics_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/risklink"
)

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
	l.audit = &metrics.Audit{Behind: 41, Most: 50, Connected: true}
	stats := &risklink.Stats{}
	stats.FramesIn.Add(11)
	if err := m.Watch(l, stats, log{}, l); err != nil {
		t.Fatal(err)
	}
	got := scrape(t, m, l)
	for name, want := range map[string]float64{
		"omsd_unknown_orders": 2, "omsd_worked_parents": 7, "omsd_book_differences": 1, "omsd_equity_currency": 1_010_000, "omsd_positions": 3,
		"omsd_cash_currency": 510_000, "omsd_session_pnl_currency": 10_000, "omsd_drawdown_bp": 12, "omsd_journal_lag_seconds": 1.5,
		"omsd_loop_responsive": 1, "omsd_ready": 1, "omsd_audit_rows_behind": 41, "omsd_audit_connected": 1, "omsd_audit_behind": 0,
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
	l.view, l.audit = core.Overview{Open: map[order.State]int{}}, nil
	got = scrape(t, m, l)
	if got["omsd_audit_rows_behind"] != nil || got["omsd_audit_connected"] != nil {
		t.Error("an audit trail that is not there has numbers")
	}
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
	l := &loop{}
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
		"audit away": {func(*core.Overview) {
			l.audit = &metrics.Audit{Behind: 50, Most: 50, Why: "connection refused"}
		}, nil},
		"audit behind": {func(*core.Overview) {
			l.audit = &metrics.Audit{Behind: 51, Most: 50, Connected: true, Full: true}
		}, []string{"AUDIT_BEHIND"}},
		"audit stopped": {func(*core.Overview) {
			l.audit = &metrics.Audit{Most: 50, Ended: true, Full: true, Why: "row 3 of omsd-US: body changed"}
		}, []string{"AUDIT_BEHIND"}},
	} {
		l.view, l.audit = overview(), nil
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
