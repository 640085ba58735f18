package sim

import (
	"fmt"
	"math"
)

// ImpactModel is what the client's own trading costs beside the spread and does to the market (Almgren and Chriss, Optimal
// execution of portfolio transactions, 2000), with the square root of Almgren, Thum, Hauptmann and Li (Direct estimation of
// equity market impact, 2005) for the temporary part:
//
//	temporary, of q shares at once beyond what is displayed:  Temporary * volatility * sqrt(q / adv)  of the price
//	permanent, of q shares taken:                             Permanent * volatility * q / adv         of the price
//
// The price is that of the session's opening indication, so that the permanent part is linear in what was taken: no other
// permanent impact is free of round trips that earn (Huberman and Stanzl, Price manipulation and quasi-arbitrage, 2004), and
// with an exponential decay none other either (Gatheral, No-dynamic-arbitrage and market impact, 2010). A taker of q shares
// pays half of what they move, as if it had bought its way along the line.
type ImpactModel struct {
	Temporary  float64 `json:"temporary"`
	Permanent  float64 `json:"permanent"`
	HalfLifeNs int64   `json:"half_life_ns"` // in which half of the permanent part has gone again; 0 = it stays
	DepthBp    int64   `json:"depth_bp"`     // of adv: what one row lets through beyond what it displays; 0 = 100
}

const defaultDepthBp = 100

func (m *ImpactModel) validate() error {
	switch {
	case m == nil:
	case !(m.Temporary >= 0 && m.Temporary <= 100) || !(m.Permanent >= 0 && m.Permanent <= 100):
		return fmt.Errorf("model.impact: temporary %v, permanent %v: give 0 to 100", m.Temporary, m.Permanent)
	case m.HalfLifeNs < 0:
		return fmt.Errorf("model.impact.half_life_ns is %d: give nanoseconds, or 0 for none", m.HalfLifeNs)
	case m.DepthBp < 0 || m.DepthBp > 10_000:
		return fmt.Errorf("model.impact.depth_bp is %d: give 0 to 10000", m.DepthBp)
	}
	return nil
}

// impact is the client's mark on one instrument. Without a model, or without adv or volatility, it is all zero.
//
// moved is what the client has taken on balance, in shares, faded to the moment of the last row; it changes with rows and with
// fills alone, so that nothing trades merely because time passes. Prices are on the grid of ticks: what is paid is rounded to
// the nearest tick where the spread is a tick or more, whose half then covers the rounding, and away from the client otherwise
// and for everything beyond what is displayed. So every share costs at least the recorded middle plus its exact impact.
type impact struct {
	on        bool
	tick      int64
	temporary float64 // millionths for the root of a share
	permanent float64 // millionths a share
	halfLife  float64 // nanoseconds
	depth     int64   // shares
	furthest  float64 // shares: moved goes no further, a quarter of the price
	moved     float64
	movedNs   int64
	beyond    [3]int64 // by the taker's side: what was taken beyond the displayed size since the last row
	askShift  int64    // what the client's trading adds to the recorded quote
	bidShift  int64
}

func newImpact(m *ImpactModel, t Traits, px int64) impact {
	if m == nil || t.ADV <= 0 || t.VolatilityBp <= 0 || px <= 0 {
		return impact{}
	}
	sigma := float64(t.VolatilityBp) / 10_000 * float64(px)
	depthBp := m.DepthBp
	if depthBp == 0 {
		depthBp = defaultDepthBp
	}
	i := impact{
		on: true, tick: max(t.TickMicro, 1), halfLife: float64(m.HalfLifeNs),
		temporary: m.Temporary * sigma / math.Sqrt(float64(t.ADV)),
		permanent: m.Permanent * sigma / float64(t.ADV),
		depth:     max(int64(float64(t.ADV)*float64(depthBp)/10_000), 1),
		furthest:  math.MaxInt64,
	}
	if i.permanent > 0 {
		i.furthest = float64(px) / 4 / i.permanent
	}
	return i
}

// fade lets what was moved decay up to a row's moment. The row's prices hold what is left.
func (b *book) fade(tsNs int64) {
	i := &b.impact
	if !i.on {
		return
	}
	i.beyond = [3]int64{}
	if i.halfLife > 0 && i.moved != 0 && tsNs > i.movedNs {
		i.moved *= math.Exp2(-float64(tsNs-i.movedNs) / i.halfLife)
	}
	i.movedNs = tsNs
	b.shift()
}

