package gate_test

import (
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

const (
	usd = int64(1_000_000)
	sec = int64(time.Second)
	t0  = int64(1_700_000_000) * sec
)

// book is a quote of instrument 7 at seconds after t0, prices in cents.
func book(seconds float64, bid, ask int64) feed.Quote {
	return feed.Quote{InstrumentID: 7, TsNs: t0 + int64(seconds*1e9), Bid: bid * usd / 100, Ask: ask * usd / 100, BidSize: 100, AskSize: 200, Kind: feed.KindQuote}
}

func trade(seconds float64, price int64) feed.Quote {
	return feed.Quote{InstrumentID: 7, TsNs: t0 + int64(seconds*1e9), Last: price * usd / 100, LastSize: 50, Kind: feed.KindTrade}
}

func auction(seconds float64, price int64) feed.Quote {
	q := trade(seconds, price)
	q.Kind = feed.KindAuction
	return q
}

// calm feeds sixty quotes a second apart around 100.00, two cents wide.
func calm(t *testing.T, c gate.Config) *gate.Gate {
	t.Helper()
	g := mustGate(t, c)
	for i := range 60 {
		q := book(float64(i), 9999+int64(i%2), 10001+int64(i%2))
		if v := g.Check(&q); v.Outcome != gate.Pass {
			t.Fatalf("quote %d: %s", i, gate.Explain(&q, v, ""))
		}
	}
	return g
}

func with(change func(*gate.Config)) gate.Config {
	c := gate.Default()
	change(&c)
	return c
}

func changed(q feed.Quote, change func(*feed.Quote)) feed.Quote {
	change(&q)
	return q
}

// One message after a calm minute, the rule that must name it, and its words.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		config gate.Config
		q      feed.Quote
		want   gate.Outcome
		reason gate.Reason
		words  string
	}{
		{"good", gate.Default(), book(60, 10000, 10002), gate.Pass, gate.None, "AAA quote passes"},
		{"no kind", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.Kind = 0 }), gate.Refuse, gate.Malformed, "AAA has a message of kind 0: the decoder or the source is broken"},
		{"no id", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.InstrumentID = -1 }), gate.Refuse, gate.Malformed, "kind 1"},
		{"negative bid", gate.Default(), book(60, -1, 10002), gate.Refuse, gate.NotPositive, "AAA quote bid is -0.01"},
		{"negative size", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.AskSize = -3 }), gate.Refuse, gate.NotPositive, "AAA quote has a size of -3"},
		{"trade at nothing", gate.Default(), trade(60, 0), gate.Refuse, gate.NotPositive, "AAA trade last is 0.00"},
		{"crossed", gate.Default(), book(60, 10003, 10001), gate.Refuse, gate.Crossed, "AAA bid 100.03 is 0.02 above ask 100.01"},
		{"locked", gate.Default(), book(60, 10001, 10001), gate.Pass, gate.None, ""},
		{"locked refused", with(func(c *gate.Config) { c.LockedRefused = true }), book(60, 10001, 10001), gate.Refuse, gate.Locked, "AAA bid and ask are both 100.01"},
		{"one-sided", gate.Default(), book(60, 10000, 0), gate.Pass, gate.None, ""},
		{"one-sided refused", with(func(c *gate.Config) { c.OneSidedRefused = true }), book(60, 10000, 0), gate.Refuse, gate.OneSided, "AAA has no ask"},
		{"empty refused", with(func(c *gate.Config) { c.OneSidedRefused = true }), book(60, 0, 0), gate.Refuse, gate.OneSided, "AAA has neither bid nor ask"},
		{"off tick", with(func(c *gate.Config) { c.OffTickRefused = true }), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.Ask += 5000 }), gate.Refuse, gate.OffTick, "AAA ask 100.025 is no multiple of the tick 0.01"},
		{"bid off tick", with(func(c *gate.Config) { c.OffTickRefused = true }), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.Bid -= 5000 }), gate.Refuse, gate.OffTick, "AAA bid 99.995 is no multiple of the tick 0.01"},
		{"off tick allowed", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.Ask += 5000 }), gate.Pass, gate.None, ""},
		{"back in time", gate.Default(), book(58, 10000, 10002), gate.Refuse, gate.Stale, "AAA quote is 1s older than what was seen already"},
		{"old at receipt", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.RecvNs = q.TsNs + 6*sec }), gate.Refuse, gate.Stale, "AAA quote was 6s old when it came, at most 5s is taken"},
		{"old in a snapshot", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.RecvNs, q.Flags = q.TsNs+6*sec, feed.FlagSnapshot }), gate.Pass, gate.None, ""},
		{"future", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.RecvNs = q.TsNs - sec }), gate.Refuse, gate.Future, "AAA quote is dated 1s after it came, the clocks may differ by 250ms"},
		{"clocks differ a little", gate.Default(), changed(book(60, 10000, 10002), func(q *feed.Quote) { q.RecvNs = q.TsNs - sec/5 }), gate.Pass, gate.None, ""},
		{"again", gate.Default(), book(59, 10000, 10002), gate.Refuse, gate.Duplicate, "AAA quote says again what the one before said"},
		{"wide: 30 basis points where 2 are usual", gate.Default(), book(60, 9985, 10015), gate.Refuse, gate.Spread, "AAA bid 99.85 and ask 100.15 are 0.3% apart"},
		{"within the floor", gate.Default(), book(60, 9990, 10010), gate.Pass, gate.None, ""},
		{"above the ceiling", gate.Default(), book(60, 9000, 11000), gate.Refuse, gate.Spread, "at most 10% is taken"},
		{"up by 5%", gate.Default(), book(60, 10500, 10502), gate.Hold, gate.Spike, "AAA bid 105.00 is"},
		{"down by 5%", gate.Default(), book(60, 9500, 9502), gate.Hold, gate.Spike, "AAA ask 95.02 is"},
		{"a trade 5% down", gate.Default(), trade(60, 9500), gate.Hold, gate.Spike, "held until it is confirmed"},
		{"up by half a percent", gate.Default(), book(60, 10050, 10052), gate.Pass, gate.None, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := calm(t, c.config)
			v := g.Check(&c.q)
			words := gate.Explain(&c.q, v, "AAA")
			if v.Outcome != c.want || v.Reason != c.reason || !strings.Contains(words, c.words) {
				t.Errorf("%s %s: %q, want %s %s: %q", v.Outcome, v.Reason, words, c.want, c.reason, c.words)
			}
			if c.want == gate.Refuse {
				n := uint64(0)
				for _, x := range g.Counts() {
					if x.Reason == c.reason {
						n += x.N
					}
				}
				if n != 1 {
					t.Errorf("counted %d times: %+v", n, g.Counts())
				}
			}
		})
	}
}

