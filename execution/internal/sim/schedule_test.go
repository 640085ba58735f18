package sim_test

import (
	"strings"
	"testing"

	"dnalyaw/execution/internal/sim"
)

// bill charges a contract note and lists the parts, in cents.
func bill(t *testing.T, schedule, session string, side sim.Side, qty, px int64) map[string]int64 {
	t.Helper()
	rates, err := sim.RatesOf(schedule, session)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, r := range rates {
		amount, err := r.Of(side, qty, qty*px)
		if err != nil {
			t.Fatal(err)
		}
		if amount%10_000 != 0 {
			t.Errorf("%s of %d millionths is no whole number of cents", r.Name, amount)
		}
		if amount > 0 {
			out[r.Name] = amount / 10_000
		}
	}
	return out
}

// Every amount is worked by hand from the published rate.
func TestSchedulesToTheCent(t *testing.T) {
	for _, c := range []struct {
		schedule, session string
		side              sim.Side
		qty, px           int64
		want              map[string]int64
	}{
		// 1,000 at 123.45 = 123,450.00: 27.80 a million = 3.43191, up to 3.44; 1,000 * 0.000166 = 0.166, up to 0.17.
		{"us", "2024-06-03", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 344, "finra_taf": 17}},
		// A purchase costs neither.
		{"us", "2024-06-03", sim.Buy, 1_000, 123_450_000, map[string]int64{}},
		// 1 at 10.00: each is a part of a cent, and a cent.
		{"us", "2024-06-03", sim.Sell, 1, 10 * usd, map[string]int64{"sec_fee": 1, "finra_taf": 1}},
		// 100,000 at 1.00: 16.60 is above the most of 8.30. 27.80 a million of 100,000 = 2.78 exactly.
		{"us", "2024-06-03", sim.Sell, 100_000, usd, map[string]int64{"sec_fee": 278, "finra_taf": 830}},
		// The day before the rate changed: 8.00 a million of 123,450 = 0.9876.
		{"us", "2024-05-21", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 99, "finra_taf": 17}},
		{"us", "2024-05-22", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 344, "finra_taf": 17}},
		// From 2025-05-14 the SEC took nothing.
		{"us", "2025-05-14", sim.Sell, 1_000, 123_450_000, map[string]int64{"finra_taf": 17}},
		// 20.60 a million = 2.54307; 1,000 * 0.000195 = 0.195.
		{"us", "2026-04-06", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 255, "finra_taf": 20}},
		{"us", "2026-04-06", sim.Sell, 60_000, usd, map[string]int64{"sec_fee": 124, "finra_taf": 979}}, // 1.236; 11.70 is above 9.79
		// FINRA took nothing in the last quarter of 2026.
		{"us", "2026-10-01", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 255}},
		{"us", "2026-12-31", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 255}},
		{"us", "2027-01-04", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 255, "finra_taf": 20}},
		// 2013: 17.40 a million = 2.14803; 0.000119 a share.
		{"us", "2013-06-03", sim.Sell, 1_000, 123_450_000, map[string]int64{"sec_fee": 215, "finra_taf": 12}},
		// 400 at 320.20 = 128,080.00: stamp 128.08, up to 129; levy 3.45816; 0.19212; fee 7.23652; settlement 5.37936.
		{"hk", "2025-07-02", sim.Buy, 400, 320_200_000, map[string]int64{"stamp_duty": 12_900, "sfc_levy": 346, "afrc_levy": 19, "trading_fee": 724, "settlement_fee": 538}},
		{"hk", "2025-07-02", sim.Sell, 400, 320_200_000, map[string]int64{"stamp_duty": 12_900, "sfc_levy": 346, "afrc_levy": 19, "trading_fee": 724, "settlement_fee": 538}},
		// The day before the settlement fee changed: 0.002% = 2.5616, above the least of 2.
		{"hk", "2025-06-27", sim.Buy, 400, 320_200_000, map[string]int64{"stamp_duty": 12_900, "sfc_levy": 346, "afrc_levy": 19, "trading_fee": 724, "settlement_fee": 256}},
		// 100 at 10.00 = 1,000: stamp 1 exactly; 0.027; 0.0015, nearest 0; 0.0565; 0.02, least 2.
		{"hk", "2025-06-27", sim.Buy, 100, 10 * usd, map[string]int64{"stamp_duty": 100, "sfc_levy": 3, "trading_fee": 6, "settlement_fee": 200}},
		// 100,000 at 100.00 = 10 million: settlement 200, most 100.
		{"hk", "2025-06-27", sim.Buy, 100_000, 100 * usd, map[string]int64{"stamp_duty": 1_000_000, "sfc_levy": 27_000, "afrc_levy": 1_500, "trading_fee": 56_500, "settlement_fee": 10_000}},
		// From 2021-08-01 to 2023-11-16 the stamp was 0.13%: 166.504, up to 167; before 2023 the trading fee 0.005% = 6.404.
		{"hk", "2022-12-30", sim.Sell, 400, 320_200_000, map[string]int64{"stamp_duty": 16_700, "sfc_levy": 346, "afrc_levy": 19, "trading_fee": 640, "settlement_fee": 256}},
		{"hk", "2023-11-16", sim.Sell, 400, 320_200_000, map[string]int64{"stamp_duty": 16_700, "sfc_levy": 346, "afrc_levy": 19, "trading_fee": 724, "settlement_fee": 256}},
		{"hk", "2023-11-17", sim.Sell, 400, 320_200_000, map[string]int64{"stamp_duty": 12_900, "sfc_levy": 346, "afrc_levy": 19, "trading_fee": 724, "settlement_fee": 256}},
		// 2021-07-30: stamp 0.1%, no AFRC levy yet.
		{"hk", "2021-07-30", sim.Sell, 400, 320_200_000, map[string]int64{"stamp_duty": 12_900, "sfc_levy": 346, "trading_fee": 640, "settlement_fee": 256}},
		// Halves go up: of 10,000.00 the AFRC's levy is 1.5 cents and the trading fee 56.5.
		{"hk", "2025-07-02", sim.Buy, 1_000, 10 * usd, map[string]int64{"stamp_duty": 1_000, "sfc_levy": 27, "afrc_levy": 2, "trading_fee": 57, "settlement_fee": 42}},
	} {
		got := bill(t, c.schedule, c.session, c.side, c.qty, c.px)
		for name, cents := range c.want {
			if got[name] != cents {
				t.Errorf("%s %s %s %d at %d: %s %d, want %d", c.schedule, c.session, c.side, c.qty, c.px, name, got[name], cents)
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("%s %s: charges too much: %v", c.schedule, c.session, got)
		}
	}
}

