package sim_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

// step is one thing that a client or the clock does.
type step struct {
	at     int64
	cancel string // a ClOrdID, or
	order  *sim.NewOrder
	change *sim.Replacement
	bust   int64 // the last fill is cut down to this less one, or
}

// done says whether a record is what the step asks for: then it is not asked for again after a kill.
func (s step) done(r sim.Record) bool {
	switch {
	case s.order != nil:
		return r.Kind == sim.KindOrder && r.ClOrdID == s.order.ClOrdID
	case s.change != nil:
		return r.Kind == sim.KindReplace && r.ClOrdID == s.change.ClOrdID
	case s.bust > 0:
		return r.Kind == sim.KindCorrect
	}
	return r.Kind == sim.KindCancel && r.CancelID == "c-"+s.cancel
}

// anyDay draws a market of up to three names and a break.
func anyDay(t *rapid.T) sim.MarketDay {
	d := day(func(s *sim.Session) {
		s.InitialCash = rapid.Int64Range(0, 20_000).Draw(t, "cash") * usd
		s.RejectBp = rapid.SampledFrom([]int64{0, 0, 1000}).Draw(t, "reject_bp")
		s.Fees = sim.Fees{
			PerShareMicro: rapid.Int64Range(0, 10_000).Draw(t, "per_share"), BpMilli: rapid.Int64Range(0, 50_000).Draw(t, "bp"),
			SellBpMilli: rapid.Int64Range(0, 50_000).Draw(t, "sell_bp"), MinMicro: rapid.Int64Range(0, 2*usd).Draw(t, "min"),
		}
		for id := int64(1); id <= 3; id++ {
			if lent := rapid.SampledFrom([]int64{0, 40, 400}).Draw(t, "lent"); lent > 0 {
				s.Locates = append(s.Locates, sim.Locate{InstrumentID: id, Qty: lent})
			}
		}
		if rapid.Bool().Draw(t, "break") {
			s.Breaks = [][2]int64{{open + 2*hour, open + 3*hour}}
		}
	})
	at := open
	for range rapid.IntRange(1, 40).Draw(t, "rows") {
		at += rapid.SampledFrom([]int64{0, hour / 60, hour / 4, hour / 2}).Draw(t, "gap")
		if n := len(d.Events); at > close || n > 0 && d.Events[n-1].TsNs == at {
			at++
		}
		id := rapid.Int64Range(1, 3).Draw(t, "id")
		px := rapid.Int64Range(1, 300).Draw(t, "px") * usd / 10
		if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
			d.Events = append(d.Events, auction(at, id, px))
			continue
		}
		size := rapid.SampledFrom([]int64{0, 1, 10, 100})
		ask := px + rapid.Int64Range(0, 5).Draw(t, "spread")*usd/10
		if rapid.IntRange(0, 5).Draw(t, "one-sided") == 0 {
			ask = 0
		}
		d.Events = append(d.Events, quote(at, id, px, size.Draw(t, "bid_size"), ask, size.Draw(t, "ask_size")))
	}
	return d
}

func anySteps(t *rapid.T) []step {
	var out []step
	at := open
	for i := range rapid.IntRange(0, 30).Draw(t, "steps") {
		at += rapid.SampledFrom([]int64{0, 1, hour / 60, hour / 3}).Draw(t, "pause")
		if what := rapid.IntRange(0, 7).Draw(t, "what"); i > 0 && what < 3 {
			which := fmt.Sprintf("o%d", rapid.IntRange(0, i).Draw(t, "which"))
			switch what {
			case 0:
				out = append(out, step{at: at, cancel: which})
			case 1:
				out = append(out, step{at: at, bust: rapid.Int64Range(1, 40).Draw(t, "bust")})
			case 2:
				out = append(out, step{at: at, change: anyChange(t, out, which, fmt.Sprintf("o%d", i))})
			}
			continue
		}
		o := market(rapid.Int64Range(1, 4).Draw(t, "instrument"), rapid.SampledFrom([]sim.Side{sim.Buy, sim.Sell}).Draw(t, "side"),
			rapid.Int64Range(1, 150).Draw(t, "qty"))
		if rapid.Bool().Draw(t, "limit") {
			o.Type, o.LimitPx = sim.Limit, rapid.Int64Range(1, 300).Draw(t, "limit_px")*usd/10
		}
		o.TIF = rapid.SampledFrom([]sim.TIF{sim.Day, sim.Day, sim.IOC}).Draw(t, "tif")
		o.Short = o.Side == sim.Sell && rapid.IntRange(0, 2).Draw(t, "short") > 0
		o.ClOrdID, o.Symbol, o.Path = fmt.Sprintf("o%d", i), symbol(o.InstrumentID), rapid.Int64Range(0, 2).Draw(t, "path")
		out = append(out, step{at: at, order: &o})
	}
	return append(out, step{at: close, cancel: "none"})
}

