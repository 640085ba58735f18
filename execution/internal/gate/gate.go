package gate

import (
	"fmt"
	"math"

	"dnalyaw/execution/internal/feed"
)

// Gate judges one feed. It is not safe for concurrent use.
type Gate struct {
	c       Config
	known   map[int64]*instrument
	last    *instrument // of the message before
	order   []*instrument
	seq     sequence
	market  market
	life    life
	phase   feed.Status // of the feed: StatusNone until it tells
	counts  [reasons]uint64
	settled []Settled
	free    []*hold
	finding []Finding
}

// New returns a gate. Every fault of the configuration is named at once.
func New(c Config) (*Gate, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Gate{c: c, known: map[int64]*instrument{}, settled: make([]Settled, 0, 2*holdRoom)}, nil
}

// SetInstrument tells what is known of an instrument beforehand.
func (g *Gate) SetInstrument(id int64, i Instrument) error {
	in := g.instrument(id)
	switch {
	case in == nil:
		return fmt.Errorf("gate: instrument %d: ids are positive, and at most %d are kept", id, g.c.MaxInstruments)
	case i.TickMicro < 0 || !(i.DailyVol >= 0) || math.IsInf(i.DailyVol, 0):
		return fmt.Errorf("gate: instrument %d: tick %d and volatility %v must not be negative", id, i.TickMicro, i.DailyVol)
	}
	if i.Symbol != "" {
		in.Symbol = i.Symbol
	}
	if i.TickMicro > 0 {
		in.Tick = i.TickMicro
	}
	if i.DailyVol > 0 && in.Scale.N == 0 {
		in.Vol = clamp(i.DailyVol, g.c.DailyVolFloor, g.c.DailyVolCap)
		in.Scale.Sigma = in.Vol / math.Sqrt(sessionSeconds)
	}
	return nil
}

// Announce tells of a corporate action before it takes effect, so that the change of price basis is no spike.
func (g *Gate) Announce(a feed.Action) error {
	if a.RatioNum <= 0 || a.RatioDen <= 0 || a.AmountMicro < 0 {
		return fmt.Errorf("gate: action of instrument %d: ratio %d/%d must be positive and amount %d not negative", a.InstrumentID, a.RatioNum, a.RatioDen, a.AmountMicro)
	}
	in := g.instrument(a.InstrumentID)
	if in == nil {
		return fmt.Errorf("gate: action of instrument %d: ids are positive, and at most %d are kept", a.InstrumentID, g.c.MaxInstruments)
	}
	in.Actions = append(in.Actions, a)
	feed.SortActions(in.Actions)
	return nil
}

// instrument is what is remembered of an id, nil where there is no room for it or it is none.
func (g *Gate) instrument(id int64) *instrument {
	if g.last != nil && g.last.ID == id {
		return g.last
	}
	in := g.known[id]
	if in == nil {
		if id <= 0 || len(g.known) >= g.c.MaxInstruments {
			return nil
		}
		in = &instrument{ID: id, Tick: g.c.TickMicro, Vol: g.c.DailyVolPrior}
		in.Scale.Sigma = in.Vol / math.Sqrt(sessionSeconds)
		g.known[id] = in
		g.order = append(g.order, in)
	}
	g.last = in
	return in
}

// Check judges the feed's next message. Settled then holds what it decided about held quotes. A status always passes.
func (g *Gate) Check(q *feed.Quote) Verdict {
	g.settled = g.settled[:0]
	g.life.seen(q)
	if q.Kind == feed.KindStatus {
		missing := g.numbered(q)
		v := g.status(q)
		v.Missing = missing
		return v
	}
	if q.Kind < feed.KindQuote || q.Kind > feed.KindStatus || q.InstrumentID <= 0 {
		return g.refuseFeed(Malformed, float64(q.Kind))
	}
	in := g.instrument(q.InstrumentID)
	if in == nil {
		return g.refuseFeed(Unknown, float64(len(g.known)))
	}
	var v Verdict
	if g.c.Sequenced && q.Seq != 0 && !q.Has(feed.FlagSnapshot) {
		fresh := g.seq.check(q.Seq, &v)
		if v.Missing > 0 {
			g.counts[Gap]++
		}
		if v.Suspect = g.seq.suspect(); !fresh {
			return in.refuse(q, v)
		}
	}
	v.Suspect = g.seq.suspect()
	in.seen(q)
	if !in.sane(&g.c, q, &v) {
		return in.refuse(q, v)
	}
	if len(in.Actions) > 0 {
		in.act(q.TsNs)
	}
	if q.Kind == feed.KindQuote && !in.spread(&g.c, q, g.outside(), &v) {
		return in.refuse(q, v)
	}
	g.spike(in, q, &v)
	in.note(q)
	if v.Outcome == Pass {
		in.Passed++
	}
	return v
}

