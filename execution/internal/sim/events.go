package sim

import (
	"bytes"
	"errors"
	"fmt"
	"math"
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
	p := eventParser{symbols: map[int64]string{}, ids: map[string]int64{}, sources: map[string]string{}}
	events := make([]Event, 0, bytes.Count(rest, []byte{'\n'})+1)
	for line := 2; len(rest) > 0; line++ {
		var row []byte
		row, rest, _ = bytes.Cut(rest, []byte{'\n'})
		events = append(events, Event{})
		ev := &events[len(events)-1]
		err := p.parse(bytes.TrimSuffix(row, []byte{'\r'}), ev)
		if err == nil && len(events) > 1 {
			if last := &events[len(events)-2]; ev.TsNs < last.TsNs || ev.TsNs == last.TsNs && ev.InstrumentID < last.InstrumentID {
				err = errors.New("rows must be sorted by ts_ns, then instrument_id")
			}
		}
		if err == nil {
			err = p.named(ev)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
	return events, nil
}

// eventParser reads rows; the same text of two rows is one string.
type eventParser struct {
	symbols map[int64]string
	ids     map[string]int64
	sources map[string]string
	source  string // of the row before
}

// named checks that symbols and ids belong together.
func (p *eventParser) named(ev *Event) error {
	s, known := p.symbols[ev.InstrumentID]
	if known && s == ev.Symbol {
		return nil
	}
	if known {
		return fmt.Errorf("instrument %d is %q here and %q above", ev.InstrumentID, ev.Symbol, s)
	}
	if id, taken := p.ids[ev.Symbol]; taken {
		return fmt.Errorf("symbol %q is instrument %d here and %d above", ev.Symbol, ev.InstrumentID, id)
	}
	p.symbols[ev.InstrumentID], p.ids[ev.Symbol] = ev.Symbol, ev.InstrumentID
	return nil
}

func (p *eventParser) parse(row []byte, ev *Event) error {
	var f [9][]byte
	n, from := 0, 0
	for i, c := range row {
		if c == ',' {
			if n < len(f) {
				f[n] = row[from:i]
			}
			n, from = n+1, i+1
		}
	}
	if n++; n != len(f) {
		return fmt.Errorf("%d columns, want 9", n)
	}
	f[8] = row[from:]
	for _, c := range [...]struct {
		name string
		text []byte
		into *int64
	}{
		{"ts_ns", f[0], &ev.TsNs},
		{"instrument_id", f[1], &ev.InstrumentID},
		{"bid", f[4], &ev.Bid},
		{"ask", f[5], &ev.Ask},
		{"bid_size", f[6], &ev.BidSize},
		{"ask_size", f[7], &ev.AskSize},
	} {
		v, ok := wholeNumber(c.text)
		if !ok {
			return fmt.Errorf("%s is %.40q: give a whole number, 0 or more", c.name, c.text)
		}
		*c.into = v
	}
	if ev.InstrumentID == 0 {
		return fmt.Errorf("instrument_id is 0: give a positive id")
	}
	known := false
	if ev.Symbol, known = p.symbols[ev.InstrumentID]; !known || ev.Symbol != string(f[2]) {
		ev.Symbol = string(f[2])
		if ev.Symbol == "" || strings.ContainsAny(ev.Symbol, "\x00\x01=\"") || strings.TrimSpace(ev.Symbol) != ev.Symbol {
			return fmt.Errorf("symbol is %.40q: give printable text without quotes, '=' or outer blanks", ev.Symbol)
		}
	}
	if ev.Source = p.source; ev.Source != string(f[8]) {
		if ev.Source, known = p.sources[string(f[8])]; !known {
			ev.Source = string(f[8])
			p.sources[ev.Source] = ev.Source
		}
		p.source = ev.Source
	}
	switch string(f[3]) {
	case "quote":
		if ev.Bid > 0 && ev.Ask > 0 && ev.Bid > ev.Ask {
			return fmt.Errorf("crossed quote: bid %d above ask %d", ev.Bid, ev.Ask)
		}
	case "auction":
		ev.Auction = true
		if ev.Bid != ev.Ask || ev.Bid == 0 {
			return fmt.Errorf("auction with bid %d and ask %d: both must be the print", ev.Bid, ev.Ask)
		}
	default:
		return fmt.Errorf("kind is %.40q: give quote or auction", f[3])
	}
	return nil
}

// wholeNumber reads what strconv.ParseInt reads of digits alone, after a plus sign if there is one.
func wholeNumber(text []byte) (v int64, ok bool) {
	if len(text) > 1 && text[0] == '+' {
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, false
	}
	for _, c := range text {
		digit := int64(c) - '0'
		if digit < 0 || digit > 9 || v > (math.MaxInt64-9)/10 && v > (math.MaxInt64-digit)/10 {
			return 0, false
		}
		v = v*10 + digit
	}
	return v, true
}
