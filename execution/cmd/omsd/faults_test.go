package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// A hundred orders; omsd is killed at an order that riskd chooses, several times, and started again.
func TestKillNineDuringAPlanLosesAndDoublesNothing(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			h := newHouse(t, 100)
			reached := make(chan struct{}, 1)
			next := 1 + rng.IntN(60)
			if seed == 0 {
				next = 1
			}
			h.risk.onOrder = func(n int) bool {
				if n >= next {
					next = 1 << 30
					select {
					case reached <- struct{}{}:
					default:
					}
				}
				return false
			}
			h.start()
			h.up()
			// The answer may be lost with the process; asking again is safe.
			go func() {
				_, _ = h.client.SubmitTargets(h.ctx(), &pb.SubmitTargetsRequest{Region: "US", Portfolios: []*pb.TargetPortfolio{portfolio("alpha", asOf, equalWeights(100, 0.01))}})
			}()
			for range 3 {
				select {
				case <-reached:
				case <-time.After(10 * time.Second):
					t.Fatal("riskd never saw the order")
				}
				time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
				h.kill()
				h.risk.mu.Lock()
				// Every order that riskd has not taken comes at least once more, so this one is reached.
				left := 100 - len(h.risk.orders)
				done := left == 0
				next = len(h.risk.received) + 1 + rng.IntN(min(20, max(1, left)))
				h.risk.mu.Unlock()
				h.start()
				if done {
					break
				}
			}
			h.up()
			r := h.submit(portfolio("alpha", asOf, equalWeights(100, 0.01)))
			if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ALREADY_TAKEN && r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED {
				t.Fatalf("%v", r)
			}
			h.settled()
			h.onceEach(100)
			h.sameAfterReplay()
			for _, o := range h.report().Orders {
				if o.State != "FILLED" || o.FilledQty != 50 {
					t.Errorf("order %d is %s with %d of 50", o.OrderId, o.State, o.FilledQty)
				}
			}
		})
	}
}

// The hash that a restart prints is the hash of the state that was killed.
func TestRestartRebuildsTheSameState(t *testing.T) {
	h := newHouse(t, 5)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(5, 0.1)))
	h.settled()
	before := h.status().StateHash
	h.kill()
	h.start()
	if h.ready["state_hash"] != before {
		t.Errorf("restart has %v, before the kill it was %v", h.ready["state_hash"], before)
	}
}

func TestDisconnectsDuringAPlan(t *testing.T) {
	h := newHouse(t, 100)
	breaks := map[int]bool{1: true, 7: true, 8: true, 64: true, 90: true}
	h.risk.onOrder = func(n int) bool { return breaks[n] }
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(100, 0.01)))
	h.settled()
	h.onceEach(100)
	h.sameAfterReplay()
	h.risk.mu.Lock()
	defer h.risk.mu.Unlock()
	if h.risk.hellos != 6 {
		t.Errorf("%d connections, want 6", h.risk.hellos)
	}
}

func TestDuplicateAndReorderedReports(t *testing.T) {
	for _, mode := range []string{"duplicate", "reorder"} {
		t.Run(mode, func(t *testing.T) {
			h := newHouse(t, 20)
			h.risk.execMode = mode
			h.start()
			h.up()
			h.accept(portfolio("alpha", asOf, equalWeights(20, 0.01)))
			h.settled()
			h.onceEach(20)
			h.sameAfterReplay()
			for _, o := range h.report().Orders {
				if o.State != "FILLED" || o.FilledQty != 50 || len(o.Fills) != 2 || o.Fills[0].Qty+o.Fills[1].Qty != 50 {
					t.Errorf("order %d is %v", o.OrderId, o)
				}
			}
		})
	}
}

// A frame that is wrong, here by its sequence, ends the connection; the next one is brought into step.
func TestWrongFrameClosesAndResyncs(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.risk.mu.Lock()
	h.risk.seqOut++ // a gap
	h.risk.sendState()
	h.risk.mu.Unlock()
	h.await("a second connection", func(s *pb.GetStatusResponse) bool {
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		return h.risk.hellos == 2 && s.RiskLinkUp
	})
	if !strings.Contains(h.stderr.String(), "wrong sequence") {
		t.Error("the gap is not in the log")
	}
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	h.onceEach(1)
}