// numbered takes a status's number into the sequence, where it has one of its own: what a source tells is numbered like its
// quotes, what our side of the line tells bears the number of the last message. It returns how many are missing before it.
func (g *Gate) numbered(q *feed.Quote) uint64 {
	switch q.Status {
	case feed.StatusOpen, feed.StatusBreak, feed.StatusClose, feed.StatusHalt, feed.StatusResume:
	default:
		return 0
	}
	if !g.c.Sequenced || q.Seq == 0 || q.Has(feed.FlagSnapshot) {
		return 0
	}
	var v Verdict
	g.seq.check(q.Seq, &v)
	if v.Missing > 0 {
		g.counts[Gap]++
	}
	return v.Missing
}

// Settled are the held quotes that the last call decided about, in the order in which they came. The slice holds until
// the next call.
func (g *Gate) Settled() []Settled { return g.settled }

// Flush ends the stream: what is still held was never confirmed.
func (g *Gate) Flush() {
	g.settled = g.settled[:0]
	for _, in := range g.order {
		g.refuseHeld(in, Unconfirmed)
	}
}

func (in *instrument) refuse(q *feed.Quote, v Verdict) Verdict {
	v.Outcome = Refuse
	last := &in.Refusals[0]
	if q.Kind != feed.KindQuote {
		last = &in.Refusals[1]
	}
	if v.Again = q.Has(feed.FlagSnapshot) && *last == saying(q); v.Again {
		in.Again++
		return v
	}
	in.Counts[v.Reason]++
	if v.Reason != Duplicate { // of something that has its own verdict
		*last = saying(q)
	}
	return v
}

func (g *Gate) refuseFeed(r Reason, measured float64) Verdict {
	g.counts[r]++
	return Verdict{Outcome: Refuse, Reason: r, Measured: measured, Bound: float64(g.c.MaxInstruments)}
}

// outside says that regular trading is not on. A feed that never tells of its session is taken to be in it.
func (g *Gate) outside() bool {
	return g.phase == feed.StatusClose || g.phase == feed.StatusBreak
}

// status takes in what a status tells. An instrument that is not known yet becomes so.
func (g *Gate) status(q *feed.Quote) Verdict {
	v := Verdict{Outcome: Pass}
	if q.InstrumentID != 0 {
		in := g.instrument(q.InstrumentID)
		switch {
		case in == nil:
			return g.refuseFeed(Unknown, float64(len(g.known)))
		case q.Status == feed.StatusHalt:
			in.Halted = true
			g.refuseHeld(in, Unconfirmed)
		case q.Status == feed.StatusResume:
			in.Halted = false
			// It reopens after a pause of unknown length with an auction: a night's room.
			in.RefTs = min(in.RefTs, q.TsNs-int64(sessionSeconds*1e9))
		}
		return v
	}
	switch q.Status {
	case feed.StatusOpen, feed.StatusBreak, feed.StatusClose:
		g.phase = q.Status
		if q.Status == feed.StatusOpen {
			g.life.OpenNs = heard(q)
		}
	case feed.StatusGap:
		g.seq.open = true
	case feed.StatusDown:
		g.seq.open, g.life.Down = true, true
	case feed.StatusSync:
		g.seq.sync(q.Seq)
		g.life.Down = false
	}
	v.Suspect = g.seq.suspect()
	return v
}