// The bound worked by hand: calm at the floor of 1% a session, 10 deviations over the least minute, and on top 20 basis
// points and the usual spread of 2.
func TestTheSpikeBoundByHand(t *testing.T) {
	g := mustGate(t, with(func(c *gate.Config) { c.DailyVolPrior = 0.01 }))
	for i := range 60 {
		q := book(float64(i), 9999, 10001)
		q.BidSize += int64(i)
		g.Check(&q)
	}
	q := book(60, 9500, 9502)
	v := g.Check(&q)
	// sigma of 60 s = 0.01 * sqrt(60/23400) = 0.000506370; 10 of them 0.00506370; + 0.002 + 0.0002 * exp(0.05) = 0.0072740
	if want := 0.0072740; v.Bound < want-1e-6 || v.Bound > want+1e-6 {
		t.Errorf("bound %.7f, want %.7f", v.Bound, want)
	}
	// ln(95.02/99.99) = -0.050986; over sigma: 100.7. The reference is the bid of the first quote, which the book has not left.
	if want := -0.050986; v.Measured < want-2e-4 || v.Measured > want+2e-4 {
		t.Errorf("measured %.6f, want %.6f", v.Measured, want)
	}
}

// A move and what follows: h held, p passes, r refused at once; then what became of the held ones.
func TestHeldMovesAreSettled(t *testing.T) {
	for _, c := range []struct {
		name   string
		quotes []feed.Quote
		end    string // p passed, r refused, by message
		by     gate.Release
	}{
		{"a spike reverts", []feed.Quote{book(60, 10500, 10502), book(60.04, 10000, 10002)}, "rp", gate.Reverted},
		{"two spikes and back", []feed.Quote{book(60, 10500, 10502), book(60.5, 10501, 10503), book(61, 10000, 10002)}, "rrp", gate.Reverted},
		{"three quotes over two seconds", []feed.Quote{book(60, 9500, 9502), book(61, 9501, 9503), book(62, 9500, 9502)}, "ppp", gate.ByQuotes},
		{"three quotes in one second are too fast", []feed.Quote{book(60, 9500, 9502), book(60.5, 9501, 9503), book(61, 9500, 9502), book(61.1, 10000, 10002)}, "rrrp", gate.Reverted},
		{"a repeated quote proves nothing", []feed.Quote{book(60, 9500, 9502), book(60, 9500, 9502), book(60, 9500, 9502)}, "rrr", gate.Unconfirmed},
		{"trades at the level", []feed.Quote{trade(60, 9500), trade(60.1, 9501), trade(60.3, 9499)}, "ppp", gate.ByTrades},
		{"fills at one moment are one", []feed.Quote{trade(60, 9500), trade(60, 9500), trade(60, 9500), book(60.1, 10000, 10002)}, "rrrp", gate.Reverted},
		{"quotes and a trade", []feed.Quote{book(60, 9500, 9502), trade(60.1, 9500), book(60.2, 9500, 9503), book(62, 9500, 9502)}, "pppp", gate.ByTrades},
		{"an auction at the level", []feed.Quote{book(60, 9500, 9502), trade(60, 9501), auction(60.1, 9500)}, "ppp", gate.ByAuction},
		{"two auctions", []feed.Quote{auction(60, 9000), auction(23460, 8000)}, "pp", gate.ByAuction},
		{"one auction and back", []feed.Quote{auction(60, 9000), auction(23460, 10010)}, "rp", gate.Reverted},
		{"it falls on while it is held", []feed.Quote{book(60, 9500, 9502), book(61, 9300, 9302), book(62.5, 9100, 9102)}, "ppp", gate.ByQuotes},
		{"up, then down: the first was wrong", []feed.Quote{book(60, 10600, 10602), book(61, 9500, 9502), book(62, 9500, 9503), book(63.5, 9500, 9502)}, "rppp", gate.Contradicted},
		{"sides alone prove nothing", []feed.Quote{book(60, 10500, 0), book(61, 10500, 0), changed(book(62.5, 10500, 0), func(q *feed.Quote) { q.BidSize = 9 })}, "rrr", gate.Unconfirmed},
		{"the stream ends", []feed.Quote{book(60, 9500, 9502)}, "r", gate.Unconfirmed},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := calm(t, gate.Default())
			end := fates(g, c.quotes)
			got := ""
			for _, v := range end {
				got += map[gate.Outcome]string{gate.Pass: "p", gate.Refuse: "r", gate.Hold: "h"}[v.Outcome]
			}
			if got != c.end || end[0].Release != c.by {
				t.Errorf("%s by %d, want %s by %d", got, end[0].Release, c.end, c.by)
			}
			if x := g.Totals(); x.Passed+x.Refused != uint64(60+len(c.quotes)) || x.Holding != 0 {
				t.Errorf("%+v of %d", x, 60+len(c.quotes))
			}
		})
	}
}

