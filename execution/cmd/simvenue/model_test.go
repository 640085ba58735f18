package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// withModel are market files of a venue with a model, all but the rows.
func withModel(model map[string]any) map[string]any { return map[string]any{"model": model} }

// secondsLater is a latency of so many seconds, always.
func secondsLater(s float64) map[string]any {
	return map[string]any{"mu": math.Log(s * 1e6), "sigma": 0}
}

// An order acts after its latency and is heard of after the report's; killed between, the venue goes on with what was under way.
func TestLatencyOverFIX(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", withModel(map[string]any{"latency": map[string]any{"order": secondsLater(600), "report": secondsLater(60)}}), twoNames()...)
	p := h.start(market, 1) // nothing acts by itself
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	c.order("US-1", "AAA", "1", "80", "101", "0")
	c.order("US-2", "BBB", "1", "10", "", "0")
	c.send("F", tags{11: "US-1-C", 41: "US-1", 55: "AAA", 54: "1", 38: "80"})
	c.send("F", tags{11: "US-2-C", 41: "US-2", 55: "BBB", 54: "1", 38: "10"})
	c.waitInSync() // all of it is taken
	status, n := c.massStatus()
	if n != "2" {
		t.Fatalf("%s orders", n)
	}
	expect(t, status["US-1"], tags{39: "A", 14: "0", 151: "0"}) // pending new
	p.kill()
	c.close()

	p = h.start(market, 5000)
	c = p.connect()
	ack := c.next("8", tags{11: "US-1", 150: "0"})
	if at := afterOpen(t, get(ack, 60)); at < 600 || at > 610 {
		t.Errorf("acted %v s after the open", at)
	}
	expect(t, c.next("8", tags{11: "US-1"}), tags{150: "F", 32: "50", 31: "100"})
	c.next("8", tags{11: "US-2", 150: "0"})
	expect(t, c.next("8", tags{11: "US-2"}), tags{150: "F", 39: "2"})
	expect(t, c.next("8", tags{41: "US-1"}), tags{11: "US-1-C", 150: "4", 14: "50", 151: "0"})
	expect(t, c.next("9", tags{41: "US-2"}), tags{11: "US-2-C", 39: "2", 102: "0", 434: "1", 58: "too late: the order is filled"})
	c.next("h", tags{340: "3"})
}

// afterOpen is how long after the open a TransactTime is, in seconds.
func afterOpen(t *testing.T, stamp string) float64 {
	t.Helper()
	at, err := time.Parse(fixTimestamp, stamp)
	if err != nil {
		t.Fatal(err)
	}
	return at.Sub(time.Unix(0, openNs)).Seconds()
}

// ExDestination is the order's path; the log has it.
func TestPathsOverFIX(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", withModel(map[string]any{"latency": map[string]any{
		"paths": []any{map[string]any{"path": 1, "order": secondsLater(0.2)}, map[string]any{"path": 2, "order": secondsLater(2)}},
	}}), twoNames()...)
	p := h.start(market, 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	for id, path := range map[string]string{"US-1": "1", "US-2": "2"} {
		c.send("D", tags{11: id, 55: "BBB", 54: "1", 38: "1", 40: "1", 100: path})
	}
	expect(t, c.next("8", tags{150: "F"}), tags{11: "US-1"})
	expect(t, c.next("8", tags{150: "F"}), tags{11: "US-2"})
	paths := map[any]any{}
	for _, line := range h.logLines() {
		if line["kind"] == "order" {
			paths[line["cl_ord_id"]] = line["path"]
		}
	}
	if paths["US-1"] != 1.0 || paths["US-2"] != 2.0 {
		t.Errorf("%v", paths)
	}
}

func TestHaltsOverFIX(t *testing.T) {
	h := newHome(t)
	p := h.start(h.market("2023-11-14", nil, twoNames()...), 1)
	c := p.connect()
	if why := p.control(`{"cmd":"halt","instrument_id":1}`)["error"]; why != "the session is waiting" {
		t.Errorf("%v", why)
	}
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	if s := p.control(`{"cmd":"halt","instrument_id":1}`); s["state"] != "open" {
		t.Fatalf("%v", s)
	}
	expect(t, c.next("f", nil), tags{48: "1", 55: "AAA", 326: "2", 58: "halted by hand"})
	c.order("US-1", "AAA", "1", "80", "100", "0")
	c.next("8", tags{11: "US-1", 150: "0"})
	c.waitInSync() // and no fill comes
	if status, _ := c.massStatus(); get(status["US-1"], 14) != "0" {
		t.Error("filled in a halt")
	}
	p.control(`{"cmd":"resume","instrument_id":1,"px_micro":99500000}`)
	expect(t, c.next("f", nil), tags{48: "1", 326: "3"})
	expect(t, c.next("8", tags{11: "US-1"}), tags{150: "F", 39: "2", 32: "80", 31: "99.5"})
	if why := p.control(`{"cmd":"resume","instrument_id":1}`)["error"]; why != "instrument 1 is that already" {
		t.Errorf("%v", why)
	}
}

