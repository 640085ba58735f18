package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quickfixgo/quickfix"
)

// TestFaultsSpoilTheWireAndNotTheLog sends orders under each fault; the mass status and the log always have them all.
func TestFaultsSpoilTheWireAndNotTheLog(t *testing.T) {
	h := newHome(t)
	p := h.start(h.market("2023-11-14", nil, twoNames()...), 1)
	store := &keptStore{}
	c := p.connectWith(store, "N") // the numbers go on after a disconnect
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})

	// Silence: the ack and the fill of US-1 are lost, US-2's are not.
	p.control(`{"cmd":"fault","kind":"silence","n":2}`)
	c.order("US-1", "BBB", "1", "10", "", "0")
	c.order("US-2", "BBB", "1", "20", "", "0")
	expect(t, c.next("8", nil), tags{11: "US-2", 150: "0"})
	expect(t, c.next("8", nil), tags{11: "US-2", 150: "F"})
	status, _ := c.massStatus()
	expect(t, status["US-1"], tags{39: "2", 14: "10", 31: "20.5", 32: "10"})

	// Duplicate: both reports twice, under the same names.
	p.control(`{"cmd":"fault","kind":"duplicate","n":2}`)
	c.order("US-3", "BBB", "1", "10", "", "0")
	var ids []string
	for range 4 {
		ids = append(ids, get(c.next("8", tags{11: "US-3"}), 17))
	}
	if ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] {
		t.Errorf("duplicates: %v", ids)
	}

	// Reorder: the fill before the ack.
	p.control(`{"cmd":"fault","kind":"reorder","n":2}`)
	c.order("US-4", "BBB", "1", "10", "", "0")
	expect(t, c.next("8", nil), tags{11: "US-4", 150: "F"})
	expect(t, c.next("8", nil), tags{11: "US-4", 150: "0"})
	// A reorder that never gets its last report is let go.
	p.control(`{"cmd":"fault","kind":"reorder","n":5}`)
	c.order("US-5", "BBB", "1", "10", "", "0")
	expect(t, c.next("8", nil), tags{11: "US-5", 150: "F"})
	expect(t, c.next("8", nil), tags{11: "US-5", 150: "0"})

	// Late: the ack comes after the fill that followed it.
	p.control(`{"cmd":"fault","kind":"late","n":1}`)
	c.order("US-6", "BBB", "1", "10", "", "0")
	expect(t, c.next("8", nil), tags{11: "US-6", 150: "F"})
	expect(t, c.next("8", nil), tags{11: "US-6", 150: "0"})

	// Disconnect: the numbers go on, and nothing of the old connection comes again, even when asked for.
	for len(c.off) > 0 {
		<-c.off
	}
	sent := store.next()
	p.control(`{"cmd":"fault","kind":"disconnect","n":1}`)
	select {
	case <-c.off:
	case <-time.After(patience):
		t.Fatal("not disconnected")
	}
	c.waitLogon()
	if now := store.next(); now <= sent {
		t.Errorf("the numbers began again: %d after %d", now, sent)
	}
	for len(c.got) > 0 {
		<-c.got
	}
	c.send("2", map[quickfix.Tag]string{7: "1", 16: "0"})
	status, n := c.massStatus()
	if n != "6" || len(status) != 6 {
		t.Errorf("mass status announces %s and has %d", n, len(status))
	}
	for len(c.got) > 0 {
		m := <-c.got
		if kind, _ := m.MsgType(); kind == "8" || m.Header.Has(43) {
			t.Errorf("sent again: %s", readable([]byte(m.String())))
		}
	}
	c.order("US-7", "BBB", "1", "10", "", "0")
	c.next("8", tags{11: "US-7", 150: "F"})

	kinds := map[any]int{}
	for _, line := range h.logLines() {
		kinds[line["kind"]]++
	}
	if kinds["order"] != 7 || kinds["ack"] != 7 || kinds["fill"] != 7 {
		t.Errorf("the log has %v", kinds)
	}
	if a := p.control(`{"cmd":"fault","kind":"flood","n":1}`); !strings.Contains(fmt.Sprint(a["error"]), "unknown fault") {
		t.Errorf("unknown fault: %v", a)
	}
	if a := p.control(`{"cmd":"order"}`); !strings.Contains(fmt.Sprint(a["error"]), "unknown cmd") {
		t.Errorf("unknown command: %v", a)
	}
	if a := p.control(`start`); !strings.Contains(fmt.Sprint(a["error"]), "not a JSON object") {
		t.Errorf("no JSON: %v", a)
	}
}

// keptStore makes every connection use one store in memory.
type keptStore struct {
	kept quickfix.MessageStore
	sent atomic.Int64 // the next number to send; the store itself is the session's goroutine's
}

