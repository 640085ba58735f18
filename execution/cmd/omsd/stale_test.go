package main

import (
	"testing"
	"time"
)

// At the end of a break the clock says that the market trades and its first quote has not come: riskd denies for a stale
// price. That is no refusal of the order. The schedule waits for a newer price, however often, and asks once a price.
func TestASliceDeniedForAStalePriceWaitsForANewerOne(t *testing.T) {
	h := newHouse(t, 1)
	h.works("")
	const stale = 5 // beyond the three refusals in a row that end a schedule
	var denied []int64
	h.risk.decide = func(o *fakeOrder) (byte, int64, uint16) {
		if len(denied) < stale {
			denied = append(denied, h.risk.clock)
			return 3, 0, 13
		}
		return 1, o.qty, 0
	}
	h.start()
	h.up()
	if r := h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1})); r.OrdersPlanned != 1 {
		t.Fatalf("%v", r)
	}
	for range 6 {
		time.Sleep(50 * time.Millisecond)
		h.risk.mu.Lock()
		before := len(denied)
		h.risk.mu.Unlock()
		// Nothing new is known: nothing is asked.
		time.Sleep(50 * time.Millisecond)
		h.risk.mu.Lock()
		if after := len(denied); after != before {
			t.Errorf("%d more denied without a newer price", after-before)
		}
		h.risk.mu.Unlock()
		h.risk.pass(10 * time.Second)
	}
	h.risk.pass(59 * time.Minute)
	h.settled()
	h.risk.mu.Lock()
	for i := 1; i < len(denied); i++ {
		if denied[i] <= denied[i-1] {
			t.Errorf("denied at %v: two at one price", denied)
		}
	}
	h.risk.mu.Unlock()
	if qty, orders := h.risk.bought(1); qty != 500 || orders != 12+stale {
		t.Errorf("%d shares in %d orders, want 500 in 12 and %d denied", qty, orders, stale)
	}
	h.sameAfterReplay()
}
