package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/journal"
)

const childEnv = "OMSD_TEST_CHILD"

// TestMain lets the test binary be omsd itself, so that a real process can be killed.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// house is a runtime directory with a fake riskd and, when started, an omsd process.
type house struct {
	t       *testing.T
	dir     string
	risk    *fakeRisk
	cmd     *exec.Cmd
	stderr  *lockedBuffer
	client  pb.OrderManagementClient
	conn    *grpc.ClientConn
	ready   map[string]any
	refDoc  map[string]any
	refData []byte
	real    bool     // a real riskd serves risk.sock
	more    []string // arguments besides the usual
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newHouse has n instruments at 100.00 (bid 99.99, ask 100.01), lot 1, tick 0.01, and two strategies with half of
// the equity each.
func newHouse(t *testing.T, n int) *house {
	t.Helper()
	// Socket paths are short; t.TempDir's are not always.
	dir, err := os.MkdirTemp("", "omsd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &house{t: t, dir: dir}
	var ins []map[string]any
	for i := 1; i <= n; i++ {
		ins = append(ins, map[string]any{
			"instrument_id": i, "issuer_id": i, "label": fmt.Sprintf("N%d.NASDAQ", i), "symbol": fmt.Sprintf("N%d", i), "sector": nil,
			"lot": 1, "tick_micro": 10_000, "currency": "USD", "tradable": true, "volatility_bp": 100, "adv": 1_000_000,
			"close_micro": 100_000_000,
		})
	}
	h.refDoc = map[string]any{
		"region": "US", "session": "2024-01-05", "currency": "USD", "generated_at": "2024-01-05T14:00:00Z", "instruments": ins,
	}
	h.writeReference()
	h.write("register.jsonl", `{"seq":1,"at":"2024-01-01T00:00:00Z","strategy_id":"alpha","stage":"paper","capital_fraction":0.5,"max_leverage":1,"reason":"start"}
{"seq":2,"at":"2024-01-01T00:00:00Z","strategy_id":"beta","stage":"live","capital_fraction":0.5,"max_leverage":1,"reason":"start"}
{"seq":3,"at":"2024-01-01T00:00:00Z","strategy_id":"idea","stage":"research","capital_fraction":0.5,"max_leverage":1,"reason":"start"}
`)
	h.risk = startFakeRisk(t, filepath.Join(dir, "risk.sock"), h.refData)
	for i := 1; i <= n; i++ {
		h.risk.prices[int64(i)] = [3]int64{99_990_000, 100_010_000, 100_000_000}
	}
	t.Cleanup(func() {
		h.kill()
		if t.Failed() {
			t.Logf("omsd's log:\n%s", tail(h.stderr))
		}
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		for _, f := range h.risk.faults {
			t.Errorf("omsd broke the contract: %s", f)
		}
	})
	return h
}

func tail(b *lockedBuffer) string {
	if b == nil {
		return ""
	}
	s := b.String()
	return s[max(0, len(s)-6000):]
}

func (h *house) write(name, content string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// writeReference writes what refDoc says, and tells the fake riskd.
func (h *house) writeReference() {
	h.t.Helper()
	var err error
	if h.refData, err = json.Marshal(h.refDoc); err != nil {
		h.t.Fatal(err)
	}
	h.write("reference.json", string(h.refData))
	if h.risk != nil {
		h.locked(func() { h.risk.setReference(h.refData) })
	}
}

func (h *house) args() []string {
	return append([]string{
		"--dir", filepath.Join(h.dir, "oms"), "--socket", filepath.Join(h.dir, "oms.sock"), "--risk", filepath.Join(h.dir, "risk.sock"),
		"--register", filepath.Join(h.dir, "register.jsonl"), "--region", "US",
	}, h.more...)
}

func child(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	return cmd
}

// start runs omsd and waits for READY.
func (h *house) start() {
	h.t.Helper()
	if h.risk.ln == nil && !h.real {
		h.risk.listen()
	}
	h.cmd = child(h.args()...)
	if h.stderr == nil {
		h.stderr = &lockedBuffer{}
	}
	h.cmd.Stderr = h.stderr
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "READY {") {
		h.t.Fatalf("no READY: %q, %v\n%s", line, err, tail(h.stderr))
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "READY ")), &h.ready); err != nil {
		h.t.Fatal(err)
	}
	h.conn, err = grpc.NewClient("unix:"+filepath.Join(h.dir, "oms.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		h.t.Fatal(err)
	}
	h.client = pb.NewOrderManagementClient(h.conn)
}

// kill ends omsd the hard way.
func (h *house) kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	_ = h.conn.Close()
	h.cmd = nil
}