// shift puts what was moved on the published quote.
func (b *book) shift() {
	if b.moved == 0 {
		b.askShift, b.bidShift = 0, 0
		return
	}
	exact := b.permanent * b.moved
	b.askShift, b.bidShift = b.onTick(exact, Buy), b.onTick(exact, Sell)
}

// onTick rounds an offset from the recorded touch to ticks, for a taker on side.
func (b *book) onTick(offset float64, side Side) int64 {
	ticks := offset / float64(b.tick)
	switch {
	case b.outward() && side == Buy:
		ticks = math.Ceil(ticks)
	case b.outward():
		ticks = math.Floor(ticks)
	case side == Buy:
		ticks = math.Floor(ticks + 0.5) // half a tick goes against the taker
	default:
		ticks = math.Ceil(ticks - 0.5)
	}
	return int64(ticks) * b.tick
}

// outward says that no spread covers a rounding to the nearest tick.
func (b *book) outward() bool {
	return b.quote.Bid == 0 || b.quote.Ask == 0 || b.quote.Ask-b.quote.Bid < b.tick
}

// takerPx is what qty shares cost each when they are taken at once: from the displayed size, or beyond it.
func (b *book) takerPx(side Side, qty int64, beyond bool) int64 {
	base, sign := b.quote.Ask, 1.0
	if side == Sell {
		base, sign = b.quote.Bid, -1.0
	}
	own := float64(b.permanent * float64(qty) / 2)
	if !beyond {
		return base + b.onTick(float64(b.permanent*b.moved)+float64(sign*own), side)
	}
	// The temporary part of what was taken beyond since the last row is paid already.
	from, to := float64(b.beyond[side]), float64(b.beyond[side]+qty)
	own += b.temporary * (float64(to*math.Sqrt(to)) - float64(from*math.Sqrt(from))) / float64(qty)
	ticks := (float64(b.permanent*b.moved) + float64(sign*own)) / float64(b.tick)
	if side == Buy {
		return base + int64(math.Ceil(ticks))*b.tick
	}
	return base + int64(math.Floor(ticks))*b.tick
}

// offer is what a taker gets in one fill, at most its leaves: first from the displayed size at the touch, then, with a model
// of impact, beyond it at a worse price. qty is 0 when there is nothing for it. A print displays no size: all is beyond it, without
// a limit of depth.
func (b *book) offer(o *Order) (px, qty int64, beyond bool) {
	px, left := b.touch(o.Side)
	if px == 0 || !o.reaches(px) {
		return 0, 0, false
	}
	want := o.Leaves()
	if !b.on {
		if left != unlimited {
			want = min(want, left)
		}
		return px, want, false
	}
	switch beyond = left <= 0; {
	case !beyond:
		want = min(want, left)
	case left == 0 && b.displayed(o.Side) == 0:
		return 0, 0, false // a row that displays nothing lets nothing through
	case left == 0:
		want = min(want, b.depth-b.beyond[o.Side])
	}
	want = min(want, b.room(o.Side))
	px, qty = b.within(o, want, beyond)
	return px, qty, beyond
}

// displayed is the size that the row showed to a taker on side.
func (b *book) displayed(side Side) int64 {
	if side == Buy {
		return b.quote.AskSize
	}
	return b.quote.BidSize
}

// room is how much more a taker may move.
func (b *book) room(side Side) int64 {
	room := b.furthest - b.moved
	if side == Sell {
		room = b.furthest + b.moved
	}
	return int64(min(max(room, 0), maxQty))
}

// within is the largest part of want whose price the order's limit accepts, and that price.
func (b *book) within(o *Order, want int64, beyond bool) (px, qty int64) {
	good := func(n int64) bool {
		px = b.takerPx(o.Side, n, beyond)
		return px > 0 && o.reaches(px)
	}
	if want <= 0 || good(want) {
		return px, max(want, 0)
	}
	lo, hi := int64(0), want // lo is good, hi is not
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; good(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0, 0
	}
	return b.takerPx(o.Side, lo, beyond), lo
}

// taken books a taker's fill.
func (b *book) taken(o *Order, qty int64) {
	if !b.on {
		b.take(o.Side, qty)
		return
	}
	if b.left[o.Side] > 0 {
		b.take(o.Side, qty)
	} else {
		b.beyond[o.Side] += qty
	}
	if o.Side == Buy {
		b.moved += float64(qty)
	} else {
		b.moved -= float64(qty)
	}
	b.shift()
}
