package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/quickfixgo/quickfix"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/sim"
)

// standingVenue is a venue with two quoted names and a logged on client, whose loop the test is; told gets what it sends.
func standingVenue(t *testing.T, told *[]*message) *venue {
	t.Helper()
	h := &home{t: t, dir: t.TempDir()}
	day, err := readMarket(h.market("2023-11-14", nil, twoNames()...))
	if err != nil {
		t.Fatal(err)
	}
	j, records, err := openJournal(h.dir, jsonlog.Discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.close() }) // what it holds was read by the test
	engine, fresh, err := sim.ResumeWith(sim.Options{}, day, records)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.add(fresh); err != nil {
		t.Fatal(err)
	}
	wall := clock.NewManual(time.Unix(0, day.OpenNs))
	replay, err := clock.NewReplay(wall, day.OpenNs, day.CloseNs, clock.SlowOpening(1, day.OpenNs, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	v := newVenue(engine, j, replay, wall, &gatekeeper{}, jsonlog.Discard())
	v.send = func(m *message) error {
		*told = append(*told, m)
		return nil
	}
	if err := v.onLogon(); err != nil {
		t.Fatal(err)
	}
	return v
}

// sound checks what the venue has journaled and has to tell: a log that its own reader takes, and bodies of whole FIX fields.
func sound(t *testing.T, v *venue) {
	t.Helper()
	if _, n, err := sim.ReadLog(v.journal.buf); err != nil || n != len(v.journal.buf) {
		t.Fatalf("the log of %d bytes is read to %d: %v\n%s", len(v.journal.buf), n, err, v.journal.buf)
	}
	for _, o := range v.outbox {
		for _, f := range bytes.Split(bytes.TrimSuffix(o.msg.body, []byte{1}), []byte{1}) {
			tag, value, _ := bytes.Cut(f, []byte{'='})
			if n, err := strconv.Atoi(string(tag)); err != nil || n <= 0 || len(value) == 0 {
				t.Fatalf("message %s has the field %q: %q", o.msg.kind, f, o.msg.body)
			}
		}
	}
}

// rawFIX is a whole message with the right length and checksum.
func rawFIX(kind string, body []byte) []byte {
	inner := append(fmt.Appendf(nil, "35=%s\x0134=2\x0149=RISKD\x0156=SIMVENUE\x0152=20231114-22:13:20.000\x01", kind), bytes.ReplaceAll(body, []byte("|"), []byte{1})...)
	all := append(fmt.Appendf(nil, "8=FIX.4.4\x019=%d\x01", len(inner)), inner...)
	sum := 0
	for _, b := range all {
		sum += int(b)
	}
	return fmt.Appendf(all, "10=%03d\x01", sum%256)
}

// parsed reads a raw message as the FIX engine does; false where it is none. The engine's own parser panics where the message does
// not end with its checksum's field or a data field's length (212) leads out of it: that is not this package's code, and the
// targets go on behind it.
func parsed(raw []byte) (m *quickfix.Message, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	m = quickfix.NewMessage()
	return m, quickfix.ParseMessage(m, bytes.NewBuffer(bytes.Clone(raw))) == nil
}

// Any fields in any message of a client: it is rejected, or the venue does what it says and goes on, with a sound log and
// sound answers.
func FuzzRawMessages(f *testing.F) {
	for kind, body := range map[string]string{
		"D": "11=US-1|55=AAA|54=1|38=10|40=2|44=99.5|59=0|60=20231114-22:13:20.000|", "F": "11=US-2|41=US-1|55=AAA|54=1|", "G": "11=US-3|41=US-1|55=AAA|54=1|38=5|40=1|",
		"V": "262=MD|263=1|264=0|267=2|269=0|269=1|146=2|55=AAA|55=BBB|", "AF": "584=1|585=7|", "AN": "710=P|724=0|", "BB": "909=C|", "BE": "923=U|924=4|553=US|", "g": "335=S|",
	} {
		f.Add(kind, []byte(body), true)
	}
	f.Add("V", []byte("262=MD|263=1|146=1|55=|"), false)
	f.Fuzz(func(t *testing.T, kind string, body []byte, started bool) {
		m, ok := parsed(rawFIX(kind, body))
		if !ok {
			return
		}
		var told []*message
		v := standingVenue(t, &told)
		if started {
			if err := v.start(); err != nil {
				t.Fatal(err)
			}
		}
		rejected := (&fixApp{v}).FromApp(m, sessionID)
		if rejected != nil && len(v.inbox) > 0 {
			t.Fatalf("rejected with %v, and work was posted", rejected)
		}
		for len(v.inbox) > 0 {
			if err := (<-v.inbox)(); err != nil {
				t.Fatalf("%q stops the venue: %v", body, err)
			}
		}
		sound(t, v)
	})
}

var symbolField = regexp.MustCompile("\x0155=([^\x01]*)")

// A market data request: the symbols are those of its fields, none is empty, and without a count all are meant.
func FuzzMarketDataRequest(f *testing.F) {
	for _, body := range []string{"146=2|55=AAA|55=BBB|", "146=1|", "55=AAA|", "146=1|55=|", "146=1|155=X|55=A=B|", "146=0|55=A|58=55=C|"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := rawFIX("V", body)
		m, ok := parsed(raw)
		if !ok {
			return
		}
		symbols, err := parseSymbols(m)
		if err != nil {
			return
		}
		if !m.Body.Has(tagNoRelatedSym) {
			if symbols != nil {
				t.Fatalf("%q chooses %v without a count", body, symbols)
			}
			return
		}
		want := map[string]bool{}
		for _, match := range symbolField.FindAllSubmatch(raw, -1) {
			want[string(match[1])] = true
		}
		if len(want) != len(symbols) || len(want) == 0 || want[""] {
			t.Fatalf("%q chooses %v, its fields say %v", body, symbols, want)
		}
		for s := range want {
			if !symbols[s] {
				t.Fatalf("%q chooses %v, its fields say %v", body, symbols, want)
			}
		}
	})
}

// A line on the control socket: it is answered in JSON and never stops the venue, and what is refused has changed nothing.
func FuzzControlRequests(f *testing.F) {
	for _, line := range []string{
		`{"cmd":"start"}`, `{"cmd":"status"}`, `{"cmd":"account"}`, `{"cmd":"halt","instrument_id":1}`, `{"cmd":"resume","instrument_id":1,"px_micro":5}`, `{"cmd":"fault","kind":"reorder","n":3}`,
		`{"cmd":"fault","kind":"disconnect"}`, `{"cmd":"fault","kind":"correct","n":1}`, `{"cmd":"fault","n":-1}`, `{"cmd":"resume","px_micro":-9223372036854775808}`, `[]`, `null`,
	} {
		f.Add([]byte(line), []byte(`{"cmd":"halt","instrument_id":1}`))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var told []*message
		v := standingVenue(t, &told)
		for _, line := range [][]byte{first, second} {
			var req controlRequest
			if json.Unmarshal(line, &req) != nil {
				return
			}
			before := len(v.journal.buf)
			answer, err := v.control(req)
			if err != nil {
				t.Fatalf("%s stops the venue: %v", line, err)
			}
			text, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			if refused, _ := answer.(map[string]string); refused["error"] != "" && len(v.journal.buf) != before {
				t.Fatalf("%s is refused (%s) and was journaled", line, text)
			}
			sound(t, v)
		}
	})
}
