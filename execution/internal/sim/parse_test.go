package sim_test

import (
	"strconv"
	"strings"
	"testing"

	"dnalyaw/execution/internal/sim"
)

const header = "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n"

func TestParseEvents(t *testing.T) {
	got, err := sim.ParseEvents("m.csv", []byte(header+
		"1000,7,0700,quote,0,320200000,0,100,recorded quote\r\n"+
		"1000,9,TAP.A,auction,51000000,51000000,0,0,recorded daily open\n"))
	want := []sim.Event{
		{TsNs: 1000, InstrumentID: 7, Symbol: "0700", Ask: 320_200_000, AskSize: 100, Source: "recorded quote"},
		{TsNs: 1000, InstrumentID: 9, Symbol: "TAP.A", Auction: true, Bid: 51_000_000, Ask: 51_000_000, Source: "recorded daily open"},
	}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("%v %+v", err, got)
	}
}

func TestParseEventsNamesTheFileTheLineAndTheFault(t *testing.T) {
	good := "1000,7,AAA,quote,1,2,1,1,s\n"
	for _, c := range []struct{ data, want string }{
		{"", "m.csv:1: header"},
		{"ts_ns,id\n", "m.csv:1: header"},
		{header + good + "1000,8\n", "m.csv:3: 2 columns, want 9"},
		{header + good + "\n", "m.csv:3: 1 columns, want 9"},
		{header + "1000,7,AAA,quote,1.5,2,1,1,s\n", `m.csv:2: bid is "1.5"`},
		{header + "1000,7,AAA,quote,1,-2,1,1,s\n", `m.csv:2: ask is "-2"`},
		{header + "1000,7,AAA,quote,1,2,99999999999999999999,1,s\n", "m.csv:2: bid_size"},
		{header + "1000,0,AAA,quote,1,2,1,1,s\n", "m.csv:2: instrument_id is 0"},
		{header + "1000,7,,quote,1,2,1,1,s\n", "m.csv:2: symbol"},
		{header + "1000,7,AAA,trade,1,2,1,1,s\n", `m.csv:2: kind is "trade"`},
		{header + "1000,7,AAA,quote,3,2,1,1,s\n", "m.csv:2: crossed quote"},
		{header + "1000,7,AAA,auction,1,2,1,1,s\n", "m.csv:2: auction"},
		{header + "1000,7,AAA,auction,0,0,1,1,s\n", "m.csv:2: auction"},
		{header + good + "999,7,AAA,quote,1,2,1,1,s\n", "m.csv:3: rows must be sorted"},
		{header + good + "1000,6,BBB,quote,1,2,1,1,s\n", "m.csv:3: rows must be sorted"},
		{header + good + "1001,7,BBB,quote,1,2,1,1,s\n", `m.csv:3: instrument 7 is "BBB"`},
		{header + good + "1001,8,AAA,quote,1,2,1,1,s\n", `m.csv:3: symbol "AAA" is instrument 8`},
	} {
		if _, err := sim.ParseEvents("m.csv", []byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.data, err, c.want)
		}
	}
}

const goodSession = `{
 "region": "HK", "session": "2023-11-14", "currency": "HKD", "open_ns": 100, "close_ns": 900,
 "breaks": [[200, 300]],
 "actions": [{"instrument_id": 1, "kind": "split", "ratio_num": 2, "ratio_den": 1, "amount_micro": 0}],
 "initial_cash_micro": 5, "fees": {"bp_milli": 10}, "reject_bp": 1, "seed": -3
}`

// Numbers are read as strconv reads them, signs, overflow and all.
func TestWholeNumbers(t *testing.T) {
	for _, text := range []string{
		"0", "1", "007", "+5", "++5", "+", "-0", "-1", "", " 1", "1 ", "1_000", "0x1", "9223372036854775807", "9223372036854775808", "9223372036854775799",
		"92233720368547758070", "18446744073709551616", "99999999999999999999", "00000000000000000000001",
	} {
		want, err := strconv.ParseInt(text, 10, 64)
		got, perr := sim.ParseEvents("m.csv", []byte(header+text+",7,AAA,quote,1,2,1,1,s\n"))
		if (err == nil && want >= 0 && text[0] != '-') != (perr == nil) || perr == nil && got[0].TsNs != want {
			t.Errorf("%q: %v, strconv says %d %v", text, perr, want, err)
		}
	}
}

