package core

import (
	"math/bits"
	"slices"
	"sort"

	"dnalyaw/execution/internal/order"
)

// index is what is looked up of the orders again and again. All of it follows from the orders and the session, and is
// kept up to date order by order, so that a turn of the loop costs the same however many orders there are.
type index struct {
	open     map[uint64]bool
	openOf   map[int64][]uint64  // by instrument, ascending
	sessions map[uint32][]uint64 // every order of a session, ascending
	fresh    idQueue             // not sent yet, ascending
	totals   totals              // of the current session
}

// totals are sums over the orders of the current session.
type totals struct {
	undecided int     // sent, no decision yet
	sells     int     // open, of known fate
	cashSells int     // sells that have brought cash or may
	reserved  uint128 // what buys that were sent may take from the cash
}

func newIndex() index {
	return index{open: map[uint64]bool{}, openOf: map[int64][]uint64{}, sessions: map[uint32][]uint64{}}
}

// place is one order's part in the index.
type place struct {
	open, fresh bool
	totals
}

func placeOf(o *order.Order, session uint32) place {
	p := place{open: o.Open(), fresh: o.State == order.New}
	if o.Session != session {
		return p
	}
	switch {
	case o.State == order.Submitted:
		p.undecided = 1
	}
	if o.Side == order.Sell {
		if p.open && o.State != order.Unknown {
			p.sells = 1
		}
		if p.open || o.Cum > 0 {
			p.cashSells = 1
		}
	} else if p.open && !p.fresh {
		p.reserved = cost(o.Working(), o.LimitPx)
	}
	return p
}

func (x *index) add(o *order.Order, session uint32) {
	x.sessions[o.Session] = append(x.sessions[o.Session], o.ID)
	x.move(o, place{}, placeOf(o, session))
}

// move brings the index from what an order was to what it is.
func (x *index) move(o *order.Order, from, to place) {
	if from.open != to.open {
		ids := x.openOf[o.InstrumentID]
		if to.open {
			x.open[o.ID] = true
			x.openOf[o.InstrumentID] = insert(ids, o.ID)
		} else {
			delete(x.open, o.ID)
			x.openOf[o.InstrumentID] = remove(ids, o.ID)
		}
	}
	if from.fresh != to.fresh {
		if to.fresh {
			x.fresh.add(o.ID)
		} else {
			x.fresh.remove(o.ID)
		}
	}
	t := &x.totals
	t.undecided += to.undecided - from.undecided
	t.sells += to.sells - from.sells
	t.cashSells += to.cashSells - from.cashSells
	t.reserved = t.reserved.minus(from.reserved).plus(to.reserved)
}

// drop forgets an order.
func (x *index) drop(o *order.Order, session uint32) {
	x.move(o, placeOf(o, session), place{})
	x.sessions[o.Session] = remove(x.sessions[o.Session], o.ID)
}

// rebuild makes the index of orders anew, for another session.
func (x *index) rebuild(orders map[uint64]*order.Order, session uint32) {
	*x = newIndex()
	for _, id := range sortedIDs(orders) {
		x.add(orders[id], session)
	}
}

// insert keeps the ids ascending; new ones come last.
func insert(ids []uint64, id uint64) []uint64 {
	if n := len(ids); n == 0 || ids[n-1] < id {
		return append(ids, id)
	}
	i, _ := slices.BinarySearch(ids, id)
	return slices.Insert(ids, i, id)
}

// remove takes an id out; the first goes without moving the rest, and the only one leaves its place to the next.
func remove(ids []uint64, id uint64) []uint64 {
	if len(ids) == 1 && ids[0] == id {
		return ids[:0]
	}
	if len(ids) > 0 && ids[0] == id {
		return ids[1:]
	}
	if i, ok := slices.BinarySearch(ids, id); ok {
		return slices.Delete(ids, i, i+1)
	}
	return ids
}

// idQueue is ascending ids of which mostly the first is taken out. Its room is used again once it is empty.
type idQueue struct {
	all  []uint64
	from int
}

func (q *idQueue) ids() []uint64 { return q.all[q.from:] }
func (q *idQueue) empty() bool   { return q.from == len(q.all) }

func (q *idQueue) add(id uint64) {
	if q.empty() {
		q.all, q.from = q.all[:0], 0
	}
	if q.empty() || q.all[len(q.all)-1] < id {
		q.all = append(q.all, id)
		return
	}
	i, _ := slices.BinarySearch(q.ids(), id)
	q.all = slices.Insert(q.all, q.from+i, id)
}

func (q *idQueue) remove(id uint64) {
	if ids := q.ids(); len(ids) > 0 && ids[0] == id {
		q.from++
		return
	}
	if i, ok := slices.BinarySearch(q.ids(), id); ok {
		q.all = slices.Delete(q.all, q.from+i, q.from+i+1)
	}
}

func sortedIDs[V any](m map[uint64]V) []uint64 {
	ids := make([]uint64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

// uint128 sums products of quantities and prices exactly.
type uint128 struct{ hi, lo uint64 }

func (a uint128) plus(b uint128) uint128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return uint128{hi, lo}
}

func (a uint128) minus(b uint128) uint128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return uint128{hi, lo}
}

// over says that it is more than an amount of cash.
func (a uint128) over(cash int64) bool { return a.hi > 0 || cash < 0 || a.lo > uint64(cash) }

// cost is what a buy may take from the cash: its notional at the limit and 1% for fees, rounded up. It only decides when
// an order is sent; whether the cash is enough is riskd's decision.
func cost(qty, px int64) uint128 {
	hi, lo := bits.Mul64(uint64(max(0, qty)), uint64(max(0, px)))
	fees := uint128{hi / 100, 0}
	_, rest := bits.Div64(0, hi%100, 100)
	q, r := bits.Div64(rest, lo, 100)
	fees.lo = q
	if r > 0 {
		fees = fees.plus(uint128{0, 1})
	}
	return uint128{hi, lo}.plus(fees)
}
