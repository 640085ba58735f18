package targets

import (
	"fmt"

	"dnalyaw/execution/internal/order"
)

// netter works through the rows of a table.
type netter struct {
	in  *Input
	t   *table
	res *Result
	buf [5][]int64 // room for a row's numbers, a strategy each
}

// numbers is a row's worth of zeros; which keeps the uses apart.
func (n *netter) numbers(which int) []int64 {
	if n.buf[which] == nil {
		n.buf[which] = make([]int64, len(n.t.names))
	}
	clear(n.buf[which])
	return n.buf[which]
}

func (n *netter) skip(id, qty int64, why string) {
	n.res.Skips = append(n.res.Skips, Skip{id, qty, why})
}

// net makes a row's order, transfers and skips.
func (n *netter) net(row int) {
	in, res, id, cells := n.in, n.res, n.t.ids[row], n.t.row(row)
	if why, blocked := in.Blocked[id]; blocked {
		n.skip(id, 0, why)
		return
	}
	ref, known := in.Reference[id]
	if !known {
		n.skip(id, 0, "not in the session's reference.json")
		return
	}
	position, working, quote := in.Positions[id], in.Working[id], in.Market[id]
	price := quote.Decision()
	n.trueUp(id, cells, position)
	desired, ok := n.desire(id, cells, price, ref.Lot)
	if !ok {
		n.skip(id, 0, "no price")
		return
	}
	total, delta := int64(0), n.numbers(1)
	for i := range cells {
		total += desired[i]
		delta[i] = desired[i] - cells[i].held - cells[i].working
	}
	net := total - position - working.Buy + working.Sell
	if net > 0 && working.Sell > 0 || net < 0 && working.Buy > 0 {
		res.CancelFor = append(res.CancelFor, id)
		n.skip(id, net, "working orders point the other way and are cancelled first")
		return
	}
	buy := net > 0
	closing := total == 0 && net < 0
	qty := abs(net)
	if !closing {
		qty = qty / ref.Lot * ref.Lot
	}
	if limit := in.Only[id]; limit > 0 {
		qty = min(qty, limit/ref.Lot*ref.Lot)
	}
	left := n.cross(id, price, delta, net)
	switch {
	case net == 0:
		return
	case buy && in.ReduceOnly != "":
		n.skip(id, net, in.ReduceOnly)
		return
	case qty == 0:
		n.skip(id, net, fmt.Sprintf("less than a lot of %d", ref.Lot))
		return
	case !closing && below(qty, price, in.Equity):
		n.skip(id, net, whyDrift)
		return
	}
	d := Draft{InstrumentID: id, Side: order.Buy, Qty: qty, Closing: closing}
	if !buy {
		d.Side = order.Sell
	}
	touch := quote.Touch(buy)
	if touch == 0 {
		touch = in.Marks[id]
	}
	if touch > 0 {
		d.LimitPx = MarketableLimit(touch, TicksOf(ref, in.Ticks), buy)
	} else if buy {
		n.skip(id, net, "no price to buy at")
		return
	}
	d.Shares = n.shares(left, qty)
	if buy {
		d.StopDistance = n.widestStop(cells, d.Shares)
	}
	res.Drafts = append(res.Drafts, d)
}

const whyDrift = "inside the drift band of 0.1% of equity"

// trueUp makes what each strategy holds of the instrument add up to the venue's position: a split scales everybody alike,
// and what no strategy explains is Unattributed.
func (n *netter) trueUp(id int64, cells []cell, position int64) {
	var sum, positive int64
	for i := range cells {
		sum += cells[i].held
		positive += max(0, cells[i].held)
	}
	if sum == position {
		return
	}
	now := n.numbers(0)
	switch {
	case position > 0 && positive > 0:
		weights := n.numbers(1)
		for i := range cells {
			weights[i] = max(0, cells[i].held)
		}
		apportion(weights, position, now)
	case position != 0:
		now[n.t.unattributed] = position
	}
	for i := range cells {
		if d := now[i] - cells[i].held; d != 0 {
			n.res.Transfers = append(n.res.Transfers, Transfer{StrategyID: n.t.names[i], InstrumentID: id, Qty: d, Why: "venue position"})
		}
		cells[i].held = now[i]
	}
}

