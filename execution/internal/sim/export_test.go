package sim

import (
	"fmt"
	"slices"
)

// CheckSums compares every sum that is kept up to date with a scan of all orders and positions.
func CheckSums(e *Engine) error {
	var reserved int64
	selling := map[int64]int64{}
	queues := map[int64]*[3][]*Order{}
	shorts := 0
	for slot, o := range e.st.arrival {
		if o == nil {
			continue
		}
		if o.slot != slot {
			return fmt.Errorf("order %s stands in slot %d and says %d", o.ClOrdID, slot, o.slot)
		}
		if !o.Status.Working() {
			continue
		}
		if queues[o.InstrumentID] == nil {
			queues[o.InstrumentID] = &[3][]*Order{}
		}
		q := &queues[o.InstrumentID][o.Side]
		*q = append(*q, o)
		switch {
		case o.Side == Sell:
			selling[o.InstrumentID] += o.Leaves()
		case o.ReservePx > 0:
			if cost, err := e.st.charges.cost(o, o.Leaves(), o.ReservePx); err == nil {
				reserved += cost
			}
		}
		if o.Short {
			shorts++
			if o.shortAt == 0 || e.st.shorts[o.shortAt-1] != o {
				return fmt.Errorf("short sale %s is not where it says", o.ClOrdID)
			}
		}
	}
	if reserved != e.st.reserved {
		return fmt.Errorf("reserved %d, a scan says %d", e.st.reserved, reserved)
	}
	if shorts != len(e.st.shorts) {
		return fmt.Errorf("%d short sales, a scan says %d", len(e.st.shorts), shorts)
	}
	for id, d := range e.st.desks {
		if d.selling != selling[id] {
			return fmt.Errorf("sells of %d claim %d, a scan says %d", id, d.selling, selling[id])
		}
		for _, side := range []Side{Buy, Sell} {
			var scan []*Order
			if queues[id] != nil {
				scan = queues[id][side]
			}
			// The order of the arrival, sorted as the first engine did: stable, by type and price alone.
			slices.SortStableFunc(scan, func(x, y *Order) int {
				switch {
				case x.Type != y.Type:
					return int(x.Type) - int(y.Type)
				case x.LimitPx == y.LimitPx:
					return 0
				case (x.LimitPx > y.LimitPx) == (side == Buy):
					return -1
				}
				return 1
			})
			if !slices.Equal(scan, d.queue[side]) {
				return fmt.Errorf("%s queue of %d is not what a scan says", side, id)
			}
		}
	}
	var pledged int64
	for _, p := range e.st.positions {
		if p.Qty < 0 {
			pledged = saturated(pledged, atMargin(-p.Qty, e.markOf(*p), 10_000+shortMarginBp))
		}
	}
	if got := e.pledged(); got != pledged {
		return fmt.Errorf("pledged %d, a scan says %d", got, pledged)
	}
	return nil
}

// Before is how many displayed shares stand before a resting order; -1 where that is not known.
func Before(e *Engine, clOrdID string) int64 {
	o := e.st.orders[clOrdID]
	if o == nil || !o.joined {
		return -1
	}
	return o.before
}

// Draw is what a latency draws.
func (l LogNormal) Draw(seed int64, domain, id string) int64 { return l.draw(seed, domain, id) }

// Working counts what the engine keeps.
func Kept(e *Engine) (orders, slots int) { return len(e.st.orders), len(e.st.arrival) }

// IDs is the set of ClOrdIDs.
type IDs struct{ s *idSet }

// NewIDs is an empty one.
func NewIDs() IDs { return IDs{newIDSet()} }

// Has and Add are the set's.
func (i IDs) Has(id string) bool { return i.s.has(id) }

// Add takes an id.
func (i IDs) Add(id string) { i.s.add(id) }