// anyChange draws a replacement of an order that was drawn before, mostly with the terms that cannot be changed.
func anyChange(t *rapid.T, before []step, orig, id string) *sim.Replacement {
	r := &sim.Replacement{ClOrdID: id, Orig: orig, Side: sim.Buy, Type: sim.Limit, Qty: rapid.Int64Range(1, 200).Draw(t, "new_qty")}
	for _, s := range before {
		if o := s.order; o != nil && o.ClOrdID == orig {
			r.Symbol, r.Side, r.Short, r.Type, r.TIF = o.Symbol, o.Side, o.Short, o.Type, o.TIF
		}
		if c := s.change; c != nil && c.ClOrdID == orig { // the chain goes on
			r.Symbol, r.Side, r.Short, r.Type, r.TIF = c.Symbol, c.Side, c.Short, c.Type, c.TIF
		}
	}
	if r.Type == sim.Limit {
		r.LimitPx = rapid.Int64Range(1, 300).Draw(t, "new_px") * usd / 10
	}
	return r
}

// play lets the steps happen; after each it calls look.
func play(t *rapid.T, d sim.MarketDay, steps []step, look func(*sim.Engine, []sim.Record)) []sim.Record {
	e, log, err := sim.Resume(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(records []sim.Record, err error) {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, records...)
		look(e, log)
	}
	keep(e.Start())
	for _, s := range steps {
		do(t, e, s, keep)
	}
	return log
}

func do(t *rapid.T, e *sim.Engine, s step, keep func([]sim.Record, error)) {
	switch {
	case s.order != nil:
		keep(e.Submit(s.at, *s.order))
		return
	case s.change != nil:
		records, refused, err := e.Replace(s.at, *s.change)
		if replaced := slices.ContainsFunc(records, s.sent); replaced == (refused != nil) {
			t.Fatalf("replaced %v and refused %v", replaced, refused)
		}
		keep(records, err)
		return
	case s.bust > 0:
		records, why, err := e.CorrectLast(s.at, s.bust-1)
		if corrected := slices.ContainsFunc(records, s.done); corrected == (why != "") {
			t.Fatalf("corrected %v and refused %q", corrected, why)
		}
		keep(records, err)
		return
	}
	records, _, err := e.Cancel(s.at, "c-"+s.cancel, s.cancel)
	keep(records, err)
}

// tape is the market as the test reads it off the rows, without the engine.
func tape(d sim.MarketDay, rows int64, instrument int64) (row sim.Event, ok bool) {
	for _, ev := range d.Events[:rows] {
		if ev.InstrumentID == instrument {
			row, ok = ev, true
		}
	}
	return row, ok
}

