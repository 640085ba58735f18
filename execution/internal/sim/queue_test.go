package sim_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

func queueing(tradeBp, aheadBp, fillBp int64) func(*sim.Session) {
	return withModel(&sim.Model{Queue: &sim.QueueModel{TradeBp: tradeBp, CancelAheadBp: aheadBp, FillBp: fillBp}})
}

func (d *desk) wantBefore(id string, want int64) {
	d.t.Helper()
	if got := sim.Before(d.e, id); got != want {
		d.t.Errorf("%d shares before %s, want %d", got, id, want)
	}
}

// Half of what the touch loses was traded, and half of what was cancelled stood ahead.
func TestARestingOrderWaitsItsTurn(t *testing.T) {
	d := newDesk(t, day(queueing(5_000, 5_000, 10_000),
		quote(open, 1, 10*usd, 100, 11*usd, 50),
		quote(open+hour, 1, 10*usd, 60, 11*usd, 50),    // 40 less: 20 traded, 10 cancelled ahead: 70, and 60 are displayed
		quote(open+2*hour, 1, 10*usd, 80, 11*usd, 50),  // more comes behind: 60
		quote(open+3*hour, 1, 10*usd, 40, 11*usd, 50),  // 40 less: 20 and 10: 30
		quote(open+4*hour, 1, 9*usd, 500, 11*usd, 50),  // the touch is gone: 40 less, 20 traded: none left for the order; alone at 10
		quote(open+5*hour, 1, 9*usd, 300, 11*usd, 50))) // 200 less: 100 traded, which found the order first
	d.start()
	d.want(d.order(open+1, "a", limit(1, sim.Buy, 30, 10*usd)), "order a; ack a")
	d.wantBefore("a", 100)
	d.want(d.order(open+2, "behind", limit(1, sim.Buy, 30, 9*usd)), "order behind; ack behind")
	d.wantBefore("behind", -1)
	d.want(d.advance(open+hour), "")
	d.wantBefore("a", 60)
	d.advance(open + 2*hour)
	d.wantBefore("a", 60)
	d.advance(open + 3*hour)
	d.wantBefore("a", 30)
	d.want(d.advance(open+4*hour), "")
	d.wantBefore("a", 0)
	d.wantBefore("behind", 500) // now it is the touch
	d.want(d.advance(open+5*hour), "fill a 30@10000000 cum 30 leaves 0")
	if last := d.log[len(d.log)-1]; last.How != sim.HowQueue {
		t.Errorf("filled by %q", last.How)
	}
	d.wantBefore("behind", 300) // 100 traded and 50 cancelled ahead: 350, and 300 are displayed
	d.resumed()
}

// What was traded first takes the queue, then the orders by price and time, and what is left of an order waits on.
func TestTradesGoThroughTheQueueInTime(t *testing.T) {
	d := newDesk(t, day(queueing(10_000, 0, 10_000),
		quote(open, 1, 10*usd, 50, 11*usd, 50),
		quote(open+hour, 1, 10*usd, 10, 11*usd, 50), // 40 traded: 10 before them
		quote(open+2*hour, 1, 10*usd, 100, 11*usd, 50),
		quote(open+3*hour, 1, 10*usd, 55, 11*usd, 50), // 45 traded: 10, then 30 of a, 5 of b
		quote(open+4*hour, 1, 10*usd, 65, 12*usd, 20),
		quote(open+5*hour, 1, 9_500_000, 1, 12*usd, 20))) // 65 traded: the 25 of b
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 30, 10*usd))
	d.order(open+2, "b", limit(1, sim.Buy, 30, 10*usd))
	d.want(d.advance(open+2*hour), "")
	d.want(d.advance(open+3*hour), "fill a 30@10000000 cum 30 leaves 0; fill b 5@10000000 cum 5 leaves 25")
	d.want(d.advance(open+4*hour), "")
	d.want(d.advance(open+5*hour), "fill b 25@10000000 cum 30 leaves 0")
	d.resumed()
}

