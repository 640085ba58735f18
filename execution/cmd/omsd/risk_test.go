package main

import (
	"encoding/binary"
	"strings"
	"testing"

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
	h.locked(func() { h.risk.send(h.risk.decisionFrame(exit)) })
	h.accept(portfolio("alpha", asOf+1, equalWeights(2, 0.2)))
	h.await("the other instrument's order", func(*pb.GetStatusResponse) bool { return len(h.report().Orders) == 3 })
	h.locked(func() {
		h.risk.exec(exit, 2, 500, 0)
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
