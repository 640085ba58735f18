//go:build oms_backtest

package riskengine

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"dnalyaw/execution/internal/frame"
)

func TestAnOrderFromItsDecisionToItsLastFill(t *testing.T) {
	e := opened(t)
	d := decide(t, e, buy(1, 1, 800), t0)
	// 5% of a million is 50,000: 500 shares at 100.00.
	if d.Decision != frame.DecisionReduce || d.Reason != 1 || d.ApprovedQty != 500 || d.RequestedQty != 800 {
		t.Fatalf("%+v", d)
	}
	if d.Equity != 1_000_000*one || d.ReferencePx != 100*one || d.WorstCase != 50_000*one || d.BindingLimit != 50_000*one {
		t.Errorf("%+v", d)
	}
	if f := d.Frame([16]byte{7}); f.OrderID != 1 || f.ApprovedQty != 500 || f.Correlation[0] != 7 || f.LimitsHash != d.LimitsHash {
		t.Errorf("%+v", f)
	}
	o := report(t, e, Report{OrderID: 1, InstrumentID: 1, LastQty: 200, LastPx: 99 * one, CumQty: 200, LeavesQty: 300, Fee: one, Type: frame.ExecPartial}, t0)
	if o.PositionChange != 200 || o.Finished() || o.Repeated() {
		t.Errorf("%+v", o)
	}
	o = report(t, e, Report{OrderID: 1, InstrumentID: 1, LastQty: 300, LastPx: 100 * one, CumQty: 500, Fee: one, Type: frame.ExecFill}, t0)
	if o.PositionChange != 300 || !o.Finished() {
		t.Errorf("%+v", o)
	}
	s, err := e.State()
	must(t, err)
	// 200 at 99.00, 300 at 100.00 and two of fees.
	if s.Cash != (1_000_000-19_800-30_000-2)*one || s.OpenOrders != 0 || s.Session != 20261123 || s.LastOrderID != 1 {
		t.Errorf("%+v", s)
	}
	positions, err := e.Positions()
	must(t, err)
	if len(positions) != 1 || positions[0] != (Position{1, 500, 100 * one}) {
		t.Errorf("%+v", positions)
	}
	stops, err := e.Stops()
	must(t, err)
	if len(stops) != 1 || stops[0].LevelPx != 98*one || stops[0].Direction != frame.SideBuy || stops[0].Fired() {
		t.Errorf("%+v", stops)
	}
	if e.Wants() != 0 {
		t.Errorf("wants %b", e.Wants())
	}
	must(t, e.Check())
}

func TestAStopAndAKillWantTheirOrdersAndPositionsClosed(t *testing.T) {
	e := opened(t)
	decide(t, e, buy(1, 1, 100), t0)
	report(t, e, Report{OrderID: 1, InstrumentID: 1, LastQty: 100, LastPx: 100 * one, CumQty: 100, Type: frame.ExecFill}, t0)
	decide(t, e, buy(2, 1, 10), t0)
	_, err := e.Quotes([]Quote{{1, 98 * one, 98 * one, 98 * one, t0 + 1}})
	must(t, err)
	if e.Wants() != WantSettle {
		t.Fatalf("wants %b", e.Wants())
	}
	actions := make([]Action, 8)
	s, err := e.Settle(t0+1, actions)
	must(t, err)
	if s.Count != 2 || s.Phase != Armed || s.WakeNs != math.MaxInt64 {
		t.Fatalf("%+v", s)
	}
	if a := actions[0]; a.Kind != ActionCancel || a.OrderID != 2 || a.WireID != 2 {
		t.Errorf("%+v", a)
	}
	// 5% below 98.00; an immediate order that only reduces.
	want := Order{OrderID: 1<<62 + 1, InstrumentID: 1, Qty: 100, LimitPx: 93_100_000, Side: frame.SideSell, Type: frame.TypeLimit, TIF: frame.TIFIOC, Flags: frame.FlagReduceOnly}
	if a := actions[1]; a.Kind != ActionClose || a.Order != want || a.Decision.Decision != frame.DecisionFlatten || a.Decision.Reason != 57 {
		t.Errorf("%+v", a)
	}
	must(t, e.Kill(t0+1))
	if _, err = e.Settle(t0+1, actions); err != nil {
		t.Fatal(err)
	}
	st, err := e.State()
	must(t, err)
	if !st.Killed() || st.TradingState != frame.TradingKilled || st.Phase != Cancelling || st.KillReason != 45 || st.FiredStops != 1 {
		t.Errorf("%+v", st)
	}
	if f := st.Frame(); f.TradingState != frame.TradingKilled || f.Cash != st.Cash || f.Session != 20261123 {
		t.Errorf("%+v", f)
	}
}

