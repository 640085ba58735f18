package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/metrics"
)

// fetch asks omsd over the Unix socket that it always serves.
func (h *house) fetch(path string) (int, string) {
	h.t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(h.dir, "oms", "metrics.sock"))
		},
	}}
	return fetchWith(h.t, &client, "http://omsd"+path)
}

func fetchWith(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

type families map[string]*dto.MetricFamily

func (h *house) scrape() families {
	h.t.Helper()
	code, body := h.fetch("/metrics")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	got, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if code != http.StatusOK || err != nil {
		h.t.Fatalf("status %d, %v\n%s", code, err, body)
	}
	return got
}

// until waits until a scrape is as it should be.
func (h *house) until(what string, true func(families) bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !true(h.scrape()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("never came: %s\n%s", what, tail(h.stderr))
		}
	}
}

// sum adds up what the series of a family with these labels say; of histograms it counts the measurements.
func (f families) sum(name string, labels ...string) float64 {
	total := 0.0
	for _, one := range f[name].GetMetric() {
		has := map[string]string{}
		for _, l := range one.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		ok := has["region"] == "US"
		for i := 0; i < len(labels); i += 2 {
			ok = ok && has[labels[i]] == labels[i+1]
		}
		if ok {
			total += one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
		}
	}
	return total
}

func (f families) want(t *testing.T, want float64, name string, labels ...string) {
	t.Helper()
	if got := f.sum(name, labels...); math.Abs(got-want) > 1e-9 { // sums of money are floats

		t.Errorf("%s%v is %v, want %v", name, labels, got, want)
	}
}

// Twenty orders of 50 shares at 100.00; riskd refuses one and tells every report of the others three times. What is scraped is
// what happened.
func TestAScrapeIsWhatHappened(t *testing.T) {
	h := newHouse(t, 20)
	h.risk.execMode = "duplicate"
	// The audit table's database is away, which is within the backlog.
	h.write("audit.dsn", "postgresql://audit_writer@/audit?host=/nowhere\n")
	h.more = []string{"--audit", filepath.Join(h.dir, "audit.dsn")}
	h.risk.decide = func(o *fakeOrder) (byte, int64, uint16) {
		if o.instrument == 20 {
			return 3, 0, 2
		}
		return 1, o.qty, 0
	}
	l := h.feeds(nil)
	h.start()
	h.up()
	l.up()
	l.say(quoted(1, h.risk.clock, 100_010_000, 99_990_000))
	h.accept(portfolio("alpha", asOf, equalWeights(20, 0.01)))
	h.settled()
	wrong := portfolio("alpha", asOf+1, equalWeights(1, 0.01))
	wrong.Session = 20240108
	if r := h.submit(wrong); r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED {
		t.Fatalf("%v", r)
	}
	got := h.scrape()
	for state, n := range map[string]float64{"NEW": 20, "SUBMITTED": 20, "APPROVED": 19, "ACKNOWLEDGED": 19, "PARTIALLY_FILLED": 19, "FILLED": 19, "DENIED": 1} {
		got.want(t, n, "omsd_orders_total", "state", state, "venue", "NASDAQ")
	}
	got.want(t, 1, "omsd_orders_total", "state", "FILLED", "symbol", "N7")
	got.want(t, 1, "omsd_orders_total", "state", "DENIED", "symbol", "N20")
	got.want(t, 19, "omsd_decisions_total", "decision", "APPROVE", "reason", "NONE")
	got.want(t, 1, "omsd_decisions_total", "decision", "REJECT", "reason", "SECTOR_LIMIT")
	for _, kind := range []string{"NEW", "PARTIAL", "FILL"} {
		got.want(t, 19, "omsd_executions_total", "type", kind, "replayed", "false")
	}
	got.want(t, 57, "omsd_executions_total")
	// Each of the 57 reports came three times; the refused submission's snapshot repeated them and 20 decisions once more.
	got.want(t, 2*57+57+20, "omsd_duplicates_total")
	for hop, n := range map[string]float64{"plan_to_submit": 20, "submit_to_decision": 20, "decision_to_ack": 19, "ack_to_first_fill": 19} {
		got.want(t, n, "omsd_order_hop_microseconds", "hop", hop)
	}
	for _, one := range got["omsd_order_hop_microseconds"].GetMetric() {
		if s := one.GetHistogram().GetSampleSum(); s < 0 || s > 20*60e6 {
			t.Errorf("a hop of %v microseconds: %v", s, one.GetLabel())
		}
	}
	// 950 shares at 100.00, 0.001 of fees a share, which this riskd does not take off the cash.
	got.want(t, 95_000, "omsd_traded_currency_total", "side", "BUY")
	got.want(t, 0.95, "omsd_fees_currency_total")
	got.want(t, 95_000, "omsd_exposure_currency", "kind", "long")
	got.want(t, 95_000, "omsd_exposure_currency", "kind", "net")
	got.want(t, 0, "omsd_exposure_currency", "kind", "short")
	got.want(t, 1_000_000, "omsd_equity_currency")
	got.want(t, 905_000, "omsd_cash_currency")
	got.want(t, 0, "omsd_session_pnl_currency")
	got.want(t, 19, "omsd_positions")
	got.want(t, 1, "omsd_requests_refused_total")
	got.want(t, 1, "omsd_request_faults_total", "code", "WRONG_SESSION")
	got.want(t, 0, "omsd_illegal_total")
	got.want(t, 0, "omsd_open_orders")
	got.want(t, 1, "omsd_ready")
	got.want(t, 0, "omsd_audit_connected")
	// The journal's end is looked at ten times a second.
	h.await("the records that wait for the audit table", func(*pb.GetStatusResponse) bool {
		return h.scrape().sum("omsd_audit_rows_behind") >= 20*4
	})
	commits := got.sum("omsd_journal_commits_total")
	if lag := got.sum("omsd_journal_sync_lag_microseconds"); commits < 3 || lag < 1 || lag > commits {
		t.Errorf("%v commits, %v syncs", commits, lag)
	}
	got.want(t, commits, "omsd_journal_commit_microseconds")
	if turns := got.sum("omsd_loop_turn_microseconds"); turns < commits {
		t.Errorf("%v turns made %v commits", turns, commits)
	}

	// Everything that is served is in the catalog, as it stands there, and the other way round.
	left := map[string]metrics.Definition{}
	for _, d := range metrics.Catalog() {
		left[d.Name] = d
	}
	for name, f := range got {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		d, ok := left[name]
		if kind := strings.ToLower(f.GetType().String()); !ok || kind != string(d.Kind) || f.GetHelp() != d.Help {
			t.Errorf("%s is a %s (%s), the catalog has %v", name, kind, f.GetHelp(), d)
		}
		for _, one := range f.GetMetric() {
			var labels []string
			for _, l := range one.GetLabel() {
				if l.GetName() != "region" {
					labels = append(labels, l.GetName())
				}
			}
			want := strings.FieldsFunc(d.Labels, func(r rune) bool { return r == ',' })
			slices.Sort(labels)
			slices.Sort(want)
			if !slices.Equal(labels, want) {
				t.Errorf("%s has the labels %v, the catalog %v", name, labels, want)
			}
		}
		delete(left, name)
	}
	delete(left, "omsd_open_orders") // there are none
	if len(left) != 0 {
		t.Errorf("never served: %v", left)
	}

	// A restart begins to count anew: what it replays happened before.
	h.kill()
	h.start()
	h.up()
	got = h.scrape()
	got.want(t, 0, "omsd_orders_total")
	got.want(t, 0, "omsd_executions_total")
	got.want(t, 19, "omsd_positions")
}

