package targets

import (
	"math"
	"slices"
	"sort"
)

// table is what a plan is made on: a row an instrument, ascending, and in each a cell a strategy, ascending. A plan of
// thousands of names looks every map up once a name, and counts in slices from there on.
type table struct {
	names        []string // strategies
	facts        []fact   // of them
	unattributed int      // its place in names
	ids          []int64  // instruments
	cells        []cell   // len(names) a row
}

// cell is what a strategy has and wants of an instrument.
type cell struct {
	held    int64 // attributed shares
	working int64 // what open orders may still fill for it, signed
	weight  int64 // of its capital, millionths
	stop    int64 // millionths a share; 0 = none
}

// fact is what holds for a strategy in the whole plan.
type fact struct {
	keeps bool // it sent nothing and may trade: it wants what it has
	wants bool // its targets count
	money func(weight int64) uint128
}

func (t *table) row(i int) []cell { return t.cells[i*len(t.names) : (i+1)*len(t.names)] }

// strategies lists everybody who holds, works or wants something.
func strategies(in *Input, working func(yield func(string))) *table {
	set := map[string]bool{Unattributed: true}
	for s := range in.Portfolios {
		set[s] = true
	}
	for s := range in.Ledger {
		set[s] = true
	}
	working(func(s string) { set[s] = true })
	t := &table{names: sortedKeys(set)}
	t.unattributed = sort.SearchStrings(t.names, Unattributed)
	t.facts = make([]fact, len(t.names))
	for i, s := range t.names {
		_, sent := in.Portfolios[s]
		_, gone := in.Unwound.Strategies[s]
		e := in.Register[s]
		t.facts[i] = fact{keeps: !gone && !sent && e.MayTrade(), wants: !gone && sent && e.MayTrade()}
		if t.facts[i].wants {
			capital := product(uint64(max(0, int64(math.Round(e.CapitalFraction*1e9)))), uint64(max(0, in.Equity)))
			t.facts[i].money = func(weight int64) uint128 {
				m, _ := capital.times(uint64(weight))
				return m
			}
		}
	}
	return t
}

// wholeTable is the table of every instrument that anybody holds, works or wants, or those of Input.Only.
func wholeTable(in *Input) *table {
	t := strategies(in, func(yield func(string)) {
		for _, w := range in.Working {
			for s := range w.ByStrategy {
				yield(s)
			}
		}
	})
	wanted := 0
	for _, p := range in.Portfolios {
		wanted += len(p.Targets)
	}
	ids := make([]int64, 0, wanted+len(in.Positions)+len(in.Working))
	for _, p := range in.Portfolios {
		for i := range p.Targets {
			ids = append(ids, p.Targets[i].InstrumentID)
		}
	}
	for id, q := range in.Positions {
		if q != 0 {
			ids = append(ids, id)
		}
	}
	for id := range in.Working {
		ids = append(ids, id)
	}
	for _, held := range in.Ledger {
		for id, q := range held {
			if q != 0 {
				ids = append(ids, id)
			}
		}
	}
	if in.Only != nil {
		ids = slices.DeleteFunc(ids, func(id int64) bool { _, ok := in.Only[id]; return !ok })
	}
	slices.Sort(ids)
	t.ids = slices.Compact(ids)
	t.cells = make([]cell, len(t.ids)*len(t.names))
	for i, s := range t.names {
		t.hold(in, i, s)
		t.want(in, i, s)
	}
	for id, w := range in.Working {
		if row, ok := slices.BinarySearch(t.ids, id); ok {
			t.work(row, w)
		}
	}
	return t
}

// hold sets what a strategy has.
func (t *table) hold(in *Input, i int, s string) {
	held := in.Ledger[s]
	if len(held) < len(t.ids)/4 {
		for id, q := range held {
			if row, ok := slices.BinarySearch(t.ids, id); ok {
				t.row(row)[i].held = q
			}
		}
		return
	}
	for row, id := range t.ids {
		t.row(row)[i].held = held[id]
	}
}

// want sets what a strategy asks for. Targets mostly come by instrument, so the row is looked for behind the last one.
func (t *table) want(in *Input, i int, s string) {
	row := 0
	ts := in.Portfolios[s].Targets
	for k := range ts {
		id := ts[k].InstrumentID
		if row >= len(t.ids) || t.ids[row] != id {
			at, ok := slices.BinarySearch(t.ids, id)
			if !ok {
				continue
			}
			row = at
		}
		t.set(row, i, &ts[k])
		row++
	}
}

func (t *table) set(row, i int, want *Target) {
	c := &t.row(row)[i]
	c.weight += max(0, int64(math.Round(want.Weight*1e6)))
	c.stop = int64(math.Round(want.StopDistance * 1e6))
}

func (t *table) work(row int, w Working) {
	cells := t.row(row)
	for s, q := range w.ByStrategy {
		cells[sort.SearchStrings(t.names, s)].working = q
	}
}

// tableOf is the table of one instrument.
func tableOf(in *Input, id int64) *table {
	w := in.Working[id]
	t := strategies(in, func(yield func(string)) {
		for s := range w.ByStrategy {
			yield(s)
		}
	})
	t.ids, t.cells = []int64{id}, make([]cell, len(t.names))
	for i, s := range t.names {
		t.cells[i].held = in.Ledger[s][id]
		ts := in.Portfolios[s].Targets
		for k := range ts {
			if ts[k].InstrumentID == id {
				t.set(0, i, &ts[k])
			}
		}
	}
	t.work(0, w)
	return t
}
