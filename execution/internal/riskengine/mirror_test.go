//go:build oms_backtest

package riskengine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dnalyaw/execution/internal/frame"
)

// own says that an order is a closing order of the engine's own.
func own(id uint64) bool { return id >= 1<<62 }

// mirror tells an engine here what riskd's frames say that riskd was told, in riskd's order, and holds every answer against
// riskd's. The venue's prices come from the tape: riskd's clock says which of them it had.
type mirror struct {
	t     *testing.T
	live  *runtime
	e     *Engine
	tape  tape
	place int   // in the tape
	now   int64 // riskd's clock

	orders   map[uint64]Order // asked and not decided
	replaces map[uint64]Replace
	linked   []Order
	legs     []Decision // of those, decided here
	closes   []Action   // wanted here and not told by riskd
	working  map[uint64]Order
	held     map[uint64]int64
	cash     int64
	state    frame.State
	seen     map[string]int
}

// take sees to one frame. It returns false when none came.
func (m *mirror) take(wait time.Duration) (frame.Message, bool) {
	m.t.Helper()
	h, msg, ok := m.live.next(wait)
	if !ok {
		return nil, false
	}
	m.advance(h.TsNs)
	switch f := msg.(type) {
	case *frame.Decision:
		m.onDecision(f)
	case *frame.Exec:
		m.onExec(f)
	case *frame.State:
		m.state = *f
	}
	return msg, true
}

// advance tells the prices that riskd had by this moment.
func (m *mirror) advance(ts int64) {
	m.t.Helper()
	if ts <= m.now {
		return
	}
	m.now = ts
	var quotes []Quote
	quotes, m.place = m.tape.until(m.place, ts)
	if _, err := m.e.Quotes(quotes); err != nil {
		m.t.Fatal(err)
	}
	must(m.t, m.e.Clock(ts))
}

func (m *mirror) onDecision(f *frame.Decision) {
	m.t.Helper()
	var d Decision
	if own(f.OrderID) {
		d = m.close()
	} else if r, ok := m.replaces[f.OrderID]; ok {
		must(m.t, m.e.Replace(&r, m.now, &d))
		delete(m.replaces, f.OrderID)
		m.seen["replace"]++
	} else if i := slices.IndexFunc(m.linked, func(o Order) bool { return o.OrderID == f.OrderID }); i >= 0 {
		if i == 0 {
			m.legs = make([]Decision, len(m.linked))
			must(m.t, m.e.DecideLinked(m.linked, m.now, m.legs))
		}
		d = m.legs[i]
		m.accept(m.linked[i], d)
		m.seen["linked"]++
	} else {
		o, ok := m.orders[f.OrderID]
		if !ok {
			m.t.Fatalf("riskd decided order %d, which nobody sent", f.OrderID)
		}
		must(m.t, m.e.Decide(&o, m.now, &d))
		delete(m.orders, f.OrderID)
		m.accept(o, d)
	}
	got := d.Frame(f.Correlation)
	if own(f.OrderID) && f.Equity == 0 {
		// riskd asks for positions and cash, and closes as soon as it has the positions; here both are told at once.
		got.Equity, got.BindingLimit = 0, 0
	}
	if got != *f {
		m.t.Errorf("decided here\n%+v\nriskd\n%+v\non\n%+v", got, *f, d)
	}
	m.seen[fmt.Sprint("decision ", f.Decision)]++
	m.seen[fmt.Sprint("reason ", f.Reason)]++
}

func (m *mirror) accept(o Order, d Decision) {
	if d.ApprovedQty > 0 {
		o.Qty = d.ApprovedQty
		m.working[o.OrderID] = o
	}
}

// close is the next closing order that is wanted here.
func (m *mirror) close() Decision {
	m.t.Helper()
	if len(m.closes) == 0 {
		m.catchUp()
	}
	if len(m.closes) == 0 {
		m.t.Fatal("riskd closes a position, and nothing is to be closed here")
	}
	a := m.closes[0]
	m.closes = m.closes[1:]
	m.accept(a.Order, a.Decision)
	return a.Decision
}

// catchUp sees to what is wanted, as riskd has by now.
func (m *mirror) catchUp() {
	m.t.Helper()
	for range 10 {
		switch {
		case m.e.Wants()&WantSettle != 0:
			actions := make([]Action, 64)
			s, err := m.e.Settle(m.now, actions)
			must(m.t, err)
			for _, a := range actions[:s.Count] {
				if a.Kind == ActionClose {
					m.closes = append(m.closes, a)
				}
			}
			m.seen["settle"]++
		case m.e.Wants()&(WantAccount|WantCash) != 0:
			var holdings []Holding
			for id := uint64(1); id <= names; id++ {
				if q := m.held[id]; q != 0 {
					holdings = append(holdings, Holding{id, q, 0})
				}
			}
			must(m.t, m.e.Account(m.cash, holdings, m.now))
			m.seen["account"]++
		default:
			return
		}
	}
	m.t.Fatal("what is wanted does not end")
}