func TestOpenOrdersByState(t *testing.T) {
	h := newHouse(t, 3)
	h.risk.fills = func(o *fakeOrder) []int64 {
		if o.instrument == 1 {
			return []int64{10}
		}
		return nil
	}
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(3, 0.01)))
	h.await("three working orders", func(*pb.GetStatusResponse) bool {
		got := h.scrape()
		return got.sum("omsd_open_orders", "state", "PARTIALLY_FILLED") == 1 && got.sum("omsd_open_orders", "state", "ACKNOWLEDGED") == 2
	})
	h.locked(func() {
		h.risk.orders, h.risk.last = map[uint64]*fakeOrder{}, 0
		h.risk.breakConn()
	})
	h.await("their fate is unknown", func(*pb.GetStatusResponse) bool {
		got := h.scrape()
		return got.sum("omsd_unknown_orders") == 3 && got.sum("omsd_open_orders") == 3
	})
	h.scrape().want(t, 3, "omsd_orders_total", "state", "UNKNOWN")
}

// readiness is the codes that /readyz answers with; none = 200.
func (h *house) readiness() []string {
	h.t.Helper()
	code, body := h.fetch("/readyz")
	var said struct {
		Ready   bool
		Reasons []struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil {
		h.t.Fatalf("%v: %s", err, body)
	}
	var codes []string
	for _, r := range said.Reasons {
		if r.Message == "" {
			h.t.Errorf("%s is not explained", r.Code)
		}
		codes = append(codes, r.Code)
	}
	if want := map[bool]int{true: 200, false: 503}[len(codes) == 0]; code != want || said.Ready != (code == 200) {
		h.t.Errorf("status %d with %s", code, body)
	}
	return codes
}

func (h *house) awaitReadiness(want ...string) {
	h.t.Helper()
	var got []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = h.readiness(); slices.Equal(got, want) {
			if code, body := h.fetch("/healthz"); code != 200 {
				h.t.Errorf("unhealthy: %s", body)
			}
			return
		}
	}
	h.t.Fatalf("readiness is %v, want %v", got, want)
}