func TestRiskDownRefusesAndQueuesNothing(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.risk.close()
	h.await("link down", func(s *pb.GetStatusResponse) bool { return !s.RiskLinkUp })
	r := h.submit(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || r.Faults[0].Code != "RISK_DOWN" {
		t.Fatalf("%v", r)
	}
	if _, err := h.client.Kill(h.ctx(), &pb.KillRequest{Who: "me", Reason: "test"}); err == nil {
		t.Error("a kill that went nowhere was answered as if it had")
	}
	h.risk.listen()
	h.up()
	h.risk.mu.Lock()
	if len(h.risk.received) != 0 || h.risk.kills != 0 {
		t.Errorf("after the reconnect riskd got %d orders and %d kills", len(h.risk.received), h.risk.kills)
	}
	h.risk.mu.Unlock()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	h.onceEach(1)
}

// riskd came back without its journal: what it had decided is unknown, and its instrument takes no new plan.
func TestAnOrderThatNobodyKnowsBlocksItsInstrument(t *testing.T) {
	h := newHouse(t, 3)
	h.risk.fills = func(*fakeOrder) []int64 { return nil }
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.await("an acknowledged order", func(*pb.GetStatusResponse) bool { return h.report().Orders[0].State == "ACKNOWLEDGED" })
	h.risk.mu.Lock()
	h.risk.orders, h.risk.last = map[uint64]*fakeOrder{}, 0
	h.risk.breakConn()
	h.risk.mu.Unlock()
	h.await("an unknown order", func(s *pb.GetStatusResponse) bool { return s.UnknownOrders == 1 && s.RiskLinkUp })
	r := h.accept(portfolio("alpha", asOf+1, map[int64]float64{1: 0.2, 2: 0.1}))
	if r.OrdersPlanned != 1 {
		t.Errorf("planned %d orders, want only instrument 2's", r.OrdersPlanned)
	}
	rep := h.report()
	if o := rep.Orders[0]; o.State != "UNKNOWN" || o.Reason == "" {
		t.Errorf("first order is %v", o)
	}
	if o := rep.Orders[1]; o.InstrumentId != 2 {
		t.Errorf("second order is %v", o)
	}
	h.sameAfterReplay()
}

func TestReduceIsNotRetriedAndDenialsCarryTheirReason(t *testing.T) {
	h := newHouse(t, 3)
	h.risk.decide = func(o *fakeOrder) (byte, int64, uint16) {
		switch o.instrument {
		case 1:
			return 2, o.qty / 2, 1
		case 2:
			return 3, 0, 2
		}
		return 1, o.qty, 0
	}
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(3, 0.1)))
	h.settled()
	rep := h.report()
	if len(rep.Orders) != 3 {
		t.Fatalf("%d orders, want 3: nothing is retried", len(rep.Orders))
	}
	if o := rep.Orders[0]; o.Decision != "REDUCE" || o.ApprovedQty != 250 || o.FilledQty != 250 || o.State != "FILLED" ||
		o.ReasonCode != 1 || !strings.Contains(o.Reason, "5% of equity") {
		t.Errorf("reduced order is %v", o)
	}
	if o := rep.Orders[1]; o.Decision != "REJECT" || o.State != "DENIED" || o.FilledQty != 0 || !strings.HasPrefix(o.Reason, "SECTOR_LIMIT") {
		t.Errorf("rejected order is %v", o)
	}
	h.sameAfterReplay()
}

