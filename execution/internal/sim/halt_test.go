package sim_test

import (
	"testing"

	"dnalyaw/execution/internal/sim"
)

func TestAHaltHoldsOneInstrument(t *testing.T) {
	m := &sim.Model{Halts: []sim.Halt{{InstrumentID: 1, StartNs: open + hour, EndNs: open + 2*hour}}}
	d := newDesk(t, day(withModel(m),
		quote(open, 1, 9*usd, 30, 10*usd, 50), quote(open, 2, 9*usd, 30, 10*usd, 50),
		quote(open+hour, 1, 9*usd, 30, 10*usd, 10), // still trades: a row comes before a halt of its moment
		quote(open+hour+1, 1, 9*usd, 30, 8*usd, 50),
		quote(open+2*hour, 1, 9*usd, 30, 10*usd, 20))) // and a halt's end before the row that it lets through
	d.start()
	d.order(open+1, "a", market(1, sim.Buy, 55))
	d.want(d.advance(open+hour), "fill a 5@10000000 cum 55 leaves 0; halt : halted")
	d.want(d.order(open+hour+2, "b", limit(1, sim.Buy, 60, 10*usd)), "order b; ack b")
	ioc := market(1, sim.Buy, 1)
	ioc.TIF = sim.IOC
	d.want(d.order(open+hour+3, "ioc", ioc), "order ioc; ack ioc; cancel ioc: IOC: nothing more to fill at once")
	d.want(d.order(open+hour+3, "gone", limit(1, sim.Buy, 1, usd)), "order gone; ack gone")
	d.want(d.keep(mustCancel(d.e.Cancel(open+hour+4, "c", "gone"))), "cancel gone: cancelled by the client")
	d.want(d.order(open+hour+5, "other", market(2, sim.Buy, 1)), "order other; ack other; fill other 1@10000000 cum 1 leaves 0")
	if !d.e.Halted(1) || d.e.Halted(2) {
		t.Error("halted wrongly")
	}
	d.resumed()
	d.want(d.advance(open+2*hour), "resume : trading resumes; fill b 20@10000000 cum 20 leaves 40")
	d.resumed()
}

// Neither what was displayed before a halt or in it is there when it ends, nor what a model of impact lets through beyond.
func TestAfterAHaltTheNextRowTrades(t *testing.T) {
	m := fullModel()
	m.Halts = []sim.Halt{{InstrumentID: 1, StartNs: open + hour, EndNs: open + 2*hour}}
	d := newDesk(t, day(withModel(m), quote(open, 1, 9*usd, 30, 10*usd, 50), quote(open+hour+1, 1, 9*usd, 30, 9_500_000, 50), quote(open+3*hour, 1, 9*usd, 30, 10*usd, 50)))
	d.start()
	d.order(open+1, "rests", limit(1, sim.Buy, 10, 9_600_000))
	d.advance(open + hour)
	d.order(open+hour+2, "takes", market(1, sim.Buy, 20))
	d.want(d.advance(open+2*hour), "resume : trading resumes")
	d.want(d.order(open+2*hour+1, "too", market(1, sim.Buy, 5)), "order too; ack too")
	d.resumed()
	d.want(d.advance(open+3*hour), "fill takes 20@10000000 cum 20 leaves 0; fill too 5@10000000 cum 5 leaves 0")
	d.resumed()
}

func TestAReopeningAuction(t *testing.T) {
	m := &sim.Model{Halts: []sim.Halt{{InstrumentID: 1, StartNs: open + hour, EndNs: open + 2*hour, ReopenMicro: 9_500_000}}, HaltOrders: sim.HaltReject}
	d := newDesk(t, day(withModel(m), quote(open, 1, 9*usd, 30, 10*usd, 50), quote(open+3*hour, 1, 9*usd, 30, 10*usd, 20)))
	d.start()
	d.order(open+1, "low", limit(1, sim.Buy, 70, 9_400_000))
	d.order(open+2, "high", limit(1, sim.Buy, 70, 9_600_000))
	d.advance(open + hour)
	d.want(d.order(open+hour+1, "no", market(1, sim.Buy, 1)), "order no; reject no: the instrument is halted")
	d.e.TakeChanged()
	d.want(d.advance(open+2*hour), "resume : trading resumes; fill high 70@9500000 cum 70 leaves 0")
	if q := d.e.TakeChanged(); len(q) != 1 || q[0].Print != 9_500_000 || q[0].PrintTsNs != open+2*hour {
		t.Errorf("published %+v", q)
	}
	d.want(d.order(open+2*hour+1, "late", market(1, sim.Sell, 10)), "order late; ack late; fill late 10@9500000 cum 10 leaves 0")
	d.resumed()
}

