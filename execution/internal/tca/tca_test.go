package tca_test

import (
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/tca"
)

const (
	usd    = int64(1_000_000)
	cent   = usd / 100
	minute = int64(60_000_000_000)
	start  = int64(1_700_000_000_000_000_000)
)

// tape is a market in memory.
type tape struct {
	trades  []tca.Trade
	quotes  []tca.Quote
	close   int64 // 0 = none
	failing error
}

func (m tape) Trades(_, from, to int64) iter.Seq2[tca.Trade, error] {
	return func(yield func(tca.Trade, error) bool) {
		for _, x := range m.trades {
			if !yield(x, nil) {
				return
			}
		}
		if m.failing != nil {
			yield(tca.Trade{}, m.failing)
		}
	}
}

func (m tape) Quotes(_, from, to int64) iter.Seq2[tca.Quote, error] {
	return func(yield func(tca.Quote, error) bool) {
		for _, x := range m.quotes {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (m tape) Close(int64, uint32) (int64, bool, error) { return m.close, m.close != 0, nil }

// around is a quote of four cents around a mid in cents.
func around(mid int64) tca.Quote { return tca.Quote{Bid: (mid - 2) * cent, Ask: (mid + 2) * cent} }

// worked is a purchase of 1,000 shares that was decided at 100.00 and filled 700 in two children, and its market.
func worked() (tca.Parent, tape) {
	p := tca.Parent{
		ID: 5, Session: 20231114, Correlation: "c0ffee", InstrumentID: 1, Currency: "USD", Algorithm: "TWAP", Side: order.Buy, Qty: 1000,
		DecisionNs: start - minute, DecisionPx: 100 * usd, ArrivalNs: start, Arrival: tca.Quote{Bid: 10009 * cent, Ask: 10011 * cent},
		EndNs: start + 40*minute, Breaks: [][2]int64{{start + 20*minute, start + 30*minute}}, Shares: map[string]int64{"alpha": 600, "beta": 400},
		Children: []tca.Child{
			{
				ID: 11, Path: 1, Venue: "NASDAQ", Style: "MARKETABLE", Qty: 600, LimitPx: 10060 * cent, SentNs: start, AckNs: start + 1000, DoneNs: start + minute,
				Sent: around(10012), Done: around(10015), Experiment: true, Stratum: "US|i0", Block: 3, Slot: 2, Route: "randomised",
				Fills: []tca.Fill{
					{ExecID: 2, TsNs: start + 3000, Qty: 200, Px: 10016 * cent, Fee: usd / 5, Quote: around(10015)},
					{ExecID: 1, TsNs: start + 2000, Qty: 400, Px: 10014 * cent, Fee: 2 * usd / 5, Quote: around(10012)},
				},
			},
			{
				ID: 12, Path: 2, Venue: "ARCA", Style: "PASSIVE", Qty: 400, LimitPx: 10020 * cent, SentNs: start + 10*minute, DoneNs: start + 40*minute,
				Sent: around(10022), Done: around(10032),
				Fills: []tca.Fill{{ExecID: 3, TsNs: start + 11*minute, Qty: 100, Px: 10024 * cent, Fee: usd / 10, Quote: around(10022)}},
			},
		},
	}
	m := tape{
		trades: []tca.Trade{{TsNs: start, Qty: 1000, Px: 10012 * cent}, {TsNs: start + minute, Qty: 0, Px: 9999 * cent}, {TsNs: start + 40*minute, Qty: 500, Px: 10018 * cent}},
		quotes: []tca.Quote{{TsNs: start + 10*minute, Bid: 10018 * cent, Ask: 10022 * cent}},
		close:  101 * usd,
	}
	return p, m
}

func analyse(t *testing.T, p tca.Parent, m tca.Market) tca.Report {
	t.Helper()
	r, err := tca.Analyse(p, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type amounts map[string]int64

// check compares amounts in millionths by the names of their JSON fields; absent is for null.
const absent = math.MinInt64

func check(t *testing.T, row any, want amounts) {
	t.Helper()
	v := reflect.ValueOf(row)
	for name, n := range want {
		f := field(v, name)
		if !f.IsValid() {
			t.Fatalf("no field %s", name)
		}
		got := int64(absent)
		switch {
		case f.Kind() != reflect.Pointer:
			got = f.Int()
		case !f.IsNil():
			got = f.Elem().Int()
		}
		if got != n {
			t.Errorf("%s is %d, want %d", name, got, n)
		}
	}
}

func field(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if in := field(v.Field(i), name); in.IsValid() {
				return in
			}
		}
		if f.Tag.Get("json") == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func nearBp(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > 1e-4 {
		t.Errorf("%s is %v bp, want %v", what, got, want)
	}
}

// TestLedgerByHand works the purchase to the cent.
//
// Paid 400 x 100.14 + 200 x 100.16 + 100 x 100.24 = 70,112 for 700 shares, and 0.70 of fees. Against the decision's
// 70,000 that is 112; the 300 that did not fill rose by 1.00 to the close: 300. Shortfall 412.70. Its parts:
// delay 1,000 x (100.10 - 100.00) = 100; timing 600 x 0.02 + 100 x 0.12 = 24; impact 200 x 0.03 = 6;
// spread 400 x 0.02 + 200 x 0.01 + 100 x 0.02 = 12; opportunity 300 x (101 - 100.10) = 270.
func TestLedgerByHand(t *testing.T) {
	r := analyse(t, firstOf(worked()), secondOf(worked()))
	check(t, r.Parent, amounts{
		"filled": 700, "traded": 70_112 * usd, "delay": 100 * usd, "timing": 24 * usd, "impact": 6 * usd, "spread": 12 * usd, "unsplit": 0,
		"fees": 7 * usd / 10, "opportunity": 270 * usd, "shortfall": 4127 * usd / 10, "residual": 0, "average_px": 100_160_000,
		// VWAP (1,000 x 100.12 + 500 x 100.18)/1,500 = 100.14; mids 100.10 for ten minutes and 100.20 for twenty outside the break.
		"vwap_px": 10014 * cent, "vwap_volume": 1500, "twap_px": 100_166_667, "close_px": 101 * usd, "decision_px": 100 * usd,
		"vs_arrival": 42 * usd, "vs_vwap": 14 * usd, "vs_twap": -4_666_900, "vs_close": -588 * usd, "notional": 100_000 * usd,
	})
	nearBp(t, "shortfall", r.Parent.ShortfallBp, 41.27)
	nearBp(t, "against arrival", r.Parent.VsArrivalBp, 42.0/70070*1e4)
	nearBp(t, "against VWAP", r.Parent.VsVWAPBp, 14.0/70098*1e4)
	nearBp(t, "against the close", r.Parent.VsCloseBp, -588.0/70700*1e4)
	if len(r.Parent.Missing) != 0 || r.Parent.Fills != 3 || r.Parent.Children != 2 {
		t.Errorf("missing %v, %d fills, %d children", r.Parent.Missing, r.Parent.Fills, r.Parent.Children)
	}
	// Child 1: 60,088 less 600 x 100.12 is 16, and 0.60. Child 2: 10,024 less 100 x 100.22 is 2, 0.10, and 300 x 0.10.
	check(t, r.Children[0], amounts{
		"timing": 12 * usd, "impact": 6 * usd, "spread": 10 * usd, "fees": 6 * usd / 10, "cost": 166 * usd / 10, "notional": 60_072 * usd,
		"ack_ns": start + 1000, "first_fill_ns": start + 2000, "filled": 600,
	})
	check(t, r.Children[1], amounts{
		"timing": 12 * usd, "impact": 0, "spread": 2 * usd, "fees": usd / 10, "cost": 321 * usd / 10, "notional": 40_088 * usd, "ack_ns": absent,
	})
	nearBp(t, "child 2", r.Children[1].CostBp, 32.1/40088*1e4)
	if c := r.Children[0]; !c.Experiment || c.Stratum != "US|i0" || c.Block != 3 || c.Slot != 2 || c.Path != 1 {
		t.Errorf("the router's record is lost: %+v", c)
	}
	check(t, r.Strategies[0], amounts{"qty": 600, "filled": 420, "delay": 60 * usd, "shortfall": 24762 * cent, "fees": 42 * cent, "opportunity": 162 * usd, "residual": 0})
	check(t, r.Strategies[1], amounts{"qty": 400, "filled": 280, "delay": 40 * usd, "shortfall": 16508 * cent, "fees": 28 * cent, "opportunity": 108 * usd, "residual": 0})
	nearBp(t, "a strategy", r.Strategies[1].ShortfallBp, 41.27)
}

func firstOf(p tca.Parent, _ tape) tca.Parent { return p }
func secondOf(_ tca.Parent, m tape) tape      { return m }

// TestResidualIsShown sells three shares at half a millionth from the mid: delay and spread are a millionth and a half
// each, rounded to two, and the shortfall is three.
func TestResidualIsShown(t *testing.T) {
	q := tca.Quote{Bid: 999_999, Ask: 1_000_000}
	p := tca.Parent{
		ID: 1, Currency: "USD", Side: order.Sell, Qty: 3, DecisionNs: 1, DecisionPx: 1_000_000, ArrivalNs: 1, Arrival: q, EndNs: 2, Shares: map[string]int64{"a": 3},
		Children: []tca.Child{{ID: 1, Path: 1, Qty: 3, SentNs: 1, DoneNs: 2, Sent: q, Fills: []tca.Fill{{ExecID: 1, TsNs: 2, Qty: 3, Px: 999_999, Quote: q}}}},
	}
	r := analyse(t, p, tape{close: 1})
	check(t, r.Parent, amounts{"delay": 2, "timing": 0, "impact": 0, "spread": 2, "fees": 0, "opportunity": 0, "shortfall": 3, "residual": -1, "vs_close": -3*999_999 + 3})
	// A purchase at the mirrored prices costs the same.
	p.Side = order.Buy
	q = tca.Quote{Bid: 1_000_000, Ask: 1_000_001}
	p.Arrival, p.Children[0].Sent, p.Children[0].Fills[0].Quote, p.Children[0].Fills[0].Px = q, q, q, 1_000_001
	check(t, analyse(t, p, tape{}).Parent, amounts{"delay": 2, "spread": 2, "shortfall": 3, "residual": -1})
}

// TestNothingFilled has only delay and opportunity; without a close these are named, not zero.
func TestNothingFilled(t *testing.T) {
	p, m := worked()
	p.Children = nil
	r := analyse(t, p, m)
	check(t, r.Parent, amounts{
		"filled": 0, "delay": 100 * usd, "opportunity": 900 * usd, "shortfall": 1000 * usd, "residual": 0, "timing": 0, "fees": 0, "average_px": absent, "vs_arrival": absent, "vs_close": absent,
	})
	m.close = 0
	r = analyse(t, p, m)
	check(t, r.Parent, amounts{"delay": 100 * usd, "opportunity": absent, "shortfall": absent, "residual": absent, "close_px": absent})
	if !slices.Equal(r.Parent.Missing, []string{"close"}) || r.Parent.ShortfallBp != nil {
		t.Errorf("missing %v, shortfall %v", r.Parent.Missing, r.Parent.ShortfallBp)
	}
	check(t, r.Strategies[0], amounts{"delay": 60 * usd, "opportunity": absent, "shortfall": absent, "residual": absent})
	// A child that filled nothing still has a cost: 1,000 shares ran from 100.12 to 100.15.
	p.Children = []tca.Child{{ID: 1, Path: 2, Qty: 1000, SentNs: start, DoneNs: start + 1, Sent: around(10012), Done: around(10015)}}
	check(t, analyse(t, p, m).Children[0], amounts{"filled": 0, "cost": 30 * usd, "spread": 0, "first_fill_ns": absent})
}

// TestCompleteNeedsNoClose fills everything, so that only the comparison with the close is missing.
func TestCompleteNeedsNoClose(t *testing.T) {
	p, m := worked()
	p.Qty, p.Shares = 700, map[string]int64{"alpha": 700}
	m.close, m.trades, m.quotes = 0, nil, nil
	r := analyse(t, p, m)
	check(t, r.Parent, amounts{"opportunity": 0, "shortfall": 1127 * usd / 10, "delay": 70 * usd, "residual": 0, "vs_close": absent, "vs_vwap": absent, "twap_px": 10010 * cent})
	if !slices.Equal(r.Parent.Missing, []string{"vwap", "close"}) {
		t.Errorf("missing %v", r.Parent.Missing)
	}
}

// TestOneSidedMarkets takes quotes away one after the other: what can no longer be split moves to unsplit, and the sum
// stays.
func TestOneSidedMarkets(t *testing.T) {
	oneSided := tca.Quote{Ask: 10010 * cent}
	for _, c := range []struct {
		name    string
		change  func(*tca.Parent)
		want    amounts
		missing []string
	}{
		// The 200 at 100.16 have no mid: 200 x (100.16 - 100.12) is impact and spread together.
		{"at a fill", func(p *tca.Parent) { p.Children[0].Fills[0].Quote = oneSided }, amounts{"delay": 100 * usd, "timing": 24 * usd, "impact": 0, "spread": 10 * usd, "unsplit": 8 * usd, "shortfall": 4127 * usd / 10, "residual": 0}, []string{"fill_quote"}},
		// From arrival's 100.10 to the mids at the fills: 400 x 0.02 + 200 x 0.05 is timing and impact together.
		{"at a sending", func(p *tca.Parent) { p.Children[0].Sent = oneSided }, amounts{"timing": 12 * usd, "impact": 0, "spread": 12 * usd, "unsplit": 18 * usd, "shortfall": 4127 * usd / 10, "residual": 0}, []string{"sent_quote"}},
		// Without arrival delay and timing are together: 600 x 0.12 + 100 x 0.22 against the decision; the opportunity is 300 x 1.00.
		{"at arrival", func(p *tca.Parent) { p.Arrival = tca.Quote{Bid: 10011 * cent, Ask: 10009 * cent} }, amounts{"delay": absent, "timing": 0, "impact": 6 * usd, "spread": 12 * usd, "unsplit": 94 * usd, "opportunity": 300 * usd, "shortfall": 4127 * usd / 10, "residual": 0, "vs_arrival": absent}, []string{"arrival_quote"}},
		// Without the decision's price there is no shortfall, and everything from arrival on stands.
		{"at the decision", func(p *tca.Parent) { p.DecisionPx = 0 }, amounts{"delay": absent, "timing": 24 * usd, "impact": 6 * usd, "spread": 12 * usd, "unsplit": 0, "opportunity": 270 * usd, "shortfall": absent, "residual": absent, "notional": 100_100 * usd}, []string{"decision_px"}},
		{"at the end of a child", func(p *tca.Parent) { p.Children[1].Done = tca.Quote{} }, amounts{"shortfall": 4127 * usd / 10}, []string{"done_quote"}},
		// With neither decision nor arrival only what follows the sendings is known.
		{"everywhere at first", func(p *tca.Parent) { p.DecisionPx, p.Arrival = 0, tca.Quote{} }, amounts{"delay": absent, "timing": 0, "impact": 6 * usd, "spread": 12 * usd, "unsplit": 0, "opportunity": absent, "shortfall": absent, "notional": absent}, []string{"decision_px", "arrival_quote"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, m := worked()
			c.change(&p)
			r := analyse(t, p, m)
			check(t, r.Parent, c.want)
			if !slices.Equal(r.Parent.Missing, c.missing) {
				t.Errorf("missing %v, want %v", r.Parent.Missing, c.missing)
			}
		})
	}
	p, m := worked()
	p.Children[1].Done = tca.Quote{}
	check(t, analyse(t, p, m).Children[1], amounts{"cost": absent})
	p.Children[0].Sent = oneSided
	check(t, analyse(t, p, m).Children[0], amounts{"cost": absent, "notional": absent})
}

// TestCorrectionsCount takes a fill's 100 shares back under another exec id.
func TestCorrectionsCount(t *testing.T) {
	p, m := worked()
	fill := p.Children[1].Fills[0]
	fill.ExecID, fill.Qty, fill.Fee = 4, -100, -fill.Fee
	p.Children[1].Fills = append(p.Children[1].Fills, fill)
	// 60,088 for 600, 0.60 of fees, and 400 that rose by 1.00.
	check(t, analyse(t, p, m).Parent, amounts{"filled": 600, "shortfall": (88+400)*usd + 6*usd/10, "residual": 0, "timing": 12 * usd, "traded": 60_088 * usd})
}

func TestEveryFaultIsNamed(t *testing.T) {
	p := tca.Parent{
		ID: 9, Side: 7, Qty: 0, DecisionPx: -1, DecisionNs: 5, ArrivalNs: 4, EndNs: 3, Arrival: tca.Quote{Bid: -1}, Shares: map[string]int64{"": 1, "b": 0, "c": 2},
		Children: []tca.Child{{ID: 1, Path: 3, Qty: 10, SentNs: 5, AckNs: 4, DoneNs: 4, Fills: []tca.Fill{{ExecID: 8, Qty: 11, Px: 0}}}, {ID: 1, Path: 1, Qty: 1, SentNs: 1, DoneNs: 1}},
	}
	_, err := tca.Analyse(p, tape{})
	for _, word := range []string{
		"tca: parent 9", "side is 7", "qty is 0", "decision_px is -1", "must follow each other", "arrival: quote -1", `strategy "" are 1`, `strategy "b" are 0`, "shares sum to 2, qty is 0",
		"children[0] (1): path is 3", "sent_ns 5, ack_ns 4 and done_ns 4", "fill 8 is 11 at 0", "11 of 10 filled", "children[1] (1) is there twice", "11 of 0 filled",
	} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func TestMarketFaults(t *testing.T) {
	broken := errors.New("disk gone")
	for name, spoil := range map[string]func(*tape){
		"reading trades: disk gone": func(m *tape) { m.failing = broken },
		"a trade of -1":             func(m *tape) { m.trades[0].Qty = -1 },
		"is outside the interval":   func(m *tape) { m.trades[0].TsNs = 1 },
		"they must ascend":          func(m *tape) { m.quotes[0].TsNs = start - 1 },
		"quote -5":                  func(m *tape) { m.quotes[0].Bid = -5 },
		"the close of session":      func(m *tape) { m.close = -1 },
	} {
		p, m := worked()
		spoil(&m)
		if _, err := tca.Analyse(p, m); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
	p, m := worked()
	p.Qty, p.DecisionPx = 1_000_000_000_000, 1_000_000_000_000_000
	p.Shares = map[string]int64{"a": p.Qty}
	if _, err := tca.Analyse(p, m); !errors.Is(err, tca.ErrOverflow) {
		t.Errorf("an amount beyond 63 bits gives %v", err)
	}
}
