package core

import (
	"errors"
	"strings"
	"testing"

	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

func encoded(t testing.TB, rs ...*Record) (out [][]byte) {
	t.Helper()
	for _, r := range rs {
		b, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func spec(id uint64, instrument int64, side order.Side, qty int64, shares map[string]int64) order.Spec {
	return order.Spec{ID: id, Session: 20240105, InstrumentID: instrument, Side: side, Qty: qty, LimitPx: 1, Shares: shares}
}

// A life by hand: 100 for a and b at 60:40, 70 approved, 7 filled and then 63. Largest remainders by hand: of 7,
// 4.2 and 2.8 are 4 and 3; of 70, 42 and 28.
func life() []*Record {
	return []*Record{
		{Kind: kindSession, Session: &SessionRecord{Region: "US", Session: 20240105, LastOrderID: 10}},
		{Kind: kindPlan, Plan: &PlanRecord{
			Session: 20240105, Portfolios: []targets.Portfolio{{StrategyID: "a", AsOfNs: 5, Session: 20240105, Targets: []targets.Target{{InstrumentID: 3, Weight: 0.1}}}},
			Orders: []order.Spec{spec(11, 3, order.Buy, 100, map[string]int64{"a": 60, "b": 40})},
		}},
		{Kind: kindOwn, Own: &OwnRecord{OrderID: 11, Event: order.Submit}},
		{Kind: kindDecision, Decision: &DecisionRecord{11, order.Decision{Code: 2, Reason: 1, ApprovedQty: 70}}},
		{Kind: kindExec, Exec: &ExecRecord{11, order.Report{ExecID: 1, Type: 1, LastQty: 7, LastPx: 9, CumQty: 7}}},
		{Kind: kindExec, Exec: &ExecRecord{11, order.Report{ExecID: 2, Type: 2, LastQty: 63, LastPx: 9, CumQty: 70}}},
	}
}

func TestReplayByHand(t *testing.T) {
	all := encoded(t, life()...)
	st, err := Replay(nil, all[:5])
	if err != nil || st.Ledger["a"][3] != 4 || st.Ledger["b"][3] != 3 || len(st.index.open) != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	st, err = Replay(nil, all)
	if err != nil || st.Ledger["a"][3] != 42 || st.Ledger["b"][3] != 28 || len(st.index.open) != 0 || st.Orders[11].State != order.Filled ||
		st.LastOrderID != 11 || st.Frames != 1 || st.Taken["a"][5] == "" {
		t.Fatalf("%+v, %v", st, err)
	}
	// An illegal report that was journaled changes nothing, its audit record counts it.
	more := append(all, encoded(t,
		&Record{Kind: kindExec, Exec: &ExecRecord{11, order.Report{ExecID: 3, Type: 1, LastQty: 5, CumQty: 75}}},
		&Record{Kind: kindIllegal, Illegal: &IllegalRecord{11, "over"}},
	)...)
	st, err = Replay(nil, more)
	if err != nil || st.Illegal != 1 || st.Orders[11].Cum != 70 {
		t.Fatalf("%+v, %v", st, err)
	}
}

func TestRecordsThatDoNotBelongAreBroken(t *testing.T) {
	for name, r := range map[string]*Record{
		"an id again":      {Kind: kindPlan, Plan: &PlanRecord{Orders: []order.Spec{spec(11, 3, order.Buy, 1, nil)}}},
		"an unknown order": {Kind: kindOwn, Own: &OwnRecord{OrderID: 99, Event: order.Submit}},
		"nothing":          {Kind: kindPlan},
	} {
		if _, err := Replay(nil, encoded(t, append(life(), r)...)); !errors.Is(err, journal.ErrBroken) || !strings.Contains(err.Error(), "record 7") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Replay(nil, [][]byte{[]byte("{")}); !errors.Is(err, journal.ErrBroken) {
		t.Errorf("half a record: %v", err)
	}
}

// Ids below what riskd has taken are never given again.
func TestIDsContinueAfterRiskds(t *testing.T) {
	st, err := Replay(nil, encoded(t, life()[0], &Record{Kind: kindSession, Session: &SessionRecord{Region: "US", Session: 20240105, LastOrderID: 4}}))
	if err != nil || st.LastOrderID != 10 {
		t.Errorf("%d, %v", st.LastOrderID, err)
	}
}

func TestTextsAreCutBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"", 0, ""}, {"é", 1, ""}} {
		if got := trimUTF8(c.in, c.n); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

// unknownEvent is a record of order 11, which life makes, with event 48.
var unknownEvent = []byte("\x040\v\x00" + strings.Repeat("\x00", 16) + "0\x00")

func TestAnEventThatNobodyKnowsBreaksTheJournal(t *testing.T) {
	_, err := Replay(nil, append(encoded(t, life()[:5]...), unknownEvent))
	if !errors.Is(err, journal.ErrBroken) || !strings.Contains(err.Error(), "record 6: not a record: order 11 has event 48") {
		t.Errorf("%v", err)
	}
}

// No record makes the replay panic, and what it accepts has one hash.
func FuzzReplay(f *testing.F) {
	for _, b := range encoded(f, life()...) {
		f.Add(b)
	}
	f.Add(unknownEvent)
	f.Fuzz(func(t *testing.T, b []byte) {
		records := append(encoded(t, life()[:5]...), b)
		one, err := Replay(nil, records)
		if err != nil {
			if !errors.Is(err, journal.ErrBroken) {
				t.Fatal(err)
			}
			return
		}
		two, err := Replay(nil, records)
		if err != nil {
			t.Fatal(err)
		}
		h1, err1 := one.Hash()
		h2, err2 := two.Hash()
		if err1 != nil || err2 != nil || h1 != h2 {
			t.Fatalf("%s %s %v %v", h1, h2, err1, err2)
		}
	})
}