func (k *keptStore) next() int64 { return k.sent.Load() }

func (k *keptStore) Create(id quickfix.SessionID) (quickfix.MessageStore, error) {
	if k.kept == nil {
		store, err := quickfix.NewMemoryStoreFactory().Create(id)
		if err != nil {
			return nil, err
		}
		k.kept = countedStore{store, &k.sent}
	}
	return k.kept, nil
}

// countedStore tells another goroutine how far the numbers are.
type countedStore struct {
	quickfix.MessageStore
	sent *atomic.Int64
}

func (c countedStore) told(err error) error {
	c.sent.Store(int64(c.NextSenderMsgSeqNum()))
	return err
}

func (c countedStore) IncrNextSenderMsgSeqNum() error {
	return c.told(c.MessageStore.IncrNextSenderMsgSeqNum())
}

func (c countedStore) SetNextSenderMsgSeqNum(n int) error {
	return c.told(c.MessageStore.SetNextSenderMsgSeqNum(n))
}

func (c countedStore) SaveMessageAndIncrNextSenderMsgSeqNum(n int, msg []byte) error {
	return c.told(c.MessageStore.SaveMessageAndIncrNextSenderMsgSeqNum(n, msg))
}

func (c countedStore) Reset() error { return c.told(c.MessageStore.Reset()) }

// TestKilledVenueTakesNumbersFromBothSidesOn kills the venue under a client whose numbers go on.
func TestKilledVenueTakesNumbersFromBothSidesOn(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	p := h.start(market, 1)
	store := &keptStore{}
	c := p.connectWith(store, "N")
	p.control(`{"cmd":"start"}`)
	c.order("US-1", "BBB", "1", "10", "", "0")
	c.next("8", tags{11: "US-1", 150: "F"})
	p.kill()
	c.close()
	p = h.start(market, 1)
	c = p.connectWith(store, "N")
	c.waitInSync() // killed between an answer and the note of its question, the venue asks for the question again
	status, n := c.massStatus()
	if n != "1" {
		t.Fatalf("%s orders", n)
	}
	expect(t, status["US-1"], tags{39: "2", 14: "10"})
	c.order("US-2", "BBB", "1", "10", "", "0")
	c.next("8", tags{11: "US-2", 150: "F"})
}

func TestMalformedRequestsGetOneReject(t *testing.T) {
	h := newHome(t)
	p := h.start(h.market("2023-11-14", nil, twoNames()...), 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	good := func() tags { return tags{11: "US-1", 55: "AAA", 54: "1", 38: "10", 40: "2", 44: "10", 59: "0"} }
	for _, bad := range []struct {
		tag   quickfix.Tag
		value string
		ref   string
	}{
		{11, "", "11"}, {55, "", "55"}, {54, "3", "54"}, {38, "1.5", "38"}, {38, "-1", "38"}, {40, "P", "40"},
		{44, "1.1234567", "44"}, {44, "1e3", "44"}, {44, "", "44"}, {59, "1", "59"}, {1, "HK", "1"}, {48, "1", "22"},
		{11, strings.Repeat("x", 65), "11"}, {100, "3", "100"},
	} {
		f := good()
		if f[bad.tag] = bad.value; bad.value == "" {
			delete(f, bad.tag)
		}
		c.send("D", f)
		expect(t, c.next("3", nil), tags{371: bad.ref, 372: "D"})
	}
	f := good()
	f[48], f[22] = "2", "8" // another name's id
	c.send("D", f)
	expect(t, c.next("8", tags{11: "US-1"}), tags{150: "8", 103: "1", 58: "unknown symbol"})
	c.send("AF", tags{584: "m", 585: "1"})
	expect(t, c.next("3", nil), tags{371: "585"})
	c.send("s", tags{})
	expect(t, c.next("j", nil), tags{372: "s", 380: "3"})
	c.send("g", tags{335: "G1", 263: "0"})
	expect(t, c.next("h", tags{335: "G1"}), tags{340: "2"})
	// Nothing of this is in the log but the one order that was an order.
	n := 0
	for _, line := range h.logLines() {
		if line["kind"] == "order" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d orders in the log", n)
	}
}

func TestMassStatusOfNothing(t *testing.T) {
	h := newHome(t)
	c := h.start(h.market("2023-11-14", nil, twoNames()...), 1).connect()
	c.send("AF", tags{584: "m", 585: "7"})
	expect(t, c.next("8", tags{584: "m"}), tags{150: "I", 39: "8", 37: "NONE", 911: "0", 912: "Y"})
}

// TestLunchBreakAndNextSession replays a session with a break fast, then begins the next with a dividend.
func TestLunchBreakAndNextSession(t *testing.T) {
	h := newHome(t)
	lunch := map[string]any{"breaks": [][]int64{{openNs + hourNs, openNs + 2*hourNs}}}
	p := h.start(h.market("2023-11-14", lunch, twoNames()...), 20_000)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "1"})
	c.next("h", tags{340: "2"})
	c.next("h", tags{340: "3"})
	c.close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Fatal(err)
	}
	next := map[string]any{"actions": []any{map[string]any{"instrument_id": 2, "kind": "dividend", "amount_micro": 1}},
		"open_ns": openNs + 24*hourNs, "close_ns": closeNs + 24*hourNs}
	path := h.market("2023-11-15", next)
	for range 2 { // the second start finds the session begun and the action applied
		p = h.start(path, 1)
		if s := p.control(`{"cmd":"status"}`); s["session"] != "2023-11-15" || s["state"] != "waiting" || s["clock_ns"] != float64(openNs+24*hourNs) {
			t.Errorf("%v", s)
		}
		p.kill()
	}
	var tail []string
	for _, line := range h.logLines() {
		if line["kind"] == "session" && line["text"] != "clock" {
			tail = append(tail, fmt.Sprint(line["session"], " ", line["state"]))
		}
		if line["kind"] == "action" {
			tail = append(tail, "action")
		}
	}
	want := "2023-11-14 waiting, 2023-11-14 open, 2023-11-14 break, 2023-11-14 open, 2023-11-14 closed, 2023-11-15 waiting, action"
	if got := strings.Join(tail, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnfinishedLineIsCutOff(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	h.start(market, 1).kill()
	path := filepath.Join(h.dir, "venue", "log.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole[:len(whole):len(whole)], whole[:30]...), 0o600); err != nil {
		t.Fatal(err)
	}
	p := h.start(market, 1)
	p.kill()
	now, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the log is %q, was %q", now, whole)
	}
	if !strings.Contains(p.logs.String(), "unfinished line") {
		t.Errorf("nothing said: %s", p.logs)
	}
	if err := os.WriteFile(path, append([]byte("{}x\n"), whole...), 0o600); err != nil {
		t.Fatal(err)
	}
	h.refuses(t, h.args(market, 1), "log.jsonl: line 1")
}

