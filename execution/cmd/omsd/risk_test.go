package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// locked runs f with the fake riskd's lock held.
func (h *house) locked(f func()) {
	h.risk.mu.Lock()
	defer h.risk.mu.Unlock()
	f()
}

func TestHeartbeatsComeAsLongAsTheLinkIsUp(t *testing.T) {
	h := newHouse(t, 1)
	h.start()
	h.up()
	beats := func() (n int) {
		h.locked(func() { n = h.risk.beats })
		return n
	}
	h.await("three heartbeats", func(*pb.GetStatusResponse) bool { return beats() >= 3 })
	h.locked(h.risk.breakConn)
	seen := beats()
	h.await("heartbeats on the next connection", func(s *pb.GetStatusResponse) bool { return s.RiskLinkUp && beats() >= seen+2 })
}

// The mask is the reference's, not the register's order, and a netted order carries every strategy that is part of it.
func TestOrdersCarryTheirStrategies(t *testing.T) {
	h := newHouse(t, 3)
	h.refDoc["strategies"] = []string{"other", "beta", "alpha"}
	h.writeReference()
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1, 2: 0.1}), portfolio("beta", asOf, map[int64]float64{1: 0.1, 3: 0.1}))
	h.settled()
	h.locked(func() {
		got := map[uint64]uint64{}
		for _, o := range h.risk.orders {
			got[o.instrument] = binary.LittleEndian.Uint64(o.content[64:])
		}
		for instrument, want := range map[uint64]uint64{1: 0b110, 2: 0b100, 3: 0b010} {
			if got[instrument] != want {
				t.Errorf("instrument %d: strategies %03b, want %03b", instrument, got[instrument], want)
			}
		}
	})
	h.sameAfterReplay()
}

func TestAStrategyThatTheReferenceDoesNotListIsRefused(t *testing.T) {
	h := newHouse(t, 1)
	h.refDoc["strategies"] = []string{"beta"}
	h.writeReference()
	h.start()
	h.up()
	r := h.submit(portfolio("alpha", asOf, equalWeights(1, 0.1)))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || len(r.Faults) != 1 || r.Faults[0].Code != "NOT_IN_REFERENCE" {
		t.Fatalf("%v", r)
	}
	h.accept(portfolio("beta", asOf, equalWeights(1, 0.1)))
}

// A correction takes shares back: the order, its fills and the strategies' books follow, and the next target buys what
// is missing.
func TestACorrectedFillIsTakenBack(t *testing.T) {
	h := newHouse(t, 1)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(1, 0.1)), portfolio("beta", asOf, equalWeights(1, 0.1)))
	h.settled()
	h.locked(func() {
		for _, o := range h.risk.orders {
			o.approved -= 300 // the venue does not work on it any more
			h.risk.exec(o, 13, -300, 0)
			h.risk.sendPosition(int64(o.instrument))
			h.risk.sendState()
		}
	})
	h.await("the correction", func(*pb.GetStatusResponse) bool { return h.report().Orders[0].FilledQty == 700 })
	o := h.report().Orders[0]
	sum := int64(0)
	for _, f := range o.Fills {
		sum += f.Qty
	}
	if o.State != "CANCELLED" || sum != 700 || len(o.Fills) != 2 {
		t.Errorf("%v", o)
	}
	h.locked(h.risk.breakConn) // a SYNC repeats the whole story
	h.await("another connection, in step", func(s *pb.GetStatusResponse) bool {
		again := false
		h.locked(func() { again = h.risk.hellos == 2 && h.risk.syncs > 0 })
		return again && s.RiskLinkUp
	})
	if got := h.report().Orders[0]; got.FilledQty != 700 || got.State != "CANCELLED" {
		t.Errorf("after a SYNC: %v", got)
	}
	h.accept(portfolio("alpha", asOf+1, equalWeights(1, 0.1)))
	h.settled()
	rep := h.report()
	if len(rep.Orders) != 2 || rep.Orders[1].RequestedQty != 300 || rep.Orders[1].Attribution["alpha"] != 0.5 {
		t.Errorf("%v", rep.Orders)
	}
	h.sameAfterReplay()
}

// What a limit cut off is gone until the next target, and the strategies share what there was.
func TestAnOrderReducedToItsPartOfTheVolumeSettles(t *testing.T) {
	h := newHouse(t, 1)
	h.risk.decide = func(o *fakeOrder) (byte, int64, uint16) { return 2, min(o.qty, 401), 46 }
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(1, 0.1)), portfolio("beta", asOf, equalWeights(1, 0.1)))
	h.settled()
	rep := h.report()
	o := rep.Orders[0]
	if len(rep.Orders) != 1 || o.RequestedQty != 1000 || o.ApprovedQty != 401 || o.FilledQty != 401 || o.State != "FILLED" || !strings.HasPrefix(o.Reason, "PARTICIPATION: ") {
		t.Fatalf("%v", rep.Orders)
	}
	h.accept(portfolio("alpha", asOf+1, equalWeights(1, 0.1)))
	h.settled()
	if rep = h.report(); len(rep.Orders) != 2 || rep.Orders[1].RequestedQty != 599 {
		t.Errorf("%v", rep.Orders)
	}
	h.sameAfterReplay()
}