// term asks omsd to stop and returns its exit status.
func (h *house) term() int {
	h.t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Fatal(err)
	}
	_ = h.cmd.Wait()
	code := h.cmd.ProcessState.ExitCode()
	_ = h.conn.Close()
	h.cmd = nil
	return code
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *house) status() *pb.GetStatusResponse {
	h.t.Helper()
	st, err := h.client.GetStatus(h.ctx(), &pb.GetStatusRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return st
}

// await waits until the condition holds; how long does not matter to the test.
func (h *house) await(what string, cond func(*pb.GetStatusResponse) bool) *pb.GetStatusResponse {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if st := h.status(); cond(st) {
			return st
		}
	}
	h.t.Fatalf("never came: %s; last status %v", what, h.status())
	return nil
}

func (h *house) up() {
	h.t.Helper()
	h.await("link up", func(s *pb.GetStatusResponse) bool { return s.RiskLinkUp })
}

func (h *house) settled() {
	h.t.Helper()
	h.await("no open orders", func(s *pb.GetStatusResponse) bool { return s.RiskLinkUp && s.OpenOrders == 0 })
}

const asOf = int64(1704463200_000000000) // 2024-01-05 14:00 UTC, half an hour before the open

func portfolio(strategy string, asOf int64, weights map[int64]float64) *pb.TargetPortfolio {
	p := &pb.TargetPortfolio{StrategyId: strategy, AsOfNs: asOf, Session: 20240105, CorrelationId: "00112233445566778899aabbccddeeff"}
	for id, w := range weights {
		p.Targets = append(p.Targets, &pb.Target{InstrumentId: id, Weight: w, StopDistance: 5})
	}
	return p
}

func equalWeights(n int, each float64) map[int64]float64 {
	w := map[int64]float64{}
	for i := 1; i <= n; i++ {
		w[int64(i)] = each
	}
	return w
}

func (h *house) submit(ps ...*pb.TargetPortfolio) *pb.SubmitTargetsResponse {
	h.t.Helper()
	r, err := h.client.SubmitTargets(h.ctx(), &pb.SubmitTargetsRequest{Region: "US", Portfolios: ps})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) accept(ps ...*pb.TargetPortfolio) *pb.SubmitTargetsResponse {
	h.t.Helper()
	r := h.submit(ps...)
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED {
		h.t.Fatalf("not accepted: %v", r)
	}
	return r
}

func (h *house) report() *pb.GetSessionReportResponse {
	h.t.Helper()
	r, err := h.client.GetSessionReport(h.ctx(), &pb.GetSessionReportRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// sameAfterReplay compares the live state's hash with that of a replay of the journal on the disk.
func (h *house) sameAfterReplay() {
	h.t.Helper()
	for range 50 {
		before := h.status().StateHash
		snapshot, records, err := journal.Read(filepath.Join(h.dir, "oms", "journal"))
		if err != nil {
			h.t.Fatal(err)
		}
		if h.status().StateHash != before {
			continue // it moved meanwhile
		}
		st, err := core.Replay(snapshot, records)
		if err != nil {
			h.t.Fatal(err)
		}
		replayed, err := st.Hash()
		if err != nil {
			h.t.Fatal(err)
		}
		if replayed != before {
			h.t.Fatalf("replayed state %s, live %s", replayed, before)
		}
		return
	}
	h.t.Fatal("the state never stood still")
}

// onceEach checks riskd's own log: every id with one content, ids increasing at first sight, and n of them.
func (h *house) onceEach(n int) {
	h.t.Helper()
	h.risk.mu.Lock()
	defer h.risk.mu.Unlock()
	content := map[uint64][72]byte{}
	instruments := map[uint64]uint64{}
	var last uint64
	for _, r := range h.risk.received {
		if c, ok := content[r.id]; ok {
			if c != r.content {
				h.t.Errorf("order %d came with two contents", r.id)
			}
			continue
		}
		if r.id <= last {
			h.t.Errorf("order %d came after %d", r.id, last)
		}
		last = r.id
		content[r.id] = r.content
	}
	if len(h.risk.orders) != n {
		h.t.Errorf("riskd took %d orders, want %d", len(h.risk.orders), n)
	}
	for id, o := range h.risk.orders {
		if other, ok := instruments[o.instrument]; ok {
			h.t.Errorf("orders %d and %d are both for instrument %d", id, other, o.instrument)
		}
		instruments[o.instrument] = id
	}
}
