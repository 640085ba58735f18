package main

import (
	"testing"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// Equity 1,000,000; alpha has half of it. Weight 0.1 is 50,000, at a mid of 100.00 500 shares; the limit is the ask
// 100.01 plus 50 bp = 100.51005, down to the tick: 100.51.
func TestSubmitPlanDecideFillReport(t *testing.T) {
	h := newHouse(t, 3)
	h.start()
	h.up()
	r := h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1, 2: 0.2}))
	if r.OrdersPlanned != 2 {
		t.Fatalf("planned %d orders, want 2", r.OrdersPlanned)
	}
	h.settled()
	rep := h.report()
	if len(rep.Orders) != 2 || rep.FramesToRisk != 2 {
		t.Fatalf("%d orders, %d frames; want 2 and 2", len(rep.Orders), rep.FramesToRisk)
	}
	o := rep.Orders[0]
	if o.InstrumentId != 1 || o.Side != "BUY" || o.RequestedQty != 500 || o.ApprovedQty != 500 || o.FilledQty != 500 ||
		o.LimitPxMicro != 100_510_000 || o.State != "FILLED" || o.Decision != "APPROVE" || o.ReasonCode != 0 ||
		o.DecisionPxMicro != 100_000_000 || o.ArrivalBidMicro != 99_990_000 || o.ArrivalAskMicro != 100_010_000 ||
		o.CorrelationId != "00112233445566778899aabbccddeeff" || o.Attribution["alpha"] != 1 {
		t.Errorf("first order is %v", o)
	}
	if o.CreatedNs == 0 || o.DecidedNs < o.CreatedNs || o.DoneNs < o.DecidedNs {
		t.Errorf("times are %d, %d, %d", o.CreatedNs, o.DecidedNs, o.DoneNs)
	}
	if len(o.Fills) != 2 || o.Fills[0].Qty != 250 || o.Fills[1].Qty != 250 || o.Fills[0].PxMicro != 100_000_000 ||
		o.Fills[0].FeeMicro != 250_000 || o.Fills[0].BidMicro != 99_990_000 || o.Fills[0].AskMicro != 100_010_000 {
		t.Errorf("fills are %v", o.Fills)
	}
	if rep.Orders[1].RequestedQty != 1000 {
		t.Errorf("second order asks %d, want 1000", rep.Orders[1].RequestedQty)
	}
	if len(rep.Positions) != 2 || rep.Positions[0].Qty != 500 || rep.Positions[1].Qty != 1000 {
		t.Errorf("positions are %v", rep.Positions)
	}
	if rep.CashMicro != 850_000_000_000 || rep.EquityMicro != 1_000_000_000_000 || rep.LimitsHash != "8877665544332211" {
		t.Errorf("cash %d, equity %d, limits %s", rep.CashMicro, rep.EquityMicro, rep.LimitsHash)
	}
	h.sameAfterReplay()
	h.onceEach(2)
}

func TestSameTargetsTwiceSendNothingNew(t *testing.T) {
	h := newHouse(t, 3)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	frames := h.report().FramesToRisk
	for range 3 {
		if r := h.submit(portfolio("alpha", asOf, map[int64]float64{1: 0.1})); r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ALREADY_TAKEN {
			t.Fatalf("second submission: %v", r)
		}
	}
	// After a restart too.
	h.kill()
	h.start()
	h.up()
	if r := h.submit(portfolio("alpha", asOf, map[int64]float64{1: 0.1})); r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ALREADY_TAKEN {
		t.Fatalf("after a restart: %v", r)
	}
	if r := h.submit(portfolio("alpha", asOf, map[int64]float64{1: 0.2})); r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED ||
		len(r.Faults) != 1 || r.Faults[0].Code != "CONFLICT" {
		t.Fatalf("other content: %v", r)
	}
	if got := h.report().FramesToRisk; got != frames {
		t.Errorf("%d frames, want %d", got, frames)
	}
	h.onceEach(1)
	h.sameAfterReplay()
}

// The second day's wish of a smaller name sells first, and a name that is absent is closed.
func TestSellsComeFirstAndAbsentNamesAreClosed(t *testing.T) {
	h := newHouse(t, 3)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1, 2: 0.2}))
	h.settled()
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{2: 0.1, 3: 0.1}))
	h.settled()
	rep := h.report()
	got := rep.Orders[2:]
	want := []struct {
		id   int64
		side string
		qty  int64
	}{{1, "SELL", 500}, {2, "SELL", 500}, {3, "BUY", 500}}
	if len(got) != len(want) {
		t.Fatalf("orders are %v", got)
	}
	for i, w := range want {
		if got[i].InstrumentId != w.id || got[i].Side != w.side || got[i].RequestedQty != w.qty || got[i].State != "FILLED" {
			t.Errorf("order %d is %v, want %v", i, got[i], w)
		}
	}
	// 99.99 less 50 bp is 99.49005, up to the tick.
	if got[0].LimitPxMicro != 99_500_000 {
		t.Errorf("sell limit %d, want 99.50", got[0].LimitPxMicro)
	}
	h.sameAfterReplay()
}