// TestInvariants recomputes cash, positions and order quantities from the fills alone and holds every fill to the tape.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDay(t)
		checked := 0
		cash, held := d.InitialCash, map[int64]int64{}
		ordered, filled, done := map[string]sim.Record{}, map[string]int64{}, map[string]bool{}
		root := map[string]string{}         // a replaced order is known by its first name here
		executed := map[string]sim.Record{} // fills as corrected, by their exec id
		busted := false
		lent := map[int64]int64{}
		for _, l := range d.Locates {
			lent[l.InstrumentID] = l.Qty
		}
		taken := map[string]int64{} // displayed size used up, by row and side
		phase := sim.Waiting
		last := int64(0)
		play(t, d, anySteps(t), func(e *sim.Engine, log []sim.Record) {
			for _, r := range log[checked:] {
				if r.TsNs < last {
					t.Fatalf("time runs back at n=%d", r.N)
				}
				last = r.TsNs
				named := r.ClOrdID
				if first, ok := root[named]; ok && r.Kind != sim.KindReplace {
					r.ClOrdID = first
				}
				switch r.Kind {
				case sim.KindSession:
					phase = r.State
				case sim.KindOrder:
					ordered[r.ClOrdID], root[r.ClOrdID] = r, r.ClOrdID
				case sim.KindReplace:
					first := root[r.Orig]
					o := ordered[first]
					if first == "" || root[named] != "" || done[first] || r.Qty <= filled[first] || r.Cum != filled[first] || r.Leaves != r.Qty-r.Cum {
						t.Fatalf("replacement %+v of %+v with %d filled", r, o, filled[first])
					}
					o.Qty, o.Px = r.Qty, r.Px
					ordered[first], root[named] = o, first
				case sim.KindCorrect:
					was, o := executed[r.RefID], ordered[r.ClOrdID]
					back := was.Qty - r.Qty
					filled[r.ClOrdID] -= back
					if was.ClOrdID != r.ClOrdID || back <= 0 || r.Qty < 0 || r.Px != was.Px || r.Cum != filled[r.ClOrdID] ||
						r.Leaves != 0 && r.Leaves != o.Qty-r.Cum || (r.Leaves == 0) != done[r.ClOrdID] {
						t.Fatalf("correction %+v of %+v, %d filled of %d", r, was, filled[r.ClOrdID], o.Qty)
					}
					sign := int64(1)
					if o.Side == "sell" {
						sign = -1
					}
					held[r.InstrumentID] -= sign * back
					cash += sign*back*r.Px + was.Fee - r.Fee
					was.Qty, was.Fee = r.Qty, r.Fee
					executed[r.RefID], busted = was, true
				case sim.KindReject, sim.KindCancel, sim.KindExpire:
					if r.OrderID == "NONE" {
						continue
					}
					if done[r.ClOrdID] || r.Leaves != 0 || r.Cum != filled[r.ClOrdID] {
						t.Fatalf("%s after the end or with wrong quantities: %+v", r.Kind, r)
					}
					done[r.ClOrdID] = true
				case sim.KindFill:
					o := ordered[r.ClOrdID]
					row, ok := tape(d, r.Ev, r.InstrumentID)
					if !ok || phase != sim.Open || done[r.ClOrdID] {
						t.Fatalf("fill without a market: %+v", r)
					}
					touch, size := row.Ask, row.AskSize
					if o.Side == "sell" {
						touch, size = row.Bid, row.BidSize
					}
					if r.Px != touch || touch == 0 {
						t.Fatalf("fill at %d, the touch is %d", r.Px, touch)
					}
					if o.Type == sim.Limit && (o.Side == "buy" && r.Px > o.Px || o.Side == "sell" && r.Px < o.Px) {
						t.Fatalf("fill at %d beyond the limit %d", r.Px, o.Px)
					}
					key := fmt.Sprint(r.Ev, o.Side, r.InstrumentID)
					for ev := r.Ev; ev > 0; ev-- { // the row that shows the quote
						if d.Events[ev-1].InstrumentID == r.InstrumentID {
							key = fmt.Sprint(ev, o.Side)
							break
						}
					}
					taken[key] += r.Qty
					if !row.Auction && taken[key] > size {
						t.Fatalf("%d taken of %d displayed", taken[key], size)
					}
					filled[r.ClOrdID] += r.Qty
					if r.Qty <= 0 || filled[r.ClOrdID] > o.Qty || r.Cum != filled[r.ClOrdID] || r.Leaves != o.Qty-r.Cum {
						t.Fatalf("quantities of %+v, ordered %d", r, o.Qty)
					}
					if r.Leaves == 0 {
						done[r.ClOrdID] = true
					}
					if o.Side == "buy" {
						cash -= r.Qty*r.Px + r.Fee
						held[r.InstrumentID] += r.Qty
					} else {
						cash += r.Qty*r.Px - r.Fee
						held[r.InstrumentID] -= r.Qty
					}
					executed[r.ExecID] = r
					if floor := -lent[r.InstrumentID]; r.Fee < 0 || !busted && (cash < 0 || held[r.InstrumentID] < floor || !o.Short && o.Side == "sell" && held[r.InstrumentID] < 0) {
						t.Fatalf("fee %d, cash %d, position %d with %d lent", r.Fee, cash, held[r.InstrumentID], -floor)
					}
				}
			}
			checked = len(log)
			if e.Cash() != cash {
				t.Fatalf("cash %d, the fills say %d", e.Cash(), cash)
			}
			value, positions := cash, 0
			for _, p := range e.Positions() {
				if p.Qty != held[p.InstrumentID] {
					t.Fatalf("position %d of %d, the fills say %d", p.Qty, p.InstrumentID, held[p.InstrumentID])
				}
				value += p.Qty * p.Mark
				positions++
			}
			for _, q := range held {
				if q != 0 {
					positions--
				}
			}
			if positions != 0 || e.Value() != value {
				t.Fatalf("%d positions too many, value %d, want %d", positions, e.Value(), value)
			}
		})
		if phase != sim.Closed {
			t.Fatalf("the session ended %s", phase)
		}
		for id := range ordered {
			if !done[id] {
				t.Fatalf("order %s outlived the session", id)
			}
		}
	})
}

