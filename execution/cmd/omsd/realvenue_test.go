package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/frame"
)

// wire is a client of the real riskd that speaks frames itself, for what omsd has no occasion to say.
type wire struct {
	t   *testing.T
	c   net.Conn
	in  *bufio.Reader
	got uint64

	mu  sync.Mutex
	seq uint64
}

func (h *house) wire() *wire {
	h.t.Helper()
	c, err := net.Dial("unix", filepath.Join(h.dir, "risk.sock"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	w := &wire{t: h.t, c: c, in: bufio.NewReader(c)}
	w.send(&frame.Hello{Region: [4]byte{'U', 'S'}})
	await(w, "WELCOME", func(*frame.Welcome) bool { return true })
	go w.beat()
	await(w, "an account", func(s *frame.State) bool {
		return s.VenueUp == 1 && s.Equity > 0 && s.TradingState == frame.TradingActive
	})
	return w
}

func (w *wire) send(m frame.Message) {
	w.t.Helper()
	if err := w.write(m); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) write(m frame.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	b := frame.Encode(frame.Header{Sequence: w.seq}, m)
	_, err := w.c.Write(b[:])
	return err
}

// beat keeps the line alive until it is closed.
func (w *wire) beat() {
	for w.write(&frame.Heartbeat{}) == nil {
		time.Sleep(500 * time.Millisecond)
	}
}

// await reads on to the frame that is meant; what comes before it is passed over.
func await[M frame.Message](w *wire, what string, is func(M) bool) M {
	w.t.Helper()
	for {
		if err := w.c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			w.t.Fatal(err)
		}
		var b [frame.Size]byte
		if _, err := io.ReadFull(w.in, b[:]); err != nil {
			w.t.Fatalf("%s: %v", what, err)
		}
		w.got++
		_, m, err := frame.Decode(&b, w.got)
		if err != nil {
			w.t.Fatal(err)
		}
		if typed, ok := m.(M); ok && is(typed) {
			return typed
		}
	}
}

func (w *wire) decision(id uint64) *frame.Decision {
	w.t.Helper()
	return await(w, "a decision", func(d *frame.Decision) bool { return d.OrderID == id })
}

func (w *wire) exec(id uint64, kind uint8) *frame.Exec {
	w.t.Helper()
	return await(w, "a report", func(e *frame.Exec) bool { return e.OrderID == id && e.ExecType == kind })
}

// venueLines are the log's lines of a kind.
func (h *house) venueLines(kind string) (out []map[string]any) {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, "venue", "log.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var r map[string]any
		if bytes.HasSuffix(line, []byte("\n")) && json.Unmarshal(line, &r) == nil && r["kind"] == kind {
			out = append(out, r)
		}
	}
	return out
}

// A modification through all three programs: decided under its own id, told under the order's, known to the venue by
// both; one that the venue refuses leaves the order; and the order can be cancelled afterwards.
func TestAModificationGoesThroughToTheVenue(t *testing.T) {
	h := newHouse(t, 2)
	h.launchAll()
	h.startSession()
	w := h.wire()
	w.send(&frame.NewOrder{OrderID: 1, InstrumentID: 1, Qty: 100, LimitPx: 97_000_000, StopDistance: 2_000_000, Side: frame.SideBuy, Type: frame.TypeLimit})
	if d := w.decision(1); d.Decision != frame.DecisionApprove || d.ApprovedQty != 100 {
		t.Fatalf("%+v", d)
	}
	w.exec(1, frame.ExecNew)
	w.send(&frame.Replace{OrderID: 2, OriginalID: 1, Qty: 150, LimitPx: 97_500_000, StopDistance: 2_000_000})
	if d := w.decision(2); d.Decision != frame.DecisionApprove || d.RequestedQty != 150 || d.ApprovedQty != 150 {
		t.Fatalf("%+v", d)
	}
	if e := w.exec(1, frame.ExecReplaced); e.LeavesQty != 150 || e.CumQty != 0 || e.Reason != 59 {
		t.Errorf("%+v", e)
	}
	// From small to huge: no more than the limits let a new order have.
	w.send(&frame.Replace{OrderID: 3, OriginalID: 1, Qty: 1_000_000, LimitPx: 97_500_000, StopDistance: 2_000_000})
	d := w.decision(3)
	if d.Decision != frame.DecisionReduce || d.ApprovedQty <= 150 || d.ApprovedQty*97_500_000 > 50_000_000_000 {
		t.Fatalf("%+v", d)
	}
	if e := w.exec(1, frame.ExecReplaced); e.LeavesQty != d.ApprovedQty {
		t.Errorf("%+v", e)
	}
	w.send(&frame.Cancel{OrderID: 1})
	w.exec(1, frame.ExecCancelled)
	var chain []any
	for _, r := range h.venueLines("replace") {
		chain = append(chain, r["cl_ord_id"], r["orig"])
	}
	if len(chain) != 4 || chain[0] != "US-2" || chain[1] != "US-1" || chain[2] != "US-3" || chain[3] != "US-2" {
		t.Errorf("the venue's chain is %v", chain)
	}
	if n := len(h.venueLines("cancel")); n != 1 {
		t.Errorf("%d cancels at the venue", n)
	}
}