func TestHaltsByHand(t *testing.T) {
	// No model is needed.
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50), quote(open+hour, 1, 9*usd, 30, 10*usd, 20)))
	why := func(want string) func([]sim.Record, string, error) []sim.Record {
		return func(records []sim.Record, why string, err error) []sim.Record {
			t.Helper()
			if why != want {
				t.Errorf("%q, want %q", why, want)
			}
			return d.keep(records, err)
		}
	}
	why("the session is waiting")(d.e.HaltInstrument(open, 1))
	d.start()
	why("instrument 7 does not trade in this session")(d.e.HaltInstrument(open+1, 7))
	d.want(why("")(d.e.HaltInstrument(open+1, 1)), "halt : halted by hand")
	why("instrument 1 is that already")(d.e.HaltInstrument(open+1, 1))
	d.want(d.order(open+2, "a", limit(1, sim.Buy, 70, 10*usd)), "order a; ack a")
	d.want(d.advance(open+hour), "")
	d.resumed()
	why("px is -1: give a price, or 0 for none")(d.e.ResumeInstrument(open+hour+1, 1, -1))
	d.want(why("")(d.e.ResumeInstrument(open+hour+1, 1, 9_800_000)), "resume : trading resumes by hand; fill a 70@9800000 cum 70 leaves 0")
	d.resumed()
	// Without a print it trades with its next row.
	why("")(d.e.HaltInstrument(open+hour+2, 1))
	d.order(open+hour+2, "b", market(1, sim.Sell, 7))
	d.want(why("")(d.e.ResumeInstrument(open+hour+3, 1, 0)), "resume : trading resumes by hand")
	d.want(d.order(open+hour+4, "c", market(1, sim.Sell, 7)), "order c; ack c")
	d.resumed()
}

// The client's orders share an auction's volume where its row gives one.
func TestAnAuctionsVolumeIsShared(t *testing.T) {
	sized := auction(open+hour, 1, 10*usd)
	sized.BidSize, sized.AskSize = 1000, 400
	play := func(m *sim.AuctionModel) string {
		d := newDesk(t, day(withModel(&sim.Model{Auctions: m}), quote(open, 1, 0, 0, 12*usd, 0), sized, quote(open+2*hour, 1, 0, 0, 12*usd, 0)))
		d.start()
		d.order(open+1, "a", limit(1, sim.Buy, 100, 10*usd))
		d.order(open+2, "b", limit(1, sim.Buy, 200, 10*usd))
		d.order(open+3, "c", limit(1, sim.Buy, 50, 11*usd))
		d.order(open+4, "no", limit(1, sim.Buy, 50, 9*usd))
		got := tell(d.advance(open + hour))
		d.resumed()
		got += " | " + tell(d.order(open+hour+1, "after", limit(1, sim.Buy, 60, 10*usd)))
		d.resumed()
		return got
	}
	for _, c := range []struct {
		m    sim.AuctionModel
		want string
	}{
		// All 400 for 350; 50 of them are left standing.
		{sim.AuctionModel{}, "fill c 50@10000000 cum 50 leaves 0; fill a 100@10000000 cum 100 leaves 0; fill b 200@10000000 cum 200 leaves 0 | " +
			"order after; ack after; fill after 50@10000000 cum 50 leaves 10"},
		// 120 of the 400, by price and time.
		{sim.AuctionModel{ShareBp: 3_000}, "fill c 50@10000000 cum 50 leaves 0; fill a 70@10000000 cum 70 leaves 30 | order after; ack after"},
		// Or by size: 120/350 of 50, 100 and 200 are 17, 34 and 68; the one that is left goes to the better price.
		{sim.AuctionModel{ShareBp: 3_000, ProRata: true}, "fill c 18@10000000 cum 18 leaves 32; fill a 34@10000000 cum 34 leaves 66; fill b 68@10000000 cum 68 leaves 132 | order after; ack after"},
	} {
		if got := play(&c.m); got != c.want {
			t.Errorf("%+v\ngot  %s\nwant %s", c.m, got, c.want)
		}
	}
}

// An auction whose row falls into the break is held when the break ends.
func TestAnAuctionInTheBreak(t *testing.T) {
	lunch := withModel(&sim.Model{Impact: &sim.ImpactModel{Temporary: 1}, Defaults: liquid}, func(s *sim.Session) { s.Breaks = [][2]int64{{open + hour, open + 2*hour}} })
	d := newDesk(t, day(lunch, quote(open, 1, 9*usd, 30, 12*usd, 0), auction(open+hour+1, 1, 10*usd)))
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 100, 10*usd))
	d.want(d.advance(open+2*hour-1), "session break")
	d.resumed()
	d.want(d.advance(open+2*hour), "session open; fill a 100@10000000 cum 100 leaves 0")
	d.resumed()
}
