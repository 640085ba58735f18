package order

import (
	"fmt"
	"slices"
)

// correct takes back or adds what the venue had reported wrongly: the cumulative quantity follows, also downwards, and
// the change stands among the fills under its own exec id, negative where shares were taken back.
func (o *Order) correct(r Report) error {
	if r.CumQty < 0 || r.CumQty > o.Target() || r.LastQty > o.Target() || -r.LastQty > o.Target() {
		return o.refuse(Correct, fmt.Sprintf("change %d, cumulative %d of %d", r.LastQty, r.CumQty, o.Target()))
	}
	if o.Knows(r) {
		return nil
	}
	fresh := !o.saw(r)
	if fresh && r.LastQty == 0 && r.CumQty != o.Cum {
		return o.refuse(Correct, fmt.Sprintf("cumulative goes from %d to %d without a change", o.Cum, r.CumQty))
	}
	if err := o.fire(Correct); err != nil {
		return err
	}
	if o.see(r) {
		o.Cum = r.CumQty
		if r.LastQty != 0 || r.Fee != 0 { // fees alone where what a fill cost was not told with it
			o.book(r)
		}
	}
	if o.State == PartiallyFilled && o.Cum == 0 {
		o.State = Acknowledged
	}
	o.settle(r)
	return nil
}

// replace gives a working order another total. The latest replacement holds, whatever order they are told in.
func (o *Order) replace(r Report) error {
	total := r.CumQty + r.Leaves
	if r.CumQty < 0 || r.Leaves < 0 || total <= 0 || r.LastQty != 0 {
		return o.refuse(Replace, fmt.Sprintf("last %d, cumulative %d, leaves %d", r.LastQty, r.CumQty, r.Leaves))
	}
	if total < o.Cum {
		return o.refuse(Replace, fmt.Sprintf("a total of %d below the %d that have filled", total, o.Cum))
	}
	if o.Knows(r) {
		return nil
	}
	if err := o.fire(Replace); err != nil {
		return err
	}
	o.Cum = o.cumAfter(r)
	o.see(r)
	if p := o.Revised; p == nil || r.TsNs > p.TsNs || r.TsNs == p.TsNs && r.ExecID > p.ExecID {
		o.Revised = &Revision{Qty: total, LimitPx: o.Limit(), ExecID: r.ExecID, TsNs: r.TsNs}
		if o.Asked != nil {
			o.Revised.LimitPx = o.Asked.LimitPx
		}
	}
	o.Asked = nil
	if o.Cum > 0 && (o.State == Approved || o.State == Acknowledged) {
		o.State = PartiallyFilled
	}
	if o.State == Approved {
		o.State = Acknowledged
	}
	o.settle(r)
	return nil
}

// Amend notes that a modification leaves.
func (o *Order) Amend(a Amendment) error {
	if a.Qty <= o.Cum || a.LimitPx < 0 {
		return o.refuse(ReplaceSent, fmt.Sprintf("a total of %d at %d with %d filled", a.Qty, a.LimitPx, o.Cum))
	}
	if err := o.fire(ReplaceSent); err != nil {
		return err
	}
	o.Asked = &a
	return nil
}

// RefuseAmend notes that the modification was refused; the order stands as it was.
func (o *Order) RefuseAmend(id uint64, tsNs int64) error {
	e := ReplaceRefused
	if o.Cum > 0 {
		e = ReplaceRefusedPartial
	}
	if o.Asked == nil || o.Asked.ID != id {
		return o.refuse(e, fmt.Sprintf("modification %d is not under way", id))
	}
	if err := o.fire(e); err != nil {
		return err
	}
	o.Asked, o.LastNs = nil, max(o.LastNs, tsNs)
	return nil
}

// NetFills lists the fills as they hold now, by time: what was taken back is off the fills whose price is nearest to its
// own, the later first, and a fill of which nothing is left is gone. Nearest, because who tells of a correction may know
// its price only by the order's average, to a rounding.
func (o *Order) NetFills() []FillRecord {
	var out, back []FillRecord
	for _, f := range o.fillsByTime() {
		if f.Qty > 0 {
			out = append(out, f)
		} else {
			back = append(back, f)
		}
	}
	for _, b := range back {
		for b.Qty < 0 {
			f := nearest(out, b.Px)
			if f == nil {
				break
			}
			n := min(f.Qty, -b.Qty)
			f.Qty, b.Qty = f.Qty-n, b.Qty+n
			if f.Fee, b.Fee = f.Fee+b.Fee, 0; f.Qty == 0 { // what it cost beyond what came back is on the next
				f.Fee, b.Fee = 0, f.Fee
			}
		}
		out = slices.DeleteFunc(out, func(f FillRecord) bool { return f.Qty == 0 })
		switch {
		case b.Qty < 0: // more than has filled by its own report
			out = append(out, b)
		case b.Fee != 0 && len(out) > 0:
			out[len(out)-1].Fee += b.Fee
		}
	}
	return out
}

// nearest is the fill with something left whose price is nearest to px, the latest of equals.
func nearest(fills []FillRecord, px int64) *FillRecord {
	var best *FillRecord
	for i := range fills {
		f := &fills[i]
		if f.Qty > 0 && (best == nil || distance(f.Px, px) <= distance(best.Px, px)) {
			best = f
		}
	}
	return best
}

func distance(a, b int64) int64 { return max(a-b, b-a) }
