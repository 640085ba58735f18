package main

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// differs waits until a difference stands, and returns it.
func (h *house) differs() *pb.Difference {
	h.t.Helper()
	return h.await("a difference", func(s *pb.GetStatusResponse) bool { return len(s.Differences) == 1 }).Differences[0]
}

func (h *house) acceptBooks() {
	h.t.Helper()
	if _, err := h.client.AcceptBooks(h.ctx(), &pb.AcceptBooksRequest{Who: "nina", Reason: "asked the venue"}); err != nil {
		h.t.Fatal(err)
	}
}

// Shares that nobody ordered appear at the venue: the venue's number is taken, and nothing is planned in the name until
// a person has accepted it; everything else trades on.
func TestSharesThatNothingExplainsBlockTheirInstrument(t *testing.T) {
	h := newHouse(t, 2)
	twoHold(h)
	h.risk.mu.Lock()
	h.risk.positions[1] += 7
	h.risk.sendPosition(1)
	h.risk.mu.Unlock()
	if d := h.differs(); d.InstrumentId != 1 || d.Books != 1000 || d.Venue != 1007 || !strings.Contains(d.Why, "no order explains") {
		t.Errorf("%v", d)
	}
	h.kill() // and a start forgets nothing of it
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{1: 0.2, 2: 0.2}), portfolio("beta", asOf+1, map[int64]float64{1: 0.1}))
	h.settled()
	if h.held(1) != 1007 || h.held(2) != 1000 {
		t.Errorf("%d and %d shares", h.held(1), h.held(2))
	}
	h.acceptBooks()
	h.accept(portfolio("alpha", asOf+2, map[int64]float64{1: 0.2, 2: 0.2}))
	h.settled()
	// Seven shares more are 700 more of equity: 30% of half of it at 100.00 is 1501 shares.
	if h.held(1) != 1501 || len(h.status().Differences) != 0 {
		t.Errorf("%d shares, %v", h.held(1), h.status().Differences)
	}
	h.sameAfterReplay()
}

// Money that no fill explains stops all of it.
func TestMoneyThatNothingExplainsStopsTrading(t *testing.T) {
	h := newHouse(t, 2)
	twoHold(h)
	h.risk.mu.Lock()
	h.risk.cash -= 50_000_000_000 // 5% of the account
	h.risk.sendState()
	h.risk.mu.Unlock()
	// Less the fees of 1500 shares, which this riskd reports and does not take.
	if d := h.differs(); d.InstrumentId != 0 || d.Books-d.Venue != 50_000_000_000-1_500_000 {
		t.Errorf("%v", d)
	}
	r := h.submit(portfolio("alpha", asOf+1, map[int64]float64{1: 0.2}))
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || r.Faults[0].Code != "UNRECONCILED" || !strings.Contains(r.Faults[0].Message, "dnalyaw reconcile") {
		t.Errorf("%v", r)
	}
	h.acceptBooks()
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{1: 0.2}))
	if _, err := h.client.AcceptBooks(h.ctx(), &pb.AcceptBooksRequest{Who: "nina", Reason: "again"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("nothing to accept: %v", err)
	}
	h.sameAfterReplay()
}

// Overnight a split is explained by the reference, and shares that came from nowhere are not.
func TestOvernightASplitIsExplainedAndAGiftIsNot(t *testing.T) {
	h := newHouse(t, 2)
	twoHold(h)
	h.kill()
	h.risk.mu.Lock()
	h.risk.session = 20240108
	h.risk.positions[1] *= 2
	h.risk.positions[2] += 3
	h.risk.prices[1] = [3]int64{49_990_000, 50_010_000, 50_000_000}
	h.risk.mu.Unlock()
	h.refDoc["session"] = "2024-01-08"
	split := h.refDoc["instruments"].([]map[string]any)[0]
	split["split_num"], split["split_den"] = 2, 1
	h.writeReference()
	h.start()
	h.up()
	if d := h.differs(); d.InstrumentId != 2 || d.Books != 500 || d.Venue != 503 {
		t.Errorf("%v", d)
	}
	h.await("the log", func(*pb.GetStatusResponse) bool {
		return strings.Contains(h.stderr.String(), "the books have 1000, the venue 2000 (a split, 2 for 1)")
	})
	h.sameAfterReplay()
}

// While every fill is heard, venue and books agree, and stay so over kills.
func TestVenueAndBooksAgree(t *testing.T) {
	h := newHouse(t, 5)
	h.risk.charges = true
	h.start()
	h.up()
	for i := range 3 {
		h.accept(portfolio("alpha", asOf+int64(i), equalWeights(5, 0.1+0.02*float64(i%2))))
		h.settled()
		h.kill()
		h.start()
		h.up()
	}
	time.Sleep(2 * time.Second) // the comparison of each second
	if st := h.status(); len(st.Differences) != 0 || strings.Contains(h.stderr.String(), "differs from the books") {
		t.Errorf("%v\n%s", st.Differences, tail(h.stderr))
	}
}
