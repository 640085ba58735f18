package sim_test

import (
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
		// What is accepted can be traded or is refused; it never panics.
		if _, _, err := sim.Resume(sim.MarketDay{Session: s, Digest: "d"}, nil); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzReadLog(f *testing.F) {
	f.Add([]byte(`{"n":1,"ts_ns":1,"kind":"session","ev":0,"session":"2023-11-14","region":"US","state":"waiting"}` + "\n"))
	f.Add([]byte(`{"n":1,"kind":"fill","cl_ord_id":"a","qty":-1}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, complete, err := sim.ReadLog(data)
		if err != nil {
			return
		}
		if complete > len(data) || complete > 0 && data[complete-1] != '\n' {
			t.Fatalf("%d of %d bytes", complete, len(data))
		}
		// Whatever the records say, they are applied or refused; they never panic.
		e, _, err := sim.Resume(day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)), records)
		if err == nil && e.Cash() < 0 {
			t.Fatalf("cash %d", e.Cash())
		}
	})
}
