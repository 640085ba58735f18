package gate

import (
	"math"

	"dnalyaw/execution/internal/feed"
)

// holdRoom is how many quotes of one instrument are held at most; the oldest makes room.
const holdRoom = 256

// hold is a possible move: quotes that lie too far from the reference, until what follows decides.
type hold struct {
	Entries  []Settled `json:"entries"` // as they came; room for holdRoom
	Level    int64     `json:"level"`   // the new price, as last seen
	SinceTs  int64     `json:"since_ts"`
	TradeTs  int64     `json:"trade_ts"` // the last trade at the level
	Quotes   int       `json:"quotes"`   // observations at the level, by kind
	Trades   int       `json:"trades"`
	Auctions int       `json:"auctions"`
}

// at counts an observation at the level.
func (h *hold) at(q *feed.Quote, near int64) {
	h.Level = near
	switch q.Kind {
	case feed.KindAuction:
		h.Auctions++
	case feed.KindTrade:
		// Fills of one order at one moment are one observation.
		if h.Trades == 0 || q.TsNs > h.TradeTs {
			h.Trades++
			h.TradeTs = q.TsNs
		}
	default:
		if q.TwoSided() {
			h.Quotes++ // a side alone proves no level
		}
	}
}

// moveTo begins the count anew at another level.
func (h *hold) moveTo(q *feed.Quote, near int64) {
	h.Quotes, h.Trades, h.Auctions, h.SinceTs, h.TradeTs = 0, 0, 0, q.TsNs, 0
	h.at(q, near)
}

// confirmed says what makes the level the price, NotSettled while nothing does.
func (h *hold) confirmed(c *Config, ts int64) Release {
	lasted := ts - h.SinceTs
	switch {
	case h.Auctions >= 2, h.Auctions == 1 && h.Quotes+h.Trades >= 2:
		return ByAuction
	case h.Trades >= c.ConfirmTrades && h.Quotes+h.Trades >= 3 && lasted >= c.ConfirmTradeNs:
		return ByTrades
	case h.Quotes+h.Trades >= c.ConfirmQuotes && h.Trades > 0 && lasted >= c.ConfirmNs:
		return ByTrades
	case h.Quotes >= c.ConfirmQuotes && lasted >= c.ConfirmNs:
		return ByQuotes
	}
	return NotSettled
}

// agrees says whether a price r away from the reference stands for the level: within the usual bound of it, or on the
// same side between half as far and twice as far, because what falls that far does not stand still.
func (h *hold) agrees(ref int64, r float64, near int64, bound float64) bool {
	if math.Abs(math.Log(float64(near)/float64(h.Level))) <= bound {
		return true
	}
	share := r / math.Log(float64(h.Level)/float64(ref))
	return share >= 0.5 && share <= 2
}

// onTheWay says whether a held price fits a move from the reference that ended r away.
func onTheWay(held, r float64) bool {
	share := held / r
	return share > 0 && share <= 2
}

// push holds a quote.
func (g *Gate) push(in *instrument, q *feed.Quote, v Verdict) {
	h := in.Hold
	if len(h.Entries) == holdRoom {
		out := h.Entries[0]
		copy(h.Entries, h.Entries[1:])
		h.Entries = h.Entries[:holdRoom-1]
		g.settle(in, out, Refuse, Crowded)
	}
	h.Entries = append(h.Entries, Settled{Quote: *q, Verdict: v})
	in.Held++
}

// release lets go what fits the move that is confirmed r away from the reference, and refuses the rest.
func (g *Gate) release(in *instrument, r float64, by Release) {
	for _, e := range in.Hold.Entries {
		held, _, _ := away(&e.Quote, in.Ref)
		if onTheWay(held, r) {
			g.settle(in, e, Pass, by)
		} else {
			g.settle(in, e, Refuse, Contradicted)
		}
	}
	g.drop(in)
}

// refuseHeld refuses all that is held.
func (g *Gate) refuseHeld(in *instrument, why Release) {
	if in.Hold == nil {
		return
	}
	for _, e := range in.Hold.Entries {
		g.settle(in, e, Refuse, why)
	}
	g.market.forget(in.ID)
	g.drop(in)
}

func (g *Gate) settle(in *instrument, e Settled, o Outcome, by Release) {
	e.Verdict.Release = by
	if o == Pass {
		e.Verdict.Outcome = Pass
		in.Passed++
		e.Quote.Flags |= feed.FlagReleased
	} else {
		e.Verdict = in.refuse(&e.Quote, e.Verdict)
	}
	g.settled = append(g.settled, e)
}

// drop gives the hold's room back.
func (g *Gate) drop(in *instrument) {
	in.Hold.Entries = in.Hold.Entries[:0]
	g.free = append(g.free, in.Hold)
	in.Hold = nil
}

// take is an empty hold: the room of an earlier one where there is one, so that a feed's usual holds cost no memory.
func (g *Gate) take() *hold {
	n := len(g.free)
	if n == 0 {
		return &hold{Entries: make([]Settled, 0, holdRoom)}
	}
	h := g.free[n-1]
	g.free = g.free[:n-1]
	*h = hold{Entries: h.Entries}
	return h
}