func TestAFallOfTheWholeMarketIsConfirmedAtOnce(t *testing.T) {
	g := mustGate(t, gate.Default())
	of := func(id int64, seconds float64, bid int64) feed.Quote {
		q := book(seconds, bid, bid+2)
		q.InstrumentID = id
		return q
	}
	for i := range 60 {
		for id := int64(1); id <= 10; id++ {
			q := of(id, float64(i), 10000+int64(i%2))
			g.Check(&q)
		}
	}
	for id, want := range []gate.Outcome{gate.Hold, gate.Hold, gate.Pass, gate.Pass, gate.Pass} {
		q := of(int64(id+1), 60+float64(id)/10, 9500)
		if v := g.Check(&q); v.Outcome != want {
			t.Errorf("name %d falling 5%%: %s, want %s", id+1, v.Outcome, want)
		}
	}
	q := of(1, 61, 9500)
	if v := g.Check(&q); v.Outcome != gate.Pass || len(g.Settled()) != 1 || g.Settled()[0].Verdict.Release != gate.ByMarket {
		t.Errorf("the first name's next quote: %s, settled %+v", v.Outcome, g.Settled())
	}
	// The other way, or by a third, the market proves nothing: that is a fault of scale.
	for _, bid := range []int64{10500, 6600} {
		q := of(9, 61, bid)
		if v := g.Check(&q); v.Outcome != gate.Hold {
			t.Errorf("name 9 at %d: %s, want hold", bid, v.Outcome)
		}
	}
}