func TestParseSession(t *testing.T) {
	s, err := sim.ParseSession("s.json", []byte(goodSession))
	if err != nil || s.Region != "HK" || s.Breaks[0] != [2]int64{200, 300} || s.Fees.BpMilli != 10 || s.Seed != -3 ||
		s.Actions[0] != (sim.Action{InstrumentID: 1, Kind: "split", RatioNum: 2, RatioDen: 1}) {
		t.Fatalf("%v %+v", err, s)
	}
}

func TestParseSessionNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"region": "HK"`, `"region": ""`, "region is missing"},
		{`"HKD"`, `""`, "currency is missing"},
		{`2023-11-14`, `20231114`, "no date YYYY-MM-DD"},
		{`"close_ns": 900`, `"close_ns": 100`, "the close must follow the open"},
		{`[[200, 300]]`, `[[200, 901]]`, "breaks[0]"},
		{`[[200, 300]]`, `[[200, 300], [250, 400]]`, "breaks[1]"},
		{`"ratio_den": 1`, `"ratio_den": 0`, "actions[0]: split ratio 2/0"},
		{`"split"`, `"merger"`, `kind "merger"`},
		{`"bp_milli": 10`, `"bp_mili": 10`, "bp_mili"},
		{`"bp_milli": 10`, `"bp_milli": -10`, "fees.bp_milli is -10"},
		{`"reject_bp": 1`, `"reject_bp": 10001`, "reject_bp is 10001"},
		{`"initial_cash_micro": 5`, `"initial_cash_micro": 5.5`, "s.json:5:"},
		{`"seed": -3`, `"seed": -3,`, "s.json:6:"},
		{"\n}", "\n} {}", "something follows"},
		{"\n}", "\n}}", "something follows"},
		{"\n}", "\n}]", "something follows"},
	} {
		data := strings.Replace(goodSession, c.old, c.new, 1)
		if data == goodSession {
			t.Fatalf("%q is not in the file", c.old)
		}
		if _, err := sim.ParseSession("s.json", []byte(data)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "s.json") {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
}

const goodModel = `{
 "region": "HK", "session": "2025-07-02", "currency": "HKD", "open_ns": 100, "close_ns": 900, "breaks": [], "actions": [],
 "initial_cash_micro": 5, "fees": {}, "reject_bp": 1, "seed": 3,
 "model": {
  "queue": {"trade_bp": 5000, "cancel_ahead_bp": 4000, "fill_bp": 9000},
  "impact": {"temporary": 1.1, "permanent": 0.314, "half_life_ns": 60, "depth_bp": 50},
  "latency": {"order": {"mu": 5.5, "sigma": 0.4}, "report": {"mu": 5.1, "sigma": 0.3}, "paths": [{"path": 2, "order": {"mu": 6, "sigma": 0.2}}]},
  "halts": [{"instrument_id": 1, "start_ns": 200, "end_ns": 300, "reopen_micro": 7}, {"instrument_id": 1, "start_ns": 300, "end_ns": 400}],
  "halt_orders": "reject",
  "auctions": {"share_bp": 2000, "pro_rata": true},
  "settlement": {"date": "2025-07-04", "proceeds": "settled"},
  "fees": {"schedule": "hk", "as_of": "2025-07-02"},
  "borrow": {"default_bp": 30, "days": 1, "day_count": 365},
  "defaults": {"adv": 1000, "volatility_bp": 150, "tick_micro": 10000, "borrow_bp": 0, "stamp_exempt": false},
  "instruments": [{"instrument_id": 1, "adv": 5, "stamp_exempt": true}]
 }
}`

func TestParseModel(t *testing.T) {
	s, err := sim.ParseSession("s.json", []byte(goodModel))
	if err != nil {
		t.Fatal(err)
	}
	m := s.Model
	if *m.Queue != (sim.QueueModel{TradeBp: 5000, CancelAheadBp: 4000, FillBp: 9000}) || *m.Impact != (sim.ImpactModel{Temporary: 1.1, Permanent: 0.314, HalfLifeNs: 60, DepthBp: 50}) ||
		m.Latency.Report.Mu != 5.1 || len(m.Halts) != 2 || m.Halts[0].ReopenMicro != 7 || m.HaltOrders != sim.HaltReject || !m.Auctions.ProRata ||
		m.Settlement.Proceeds != sim.ProceedsSettled || m.Fees.Schedule != sim.ScheduleHK || m.Borrow.DayCount != 365 || m.Defaults.ADV != 1000 ||
		*m.Instruments[0].ADV != 5 || m.Instruments[0].TickMicro != nil {
		t.Errorf("%+v", m)
	}
}

func TestParseModelNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"trade_bp": 5000`, `"trade_bps": 5000`, "trade_bps"},
		{`"queue":`, `"cue":`, `"cue"`},
		{`"stamp_exempt": true`, `"stamp": true`, `"stamp"`},
		{`"trade_bp": 5000`, `"trade_bp": 10001`, "model.queue.trade_bp is 10001"},
		{`"cancel_ahead_bp": 4000`, `"cancel_ahead_bp": -1`, "model.queue.cancel_ahead_bp is -1"},
		{`"fill_bp": 9000`, `"fill_bp": -1`, "model.queue.fill_bp is -1"},
		{`"temporary": 1.1`, `"temporary": -1`, "model.impact: temporary -1"},
		{`"permanent": 0.314`, `"permanent": 1e9`, "permanent 1e+09"},
		{`"half_life_ns": 60`, `"half_life_ns": -1`, "model.impact.half_life_ns is -1"},
		{`"depth_bp": 50`, `"depth_bp": 20000`, "model.impact.depth_bp is 20000"},
		{`"mu": 5.5`, `"mu": 23`, "model.latency.order: mu 23"},
		{`"sigma": 0.3`, `"sigma": -0.3`, "model.latency.report: mu 5.1, sigma -0.3"},
		{`"path": 2`, `"path": 3`, "model.latency.paths[0]: path 3: give path 1 or 2 once"},
		{`"mu": 6, "sigma": 0.2`, `"mu": 6, "sigma": -1`, "model.latency.paths[0].order: mu 6, sigma -1"},
		{`, "order": {"mu": 6, "sigma": 0.2}`, ``, "model.latency.paths[0]: path 2: give path 1 or 2 once, with its order"},
		{`"start_ns": 200`, `"start_ns": 99`, "model.halts[0]: 99 to 300"},
		{`"end_ns": 400`, `"end_ns": 901`, "model.halts[1]: 300 to 901"},
		{`"start_ns": 300`, `"start_ns": 299`, "model.halts[1]: the halts of instrument 1 must ascend"},
		{`"reopen_micro": 7`, `"reopen_micro": -7`, "model.halts[0]: reopen_micro is -7"},
		{`"instrument_id": 1, "start_ns": 200`, `"instrument_id": 0, "start_ns": 200`, "model.halts[0]: instrument_id is 0"},
		{`"halt_orders": "reject"`, `"halt_orders": "hold"`, `model.halt_orders is "hold"`},
		{`"share_bp": 2000`, `"share_bp": -1`, "model.auctions.share_bp is -1"},
		{`"date": "2025-07-04"`, `"date": "2025-07-02"`, `model.settlement.date is "2025-07-02"`},
		{`"date": "2025-07-04"`, `"date": "4 July"`, `model.settlement.date is "4 July"`},
		{`"proceeds": "settled"`, `"proceeds": "none"`, `model.settlement.proceeds is "none"`},
		{`"schedule": "hk"`, `"schedule": "cn"`, `model.fees: fee schedule "cn"`},
		{`"as_of": "2025-07-02"`, `"as_of": "2010-01-04"`, "model.fees: fee schedule hk is known from 2014-11-01 on"},
		{`"as_of": "2025-07-02"`, `"as_of": "soon"`, `model.fees.as_of "soon"`},
		{`"default_bp": 30`, `"default_bp": -1`, "model.borrow.default_bp is -1"},
		{`"days": 1`, `"days": 32`, "model.borrow.days is 32"},
		{`"day_count": 365`, `"day_count": 252`, "model.borrow.day_count is 252"},
		{`"adv": 1000`, `"adv": -1`, "model.defaults: adv is -1"},
		{`"volatility_bp": 150`, `"volatility_bp": 10001`, "model.defaults: volatility_bp is 10001"},
		{`"tick_micro": 10000`, `"tick_micro": -1`, "model.defaults: tick_micro is -1"},
		{`"borrow_bp": 0`, `"borrow_bp": -1`, "model.defaults: borrow_bp is -1"},
		{`"adv": 5`, `"adv": -5`, "model.instruments[0]: adv is -5"},
		{`"instrument_id": 1, "adv": 5`, `"adv": 5`, "model.instruments[0]: instrument_id is 0"},
		{`"mu": 5.5`, `"mu": "x"`, "s.json:7:"},
	} {
		data := strings.Replace(goodModel, c.old, c.new, 1)
		if data == goodModel {
			t.Fatalf("%q is not in the file", c.old)
		}
		if _, err := sim.ParseSession("s.json", []byte(data)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "s.json") {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
}

func TestReadLogCutsWhatAKillLeftAndRefusesDamage(t *testing.T) {
	line := `{"n":1,"ts_ns":1,"kind":"session","cl_ord_id":"","instrument_id":0,"side":"","qty":0,"px":0,"cum":0,"leaves":0,"exec_id":"","text":"","ev":0,"session":"2023-11-14","state":"waiting"}` + "\n"
	for torn := range len(line) {
		records, complete, err := sim.ReadLog([]byte(line + strings.Replace(line, `"n":1`, `"n":2`, 1)[:torn]))
		if err != nil || len(records) != 1 || complete != len(line) {
			t.Fatalf("torn at %d: %d records, %d bytes, %v", torn, len(records), complete, err)
		}
	}
	for name, data := range map[string]string{
		"gap": line + strings.Replace(line, `"n":1`, `"n":3`, 1), "twice": line + line, "empty line": "\n" + line,
		"two on a line": strings.TrimSuffix(line, "\n") + line, "unknown field": strings.Replace(line, `"n":1`, `"n":1,"x":1`, 1),
		"half": line[:40] + "\n",
	} {
		if _, _, err := sim.ReadLog([]byte(data)); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(header + "1000,7,AAA,quote,1,2,1,1,s\n1000,9,B,auction,5,5,0,0,s\n"))
	f.Add([]byte(header + "1,1,A,quote,,,,,\n"))
	f.Add([]byte("ts_ns"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := sim.ParseEvents("f", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		for i, ev := range events {
			if ev.InstrumentID <= 0 || ev.Bid < 0 || ev.Ask < 0 || ev.BidSize < 0 || ev.AskSize < 0 || ev.Symbol == "" {
				t.Fatalf("accepted %+v", ev)
			}
			if ev.Bid > 0 && ev.Ask > 0 && ev.Bid > ev.Ask || ev.Auction && (ev.Bid != ev.Ask || ev.Bid == 0) {
				t.Fatalf("accepted %+v", ev)
			}
			if i > 0 && ev.TsNs < events[i-1].TsNs {
				t.Fatal("accepted rows out of order")
			}
		}
	})
}

func FuzzParseSession(f *testing.F) {
	f.Add([]byte(goodSession))
	f.Add([]byte(`{"breaks":[[1]],"fees":null}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(goodModel))
	f.Add([]byte(strings.Replace(goodModel, `"model": {`, `"model": {"impact": null, `, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := sim.ParseSession("f", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f") {
				t.Fatalf("the error names no file: %v", err)
			}
			return
		}
		if s.CloseNs <= s.OpenNs || s.Region == "" || s.RejectBp < 0 || s.RejectBp > 10_000 || s.Fees.MinMicro < 0 {
			t.Fatalf("accepted %+v", s)
		}
		if m := s.Model; m != nil && m.Latency != nil && m.Latency.Order != nil {
			if ns := m.Latency.Order.Draw(s.Seed, "order", "US-1"); ns < 0 || ns > 3_600_000_000_000 {
				t.Fatalf("a latency of %d ns", ns)
			}
		}
		// What is accepted can be traded or is refused; it never panics.
		d := sim.MarketDay{Session: s, Digest: "d", Events: []sim.Event{quote(s.OpenNs, 1, 9*usd, 30, 10*usd, 50), quote(s.OpenNs+1, 1, 9*usd, 20, 10*usd, 50)}}
		e, _, err := sim.Resume(d, nil)
		if err == nil {
			_, err = e.Start()
		}
		for i, o := range []sim.NewOrder{market(1, sim.Buy, 70), limit(1, sim.Buy, 9, 9*usd), market(1, sim.Sell, 7)} {
			if err == nil {
				o.ClOrdID, o.Symbol = string(rune('a'+i)), "S1"
				_, err = e.Submit(s.OpenNs, o)
			}
		}
		if err == nil {
			_, err = e.Advance(s.CloseNs)
		}
		if err == nil {
			err = sim.CheckSums(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzReadLog(f *testing.F) {
	f.Add([]byte(`{"n":1,"ts_ns":1,"kind":"session","ev":0,"session":"2023-11-14","region":"US","state":"waiting"}` + "\n"))
	f.Add([]byte(`{"n":1,"kind":"fill","cl_ord_id":"a","qty":-1}` + "\n"))
	f.Add([]byte(`{"n":1,"ts_ns":1,"kind":"session","session":"2023-11-14","region":"US","state":"waiting","market":"d","settle":"2023-11-16","cash":9}` + "\n" +
		`{"n":2,"kind":"session","session":"2023-11-14","state":"open","ev":1}` + "\n" + `{"n":3,"kind":"halt","instrument_id":1,"by_hand":true}` + "\n" +
		`{"n":4,"kind":"order","cl_ord_id":"a","instrument_id":1,"side":"buy","qty":5,"type":1,"symbol":"S1","due_ns":7}` + "\n" +
		`{"n":5,"kind":"pending","cl_ord_id":"a","cancel_id":"c","due_ns":8}` + "\n" + `{"n":6,"kind":"resume","instrument_id":1,"by_hand":true,"px":3}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, complete, err := sim.ReadLog(data)
		if err != nil {
			return
		}
		if complete > len(data) || complete > 0 && data[complete-1] != '\n' {
			t.Fatalf("%d of %d bytes", complete, len(data))
		}
		// Whatever the records say, they are applied or refused; they never panic.
		for _, m := range []*sim.Model{nil, {
			Queue: &sim.QueueModel{TradeBp: 5_000, FillBp: 5_000}, Impact: &sim.ImpactModel{Temporary: 1, Permanent: 1}, Defaults: liquid,
			Latency: &sim.LatencyModel{Order: &sim.LogNormal{Mu: 5}}, Settlement: &sim.SettlementModel{Date: "2023-11-16"},
		}} {
			e, _, err := sim.Resume(day(withModel(m), quote(open, 1, 9*usd, 30, 10*usd, 50)), records)
			if err != nil {
				continue
			}
			if e.Cash() < 0 {
				t.Fatalf("cash %d", e.Cash())
			}
			if err := sim.CheckSums(e); err != nil {
				t.Fatal(err)
			}
		}
	})
}