func bytesOf(t *rapid.T, log []sim.Record) []byte {
	var out []byte
	for _, r := range log {
		var err error
		if out, err = r.AppendLine(out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestSameInputsSameLog and a log that is read back says the same.
func TestSameInputsSameLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, steps := anyDay(t), anySteps(t)
		quiet := func(*sim.Engine, []sim.Record) {}
		first := bytesOf(t, play(t, d, steps, quiet))
		if second := bytesOf(t, play(t, d, steps, quiet)); !bytes.Equal(first, second) {
			t.Fatalf("two logs of the same inputs:\n%s\n%s", first, second)
		}
		back, complete, err := sim.ReadLog(first)
		if err != nil || complete != len(first) || !bytes.Equal(bytesOf(t, back), first) {
			t.Fatalf("read back %d of %d bytes: %v", complete, len(first), err)
		}
	})
}

// TestKilledAnywhereEndsTheSame cuts the log after any line: the venue that resumes from it and sees the remaining steps
// fills every order as often as the one that was never killed, and accounts the same.
func TestKilledAnywhereEndsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, steps := anyDay(t), anySteps(t)
		var lengths []int
		whole := play(t, d, steps, func(_ *sim.Engine, log []sim.Record) { lengths = append(lengths, len(log)) })
		end, _, err := sim.Resume(d, whole)
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(1, len(whole)).Draw(t, "cut")
		e, log, err := sim.Resume(d, whole[:cut])
		if err != nil {
			t.Fatal(err)
		}
		log = append(append([]sim.Record{}, whole[:cut]...), log...)
		keep := func(records []sim.Record, err error) {
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, records...)
		}
		keep(e.Start())
		for i, s := range steps {
			if s.order == nil && lengths[i+1] <= cut {
				continue // a request that was answered before the kill is not made again
			}
			if slices.ContainsFunc(whole[lengths[i]:min(lengths[i+1], max(cut, lengths[i]))], s.done) {
				continue
			}
			do(t, e, s, keep)
		}
		if e.Cash() != end.Cash() || fmt.Sprint(e.Positions()) != fmt.Sprint(end.Positions()) {
			t.Fatalf("cash %d positions %v, unbroken %d %v", e.Cash(), e.Positions(), end.Cash(), end.Positions())
		}
		if got, want := fills(log), fills(whole); got != want {
			t.Fatalf("fills after a kill at %d:\n%s\nunbroken:\n%s", cut, got, want)
		}
	})
}

func fills(log []sim.Record) string {
	out := ""
	for _, r := range log {
		if r.Kind == sim.KindFill || r.Kind == sim.KindCorrect || r.Kind == sim.KindReplace {
			out += fmt.Sprintf("%s %s %d@%d fee %d; ", r.Kind, r.ClOrdID, r.Qty, r.Px, r.Fee)
		}
	}
	return out
}