func TestAnnouncedSplitAndDividend(t *testing.T) {
	g := calm(t, gate.Default())
	// Seven for one, and 2.00 a share: (100 - 2) / 7 = 14.00.
	a := feed.Action{InstrumentID: 7, TsNs: t0 + 1000*sec, RatioNum: 7, RatioDen: 1, AmountMicro: 2 * usd}
	if err := g.Announce(a); err != nil {
		t.Fatal(err)
	}
	before, after := book(999, 10000, 10002), book(1000, 1399, 1401)
	for _, q := range []*feed.Quote{&before, &after} {
		if v := g.Check(q); v.Outcome != gate.Pass {
			t.Errorf("%s", gate.Explain(q, v, ""))
		}
	}
	for _, bad := range []feed.Action{{InstrumentID: 7, RatioDen: 1}, {InstrumentID: 0, RatioNum: 1, RatioDen: 1}, {InstrumentID: 7, RatioNum: 1, RatioDen: 1, AmountMicro: -1}} {
		if g.Announce(bad) == nil {
			t.Errorf("%+v accepted", bad)
		}
	}
}

func TestHalt(t *testing.T) {
	g := calm(t, gate.Default())
	status := func(s feed.Status, seconds float64) *feed.Quote {
		return &feed.Quote{InstrumentID: 7, TsNs: t0 + int64(seconds*1e9), Kind: feed.KindStatus, Status: s}
	}
	held := book(60, 9500, 9502)
	g.Check(&held)
	g.Check(status(feed.StatusHalt, 60.5))
	if s := g.Settled(); len(s) != 1 || s[0].Verdict.Release != gate.Unconfirmed || s[0].Verdict.Outcome != gate.Refuse {
		t.Errorf("held at the halt: %+v", s)
	}
	q := book(61, 9500, 9502)
	if v := g.Check(&q); v.Reason != gate.Halted || !g.Health(7).Halted {
		t.Errorf("a quote in a halt: %s", v.Reason)
	}
	g.Check(status(feed.StatusResume, 300))
	// It reopens 8% lower: within a night's room of 10% and more.
	p := auction(300, 9200)
	if v := g.Check(&p); v.Outcome != gate.Pass || g.Health(7).Halted {
		t.Errorf("the reopening auction: %s", gate.Explain(&p, v, ""))
	}
}

