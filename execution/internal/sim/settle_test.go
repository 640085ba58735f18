package sim_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

// on is a session of a date at whose open a name prints at 10.00.
func on(date string, n int64, m *sim.Model, change ...func(*sim.Session)) sim.MarketDay {
	d := day(nil, auction(open+n*24*hour, 1, 10*usd), auction(open+n*24*hour, 2, 10*usd))
	d.Session.Session, d.OpenNs, d.CloseNs, d.Model, d.Digest = date, open+n*24*hour, close+n*24*hour, m, date
	for _, c := range change {
		c(&d.Session)
	}
	return d
}

func settling(date, proceeds string) *sim.Model {
	return &sim.Model{Settlement: &sim.SettlementModel{Date: date, Proceeds: proceeds}}
}

func (d *desk) wantSettled(cash, power int64, unsettled string) {
	d.t.Helper()
	if got := fmt.Sprint(d.e.Unsettled()); d.e.SettledCash() != cash || d.e.BuyingPower() != power || got != unsettled {
		d.t.Errorf("settled %d, buying power %d, unsettled %s\nwant    %d, %d, %s", d.e.SettledCash(), d.e.BuyingPower(), got, cash, power, unsettled)
	}
}

// Two days after the trade, over a weekend and a holiday: the file says which day that is.
func TestTradesSettleOnTheirDate(t *testing.T) {
	d := newDesk(t, on("2023-11-16", 0, settling("2023-11-20", "")))
	d.start()
	d.order(d.e.NowNs(), "a", market(1, sim.Buy, 300))
	d.wantAccount("cash 7000000000 1:300")
	d.wantSettled(10_000*usd, 7_000*usd, "[{2023-11-20 -3000000000 0 map[]}]")
	if d.e.SettledShares(1) != 0 {
		t.Errorf("%d shares settled", d.e.SettledShares(1))
	}
	d.advance(close)

	next := newDesk(t, on("2023-11-17", 1, settling("2023-11-21", "")), d.log...)
	next.want(next.log[len(d.log):], "session waiting") // nothing settles yet
	next.start()
	next.order(next.e.NowNs(), "b", market(1, sim.Sell, 100))
	next.wantSettled(10_000*usd, 8_000*usd, "[{2023-11-20 -3000000000 0 map[]} {2023-11-21 1000000000 1000000000 map[]}]")
	next.resumed()
	next.advance(close + 24*hour)

	third := newDesk(t, on("2023-11-20", 4, settling("2023-11-22", "")), next.log...)
	third.want(third.log[len(next.log):], "session waiting; settle : trades settle")
	third.wantSettled(7_000*usd, 8_000*usd, "[{2023-11-21 1000000000 1000000000 map[]}]")
	if third.e.SettledShares(1) != 300 || third.e.Positions()[0].Qty != 200 {
		t.Errorf("%d shares settled of %d", third.e.SettledShares(1), third.e.Positions()[0].Qty)
	}
	third.resumed()

	// A session without a model settles what is due all the same, and its own trades at once.
	plain := newDesk(t, on("2023-11-24", 8, nil), third.log...)
	plain.want(plain.log[len(third.log):], "session closed; session waiting; settle : trades settle")
	plain.start()
	plain.order(plain.e.NowNs(), "c", market(1, sim.Buy, 10))
	plain.wantSettled(7_900*usd, 7_900*usd, "[]")
}

func TestUnsettledProceedsBuyNothingWhereTheRuleSaysSo(t *testing.T) {
	for proceeds, want := range map[string]string{
		"":        "order c; ack c; fill c 1000@10000000 cum 1000 leaves 0",
		"settled": "order c; reject c: insufficient cash",
	} {
		d := newDesk(t, on("2023-11-16", 0, settling("2023-11-17", proceeds)))
		d.start()
		at := d.e.NowNs()
		d.order(at, "a", market(1, sim.Buy, 900))
		d.order(at, "b", market(1, sim.Sell, 900))
		d.want(d.order(at, "c", market(2, sim.Buy, 1000)), want) // 1,000 are settled, 9,000 are proceeds
		d.resumed()
		if proceeds == "" {
			continue
		}
		d.wantSettled(10_000*usd, 1_000*usd, "[{2023-11-17 0 9000000000 map[]}]")
		d.want(d.order(at, "d", market(2, sim.Buy, 100)), "order d; ack d; fill d 100@10000000 cum 100 leaves 0")
		d.want(d.order(at, "e", limit(2, sim.Buy, 1, 10*usd)), "order e; reject e: insufficient cash")
		// What was sold comes back with a correction.
		records, _, err := d.e.CorrectLast(at, 50)
		d.keep(records, err)
		d.wantSettled(10_000*usd, 500*usd, "[{2023-11-17 -500000000 9000000000 map[]}]")
		d.resumed()
		d.advance(close)
		next := newDesk(t, on("2023-11-17", 1, settling("2023-11-20", proceeds)), d.log...)
		next.wantSettled(9_500*usd, 9_500*usd, "[]")
	}
}

