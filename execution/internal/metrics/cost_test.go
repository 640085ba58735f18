package metrics_test

import (
	"testing"
	"time"

	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/order"
)

// Everything that happens for an order, once its attribute sets are made, allocates nothing.
func TestRecordingAllocatesNothing(t *testing.T) {
	m, w := newMetrics(t)
	m.Reference(theReference(1))
	o := anOrder(1, 1)
	decided := &order.Decision{Code: 1, ApprovedQty: 100}
	ack, fill := report(0, 1, 0), report(2, 2, 100)
	block := uint64(0)
	life := func() {
		o.ID++
		block++
		o.State, o.Decided = order.New, nil
		m.Planned(o)
		o.State = order.Submitted
		m.Submitted(o)
		m.Reached(o, order.New)
		w.at = w.at.Add(time.Microsecond)
		o.State, o.Decided = order.Approved, decided
		m.Decided(o)
		m.Reached(o, order.Submitted)
		o.State = order.Acknowledged
		m.Reported(o, ack)
		m.Reached(o, order.Approved)
		o.State = order.Filled
		m.Reported(o, fill)
		m.Reached(o, order.Acknowledged)
		m.Committed(block, time.Microsecond)
		m.Durable(block)
		m.Turned(time.Microsecond, 3)
	}
	if n := testing.AllocsPerRun(2000, life); n != 0 {
		t.Errorf("%v allocations an order", n)
	}
}

func BenchmarkAnOrdersLife(b *testing.B) {
	m, err := metrics.New("US", nil)
	if err != nil {
		b.Fatal(err)
	}
	o := anOrder(1, 1)
	o.Decided = &order.Decision{Code: 1, ApprovedQty: 100}
	ack, fill := report(0, 1, 0), report(2, 2, 100)
	b.ReportAllocs()
	for b.Loop() {
		o.ID++
		m.Planned(o)
		m.Submitted(o)
		m.Decided(o)
		m.Reported(o, ack)
		m.Reported(o, fill)
		for range 4 {
			m.Reached(o, order.New)
		}
	}
}