// A file has no receipts: one line dated an hour ahead must not make the next hour stale.
func TestAFileIsReadOnAfterALineFromTheFuture(t *testing.T) {
	g := calm(t, gate.Default())
	got := ""
	for _, at := range []float64{3660, 60, 61, 62, 63} {
		q := book(at, 10000, 10002)
		got += g.Check(&q).Reason.String() + " "
	}
	if want := "NONE STALE STALE NONE NONE "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSequence(t *testing.T) {
	g := mustGate(t, with(func(c *gate.Config) { c.Sequenced = true }))
	send := func(seq uint64) gate.Verdict {
		q := book(float64(seq), 10000, 10002)
		q.InstrumentID, q.Seq = int64(seq), seq // each its own name: only the number is judged
		return g.Check(&q)
	}
	for _, c := range []struct {
		seq     uint64
		reason  gate.Reason
		missing uint64
		suspect bool
	}{
		{1000, gate.None, 0, false}, {1001, gate.None, 0, false}, {1004, gate.None, 2, true}, {1001, gate.Duplicate, 0, true},
		{1003, gate.None, 0, true}, {1003, gate.Duplicate, 0, true}, {1002, gate.None, 0, false}, {1005, gate.None, 0, false},
		{1200, gate.None, 194, true}, {1137, gate.None, 0, true}, {1136, gate.Stale, 0, true}, {1137, gate.Duplicate, 0, true},
	} {
		if v := send(c.seq); v.Reason != c.reason || v.Missing != c.missing || v.Suspect != c.suspect {
			t.Errorf("message %d: %s, missing %d, suspect %v, want %s, %d, %v", c.seq, v.Reason, v.Missing, v.Suspect, c.reason, c.missing, c.suspect)
		}
	}
	g.Check(&feed.Quote{Kind: feed.KindStatus, Status: feed.StatusSync, Seq: 1210, TsNs: t0})
	if v := send(1211); v.Suspect || v.Missing != 0 {
		t.Errorf("after the snapshot: %+v", v)
	}
	if v := send(1210); v.Reason != gate.Duplicate {
		t.Errorf("what the snapshot contains: %s, want DUPLICATE", v.Reason)
	}
}

// What a source tells of its session is numbered like its quotes; what our side tells of the line bears the last number.
func TestStatusesAreNumberedToo(t *testing.T) {
	g := mustGate(t, with(func(c *gate.Config) { c.Sequenced = true }))
	for _, c := range []struct {
		seq     uint64
		status  feed.Status // StatusNone: a quote
		missing uint64
		suspect bool
	}{
		{5, feed.StatusNone, 0, false}, {6, feed.StatusClose, 0, false}, {7, feed.StatusNone, 0, false}, {7, feed.StatusBeat, 0, false}, {8, feed.StatusHalt, 0, false},
		{10, feed.StatusOpen, 1, true}, {10, feed.StatusEnd, 0, true}, {9, feed.StatusNone, 0, false}, {11, feed.StatusNone, 0, false},
	} {
		q := book(float64(c.seq), 10000, 10002)
		q.InstrumentID, q.Seq = int64(c.seq), c.seq
		if c.status != feed.StatusNone {
			q = feed.Quote{Kind: feed.KindStatus, Status: c.status, Seq: c.seq, TsNs: t0}
			if c.status == feed.StatusHalt {
				q.InstrumentID = 1000
			}
		}
		if v := g.Check(&q); v.Outcome != gate.Pass || v.Missing != c.missing || c.status == feed.StatusNone && v.Suspect != c.suspect {
			t.Errorf("message %d (%s): %+v, want %d missing, suspect %v", c.seq, c.status, v, c.missing, c.suspect)
		}
	}
	if n := g.Totals(); n.Refused != 0 || n.Passed != 4 {
		t.Errorf("%+v", n)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	_, err := gate.New(gate.Config{})
	for _, name := range []string{"MaxAgeNs", "SpreadCeiling", "SpikeDeviations", "ConfirmQuotes", "MaxInstruments", "DailyVolFloor"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	g := mustGate(t, with(func(c *gate.Config) { c.MaxInstruments = 3 }))
	for id := int64(1); id <= 5; id++ {
		q := book(1, 10000, 10002)
		q.InstrumentID = id
		if v := g.Check(&q); (v.Reason == gate.Unknown) != (id > 3) {
			t.Errorf("instrument %d: %s", id, v.Reason)
		}
	}
}
