package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/feed"
)

// tape is a source that tells what a test says, when it says it.
type tape struct{ say chan feed.Quote }

func (t *tape) Connect(context.Context) error { return nil }
func (t *tape) Subscribe(...int64) error      { return nil }
func (t *tape) Next(q *feed.Quote) bool       { v, ok := <-t.say; *q = v; return ok }
func (t *tape) Err() error                    { return nil }
func (t *tape) Symbol(id int64) string        { return fmt.Sprintf("N%d", id) }
func (t *tape) Close() error                  { return nil }

// line is a feed server of the house's omsd.
type line struct {
	h    *house
	tape *tape
	stop func()
	told float64 // messages that omsd must have let through
}

// lineBeat: three of them without a word and omsd gives a line up, so a machine that is busy for a second loses none.
const lineBeat = 2 * time.Second

// feeds serves quotes on a socket that omsd is told of. tamper is what is wrong with its lines; nil: nothing.
func (h *house) feeds(tamper func() feed.Tamper) *line {
	h.t.Helper()
	path := filepath.Join(h.dir, "quotes.sock")
	h.more = append(h.more, "--feed", path)
	source := &tape{say: make(chan feed.Quote)}
	server, err := feed.NewServer(feed.ServerOptions{Source: source, Heartbeat: lineBeat, Tamper: tamper})
	if err != nil {
		h.t.Fatal(err)
	}
	lis, err := net.Listen("unix", path)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, lis) }()
	l := &line{h: h, tape: source}
	l.stop = func() {
		if cancel(); source.say != nil {
			close(source.say)
			<-ended
			source.say = nil
		}
	}
	h.t.Cleanup(l.stop)
	return l
}

// up waits until omsd hears it.
func (l *line) up() {
	l.h.t.Helper()
	l.h.until("the feed", func(got families) bool { return got.sum("omsd_feed_up") == 1 })
}

// say tells something and waits until omsd has judged it.
func (l *line) say(all ...feed.Quote) {
	l.h.t.Helper()
	before := l.h.scrape()
	for _, q := range all {
		l.tape.say <- q
	}
	judged := func(got families) float64 { return got.sum("omsd_quotes_total") + got.sum("omsd_quotes_refused_total") }
	l.h.until("the quotes", func(got families) bool { return judged(got) >= judged(before)+float64(len(all)) })
}

func quoted(id, ns, bid, ask int64) feed.Quote {
	return feed.Quote{InstrumentID: id, TsNs: ns, Kind: feed.KindQuote, Bid: bid, Ask: ask, BidSize: 1000, AskSize: 1000, Source: "by hand"}
}

func traded(id, ns, qty int64) feed.Quote {
	return feed.Quote{InstrumentID: id, TsNs: ns, Kind: feed.KindTrade, Last: 100_000_000, LastSize: qty, Source: "by hand"}
}

// cutOnce is a line that is cut behind its last quote, the first time.
type cutOnce struct {
	behind int
	cut    *bool
}

func (c *cutOnce) Deliver(q *feed.Quote, out []feed.Quote) []feed.Quote {
	out = append(out, *q)
	if c.behind--; c.behind == 0 && !*c.cut {
		*c.cut = true
		out = append(out, feed.Quote{Kind: feed.KindStatus, Status: feed.CutLine})
	}
	return out
}

// What the gates refuse is counted by reason and kept with its words; what passes is kept as it is, and nothing else.
func TestQuotesComeThroughTheGates(t *testing.T) {
	throughTheGates(t, newHouse(t, 2), nil, 0)
}

// A line that is cut comes back with a snapshot of what was said: nothing of it is counted, kept or traded a second time, and
// the archive says where it stands.
func TestALineThatComesBackCountsNothingTwice(t *testing.T) {
	var cut bool
	throughTheGates(t, newHouse(t, 2), func() feed.Tamper { return &cutOnce{4, &cut} }, 1)
}

