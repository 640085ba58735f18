package order

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
)

// Report is an execution report from the venue.
type Report struct {
	ExecID   uint64 `json:"exec_id"`
	Type     uint8  `json:"type"`
	LastQty  int64  `json:"last_qty"`
	LastPx   int64  `json:"last_px"`
	CumQty   int64  `json:"cum_qty"`
	Leaves   int64  `json:"leaves"`
	Fee      int64  `json:"fee"`
	Reason   uint16 `json:"reason,omitempty"`
	Bid      int64  `json:"bid"`
	Ask      int64  `json:"ask"`
	TsNs     int64  `json:"ts_ns"`
	Replayed bool   `json:"replayed,omitempty"`
}

// FillRecord is one fill as reported.
type FillRecord struct {
	ExecID uint64 `json:"exec_id"`
	Qty    int64  `json:"qty"`
	Px     int64  `json:"px"`
	Fee    int64  `json:"fee"`
	TsNs   int64  `json:"ts_ns"`
	Bid    int64  `json:"bid"`
	Ask    int64  `json:"ask"`
}

// key identifies a report: its exec id, or its content where riskd had none to give.
func (r Report) key() uint64 {
	if r.ExecID != 0 {
		return r.ExecID
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%d/%d", r.Type, r.CumQty, r.LastQty, r.LastPx)
	return h.Sum64()
}

// Knows says that taking the report would change nothing.
func (o *Order) Knows(r Report) bool {
	if r.Type == 9 && o.Open() {
		// A statement about the order as it stands now: it may come true again after the order was found.
		return o.State == Unknown
	}
	return o.saw(r) && o.State != Unknown
}

// event finds what a report means for this order.
func (o *Order) event(r Report) (Event, error) {
	cum := o.cumAfter(r)
	switch r.Type {
	case 0:
		if cum > 0 {
			return Partial, nil
		}
		return Ack, nil
	case 1, 2:
		if cum >= o.Target() {
			return Fill, nil
		}
		return Partial, nil
	case 4:
		return CancelDone, nil
	case 8:
		return VenueReject, nil
	case 9:
		return Lose, nil
	case 12:
		return Expire, nil
	case 5:
		return Replace, nil
	case 13:
		return Correct, nil
	}
	return 0, fmt.Errorf("%w: order %d, exec type %d", ErrIllegal, o.ID, r.Type)
}

// Take applies an execution report. Duplicates and reports out of order are harmless; what the table forbids, and a
// quantity beyond the approved one, is ErrIllegal and changes nothing.
func (o *Order) Take(r Report) error {
	e, err := o.event(r)
	if err != nil {
		return err
	}
	if e == Correct {
		return o.correct(r)
	}
	if e == Replace {
		return o.replace(r)
	}
	if r.CumQty < 0 || r.LastQty < 0 || r.CumQty > o.Target() || r.LastQty > max(r.CumQty, o.Target()) {
		return o.refuse(e, fmt.Sprintf("last %d, cumulative %d of %d", r.LastQty, r.CumQty, o.Target()))
	}
	if o.Knows(r) {
		return nil
	}
	if r.LastQty > 0 && !o.saw(r) {
		if sum := o.filledByReport() + r.LastQty; sum > o.Target() {
			return o.refuse(e, fmt.Sprintf("fills add up to %d of %d", sum, o.Target()))
		}
	}
	cum := o.cumAfter(r)
	// An ack, cancel or expiry may carry fills whose own reports were lost: the quantity is taken first.
	if cum > o.Cum {
		if pe := Partial; !o.legal(pe) {
			return o.refuse(e, "carries a fill")
		}
	}
	if err := o.fire(e); err != nil {
		return err
	}
	fresh := o.see(r)
	o.Cum = cum
	if r.LastQty > 0 && fresh {
		o.book(r)
	}
	o.settle(r)
	return nil
}

// cumAfter is the filled quantity once the report is taken. A report that was taken before says nothing new, also when
// the venue has taken shares back since.
func (o *Order) cumAfter(r Report) int64 {
	if o.saw(r) {
		return o.Cum
	}
	return max(o.Cum, r.CumQty)
}

// see notes the report and says whether it was new.
func (o *Order) see(r Report) bool {
	i, seen := slices.BinarySearch(o.Seen, r.key())
	if !seen {
		o.Seen = slices.Insert(o.Seen, i, r.key())
	}
	return !seen
}

// saw says whether the report was taken before.
func (o *Order) saw(r Report) bool {
	_, seen := slices.BinarySearch(o.Seen, r.key())
	return seen
}

func (o *Order) book(r Report) {
	f := FillRecord{ExecID: r.key(), Qty: r.LastQty, Px: r.LastPx, Fee: r.Fee, TsNs: r.TsNs, Bid: r.Bid, Ask: r.Ask}
	i, _ := slices.BinarySearchFunc(o.Fills, f, func(a, b FillRecord) int { return cmp.Compare(a.ExecID, b.ExecID) })
	o.Fills = slices.Insert(o.Fills, i, f)
}

// settle brings state, reason and time up to what is filled now.
func (o *Order) settle(r Report) {
	if o.Cum >= o.Target() && o.Cum > 0 && o.legal(Fill) {
		o.State = Filled
	}
	switch missing := o.Missing(); {
	case missing == 0:
		o.GapPx = 0
	case o.GapPx == 0:
		o.GapPx = r.LastPx
	}
	if r.Reason != 0 {
		o.Reason = max(o.Reason, r.Reason)
	}
	o.LastNs = max(o.LastNs, r.TsNs)
}

func (o *Order) filledByReport() int64 {
	var n int64
	for _, f := range o.Fills {
		n += f.Qty
	}
	return n
}

// Missing is the filled quantity whose own reports never came; the cumulative quantity of a later one proved it.
func (o *Order) Missing() int64 { return max(0, o.Cum-o.filledByReport()) }

// fillsByTime lists the fills in the order of their times.
func (o *Order) fillsByTime() []FillRecord {
	out := slices.Clone(o.Fills)
	slices.SortStableFunc(out, func(a, b FillRecord) int { return cmp.Compare(a.TsNs, b.TsNs) })
	return out
}