func TestTheAccountOverFIXAndControl(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", withModel(map[string]any{
		"settlement": map[string]any{"date": "2023-11-16", "proceeds": "settled"}, "fees": map[string]any{"schedule": "us"},
	}), twoNames()...)
	p := h.start(market, 1)
	c := p.connect()
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	c.order("US-1", "BBB", "1", "100", "", "0")
	expect(t, c.next("8", tags{11: "US-1", 150: "F"}), tags{12: "0.5"})
	c.order("US-2", "BBB", "2", "40", "", "0")
	// 40 * 0.005; 820.00 at 8.00 a million up to a cent; 40 * 0.000145 up to a cent.
	expect(t, c.next("8", tags{11: "US-2", 150: "F"}), tags{12: "0.22"})
	c.send("BB", tags{909: "B"})
	// 1,000,000 - 2,050.50 + 819.78; what is settled is all there was; what may be spent is without the 819.78.
	expect(t, c.next("BA", tags{909: "B"}), tags{901: "998769.28", 921: "1000000", 922: "998769.28", 899: "997949.5"})
	a, err := json.Marshal(p.control(`{"cmd":"account"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"buying_power_micro":997949500000,"cash_micro":998769280000,"currency":"USD",` +
		`"positions":[{"instrument_id":2,"mark_micro":20500000,"qty":60,"settled_qty":0,"symbol":"BBB"}],"session":"2023-11-14","settled_cash_micro":1000000000000,` +
		`"unsettled":[{"cash_micro":-1230720000,"date":"2023-11-16","proceeds_micro":819780000}],"value_micro":999999280000}`
	if string(a) != want {
		t.Errorf("got  %s\nwant %s", a, want)
	}
	// Without a model the report is what it was.
	p.kill()
	c.close()
	plain := newHome(t)
	p = plain.start(plain.market("2023-11-14", nil, twoNames()...), 1)
	c = p.connect()
	c.send("BB", tags{909: "B"})
	expect(t, c.next("BA", tags{909: "B"}), tags{901: "1000000", 921: "", 922: "", 899: ""})
}

// What the venue's client moved is in the prices that it publishes, before the fill is told.
func TestImpactIsPublished(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", withModel(map[string]any{
		"impact":   map[string]any{"temporary": 1, "permanent": 1, "depth_bp": 10000},
		"defaults": map[string]any{"adv": 10000, "volatility_bp": 200, "tick_micro": 10000},
	}), twoNames()...)
	p := h.start(market, 1)
	c := p.connect()
	c.send("V", tags{262: "MD", 263: "1", 264: "0", 267: "2", 146: "2", 55: "AAA"})
	c.next("W", tags{55: "AAA"})
	p.control(`{"cmd":"start"}`)
	c.next("h", tags{340: "2"})
	c.order("US-1", "AAA", "1", "150", "110", "0")
	// A share moves 0.0002. 50 move 0.0099995 and pay less than half a tick of it; 100 beyond pay 2.00 * sqrt(0.01) = 0.20, the 0.01
	// that was moved before them and half of their own 0.02.
	expect(t, c.next("8", tags{11: "US-1", 150: "F"}), tags{32: "50", 31: "100"})
	expect(t, c.next("8", tags{11: "US-1", 150: "F"}), tags{32: "100", 31: "100.22"})
	c.order("US-2", "AAA", "2", "10", "", "0") // 0.03 up: 0.03 above the recorded bid of 99.99
	w := c.next("W", tags{55: "AAA"})
	if text := readable([]byte(w.String())); !strings.Contains(text, "|269=0|270=100.02|271=40|") || !strings.Contains(text, "|269=1|270=100.03|271=50|") {
		t.Errorf("published %s", text)
	}
	expect(t, c.next("8", tags{11: "US-2", 150: "F"}), tags{32: "10", 31: "100.02"})
}

func TestFitLatencyCommand(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "us.txt")
	if err := os.WriteFile(path, []byte("# measured\n1\n2.718281828459045\n20.085536923187668\n7.38905609893065\n0.36787944117144233\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if status := run([]string{"fit-latency", path}, &out, &errs); status != 0 {
		t.Fatalf("%d %s", status, &errs)
	}
	var fit map[string]float64
	if err := json.Unmarshal(out.Bytes(), &fit); err != nil || math.Abs(fit["mu"]-1) > 1e-9 || math.Abs(fit["sigma"]-math.Sqrt2) > 1e-9 || fit["n"] != 5 {
		t.Errorf("%v %s", err, &out)
	}
	for _, c := range []struct{ args, want string }{
		{"fit-latency", "fit-latency takes one file"}, {"fit-latency " + dir + "/none", "no such file"}, {"fit-latency " + path + " more", "fit-latency takes one file"},
	} {
		out.Reset()
		errs.Reset()
		if status := run(strings.Fields(c.args), &out, &errs); status != 2 || !strings.Contains(errs.String(), c.want) || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: %d %q", c.args, status, &errs)
		}
	}
}