// A sell is short only when it says so, and then only as far as shares were located; the venue lends them.
func TestAShortSaleGoesThroughToTheVenue(t *testing.T) {
	h := newHouse(t, 2)
	rows, ok := h.refDoc["instruments"].([]map[string]any)
	if !ok {
		t.Fatal("the reference's instruments")
	}
	rows[1]["locate"] = 120
	h.writeReference()
	h.launchAll()
	h.startSession()
	w := h.wire()
	sell := frame.NewOrder{InstrumentID: 2, Qty: 100, LimitPx: 99_000_000, StopDistance: 2_000_000, Side: frame.SideSell, Type: frame.TypeLimit}
	sell.OrderID = 1
	w.send(&sell)
	if d := w.decision(1); d.Decision != frame.DecisionReject || d.Reason != 25 {
		t.Errorf("unmarked: %+v", d)
	}
	sell.OrderID, sell.Flags, sell.Qty = 2, frame.FlagSellShort, 300
	w.send(&sell)
	if d := w.decision(2); d.Decision != frame.DecisionReduce || d.ApprovedQty != 120 || d.Reason != 49 {
		t.Fatalf("marked: %+v", d)
	}
	w.exec(2, frame.ExecFill)
	w.send(&frame.Sync{Nonce: 7})
	await(w, "the short position", func(p *frame.Position) bool { return p.InstrumentID == 2 && p.Qty == -120 })
	for _, r := range h.venueLines("order") {
		if r["short"] != true || r["qty"] != 120.0 {
			t.Errorf("%v", r)
		}
	}
}

// The venue takes shares back; omsd's report, its books and riskd's position say so.
func TestACorrectionComesThroughFromTheVenue(t *testing.T) {
	h := newHouse(t, 2)
	h.launchAll()
	h.start()
	h.await("the account", func(s *pb.GetStatusResponse) bool { return s.RiskLinkUp && s.VenueUp && s.EquityMicro > 0 })
	h.startSession()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.01}))
	h.settled()
	before := h.report().Orders[0]
	fills := h.venueLines("fill")
	last, ok := fills[len(fills)-1]["qty"].(float64)
	if !ok || before.State != "FILLED" {
		t.Fatalf("%v, %v", fills, before)
	}
	h.venueControl(`{"cmd":"fault","kind":"correct","n":1}`)
	want := before.FilledQty - int64(last) + 1
	h.await("the correction", func(*pb.GetStatusResponse) bool { return h.report().Orders[0].FilledQty == want })
	h.await("the position", func(*pb.GetStatusResponse) bool {
		p := h.report().Positions
		return len(p) == 1 && p[0].Qty == want
	})
	o, sum := h.report().Orders[0], int64(0)
	for _, f := range o.Fills {
		if f.Qty <= 0 {
			t.Errorf("a fill of %d", f.Qty)
		}
		sum += f.Qty
	}
	if sum != want || o.State != "CANCELLED" {
		t.Errorf("%v: fills of %d, want %d", o, sum, want)
	}
	h.sameAfterReplay()
}

// riskd's own death: what it had at the venue is cancelled there.
func TestTheVenueCancelsWhatADeadRiskdHadThere(t *testing.T) {
	h := newHouse(t, 2)
	riskd := h.launchAll("--cancel-on-disconnect")
	h.startSession()
	w := h.wire()
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("never came: %s", what)
			}
		}
	}
	until("the request for cancel on disconnect", func() bool { return len(h.venueLines("protect")) == 1 })
	w.send(&frame.NewOrder{OrderID: 1, InstrumentID: 1, Qty: 100, LimitPx: 97_000_000, StopDistance: 2_000_000, Side: frame.SideBuy, Type: frame.TypeLimit})
	w.exec(1, frame.ExecNew)
	if err := riskd.Kill(); err != nil {
		t.Fatal(err)
	}
	until("the cancel", func() bool { return len(h.venueLines("cancel")) == 1 })
	if c := h.venueLines("cancel")[0]; c["cl_ord_id"] != "US-1" || c["text"] != "cancelled on disconnect" {
		t.Errorf("%v", c)
	}
}
