package targets

import (
	"fmt"
	"math"
	"math/big"
	"sort"

	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/schedule"
)

// Unattributed owns what the venue holds and no strategy's fills explain. Nobody wants it, so a plan sells it.
const Unattributed = "_unattributed"

// DriftBand is the part of equity, as one in so many, below which a difference is left alone unless it closes.
const DriftBand = 1000

// Input is everything a plan depends on.
type Input struct {
	Session    uint32
	Equity     int64                // millionths
	Portfolios map[string]Portfolio // the latest of each strategy in this session
	Register   register.Register
	Ledger     map[string]map[int64]int64 // strategy -> instrument -> attributed shares
	Positions  map[int64]int64            // from riskd
	Working    map[int64]Working          // from open orders
	Market     map[int64]Quote
	Marks      map[int64]int64
	Reference  map[int64]reference.Instrument
	Ticks      map[string]schedule.TickTable // by venue; one without a table has the reference's tick
	Unwound    Unwound
	Blocked    map[int64]string // not planned, and why
	ReduceOnly string           // why nothing may be bought; empty = it may
	Only       map[int64]int64  // re-plan: these instruments, at most so many shares (0 = no cap); nil = all
}

// Unwound is what an operator wants to be held no more, with the reason.
type Unwound struct {
	Strategies  map[string]string
	Instruments map[int64]string
}

// Working is what open orders of one instrument may still fill.
type Working struct {
	Buy, Sell  int64
	ByStrategy map[string]int64 // signed
}

// Draft is an order without its id.
type Draft struct {
	InstrumentID int64
	Side         order.Side
	Qty          int64
	LimitPx      int64
	StopDistance int64
	Closing      bool
	Shares       map[string]int64
	Group        int64 // drafts of one group are decided as one; 0 = on its own
}

// Transfer moves attributed shares of an instrument to a strategy (negative: away from it) without an order: two
// strategies' opposite wishes met inside, or the ledger set to what the venue holds after a split.
type Transfer struct {
	StrategyID   string `json:"strategy_id"`
	InstrumentID int64  `json:"instrument_id"`
	Qty          int64  `json:"qty"`
	Px           int64  `json:"px,omitempty"` // decision price of a cross
	Why          string `json:"why"`          // "cross" or "venue position"
}

// Skip says why an instrument gets no order.
type Skip struct {
	InstrumentID int64  `json:"instrument_id"`
	Qty          int64  `json:"qty"`
	Why          string `json:"why"`
}

// Result is a plan: sells first, then groups, then buys, each by instrument.
type Result struct {
	Drafts    []Draft
	Transfers []Transfer
	Skips     []Skip
	CancelFor []int64 // instruments whose working orders point the other way and must be cancelled first
}

// Net makes one order an instrument from everything the strategies want together.
func Net(in Input) Result {
	var res Result
	for _, id := range instruments(in) {
		netOne(in, id, &res)
	}
	link(in, &res)
	sort.SliceStable(res.Drafts, func(i, j int) bool { return before(res.Drafts[i], res.Drafts[j]) })
	return res
}

// NetOne is Net for one instrument.
func NetOne(in Input, id int64) Result {
	var res Result
	netOne(in, id, &res)
	return res
}

