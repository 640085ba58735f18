package schedule

import "dnalyaw/execution/internal/order"

// priced is a style's limit and the size it stands against; ok is false when the market lacks the side it needs.
type priced struct {
	style Style
	limit int64 // millionths; 0 = market order
	mark  int64 // millionths: what a share is worth now, for the least notional
	size  int64 // displayed shares on the side that is joined or taken
	ok    bool
}

// price makes the limit of a style from the market.
func (p *Plan) price(s Style, m Market) priced {
	buy := p.parent.Side == order.Buy
	near, nearSize, far, farSize := m.Bid, m.BidSize, m.Ask, m.AskSize
	if !buy {
		near, nearSize, far, farSize = far, farSize, near, nearSize
	}
	if m.Bid > maxPx || m.Ask > maxPx || m.Bid > 0 && m.Ask > 0 && m.Ask < m.Bid {
		return priced{} // no price, or crossed: no market to trade in
	}
	switch s {
	case Passive:
		if near <= 0 {
			return priced{}
		}
		return p.rests(s, near, nearSize, near)
	case Mid:
		if !m.twoSided() {
			return priced{}
		}
		mid := m.Bid + (m.Ask-m.Bid)/2
		if !buy {
			mid = m.Ask - (m.Ask-m.Bid)/2
		}
		return p.rests(s, mid, nearSize, near)
	case Marketable:
		if far <= 0 {
			return priced{}
		}
		return priced{s, p.collared(far), far, farSize, true}
	case MarketOrder:
		return priced{s, 0, 0, 0, true}
	}
	return priced{}
}

// rests rounds a resting limit to the tick, away from the far touch, but not beyond the near one.
func (p *Plan) rests(s Style, px, size, near int64) priced {
	limit := p.parent.Ticks.Down(px)
	if p.parent.Side == order.Sell {
		limit = p.parent.Ticks.Up(px)
	}
	if s == Mid && p.lessAggressive(limit, near) {
		limit = near
	}
	if limit <= 0 {
		return priced{}
	}
	return priced{s, limit, limit, size, true}
}

// collared is the far touch plus the collar, rounded to the tick towards the touch and never short of it.
func (p *Plan) collared(far int64) int64 {
	reach := mulDiv(far, p.params.CollarBp, 10_000)
	ticks := p.parent.Ticks
	if p.parent.Side == order.Buy {
		if px := ticks.Down(far + reach); px >= far {
			return px
		}
		return ticks.Up(far)
	}
	if px := ticks.Up(far - reach); px <= far {
		return px
	}
	return max(ticks.Down(far), ticks[0].Tick)
}

// lessAggressive says that limit a is further from the other side than b.
func (p *Plan) lessAggressive(a, b int64) bool {
	if p.parent.Side == order.Buy {
		return a < b
	}
	return a > b
}
