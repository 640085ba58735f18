package feed

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be read is an error with the line in it; nothing else comes out.

func FuzzMarket(f *testing.F) {
	f.Add("1000,7,A,quote,1,2,3,4,s\n1000,9,B,auction,5,5,0,0,t\n")
	f.Add("1,1,A,quote,-1,0,,,\r\n")
	f.Fuzz(func(t *testing.T, rows string) {
		m := NewMarketReader("m.csv", strings.NewReader(marketHeader+"\n"+rows))
		if err := Open(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		got, err := ReadAll(m)
		if err != nil && !strings.Contains(err.Error(), "m.csv:") {
			t.Fatal(err)
		}
		if lines := strings.Count(rows, "\n") + 1; len(got) > lines {
			t.Fatalf("%d quotes out of %d lines", len(got), lines)
		}
		for _, q := range got {
			if q.InstrumentID <= 0 || m.Symbol(q.InstrumentID) == "" {
				t.Fatalf("%+v", q)
			}
		}
	})
}

func FuzzLeanRows(f *testing.F) {
	f.Add("14400000,1800100,1813100,1800100,1813100,200,1836300,1836300,1818000,1818000,1900")
	f.Add("14400000,1815200,1818000,1815200,1818000,1283")
	f.Fuzz(func(t *testing.T, row string) {
		var q Quote
		if ms, err := parseLeanQuote([]byte(row), &q); err == nil && (ms < 0 || ms >= 86400000) {
			t.Fatal(ms)
		}
		if ms, err := parseLeanTrade([]byte(row), &q); err == nil && (ms < 0 || ms >= 86400000) {
			t.Fatal(ms)
		}
		d := NewLeanDaily("x/aaa.zip", func(string, int64) (int64, bool) { return 1, true })
		if known, err := d.parse([]byte(row), &q); err == nil && known && d.pending.TsNs <= q.TsNs {
			t.Fatalf("%+v closes before it opens", q)
		}
	})
}

func FuzzMapAndFactorFiles(f *testing.F) {
	f.Add("19980102,aig,N\n20501231,aig,N\n")
	f.Add("19980102,0.86,0.0089,1\n20000620,0.86,0.0178,101\n")
	f.Fuzz(func(t *testing.T, data string) {
		if rows, err := parseMapFile("m.csv", []byte(data)); err == nil {
			all := &LeanIdentities{claims: map[string][]claim{}, files: map[int64]string{}}
			if err := all.add("m.csv", rows); err == nil {
				if id, ok := all.Who(rows[0].ticker, rows[0].until); !ok || id <= 0 {
					t.Fatalf("%q: %d %v", data, id, ok)
				}
			}
		}
		actions, err := ParseLeanFactors("f.csv", []byte(data), 1)
		if err != nil {
			return
		}
		for _, a := range actions {
			if a.RatioNum <= 0 || a.RatioDen <= 0 || a.AmountMicro < 0 {
				t.Fatalf("%+v", a)
			}
		}
	})
}

func FuzzZipline(f *testing.F) {
	f.Add("B,2004-01-02,15.1,15.11,14.77,14.86,8220700\n", "193,2014-06-09,7,0.142857,A\n")
	ids := func(s string) int64 { return int64(len(s)) }
	f.Fuzz(func(t *testing.T, bars, splits string) {
		quotes, _, err := parseZipline("z.csv", strings.NewReader(ziplineHeader+"\n"+bars), ids)
		if err == nil {
			for i := range quotes {
				if i > 0 && quotes[i].TsNs < quotes[i-1].TsNs {
					t.Fatalf("%+v after %+v", quotes[i], quotes[i-1])
				}
			}
		}
		actions, err := ParseZiplineSplits("s.csv", []byte(ziplineSplitsHeader+"\n"+splits), ids)
		if err == nil {
			for _, a := range actions {
				if a.RatioNum <= 0 || a.RatioDen <= 0 {
					t.Fatalf("%+v", a)
				}
			}
		}
	})
}

func FuzzSession(f *testing.F) {
	f.Add([]byte(marketJSON))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSession("s.json", data)
		if err != nil {
			return
		}
		last := s.OpenNs
		for _, m := range s.marks() {
			if m.ts < last {
				t.Fatalf("%+v", s.marks())
			}
			last = m.ts
		}
		for _, a := range s.Announced() {
			if a.RatioNum <= 0 || a.RatioDen <= 0 || a.AmountMicro < 0 {
				t.Fatalf("%+v", a)
			}
		}
	})
}

func FuzzUnzip(f *testing.F) {
	data, err := os.ReadFile(filepath.Join(shared(f), "lean", "equity", "usa", "daily", "foxa.zip"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := unzip("x.zip", bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			if _, err := z.next(); err != nil {
				if err != io.EOF && !strings.Contains(err.Error(), "x.zip:") {
					t.Fatal(err)
				}
				break
			}
		}
		z.file.Close() // repeats the failure of the read, if there was one
	})
}

// A frame is read back as it was written; any changed bit is found; any bytes are survived.
func FuzzFrame(f *testing.F) {
	f.Add(int64(7), int64(1), int64(2), int64(3), uint64(4), uint16(5), uint8(1), uint8(0), uint16(9), uint(77), []byte{1, 1, 24, 0})
	f.Fuzz(func(t *testing.T, id, ts, bid, ask int64, seq uint64, source uint16, kind, status uint8, flags uint16, bit uint, noise []byte) {
		q := Quote{InstrumentID: id, TsNs: ts, Bid: bid, Ask: ask, BidSize: ask, AskSize: bid, Last: ts, LastSize: id, Seq: seq, Kind: Kind(kind), Status: Status(status), Flags: Flags(flags)}
		raw := appendQuote([]byte("before"), &q, 99, source)[6:]
		fr, err := parseFrame(raw)
		if err != nil {
			t.Fatal(err)
		}
		var got Quote
		index, err := parseQuote(fr, &got)
		q.RecvNs = 99
		if err != nil || got != q || index != source {
			t.Fatalf("%v %+v, want %+v", err, got, q)
		}
		bad := bytes.Clone(raw)
		bad[bit/8%uint(len(bad))] ^= 1 << (bit % 8)
		if _, err := parseFrame(bad); err == nil {
			t.Fatalf("bit %d changed and not found", bit)
		}
		if fr, err := parseFrame(noise); err == nil {
			_, _ = parseHello(fr) // these may refuse what they like, but not panic
			_, _, _ = parseSubscribe(fr, nil)
			_, _ = parseQuote(fr, &got)
		}
	})
}

func TestSubscriptionFrames(t *testing.T) {
	for _, n := range []int{0, 1, idsAFrame, idsAFrame + 1, 2*idsAFrame + 5} {
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = int64(i + 1)
		}
		raw := appendSubscribe(nil, ids)
		var got []int64
		for more := true; more; {
			f, err := parseFrame(raw)
			if err != nil || f.kind != frameSubscribe {
				t.Fatal(err)
			}
			if got, more, err = parseSubscribe(f, got); err != nil {
				t.Fatal(err)
			}
			raw = raw[frameHeader+len(f.body):]
		}
		if len(got) != n || len(raw) != 0 || n > 0 && got[n-1] != int64(n) {
			t.Errorf("%d ids became %d, %d bytes left", n, len(got), len(raw))
		}
	}
}