func TestSchedulesKnowTheirFirstSession(t *testing.T) {
	for _, c := range []struct{ schedule, session, want string }{
		{"us", "2013-05-24", "us is known from 2013-05-25 on"},
		{"hk", "2014-10-31", "hk is known from 2014-11-01 on"},
		{"cn", "2024-01-02", `fee schedule "cn"`},
	} {
		if _, err := sim.RatesOf(c.schedule, c.session); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %s", c.schedule, c.session, err, c.want)
		}
	}
}

func withModel(m *sim.Model, more ...func(*sim.Session)) func(*sim.Session) {
	return func(s *sim.Session) {
		s.Model = m
		for _, change := range more {
			change(s)
		}
	}
}

func feesOf(records []sim.Record) (fees, notes []int64) {
	for _, r := range records {
		if r.Kind == sim.KindFill || r.Kind == sim.KindCorrect {
			fees, notes = append(fees, r.Fee), append(notes, r.NoteFee)
		}
	}
	return fees, notes
}

// An order's fills of a session are one contract note, charged as one: what a later fill costs is what the note costs more.
func TestAContractNoteIsChargedOnce(t *testing.T) {
	hk := withModel(&sim.Model{Fees: &sim.FeeModel{Schedule: "hk", AsOf: "2025-06-27"}}, func(s *sim.Session) {
		s.InitialCash = 1_000_000 * usd
		s.Fees = sim.Fees{PerShareMicro: 10_000} // a cent a share, a fill
	})
	d := newDesk(t, day(hk, quote(open, 1, 9*usd, 30, 10*usd, 100), quote(open+hour, 1, 9*usd, 30, 10*usd, 200), quote(open+2*hour, 1, 9*usd, 30, 10*usd, 1000)))
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 1000, 10*usd))
	d.advance(open + 3*hour)
	// 1,000.00: 1 + 0.03 + 0 + 0.06 + 2; 3,000.00: 3 + 0.08 + 0 + 0.17 + 2; 10,000.00: 10 + 0.27 + 0.02 + 0.57 + 2.
	fees, notes := feesOf(d.log)
	want := []int64{3_090_000, 5_250_000 - 3_090_000, 12_860_000 - 5_250_000}
	for i, w := range want {
		if notes[i] != w || fees[i] != w+[]int64{100, 200, 700}[i]*10_000 {
			t.Errorf("fill %d: fee %d, of it the note %d, want the note %d", i, fees[i], notes[i], w)
		}
	}
	if o, _ := d.e.Order("a"); o.NoteFees != 12_860_000 || o.Fees != 12_860_000+10*usd {
		t.Errorf("the order was charged %d, of it the note %d", o.Fees, o.NoteFees)
	}
	d.wantAccount("cash 989977140000 1:1000") // 1,000,000 - 10,000 - 10 - 12.86
	d.resumed()
	// Another order is another note.
	d.want(d.order(open+3*hour, "b", market(1, sim.Sell, 30)), "order b; ack b; fill b 30@9000000 cum 30 leaves 0")
	if _, notes := feesOf(d.log[len(d.log)-1:]); notes[0] != 3_030_000 { // 270.00: 1 + 0.01 + 0 + 0.02 + 2
		t.Errorf("the sale's note %d", notes[0])
	}
	// Corrected to 10, its note is that of 90.00: 1 + 0 + 0 + 0.01 + 2; busted, nothing.
	records, _, err := d.e.CorrectLast(open+3*hour, 10)
	if fees, notes := feesOf(d.keep(records, err)); notes[0] != 3_010_000 || fees[0] != 3_110_000 {
		t.Errorf("corrected: fee %d, note %d", fees[0], notes[0])
	}
	records, _, err = d.e.CorrectLast(open+3*hour, 0)
	if fees, notes := feesOf(d.keep(records, err)); notes[0] != 0 || fees[0] != 0 {
		t.Errorf("busted: fee %d, note %d", fees[0], notes[0])
	}
	d.wantAccount("cash 989977140000 1:1000")
	d.resumed()
}