// desire is how many shares each strategy should hold. A strategy that may trade and sent nothing this session keeps
// what it has; one that may not trade any more wants nothing. It is false when a wish has no price to be counted at.
func (n *netter) desire(id int64, cells []cell, price, lot int64) ([]int64, bool) {
	out := n.numbers(0)
	if _, gone := n.in.Unwound.Instruments[id]; gone {
		return out, true
	}
	var total uint128
	wishes, last := 0, 0
	for i := range cells {
		s := &n.t.facts[i]
		switch {
		case s.keeps:
			out[i] = cells[i].held
		case s.wants && cells[i].weight > 0:
			wishes, last = wishes+1, i
			var over bool
			if total, over = total.plus(s.money(cells[i].weight)); over {
				return nil, false
			}
		}
	}
	if total.zero() {
		return out, true
	}
	if price <= 0 {
		return nil, false
	}
	// Weights are in millionths, capital in billionths: 1e15 together. Dividing twice rounds down as dividing once does.
	whole, fits := total.over(1_000_000_000_000_000).over(uint64(price)).int64()
	if !fits || whole > maxWish {
		return nil, false
	}
	whole = whole / lot * lot
	if wishes == 1 {
		out[last] += whole
		return out, true
	}
	n.share(cells, whole, out)
	return out, true
}

// cross meets opposite wishes inside, pro rata, and returns what is left for the order, all on the net's side.
func (n *netter) cross(id, price int64, delta []int64, net int64) []int64 {
	buys, sells := n.numbers(2), n.numbers(3)
	var bought, sold int64
	for i, d := range delta {
		if d > 0 {
			buys[i] = d
			bought += d
		} else {
			sells[i] = -d
			sold -= d
		}
	}
	side := buys
	if net < 0 {
		side = sells
	}
	met := min(bought, sold)
	if met == 0 {
		return side
	}
	gets, gives := n.numbers(0), n.numbers(4)
	apportion(buys, met, gets)
	apportion(sells, met, gives)
	for i, q := range gets {
		if q > 0 {
			n.res.Transfers = append(n.res.Transfers, Transfer{n.t.names[i], id, q, price, "cross"})
		}
	}
	for i, q := range gives {
		if q > 0 {
			n.res.Transfers = append(n.res.Transfers, Transfer{n.t.names[i], id, -q, price, "cross"})
		}
	}
	done := gets
	if net < 0 {
		done = gives
	}
	for i := range side {
		side[i] -= done[i]
	}
	return side
}

// shares splits an order by what is left for it.
func (n *netter) shares(left []int64, qty int64) map[string]int64 {
	only, several := -1, false
	for i, q := range left {
		if q > 0 {
			several = several || only >= 0
			only = i
		}
	}
	if !several && only >= 0 {
		return map[string]int64{n.t.names[only]: qty}
	}
	parts := n.numbers(0)
	apportion(left, qty, parts)
	out := make(map[string]int64, len(left))
	for i, q := range left {
		if q > 0 {
			out[n.t.names[i]] = parts[i]
		}
	}
	return out
}

// widestStop is the widest stop of the strategies that buy; without a stop in any of them the whole notional is at
// risk, and the order says so.
func (n *netter) widestStop(cells []cell, shares map[string]int64) int64 {
	var widest int64
	for i := range cells {
		if shares[n.t.names[i]] == 0 {
			continue
		}
		if cells[i].stop == 0 {
			return 0
		}
		widest = max(widest, cells[i].stop)
	}
	return widest
}

// below says that qty at price is worth less than the drift band.
func below(qty, price, equity int64) bool {
	v := product(uint64(qty), uint64(price))
	v, over := v.times(DriftBand)
	return !over && equity > 0 && v.less(uint128{0, uint64(equity)})
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