// throughTheGates says four messages over a line that is lost so many times behind the last.
func throughTheGates(t *testing.T, h *house, tamper func() feed.Tamper, lost int) {
	l := h.feeds(tamper)
	h.start()
	h.up()
	l.up()
	at := h.risk.clock
	l.say(quoted(1, at, 99_990_000, 100_010_000), quoted(1, at+1, 100_050_000, 100_010_000), quoted(2, at+2, -1, 100_010_000), traded(2, at+3, 40))
	h.until("the line again", func(got families) bool {
		return got.sum("omsd_feed_up") == 1 && strings.Count(h.stderr.String(), `"msg":"the feed is up"`) == 1+lost
	})
	got := h.scrape()
	got.want(t, 1, "omsd_quotes_refused_total", "reason", "CROSSED")
	got.want(t, 1, "omsd_quotes_refused_total", "reason", "NOT_POSITIVE")
	if h.term() != 0 {
		t.Error("omsd does not end well")
	}
	kept, err := os.ReadFile(filepath.Join(h.dir, "oms", "refused", "refused-000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"reason":"CROSSED"`, `N1 bid 100.05 is 0.04 above ask 100.01`, `"reason":"NOT_POSITIVE"`} {
		if !bytes.Contains(kept, []byte(want)) {
			t.Errorf("%s is not in what was refused:\n%s", want, kept)
		}
	}
	if n := bytes.Count(kept, []byte("\n")); n != 2 {
		t.Errorf("%d lines are kept of two that were refused:\n%s", n, kept)
	}
	archive, err := os.ReadFile(filepath.Join(h.dir, "oms", "quotes", "2024-01-05.csv"))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d,1,quote,99990000,100010000,1000,1000,0,0,0,by hand\n%d,2,trade,0,0,0,0,100000000,40,0,by hand\n", at, at+3)
	for range lost {
		want += fmt.Sprintf("%d,2,trade,0,0,0,0,100000000,40,%d,by hand\n%d,0,sync,0,0,0,0,0,0,0,\n", at+3, feed.FlagSnapshot|feed.FlagSuspect, at+3)
	}
	if _, rows, _ := strings.Cut(string(archive), "\n"); rows != want {
		t.Errorf("kept\n%swant\n%s", rows, want)
	}
}

// follows makes a session of an hour in which everything follows a tenth of the volume.
func (h *house) follows() {
	h.write("session.json", fmt.Sprintf(`{"region":"US","session":"2024-01-05","open_ns":%d,"close_ns":%d,"breaks":[],
		"rule":{"small_adv_ppm":0,"min_duration_ns":0,"large":"POV","rate_ppm":100000,
		"base":{"algorithm":"POV","slice_ns":300000000000,"style":"MARKETABLE","mid_behind_ppm":1000000,"cross_behind_ppm":1000000,
		"collar_bp":50,"at_end":"LEAVE","sweep_ns":0,"catch_up_ppm":1000000,"min_gap_ns":0,"max_adv_ppm":0,"max_refusals":3,"rate_ppm":100000,"cap_ppm":1000000}}}`,
		h.risk.clock-1_000_000_000, h.risk.clock+3600_000_000_000))
}

// A tenth of what trades is bought, whatever that is; a kill forgets nothing; and when the feed dies the schedule goes on by
// what is expected. The average is 36,000 shares in the session's hour: ten a second.
func TestAScheduleFollowsTheVolumeThatTheFeedTells(t *testing.T) {
	h := newHouse(t, 2)
	for _, in := range h.refDoc["instruments"].([]map[string]any) {
		in["adv"] = 36_000
	}
	h.writeReference()
	h.follows()
	l := h.feeds(nil)
	h.start()
	h.up()
	l.up()
	l.say(traded(2, h.risk.clock, 1)) // it tells trades
	if r := h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1})); r.OrdersPlanned != 1 {
		t.Fatalf("%v", r)
	}
	bought := func(want int64) {
		t.Helper()
		h.settled()
		if qty, _ := h.risk.bought(1); qty != want {
			t.Errorf("%d shares bought, want %d", qty, want)
		}
	}
	h.risk.pass(30 * time.Second)
	bought(0) // nothing has traded
	l.say(traded(1, h.risk.clock, 700), traded(1, h.risk.clock+1, 300))
	h.risk.pass(10 * time.Second)
	bought(100)
	h.risk.pass(10 * time.Minute)
	bought(100)
	h.sameAfterReplay()
	h.kill()
	h.start()
	h.up()
	l.up()
	h.risk.pass(20 * time.Second)
	// Between the last note (the slice that began at 10:00) and the first look after the start, at 10:40, nobody counted:
	// 10 shares a second are expected, a tenth of it is due. Then the feed counts again, from one of the two prices after it on.
	h.settled()
	after, _ := h.risk.bought(1)
	if after < 140 || after > 160 {
		t.Errorf("%d shares bought after a restart", after)
	}
	l.stop()
	l.h.until("the feed's end", func(got families) bool { return got.sum("omsd_feed_up") == 0 })
	h.risk.pass(5 * time.Minute) // 3,000 shares are expected
	h.settled()
	if qty, _ := h.risk.bought(1); qty < after+290 || qty > after+310 {
		t.Errorf("%d shares bought, %d before the feed died", qty, after)
	}
	if log := h.stderr.String(); !strings.Contains(log, `"msg":"volume for a schedule"`) || !strings.Contains(log, `"counted":false`) {
		t.Errorf("the log does not say that the volume is expected:\n%s", tail(h.stderr))
	}
	h.sameAfterReplay()
}