func TestStampExemptAndReservedFees(t *testing.T) {
	exempt := true
	m := &sim.Model{Fees: &sim.FeeModel{Schedule: "hk", AsOf: "2025-07-02"}, Instruments: []sim.InstrumentTraits{{InstrumentID: 2, StampExempt: &exempt}}}
	d := newDesk(t, day(withModel(m, func(s *sim.Session) { s.InitialCash = 1_002 * usd }), quote(open, 1, 9*usd, 30, 10*usd, 100), quote(open, 2, 9*usd, 30, 10*usd, 100)))
	d.start()
	// 100 at 10 cost 1,000 and 1 + 0.03 + 0.06 + 0.04: within 1,002. The stamp of 101 would be 2.
	d.want(d.order(open+1, "much", limit(1, sim.Buy, 101, 10*usd)), "order much; reject much: insufficient cash")
	d.want(d.order(open+1, "a", limit(1, sim.Buy, 100, 10*usd)), "order a; ack a; fill a 100@10000000 cum 100 leaves 0")
	d.wantAccount("cash 870000 1:100")
	d.order(open+2, "s", market(1, sim.Sell, 30))
	d.want(d.order(open+3, "b", limit(2, sim.Buy, 26, 10*usd)), "order b; ack b; fill b 26@10000000 cum 26 leaves 0")
	if fees, _ := feesOf(d.log[len(d.log)-1:]); fees[0] != 30_000 { // no stamp on 260.00: 0.01 + 0 + 0.01 + 0.01
		t.Errorf("fee %d", fees[0])
	}
}