func TestLegsModificationsAndCancels(t *testing.T) {
	e := opened(t)
	legs := []Order{*buy(1, 1, 800), *buy(2, 2, 400)}
	ds := make([]Decision, 2)
	must(t, e.DecideLinked(legs, t0, ds))
	// The first leg fits for 500 of its 800: 250 of 400 with it.
	if ds[0].ApprovedQty != 500 || ds[1].ApprovedQty != 250 || ds[1].Decision != frame.DecisionReduce {
		t.Fatalf("%+v", ds)
	}
	if err := e.DecideLinked(legs[:1], t0, ds[:1]); !errors.Is(err, ErrLegs) {
		t.Error(err)
	}
	if err := e.DecideLinked(legs, t0, ds[:1]); !errors.Is(err, ErrLegs) {
		t.Error(err)
	}
	var d Decision
	must(t, e.Replace(&Replace{OrderID: 3, OriginalID: 2, Qty: 300, LimitPx: 99 * one}, t0, &d))
	if d.ApprovedQty != 300 || d.InstrumentID != 2 {
		t.Fatalf("%+v", d)
	}
	report(t, e, Report{OrderID: 2, InstrumentID: 2, Type: frame.ExecReplaced}, t0)
	orders, err := e.Orders()
	must(t, err)
	if len(orders) != 2 || orders[1].OrderID != 2 || orders[1].WireID != 3 || orders[1].Qty != 300 || orders[1].LimitPx != 99*one {
		t.Fatalf("%+v", orders)
	}
	for _, want := range []uint64{3, 0} {
		if wire, err := e.Cancel(2, t0); err != nil || wire != want {
			t.Errorf("cancel: %d, %v", wire, err)
		}
	}
	report(t, e, Report{OrderID: 2, InstrumentID: 2, Type: CancelRefused}, t0)
	if wire, err := e.Cancel(2, t0); err != nil || wire != 3 {
		t.Errorf("cancel: %d, %v", wire, err)
	}
	if _, err := e.Cancel(9, t0); !errors.Is(err, ErrUnknownOrder) {
		t.Error(err)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	e := opened(t)
	if _, err := e.Report(&Report{OrderID: 9, LastQty: 1, LastPx: one, CumQty: 1, Type: frame.ExecFill}, t0); !errors.Is(err, ErrUnknownOrder) || e.Wants() != WantAccount {
		t.Errorf("%v, wants %b", err, e.Wants())
	}
	must(t, e.Account(1_000_000*one, nil, t0))
	decide(t, e, buy(1, 1, 10), t0)
	if _, err := e.Report(&Report{OrderID: 1, LastQty: 1, CumQty: 1, Type: frame.ExecFill}, t0); !errors.Is(err, ErrBadReport) || e.Wants() != WantAccount {
		t.Errorf("%v, wants %b", err, e.Wants())
	}
	for _, c := range []struct {
		err  error
		is   error
		says string
	}{
		{e.Rearm(), ErrNotKilled, "has not fired"},
		{e.Session(9, t0), ErrArgument, "code -2"},
		{e.Halt(HaltVenue, 0, "XLON", true), ErrRefused, "no instrument trades at 'XLON'"},
		{e.Halt(HaltInstrument, 99, "", true), ErrRefused, "has no instrument 99"},
		{e.Halt(Scope(9), 0, "", true), ErrArgument, ""},
		{e.OpenSession([]byte("{")), ErrRefused, "reference: line 1"},
		{e.OpenSession(referenceFile(t, "2026-11-20", name(1, nil))), ErrRefused, "is not after 20261123"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v, wanted %v: %s", c.err, c.is, c.says)
		}
	}
	if n, err := e.Quotes([]Quote{{99, one, one, one, t0}}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, c := range []struct {
		reference, tighter []byte
		says               string
	}{
		{nil, nil, "reference: line 1"},
		{referenceFile(t, "2026-11-23", []row{}...), nil, "it lists no instrument"},
		{referenceFile(t, "2026-11-23", name(1, row{"lot": 0})), nil, "lot 0 is below 1"},
		{referenceFile(t, "2026-11-23", name(1, nil)), []byte(`{"net_bp": 20000}`), "tighter limits: net_bp"},
	} {
		if _, err := Open(c.reference, c.tighter, 0); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, wanted %s", err, c.says)
		}
	}
	if _, err := Open(nil, nil, -1); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
}

func TestTighterLimitsBind(t *testing.T) {
	e, err := Open(referenceFile(t, "2026-11-23", name(1, nil)), []byte(`{"instrument_bp": 100}`), 0)
	must(t, err)
	defer func() { must(t, e.Close()) }()
	must(t, e.Session(frame.SessionOpen, t0))
	must(t, e.Account(1_000_000*one, nil, t0))
	_, err = e.Quotes([]Quote{{1, 100 * one, 100 * one, 100 * one, t0}})
	must(t, err)
	// 1% of a million is 100 shares; TIGHTER_LIMIT.
	if d := decide(t, e, buy(1, 1, 800), t0); d.ApprovedQty != 100 || d.Reason != 31 {
		t.Errorf("%+v", d)
	}
}

func TestTheNextSessionGoesOnWithIdsStopsAndSplits(t *testing.T) {
	e := opened(t)
	decide(t, e, buy(5, 1, 100), t0)
	report(t, e, Report{OrderID: 5, InstrumentID: 1, LastQty: 100, LastPx: 100 * one, CumQty: 100, Type: frame.ExecFill}, t0)
	must(t, e.Session(frame.SessionClosed, t0))
	night := t0 + 60_000*second
	must(t, e.OpenSession(referenceFile(t, "2026-11-24", name(1, row{"split_num": 2, "close_micro": 50 * one}), name(2, nil))))
	if e.Wants() != WantAccount {
		t.Errorf("wants %b", e.Wants())
	}
	must(t, e.Session(frame.SessionPreOpen, night))
	must(t, e.Account(990_000*one, []Holding{{1, 200, 50 * one}}, night))
	stops, err := e.Stops()
	must(t, err)
	if len(stops) != 1 || stops[0].LevelPx != 49*one {
		t.Errorf("%+v", stops)
	}
	must(t, e.Session(frame.SessionOpen, night))
	if d := decide(t, e, buy(5, 2, 1), night); d.Reason != 26 {
		t.Errorf("%+v", d)
	}
	s, err := e.State()
	must(t, err)
	if s.Session != 20261124 || s.Baseline != 1_000_000*one || s.LastOrderID != 5 {
		t.Errorf("%+v", s)
	}
}

func TestOneGoroutineIsInsideAtATime(t *testing.T) {
	e := opened(t)
	var calls sync.WaitGroup
	var mu sync.Mutex
	seen := map[error]int{}
	for range 4 {
		calls.Go(func() {
			for range 2_000 {
				// Not through a method that keeps what is wanted: that is what one goroutine is for.
				_, err := e.probe()
				mu.Lock()
				seen[err]++
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	for err := range seen {
		if err != nil && !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
	}
	if seen[nil] == 0 {
		t.Errorf("%v", seen)
	}
	must(t, e.Check())
}

func TestAClosedEngineSaysSo(t *testing.T) {
	e, err := Open(referenceFile(t, "2026-11-23", name(1, nil)), nil, 16)
	must(t, err)
	must(t, e.Close())
	must(t, e.Close())
	var d Decision
	for _, err := range []error{e.Decide(buy(1, 1, 1), t0, &d), e.Clock(t0), e.Check(), e.Account(1, nil, t0)} {
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := e.State(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestTheLibraryIsNamedWhereTheBuildNamesIt(t *testing.T) {
	if got := Library(); got != "unknown" && len(got) != 64 {
		t.Errorf("%q is no SHA-256", got)
	}
}
