package quotebook_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/quotebook"
	"dnalyaw/execution/internal/tca"
)

var open = time.Date(2024, 1, 5, 14, 30, 0, 0, time.UTC).UnixNano()

const (
	minute = int64(time.Minute)
	hour   = int64(time.Hour)
)

func write(t testing.TB, dir string, all ...feed.Quote) {
	t.Helper()
	a, err := quotebook.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if err := a.Put(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir string, closes map[int64]int64) *quotebook.Series {
	t.Helper()
	s, err := quotebook.ReadSeries(dir, open, open+6*hour, closes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trades(t testing.TB, s *quotebook.Series, id, from, to int64) (out []tca.Trade) {
	t.Helper()
	for v, err := range s.Trades(id, from, to) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// A restart, a line that a crash has cut short, a snapshot that repeats, a quote that the gates had held.
func TestWhatIsKeptIsReadBack(t *testing.T) {
	dir := t.TempDir()
	early := open - hour
	write(t, dir, feed.Quote{InstrumentID: 7, TsNs: early, Kind: feed.KindQuote, Bid: 90, Ask: 92}, feed.Quote{TsNs: open, Kind: feed.KindStatus, Status: feed.StatusOpen},
		feed.Quote{InstrumentID: 7, TsNs: open + minute, Kind: feed.KindQuote, Bid: 100, Ask: 102, BidSize: 5, AskSize: 6, Source: "a, b\nc"})
	path := quotebook.Path(dir, open)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("17044650000,7,quo"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	write(t, dir, feed.Quote{InstrumentID: 7, TsNs: open + minute, Kind: feed.KindQuote, Bid: 100, Ask: 102, BidSize: 5, AskSize: 6, Flags: feed.FlagSnapshot},
		feed.Quote{InstrumentID: 7, TsNs: open + minute, Kind: feed.KindTrade, Last: 101, LastSize: 50, Flags: feed.FlagSnapshot},
		feed.Quote{InstrumentID: 7, TsNs: open + 3*minute, Kind: feed.KindTrade, Last: 103, LastSize: 20},
		feed.Quote{InstrumentID: 7, TsNs: open + 2*minute, Kind: feed.KindQuote, Bid: 103, Ask: 104, Flags: feed.FlagReleased},
		feed.Quote{InstrumentID: 8, TsNs: open, Kind: feed.KindAuction, Last: 55, LastSize: 1000})
	s := read(t, dir, nil)
	if s.Files != 1 || s.Torn != 1 {
		t.Errorf("%d files, %d torn lines", s.Files, s.Torn)
	}
	for _, c := range []struct {
		id, at int64
		want   tca.Quote
	}{
		{7, early - 1, tca.Quote{}}, {7, open, tca.Quote{TsNs: early, Bid: 90, Ask: 92}}, {7, open + minute, tca.Quote{TsNs: open + minute, Bid: 100, Ask: 102}},
		{7, open + 9*minute, tca.Quote{TsNs: open + 2*minute, Bid: 103, Ask: 104}}, {8, open, tca.Quote{TsNs: open, Bid: 55, Ask: 55}}, {9, open, tca.Quote{}},
	} {
		if got := s.At(c.id, c.at); got != c.want {
			t.Errorf("of %d at %d: %+v, want %+v", c.id, c.at, got, c.want)
		}
	}
	// The snapshot's trade was told before; the other is there.
	if got := trades(t, s, 7, open, open+hour); len(got) != 1 || got[0] != (tca.Trade{TsNs: open + 3*minute, Qty: 20, Px: 103}) {
		t.Errorf("trades %+v", got)
	}
	n := 0
	for q, err := range s.Quotes(7, early, open+minute) {
		if n++; err != nil || q.Bid != 100 {
			t.Errorf("%+v %v", q, err)
		}
	}
	if n != 1 {
		t.Errorf("%d quotes after the early one up to the first minute, the snapshot repeats one", n)
	}
}

// omsd was away from minute 2 to minute 9. By hand: 7 was quoted anew at minute 5, so nobody knows from 2 to 5 whether
// something else stood; 8 was not, so its quote of the open stood all along; of trades nothing can be said.
func TestAHoleIsNotBridged(t *testing.T) {
	dir := t.TempDir()
	at := func(m int64) int64 { return open + m*minute }
	quote := func(id, m, bid int64, flags feed.Flags) feed.Quote {
		return feed.Quote{InstrumentID: id, TsNs: at(m), Kind: feed.KindQuote, Bid: bid, Ask: bid + 2, Flags: flags}
	}
	trade := func(m, size int64) feed.Quote {
		return feed.Quote{InstrumentID: 7, TsNs: at(m), Kind: feed.KindTrade, Last: 9, LastSize: size}
	}
	sync := func(m int64) feed.Quote {
		return feed.Quote{TsNs: at(m), Kind: feed.KindStatus, Status: feed.StatusSync}
	}
	write(t, dir, sync(0), quote(7, 0, 10, 0), quote(8, 0, 20, 0), trade(1, 5), quote(7, 2, 12, 0))
	write(t, dir, quote(7, 5, 30, feed.FlagSnapshot), quote(8, 0, 20, feed.FlagSnapshot), sync(9), trade(10, 6), quote(7, 11, 31, 0))
	s := read(t, dir, nil)
	for _, c := range []struct{ id, ns, bid int64 }{
		{7, at(1), 10}, {7, at(2), 12}, {7, at(2) + 1, 0}, {7, at(5) - 1, 0}, {7, at(5), 30}, {7, at(10), 30}, {7, at(12), 31}, {8, at(3), 20}, {8, at(10), 20},
	} {
		if got := s.At(c.id, c.ns); got.Bid != c.bid {
			t.Errorf("of %d at %d: %+v, want a bid of %d", c.id, (c.ns-open)/minute, got, c.bid)
		}
	}
	for _, c := range []struct{ from, to, n int64 }{{0, 2, 1}, {0, 3, 0}, {3, 4, 0}, {8, 12, 0}, {9, 12, 1}} {
		if got := trades(t, s, 7, at(c.from), at(c.to)); int64(len(got)) != c.n {
			t.Errorf("from %d to %d: %+v, want %d", c.from, c.to, got, c.n)
		}
	}
}

// The close is the official one, else the closing print, else a mid of the last quarter of an hour, else nothing.
func TestTheClose(t *testing.T) {
	dir, end := t.TempDir(), open+6*hour
	quote := func(id, ts int64) feed.Quote {
		return feed.Quote{InstrumentID: id, TsNs: ts, Kind: feed.KindQuote, Bid: 100, Ask: 103}
	}
	write(t, dir, quote(1, end-minute), quote(2, end-minute), feed.Quote{InstrumentID: 2, TsNs: end, Kind: feed.KindAuction, Last: 200, Flags: feed.FlagClosing},
		quote(3, end-quotebook.CloseWithinNs-1), quote(4, end-quotebook.CloseWithinNs), feed.Quote{InstrumentID: 5, TsNs: open, Kind: feed.KindAuction, Last: 70})
	s := read(t, dir, map[int64]int64{3: 333, 6: 666})
	for id, want := range map[int64]int64{1: 101, 2: 200, 3: 333, 4: 101, 5: 0, 6: 666} {
		if px, ok, err := s.Close(id, 20240105); err != nil || px != want || ok != (want > 0) {
			t.Errorf("of %d: %d %v %v, want %d", id, px, ok, err, want)
		}
	}
}

func TestFaultsOfAnArchiveAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"ts,id\n": "header is",
		quotebook.Header + "\n1,2,bid,0,0,0,0,0,0,0,x\n":       `line 2: kind is "bid"`,
		quotebook.Header + "\n1,2,quote,0,-4,0,0,0,0,0,x\n":    `line 2: column 5 is "-4"`,
		quotebook.Header + "\n1,2,quote,0,0,0,0,0,0,0,x,y\n":   "line 2: 12 columns",
		quotebook.Header + "\n1,2,sync,0,0,0,0,0,0,0,\n":       "instrument 2",
		quotebook.Header + "\n1,0,quote,0,0,0,0,0,0,0,x\n":     "instrument 0",
		quotebook.Header + "\n1,2,quote,0,0,0,0,0,0,99999,x\n": "flags 99999",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(quotebook.Path(dir, open), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := quotebook.ReadSeries(dir, open, open+hour, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Whatever is put in comes out: each lookup by a plain search through all that was put in.
func TestLookupsAgreeWithASearch(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		a, err := quotebook.OpenArchive(dir)
		if err != nil {
			t.Fatal(err)
		}
		var all []feed.Quote
		ts := open
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			ts += rapid.Int64Range(0, 2).Draw(t, "step")
			q := feed.Quote{InstrumentID: rapid.Int64Range(1, 2).Draw(t, "id"), TsNs: ts, Kind: feed.KindQuote, Bid: rapid.Int64Range(0, 5).Draw(t, "bid"), Ask: rapid.Int64Range(0, 9).Draw(t, "ask")}
			all = append(all, q)
			if err := a.Put(&q); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		s, err := quotebook.ReadSeries(dir, open, open+hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		id, at := rapid.Int64Range(1, 2).Draw(t, "of"), rapid.Int64Range(open-1, ts+1).Draw(t, "at")
		var want tca.Quote
		for _, q := range all {
			if q.InstrumentID == id && q.TsNs <= at {
				want = tca.Quote{TsNs: q.TsNs, Bid: q.Bid, Ask: q.Ask}
			}
		}
		if got := s.At(id, at); got != want {
			t.Fatalf("of %d at %d: %+v, want %+v in %+v", id, at, got, want, all)
		}
	})
}

// No line makes the reader panic, and what it takes has its columns.
func FuzzArchive(f *testing.F) {
	f.Add("1704465000000000000,7,quote,1,2,3,4,0,0,1,x")
	f.Add("1704465000000000000,7,trade,0,0,0,0,5,6,0,x\n,,,\n1")
	f.Fuzz(func(t *testing.T, body string) {
		dir := t.TempDir()
		if err := os.WriteFile(quotebook.Path(dir, open), []byte(quotebook.Header+"\n"+body), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := quotebook.ReadSeries(dir, open, open+hour, nil)
		if err == nil && s.Files != 1 {
			t.Fatalf("%d files", s.Files)
		}
	})
}
