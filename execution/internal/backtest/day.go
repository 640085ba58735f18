package backtest

import (
	"fmt"

	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/session"
	"dnalyaw/execution/internal/sim"
	"dnalyaw/execution/internal/targets"
)

// Day is one session of a run.
type Day struct {
	Reference  []byte           // reference.json, as riskd and omsd read it
	Session    *session.Session // how it is traded; nil = every order goes at once
	Market     sim.MarketDay
	Portfolios []Handoff // by moment
}

// Handoff is what strategies want from a moment on.
type Handoff struct {
	AtNs       int64 // when omsd gets it; before the open = at the open's pre-open
	Portfolios []targets.Portfolio
}

// Prepared is a day with its reference read.
type Prepared struct {
	Day
	Quotes  *Stream // where the market's events come from, see OpenQuotes; nil = Market.Events. RunPrepared closes it
	ref     *reference.Reference
	symbols map[int64]string
}

// Prepare reads a day's reference, for RunPrepared; in any goroutine, as the next day may be prepared while one is traded.
func Prepare(d Day) (*Prepared, error) {
	ref, err := reference.Parse(d.Reference)
	if err != nil {
		return nil, err
	}
	if ref.Region != d.Market.Region {
		return nil, fmt.Errorf("reference is of region %s, the market of %s", ref.Region, d.Market.Region)
	}
	if d.Session != nil && d.Session.Number() != ref.Session {
		return nil, fmt.Errorf("session.json is of session %d, the reference of %d", d.Session.Number(), ref.Session)
	}
	for i, h := range d.Portfolios {
		if i > 0 && h.AtNs < d.Portfolios[i-1].AtNs {
			return nil, fmt.Errorf("session %d: hand-off %d is at %d, before the one before it", ref.Session, i, h.AtNs)
		}
	}
	p := &Prepared{Day: d, ref: ref, symbols: make(map[int64]string, len(ref.Instruments))}
	for id, in := range ref.Instruments {
		p.symbols[id] = in.Symbol
	}
	return p, nil
}
