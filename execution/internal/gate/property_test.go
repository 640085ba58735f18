package gate_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// anyQuotes draws a stream of a few names with everything that may be wrong with it.
func anyQuotes(t *rapid.T, n int) []feed.Quote {
	price := map[int64]int64{1: 100 * usd, 2: 3 * usd, 3: 2500 * usd}
	ts, seq, numbered := t0, uint64(0), rapid.Bool().Draw(t, "numbered")
	var out []feed.Quote
	for range n {
		ts += rapid.SampledFrom([]int64{0, 1e6, 1e9, 60e9, 3600e9, 86400e9}).Draw(t, "pause")
		id := rapid.Int64Range(1, 3).Draw(t, "id")
		move := rapid.SampledFrom([]float64{1, 1, 1, 1.0005, 0.9995, 0.9, 1.1, 10, 0.1}).Draw(t, "move")
		p := max(usd/100, int64(float64(price[id])*move))
		if rapid.IntRange(0, 3).Draw(t, "stays") > 0 {
			price[id] = p
		}
		seq += rapid.SampledFrom([]uint64{1, 1, 1, 1, 0, 2, 70}).Draw(t, "seq")
		q := feed.Quote{InstrumentID: id, TsNs: ts, Seq: seq}
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0:
			q.Kind, q.Last, q.LastSize = feed.KindTrade, p, 10
		case 1:
			q.Kind, q.Last = feed.KindAuction, p
		case 2:
			q = feed.Quote{TsNs: ts, Kind: feed.KindStatus, Status: feed.Status(rapid.IntRange(0, 12).Draw(t, "status")), Seq: seq}
			if q.Status == feed.StatusHalt || q.Status == feed.StatusResume {
				q.InstrumentID = id
			}
		default:
			q.Kind, q.Bid, q.Ask = feed.KindQuote, p, p+rapid.SampledFrom([]int64{0, usd / 100, usd / 50, -usd, p}).Draw(t, "spread")
		}
		if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
			q.TsNs -= 5 * sec
		}
		if rapid.Bool().Draw(t, "receipt") {
			q.RecvNs = ts + 1e6
		}
		if !numbered {
			q.Seq = 0
		}
		out = append(out, q)
		if q.Kind != feed.KindStatus && rapid.IntRange(0, 9).Draw(t, "snapshot") == 0 {
			q.Flags |= feed.FlagSnapshot
			out = append(out, q)
		}
	}
	return out
}

// Whatever comes: each message ends once, and what passes is in order for each name and kind.
func TestEveryMessageEndsOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quotes := anyQuotes(t, 120)
		c := gate.Default()
		c.Sequenced = true
		g, err := gate.New(c)
		if err != nil {
			t.Fatal(err)
		}
		keep, err := gate.NewKeeper(1000, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := gate.NewFilter(feed.NewMemory(quotes, nil), g, keep)
		if err := feed.Open(context.Background(), f); err != nil {
			t.Fatal(err)
		}
		passed, err := feed.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		isStatus := func(q feed.Quote) bool { return q.Kind == feed.KindStatus }
		priced := uint64(len(slices.DeleteFunc(slices.Clone(quotes), isStatus)))
		passed = slices.DeleteFunc(passed, isStatus)
		x := g.Totals()
		if x.Holding != 0 || x.Passed != uint64(len(passed)) || x.Passed+x.Refused+x.Again != priced {
			t.Fatalf("%d messages: %+v, %d handed on", priced, x, len(passed))
		}
		var kept bytes.Buffer
		if _, err := keep.Drain(&kept); err != nil {
			t.Fatal(err)
		}
		if refused := bytes.Count(kept.Bytes(), []byte("\n")) - bytes.Count(kept.Bytes(), []byte(`"reason":"GAP"`)); uint64(refused) != x.Refused {
			t.Fatalf("%d refused, %d kept:\n%s", x.Refused, refused, kept.Bytes())
		}
		type line struct {
			id    int64
			quote bool
		}
		last := map[line]int64{}
		for _, q := range passed {
			k := line{q.InstrumentID, q.Kind == feed.KindQuote}
			if q.TsNs < last[k] && q.Seq != 0 { // a file's lines, without number, may be set back
				t.Fatalf("%+v after %d", q, last[k])
			}
			if !k.quote || q.TwoSided() { // a side alone passes beside what is held
				last[k] = q.TsNs
			}
		}
	})
}