// A buy that had no cash while a sell worked is planned again, under a new id, when the sell has filled.
func TestBuyingPowerIsRetriedAfterSellsFill(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 1}))
	h.settled()
	h.risk.mu.Lock()
	refused := 0
	h.risk.decide = func(o *fakeOrder) (byte, int64, uint16) {
		if o.side == 1 && refused < 2 {
			refused++
			return 3, 0, 24
		}
		return 1, o.qty, 0
	}
	h.risk.mu.Unlock()
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{2: 0.5}))
	h.await("the third buy", func(s *pb.GetStatusResponse) bool {
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		return h.risk.positions[2] == 2500
	})
	h.settled()
	var states []string
	for _, o := range h.report().Orders {
		states = append(states, fmt.Sprintf("%d %s %s", o.InstrumentId, o.Side, o.State))
	}
	want := "1 BUY FILLED, 1 SELL FILLED, 2 BUY DENIED, 2 BUY DENIED, 2 BUY FILLED"
	if got := strings.Join(states, ", "); got != want {
		t.Errorf("orders are %s, want %s", got, want)
	}
	h.sameAfterReplay()
}

// Buys that the cash does not cover wait until the sells are done.
func TestBuysWaitForTheCashOfSells(t *testing.T) {
	h := newHouse(t, 2)
	h.risk.cash = 0
	h.risk.positions[1] = 10_000
	h.start()
	h.up()
	h.risk.mu.Lock()
	h.risk.fills = func(o *fakeOrder) []int64 {
		if o.side == 2 {
			return nil // works until the test fills it
		}
		return []int64{o.approved}
	}
	h.risk.mu.Unlock()
	h.accept(portfolio("alpha", asOf, map[int64]float64{2: 1}))
	h.await("the sell works", func(s *pb.GetStatusResponse) bool {
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		return len(h.risk.received) == 1
	})
	rep := h.report()
	if len(rep.Orders) != 2 || rep.Orders[1].State != "NEW" {
		t.Fatalf("orders are %v", rep.Orders)
	}
	h.risk.mu.Lock()
	for _, o := range h.risk.orders {
		h.risk.exec(o, 2, o.approved, 0)
	}
	h.risk.sendState()
	h.risk.mu.Unlock()
	h.settled()
	if o := h.report().Orders[1]; o.State != "FILLED" || o.FilledQty != 5000 {
		t.Errorf("the buy is %v", o)
	}
	h.sameAfterReplay()
}

func TestCancelAllAndKill(t *testing.T) {
	h := newHouse(t, 4)
	h.risk.fills = func(o *fakeOrder) []int64 { return []int64{o.approved / 5} }
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(4, 0.1)))
	h.await("partly filled", func(s *pb.GetStatusResponse) bool {
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		return len(h.risk.orders) == 4
	})
	h.sameAfterReplay()
	res, err := h.client.CancelAll(h.ctx(), &pb.CancelAllRequest{Reason: "operator"})
	if err != nil || res.CancelsSent != 4 {
		t.Fatalf("%v, %v", res, err)
	}
	h.settled()
	rep := h.report()
	for _, o := range rep.Orders {
		if o.State != "CANCELLED" || o.FilledQty != 100 {
			t.Errorf("order is %v", o)
		}
	}
	if rep.FramesToRisk != 8 {
		t.Errorf("%d frames, want 4 orders and 4 cancels", rep.FramesToRisk)
	}
	k, err := h.client.Kill(h.ctx(), &pb.KillRequest{Who: "operator", Reason: "drill"})
	if err != nil || k.TradingState != "KILLED" {
		t.Fatalf("%v, %v", k, err)
	}
	r := h.submit(portfolio("beta", asOf, equalWeights(4, 0.1)))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || r.Faults[0].Code != "HALTED" || !strings.Contains(r.Faults[0].Message, "dnalyaw rearm --region US") {
		t.Errorf("after the kill: %v", r)
	}
	h.sameAfterReplay()
}