// An order that rests makes its price: when the touch comes to it, it fills there and not at the better touch; one that
// crosses when it comes takes the touch.
func TestACrossedOrderFillsAtItsOwnPrice(t *testing.T) {
	d := newDesk(t, day(queueing(0, 0, 10_000),
		quote(open, 1, 10*usd, 50, 11*usd, 50),
		quote(open+hour, 1, 9*usd, 50, 9_500_000, 20),
		quote(open+2*hour, 1, 9*usd, 50, 9_600_000, 100)))
	d.start()
	d.order(open+1, "rests", limit(1, sim.Buy, 30, 10*usd))
	d.want(d.order(open+2, "takes", limit(1, sim.Buy, 60, 12*usd)), "order takes; ack takes; fill takes 50@11000000 cum 50 leaves 10")
	// The better limit goes first: it never rested, so it pays the touch; 10 of the displayed 20 are left.
	d.want(d.advance(open+hour), "fill takes 10@9500000 cum 60 leaves 0; fill rests 10@10000000 cum 10 leaves 20")
	d.want(d.advance(open+2*hour), "fill rests 20@10000000 cum 30 leaves 0")
	if how := d.log[len(d.log)-1].How; how != sim.HowCross {
		t.Errorf("filled by %q", how)
	}
	d.resumed()
}

// In front of the touch nothing is before an order; a replacement that asks for more joins again.
func TestPlacesInTheQueue(t *testing.T) {
	d := newDesk(t, day(queueing(10_000, 0, 10_000), quote(open, 1, 10*usd, 50, 11*usd, 50), quote(open+hour, 1, 10*usd, 20, 11*usd, 50), quote(open+2*hour, 1, 10*usd, 20, 11*usd, 50)))
	d.start()
	d.order(open+1, "front", limit(1, sim.Buy, 30, 10_500_000))
	d.wantBefore("front", 0)
	d.order(open+2, "a", limit(1, sim.Buy, 40, 10*usd))
	d.wantBefore("a", 50)
	d.want(d.advance(open+hour), "fill front 30@10500000 cum 30 leaves 0") // 30 traded, all of it with the better price
	d.wantBefore("a", 20)
	if _, refused := d.change(open+hour+1, "less", "a", 35, 10*usd); refused != nil {
		t.Fatal(refused)
	}
	d.wantBefore("less", 20)
	d.change(open+hour+2, "more", "less", 36, 10*usd)
	d.wantBefore("more", 20) // behind what is displayed now
	d.order(open+hour+3, "f", limit(1, sim.Buy, 5, 10_500_000))
	d.wantBefore("f", 0)
	d.change(open+hour+4, "f2", "f", 5, 10*usd)
	d.wantBefore("f2", 20)
	d.resumed()
}

// An opportunity is taken as often as the model says, by the documented hash.
func TestOpportunitiesAreTakenByTheHash(t *testing.T) {
	taken := 0
	const n = 2_000
	for i := range n {
		id := fmt.Sprintf("o%d", i)
		d := newDesk(t, day(queueing(10_000, 0, 3_000), quote(open, 1, 10*usd, 50, 11*usd, 50), quote(open+hour, 1, 9*usd, 5, 11*usd, 50)))
		d.start()
		o := limit(1, sim.Buy, 30, 10*usd)
		o.LimitPx = 10_100_000 // in front
		d.order(open+1, id, o)
		filled := tell(d.advance(open+hour)) != ""
		if filled {
			taken++
		}
		// SHA-256(seed, "fill", 0, ClOrdID, 0, number of the row), the first eight bytes.
		b := binary.LittleEndian.AppendUint64(nil, 7)
		b = append(b, "fill\x00"+id+"\x00"...)
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(b, 2))
		if want := binary.LittleEndian.Uint64(sum[:8])%10_000 < 3_000; filled != want {
			t.Fatalf("%s filled %v, the hash says %v", id, filled, want)
		}
	}
	if taken < 520 || taken > 680 { // 600 expected, standard deviation 20.5
		t.Errorf("%d of %d opportunities taken at 30%%", taken, n)
	}
}

