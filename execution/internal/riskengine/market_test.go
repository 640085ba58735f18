//go:build oms_backtest

package riskengine

import (
	"encoding/json"
	"testing"

	"dnalyaw/execution/internal/frame"
)

const (
	one    = int64(1_000_000)
	second = int64(1_000_000_000)
	t0     = int64(1_795_012_200_000_000_000)
)

type row map[string]any

// name is an instrument that nothing is wrong with, with the changes.
func name(id int64, changes row) row {
	out := row{
		"instrument_id": id, "issuer_id": id, "label": "N.NYSE", "symbol": "N" + string(rune('A'+id)), "sector": nil, "lot": 1,
		"tick_micro": 10_000, "currency": "USD", "tradable": true, "volatility_bp": 200, "gap_bp": 200, "adv": 1_000_000,
		"locate": 1_000, "close_micro": 100 * one,
	}
	for k, v := range changes {
		out[k] = v
	}
	return out
}

// referenceFile is a reference.json of these instruments.
func referenceFile(t testing.TB, session string, rows ...row) []byte {
	t.Helper()
	file, err := json.Marshal(row{
		"region": "US", "session": session, "currency": "USD", "generated_at": nil, "strategies": []string{"alpha", "beta"},
		"instruments": rows,
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// opened is an engine with a million in cash and names 1 to 3 at 100.00, whose session is open.
func opened(t testing.TB, holdings ...Holding) *Engine {
	t.Helper()
	e, err := Open(referenceFile(t, "2026-11-23", name(1, nil), name(2, nil), name(3, nil)), nil, 1_024)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	must(t, e.Session(frame.SessionOpen, t0))
	must(t, e.Account(1_000_000*one, holdings, t0))
	at(t, e, 100*one, t0)
	return e
}

// at prices names 1 to 3.
func at(t testing.TB, e *Engine, px, nowNs int64) {
	t.Helper()
	quotes := []Quote{{1, px, px, px, nowNs}, {2, px, px, px, nowNs}, {3, px, px, px, nowNs}}
	if unknown, err := e.Quotes(quotes); err != nil || unknown != 0 {
		t.Fatalf("%d unknown, %v", unknown, err)
	}
}

// buy is a limit order at 100.00 with a stop at 98.00.
func buy(id, instrument uint64, qty int64) *Order {
	return &Order{
		OrderID: id, InstrumentID: instrument, Qty: qty, LimitPx: 100 * one, StopDistance: 2 * one, Strategies: 1,
		Side: frame.SideBuy, Type: frame.TypeLimit,
	}
}

func decide(t testing.TB, e *Engine, o *Order, nowNs int64) Decision {
	t.Helper()
	var d Decision
	must(t, e.Decide(o, nowNs, &d))
	return d
}

func report(t testing.TB, e *Engine, r Report, nowNs int64) Outcome {
	t.Helper()
	o, err := e.Report(&r, nowNs)
	must(t, err)
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
