// Package targets turns target weights into orders: it checks what research hands over, and nets every strategy's
// wishes into one order an instrument.
//
// Everything here is a pure function of its arguments.
package targets

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"sort"

	"dnalyaw/execution/internal/schedule"
)

// Target is one strategy's wish for one instrument.
type Target struct {
	InstrumentID int64   `json:"instrument_id"`
	Weight       float64 `json:"weight"`         // of the strategy's capital
	StopDistance float64 `json:"stop_distance"`  // currency units a share; 0 = none
	Link         string  `json:"link,omitempty"` // targets of one link are traded together or not at all
}

// Portfolio is everything one strategy wants to hold; what is absent it does not want.
type Portfolio struct {
	StrategyID  string   `json:"strategy_id"`
	AsOfNs      int64    `json:"as_of_ns"`
	Session     uint32   `json:"session"`
	Correlation string   `json:"correlation"`
	Targets     []Target `json:"targets"`
}

// With is the portfolio with another target of one instrument; it shares nothing with p.
func (p Portfolio) With(t Target) Portfolio {
	out := p
	out.Targets = make([]Target, 0, len(p.Targets)+1)
	placed := false
	for _, have := range p.Targets {
		if have.InstrumentID == t.InstrumentID {
			have, placed = t, true
		}
		out.Targets = append(out.Targets, have)
	}
	if !placed {
		out.Targets = append(out.Targets, t)
	}
	return out
}

// Set is With in the memory of p, which must be the caller's own.
func (p Portfolio) Set(t Target) Portfolio {
	placed := false
	for i := range p.Targets {
		if p.Targets[i].InstrumentID == t.InstrumentID {
			p.Targets[i], placed = t, true
		}
	}
	if !placed {
		p.Targets = append(p.Targets, t)
	}
	return p
}

// Only is the portfolio with nothing but its targets of one instrument.
func (p Portfolio) Only(id int64) Portfolio {
	all := p.Targets
	p.Targets = nil
	for i := range all {
		if all[i].InstrumentID == id {
			p.Targets = append(p.Targets, all[i])
		}
	}
	return p
}

// grossWith is the sum of weights and the number of targets of p.With(t).
func (p Portfolio) grossWith(t Target) (gross float64, names int) {
	placed := false
	for i := range p.Targets {
		if p.Targets[i].InstrumentID == t.InstrumentID {
			placed = true
			gross += t.Weight
		} else {
			gross += p.Targets[i].Weight
		}
	}
	if placed {
		return gross, len(p.Targets)
	}
	return gross + t.Weight, len(p.Targets) + 1
}

// ContentHash is the identity of what is asked: the session and the targets in the order of their instruments.
// Labels and correlation ids are for people and change nothing.
func (p Portfolio) ContentHash() string {
	sorted := append([]Target(nil), p.Targets...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].InstrumentID < sorted[j].InstrumentID })
	h := sha256.New()
	var b [24]byte
	binary.LittleEndian.PutUint32(b[:4], p.Session)
	h.Write(b[:4])
	for _, t := range sorted {
		binary.LittleEndian.PutUint64(b[0:], uint64(t.InstrumentID))
		// Adding zero makes -0 and 0 the same content.
		binary.LittleEndian.PutUint64(b[8:], math.Float64bits(t.Weight+0))
		binary.LittleEndian.PutUint64(b[16:], math.Float64bits(t.StopDistance+0))
		h.Write(b[:])
		if t.Link != "" {
			binary.LittleEndian.PutUint32(b[:4], uint32(len(t.Link)))
			h.Write(b[:4])
			h.Write([]byte(t.Link))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Quote is the market in one instrument, in millionths; 0 is absent.
type Quote struct {
	Bid, Ask, Last int64
}

// twoSided says that both sides are there and do not cross.
func (q Quote) twoSided() bool { return q.Bid > 0 && q.Ask >= q.Bid }

// Decision is the price at which weights become shares: the mid, or the last print where there is no quote; 0 when
// there is neither.
func (q Quote) Decision() int64 {
	if q.twoSided() {
		return q.Bid + (q.Ask-q.Bid)/2
	}
	return q.Last
}

// Touch is the price an order of the side meets at once: the far side of the quote, or the last print.
func (q Quote) Touch(buy bool) int64 {
	switch {
	case q.twoSided() && buy:
		return q.Ask
	case q.twoSided():
		return q.Bid
	}
	return q.Last
}

// CollarBp is how far past the touch a marketable limit may reach.
const CollarBp = 50

// MarketableLimit is the touch plus the collar, rounded to the tick towards the touch and never short of it. touch is
// positive.
func MarketableLimit(touch int64, ticks schedule.TickTable, buy bool) int64 {
	reach := touch / 10_000 * CollarBp
	reach += touch % 10_000 * CollarBp / 10_000
	if buy {
		if px := ticks.Down(touch + reach); px >= touch {
			return px
		}
		return ticks.Up(touch)
	}
	px := ticks.Up(touch - reach)
	if px > touch {
		px = ticks.Down(touch)
	}
	return max(px, ticks[0].Tick)
}