func TestReadinessFollowsRiskdAndTheVenue(t *testing.T) {
	h := newHouse(t, 2)
	h.risk.listen()
	h.risk.close()
	h.start()
	h.awaitReadiness("RISK_DOWN", "NO_ACCOUNT")
	h.scrape().want(t, 0, "omsd_ready")
	h.risk.listen()
	h.awaitReadiness()
	h.scrape().want(t, 1, "omsd_ready")
	h.locked(func() { h.risk.venueUp = 0; h.risk.sendState() })
	h.awaitReadiness("VENUE_DOWN")
	h.locked(func() { h.risk.venueUp = 1; h.risk.sendState() })
	h.awaitReadiness()
	h.risk.close()
	h.awaitReadiness("RISK_DOWN", "NO_ACCOUNT")
	h.locked(func() { h.risk.muteSync = true })
	h.risk.listen()
	h.awaitReadiness("NOT_IN_STEP", "NO_ACCOUNT")
	h.locked(func() { h.risk.muteSync = false; h.risk.breakConn() })
	h.awaitReadiness()
	h.locked(func() { h.risk.refHash[0] ^= 1; h.risk.breakConn() })
	h.awaitReadiness("REFERENCE_MISMATCH")
}

// sockets lists the local addresses of a process's TCP sockets, as the kernel has them.
func sockets(t *testing.T, pid int) []string {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("no descriptors of %d: %v", pid, err)
	}
	inodes := map[string]bool{}
	for _, l := range links {
		// A descriptor may be closed while the list is read.
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			inodes[strings.Trim(to, "socket:[]")] = true
		}
	}
	var out []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && inodes[f[9]] {
				out = append(out, table+" "+f[1])
			}
		}
	}
	return out
}

// With --metrics omsd has one TCP socket more, on loopback, and connections that came in through it; without, none.
func TestMetricsAreServedOnLoopbackOnly(t *testing.T) {
	h := newHouse(t, 1)
	h.start()
	h.up()
	if got := sockets(t, h.cmd.Process.Pid); len(got) != 0 || h.ready["metrics"] != "" {
		t.Errorf("without --metrics: sockets %v, READY says %v", got, h.ready["metrics"])
	}
	if fi, err := os.Stat(filepath.Join(h.dir, "oms", "metrics.sock")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	h.kill()
	h.more = []string{"--metrics", "127.0.0.1:0"}
	h.start()
	h.up()
	at, _ := h.ready["metrics"].(string)
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatalf("READY says %q", at)
	}
	var number uint16
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	code, body := fetchWith(t, http.DefaultClient, "http://"+at+"/metrics")
	if code != 200 || !strings.Contains(body, "omsd_ready") {
		t.Errorf("status %d: %.200s", code, body)
	}
	got := sockets(t, h.cmd.Process.Pid)
	if len(got) == 0 {
		t.Error("the kernel has no socket of omsd's")
	}
	for _, s := range got {
		if s != fmt.Sprintf("tcp 0100007F:%04X", number) {
			t.Errorf("omsd has the socket %s besides 127.0.0.1:%d", s, number)
		}
	}
	// A port that is taken is a fault, said in one line, the last.
	other := newHouse(t, 1)
	other.more = []string{"--metrics", at}
	out, _ := child(other.args()...).CombinedOutput()
	if !regexp.MustCompile(`(?m)^omsd: listen on --metrics: [^\n]*\n\z`).Match(out) {
		t.Errorf("%q", out)
	}
}

// Two hundred orders with two fills each: every line of the log is whole, in order, and joined by the correlation id.
func TestTheLogIsComplete(t *testing.T) {
	h := newHouse(t, 200)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(200, 0.004)))
	h.settled()
	if code := h.term(); code != 0 {
		t.Fatalf("status %d", code)
	}
	lines, last := map[string]int{}, time.Time{}
	reader := bufio.NewScanner(strings.NewReader(h.stderr.String()))
	var messages []string
	for reader.Scan() {
		var line struct {
			Time                   time.Time
			Msg, Component, Region string
			Correlation            string  `json:"correlation_id"`
			OrderID                float64 `json:"order_id"`
		}
		if err := json.Unmarshal(reader.Bytes(), &line); err != nil || line.Component != "omsd" || line.Region != "US" {
			t.Fatalf("%v: %s", err, reader.Text())
		}
		if line.OrderID > 0 && line.Correlation != "00112233445566778899aabbccddeeff" {
			t.Errorf("no correlation id: %s", reader.Text())
		}
		if d := line.Time.Sub(last); d < -time.Second {
			t.Errorf("%s is %s before the line before it", reader.Text(), -d)
		}
		last = line.Time
		lines[line.Msg]++
		messages = append(messages, line.Msg)
	}
	if lines["decided"] != 200 || lines["report"] != 600 || lines["planned"] != 1 || lines["targets"] != 1 || !slices.Contains(messages[len(messages)-3:], "stopping") {
		t.Errorf("lines are %v, the last %v", lines, messages[len(messages)-3:])
	}
}