// refuses runs the venue and wants status 2 and one line that says why.
func (h *home) refuses(t *testing.T, args []string, why string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(venueBinary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 2 {
		t.Fatalf("%v: %v, want status 2; %s", args, err, &errs)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(errs.String()), "\n") {
		if !strings.HasPrefix(line, "{") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], why) || out.Len() != 0 {
		t.Errorf("%v: %q, want one line with %q; stdout %q", args, lines, why, &out)
	}
}

func TestRefusesWithStatusTwoAndOneLine(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	earlier := h.market("2023-11-13", nil, twoNames()...)
	broken := h.market("2023-11-16", nil, "0s,1,AAA,quote,2,1,5,5")
	wrong := h.market("2023-11-17", map[string]any{"reject_bp": -1})
	hongKong := h.market("2023-11-18", map[string]any{"region": "HK"})
	h.refuses(t, append(h.args(market, 1), "--sped", "2"), "sped")
	h.refuses(t, append(h.args(market, 1), "more"), `unexpected argument "more"`)
	h.refuses(t, []string{"--dir", h.dir}, "--control, --market missing")
	h.refuses(t, h.args(market, -1), "--speed -1")
	h.refuses(t, append(h.args(market, 1), "--open-seconds", "-1"), "--open-seconds -1")
	h.refuses(t, append(h.args(market, 1), "--open-seconds", "NaN"), "--open-seconds NaN")
	h.refuses(t, h.args(filepath.Join(h.dir, "2023-11-20"), 1), "2023-11-20.json: no such file")
	h.refuses(t, h.args(broken, 1), "2023-11-16.csv:2: crossed quote: bid 2 above ask 1")
	h.refuses(t, h.args(wrong, 1), "2023-11-17.json: reject_bp is -1")
	p := h.start(market, 1)
	h.refuses(t, h.args(market, 1), "another simvenue uses --dir")
	p.kill()
	h.refuses(t, h.args(earlier, 1), "a later session was already traded here: 2023-11-14 is in the log, 2023-11-13 was asked for")
	h.refuses(t, h.args(hongKong, 1), "another region")
	if err := os.WriteFile(filepath.Join(h.dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := h.args(market, 1)
	args[3] = filepath.Join(h.dir, "file")
	h.refuses(t, args, "exists and is no socket")
	args[3] = filepath.Join(h.dir, strings.Repeat("x", 120))
	h.refuses(t, args, "longer than")
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if status := run([]string{"--help"}, &out, io.Discard); status != 0 || !strings.HasPrefix(out.String(), "usage: simvenue --dir") {
		t.Errorf("%d %q", status, &out)
	}
}