func (m *mirror) onExec(f *frame.Exec) {
	m.t.Helper()
	r := ReportOf(f)
	o, err := m.e.Report(&r, m.now)
	if err != nil {
		m.t.Fatalf("%+v: %v", f, err)
	}
	final := f.ExecType == frame.ExecFill || f.ExecType == frame.ExecCancelled || f.ExecType == frame.ExecRejected || f.ExecType == frame.ExecExpired
	if o.Finished() != final {
		m.t.Errorf("%+v: %+v", f, o)
	}
	signed := f.LastQty
	if f.Side == frame.SideSell {
		signed = -signed
	}
	if o.PositionChange != signed {
		m.t.Errorf("%+v: %+v", f, o)
	}
	m.held[f.InstrumentID] += signed
	m.cash -= signed*f.LastPx + f.Fee
	if final {
		delete(m.working, f.OrderID)
	}
	m.seen[fmt.Sprint("exec ", f.ExecType)]++
}

// quiet takes frames until all that was asked is decided and none but states and prices came for a while.
func (m *mirror) quiet() {
	m.t.Helper()
	last := time.Now()
	for end := last.Add(20 * time.Second); time.Now().Before(end); {
		msg, ok := m.take(50 * time.Millisecond)
		switch msg.(type) {
		case *frame.Decision, *frame.Exec:
			last = time.Now()
		}
		done := len(m.orders)+len(m.replaces) == 0 && (len(m.linked) == 0 || m.legs != nil)
		if done && (!ok || time.Since(last) > 100*time.Millisecond) {
			m.linked, m.legs = nil, nil
			return
		}
	}
	m.t.Fatalf("undecided: %v %v", m.orders, m.replaces)
}

// round waits until riskd has the quotes of a round.
func (m *mirror) round(round int) {
	m.t.Helper()
	missing := map[uint64]bool{}
	for id := uint64(1); id <= names; id++ {
		missing[id] = true
	}
	for end := time.Now().Add(20 * time.Second); len(missing) > 0; {
		if time.Now().After(end) {
			m.t.Fatalf("round %d: riskd told no price of %v", round, missing)
		}
		if msg, ok := m.take(time.Second); ok {
			if p, is := msg.(*frame.Price); is && p.TsNs == m.tape.ts(round, int64(p.InstrumentID)) {
				delete(missing, p.InstrumentID)
			}
		}
	}
	m.quiet()
	if m.now >= m.tape.ts(round+1, 0) {
		m.t.Fatalf("round %d: the next one has begun; this machine is too slow for the tape", round)
	}
}

func (m *mirror) order(o Order) {
	m.t.Helper()
	m.orders[o.OrderID] = o
	m.send(o, 0, 0)
}

func (m *mirror) send(o Order, leg, legs uint8) {
	m.t.Helper()
	f := &frame.NewOrder{
		OrderID: o.OrderID, InstrumentID: o.InstrumentID, Qty: o.Qty, LimitPx: o.LimitPx, StopDistance: o.StopDistance,
		Side: o.Side, Type: o.Type, TIF: o.TIF, Flags: o.Flags, Leg: leg, Legs: legs, Strategies: o.Strategies,
	}
	f.Correlation[0] = byte(o.OrderID)
	m.live.send(f)
}

// sync asks riskd for everything.
func (m *mirror) sync() (positions map[uint64]frame.Position, prices map[uint64]frame.Price) {
	m.t.Helper()
	positions, prices = map[uint64]frame.Position{}, map[uint64]frame.Price{}
	m.live.send(&frame.Sync{Nonce: 99})
	for {
		h, msg, ok := m.live.next(20 * time.Second)
		if !ok {
			m.t.Fatal("SYNC is not answered")
		}
		m.advance(h.TsNs)
		// Orders are repeated here; all of them were seen.
		switch f := msg.(type) {
		case *frame.State:
			m.state = *f
		case *frame.Position:
			positions[f.InstrumentID] = *f
		case *frame.Price:
			prices[f.InstrumentID] = *f
		case *frame.SyncEnd:
			if f.Nonce == 99 {
				return positions, prices
			}
		}
	}
}

// same holds all that riskd tells against what is here.
func (m *mirror) same(when string) {
	m.t.Helper()
	positions, prices := m.sync()
	for end := time.Now().Add(20 * time.Second); m.state.Equity == 0; positions, prices = m.sync() {
		// After a kill it looks a second time before it says that it is flat, and has no cash meanwhile.
		if time.Now().After(end) {
			m.t.Fatalf("%s: riskd does not learn its account", when)
		}
		time.Sleep(20 * time.Millisecond)
	}
	s, err := m.e.State()
	must(m.t, err)
	if got := s.Frame(); got != m.state {
		m.t.Errorf("%s: here\n%+v\nriskd\n%+v", when, got, m.state)
	}
	held, err := m.e.Positions()
	must(m.t, err)
	for _, p := range held {
		if positions[p.InstrumentID] != (frame.Position{InstrumentID: p.InstrumentID, Qty: p.Qty, MarkPx: p.MarkPx}) {
			m.t.Errorf("%s: here %+v, riskd %+v", when, p, positions[p.InstrumentID])
		}
	}
	quotes, err := m.e.Prices()
	must(m.t, err)
	for _, q := range quotes {
		if prices[q.InstrumentID] != (frame.Price{InstrumentID: q.InstrumentID, Bid: q.Bid, Ask: q.Ask, Last: q.Last, TsNs: q.TsNs}) {
			m.t.Errorf("%s: here %+v, riskd %+v", when, q, prices[q.InstrumentID])
		}
	}
	if len(quotes) != names || len(held) != len(positions) {
		m.t.Errorf("%s: %d prices and %d positions here, riskd has %d positions", when, len(quotes), len(held), len(positions))
	}
}
