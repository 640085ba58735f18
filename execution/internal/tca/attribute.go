package tca

import (
	"maps"
	"math/bits"
	"slices"
)

// strategyRows splits a parent's row by the strategies' shares of its quantity.
func strategyRows(p Parent, row ParentRow) []StrategyRow {
	names := slices.Sorted(maps.Keys(p.Shares))
	shares := make([]int64, len(names))
	for i, s := range names {
		shares[i] = p.Shares[s]
	}
	out := make([]StrategyRow, len(names))
	split := func(total int64, into func(*StrategyRow) *int64) {
		for i, part := range apportion(shares, total) {
			*into(&out[i]) = part
		}
	}
	splitRef := func(total *int64, into func(*StrategyRow) **int64) {
		if total == nil {
			return
		}
		for i, part := range apportion(shares, *total) {
			*into(&out[i]) = &part
		}
	}
	for i, s := range names {
		out[i] = StrategyRow{
			Kind: "strategy", Schema: SchemaVersion, ParentID: p.ID, Scheduled: p.Scheduled, Session: p.Session, Strategy: s, InstrumentID: p.InstrumentID, Currency: p.Currency,
			Side: row.Side, Qty: shares[i], Missing: row.Missing,
		}
	}
	split(row.Filled, func(r *StrategyRow) *int64 { return &r.Filled })
	split(row.TradedMicro, func(r *StrategyRow) *int64 { return &r.TradedMicro })
	split(row.Timing, func(r *StrategyRow) *int64 { return &r.Timing })
	split(row.Impact, func(r *StrategyRow) *int64 { return &r.Impact })
	split(row.Spread, func(r *StrategyRow) *int64 { return &r.Spread })
	split(row.Unsplit, func(r *StrategyRow) *int64 { return &r.Unsplit })
	split(row.Fees, func(r *StrategyRow) *int64 { return &r.Fees })
	splitRef(row.Delay, func(r *StrategyRow) **int64 { return &r.Delay })
	splitRef(row.Opportunity, func(r *StrategyRow) **int64 { return &r.Opportunity })
	splitRef(row.Shortfall, func(r *StrategyRow) **int64 { return &r.Shortfall })
	splitRef(row.NotionalMicro, func(r *StrategyRow) **int64 { return &r.NotionalMicro })
	for i := range out {
		r := &out[i]
		if r.Shortfall != nil {
			var n narrowing // parts are never larger than the parent's, which fit
			r.Residual = n.ref(n.residual(*r.Shortfall, r.Delay, r.Opportunity, r.Execution))
			r.ShortfallBp = basisPoints(r.Shortfall, r.NotionalMicro)
		}
	}
	return out
}

// apportion splits a signed total by positive weights with the largest remainder, ties to the earlier (Hamilton's
// method, the rule by which fills are attributed, targets.Apportion): the parts sum to it.
func apportion(weights []int64, total int64) []int64 {
	whole := int64(0)
	for _, w := range weights {
		whole += w
	}
	out, rest := make([]int64, len(weights)), make([]uint64, len(weights))
	left := magnitude(total)
	for i, w := range weights {
		hi, lo := bits.Mul64(magnitude(total), uint64(w))
		q, r := bits.Div64(hi, lo, uint64(whole)) // a weight is at most the whole, so the quotient is at most the total
		out[i], rest[i] = int64(q), r
		left -= q
	}
	for ; left > 0; left-- { // fewer are left than there are parts
		most := 0
		for i := range rest {
			if rest[i] > rest[most] {
				most = i
			}
		}
		out[most]++
		rest[most] = 0
	}
	if total < 0 {
		for i := range out {
			out[i] = -out[i]
		}
	}
	return out
}
