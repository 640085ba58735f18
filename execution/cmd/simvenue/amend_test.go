package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/quickfixgo/quickfix"

	"dnalyaw/execution/internal/sim"
)

// replace sends a G with the terms of a limit order of a day.
func (c *client) replace(id, orig, symbol, side, qty, px string) {
	c.t.Helper()
	c.send("G", tags{1: "US", 11: id, 41: orig, 55: symbol, 54: side, 38: qty, 40: "2", 44: px, 59: "0", 60: "20231114-22:13:20.000"})
}

// protect asks for cancel on disconnect as docs/contracts.md has it.
func (c *client) protect(id, on string) {
	c.t.Helper()
	c.send("BE", tags{923: id, 924: "4", 553: "US", 8013: on})
}

func TestReplacementsOverFIX(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	p := h.start(market, 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	c.order("US-1", "AAA", "1", "80", "100", "0") // 50 are displayed
	first := c.next("8", tags{11: "US-1", 150: "F"})
	expect(t, first, tags{14: "50", 151: "30"})

	c.replace("US-2", "US-1", "AAA", "1", "120", "99.5")
	expect(t, c.next("8", tags{150: "5"}), tags{
		11: "US-2", 41: "US-1", 37: get(first, 37), 39: "1", 38: "120", 44: "99.5", 14: "50", 151: "70", 6: "100", 54: "1", 48: "1",
	})
	for _, bad := range []struct {
		id, orig, qty, px string
		want              tags
	}{
		{"US-3", "US-9", "120", "99", tags{102: "1", 37: "NONE", 39: "8"}},
		{"US-3", "US-2", "50", "99", tags{102: "99", 37: get(first, 37), 39: "1"}},
		{"US-1", "US-2", "120", "99", tags{102: "6", 39: "1"}},
	} {
		c.replace(bad.id, bad.orig, "AAA", "1", bad.qty, bad.px)
		bad.want[434], bad.want[11], bad.want[41] = "2", bad.id, bad.orig
		expect(t, c.next("9", nil), bad.want)
	}
	// A replacement to a marketable limit trades at once; the report of the fill bears the new name.
	c.order("US-4", "AAA", "2", "50", "101", "0")
	c.next("8", tags{11: "US-4", 150: "0"})
	c.replace("US-5", "US-4", "AAA", "2", "45", "99.9")
	c.next("8", tags{11: "US-5", 150: "5"})
	expect(t, c.next("8", tags{150: "F"}), tags{11: "US-5", 38: "45", 14: "40", 151: "5", 31: "99.99"})

	// Killed: the log alone has the chain.
	p.kill()
	c.close()
	p = h.start(market, 1)
	c = p.connect()
	status, n := c.massStatus()
	if n != "2" {
		t.Fatalf("%s orders", n)
	}
	expect(t, status["US-2"], tags{41: "US-1", 39: "1", 38: "120", 44: "99.5", 14: "50", 151: "70"})
	expect(t, status["US-5"], tags{41: "US-4", 39: "1", 14: "40", 151: "5"})
	// A cancel finds the order by any of its names, and a finished one cannot be changed.
	c.send("F", tags{11: "US-1-C1", 41: "US-1", 55: "AAA", 54: "1", 60: "20231114-22:13:20.000"})
	expect(t, c.next("8", tags{150: "4"}), tags{11: "US-1-C1", 41: "US-2", 14: "50", 151: "0"})
	c.replace("US-6", "US-2", "AAA", "1", "130", "99")
	expect(t, c.next("9", nil), tags{11: "US-6", 434: "2", 102: "0", 39: "4"})
	kinds := ""
	for _, line := range h.logLines() {
		if line["kind"] == "replace" {
			kinds += fmt.Sprintf("%v<-%v ", line["cl_ord_id"], line["orig"])
		}
	}
	if kinds != "US-2<-US-1 US-5<-US-4 " {
		t.Errorf("replacements in the log: %s", kinds)
	}
}

func TestShortSalesAndCorrectionsOverFIX(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", map[string]any{"locate": []any{map[string]any{"instrument_id": 2, "qty": 100}}}, twoNames()...)
	p := h.start(market, 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	c.order("US-1", "AAA", "5", "10", "99", "0")
	expect(t, c.next("8", tags{11: "US-1", 150: "8"}), tags{54: "5", 103: "99", 58: "no shares to borrow: short sales of this instrument are not offered"})
	c.order("US-2", "BBB", "5", "60", "20", "0")
	fill := c.next("8", tags{11: "US-2", 150: "F"})
	expect(t, fill, tags{54: "5", 32: "60", 31: "20.5"})
	positionReports := func() string {
		c.send("AN", tags{710: "P", 724: "0", 1: "US", 581: "1", 715: "20231114", 60: "20231114-22:13:20.000"})
		m := c.next("AP", tags{55: "BBB"})
		return get(m, 704) + "/" + get(m, 705)
	}
	if got := positionReports(); got != "0/60" {
		t.Errorf("long/short %s", got)
	}
	if why := p.control(`{"cmd":"fault","kind":"correct","n":60}`)["error"]; why != "the last fill is of 60: give 0 to 59" {
		t.Errorf("%v", why)
	}
	p.control(`{"cmd":"fault","kind":"correct","n":45}`)
	expect(t, c.next("8", tags{150: "G"}), tags{
		11: "US-2", 19: get(fill, 17), 39: "4", 32: "45", 31: "20.5", 14: "45", 151: "0", 12: "0.225", 38: "60",
	})
	c.order("US-3", "BBB", "1", "5", "21", "0")
	c.next("8", tags{11: "US-3", 150: "F"})
	p.control(`{"cmd":"fault","kind":"correct","n":0}`)
	expect(t, c.next("8", tags{150: "H"}), tags{11: "US-3", 39: "4", 32: "0", 14: "0", 151: "0"})
	if got := positionReports(); got != "0/45" {
		t.Errorf("long/short %s", got)
	}
	_, cash, _ := c.account()
	p.kill()
	c.close()
	p = h.start(market, 1)
	c = p.connect()
	if got := positionReports(); got != "0/45" {
		t.Errorf("after a kill: long/short %s", got)
	}
	if _, again, _ := c.account(); again != cash || cash != "1000922.275" { // 45 at 20.5 less 45 fees of half a cent
		t.Errorf("cash %s, after a kill %s", cash, again)
	}
	status, _ := c.massStatus()
	expect(t, status["US-2"], tags{39: "4", 14: "45", 151: "0"})
}

func TestCancelOnDisconnect(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	p := h.start(market, 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	cut := func() {
		p.control(`{"cmd":"fault","kind":"disconnect","n":1}`)
		<-c.off
		c.waitLogon()
	}
	c.order("US-1", "AAA", "1", "10", "90", "0")
	c.next("8", tags{11: "US-1", 150: "0"})
	cut()
	status, _ := c.massStatus()
	expect(t, status["US-1"], tags{39: "0"}) // nobody had asked

	c.protect("U1", "Y")
	answer := c.next("BF", nil)
	expect(t, answer, tags{923: "U1", 553: "US", 926: "1", 927: "CANCEL_ON_DISCONNECT", 8013: ""})
	c.order("US-2", "AAA", "1", "80", "100", "0")
	c.next("8", tags{11: "US-2", 150: "F"})
	cut()
	status, _ = c.massStatus()
	expect(t, status["US-1"], tags{39: "4", 14: "0", 151: "0", 58: "cancelled on disconnect"})
	expect(t, status["US-2"], tags{39: "4", 14: "50", 151: "0", 58: "cancelled on disconnect"})

	// It held for that connection only; a logout and the venue's own end count like a cut line.
	c.order("US-3", "AAA", "1", "10", "90", "0")
	c.next("8", tags{11: "US-3", 150: "0"})
	cut()
	if status, _ = c.massStatus(); get(status["US-3"], 39) != "0" {
		t.Error("cancelled without being asked to")
	}
	c.protect("U2", "Y")
	c.next("BF", tags{923: "U2"})
	c.close()
	c = p.connect()
	if status, _ = c.massStatus(); get(status["US-3"], 39) != "4" {
		t.Error("a logout left the order working")
	}
	c.order("US-4", "AAA", "1", "10", "90", "0")
	c.next("8", tags{11: "US-4", 150: "0"})
	c.protect("U3", "Y")
	c.next("BF", tags{923: "U3"})
	p.kill()
	c.close()
	p = h.start(market, 1)
	c = p.connect()
	if status, _ = c.massStatus(); get(status["US-4"], 39) != "4" {
		t.Error("the venue's death left the order working")
	}
	c.protect("U4", "Y")
	c.next("BF", tags{923: "U4"})
	c.protect("U5", "N")
	expect(t, c.next("BF", tags{923: "U5"}), tags{926: "1", 927: "CANCEL_ON_DISCONNECT_OFF"})
	for tag, f := range map[string]tags{
		"924": {923: "U6", 924: "1", 553: "US"}, "553": {923: "U6", 924: "4", 553: "HK"}, "8013": {923: "U6", 924: "4", 553: "US", 8013: "X"}, "923": {924: "4", 553: "US"},
	} {
		c.send("BE", f)
		expect(t, c.next("3", nil), tags{371: tag, 372: "BE"})
	}
}

// FuzzOrderMessages reads any fields as D and G: what is taken has known terms, whatever stood in it.
func FuzzOrderMessages(f *testing.F) {
	for _, body := range []string{
		"11=US-1|55=AAA|54=1|38=10|40=2|44=99.5|59=0|60=20231114-22:13:20.000|",
		"11=US-2|41=US-1|55=AAA|54=5|38=10|40=1|59=3|48=7|22=99|",
		"11=US-2|41=US-1|55=AAA|54=5|38=10|40=1|100=2|",
		"11=US-2|41=|55=AAA|54=7|38=1e9|40=2|44=-1|",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := quickfix.NewMessage()
		for _, f := range strings.Split(string(data), "|") {
			tag, value, _ := strings.Cut(f, "=")
			if n, err := strconv.ParseUint(tag, 10, 16); err == nil {
				m.Body.SetString(quickfix.Tag(n), value)
			}
		}
		for _, kind := range []string{"D", "G"} {
			r, err := parseReplacement(m)
			if kind == "D" || err != nil {
				var o sim.NewOrder
				if o, err = parseNewOrder(m); err != nil {
					continue
				}
				r = sim.Replacement{ClOrdID: o.ClOrdID, Orig: "any", Symbol: o.Symbol, Side: o.Side, Short: o.Short, Type: o.Type, TIF: o.TIF, Qty: o.Qty, LimitPx: o.LimitPx, Path: o.Path}
			}
			if r.ClOrdID == "" || len(r.ClOrdID) > maxClOrdID || r.Orig == "" || r.Symbol == "" || r.Qty < 0 || r.LimitPx < 0 ||
				r.Side != sim.Buy && r.Side != sim.Sell || r.Short && r.Side != sim.Sell || r.Type != sim.Market && r.Type != sim.Limit || r.TIF != sim.Day && r.TIF != sim.IOC ||
				r.Type == sim.Market && r.LimitPx != 0 || r.Path < 0 || r.Path > 2 {
				t.Fatalf("%+v", r)
			}
		}
	})
}
