package backtest

import "dnalyaw/execution/internal/riskengine"

// tellQuotes gives the risk engine what changed, and the core what it works in.
func (f *Floor) tellQuotes() error {
	if len(f.changed) == 0 {
		return nil
	}
	f.quotes = f.quotes[:0]
	for i := range f.changed {
		q := &f.changed[i]
		out := riskengine.Quote{InstrumentID: uint64(q.InstrumentID), Last: q.Print, TsNs: q.TsNs}
		if q.BidSize > 0 {
			out.Bid = q.Bid
		}
		if q.AskSize > 0 {
			out.Ask = q.Ask
		}
		if f.venue.Idle(q.InstrumentID) && !f.core.Works(q.InstrumentID) {
			f.later = append(f.later, out)
			continue
		}
		f.quotes = append(f.quotes, out)
	}
	if len(f.later) >= laterMost {
		if err := f.tellLater(); err != nil {
			return err
		}
	}
	if len(f.quotes) == 0 {
		return nil
	}
	f.quoteOf = 0
	if _, err := f.risk.Quotes(f.quotes); err != nil {
		return err
	}
	for i := range f.quotes {
		if f.core.Works(int64(f.quotes[i].InstrumentID)) {
			if err := f.tellPrice(f.quotes[i].InstrumentID); err != nil {
				return err
			}
		}
	}
	return nil
}

// laterMost is how many quotes are told together at most. A test sets it to 1.
var laterMost = 1024

// tellLater tells the risk engine the prices of names in which nothing is held or works. Until somebody asks, nothing hangs on
// them: its limits count what is held, and its stops guard it. Each name's own come in their order.
func (f *Floor) tellLater() error {
	if len(f.later) == 0 {
		return nil
	}
	f.quoteOf = 0
	_, err := f.risk.Quotes(f.later)
	f.later = f.later[:0]
	return err
}
