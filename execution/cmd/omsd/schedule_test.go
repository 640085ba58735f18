package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// works makes a session of an hour in which everything is worked by TWAP in slices of five minutes, at the market's price.
func (h *house) works(more string) {
	h.t.Helper()
	open := h.risk.clock
	h.write("session.json", fmt.Sprintf(`{"region":"US","session":"2024-01-05","open_ns":%d,"close_ns":%d,"breaks":[],
		"rule":{"small_adv_ppm":0,"min_duration_ns":0,"large":"TWAP",
		"base":{"algorithm":"TWAP","slice_ns":300000000000,"style":"MARKETABLE","mid_behind_ppm":1000000,"cross_behind_ppm":1000000,
		"collar_bp":50,"at_end":"SWEEP","sweep_ns":60000000000,"catch_up_ppm":1000000,"min_gap_ns":0,"max_refusals":3}}%s}`,
		open-1_000_000_000, open+3600_000_000_000, more))
}

// sentAtOnce is a session's file by which nothing is large.
func sentAtOnce(open int64, more string) string {
	return fmt.Sprintf(`{"region":"US","session":"2024-01-05","open_ns":%d,"close_ns":%d,"breaks":[],"rule":{"small_adv_ppm":1000000,"unknown":"IMMEDIATE"}%s}`,
		open-1_000_000_000, open+3600_000_000_000, more)
}

// pass lets the venue's clock run in steps of ten seconds, with a price of every instrument at each.
func (r *fakeRisk) pass(d time.Duration) {
	for end := d; end > 0; end -= 10 * time.Second {
		r.mu.Lock()
		r.clock += int64(10 * time.Second)
		for id, p := range r.prices {
			r.send(lay(69, u64(24, uint64(id)), f64(32, p[0]), f64(40, p[1]), f64(48, p[2]), f64(56, r.clock)))
		}
		r.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
	}
}

func (r *fakeRisk) bought(id int64) (qty int64, orders int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.orders {
		if int64(o.instrument) == id {
			qty += o.cum
			orders++
		}
	}
	return qty, orders
}

// 10% of half a million at 100.00 is 500 shares: 12 slices of five minutes, 41 or 42 shares each. omsd is killed three
// times on the way, and the schedule goes on as if nothing had been.
func TestALargeOrderIsWorkedOverTheSession(t *testing.T) {
	h := newHouse(t, 1)
	h.works("")
	h.start()
	h.up()
	if r := h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1})); r.OrdersPlanned != 1 {
		t.Fatalf("%v", r)
	}
	for quarter := 1; quarter <= 4; quarter++ {
		h.risk.pass(15 * time.Minute)
		if quarter == 4 {
			break
		}
		h.await("the quarter's children", func(s *pb.GetStatusResponse) bool { return s.OpenOrders == 0 })
		qty, orders := h.risk.bought(1)
		// The slice that has just begun may have gone already.
		if low := int64(125 * quarter); qty < low-1 || qty > low+43 || orders < 3*quarter || orders > 3*quarter+1 {
			t.Errorf("after %d minutes %d shares in %d orders", 15*quarter, qty, orders)
		}
		h.sameAfterReplay()
		h.kill()
		h.start()
		h.up()
	}
	h.settled()
	if qty, orders := h.risk.bought(1); qty != 500 || orders != 12 {
		t.Errorf("%d shares in %d orders, want 500 in 12", qty, orders)
	}
	report := h.report()
	var shares float64
	for _, o := range report.Orders {
		shares += o.Attribution["alpha"] * float64(o.RequestedQty)
	}
	if shares != 500 {
		t.Errorf("alpha has %v shares of the children", shares)
	}
	h.sameAfterReplay()
}

// A second strategy comes in the middle with the opposite wish: the parent ends, its rest is not bought, and what both
// want together is what is held in the end.
func TestANewPlanEndsAScheduleThatPointsTheOtherWay(t *testing.T) {
	h := newHouse(t, 1)
	h.works("")
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.risk.pass(20 * time.Minute)
	h.settled()
	h.accept(portfolio("alpha", asOf+1, map[int64]float64{1: 0.02}))
	h.risk.pass(39 * time.Minute)
	h.await("the position that is wanted", func(*pb.GetStatusResponse) bool {
		h.risk.mu.Lock()
		defer h.risk.mu.Unlock()
		return h.risk.positions[1] == 100
	})
	if log := h.stderr.String(); !strings.Contains(log, "a newer plan points the other way") {
		t.Error("the log does not say why the parent ended")
	}
	h.sameAfterReplay()
}

// CancelAll ends schedules too: nothing more is sent, however long the session lasts.
func TestCancelAllEndsSchedules(t *testing.T) {
	h := newHouse(t, 1)
	h.works("")
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.risk.pass(6 * time.Minute)
	if _, err := h.client.CancelAll(h.ctx(), &pb.CancelAllRequest{Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	before, _ := h.risk.bought(1)
	h.risk.pass(30 * time.Minute)
	h.settled()
	if after, _ := h.risk.bought(1); after != before || before == 0 {
		t.Errorf("%d shares before, %d after", before, after)
	}
}

// A session file of another day is refused, not passed over: large orders would go at once.
func TestAnotherSessionsFileRefusesToTrade(t *testing.T) {
	h := newHouse(t, 1)
	h.works("")
	h.risk.session = 20240108
	h.refDoc["session"] = "2024-01-08"
	h.writeReference()
	h.start()
	h.up()
	p := portfolio("alpha", asOf, map[int64]float64{1: 0.1})
	p.Session = 20240108
	r := h.submit(p)
	if r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED || !strings.Contains(fmt.Sprint(r.Faults), "session.json is of session 20240105") {
		t.Errorf("%v", r)
	}
}
