package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/quickfixgo/quickfix"
	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

// wired is the message as it goes out, with a header.
func wired(t interface{ Fatal(...any) }, space *quickfix.Message, m *message) (string, *quickfix.Message) {
	m.fill(space)
	space.Header.SetString(8, "FIX.4.4")
	space.Header.SetString(34, "7")
	text := space.String()
	back := quickfix.NewMessage()
	if err := quickfix.ParseMessage(back, bytes.NewBufferString(text)); err != nil { // checks the length
		t.Fatal(err, strings.ReplaceAll(text, "\x01", "|"))
	}
	body, sum, _ := strings.Cut(text, "\x0110=")
	n := 1
	for _, c := range []byte(body) {
		n += int(c)
	}
	if want, err := strconv.Atoi(strings.TrimSuffix(sum, "\x01")); err != nil || n%256 != want {
		t.Fatal("checksum", n%256, sum)
	}
	return text, back
}

// Whatever fields a message has, they come out as they were put in, one message after the other in the same space.
func TestMessagesComeOutAsTheyWent(t *testing.T) {
	space := quickfix.NewMessage()
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(t, "messages") {
			m := newMessage(rapid.SampledFrom([]string{"8", "W", "BA"}).Draw(t, "kind"))
			want := ""
			for range rapid.IntRange(1, 20).Draw(t, "fields") {
				tag := quickfix.Tag(rapid.IntRange(5000, 9999).Draw(t, "tag"))
				switch rapid.IntRange(0, 2).Draw(t, "what") {
				case 0:
					v := rapid.StringMatching(`[ -~]{1,9}`).Draw(t, "text")
					m.text(tag, v)
					want += strconv.Itoa(int(tag)) + "=" + v + "\x01"
				case 1:
					v := rapid.Int64().Draw(t, "number")
					m.number(tag, v)
					want += strconv.Itoa(int(tag)) + "=" + strconv.FormatInt(v, 10) + "\x01"
				case 2:
					m.someText(tag, "")
					m.flag(tag, true)
					want += strconv.Itoa(int(tag)) + "=Y\x01"
				}
			}
			text, _ := wired(t, space, m)
			if !strings.HasPrefix(text, "8=FIX.4.4\x019=") || !strings.Contains(text, "\x0135="+m.kind+"\x0134=7\x01"+want+"10=") {
				t.Fatalf("%s\nwithout %s", strings.ReplaceAll(text, "\x01", "|"), strings.ReplaceAll(want, "\x01", "|"))
			}
		}
	})
}

// A report field by field, by hand.
func TestAReportOnTheWire(t *testing.T) {
	o := sim.NewOrder{ClOrdID: "US-1", InstrumentID: 7, Symbol: "AAA", Side: sim.Sell, Short: true, Type: sim.Limit, Qty: 50, LimitPx: 10_250_000}
	r := &sim.Record{
		Kind: sim.KindFill, TsNs: openNs + 5_000_000, ClOrdID: "US-1", Qty: 20, Px: 10_300_000, Cum: 20, Leaves: 30, ExecID: "E9", OrderID: "V1", Fee: 125_000, AvgPx: 10_300_000, How: sim.HowQueue,
	}
	text, _ := wired(t, quickfix.NewMessage(), executionReport("US", r, o, sim.PartiallyFilled))
	_, body, _ := strings.Cut(text, "\x0134=7\x01")
	want := "1=US|6=10.3|11=US-1|12=0.125|13=3|14=20|17=E9|31=10.3|32=20|37=V1|39=1|22=8|48=7|55=AAA|38=50|40=2|44=10.25|54=5|59=0|60=20231114-22:13:20.005|150=F|151=30|10="
	if got := strings.ReplaceAll(body, "\x01", "|"); !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
