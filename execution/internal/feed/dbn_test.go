package feed

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// What stands in the recorded files, written down from the publisher's own decoder (databento-dbn).
func TestDBN(t *testing.T) {
	es := func(ts, recv int64, kind Kind) Quote {
		return Quote{InstrumentID: 5482, TsNs: ts, RecvNs: recv, Kind: kind, Source: "GLBX.MDP3"}
	}
	book := func(q Quote, bid, ask, bidSize, askSize int64) Quote {
		q.Bid, q.Ask, q.BidSize, q.AskSize = bid, ask, bidSize, askSize
		return q
	}
	sale := func(q Quote, last, size int64) Quote {
		q.Last, q.LastSize = last, size
		return q
	}
	const a, ar, b, br = 1609160400098821953, 1609160400099150057, 1609160400107665963, 1609160400108142648
	snapshot := book(es(1609113600000000000, 0, KindQuote), 3_702_250_000, 3_702_750_000, 18, 13)
	snapshot.Flags = FlagSnapshot
	for name, want := range map[string][]Quote{
		"trades": {sale(es(a, ar, KindTrade), 3_720_250_000, 5), sale(es(b, br, KindTrade), 3_720_250_000, 21)},
		"tbbo": {
			book(es(a, ar, KindQuote), 3_720_250_000, 3_720_500_000, 26, 7), sale(es(a, ar, KindTrade), 3_720_250_000, 5),
			book(es(b, br, KindQuote), 3_720_250_000, 3_720_500_000, 21, 22), sale(es(b, br, KindTrade), 3_720_250_000, 21),
		},
		"mbp-1": {
			book(es(1609160400006001487, 1609160400006136329, KindQuote), 3_720_250_000, 3_720_500_000, 24, 11),
			book(es(1609160400006146661, 1609160400006246513, KindQuote), 3_720_250_000, 3_720_500_000, 24, 12),
		},
		"bbo-1s": {
			snapshot,
			book(es(1609113601000000000, 1609113601000000000, KindQuote), 3_702_500_000, 3_702_750_000, 2, 10),
			book(es(1609113602000000000, 1609113602000000000, KindQuote), 3_702_250_000, 3_702_750_000, 20, 11),
			book(es(1609113603000000000, 1609113603000000000, KindQuote), 3_702_500_000, 3_702_750_000, 2, 11),
		},
	} {
		path := filepath.Join(shared(t), "dbn", "test_data."+name+".v3.dbn.zst")
		d := NewDBN(path, nil)
		if got := readAll(t, d); !slices.Equal(got, want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
		if d.Symbol(5482) != "ESH1" || d.Skipped() != 0 {
			t.Errorf("%s: symbol %q, %d skipped", name, d.Symbol(5482), d.Skipped())
		}
		mapped := readAll(t, NewDBN(path, func(symbol string, raw uint32) int64 {
			if symbol == "ESH1" && raw == 5482 {
				return 42
			}
			return 0
		}), 42)
		if len(mapped) != len(want) || mapped[0].InstrumentID != 42 {
			t.Errorf("%s: as instrument 42: %+v", name, mapped)
		}
		if none := readAll(t, NewDBN(path, nil), 1); len(none) != 0 {
			t.Errorf("%s: of instrument 1: %+v", name, none)
		}
	}
}

func plainDBN(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(shared(t), "dbn", "test_data."+name+".v3.dbn.zst"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return plain.Bytes()
}

func openBytes(data []byte) (*DBN, error) {
	d := NewDBN("x.dbn", nil)
	return d, d.start(bytes.NewReader(data))
}

func TestDBNFaults(t *testing.T) {
	good := plainDBN(t, "trades")
	at := func(i int, b ...byte) []byte {
		bad := slices.Clone(good)
		copy(bad[i:], b)
		return bad
	}
	const record = 0x168
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"magic":    {at(0, 'X'), "no DBN file"},
		"version":  {at(3, 2), "DBN version 2, only 3"},
		"schema":   {at(8+16, 8), "schema 8 holds no quotes"},
		"metadata": {good[:200], "cut off"},
		"huge":     {at(4, 0xff, 0xff, 0xff, 0x7f), "the file is damaged"},
		"tables":   {at(8+104, 0xff, 0xff, 0xff, 0xff), "ends too early"},
		"short":    {good[:len(good)-1], "byte 48 after the metadata: a record of 48 bytes, 47 are there"},
		"length":   {at(record, 1), "a record of 4 bytes, the least is 16"},
		"kind":     {at(record+1, 1), "record kind 0x01 has 48 bytes, want 80"},
		"time":     {at(record+8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "ts_event"},
	} {
		d, err := openBytes(c.data)
		if err == nil {
			if err = d.Subscribe(); err == nil {
				_, err = ReadAll(d)
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	// A kind that is not read is left out and counted; a halt is told.
	status := slices.Clone(good[:record])
	halt := make([]byte, dbnStatusLen)
	halt[0], halt[1] = dbnStatusLen/4, dbnStatus
	binary.LittleEndian.PutUint32(halt[4:], 5482)
	binary.LittleEndian.PutUint64(halt[8:], 1609160400000000000)
	binary.LittleEndian.PutUint64(halt[16:], 1609160400000000001)
	binary.LittleEndian.PutUint16(halt[24:], dbnHalt)
	unknown := slices.Clone(halt)
	unknown[1] = 0x15
	d, err := openBytes(slices.Concat(status, unknown, halt))
	if err == nil {
		err = d.Subscribe()
	}
	got, failed := ReadAll(d)
	if err != nil || failed != nil || len(got) != 1 || got[0].Status != StatusHalt || got[0].RecvNs != 1609160400000000001 || d.Skipped() != 1 {
		t.Errorf("%v %v %+v, %d skipped", err, failed, got, d.Skipped())
	}
}

func TestDBNPrices(t *testing.T) {
	for v, want := range map[int64]int64{1<<63 - 1: 0, 1499: 1, 1500: 2, -1500: -2, -1499: -1, 0: 0} {
		if got := dbnPrice(binary.LittleEndian.AppendUint64(nil, uint64(v))); got != want {
			t.Errorf("%d: %d, want %d", v, got, want)
		}
	}
	if dbnSize([]byte{255, 255, 255, 255}) != 0 || dbnSize([]byte{7, 0, 0, 0}) != 7 {
		t.Error("sizes")
	}
}

func FuzzDBN(f *testing.F) {
	for _, name := range []string{"trades", "tbbo", "bbo-1s"} {
		f.Add(plainDBN(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := openBytes(data)
		if err != nil {
			return
		}
		if err := d.Subscribe(); err != nil {
			t.Fatal(err)
		}
		// Failing is allowed, reading more records than there can be is not.
		if got, _ := ReadAll(d); len(got) > len(data)/dbnHeader*2 {
			t.Fatalf("%d quotes out of %d bytes", len(got), len(data))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Behind Zstandard the bytes are hostile too.
func FuzzDBNZstandard(f *testing.F) {
	data, err := os.ReadFile(filepath.Join(shared(f), "dbn", "test_data.tbbo.v3.dbn.zst"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := openBytes(data)
		if err == nil && d.Subscribe() == nil {
			var q Quote
			for n := 0; n < 1<<16 && d.Next(&q); n++ { // a small file may stand for a large one
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
