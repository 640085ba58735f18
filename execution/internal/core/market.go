package core

import (
	"math"
	"math/bits"

	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/session"
)

// MarketLook is what a feed beside riskd knows of an instrument. Prices are riskd's: here are sizes, halts and volume.
type MarketLook struct {
	Alive            bool  // the feed's line stands
	BidSize, AskSize int64 // shares displayed
	Sized            bool  // the sizes are a quote's that stands
	Halted           bool
	Traded           int64 // shares traded in the market since the process began: only differences mean something
	Counts           bool  // the feed tells trades with their sizes and misses none at present
}

// MarketData is a feed as the core reads it, beside the loop's own events. Look is called from the loop's goroutine and
// must not wait.
type MarketData interface {
	Look(instrument int64) MarketLook
}

// Volume is how much has traded in the market since a parent's start, as its schedule was told.
type Volume struct {
	AtNs       int64 `json:"at_ns"`
	Total      int64 `json:"total"`              // shares since the start, our own fills included
	Expected   int64 `json:"expected,omitempty"` // of those, what nobody counted: the average daily volume by the volume curve
	Slice      int   `json:"slice"`
	SliceStart int64 `json:"slice_start"` // the total when the slice began
}

// VolumeRecord says what a schedule that follows the volume is told: once when a slice begins and before each child. So
// a restart goes on from it, and the journal has the figure behind every decision.
type VolumeRecord struct {
	ParentID uint64 `json:"parent_id"`
	Volume
}

func (s *State) applyVolume(r *VolumeRecord) error {
	p := s.Parents[r.ParentID]
	if p == nil || p.Ended != "" {
		return errNotWorked(r.ParentID)
	}
	v := r.Volume
	p.Volume = &v
	return nil
}

// counter runs a parent's volume between its records.
type counter struct {
	Volume
	traded   int64 // the feed's number when it was last looked at
	looked   bool
	expected bool // the latest part is expected, not counted; told once a change
}

// market is what riskd last told of an instrument, with the feed's sizes and halts, and for a schedule that follows the
// volume with that.
func (c *Core) market(p *Parent, plan *schedule.Plan) schedule.Market {
	q := c.prices[p.InstrumentID]
	m := schedule.Market{Bid: q.Bid, Ask: q.Ask, Last: q.Last, SizeUnknown: true}
	var look MarketLook
	if c.cfg.Market != nil {
		look = c.cfg.Market.Look(p.InstrumentID)
		m.Halted = look.Halted
		if look.Sized {
			m.BidSize, m.AskSize, m.SizeUnknown = look.BidSize, look.AskSize, false
		}
	}
	if c.state.staleAt(p) > c.pricedNs[p.InstrumentID] {
		m.Bid, m.Ask, m.Last = 0, 0, 0 // no price until there is a newer one
	}
	if p.Params.Algorithm == schedule.POV {
		n := c.count(p, plan, look)
		m.Volume, m.SliceVolume = n.Total, n.Total-n.SliceStart
	}
	return m
}

// count brings a parent's volume up to now and journals it when a slice begins.
func (c *Core) count(p *Parent, plan *schedule.Plan, look MarketLook) *counter {
	n := c.counters[p.ID]
	if n == nil {
		n = &counter{Volume: Volume{AtNs: p.StartNs, Slice: -1}}
		if p.Volume != nil {
			n.Volume = *p.Volume
		}
		n.looked = c.clockNs <= n.AtNs && look.Alive
		n.traded = look.Traded
		c.counters[p.ID] = n
	}
	counted := look.Counts && n.looked
	if now := min(c.clockNs, p.EndNs); now > n.AtNs {
		add := look.Traded - n.traded
		if !counted {
			add = c.expectedVolume(p, n.AtNs, now)
			n.Expected += add
		}
		n.Total, n.AtNs = n.Total+add, now
		if counted == n.expected {
			n.expected = !counted
			c.cfg.Log.Info("volume for a schedule", "parent", p.ID, "instrument_id", p.InstrumentID, "counted", counted, "feed_up", look.Alive,
				"total", n.Total, "expected", n.Expected, jsonlog.CorrelationKey, p.Correlation)
		}
	}
	n.traded, n.looked = look.Traded, look.Alive
	if slice := plan.Slice(c.clockNs); slice != n.Slice && c.clockNs >= p.StartNs {
		n.Slice, n.SliceStart = slice, n.Total
		c.noteVolume(p)
	}
	return n
}

// noteVolume journals what a parent's schedule was told.
func (c *Core) noteVolume(p *Parent) {
	n := c.counters[p.ID]
	if n == nil || p.Volume != nil && *p.Volume == n.Volume {
		return
	}
	if err := c.record(&Record{Kind: kindVolume, Volume: &VolumeRecord{p.ID, n.Volume}}); err != nil {
		c.audit(0, err)
	}
}

// expectedVolume is the average daily volume's part between two moments, by the session's volume curve; without a curve
// it is even over trading time. It is 0 where the average is unknown.
func (c *Core) expectedVolume(p *Parent, fromNs, toNs int64) int64 {
	if c.day == nil {
		return 0
	}
	return expectedBy(c.day, p.ADV, toNs) - expectedBy(c.day, p.ADV, fromNs)
}

// expectedBy is the part of a session's volume that is expected by a moment.
func expectedBy(day *session.Session, adv, ns int64) int64 {
	const ppm = 1_000_000
	if day.Volume == nil {
		return part(adv, day.Elapsed(ns), day.DayNs())
	}
	from, cum := day.Volume.StartNs, int64(0)
	for i, end := range day.Volume.EndNs {
		if ns < end {
			whole := day.Elapsed(end) - day.Elapsed(from)
			in := day.Elapsed(max(ns, from)) - day.Elapsed(from)
			return part(adv, cum, ppm) + part(part(adv, day.Volume.CumPPM[i], ppm)-part(adv, cum, ppm), in, whole)
		}
		from, cum = end, day.Volume.CumPPM[i]
	}
	return part(adv, cum, ppm)
}

// part is n a / b, down, for 0 <= a <= b; 0 where b is 0.
func part(n, a, b int64) int64 {
	if n <= 0 || a <= 0 || b <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(n), uint64(min(a, b)))
	q, _ := bits.Div64(hi, lo, uint64(b))
	return int64(min(q, math.MaxInt64))
}
