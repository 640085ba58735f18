package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quickfixgo/quickfix"
)

type tags = map[quickfix.Tag]string

// twoNames is a market with a quoted name, whose second quote comes an hour after the open, and a name that has only its
// opening print.
func twoNames() []string {
	return []string{
		"0s,1,AAA,quote,99990000,100000000,40,50",
		"0s,2,BBB,auction,20500000,20500000,0,0",
		"1h,1,AAA,quote,100400000,100500000,70,60",
		"2h,1,AAA,quote,0,100500000,0,500",
	}
}

// TestSessionOverFIX goes through a whole session, with a kill -9 in the middle of a partly filled order.
func TestSessionOverFIX(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	p := h.start(market, 1) // one second a second: nothing after the open happens by itself
	info, err := os.Stat(filepath.Join(h.dir, "venue", "fix.addr"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("address file: %v %v", info, err)
	}
	c := p.connect()
	expect(t, c.next("h", nil), tags{340: "4", 58: "SIMULATED session=20231114 clock=1700000000000000000"})

	// Before the start: prices to check against, and no trading.
	c.send("V", tags{262: "MD", 263: "1", 264: "0", 267: "2", 146: "2", 55: "AAA"})
	w := c.next("W", tags{55: "AAA"})
	md := quickfix.NewRepeatingGroup(268, quickfix.GroupTemplate{
		quickfix.GroupElement(269), quickfix.GroupElement(270), quickfix.GroupElement(271),
		quickfix.GroupElement(272), quickfix.GroupElement(273),
	})
	if err := w.Body.GetGroup(md); err != nil {
		t.Fatal(err)
	}
	var entries []string
	for i := range md.Len() {
		var row []string
		for _, tag := range []quickfix.Tag{269, 270, 271, 272, 273} {
			v, err := md.Get(i).GetString(tag)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, v)
		}
		entries = append(entries, strings.Join(row, " "))
	}
	if got, want := strings.Join(entries, "; "), "0 99.99 40 20231114 22:13:20.000; 1 100 50 20231114 22:13:20.000"; got != want {
		t.Errorf("entries %s, want %s", got, want)
	}
	c.order("US-1", "AAA", "1", "10", "", "0")
	expect(t, c.next("8", tags{11: "US-1"}), tags{150: "8", 39: "8", 103: "2", 58: "session has not opened"})
	if positions, cash, value := c.account(); len(positions) != 0 || cash != "1000000" || value != "1000000" {
		t.Errorf("account at the start: %v %s %s", positions, cash, value)
	}

	if s := p.control(`{"cmd":"start"}`); s["state"] != "open" || s["logged_on"] != true {
		t.Fatalf("start: %v", s)
	}
	c.next("h", tags{340: "2"})

	// 50 of 80 are displayed; the rest waits.
	c.order("US-2", "AAA", "1", "80", "100.6", "0")
	expect(t, c.next("8", tags{11: "US-2"}), tags{150: "0", 39: "0", 151: "80", 14: "0", 48: "1", 22: "8", 1: "US"})
	fill := c.next("8", tags{11: "US-2"})
	expect(t, fill, tags{150: "F", 39: "1", 32: "50", 31: "100", 14: "50", 151: "30", 6: "100", 12: "0.25"})
	// A name with a daily bar alone fills at its print, whatever the size.
	c.order("US-3", "BBB", "1", "1000", "", "0")
	c.next("8", tags{11: "US-3", 150: "0"})
	expect(t, c.next("8", tags{11: "US-3"}), tags{150: "F", 39: "2", 32: "1000", 31: "20.5", 12: "5"})
	// An order that waits far from the market, and its cancel.
	c.order("US-4", "AAA", "1", "10", "90", "0")
	c.next("8", tags{11: "US-4", 150: "0"})
	c.send("F", tags{11: "US-4C", 41: "US-4", 55: "AAA", 54: "1", 60: "20231114-22:13:20.000", 38: "10"})
	expect(t, c.next("8", tags{41: "US-4"}), tags{11: "US-4C", 150: "4", 39: "4", 151: "0"})
	c.send("F", tags{11: "US-9C", 41: "US-9", 55: "AAA", 54: "1", 60: "20231114-22:13:20.000", 38: "10"})
	expect(t, c.next("9", tags{41: "US-9"}), tags{102: "1", 434: "1", 37: "NONE"})

	before := h.logLines()
	p.kill()
	c.close()

	// The same session goes on where it stood, once its client is back.
	p = h.start(market, 1)
	if s := p.control(`{"cmd":"status"}`); s["state"] != "open" || s["orders"] != 4.0 || s["fills"] != 2.0 {
		t.Fatalf("after the restart: %v", s)
	}
	c = p.connect()
	status, n := c.massStatus()
	if n != "4" || len(status) != 4 {
		t.Fatalf("mass status announces %s and has %d", n, len(status))
	}
	expect(t, status["US-1"], tags{39: "8", 17: "0"})
	expect(t, status["US-2"], tags{39: "1", 14: "50", 151: "30", 32: "50", 31: "100", 6: "100", 12: "0.25", 19: get(fill, 17)})
	expect(t, status["US-3"], tags{39: "2", 14: "1000", 151: "0", 31: "20.5"})
	expect(t, status["US-4"], tags{39: "4", 14: "0", 151: "0"})
	positions, cash, value := c.account()
	// 1,000,000 - 50*100 - 0.25 - 1000*20.5 - 5
	if positions["AAA"] != "50" || positions["BBB"] != "1000" || cash != "974494.75" {
		t.Errorf("account after the restart: %v %s", positions, cash)
	}
	// 974,494.75 + 50*99.995 + 1000*20.5
	if value != "999994.5" {
		t.Errorf("value %s", value)
	}
	c.order("US-2", "AAA", "1", "80", "", "0")
	expect(t, c.next("8", tags{11: "US-2", 150: "8"}), tags{103: "6", 37: "NONE"})
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	c.close()

	// Fast: the rest fills at the next quote, the session closes.
	p = h.start(market, 1e6)
	c = p.connect()
	rest := c.next("8", tags{11: "US-2", 150: "F"})
	// (50*100 + 30*100.5) / 80
	expect(t, rest, tags{39: "2", 32: "30", 31: "100.5", 14: "80", 151: "0", 6: "100.1875", 60: "20231114-23:13:20.000"})
	c.next("h", tags{340: "3", 58: "SIMULATED session=20231114 clock=1700021600000000000"})
	p.waitState("closed")
	c.order("US-5", "AAA", "1", "10", "", "0")
	expect(t, c.next("8", tags{11: "US-5"}), tags{150: "8", 103: "2", 58: "session is closed"})
	p.kill()
	c.close()
	p = h.start(market, 1e6)
	if s := p.control(`{"cmd":"start"}`); s["state"] != "closed" {
		t.Errorf("a closed session opened again: %v", s)
	}

	// The log only grew, and no execution has the name of another.
	after := h.logLines()
	execs := map[any]bool{}
	for i, line := range after {
		if i < len(before) && line["kind"] != before[i]["kind"] {
			t.Errorf("line %d changed", i+1)
		}
		if line["n"] != float64(i+1) {
			t.Errorf("line %d has n %v", i+1, line["n"])
		}
		if id := line["exec_id"]; id != "" {
			if execs[id] {
				t.Errorf("exec_id %v twice", id)
			}
			execs[id] = true
		}
	}
}