// Worked by hand: 500 shares decided at 100.00, the mid is 100.01 at arrival and at the fills, which are at 100.00 and cost
// a tenth of a cent a share. It is 500 x 0.01 of delay, as much less of spread, and 0.50 of fees.
func TestCostsAreReadOutOfTheJournal(t *testing.T) {
	h := newHouse(t, 1)
	l := h.feeds(nil)
	h.start()
	h.up()
	l.up()
	l.say(quoted(1, h.risk.clock, 99_980_000, 100_040_000))
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	if h.term() != 0 {
		t.Fatal("omsd does not end well")
	}
	h.write("hours.json", fmt.Sprintf(`{"region":"US","session":"2024-01-05","open_ns":%d,"close_ns":%d,"breaks":[]}`, h.risk.clock, h.risk.clock+3600_000_000_000))
	h.write("closes.json", `{"1":101000000}`)
	ask := func(more ...string) (string, int) {
		cmd := child(append([]string{"costs", "--dir", filepath.Join(h.dir, "oms"), "--reference", filepath.Join(h.dir, "reference.json"),
			"--out", filepath.Join(h.dir, "rows.jsonl")}, more...)...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, code := ask("--hours", filepath.Join(h.dir, "hours.json"), "--closes", filepath.Join(h.dir, "closes.json"))
	if code != 0 || !strings.Contains(out, `"parents":1,"children":1,"quote_files":1,"torn_lines":0,"skipped":[]`) {
		t.Fatalf("status %d: %s", code, out)
	}
	data, err := os.ReadFile(filepath.Join(h.dir, "rows.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	var row map[string]any
	if err := json.Unmarshal(first, &row); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"kind": "parent", "scheduled": false, "qty": 500.0, "filled": 500.0, "fills": 2.0, "decision_px": 100e6, "arrival_bid": 99_980_000.0, "close_px": 101e6,
		"delay": 5e6, "timing": 0.0, "impact": 0.0, "spread": -5e6, "fees": 0.5e6, "opportunity": 0.0, "residual": 0.0, "shortfall": 0.5e6,
		"vs_close": -500e6, "currency": "USD", "algorithm": "IMMEDIATE",
	} {
		if row[name] != want {
			t.Errorf("%s is %v, want %v", name, row[name], want)
		}
	}
	// What it cannot do is one line.
	h.write("other.json", fmt.Sprintf(`{"region":"US","session":"2024-01-08","open_ns":%d,"close_ns":%d}`, h.risk.clock, h.risk.clock+1))
	for want, args := range map[string][]string{
		"--hours is missing":                        {},
		"nothing is known of the session: 20240108": {"--hours", filepath.Join(h.dir, "other.json")},
		"open_ns 0 and close_ns 0":                  {"--hours", filepath.Join(h.dir, "reference.json")},
		"invalid character":                         {"--hours", filepath.Join(h.dir, "hours.json"), "--closes", filepath.Join(h.dir, "register.jsonl")},
	} {
		if out, code := ask(args...); code == 0 || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%v: status %d, %s", args, code, out)
		}
	}
}
