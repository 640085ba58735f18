package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Event is one row of market/<session>.csv. A side whose price is 0 is absent; an auction has Bid = Ask = the print.
type Event struct {
	TsNs         int64
	InstrumentID int64
	Symbol       string
	Auction      bool
	Bid, Ask     int64
	BidSize      int64
	AskSize      int64
	Source       string
}

// eventsHeader is the first line of the file.
const eventsHeader = "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source"

// ParseEvents reads the events of a session. Errors name the file, the line and what to mend.
func ParseEvents(name string, data []byte) ([]Event, error) {
	header, rest, _ := bytes.Cut(data, []byte{'\n'})
	if got := strings.TrimSuffix(string(header), "\r"); got != eventsHeader {
		return nil, fmt.Errorf("%s:1: header is %.200q, want %q", name, got, eventsHeader)
	}
	var events []Event
	symbols, ids := map[int64]string{}, map[string]int64{}
	for line := 2; len(rest) > 0; line++ {
		var row []byte
		row, rest, _ = bytes.Cut(rest, []byte{'\n'})
		ev, err := parseEvent(strings.TrimSuffix(string(row), "\r"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if n := len(events); n > 0 {
			if p := events[n-1]; ev.TsNs < p.TsNs || ev.TsNs == p.TsNs && ev.InstrumentID < p.InstrumentID {
				return nil, fmt.Errorf("%s:%d: rows must be sorted by ts_ns, then instrument_id", name, line)
			}
		}
		if s, known := symbols[ev.InstrumentID]; known && s != ev.Symbol {
			return nil, fmt.Errorf("%s:%d: instrument %d is %q here and %q above", name, line, ev.InstrumentID, ev.Symbol, s)
		}
		if id, known := ids[ev.Symbol]; known && id != ev.InstrumentID {
			return nil, fmt.Errorf("%s:%d: symbol %q is instrument %d here and %d above", name, line, ev.Symbol, ev.InstrumentID, id)
		}
		symbols[ev.InstrumentID], ids[ev.Symbol] = ev.Symbol, ev.InstrumentID
		events = append(events, ev)
	}
	return events, nil
}

func parseEvent(row string) (Event, error) {
	f := strings.Split(row, ",")
	if len(f) != 9 {
		return Event{}, fmt.Errorf("%d columns, want 9", len(f))
	}
	ev := Event{Symbol: f[2], Source: f[8]}
	for _, c := range []struct {
		name string
		text string
		into *int64
	}{
		{"ts_ns", f[0], &ev.TsNs},
		{"instrument_id", f[1], &ev.InstrumentID},
		{"bid", f[4], &ev.Bid},
		{"ask", f[5], &ev.Ask},
		{"bid_size", f[6], &ev.BidSize},
		{"ask_size", f[7], &ev.AskSize},
	} {
		v, err := strconv.ParseInt(c.text, 10, 64)
		if err != nil || v < 0 {
			return Event{}, fmt.Errorf("%s is %.40q: give a whole number, 0 or more", c.name, c.text)
		}
		*c.into = v
	}
	switch {
	case ev.InstrumentID == 0:
		return Event{}, fmt.Errorf("instrument_id is 0: give a positive id")
	case ev.Symbol == "" || strings.ContainsAny(ev.Symbol, "\x00\x01=\"") || strings.TrimSpace(ev.Symbol) != ev.Symbol:
		return Event{}, fmt.Errorf("symbol is %.40q: give printable text without quotes, '=' or outer blanks", ev.Symbol)
	}
	switch f[3] {
	case "quote":
		if ev.Bid > 0 && ev.Ask > 0 && ev.Bid > ev.Ask {
			return Event{}, fmt.Errorf("crossed quote: bid %d above ask %d", ev.Bid, ev.Ask)
		}
	case "auction":
		ev.Auction = true
		if ev.Bid != ev.Ask || ev.Bid == 0 {
			return Event{}, fmt.Errorf("auction with bid %d and ask %d: both must be the print", ev.Bid, ev.Ask)
		}
	default:
		return Event{}, fmt.Errorf("kind is %.40q: give quote or auction", f[3])
	}
	return ev, nil
}