// A cancel has an ExecID of its own; the status names the fill whose quantity and price it tells, and a client that missed
// that fill's report books it under its name.
func TestAStatusNamesTheFillAndNotTheCancelAfterIt(t *testing.T) {
	h := newHome(t)
	p := h.start(h.market("2023-11-14", nil, twoNames()...), 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	c.order("US-1", "AAA", "1", "80", "100.6", "0")
	fill := c.next("8", tags{11: "US-1", 150: "F"})
	c.send("F", tags{11: "US-1C", 41: "US-1", 55: "AAA", 54: "1", 60: "20231114-22:13:20.000", 38: "80"})
	cancel := c.next("8", tags{41: "US-1"})
	expect(t, cancel, tags{11: "US-1C", 150: "4", 39: "4", 14: "50"})
	status, _ := c.massStatus()
	expect(t, status["US-1"], tags{39: "4", 14: "50", 32: "50", 31: "100", 19: get(fill, 17)})
	if get(cancel, 17) == get(fill, 17) {
		t.Error("a cancel has the ExecID of a fill")
	}
}

// At a speed that ends the session at once, a slow opening keeps it open: the print of the open is young when an order
// comes, in a venue that was killed and resumed as well.
func TestSlowOpeningKeepsThePrintYoung(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	p := h.start(market, 1e9, "--open-seconds", "3600")
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	for _, id := range []string{"US-1", "US-2"} {
		c.next("h", tags{340: "2"})
		c.order(id, "BBB", "1", "10", "", "0")
		expect(t, c.next("8", tags{11: id, 150: "F"}), tags{31: "20.5"})
		s := p.control(`{"cmd":"status"}`)
		if passed := int64(s["clock_ns"].(float64)) - openNs; s["state"] != "open" || passed >= hourNs/12 {
			t.Fatalf("%d ns after the open it is %v", passed, s["state"])
		}
		p.kill()
		c.close()
		if id == "US-1" {
			p = h.start(market, 1e9, "--open-seconds", "3600")
			c = p.connect()
		}
	}
}
