package main

import (
	"errors"
	"io"
	"testing"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

type updates struct {
	h *house
	pb.OrderManagement_UpdateTargetsClient
}

func (h *house) updates() updates {
	h.t.Helper()
	stream, err := h.client.UpdateTargets(h.ctx())
	if err != nil {
		h.t.Fatal(err)
	}
	return updates{h, stream}
}

func update(seq uint64, id int64, weight float64) *pb.TargetUpdate {
	return &pb.TargetUpdate{
		StrategyId: "alpha", Seq: seq, Session: 20240105, CorrelationId: "00112233445566778899aabbccddeeff",
		Target: &pb.Target{InstrumentId: id, Weight: weight, StopDistance: 5},
	}
}

func (u updates) ask(m *pb.TargetUpdate) *pb.TargetUpdateAnswer {
	u.h.t.Helper()
	if err := u.Send(m); err != nil {
		u.h.t.Fatal(err)
	}
	a, err := u.Recv()
	if err != nil {
		u.h.t.Fatal(err)
	}
	return a
}

// alpha has half a million: 2% of it at 100.00 are 100 shares.
func TestATargetIsUpdatedWithinTheSession(t *testing.T) {
	h := newHouse(t, 3)
	h.start()
	h.up()
	u := h.updates()
	if a := u.ask(update(1, 1, 0.02)); a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || a.Faults[0].Code != "NO_PORTFOLIO" {
		t.Fatalf("before the portfolio: %v", a)
	}
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.02}))
	h.settled()
	a := u.ask(update(1, 2, 0.02))
	if a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED || a.OrderId != 2 || a.Seq != 1 {
		t.Fatalf("%v", a)
	}
	h.settled()
	if a := u.ask(update(1, 2, 0.04)); a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ALREADY_TAKEN {
		t.Errorf("the same number again: %v", a)
	}
	// Down, up and out; what is there already needs no order.
	for seq, c := range []struct{ weight, held float64 }{{0.01, 50}, {0.03, 150}, {0.03, 150}, {0, 0}} {
		a := u.ask(update(uint64(seq+2), 2, c.weight))
		h.settled()
		if a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED || h.held(2) != int64(c.held) || (a.OrderId == 0) != (seq == 2) {
			t.Errorf("weight %v: %v, %d held", c.weight, a, h.held(2))
		}
	}
	if h.held(1) != 100 {
		t.Errorf("the other name has %d", h.held(1))
	}
	for code, m := range map[string]*pb.TargetUpdate{
		"NOT_REGISTERED":     {StrategyId: "nobody", Seq: 9, Session: 20240105, Target: &pb.Target{InstrumentId: 1}},
		"UNKNOWN_INSTRUMENT": update(9, 77, 0.1), "NEGATIVE_WEIGHT": update(9, 1, -0.1), "OVER_LEVERAGE": update(9, 1, 1.5),
	} {
		a := u.ask(m)
		found := false
		for _, f := range a.Faults {
			found = found || f.Code == code || code == "NOT_REGISTERED" && f.Code == "NO_PORTFOLIO"
		}
		if a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || !found {
			t.Errorf("%s: %v", code, a)
		}
	}
	if err := u.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	h.sameAfterReplay()
}

// Five hundred updates sent without waiting are answered in order, and a kill in the middle loses none that was
// answered; sent again from the first on, every one is taken once.
func TestUpdatesAreTakenOnceOverAKill(t *testing.T) {
	h := newHouse(t, 50)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(50, 0.01)))
	h.settled()
	const n = 500
	weight := func(seq uint64) float64 { return 0.01 + 0.002*float64(seq%7) }
	send := func(until uint64) (answered uint64) {
		u := h.updates()
		go func() {
			for seq := uint64(1); seq <= n; seq++ {
				if u.Send(update(seq, int64(seq%50)+1, weight(seq))) != nil {
					return
				}
			}
		}()
		for answered < until {
			a, err := u.Recv()
			if err != nil || a.Seq != answered+1 || a.Outcome == pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED {
				t.Fatalf("after %d: %v, %v", answered, a, err)
			}
			answered = a.Seq
		}
		return answered
	}
	send(200)
	h.kill()
	h.start()
	h.up()
	send(n)
	h.settled()
	// The last word on each name: 1% and more of half a million at 100.00, in steps of ten shares, which is no dust.
	for seq := uint64(n - 49); seq <= n; seq++ {
		if got, want := h.held(int64(seq%50)+1), int64(weight(seq)*5000+1e-6); got != want {
			t.Errorf("instrument %d: %d shares, want %d", seq%50+1, got, want)
		}
	}
	h.sameAfterReplay()
}

// An omsd that has just started knows a strategy's portfolio from its journal, and of riskd's session nothing yet: an update is
// refused for now, whatever it says.
func TestAnUpdateBeforeTheLinkIsUpIsRefusedForNow(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.02}))
	h.settled()
	h.kill()
	h.risk.close()
	h.start()
	u := h.updates()
	for _, m := range []*pb.TargetUpdate{update(1, 1, 0.01), update(2, 77, 0.01)} {
		if a := u.ask(m); a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || len(a.Faults) != 1 || a.Faults[0].Code != "RISK_DOWN" {
			t.Errorf("%v", a)
		}
	}
	h.risk.listen()
	h.up()
	if a := u.ask(update(3, 1, 0.01)); a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED || a.OrderId == 0 {
		t.Errorf("%v", a)
	}
	h.settled()
	h.sameAfterReplay()
}
