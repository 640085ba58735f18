package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func shared(t testing.TB) string {
	t.Helper()
	if data := filepath.Join("..", "..", "..", "..", "shared", "data"); exists(data) {
		return data
	}
	t.Skip("no shared/data beside the checkout")
	return ""
}

func readAll(t testing.TB, f Feed, ids ...int64) []Quote {
	t.Helper()
	if err := Open(context.Background(), f, ids...); err != nil {
		t.Fatal(err)
	}
	quotes, err := ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return quotes
}

func TestParseNumbers(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-0": 0, "007": 7, "-12": -12, "9223372036854775807": 1<<63 - 1} {
		if got, ok := parseInt([]byte(text)); !ok || got != want {
			t.Errorf("%s: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "+1", "1.0", "9223372036854775808", "99999999999999999999", " 1", "1e3"} {
		if got, ok := parseInt([]byte(text)); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
	for text, want := range map[string]int64{"15.1": 15_100_000, "7": 7_000_000, "0.0000005": 1, "0.0000004": 0, "47.439": 47_439_000} {
		if got, ok := parseDecimal([]byte(text), 6); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", ".5", "5.", "-1", "1.2.3", "1e5", "1234567890123", "0.1x"} {
		if got, ok := parseDecimal([]byte(text), 6); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
}

const marketJSON = `{"region":"US","session":"2024-06-28","currency":"USD","open_ns":2000,"close_ns":9000,"breaks":[[4000,5000]],
 "actions":[{"instrument_id":7,"kind":"split","ratio_num":7,"ratio_den":1},{"instrument_id":8,"kind":"dividend","amount_micro":500000},{"instrument_id":9,"kind":"delisting","amount_micro":1}]}`

func writeMarket(t *testing.T, rows string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "2024-06-28")
	for name, text := range map[string]string{path + ".csv": marketHeader + "\n" + rows, path + ".json": marketJSON} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestMarket(t *testing.T) {
	path := writeMarket(t, "1000,7,0700,quote,0,320200000,0,100,recorded quote\r\n"+
		"2000,9,TAP.A,auction,51000000,51000000,12,12,recorded daily open\n"+
		"4500,7,0700,quote,320300000,320200000,1,2,recorded quote")
	m := NewMarket(path)
	got := readAll(t, m)
	want := []Quote{
		{TsNs: 1000, Kind: KindStatus, Status: StatusClose},
		{TsNs: 1000, InstrumentID: 7, Kind: KindQuote, Ask: 320_200_000, AskSize: 100, Source: "recorded quote"},
		{TsNs: 2000, Kind: KindStatus, Status: StatusOpen},
		{TsNs: 2000, InstrumentID: 9, Kind: KindAuction, Last: 51_000_000, LastSize: 12, Source: "recorded daily open"},
		{TsNs: 4000, Kind: KindStatus, Status: StatusBreak},
		{TsNs: 4500, InstrumentID: 7, Kind: KindQuote, Bid: 320_300_000, Ask: 320_200_000, BidSize: 1, AskSize: 2, Source: "recorded quote"},
		{TsNs: 5000, Kind: KindStatus, Status: StatusOpen},
		{TsNs: 9000, Kind: KindStatus, Status: StatusClose},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if m.Symbol(7) != "0700" || m.Symbol(8) != "" {
		t.Errorf("symbols %q %q", m.Symbol(7), m.Symbol(8))
	}
	only := readAll(t, NewMarket(path), 9)
	if len(only) != 5 || only[1].InstrumentID != 9 {
		t.Errorf("of instrument 9: %+v", only)
	}
	if a := m.Session().Announced(); len(a) != 2 || a[0].RatioNum != 7 || a[1] != (Action{8, 2000 - int64(12*time.Hour), 1, 1, 500_000}) {
		t.Errorf("%+v", a)
	}
}

func TestMarketNamesTheFileTheLineAndTheFault(t *testing.T) {
	for rows, want := range map[string]string{
		"1,7,A,quote,1,2,3\n":                               "2024-06-28.csv:2: 7 columns, want 9",
		"1,7,A,quote,1.5,2,3,4,s\n":                         `:2: bid is "1.5": give a whole number`,
		"1,0,A,quote,1,2,3,4,s\n":                           ":2: instrument_id is 0",
		"1,7,,quote,1,2,3,4,s\n":                            ":2: symbol is empty",
		"1,7,A,trade,1,2,3,4,s\n":                           `:2: kind is "trade": give quote or auction`,
		"1,7,A,auction,1,2,3,4,s\n":                         ":2: auction with bid 1 and ask 2",
		"1,7,A,quote,1,2,3,4,s\n2,7,B,quote,1,2,3,4,s\n":    `:3: instrument 7 is "B" here and "A" above`,
		"1,7,A,quote,1,2,3,4," + strings.Repeat("x", 1<<18): ":2: the line is longer",
	} {
		m := NewMarket(writeMarket(t, rows))
		if err := Open(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAll(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", rows, err, want)
		}
		m.Close()
	}
	if err := NewMarketReader("m.csv", strings.NewReader("ts\n")).Connect(context.Background()); err == nil || !strings.Contains(err.Error(), "m.csv:1: header") {
		t.Errorf("%v", err)
	}
}

func TestParseSession(t *testing.T) {
	for old, bad := range map[string]string{`"close_ns":9000`: `"close_ns":2000`, `[[4000,5000]]`: `[[4000,9001]]`, `"ratio_num":7`: `"ratio_num":0`, `"open_ns"`: `open_ns`} {
		if _, err := ParseSession("s.json", []byte(strings.Replace(marketJSON, old, bad, 1))); err == nil || !strings.Contains(err.Error(), "s.json") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// 2013-10-07 is in summer time: 9:30 in New York is 13:30 UTC; a row's minute ends 60 s after its time.
func TestLeanMinutes(t *testing.T) {
	folder := filepath.Join(shared(t), "lean", "equity", "usa", "minute", "ibm")
	quotes := readAll(t, NewLeanMinute(filepath.Join(folder, "20131007_quote.zip"), 5, "IBM"))
	// 14400000,1800100,1813100,1800100,1813100,200,1836300,1836300,1818000,1818000,1900
	want := Quote{
		InstrumentID: 5, TsNs: time.Date(2013, 10, 7, 8, 1, 0, 0, time.UTC).UnixNano(), Kind: KindQuote, Bid: 181_310_000, BidSize: 200,
		Ask: 181_800_000, AskSize: 1900, Source: "recorded minute quote", Flags: FlagBackfill,
	}
	if len(quotes) != 554 || quotes[0] != want {
		t.Errorf("%d: %+v\nwant %+v", len(quotes), quotes[0], want)
	}
	trades := readAll(t, NewLeanMinute(filepath.Join(folder, "20131007_trade.zip"), 5, "IBM"))
	// 14400000,1815200,1818000,1815200,1818000,1283
	want = Quote{InstrumentID: 5, TsNs: want.TsNs, Kind: KindTrade, Last: 181_800_000, LastSize: 1283, Source: "recorded minute trade", Flags: FlagBackfill}
	if len(trades) != 453 || trades[0] != want {
		t.Errorf("%d: %+v\nwant %+v", len(trades), trades[0], want)
	}
}

func TestLeanRows(t *testing.T) {
	var q Quote
	// One side absent: nothing, or 0.
	for row, want := range map[string]Quote{
		"0,,,,,,1836300,1836300,1818000,1818000,1900": {Kind: KindQuote, Ask: 181_800_000, AskSize: 1900},
		"0,1,1,1,1800100,200.0,0,0,0,0,0":             {Kind: KindQuote, Bid: 180_010_000, BidSize: 200},
	} {
		if ms, err := parseLeanQuote([]byte(row), &q); err != nil || ms != 0 || q != want {
			t.Errorf("%s: %v %+v", row, err, q)
		}
	}
	for row, want := range map[string]string{
		"1,2,3": "3 columns, want 11", "86400000,1,1,1,1,1,1,1,1,1,1": "milliseconds since midnight", "0,1,1,1,x,1,1,1,1,1,1": `bid close is "x"`,
	} {
		if _, err := parseLeanQuote([]byte(row), &q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", row, err, want)
		}
	}
	if _, err := parseLeanTrade([]byte("0,1,1,1,1.5,1"), &q); err == nil || !strings.Contains(err.Error(), `close is "1.5"`) {
		t.Errorf("%v", err)
	}
}

// The ids are those that dnalyaw.market's provider gives, written down from it.
func TestLeanIdentities(t *testing.T) {
	who, err := ReadLeanIdentities(filepath.Join(shared(t), "lean", "equity", "usa", "map_files"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ticker string
		day    int64
		id     int64
	}{
		{"aapl", 19980102, 223691312259416}, {"fb", 19990929, 184770929258600}, {"FB", 20030328, 184770929258600}, {"fb", 20030331, 0}, {"fb", 20120517, 0},
		{"fb", 20120518, 221791109287135}, {"goog", 20140402, 134086418712648}, {"goog", 20140403, 191136432945866}, {"googl", 20140403, 134086418712648},
		{"wm", 20080926, 0}, {"wm", 20090805, 53743376344155}, {"wmi", 20090804, 53743376344155}, {"tap.a", 20130101, 190714963045198}, {"spy", 20210331, 31840289628042},
	} {
		if id, ok := who.Who(c.ticker, c.day); id != c.id || ok != (c.id != 0) {
			t.Errorf("%s on %d: %d %v, want %d", c.ticker, c.day, id, ok, c.id)
		}
	}
	f := NewLeanDaily(filepath.Join(shared(t), "lean", "equity", "usa", "daily", "fb.zip"), who.Who)
	quotes := readAll(t, f)
	// 20210331 00:00,2900100,2965000,2885800,2945300,18034334; 19990929 00:00,127500,127500,115000,115000,16300
	first, last := quotes[0], quotes[len(quotes)-1]
	if first.InstrumentID != 184770929258600 || first.Last != 12_750_000 || first.Kind != KindAuction || first.TsNs != time.Date(1999, 9, 29, 13, 30, 0, 0, time.UTC).UnixNano() {
		t.Errorf("%+v", first)
	}
	if last.InstrumentID != 221791109287135 || last.Last != 294_530_000 || last.LastSize != 18034334 || last.TsNs != time.Date(2021, 3, 31, 20, 0, 0, 0, time.UTC).UnixNano() {
		t.Errorf("%+v", last)
	}
	if len(quotes)/2+f.Unknown() != 2947 {
		t.Errorf("%d bars known, %d not, of 2947", len(quotes)/2, f.Unknown())
	}
	// Washington Mutual's rows belong to nobody: the ticker is Waste Management's from 2009-08-05.
	w := NewLeanDaily(filepath.Join(shared(t), "lean", "equity", "usa", "daily", "wm.zip"), who.Who)
	if quotes := readAll(t, w); w.Unknown() == 0 || len(quotes)/2+w.Unknown() != 5399 || quotes[0].TsNs != time.Date(2009, 8, 5, 13, 30, 0, 0, time.UTC).UnixNano() {
		t.Errorf("%d bars known from %+v, %d not, of 5399", len(quotes)/2, quotes[0], w.Unknown())
	}
}

func TestMapFileFaults(t *testing.T) {
	for data, want := range map[string]string{
		"": "no rows", "20200101\n": "want day,ticker", "20201341,a\n": "no day of the calendar", "20200102,a\n20200101,a\n": "days must ascend", "20200101,\n": "must not be empty",
	} {
		if _, err := parseMapFile("m.csv", []byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", data, err, want)
		}
	}
	all := &LeanIdentities{claims: map[string][]claim{}, files: map[int64]string{}}
	if err := all.add("a.csv", []mapRow{{20200101, "A"}, {20200601, "A"}}); err != nil {
		t.Fatal(err)
	}
	if err := all.add("b.csv", []mapRow{{20200102, "B"}, {20200501, "B"}, {20200701, "A"}}); err == nil || !strings.Contains(err.Error(), "ticker A from 20200502 is also claimed by a.csv") {
		t.Errorf("%v", err)
	}
}

// By hand: 2 for 1 when the split factor doubles; a dividend of 1.00 from 100.00 is a price factor of 0.99.
func TestLeanFactors(t *testing.T) {
	data := "20000103,0.99,0.5,100\n20000620,1,0.5,80\n20000630,1,1,80\n20501231,1,1,0\n"
	got, err := ParseLeanFactors("f.csv", []byte(data), 3)
	at := func(month, day int) int64 { // the day after, at midnight in New York
		return NewYork().at(time.Date(2000, time.Month(month), day, 0, 0, 0, 0, NewYork().Zone), 24*time.Hour)
	}
	want := []Action{{3, at(1, 3), 1, 1, 1_000_000}, {3, at(6, 20), 2, 1, 0}}
	// The third line's own day is the last on which its factors hold: the split is between the second and the third.
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %+v, want %+v", err, got, want)
	}
	for data, want := range map[string]string{
		"20000103,1\n": "2 columns", "x,1,1,1\n": "date is", "20000103,0,1,1\n": "above 0", "20000103,1,1,1\n20000103,1,1,1\n": "days must ascend", "20000103,NaN,1,1\n": "above 0",
	} {
		if _, err := ParseLeanFactors("f.csv", []byte(data), 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", data, err, want)
		}
	}
	for ratio, want := range map[float64][2]int64{2: {2, 1}, 0.1: {1, 10}, 1.5: {3, 2}, 1.0 / 3: {1, 3}, 1.234567: {1234567, 1000000}} {
		if n, d := fraction(ratio); n != want[0] || d != want[1] {
			t.Errorf("%v: %d/%d, want %v", ratio, n, d, want)
		}
	}
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZipline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bars.csv.gz")
	text := ziplineHeader + "\nB,2004-01-02,15.1,15.11,14.77,14.86,8220700\nA,2004-01-02,1,1,1,1.5,7\nA,2004-01-05,2,2,2,2,7\nC,2004-01-05,2,2,2,2,7\n"
	if err := os.WriteFile(path, gzipped(t, text), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := func(s string) int64 { return map[string]int64{"A": 1, "B": 2}[s] }
	got := readAll(t, NewZipline(path, ids))
	open := time.Date(2004, 1, 2, 14, 30, 0, 0, time.UTC).UnixNano()
	if len(got) != 6 || got[0] != (Quote{InstrumentID: 1, TsNs: open, Kind: KindAuction, Last: 1_000_000, Source: "recorded daily open", Flags: FlagBackfill | FlagOpening}) ||
		got[3] != (Quote{InstrumentID: 2, TsNs: open + int64(390*time.Minute), Kind: KindAuction, Last: 14_860_000, LastSize: 8220700, Source: "recorded daily close", Flags: FlagBackfill | FlagClosing}) {
		t.Errorf("%+v", got)
	}
	splits, err := ParseZiplineSplits("s.csv", []byte(ziplineSplitsHeader+"\n193,2014-06-09,7,0.14285714285714285,A\n0,2006-01-10,1,0.5,B\n9,2006-01-10,1,0.5,Z\n"), ids)
	if err != nil || len(splits) != 2 || splits[0].RatioNum != 2 || splits[0].RatioDen != 1 || splits[1].RatioNum != 7 || splits[1].RatioDen != 1 || splits[1].TsNs != time.Date(2014, 6, 9, 4, 0, 0, 0, time.UTC).UnixNano() {
		t.Errorf("%v %+v", err, splits)
	}
}
