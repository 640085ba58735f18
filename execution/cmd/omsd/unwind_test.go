package main

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

func (h *house) unwind(req *pb.UnwindRequest) *pb.UnwindResponse {
	h.t.Helper()
	r, err := h.client.Unwind(h.ctx(), req)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) held(id int64) int64 {
	h.risk.mu.Lock()
	defer h.risk.mu.Unlock()
	return h.risk.positions[id]
}

// alpha wants 10% of half a million in two names, beta in the first: at 100.00 that is 500 shares each, 1000 of the
// first together.
func twoHold(h *house) {
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1, 2: 0.1}), portfolio("beta", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	if h.held(1) != 1000 || h.held(2) != 500 {
		h.t.Fatalf("%d and %d shares", h.held(1), h.held(2))
	}
}

func TestAStrategyIsUnwoundByHand(t *testing.T) {
	h := newHouse(t, 2)
	twoHold(h)
	if r := h.unwind(&pb.UnwindRequest{StrategyId: "alpha", Who: "nina", Reason: "its data feed is wrong"}); r.Instruments != 2 {
		t.Errorf("%v", r)
	}
	// A kill in between loses nothing of it.
	h.kill()
	h.start()
	h.await("alpha's shares are sold", func(s *pb.GetStatusResponse) bool {
		return s.RiskLinkUp && s.OpenOrders == 0 && h.held(1) == 500 && h.held(2) == 0
	})
	if st := h.status(); len(st.Unwindings) != 1 || st.Unwindings[0].StrategyId != "alpha" || st.Unwindings[0].Who != "nina" {
		t.Errorf("%v", st.Unwindings)
	}
	// It stays so: its targets are refused, the other's are not touched.
	r := h.submit(portfolio("alpha", asOf+1, map[int64]float64{1: 0.1}))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || r.Faults[0].Code != "UNWOUND" || !strings.Contains(r.Faults[0].Message, "nina") {
		t.Errorf("%v", r)
	}
	h.unwind(&pb.UnwindRequest{StrategyId: "alpha", Who: "nina", Reason: "mended", Lift: true})
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{2: 0.1}))
	h.settled()
	if h.held(1) != 500 || h.held(2) != 500 {
		t.Errorf("%d and %d shares", h.held(1), h.held(2))
	}
	h.sameAfterReplay()
}

func TestANameIsUnwoundByHandAndStaysOut(t *testing.T) {
	h := newHouse(t, 2)
	twoHold(h)
	if r := h.unwind(&pb.UnwindRequest{InstrumentId: 1, Who: "nina", Reason: "accounting"}); r.Instruments != 1 {
		t.Errorf("%v", r)
	}
	h.await("the name is sold", func(s *pb.GetStatusResponse) bool { return s.OpenOrders == 0 && h.held(1) == 0 })
	// Who wants it is not refused: everything else of the portfolio is traded.
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{1: 0.2, 2: 0.2}))
	h.settled()
	if h.held(1) != 0 || h.held(2) != 1000 {
		t.Errorf("%d and %d shares", h.held(1), h.held(2))
	}
	h.sameAfterReplay()
}

// What works in the wrong direction is cancelled, and a schedule ends.
func TestUnwindingCancelsWhatWorks(t *testing.T) {
	h := newHouse(t, 1)
	h.works("")
	h.risk.fills = func(o *fakeOrder) []int64 {
		if o.side == 1 {
			return []int64{o.approved - 1} // every child rests with its last share
		}
		return []int64{o.approved}
	}
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.await("the first child works", func(s *pb.GetStatusResponse) bool { return s.OpenOrders == 1 && s.WorkedOrders == 1 })
	if r := h.unwind(&pb.UnwindRequest{InstrumentId: 1, Who: "nina", Reason: "no"}); r.CancelsSent != 1 {
		t.Errorf("%v", r)
	}
	h.await("nothing held and nothing worked", func(s *pb.GetStatusResponse) bool {
		h.risk.pass(10e9)
		return s.OpenOrders == 0 && s.WorkedOrders == 0 && h.held(1) == 0
	})
	h.sameAfterReplay()
}

func TestUnwindingNamesWhatIsWrong(t *testing.T) {
	h := newHouse(t, 1)
	h.start()
	h.up()
	for _, c := range []struct {
		req  *pb.UnwindRequest
		code codes.Code
		says string
	}{
		{&pb.UnwindRequest{Who: "a", Reason: "b"}, codes.InvalidArgument, "either"},
		{&pb.UnwindRequest{InstrumentId: 1, StrategyId: "alpha", Who: "a", Reason: "b"}, codes.InvalidArgument, "either"},
		{&pb.UnwindRequest{InstrumentId: 1, Reason: "b"}, codes.InvalidArgument, "who"},
		{&pb.UnwindRequest{InstrumentId: 1, Who: "a", Reason: "b"}, codes.FailedPrecondition, "neither held"},
		{&pb.UnwindRequest{StrategyId: "alpha", Who: "a", Reason: "b", Lift: true}, codes.FailedPrecondition, "no unwinding"},
	} {
		if _, err := h.client.Unwind(h.ctx(), c.req); status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.req, err)
		}
	}
}
