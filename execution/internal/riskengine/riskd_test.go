//go:build oms_backtest

package riskengine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dnalyaw/execution/internal/frame"
)

// A riskd with its venue and this engine, told the same, decide the same: orders of every kind, legs, modifications, fills
// and cancels, a stop that is reached and the kill switch. Compared is the whole DECISION frame.
func TestRiskdDecidesTheSame(t *testing.T) {
	tp := tape{open: t0, rounds: 7}
	rows := make([]row, names)
	for i := range rows {
		id := int64(i + 1)
		rows[i] = name(id, row{"symbol": fmt.Sprintf("N%d", id), "label": fmt.Sprintf("N%d.NYSE", id), "issuer_id": max(id, 2), "locate": id % 3 % 2 * 0})
		if id == 2 || id == 5 {
			rows[i]["locate"] = 500
		}
	}
	reference := referenceFile(t, "2026-11-23", rows...)
	live := start(t, tp, reference)
	e, err := Open(reference, nil, 0)
	must(t, err)
	defer func() { must(t, e.Close()) }()
	m := &mirror{
		t: t, live: live, e: e, tape: tp, orders: map[uint64]Order{}, replaces: map[uint64]Replace{}, working: map[uint64]Order{},
		held: map[uint64]int64{}, cash: 1_000_000 * one, seen: map[string]int{},
	}
	// Before the open the venue tells each name's first quote as its indication, at the open's moment.
	must(t, e.Session(frame.SessionPreOpen, tp.open))
	for id := int64(1); id <= names; id++ {
		q := tp.quote(0, id)
		q.TsNs = tp.open
		_, err := e.Quotes([]Quote{q})
		must(t, err)
	}
	must(t, e.Account(m.cash, nil, tp.open))
	for m.state.Equity == 0 || m.state.TradingState != frame.TradingActive {
		if _, ok := m.take(20 * time.Second); !ok {
			t.Fatal("riskd does not learn its account")
		}
	}
	live.send(&frame.Sync{Nonce: 1})
	live.openVenue()
	must(t, e.Session(frame.SessionOpen, tp.open))

	dice := rand.New(rand.NewPCG(4, 2026))
	id := uint64(0)
	next := func() uint64 { id++; return id }
	for round := range tp.rounds - 1 {
		m.round(round)
		for range 14 {
			m.order(m.anOrder(next(), round, dice))
		}
		m.quiet()
		m.linked = []Order{*buy(next(), 3, 70), *buy(next(), 6, 3_000)}
		for i, leg := range m.linked {
			m.send(leg, uint8(i+1), 2)
		}
		m.quiet()
		// What rests is changed or cancelled, by turns.
		resting := make([]uint64, 0, len(m.working))
		for id := range m.working {
			resting = append(resting, id)
		}
		slices.Sort(resting)
		for i, orig := range resting {
			if i%3 == 2 {
				if _, err := e.Cancel(orig, m.now); err != nil {
					t.Fatal(err)
				}
				live.send(&frame.Cancel{OrderID: orig})
				m.quiet()
				continue
			}
			r := Replace{OrderID: next(), OriginalID: orig, Qty: m.working[orig].Qty + int64(i*15) - 10, LimitPx: 97*one + int64(i%7)*10_000, StopDistance: 2 * one}
			m.replaces[r.OrderID] = r
			live.send(&frame.Replace{OrderID: r.OrderID, OriginalID: r.OriginalID, Qty: r.Qty, LimitPx: r.LimitPx, StopDistance: r.StopDistance})
			m.quiet()
		}
		if e.Wants()&^WantSettle != 0 {
			t.Errorf("round %d: wants %b", round, e.Wants())
		}
	}
	m.same("before the kill")

	live.send(&frame.Kill{})
	must(t, e.Kill(m.now))
	m.catchUp()
	for end := time.Now().Add(20 * time.Second); ; {
		msg, ok := m.take(time.Second)
		flat := !slices.ContainsFunc([]uint64{1, 2, 3, 4, 5, 6}, func(id uint64) bool { return m.held[id] != 0 })
		if _, exec := msg.(*frame.Exec); (exec || !ok) && flat && len(m.working) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("riskd did not come to flat: %v, working %v", m.held, m.working)
		}
	}
	m.catchUp()
	if s, err := e.State(); err != nil || s.Phase != Flat || !s.Killed() {
		t.Errorf("%+v, %v", s, err)
	}
	m.same("at the end")
	must(t, e.Check())
	for what, least := range map[string]int{
		"decision 1": 20, "decision 2": 5, "decision 3": 20, "decision 4": 3, "reason 57": 1, "linked": 4, "replace": 5, "exec 2": 20, "exec 1": 1,
		"exec 4": 3, "exec 5": 3, "account": 2,
	} {
		if m.seen[what] < least {
			t.Errorf("%d of %q: too few to show anything: %v", m.seen[what], what, m.seen)
		}
	}
}

// anOrder is one of many kinds, most of which can be.
func (m *mirror) anOrder(id uint64, round int, dice *rand.Rand) Order {
	instrument := uint64(dice.IntN(names) + 1)
	q := m.tape.quote(round, int64(instrument))
	o := *buy(id, instrument, []int64{1, 40, 100, 160, 900}[dice.IntN(5)])
	o.LimitPx = q.Ask
	switch dice.IntN(12) {
	case 0:
		o.LimitPx = 97*one + int64(dice.IntN(9))*10_000
	case 1, 2:
		if held := m.held[instrument]; held > 0 {
			o.Side, o.Qty, o.LimitPx = frame.SideSell, 1+dice.Int64N(held), q.Bid
		}
	case 3:
		o.Side, o.Flags, o.LimitPx = frame.SideSell, frame.FlagSellShort, q.Bid
	case 4:
		o.Type, o.LimitPx = frame.TypeMarket, 0
	case 5:
		o.LimitPx = 120 * one
	case 6:
		o.LimitPx++
	case 7:
		o.Flags = frame.FlagReduceOnly
	case 8:
		o.TIF, o.Qty = frame.TIFIOC, 5_000
	case 9:
		o.StopDistance = 0
	}
	return o
}
