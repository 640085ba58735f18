package targets

import (
	"fmt"
	"slices"

	"dnalyaw/execution/internal/order"
)

// MaxLegs is how many orders can be decided as one.
const MaxLegs = 16

// before is the order in which drafts are sent: sells, then groups, whose legs stay together with their sells first, then
// buys; each by instrument, a group by its first.
func before(a, b Draft) bool {
	rank := func(d Draft) int {
		switch {
		case d.Group != 0:
			return 1
		case d.Side == order.Sell:
			return 0
		}
		return 2
	}
	if x, y := rank(a), rank(b); x != y {
		return x < y
	}
	if a.Group != b.Group {
		return a.Group < b.Group
	}
	if a.Side != b.Side {
		return a.Side == order.Sell
	}
	return a.InstrumentID < b.InstrumentID
}

// inOrder puts drafts that come by instrument into the order in which they are sent.
func inOrder(drafts []Draft) []Draft {
	if slices.ContainsFunc(drafts, func(d Draft) bool { return d.Group != 0 }) {
		slices.SortStableFunc(drafts, func(a, b Draft) int {
			switch {
			case before(a, b):
				return -1
			case before(b, a):
				return 1
			}
			return 0
		})
		return drafts
	}
	out := make([]Draft, 0, len(drafts))
	for _, side := range [...]order.Side{order.Sell, order.Buy} {
		for i := range drafts {
			if drafts[i].Side == side {
				out = append(out, drafts[i])
			}
		}
	}
	return out
}

// groups joins the instruments that any strategy links, each group under its smallest instrument.
func groups(ps map[string]Portfolio) map[int64]int64 {
	root := map[int64]int64{}
	var find func(int64) int64
	find = func(id int64) int64 {
		up, ok := root[id]
		if !ok || up == id {
			return id
		}
		root[id] = find(up)
		return root[id]
	}
	for _, s := range sortedKeys(ps) {
		first := map[string]int64{}
		for _, t := range ps[s].Targets {
			if t.Link == "" {
				continue
			}
			other, seen := first[t.Link]
			if !seen {
				first[t.Link] = t.InstrumentID
				other = t.InstrumentID
			}
			a, b := find(other), find(t.InstrumentID)
			root[max(a, b)] = min(a, b)
			if _, ok := root[min(a, b)]; !ok {
				root[min(a, b)] = min(a, b)
			}
		}
	}
	out := make(map[int64]int64, len(root))
	for id := range root {
		out[id] = find(id)
	}
	return out
}

// link marks the drafts of linked instruments as one, and drops the whole of a group of which a leg cannot be traded. A leg
// that already holds what is wanted is no leg any more.
func link(in Input, res *Result) {
	of := groups(in.Portfolios)
	if len(of) == 0 {
		return
	}
	failed, legs := map[int64]string{}, map[int64]int{}
	for _, s := range res.Skips {
		if g, linked := of[s.InstrumentID]; linked && failed[g] == "" {
			failed[g] = fmt.Sprintf("linked to instrument %d, which is not traded: %s", s.InstrumentID, s.Why)
		}
	}
	for _, d := range res.Drafts {
		if g, linked := of[d.InstrumentID]; linked {
			legs[g]++
		}
	}
	for g, n := range legs {
		if n > MaxLegs {
			failed[g] = fmt.Sprintf("one of %d linked orders, and %d can be decided as one", n, MaxLegs)
		}
	}
	res.Drafts = slices.DeleteFunc(res.Drafts, func(d Draft) bool {
		g, linked := of[d.InstrumentID]
		if !linked || failed[g] == "" {
			return false
		}
		res.Skips = append(res.Skips, Skip{d.InstrumentID, d.Side.Sign() * d.Qty, failed[g]})
		return true
	})
	for i := range res.Drafts {
		if g, linked := of[res.Drafts[i].InstrumentID]; linked && legs[g] > 1 {
			res.Drafts[i].Group = g
		}
	}
}
