package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/audit"
)

const (
	cid      = "00112233445566778899aabbccddeeff"
	cidBytes = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
)

// The rules are frozen: a row that is in a table already must come out the same for ever. A line here is never changed.
func TestFrozenRules(t *testing.T) {
	for _, c := range []struct {
		body string
		want audit.Entry
	}{
		// omsd's records.
		{`{"k":"session","ts":7,"session":{"region":"US","session":20240105,"last_order_id":10}}`, audit.Entry{TsNs: 7, Kind: "session"}},
		{`{"k":"plan","ts":7,"plan":{"orders":[{"id":11,"instrument_id":3,"correlation":"` + cid + `"}]}}`, audit.Entry{TsNs: 7, Kind: "plan"}},
		{`{"k":"own","ts":7,"own":{"order_id":11,"event":1}}`, audit.Entry{TsNs: 7, Kind: "own", OrderID: 11}},
		{`{"k":"exec","ts":7,"exec":{"order_id":11,"exec_id":3,"type":1}}`, audit.Entry{TsNs: 7, Kind: "exec", OrderID: 11}},
		{`{"k":"foreign","ts":7,"foreign":{"order_id":4611686018427387905,"instrument_id":3,"open":true}}`,
			audit.Entry{TsNs: 7, Kind: "foreign", OrderID: 1<<62 + 1, InstrumentID: 3}},
		{`{"k":"own","ts":7,"correlation":"` + cid + `","own":{"order_id":11}}`, audit.Entry{TsNs: 7, Kind: "own", OrderID: 11, Correlation: cid}},
		{`{"k":"plan","ts":7,"correlation":"` + cid + `","plan":{"orders":[{"id":11}]}}`, audit.Entry{TsNs: 7, Kind: "plan", Correlation: cid}},
		{`{"k":"child","ts":7,"order_id":12,"instrument_id":3,"correlation":"` + cid + `","child":{"order":{"id":12}}}`,
			audit.Entry{TsNs: 7, Kind: "child", OrderID: 12, InstrumentID: 3, Correlation: cid}},
		// omsd's that are no JSON, their heads by hand: time 7 is 14 in zigzag, order 300 is ac 02, instrument -2 is 3 in zigzag.
		{"\x04\x0e\xac\x02\x06" + cidBytes + "the rest", audit.Entry{TsNs: 7, Kind: "own", OrderID: 300, InstrumentID: 3, Correlation: cid}},
		{"\x05\x0e\xac\x02\x03" + cidBytes, audit.Entry{TsNs: 7, Kind: "decision", OrderID: 300, InstrumentID: -2, Correlation: cid}},
		{"\x06\x0e\xac\x02\x06" + strings.Repeat("\x00", 16), audit.Entry{TsNs: 7, Kind: "exec", OrderID: 300, InstrumentID: 3}},
		{"\x06\x0e\xac\x02\x06" + cidBytes[:15], audit.Entry{Kind: "unreadable"}},
		{"\x06\x0e\xac", audit.Entry{Kind: "unreadable"}},
		{"\x06", audit.Entry{Kind: "unreadable"}},
		{"\x03\x0e\xac\x02\x06" + cidBytes, audit.Entry{Kind: "unreadable"}},
		{"\x07\x0e\xac\x02\x06" + cidBytes, audit.Entry{Kind: "unreadable"}},
		// riskd's.
		{`{"kind":"start","wall_ns":9,"region":"US","session":1,"reference_hash":"","limits_hash":""}`, audit.Entry{TsNs: 9, Kind: "start"}},
		{`{"kind":"decision","ts_ns":8,"wall_ns":9,"session":1,"order":{"order_id":18446744073709551615,"instrument_id":3,"quantity":5},"correlation":"` +
			cid + `","decision":1,"metrics":{"position":4}}`, audit.Entry{TsNs: 8, Kind: "decision", OrderID: 1<<64 - 1, InstrumentID: 3, Correlation: cid}},
		{`{"kind":"exec","order_id":11,"ts_ns":8,"exec_id":"E1"}`, audit.Entry{TsNs: 8, Kind: "exec", OrderID: 11}},
		{`{"kind":"cancel","order_id":11,"correlation":"00000000000000000000000000000000","ts_ns":8}`, audit.Entry{TsNs: 8, Kind: "cancel", OrderID: 11}},
		{`{"kind":"stop","session":1,"instrument_id":3,"direction":1,"level":5,"ts_ns":8}`, audit.Entry{TsNs: 8, Kind: "stop", InstrumentID: 3}},
		{`{"kind":"snapshot","part":"order","decision":{"order":{"order_id":11}},"done":true}`, audit.Entry{Kind: "snapshot"}},
		{`{"kind":"refusal","order":{"order_id":1,"instrument_id":18446744073709551615}}`, audit.Entry{Kind: "refusal", OrderID: 1}},
		// What is odd.
		{` { "k" : "own" , "ts" : 7 , "own" : { "order_id" : 11 } } `, audit.Entry{TsNs: 7, Kind: "own", OrderID: 11}},
		{`{"k":"own","k":"exec","own":{"order_id":1},"exec":{"order_id":2,"order_id":3}}`, audit.Entry{Kind: "exec", OrderID: 3}},
		{`{"order_id":5,"k":"own","own":{"order_id":1}}`, audit.Entry{Kind: "own", OrderID: 5}},
		{`{"k":"own","ts":1.5,"own":{"order_id":"11","instrument_id":true,"correlation":7}}`, audit.Entry{Kind: "own"}},
		{`{"k":"own","own":{"order_id":-1,"instrument_id":-3}}`, audit.Entry{Kind: "own", InstrumentID: -3}},
		{`{"k":"\u006fwn","own":{"order_id":4}}`, audit.Entry{Kind: "own", OrderID: 4}},
		{`{"k":"Own","ts":3}`, audit.Entry{TsNs: 3, Kind: "unreadable"}},
		{`{"k":5,"ts":3}`, audit.Entry{TsNs: 3, Kind: "unreadable"}},
		{`{}`, audit.Entry{Kind: "unreadable"}},
		{`[{"k":"own"}]`, audit.Entry{Kind: "unreadable"}},
		{`{"k":"own"`, audit.Entry{Kind: "unreadable"}},
		{"{\"k\":\"own\",\"x\":\"\xff\"}", audit.Entry{Kind: "unreadable"}},
		{"", audit.Entry{Kind: "unreadable"}},
	} {
		got := audit.Decode(1, []byte(c.body))
		if got.TsNs != c.want.TsNs || got.Kind != c.want.Kind || got.OrderID != c.want.OrderID || got.InstrumentID != c.want.InstrumentID ||
			got.Correlation != c.want.Correlation || string(got.Body) != c.body {
			t.Errorf("%s\n got %+v\nwant %+v", c.body, got, c.want)
		}
	}
}

func TestWhatIsKeptAsJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, want := range map[string]bool{
		`{}`: true, ` 1 `: true, `"\u0000"`: true, `"\ud800"`: true, deep(256): true, deep(257): false, ``: false, `{`: false,
		"\"\xc3\x28\"": false, "\"\x00\"": false, `"[[[["`: true, `{"a":"\"[{","b":[{}]}`: true,
	} {
		e := audit.Entry{Body: []byte(body)}
		if e.JSON() != want || e.JSON() != want {
			t.Errorf("%.40q: %v", body, !want)
		}
	}
}

// values makes JSON of every form, with names that the rules know.
func values(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		forms := 6
		if depth == 0 {
			forms = 4
		}
		switch rapid.IntRange(0, forms-1).Draw(t, "form") {
		case 0:
			return json.Number(rapid.SampledFrom([]string{"0", "-1", "7", "1.5", "1e3", "18446744073709551615", "9223372036854775808", "99999999999999999999"}).Draw(t, "number"))
		case 1:
			return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"own", "exec", cid, `a"b\c`, "}]"})).Draw(t, "string")
		case 2:
			return rapid.Bool().Draw(t, "bool")
		case 3:
			return nil
		case 4:
			return rapid.SliceOfN(values(depth-1), 0, 3).Draw(t, "array")
		default:
			return object(depth-1).Draw(t, "object")
		}
	})
}

func object(depth int) *rapid.Generator[map[string]any] {
	keys := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"k", "kind", "ts", "ts_ns", "wall_ns", "own", "exec", "order", "order_id", "instrument_id", "correlation"}))
	return rapid.MapOfN(keys, values(depth), 0, 6)
}

// The judge is encoding/json: what it finds under a name is what the record says.
func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record := object(3).Draw(t, "record")
		var body []byte
		var err error
		if rapid.Bool().Draw(t, "spread") {
			body, err = json.MarshalIndent(record, " ", "\t")
		} else {
			body, err = json.Marshal(record)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := audit.Decode(1, body)
		str := func(o map[string]any, key string) string { s, _ := o[key].(string); return s }
		num := func(o map[string]any, key string) int64 {
			n, ok := o[key].(json.Number)
			if !ok {
				return 0
			}
			i, err := n.Int64()
			if err != nil {
				return 0
			}
			return i
		}
		first := func(ns ...int64) int64 {
			for _, n := range ns {
				if n != 0 {
					return n
				}
			}
			return 0
		}
		kind := str(record, "k")
		if kind == "" {
			kind = str(record, "kind")
		}
		named, _ := record[kind].(map[string]any)
		order, _ := record["order"].(map[string]any)
		if want := first(num(record, "ts"), num(record, "ts_ns"), num(record, "wall_ns")); got.TsNs != want {
			t.Fatalf("%s: time %d, want %d", body, got.TsNs, want)
		}
		if want := first(num(record, "instrument_id"), num(named, "instrument_id"), num(order, "instrument_id")); got.InstrumentID != want {
			t.Fatalf("%s: instrument %d, want %d", body, got.InstrumentID, want)
		}
		if audit.ValidKind(kind) != (got.Kind == kind) {
			t.Fatalf("%s: kind %q, want %q", body, got.Kind, kind)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"k":"own","ts":7,"own":{"order_id":11}}`, `{"kind":"exec","order_id":1}`, `{"a":[{"b":"\"}"}],"k":"x"}`, ``, `{`, "{\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := audit.Decode(1, b)
		if !audit.ValidKind(e.Kind) || e.Correlation != "" && !audit.ValidCorrelation(e.Correlation) {
			t.Fatalf("%+v", e)
		}
		if e.JSON() && !(json.Valid(b) && utf8.Valid(b)) {
			t.Fatal("kept as JSON and is none")
		}
		var keys []string
		if !e.JSON() || !audit.Fields(b, func(key, value []byte) {
			keys = append(keys, string(key))
			if !json.Valid(value) {
				t.Fatalf("%s: the value of %s is %q", b, key, value)
			}
		}) {
			return
		}
		// The judge counts members by reading tokens.
		var m map[string]json.RawMessage
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		if len(keys) < len(m) {
			t.Fatalf("%s: %d members of %d", b, len(keys), len(m))
		}
	})
}
