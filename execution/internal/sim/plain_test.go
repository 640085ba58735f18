package sim_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dnalyaw/execution/internal/sim"
)

// plainSessions are two sessions without a model that do everything that one can: breaks, prints, short sales, replacements,
// corrections, a protected connection, a kill, corporate actions, rejections by chance.
func plainSessions(t *testing.T) []sim.Record {
	first := day(func(s *sim.Session) {
		s.Breaks = [][2]int64{{open + 2*hour, open + 3*hour}}
		s.Fees = sim.Fees{PerShareMicro: 5_000, BpMilli: 1_234, SellBpMilli: 278, MinMicro: usd}
		s.Locates = []sim.Locate{{InstrumentID: 2, Qty: 500}}
		s.RejectBp = 1_500
	},
		quote(open, 1, 9*usd, 30, 10*usd, 50), auction(open, 2, 5*usd), quote(open, 3, 0, 5, 7*usd, 0),
		quote(open+hour, 1, 9*usd, 30, 11*usd, 40), quote(open+hour+1, 3, 6*usd, 25, 7*usd, 60),
		quote(open+2*hour+1, 1, 9*usd, 30, 10*usd, 45),
		quote(open+4*hour, 1, 12*usd, 70, 13*usd, 20), quote(open+5*hour, 2, 4_900_000, 900, 5_100_000, 300),
		auction(close, 1, 11*usd))
	d := newDesk(t, first)
	d.start()
	ioc, short := market(1, sim.Buy, 60), market(2, sim.Sell, 120)
	ioc.TIF, short.Short = sim.IOC, true
	at := open
	next := func(by int64) int64 { at += by; return at }
	for i, o := range []sim.NewOrder{
		market(1, sim.Buy, 20), ioc, market(1, sim.Buy, 65), market(2, sim.Buy, 100), limit(1, sim.Sell, 40, 12*usd), limit(1, sim.Buy, 10, 8*usd),
		market(1, sim.Sell, 1), market(2, sim.Sell, 100), short, market(7, sim.Buy, 1), limit(3, sim.Buy, 50, 7*usd), market(1, sim.Buy, 1_000_000),
	} {
		d.order(next(1), "a"+string(rune('0'+i)), o)
	}
	d.order(next(1), "a0", market(1, sim.Buy, 1))
	d.change(next(1), "b0", "a5", 12, 8*usd)
	d.change(next(1), "b1", "b0", 11, 9_500_000)
	d.change(next(1), "b2", "a0", 99, usd)
	d.keep(mustCancel(d.e.Cancel(next(1), "c0", "a10")))
	d.keep(mustCancel(d.e.Cancel(next(1), "c1", "a0")))
	d.advance(open + hour + 2)
	correct := func(at, qty int64) {
		records, _, err := d.e.CorrectLast(at, qty)
		d.keep(records, err)
	}
	correct(open+hour+3, 30)
	d = newDesk(t, first, d.log...) // a kill
	d.order(open+2*hour+5, "d0", market(1, sim.Buy, 10))
	d.keep(d.e.Protect(true))
	d.advance(open + 4*hour)
	correct(open+4*hour+1, 0)
	d.order(open+5*hour+1, "d1", market(2, sim.Buy, 30))
	d.order(open+5*hour+2, "d2", limit(2, sim.Buy, 30, 4*usd))
	d.keep(d.e.Disconnected(open + 5*hour + 3))
	d.order(open+5*hour+4, "d3", limit(1, sim.Buy, 5, 11*usd))
	d.order(open+5*hour+5, "d4", limit(1, sim.Buy, 5, 2*usd))
	d.advance(close)
	second := day(func(s *sim.Session) {
		s.Session, s.OpenNs, s.CloseNs = "2023-11-15", open+24*hour, close+24*hour
		s.Actions = []sim.Action{
			{InstrumentID: 1, Kind: "split", RatioNum: 3, RatioDen: 2}, {InstrumentID: 2, Kind: "dividend", AmountMicro: 250_000},
			{InstrumentID: 3, Kind: "delisting", AmountMicro: 4 * usd},
		}
	}, quote(open+24*hour, 1, 6*usd, 5, 8*usd, 5))
	second.Digest = "e"
	d = newDesk(t, second, d.log...)
	d.start()
	d.order(open+24*hour+1, "e0", market(1, sim.Sell, 4))
	d.advance(close + 24*hour)
	return d.log
}

// TestThePlainVenueIsWhatItWas: the file was written by the engine that knew no model, and a session without one is still traded
// so, to the byte.
func TestThePlainVenueIsWhatItWas(t *testing.T) {
	var got []byte
	records := plainSessions(t)
	for i := range records {
		var err error
		if got, err = records[i].AppendLine(got); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.Join("testdata", "plain.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines, wanted := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(lines), len(wanted)) {
		if !bytes.Equal(lines[i], wanted[i]) {
			t.Fatalf("line %d is\n%s\nwas\n%s", i+1, lines[i], wanted[i])
		}
	}
	if len(lines) != len(wanted) {
		t.Fatalf("%d lines, were %d", len(lines), len(wanted))
	}
}