func instruments(in Input) []int64 {
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

func netOne(in Input, id int64, res *Result) {
	skip := func(qty int64, format string, args ...any) {
		res.Skips = append(res.Skips, Skip{id, qty, fmt.Sprintf(format, args...)})
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
	held, moved := trueUp(in.Ledger, id, position)
	res.Transfers = append(res.Transfers, moved...)

	desired, ok := desire(in, id, price, ref.Lot, held)
	if !ok {
		skip(0, "no price")
		return
	}
	total := sumOf(desired)
	delta := map[string]int64{}
	for s := range union(desired, held, working.ByStrategy) {
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
	qty := abs(net)
	if !closing {
		qty = qty / ref.Lot * ref.Lot
	}
	if limit := in.Only[id]; limit > 0 {
		qty = min(qty, limit/ref.Lot*ref.Lot)
	}
	shares := cross(id, price, delta, net, res)
	switch {
	case net == 0:
		return
	case buy && in.ReduceOnly != "":
		skip(net, "%s", in.ReduceOnly)
		return
	case qty == 0:
		skip(net, "less than a lot of %d", ref.Lot)
		return
	case !closing && below(qty, price, in.Equity):
		skip(net, "inside the drift band of 0.1%% of equity")
		return
	}
	d := Draft{InstrumentID: id, Side: order.Buy, Qty: qty, Closing: closing, Shares: ApportionShares(shares, qty)}
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
		skip(net, "no price to buy at")
		return
	}
	if buy {
		d.StopDistance = widestStop(in, id, d.Shares)
	}
	res.Drafts = append(res.Drafts, d)
}

// trueUp is what each strategy holds of the instrument, made to add up to the venue's position: a split scales
// everybody alike, and what no strategy explains is Unattributed.
func trueUp(ledger map[string]map[int64]int64, id, position int64) (map[string]int64, []Transfer) {
	held := map[string]int64{}
	for s, m := range ledger {
		if q := m[id]; q != 0 {
			held[s] = q
		}
	}
	if sumOf(held) == position {
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
		now = ApportionShares(positive, position)
	case position != 0:
		now[Unattributed] = position
	}
	var moved []Transfer
	for _, s := range sortedKeys(union(held, now)) {
		if d := now[s] - held[s]; d != 0 {
			moved = append(moved, Transfer{StrategyID: s, InstrumentID: id, Qty: d, Why: "venue position"})
		}
	}
	return now, moved
}

// desire is how many shares each strategy should hold. A strategy that may trade and sent nothing this session keeps
// what it has; one that may not trade any more wants nothing. It is false when a wish has no price to be counted at.
func desire(in Input, id, price, lot int64, held map[string]int64) (map[string]int64, bool) {
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
	for _, s := range sortedKeys(in.Portfolios) {
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
	for i, n := range Apportion(money, whole.Int64()/lot*lot) {
		out[names[i]] += n
	}
	return out, true
}

// cross meets opposite wishes inside, pro rata, and returns what is left for the order, all on the net's side.
func cross(id, price int64, delta map[string]int64, net int64, res *Result) map[string]int64 {
	buys, sells := map[string]int64{}, map[string]int64{}
	for s, d := range delta {
		if d > 0 {
			buys[s] = d
		} else {
			sells[s] = -d
		}
	}
	met := min(sumOf(buys), sumOf(sells))
	gets, gives := ApportionShares(buys, met), ApportionShares(sells, met)
	for _, s := range sortedKeys(gets) {
		if gets[s] > 0 {
			res.Transfers = append(res.Transfers, Transfer{s, id, gets[s], price, "cross"})
		}
	}
	for _, s := range sortedKeys(gives) {
		if gives[s] > 0 {
			res.Transfers = append(res.Transfers, Transfer{s, id, -gives[s], price, "cross"})
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

// widestStop is the widest stop of the strategies that buy; without a stop in any of them the whole notional is at
// risk, and the order says so.
func widestStop(in Input, id int64, shares map[string]int64) int64 {
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

// TicksOf is the tick table of an instrument: its venue's, or the one tick of the reference.
func TicksOf(ref reference.Instrument, tables map[string]schedule.TickTable) schedule.TickTable {
	if t, ok := tables[ref.Venue]; ok {
		return t
	}
	return schedule.FlatTick(ref.TickMicro)
}

// below says that qty at price is worth less than the drift band.
func below(qty, price, equity int64) bool {
	v := new(big.Int).Mul(big.NewInt(qty), big.NewInt(price))
	v.Mul(v, big.NewInt(DriftBand))
	return v.Cmp(big.NewInt(equity)) < 0
}

func union(ms ...map[string]int64) map[string]int64 {
	out := map[string]int64{}
	for _, m := range ms {
		for k := range m {
			out[k] = 0
		}
	}
	return out
}

func sumOf(m map[string]int64) int64 {
	var n int64
	for _, q := range m {
		n += q
	}
	return n
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