// Every fault of a request is named at once, and nothing of it is traded.
func TestAllFaultsAtOnce(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	nan := 0.0
	nan /= nan
	bad := portfolio("alpha", asOf-1, nil)
	bad.Session = 20240104
	bad.CorrelationId = "XYZ"
	bad.Targets = []*pb.Target{
		{InstrumentId: 1, Weight: nan}, {InstrumentId: 1, Weight: -0.1}, {InstrumentId: 77, Weight: 0.2}, {InstrumentId: 2, Weight: 0.9, StopDistance: -1},
	}
	good := portfolio("beta", asOf, map[int64]float64{2: 0.1})
	r := h.submit(bad, good, portfolio("idea", asOf, nil), portfolio("ghost", asOf, nil), portfolio("beta", asOf+1, nil))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED {
		t.Fatalf("%v", r)
	}
	have := map[string]bool{}
	for _, f := range r.Faults {
		have[f.StrategyId+" "+f.Code] = true
	}
	for _, want := range []string{
		"alpha WRONG_SESSION", "alpha STALE", "alpha BAD_CORRELATION_ID", "alpha NOT_FINITE", "alpha NEGATIVE_WEIGHT", "alpha DUPLICATE_TARGET",
		"alpha UNKNOWN_INSTRUMENT", "alpha BAD_STOP", "alpha OVER_LEVERAGE", "idea STAGE", "ghost NOT_REGISTERED", "beta DUPLICATE_PORTFOLIO",
	} {
		if !have[want] {
			t.Errorf("%s is not among %v", want, r.Faults)
		}
	}
	if n := len(h.report().Orders); n != 1 {
		t.Errorf("%d orders after a refused request, want 1", n)
	}
}

func TestMalformedRegisterIsNamedByItsLine(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	data, err := os.ReadFile(filepath.Join(h.dir, "register.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("register.jsonl", string(data)+"{\"seq\":4,\"strategy_id\":\"alpha\"\n")
	r := h.submit(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || r.Faults[0].Code != "REGISTER" || !strings.Contains(r.Faults[0].Message, "line 4") {
		t.Fatalf("%v", r)
	}
	// It is read again on each submission.
	h.write("register.jsonl", string(data))
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
}

func TestAnotherReferenceRefusesToTrade(t *testing.T) {
	h := newHouse(t, 2)
	h.write("reference.json", strings.Replace(string(h.refData), `"lot":1`, `"lot":2`, 1))
	h.start()
	h.up()
	r := h.submit(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || r.Faults[0].Code != "REFERENCE_MISMATCH" {
		t.Fatalf("%v", r)
	}
	h.risk.mu.Lock()
	defer h.risk.mu.Unlock()
	if len(h.risk.received) != 0 {
		t.Error("riskd received an order")
	}
}

// A plan of one session is never sent in the next.
func TestUnsentOrdersEndWithTheirSession(t *testing.T) {
	h := newHouse(t, 4)
	h.risk.hold = true
	h.risk.onOrder = func(n int) bool { return n == 2 }
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(4, 0.1)))
	// The first order is taken; the connection breaks on the second, and riskd stays away until the next session.
	h.await("the break", func(*pb.GetStatusResponse) bool {
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		if len(h.risk.received) < 2 {
			return false
		}
		h.risk.session = 20240108
		return true
	})
	h.kill()
	h.risk.mu.Lock()
	h.risk.orders = map[uint64]*fakeOrder{1: h.risk.orders[1]}
	h.risk.last = 1
	before := len(h.risk.received)
	h.refData = []byte(strings.Replace(string(h.refData), "2024-01-05", "2024-01-08", 1))
	h.write("reference.json", string(h.refData))
	h.risk.setReference(h.refData)
	h.risk.hold = false
	h.risk.onOrder = nil
	h.risk.mu.Unlock()
	h.start()
	h.await("the new session", func(s *pb.GetStatusResponse) bool { return s.Session == 20240108 && s.RiskLinkUp })
	rep, err := h.client.GetSessionReport(h.ctx(), &pb.GetSessionReportRequest{Session: 20240105})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range rep.Orders[1:] {
		if o.State != "EXPIRED" {
			t.Errorf("order is %v", o)
		}
	}
	h.risk.mu.Lock()
	for _, r := range h.risk.received[before:] {
		if r.id != 1 {
			t.Errorf("order %d was sent in the next session", r.id)
		}
	}
	h.risk.mu.Unlock()
	h.sameAfterReplay()
}