func TestASplitSettlesThePosition(t *testing.T) {
	d := newDesk(t, on("2023-11-16", 0, settling("2023-11-20", "")))
	d.start()
	d.order(d.e.NowNs(), "a", market(1, sim.Buy, 101))
	d.advance(close)
	next := newDesk(t, on("2023-11-17", 1, settling("2023-11-21", ""), func(s *sim.Session) {
		s.Actions = []sim.Action{{InstrumentID: 1, Kind: "split", RatioNum: 2, RatioDen: 1}}
	}), d.log...)
	if next.e.SettledShares(1) != 202 {
		t.Errorf("%d settled", next.e.SettledShares(1))
	}
	next.wantSettled(10_000*usd, 8_990*usd, "[{2023-11-20 -1010000000 0 map[]}]")
}

// The settlement date of another model: a list of trades, each with its date.
func TestSettlementAgainstAnotherModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type trade struct {
			day, settles int
			cash         int64
			shares       map[int64]int64
		}
		var trades []trade
		var log []sim.Record
		cash := int64(10_000 * usd)
		held := map[int64]int64{}
		n := 0
		for day := range rapid.IntRange(1, 6).Draw(t, "days") {
			cycle := rapid.IntRange(1, 3).Draw(t, "cycle")
			date := func(n int) string { return fmt.Sprintf("2023-11-%02d", n+10) }
			e, fresh, err := sim.Resume(on(date(day), int64(day), settling(date(day+cycle), "")), log)
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, fresh...)
			keep := func(records []sim.Record, err error) {
				if err != nil {
					t.Fatal(err)
				}
				log = append(log, records...)
				for _, r := range records {
					if r.Kind == sim.KindFill {
						x := trade{day, day + cycle, r.Qty * r.Px, map[int64]int64{r.InstrumentID: -r.Qty}}
						if r.Side == "buy" {
							x.cash, x.shares[r.InstrumentID] = -x.cash, r.Qty
						}
						x.cash -= r.Fee
						cash += x.cash
						held[r.InstrumentID] += x.shares[r.InstrumentID]
						trades = append(trades, x)
					}
				}
			}
			keep(e.Start())
			for range rapid.IntRange(0, 5).Draw(t, "orders") {
				n++
				o := market(rapid.Int64Range(1, 2).Draw(t, "id"), rapid.SampledFrom([]sim.Side{sim.Buy, sim.Sell}).Draw(t, "side"), rapid.Int64Range(1, 200).Draw(t, "qty"))
				o.ClOrdID, o.Symbol = fmt.Sprint(n), symbol(o.InstrumentID)
				keep(e.Submit(e.NowNs(), o))
			}
			settled, shares := cash, map[int64]int64{1: held[1], 2: held[2]}
			for _, x := range trades {
				if x.settles > day {
					settled -= x.cash
					for id, q := range x.shares {
						shares[id] -= q
					}
				}
			}
			if e.SettledCash() != settled || e.SettledShares(1) != shares[1] || e.SettledShares(2) != shares[2] || e.Cash() != cash {
				t.Fatalf("day %d: settled %d shares %d %d, want %d %v", day, e.SettledCash(), e.SettledShares(1), e.SettledShares(2), settled, shares)
			}
			keep(e.Advance(close + int64(day)*24*hour))
		}
	})
}

func TestBorrowedSharesCostByTheDay(t *testing.T) {
	dear := int64(3_600)
	m := &sim.Model{Borrow: &sim.BorrowModel{DefaultBp: 50, Days: 3}, Instruments: []sim.InstrumentTraits{{InstrumentID: 2, BorrowBp: &dear}}}
	lend := func(s *sim.Session) {
		s.Locates = []sim.Locate{{InstrumentID: 1, Qty: 500}, {InstrumentID: 2, Qty: 500}}
	}
	d := newDesk(t, on("2023-11-17", 0, m, lend))
	d.start()
	for id := int64(1); id <= 2; id++ {
		o := market(id, sim.Sell, 123)
		o.Short = true
		d.order(d.e.NowNs(), fmt.Sprint(id), o)
	}
	before := d.e.Cash()
	// 1,230.00 at 0.5% a year of 360 days for 3 days: 0.05125; at 36%: 3.69.
	records := d.advance(close)
	d.want(records, "action : borrow cost: 50 bp a year for 3 days; action : borrow cost: 3600 bp a year for 3 days; session closed")
	if paid := before - d.e.Cash(); paid != 51_250+3_690_000 {
		t.Errorf("paid %d", paid)
	}
	if r := records[len(records)-3]; r.Cash != -51_250 || r.Position != -123 || r.Px != 10*usd || r.How != sim.HowBorrow {
		t.Errorf("%+v", r)
	}
	d.resumed()
	// Killed between any two lines of the close, each is paid once.
	for cut := len(d.log) - 3; cut <= len(d.log); cut++ {
		again := newDesk(t, d.e.Day(), d.log[:cut]...)
		again.advance(close)
		if again.e.Cash() != d.e.Cash() {
			t.Errorf("cut after %d: cash %d, want %d", cut, again.e.Cash(), d.e.Cash())
		}
	}
	// A part of a millionth is a millionth, and a year may have 365 days: 1 at 0.000001 for a day.
	m.Borrow = &sim.BorrowModel{DefaultBp: 1, DayCount: 365}
	penny := on("2023-11-17", 0, m, lend)
	penny.Events = []sim.Event{auction(open, 1, 1)}
	d = newDesk(t, penny)
	d.start()
	o := market(1, sim.Sell, 1)
	o.Short = true
	d.order(open, "a", o)
	before = d.e.Cash()
	if d.advance(close); before-d.e.Cash() != 1 {
		t.Errorf("paid %d", before-d.e.Cash())
	}
}
