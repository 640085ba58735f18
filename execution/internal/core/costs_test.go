package core

import (
	"encoding/json"
	"errors"
	"testing"

	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/tca"
)

// kept writes records into a journal, a block each, with a new segment where a session begins, as the core does.
func kept(t *testing.T, records ...*Record) string {
	t.Helper()
	dir := t.TempDir()
	j, _, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	st := newState()
	for i, r := range records {
		if r.Session != nil && i > 0 {
			state, err := json.Marshal(st)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Roll(state); err != nil {
				t.Fatal(err)
			}
		}
		b, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.apply(r); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		j.Append(b)
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func timed(r *Record, after int64) *Record { r.TsNs = testOpen + after; return r }

// A session by hand: order 11 is cut from 100 to 70 and fills 69 in two; 12 has no cash and is planned again as 13, which
// fills; 14 is denied; parent 1 has one child, 15. The sessions before and after are not looked at.
func TestOrdersAreReadAsTheyWere(t *testing.T) {
	const s = int64(1e9)
	planned := func(orders []order.Spec, prices ...PlanPrice) *Record {
		return &Record{Kind: kindPlan, Plan: &PlanRecord{Session: 20240105, Orders: orders, Prices: prices}}
	}
	of := func(id uint64, instrument int64, qty int64) order.Spec {
		return order.Spec{ID: id, Session: 20240105, InstrumentID: instrument, Side: order.Buy, Qty: qty, LimitPx: 60, Shares: map[string]int64{"a": qty - 1, "b": 1, "c": 0}, CreatedNs: testOpen - 5*s}
	}
	retry, slice := of(13, 4, 30), of(15, 6, 8)
	retry.RetryOf, slice.Parent, slice.Style = 12, 1, uint8(schedule.Passive)
	own := func(id uint64, e order.Event, after int64) *Record {
		return timed(&Record{Kind: kindOwn, Own: &OwnRecord{OrderID: id, Event: e}}, after)
	}
	decide := func(id uint64, code uint8, qty int64, after int64) *Record {
		return &Record{Kind: kindDecision, Decision: &DecisionRecord{id, order.Decision{Code: code, ApprovedQty: qty, ReferencePx: 49, TsNs: testOpen + after, ArrivalBid: 48, ArrivalAsk: 50}}}
	}
	exec := func(id, exec uint64, kind uint8, last, cum, after int64) *Record {
		return &Record{Kind: kindExec, Exec: &ExecRecord{id, order.Report{ExecID: exec, Type: kind, LastQty: last, LastPx: 52, CumQty: cum, Fee: 3, Bid: 51, Ask: 53, TsNs: testOpen + after}}}
	}
	parent := ParentSpec{Parent: schedule.Parent{ID: 1, InstrumentID: 6, Side: order.Sell, Qty: 20, StartNs: testOpen}, Params: schedule.Params{Algorithm: schedule.TWAP},
		Session: 20240105, Shares: map[string]int64{"a": 20}, CreatedNs: testOpen - 5*s, DecisionPx: 70, Bid: 69, Ask: 71}
	slice.Side = order.Sell
	begin := func(session uint32) *Record {
		return &Record{Kind: kindSession, Session: &SessionRecord{Region: "US", Session: session, LastOrderID: 10}}
	}
	dir := kept(t, begin(20240104),
		begin(20240105),
		planned([]order.Spec{of(11, 3, 100), of(12, 4, 30)}, PlanPrice{3, 47, 46, 48}, PlanPrice{4, 20, 19, 21}),
		own(12, order.Withdraw, 1*s),
		own(11, order.Submit, 1*s), decide(11, 2, 70, 2*s), exec(11, 1, 0, 0, 0, 3*s), exec(11, 2, 1, 40, 40, 4*s), own(11, order.Submit, 5*s), exec(11, 3, 1, 29, 69, 6*s), exec(11, 4, 12, 0, 69, 7*s),
		planned([]order.Spec{retry, of(14, 5, 9)}, PlanPrice{4, 25, 24, 26}), own(13, order.Submit, 8*s), decide(13, 1, 30, 8*s), exec(13, 5, 2, 30, 30, 9*s),
		own(14, order.Submit, 8*s), decide(14, 3, 0, 9*s),
		&Record{Kind: kindPlan, Plan: &PlanRecord{Session: 20240105, Parents: []ParentSpec{parent}}},
		&Record{Kind: kindChild, Child: &ChildRecord{slice}}, own(15, order.Submit, 10*s), decide(15, 1, 8, 11*s),
		timed(&Record{Kind: kindParentEnd, ParentEnd: &ParentEndRecord{1, "over"}}, 12*s),
		begin(20240108), planned([]order.Spec{of(16, 3, 5)}))
	hours := Hours{OpenNs: testOpen, CloseNs: testOpen + testHour}
	got, err := ReadCosts(dir, 20240105, hours)
	if err != nil || len(got.Parents) != 4 || got.Region != "US" {
		t.Fatalf("%v: %+v", err, got)
	}
	twap, cut, again, denied := got.Parents[0], got.Parents[1], got.Parents[2], got.Parents[3]
	for _, p := range got.Parents {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
	if !twap.Scheduled || twap.ID != 1 || twap.Algorithm != "TWAP" || twap.DecisionPx != 70 || twap.ArrivalNs != testOpen || twap.EndNs != hours.CloseNs ||
		twap.Arrival != (tca.Quote{TsNs: testOpen - 5*s, Bid: 69, Ask: 71}) {
		t.Errorf("the schedule's: %+v", twap)
	}
	if c := twap.Children; len(c) != 1 || c[0].ID != 15 || c[0].Style != "PASSIVE" || c[0].Qty != 8 || len(c[0].Fills) != 0 || c[0].DoneNs != hours.CloseNs {
		t.Errorf("its child, whose end nobody heard of: %+v", c)
	}
	// The order was sent twice; the first time counts.
	if c := cut.Children; cut.Scheduled || cut.ID != 11 || cut.Qty != 100 || cut.DecisionPx != 47 || cut.Arrival.Bid != 46 || cut.DecisionNs != testOpen-5*s || len(c) != 1 || c[0].Qty != 70 ||
		c[0].SentNs != testOpen+s || c[0].AckNs != testOpen+3*s || c[0].DoneNs != testOpen+7*s || len(c[0].Fills) != 2 || cut.EndNs != testOpen+7*s || c[0].Style != "MARKETABLE" {
		t.Errorf("the one that was cut: %+v", cut)
	}
	if f := cut.Children[0].Fills[1]; f != (tca.Fill{ExecID: 3, TsNs: testOpen + 6*s, Qty: 29, Px: 52, Fee: 3, Quote: tca.Quote{TsNs: testOpen + 6*s, Bid: 51, Ask: 53}}) {
		t.Errorf("its fill: %+v", f)
	}
	if len(cut.Shares) != 2 || cut.Shares["a"] != 99 || cut.Shares["b"] != 1 {
		t.Errorf("its shares: %v", cut.Shares)
	}
	// The decision is the first plan's, and nothing is decided twice.
	if again.ID != 12 || again.Qty != 30 || again.DecisionPx != 20 || len(again.Children) != 1 || again.Children[0].ID != 13 || again.Children[0].Fills[0].Qty != 30 {
		t.Errorf("the one that was planned again: %+v", again)
	}
	// A journal without plan prices has riskd's of the decision.
	if denied.ID != 14 || denied.DecisionPx != 49 || len(denied.Children) != 0 {
		t.Errorf("the one that was denied: %+v", denied)
	}
	if _, err := ReadCosts(dir, 20240103, hours); !errors.Is(err, ErrNoSession) {
		t.Errorf("a session that never was: %v", err)
	}
	if _, err := ReadCosts(t.TempDir(), 20240105, hours); !errors.Is(err, ErrNoSession) {
		t.Errorf("no journal: %v", err)
	}
}
