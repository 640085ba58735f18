package core

import (
	"fmt"
	"testing"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/targets"
)

// desk is riskd and a venue that take everything, in the same goroutine.
type desk struct {
	core  *Core
	queue []frame.Message
	seq   uint64
	clock int64
	cash  int64
	epoch uint64
}

func (d *desk) Events() <-chan risklink.Event { return nil }
func (d *desk) Drop(uint64, error)            {}
func (d *desk) Send(_ uint64, m frame.Message) error {
	d.queue = append(d.queue, m)
	return nil
}

func (d *desk) tell(tb testing.TB, m frame.Message) {
	d.clock++
	d.core.Frame(d.epoch, d.clock, m)
	if err := d.core.Turn(); err != nil {
		tb.Fatal(err)
	}
}

func (d *desk) state() *frame.State {
	return &frame.State{
		TradingState: frame.TradingActive, VenueUp: 1, SessionState: frame.SessionOpen, Session: 20240105, Equity: 1_000_000_000_000,
		Baseline: 1_000_000_000_000, Cash: 1_000_000_000_000,
	}
}

// serve answers what the core has sent.
func (d *desk) serve(tb testing.TB, names int) {
	for len(d.queue) > 0 {
		m := d.queue[0]
		d.queue = d.queue[1:]
		switch m := m.(type) {
		case *frame.Sync:
			for id := 1; id <= names; id++ {
				d.tell(tb, &frame.Price{InstrumentID: uint64(id), Bid: 99_990_000, Ask: 100_010_000, Last: 100_000_000})
			}
			d.tell(tb, d.state())
			d.tell(tb, &frame.SyncEnd{Nonce: m.Nonce})
		case *frame.NewOrder:
			d.tell(tb, &frame.Decision{OrderID: m.OrderID, InstrumentID: m.InstrumentID, RequestedQty: m.Qty, ApprovedQty: m.Qty, Decision: frame.DecisionApprove, Equity: 1_000_000_000_000})
			d.seq++
			d.tell(tb, &frame.Exec{OrderID: m.OrderID, InstrumentID: m.InstrumentID, LeavesQty: m.Qty, ExecID: d.seq, Side: m.Side})
			d.seq++
			d.tell(tb, &frame.Exec{
				OrderID: m.OrderID, InstrumentID: m.InstrumentID, LastQty: m.Qty, LastPx: 100_000_000, CumQty: m.Qty, ExecID: d.seq, ExecType: frame.ExecFill, Side: m.Side,
			})
		}
	}
}

func newDesk(tb testing.TB, names int, j Journal) *desk {
	ref := fmt.Sprintf(`{"region":"US","session":"2024-01-05","currency":"USD","instruments":[`)
	for id := 1; id <= names; id++ {
		if id > 1 {
			ref += ","
		}
		ref += fmt.Sprintf(`{"instrument_id":%d,"label":"N%d.NASDAQ","symbol":"N%d","lot":1,"tick_micro":10000,"tradable":true}`, id, id, id)
	}
	parsed, err := reference.Parse([]byte(ref + "]}"))
	if err != nil {
		tb.Fatal(err)
	}
	reg := register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}}
	d := &desk{epoch: 1, clock: 1_704_465_000_000_000_000}
	d.core = New(newState(), Config{
		Region: "US", Register: func() (register.Register, error) { return reg, nil }, Log: jsonlog.Discard(),
		Reference: func() (*reference.Reference, error) { return parsed, nil },
	}, j, d)
	w := frame.Welcome{Session: 20240105, ReferenceHash: parsed.Prefix()}
	copy(w.Region[:], "US")
	d.core.Take(risklink.Event{Kind: risklink.Up, Epoch: 1, Welcome: w, TsNs: d.clock})
	if err := d.core.Turn(); err != nil {
		tb.Fatal(err)
	}
	d.serve(tb, names)
	var told Answer
	d.core.Submit("US", []targets.Portfolio{{
		StrategyID: "alpha", AsOfNs: d.clock - 1_000_000_000, Session: 20240105, Correlation: "00112233445566778899aabbccddeeff",
	}}, func(a Answer) { told = a })
	if err := d.core.Turn(); err != nil {
		tb.Fatal(err)
	}
	d.serve(tb, names)
	if told.Outcome != Accepted {
		tb.Fatalf("%+v", told)
	}
	return d
}

// BenchmarkOrders takes orders through the core: update, plan, submit, decision, ack and fill.
func BenchmarkOrders(b *testing.B) {
	const names = 100
	d := newDesk(b, names, NewMemory())
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		weight := 0.005 + 0.004*float64(i/names%2)
		a := d.core.update(Update{
			StrategyID: "alpha", Seq: uint64(i + 1), Session: 20240105, Correlation: "00112233445566778899aabbccddeeff",
			Target: targets.Target{InstrumentID: int64(i%names + 1), Weight: weight, StopDistance: 5},
		})
		if a.OrderID == 0 {
			b.Fatalf("%+v", a)
		}
		if err := d.core.turn(); err != nil {
			b.Fatal(err)
		}
		d.serve(b, names)
	}
}
