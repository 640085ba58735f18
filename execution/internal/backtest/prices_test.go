//go:build oms_backtest

package backtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/riskengine"
)

// priced is a risk engine whose decisions are held against the prices that it tells at that moment.
type priced struct {
	*riskengine.Engine
	t       *testing.T
	checked int
}

func (p *priced) Decide(o *riskengine.Order, nowNs int64, d *riskengine.Decision) error {
	if err := p.Engine.Decide(o, nowNs, d); err != nil {
		return err
	}
	if q, known, err := p.Price(o.InstrumentID); err != nil || !known || q.Bid != d.Bid || q.Ask != d.Ask {
		p.t.Errorf("decided on %d/%d, the price is %+v (%v, %v)", d.Bid, d.Ask, q, known, err)
	}
	p.checked++
	return nil
}

// An order's reports carry the market that it was decided on, which spares asking for it: it is the one that the engine tells.
func TestADecisionNamesThePriceThatIsTold(t *testing.T) {
	p := &priced{t: t}
	l := &ledger{}
	f := backtest.New(backtest.Config{
		Region: "US", Sink: l, Log: jsonlog.Discard(),
		Register: register.Register{"alpha": {StrategyID: "alpha", Stage: register.Live, CapitalFraction: 1, MaxLeverage: 1}},
		OpenRisk: func(ref []byte) (backtest.Risk, error) {
			var err error
			p.Engine, err = riskengine.Open(ref, nil, 4096)
			return p, err
		},
	})
	d := aDay(t, 20, "2026-11-18", 0, nil, nil, nil)
	for i := range d.Market.Events {
		ev := &d.Market.Events[i]
		ev.Bid, ev.Ask = ev.Bid-int64(i%7)*10_000, ev.Ask+int64(i%5)*10_000
		switch i % 11 {
		case 0:
			ev.BidSize = 0 // a side that is not there
		case 1:
			ev.Ask = 0
		}
	}
	for r := range 30 {
		weights := map[int64]float64{}
		for id := int64(1); id <= 20; id++ {
			weights[id] = 0.02 + 0.01*float64((id+int64(r))%2)
		}
		b := wants(20261118, 0, weights)
		b.AtNs += int64(r) * 600 * second
		b.Portfolios[0].AsOfNs += int64(r)
		d.Portfolios = append(d.Portfolios, b)
	}
	run(t, l, f, d)
	if p.checked < 400 {
		t.Errorf("%d decisions", p.checked)
	}
}

// Prices that nobody acts on are told later and together. Told at once they give the same lines and the same state: hand-offs at
// odd moments, a stop that is reached between them, and names that are bought, sold and bought again.
func TestPricesToldTogetherChangeNothing(t *testing.T) {
	play := func() ([]string, string) {
		l := &ledger{}
		f := floor(l)
		for k := range 2 {
			d := aDay(t, 12, fmt.Sprintf("2026-11-%d", 18+k), k, nil, nil, nil)
			for i := range d.Market.Events {
				ev := &d.Market.Events[i]
				ev.TsNs += ev.InstrumentID * 1_000_003 // each at its own moment
				move := int64((i*7919)%13-6) * 10_000
				if ev.InstrumentID == 3 && ev.TsNs > d.Market.OpenNs+3*3600*second {
					move -= 8 * one // through its stop of 5
				}
				ev.Bid, ev.Ask = ev.Bid+move, ev.Ask+move
			}
			for r := range 20 {
				weights := map[int64]float64{}
				for id := int64(1); id <= 12; id++ {
					if (id+int64(r))%3 != 0 || id == 3 {
						weights[id] = 0.02 + 0.01*float64((id+int64(r))%2)
					}
				}
				b := wants(uint32(20261118+k), k, weights)
				b.AtNs += int64(r)*1000*second + int64(r)*7_000_001
				b.Portfolios[0].AsOfNs += int64(r)
				d.Portfolios = append(d.Portfolios, b)
			}
			run(t, l, f, d)
		}
		for _, d := range l.decisions {
			l.lines = append(l.lines, fmt.Sprintf("%+v", d))
		}
		hash, err := f.Core().StateHash()
		if err != nil {
			t.Fatal(err)
		}
		return l.lines, hash
	}
	together, hash := play()
	defer backtest.TellAtOnce()()
	atOnce, same := play()
	if !slices.Equal(together, atOnce) || hash != same {
		t.Error("the runs differ")
	}
	if text := strings.Join(together, "\n"); !strings.Contains(text, "US-K1") || len(together) < 300 {
		t.Errorf("%d lines, and no stop was reached", len(together))
	}
}
