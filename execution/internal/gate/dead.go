package gate

import "dnalyaw/execution/internal/feed"

// life is whether the feed as a whole is heard of.
type life struct {
	SeenNs int64 `json:"seen_ns"` // receipt, or event time, of the last message; 0: none yet
	Dead   bool  `json:"dead"`
	Down   bool  `json:"down"`    // the connection is lost
	OpenNs int64 `json:"open_ns"` // when regular trading last began: a night's silence is none
}

// heard is the moment of a message on the clock that Tick is asked with.
func heard(q *feed.Quote) int64 {
	if q.RecvNs != 0 {
		return q.RecvNs
	}
	return q.TsNs
}

func (l *life) seen(q *feed.Quote) {
	if q.Kind == feed.KindStatus && (q.Status == feed.StatusDown || q.Status == feed.StatusGap) {
		return // our own side says so: the source was not heard
	}
	l.SeenNs = max(l.SeenNs, heard(q))
}

func (in *instrument) seen(q *feed.Quote) {
	now := heard(q)
	if in.SeenNs != 0 && now > in.SeenNs && now-in.SeenNs < int64(sessionSeconds*1e9) {
		in.Pause.add(now - in.SeenNs) // a night is no pause
	}
	in.SeenNs = max(in.SeenNs, now)
}

// silenceBound is how long an instrument may be silent, 0 while that is not known.
func (in *instrument) silenceBound(c *Config) int64 {
	if c.SilenceFactor == 0 || in.Pause.N < spreadWarmUp {
		return 0
	}
	return max(c.InstrumentSilenceNs, int64(min(c.SilenceFactor*in.Pause.UsualNs, 1e17)))
}

// Tick tells the gate that it is nowNs on the clock of the receipts (of the events, in a replay of a file) and returns
// what has become, or is no longer, dead. Nothing is dead outside session time. The slice holds until the next call.
// It looks at every instrument: call it about once a second.
func (g *Gate) Tick(nowNs int64) []Finding {
	g.settled, g.finding = g.settled[:0], g.finding[:0]
	inSession := !g.outside()
	silent := g.c.MaxSilenceNs > 0 && g.life.SeenNs != 0 && nowNs-g.life.SeenNs > g.c.MaxSilenceNs
	if dead := g.life.Down || inSession && silent; dead != g.life.Dead {
		g.life.Dead = dead
		g.find(0, g.life.SeenNs, nowNs, g.c.MaxSilenceNs, !dead)
	}
	for _, in := range g.order {
		bound := in.silenceBound(&g.c)
		dead := inSession && !in.Halted && bound > 0 && nowNs-max(in.SeenNs, g.life.OpenNs) > bound
		if dead != in.Dead {
			in.Dead = dead
			g.find(in.ID, in.SeenNs, nowNs, bound, !dead)
		}
	}
	return g.finding
}

func (g *Gate) find(id, since, now, bound int64, over bool) {
	if !over {
		if id == 0 {
			g.counts[Dead]++
		} else {
			g.known[id].Counts[Dead]++
		}
	}
	g.finding = append(g.finding, Finding{Reason: Dead, InstrumentID: id, SinceNs: since, NowNs: now, BoundNs: bound, Over: over})
}

// Health says whether an instrument's prices can be relied on now. The caller judges their age: LastNs.
func (g *Gate) Health(id int64) Health {
	h := Health{FeedDead: g.life.Dead || g.life.Down, Suspect: g.seq.suspect()}
	if in := g.known[id]; in != nil {
		h.Dead, h.Halted, h.Holding = in.Dead, in.Halted, in.Hold != nil
		h.LastNs, h.KnownPrice = max(in.QuoteTs, in.TradeTs), in.Ref != 0
	}
	return h
}