// The exit of a fired stop is riskd's own order: it moves the position, blocks the instrument while it works, and no
// strategy owns it.
func TestTheExitOfAFiredStopIsBooked(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(2, 0.1)))
	h.settled()
	exit := &fakeOrder{id: 1<<62 + 1, instrument: 1, qty: 500, side: 2, decision: 4, approved: 500, reason: 57}
	h.locked(func() {
		h.risk.send(h.risk.decisionFrame(exit))
		h.risk.own = append(h.risk.own, exit)
	})
	h.accept(portfolio("alpha", asOf+1, equalWeights(2, 0.2)))
	h.await("the other instrument's order", func(*pb.GetStatusResponse) bool { return len(h.report().Orders) == 3 })
	h.locked(func() {
		h.risk.exec(exit, 1, 300, 0)
		h.risk.exec(exit, 2, 200, 0)
		h.risk.sendPosition(1)
		h.risk.sendState()
	})
	h.await("the position is gone", func(*pb.GetStatusResponse) bool {
		for _, p := range h.report().Positions {
			if p.InstrumentId == 1 {
				return false
			}
		}
		return true
	})
	h.settled()
	h.accept(portfolio("alpha", asOf+2, map[int64]float64{2: 0.2}))
	h.settled()
	for _, o := range h.report().Orders {
		if o.InstrumentId == 1 && o.Side == "SELL" || o.OrderId >= 1<<62 {
			t.Errorf("omsd sold what the stop had sold: %v", o)
		}
	}
	if log := h.stderr.String(); !strings.Contains(log, "FLATTEN STOPPED") {
		t.Error("the log does not say why riskd closed the position")
	}
	want := h.closes(1)
	if o := want[0]; o.OrderId != 1<<62+1 || o.InstrumentId != 1 || o.Side != "SELL" || o.RequestedQty != 500 || o.FilledQty != 500 ||
		len(o.Fills) != 2 || o.State != "FILLED" || o.Decision != "FLATTEN" || !strings.HasPrefix(o.Reason, "STOPPED") || len(o.Attribution) != 0 {
		t.Errorf("the report has %v", o)
	}
	h.sameAfterReplay()
	h.kill()
	h.start()
	h.up()
	if got := h.closes(1); !proto.Equal(got[0], want[0]) {
		t.Errorf("after a restart and a SYNC: %v, before %v", got[0], want[0])
	}
	h.sameAfterReplay()
}

// closes reads riskd's own orders from the report.
func (h *house) closes(count int) []*pb.OrderReport {
	h.t.Helper()
	found := h.report().RiskOrders
	if len(found) != count {
		h.t.Fatalf("riskd's own orders are %v, want %d", found, count)
	}
	return found
}

// What riskd closed while omsd was dead is in the report too: a SYNC tells it from the decision on. Also an order that
// the venue cut short, and one that never left.
func TestWhatRiskdClosedWithoutOmsdIsReported(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(2, 0.1)))
	h.settled()
	h.kill()
	cut := &fakeOrder{id: 1<<62 + 1, instrument: 1, qty: 500, side: 2, decision: 4, approved: 500, reason: 45}
	rest := &fakeOrder{id: 1<<62 + 2, instrument: 1, qty: 380, side: 2, decision: 4, approved: 380, reason: 45}
	none := &fakeOrder{id: 1<<62 + 3, instrument: 2, qty: 500, side: 2, decision: 3, reason: 12}
	h.locked(func() {
		h.risk.own = []*fakeOrder{cut, rest, none}
		h.risk.exec(cut, 0, 0, 0)
		h.risk.exec(cut, 1, 120, 0)
		h.risk.exec(cut, 4, 0, 42)
		h.risk.exec(rest, 2, 380, 0)
	})
	h.start()
	h.up()
	told := []string{}
	for _, o := range h.closes(3) {
		told = append(told, fmt.Sprintf("%d %s %d/%d %s %s", o.InstrumentId, o.Side, o.FilledQty, o.RequestedQty, o.State, strings.SplitN(o.Reason, ":", 2)[0]))
	}
	want := []string{"1 SELL 120/500 CANCELLED OPERATOR", "1 SELL 380/380 FILLED OPERATOR", "2  0/500 DENIED NO_PRICE"}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
	if n := len(h.report().Orders); n != 2 {
		t.Errorf("omsd calls %d orders its own", n)
	}
	h.locked(h.risk.breakConn) // told once more
	h.await("another connection, in step", func(s *pb.GetStatusResponse) bool {
		again := false
		h.locked(func() { again = h.risk.hellos == 3 && h.risk.syncs > 0 })
		return again && s.RiskLinkUp
	})
	if fills := h.closes(3)[0].Fills; len(fills) != 1 || fills[0].Qty != 120 {
		t.Errorf("fills %v", fills)
	}
	h.sameAfterReplay()
}

// While riskd asks the venue for the account again it tells no equity; that the switch is on is said all the same.
func TestAKilledAccountWithoutEquityIsCalledKilled(t *testing.T) {
	h := newHouse(t, 1)
	h.risk.state, h.risk.cash = 4, 0
	h.start()
	h.up()
	r := h.submit(portfolio("alpha", asOf, equalWeights(1, 0.1)))
	codes := map[string]string{}
	for _, f := range r.Faults {
		codes[f.Code] = f.Message
	}
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || !strings.Contains(codes["HALTED"], "dnalyaw rearm") || codes["NO_ACCOUNT"] == "" {
		t.Errorf("%v", r)
	}
}
