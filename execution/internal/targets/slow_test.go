package targets_test

import (
	"fmt"
	"math"
	"math/big"
	"sort"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

// slowNet makes one order an instrument from everything the strategies want together.
func slowNet(in targets.Input) targets.Result {
	var res targets.Result
	for _, id := range slowInstruments(in) {
		slowNetOne(in, id, &res)
	}
	sort.SliceStable(res.Drafts, func(i, j int) bool { return res.Drafts[i].Side > res.Drafts[j].Side }) // sells first
	return res
}

func slowInstruments(in targets.Input) []int64 {
	set := map[int64]bool{}
	for _, p := range in.Portfolios {
		for _, t := range p.Targets {
			set[t.InstrumentID] = true
		}
	}
	for id, q := range in.Positions {
		if q != 0 {
			set[id] = true
		}
	}
	for id := range in.Working {
		set[id] = true
	}
	for _, held := range in.Ledger {
		for id, q := range held {
			if q != 0 {
				set[id] = true
			}
		}
	}
	ids := make([]int64, 0, len(set))
	for id := range set {
		if in.Only != nil {
			if _, ok := in.Only[id]; !ok {
				continue
			}
		}
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

func slowNetOne(in targets.Input, id int64, res *targets.Result) {
	skip := func(qty int64, format string, args ...any) {
		res.Skips = append(res.Skips, targets.Skip{InstrumentID: id, Qty: qty, Why: fmt.Sprintf(format, args...)})
	}
	position, working, quote := in.Positions[id], in.Working[id], in.Market[id]
	price := quote.Decision()
	if why, blocked := in.Blocked[id]; blocked {
		skip(0, "%s", why)
		return
	}
	ref, known := in.Reference[id]
	if !known {
		skip(0, "not in the session's reference.json")
		return
	}
	held, moved := slowTrueUp(in.Ledger, id, position)
	res.Transfers = append(res.Transfers, moved...)

	desired, ok := slowDesire(in, id, price, ref.Lot, held)
	if !ok {
		skip(0, "no price")
		return
	}
	total := slowSumOf(desired)
	delta := map[string]int64{}
	for s := range slowUnion(desired, held, working.ByStrategy) {
		if d := desired[s] - held[s] - working.ByStrategy[s]; d != 0 {
			delta[s] = d
		}
	}
	net := total - position - working.Buy + working.Sell
	if net > 0 && working.Sell > 0 || net < 0 && working.Buy > 0 {
		res.CancelFor = append(res.CancelFor, id)
		skip(net, "working orders point the other way and are cancelled first")
		return
	}
	buy := net > 0
	closing := total == 0 && net < 0
	qty := slowAbs(net)
	if !closing {
		qty = qty / ref.Lot * ref.Lot
	}
	if limit := in.Only[id]; limit > 0 {
		qty = min(qty, limit/ref.Lot*ref.Lot)
	}
	shares := slowCross(id, price, delta, net, res)
	switch {
	case net == 0:
		return
	case buy && in.ReduceOnly != "":
		skip(net, "%s", in.ReduceOnly)
		return
	case qty == 0:
		skip(net, "less than a lot of %d", ref.Lot)
		return
	case !closing && slowBelow(qty, price, in.Equity):
		skip(net, "inside the drift band of 0.1%% of equity")
		return
	}
	d := targets.Draft{InstrumentID: id, Side: order.Buy, Qty: qty, Closing: closing, Shares: slowApportionShares(shares, qty)}
	if !buy {
		d.Side = order.Sell
	}
	touch := quote.Touch(buy)
	if touch == 0 {
		touch = in.Marks[id]
	}
	if touch > 0 {
		d.LimitPx = targets.MarketableLimit(touch, targets.TicksOf(ref, in.Ticks), buy)
	} else if buy {
		skip(net, "no price to buy at")
		return
	}
	if buy {
		d.StopDistance = slowWidestStop(in, id, d.Shares)
	}
	res.Drafts = append(res.Drafts, d)
}

// slowTrueUp is what each strategy holds of the instrument, made to add up to the venue's position: a split scales
// everybody alike, and what no strategy explains is Unattributed.
func slowTrueUp(ledger map[string]map[int64]int64, id, position int64) (map[string]int64, []targets.Transfer) {
	held := map[string]int64{}
	for s, m := range ledger {
		if q := m[id]; q != 0 {
			held[s] = q
		}
	}
	if slowSumOf(held) == position {
		return held, nil
	}
	now := map[string]int64{}
	positive := map[string]int64{}
	for s, q := range held {
		if q > 0 {
			positive[s] = q
		}
	}
	switch {
	case position > 0 && len(positive) > 0:
		now = slowApportionShares(positive, position)
	case position != 0:
		now[targets.Unattributed] = position
	}
	var moved []targets.Transfer
	for _, s := range slowSortedKeys(slowUnion(held, now)) {
		if d := now[s] - held[s]; d != 0 {
			moved = append(moved, targets.Transfer{StrategyID: s, InstrumentID: id, Qty: d, Why: "venue position"})
		}
	}
	return now, moved
}

// slowDesire is how many shares each strategy should hold. A strategy that may trade and sent nothing this session keeps
// what it has; one that may not trade any more wants nothing. It is false when a wish has no price to be counted at.
func slowDesire(in targets.Input, id, price, lot int64, held map[string]int64) (map[string]int64, bool) {
	out := map[string]int64{}
	if _, gone := in.Unwound.Instruments[id]; gone {
		return out, true
	}
	for s, q := range held {
		if _, gone := in.Unwound.Strategies[s]; gone {
			continue
		}
		if _, sent := in.Portfolios[s]; !sent && in.Register[s].MayTrade() {
			out[s] = q
		}
	}
	var names []string
	var money []*big.Int
	total := new(big.Int)
	for _, s := range slowSortedKeys(in.Portfolios) {
		_, gone := in.Unwound.Strategies[s]
		e := in.Register[s]
		if gone || !e.MayTrade() {
			continue
		}
		for _, t := range in.Portfolios[s].Targets {
			if t.InstrumentID != id {
				continue
			}
			m := big.NewInt(int64(math.Round(t.Weight * 1e6)))
			m.Mul(m, big.NewInt(int64(math.Round(e.CapitalFraction*1e9))))
			m.Mul(m, big.NewInt(max(0, in.Equity)))
			names, money = append(names, s), append(money, m)
			total.Add(total, m)
		}
	}
	if total.Sign() == 0 {
		return out, true
	}
	if price <= 0 {
		return nil, false
	}
	unit := new(big.Int).Mul(big.NewInt(price), big.NewInt(1_000_000_000_000_000))
	whole := new(big.Int).Quo(total, unit)
	if !whole.IsInt64() || whole.Int64() > math.MaxInt64/4 {
		return nil, false
	}
	for i, n := range slowApportion(money, whole.Int64()/lot*lot) {
		out[names[i]] += n
	}
	return out, true
}

// slowCross meets opposite wishes inside, pro rata, and returns what is left for the order, all on the net's side.
func slowCross(id, price int64, delta map[string]int64, net int64, res *targets.Result) map[string]int64 {
	buys, sells := map[string]int64{}, map[string]int64{}
	for s, d := range delta {
		if d > 0 {
			buys[s] = d
		} else {
			sells[s] = -d
		}
	}
	met := min(slowSumOf(buys), slowSumOf(sells))
	gets, gives := slowApportionShares(buys, met), slowApportionShares(sells, met)
	for _, s := range slowSortedKeys(gets) {
		if gets[s] > 0 {
			res.Transfers = append(res.Transfers, targets.Transfer{StrategyID: s, InstrumentID: id, Qty: gets[s], Px: price, Why: "cross"})
		}
	}
	for _, s := range slowSortedKeys(gives) {
		if gives[s] > 0 {
			res.Transfers = append(res.Transfers, targets.Transfer{StrategyID: s, InstrumentID: id, Qty: -gives[s], Px: price, Why: "cross"})
		}
	}
	left := map[string]int64{}
	side, done := buys, gets
	if net < 0 {
		side, done = sells, gives
	}
	for s, q := range side {
		if q > done[s] {
			left[s] = q - done[s]
		}
	}
	return left
}

// slowWidestStop is the widest stop of the strategies that buy; without a stop in any of them the whole notional is at
// risk, and the order says so.
func slowWidestStop(in targets.Input, id int64, shares map[string]int64) int64 {
	var widest int64
	for s, q := range shares {
		if q == 0 {
			continue
		}
		var stop int64
		for _, t := range in.Portfolios[s].Targets {
			if t.InstrumentID == id {
				stop = int64(math.Round(t.StopDistance * 1e6))
			}
		}
		if stop == 0 {
			return 0
		}
		widest = max(widest, stop)
	}
	return widest
}

// slowBelow says that qty at price is worth less than the drift band.
func slowBelow(qty, price, equity int64) bool {
	v := new(big.Int).Mul(big.NewInt(qty), big.NewInt(price))
	v.Mul(v, big.NewInt(targets.DriftBand))
	return v.Cmp(big.NewInt(equity)) < 0
}

func slowUnion(ms ...map[string]int64) map[string]int64 {
	out := map[string]int64{}
	for _, m := range ms {
		for k := range m {
			out[k] = 0
		}
	}
	return out
}

func slowSumOf(m map[string]int64) int64 {
	var n int64
	for _, q := range m {
		n += q
	}
	return n
}

func slowAbs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// slowApportion splits total into whole parts proportional to the weights (Hamilton's method: floors first, then one each
// to the largest remainders). The parts sum to total exactly. Ties go to the earlier index. Weights are not negative;
// when all are zero, every part is zero.
func slowApportion(weights []*big.Int, total int64) []int64 {
	out := make([]int64, len(weights))
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	if sum.Sign() == 0 || total == 0 {
		return out
	}
	type rest struct {
		i int
		r *big.Int
	}
	rests := make([]rest, len(weights))
	left := total
	t := big.NewInt(total)
	for i, w := range weights {
		q, r := new(big.Int).QuoRem(new(big.Int).Mul(w, t), sum, new(big.Int))
		out[i] = q.Int64()
		left -= out[i]
		rests[i] = rest{i, r}
	}
	sort.SliceStable(rests, func(a, b int) bool { return rests[a].r.Cmp(rests[b].r) > 0 })
	for k := int64(0); k < left; k++ {
		out[rests[k].i]++
	}
	return out
}

// slowApportionShares splits total by a map of whole parts, in the order of the keys.
func slowApportionShares(parts map[string]int64, total int64) map[string]int64 {
	keys := slowSortedKeys(parts)
	weights := make([]*big.Int, len(keys))
	for i, k := range keys {
		weights[i] = big.NewInt(max(0, parts[k]))
	}
	out := make(map[string]int64, len(keys))
	for i, n := range slowApportion(weights, total) {
		out[keys[i]] = n
	}
	return out
}

func slowSortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