// A gate restored from its state anywhere judges the rest as the first one does.
func TestRestoredGateGoesOnAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quotes := anyQuotes(t, 80)
		cut := rapid.IntRange(0, len(quotes)).Draw(t, "cut")
		c := gate.Default()
		c.Sequenced = true
		g, err := gate.New(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range quotes[:cut] {
			g.Check(&q)
		}
		state, err := g.State()
		if err != nil {
			t.Fatal(err)
		}
		other, err := gate.Restore(state)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range quotes[cut:] {
			a, b := g.Check(&q), other.Check(&q)
			if a != b || !slices.Equal(g.Settled(), other.Settled()) {
				t.Fatalf("message %d: %+v and %+v", cut+i, a, b)
			}
			if fa, fb := g.Tick(q.TsNs+6e9), other.Tick(q.TsNs+6e9); !slices.Equal(fa, fb) {
				t.Fatalf("tick %d: %+v and %+v", cut+i, fa, fb)
			}
		}
		a, err := g.State()
		if err != nil {
			t.Fatal(err)
		}
		b, err := other.State()
		if err != nil || !bytes.Equal(a, b) {
			t.Fatalf("states differ after the same messages: %v\n%s\n%s", err, a, b)
		}
	})
}

func TestRestoreRefusesADamagedState(t *testing.T) {
	g := calm(t, gate.Default())
	state, err := g.State()
	if err != nil {
		t.Fatal(err)
	}
	for old, damaged := range map[string]string{
		`"version":1`: `"version":2`, `"tick":10000`: `"tick":0`, `"id":7`: `"id":0`, `"seq":`: `"seqq":`, `"sample_ref":`: `"sample_ref":-`, `"at":0`: `"at":64`,
	} {
		bad := bytes.Replace(state, []byte(old), []byte(damaged), 1)
		if bytes.Equal(bad, state) {
			t.Fatalf("%s is not in the state", old)
		}
		if _, err := gate.Restore(bad); err == nil {
			t.Errorf("%s for %s: accepted", damaged, old)
		}
	}
}

func TestRestoreRefusesWhatFollowsTheState(t *testing.T) {
	state, err := calm(t, gate.Default()).State()
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"}", "]", "{}", "0"} {
		if _, err := gate.Restore(append(bytes.Clone(state), end...)); err == nil {
			t.Errorf("a state with %q after it: accepted", end)
		}
	}
}

func FuzzRestore(f *testing.F) {
	g, err := gate.New(gate.Default())
	if err != nil {
		f.Fatal(err)
	}
	for i := range 5 {
		q := book(float64(i), 10000, 10002)
		g.Check(&q)
	}
	q := book(10, 20000, 20002)
	g.Check(&q)
	state, err := g.State()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := gate.Restore(data)
		if err != nil {
			return
		}
		for i := range 5 {
			q := book(float64(20+i), 20000, 20002)
			g.Check(&q)
		}
		g.Tick(t0)
		g.Flush()
	})
}

// No message, however broken, upsets the gate or its words.
func FuzzCheck(f *testing.F) {
	f.Add(int64(7), t0, int64(0), uint64(1), 100*usd, 101*usd, int64(1), uint8(1), uint8(0), uint16(0))
	f.Add(int64(7), int64(-1)<<63, int64(1)<<62, uint64(0), int64(1)<<62, int64(1)<<62, int64(-1)<<63, uint8(2), uint8(4), uint16(1))
	f.Fuzz(func(t *testing.T, id, ts, recv int64, seq uint64, bid, ask, last int64, kind, status uint8, flags uint16) {
		c := gate.Default()
		c.Sequenced = true
		g := calm(t, c)
		q := feed.Quote{InstrumentID: id, TsNs: ts, RecvNs: recv, Seq: seq, Bid: bid, Ask: ask, Last: last, Kind: feed.Kind(kind), Status: feed.Status(status), Flags: feed.Flags(flags)}
		for range 3 {
			v := g.Check(&q)
			if gate.Explain(&q, v, "") == "" || v.Outcome < gate.Pass || v.Outcome > gate.Refuse {
				t.Fatalf("%+v", v)
			}
			q.TsNs++
		}
		g.Tick(ts)
		after := book(61, 10000, 10002)
		g.Check(&after)
		if _, err := g.State(); err != nil {
			t.Fatal(err)
		}
	})
}