// level is a model of a buy that rests, written anew from docs/simvenue.md: one order, its price between all bids and asks.
type level struct {
	px, leaves, before int64
	joined, rested     bool
}

type fillAt struct{ qty, px int64 }

func (l *level) row(prev, next sim.Event, tradeBp, aheadBp int64) (fills []fillAt) {
	var gone int64
	if prev.Bid > 0 {
		if next.Bid < prev.Bid {
			gone = prev.BidSize
		} else if next.Bid == prev.Bid && next.BidSize < prev.BidSize {
			gone = prev.BidSize - next.BidSize
		}
	}
	if l.rested && l.joined && prev.Bid > 0 && l.px >= prev.Bid {
		traded := gone * tradeBp / 10_000
		mine := traded - l.before
		if mine > l.leaves {
			mine = l.leaves
		}
		if mine > 0 {
			fills = append(fills, fillAt{mine, l.px})
			l.leaves -= mine
		}
		l.before -= traded + (gone-traded)*aheadBp/10_000
		if l.before < 0 {
			l.before = 0
		}
	}
	if crosses := next.Ask > 0 && next.Ask <= l.px; crosses && l.leaves > 0 {
		qty := min(l.leaves, next.AskSize)
		px := next.Ask
		if l.rested {
			px = l.px
		}
		if qty > 0 {
			fills = append(fills, fillAt{qty, px})
			l.leaves -= qty
		}
	} else if next.Ask > 0 {
		l.rested = true
	}
	if next.Bid > 0 && l.px >= next.Bid {
		switch {
		case !l.joined:
			l.joined, l.before = true, 0
			if l.px == next.Bid {
				l.before = next.BidSize
			}
		case l.px == next.Bid:
			l.before = min(l.before, next.BidSize)
		default:
			l.before = 0
		}
	}
	return fills
}

// TestTheQueueAgainstAnotherModel plays any market over one resting order.
func TestTheQueueAgainstAnotherModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tradeBp, aheadBp := rapid.Int64Range(0, 10_000).Draw(t, "trade"), rapid.Int64Range(0, 10_000).Draw(t, "ahead")
		px := rapid.Int64Range(8, 13)
		size := rapid.Int64Range(0, 60)
		var rows []sim.Event
		for i := range rapid.Int64Range(2, 25).Draw(t, "rows") {
			bid := px.Draw(t, "bid") * usd
			ask := bid + rapid.Int64Range(0, 2).Draw(t, "spread")*usd
			if rapid.IntRange(0, 6).Draw(t, "no bid") == 0 {
				bid = 0
			} else if rapid.IntRange(0, 6).Draw(t, "no ask") == 0 {
				ask = 0
			}
			rows = append(rows, quote(open+i*1000, 1, bid, size.Draw(t, "bid_size"), ask, size.Draw(t, "ask_size")))
		}
		l := &level{px: px.Draw(t, "limit") * usd, leaves: rapid.Int64Range(1, 80).Draw(t, "qty")}
		e, _, err := sim.Resume(day(queueing(tradeBp, aheadBp, 10_000), rows...), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		note := func(records []sim.Record, err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.Kind == sim.KindFill {
					got += fmt.Sprintf("%d@%d ", r.Qty, r.Px)
				}
			}
		}
		note(e.Start())
		o := limit(1, sim.Buy, l.leaves, l.px)
		o.ClOrdID, o.Symbol = "a", "S1"
		note(e.Submit(open, o))
		note(e.Advance(close - 1))
		want := ""
		prev := sim.Event{}
		for _, row := range rows {
			for _, f := range l.row(prev, row, tradeBp, aheadBp) {
				want += fmt.Sprintf("%d@%d ", f.qty, f.px)
			}
			prev = row
		}
		if got != want {
			t.Fatalf("fills %s\nwant  %s", got, want)
		}
	})
}
