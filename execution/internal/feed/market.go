package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// marketHeader is the first line of market/<session>.csv, see docs/contracts.md.
const marketHeader = "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source"

// Market reads a session of the simulated venue: <path>.csv, a row at a time, and <path>.json, whose open, breaks and
// close become statuses between the rows. What a row says is not judged here, so that the gate can: only a row that
// cannot be read is an error.
type Market struct {
	path    string
	session Session
	marks   []mark // statuses still to come, in order
	file    io.ReadCloser
	lines   *lines
	names   map[int64]string
	texts   interner
	source  string // of the row before: it seldom changes
	want    choice
	ahead   Quote // a row read while a status came before it
	held    bool
	begun   bool
	ended   bool
	err     error
}

// NewMarket returns the feed of the session at path, without extension: RUNTIME/market/2024-06-28.
func NewMarket(path string) *Market { return &Market{path: path} }

// NewMarketReader returns a feed of rows alone, without a session's hours; name stands in errors.
func NewMarketReader(name string, r io.Reader) *Market {
	return &Market{path: name, file: io.NopCloser(r)}
}

// Session is what <path>.json says, after Connect.
func (m *Market) Session() Session { return m.session }

// Connect opens both files and reads the header.
func (m *Market) Connect(context.Context) error {
	name := m.path
	if m.file == nil {
		name += ".csv"
		data, err := os.ReadFile(m.path + ".json")
		if err != nil {
			return fmt.Errorf("market session: %w", err)
		}
		if m.session, err = ParseSession(m.path+".json", data); err != nil {
			return err
		}
		m.marks = m.session.marks()
		if m.file, err = os.Open(name); err != nil {
			return fmt.Errorf("market rows: %w", err)
		}
	}
	m.names, m.lines = map[int64]string{}, newLines(name, m.file)
	header, err := m.lines.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(header) != marketHeader {
		return fmt.Errorf("%s:1: header is %.200q, want %q", name, header, marketHeader)
	}
	return nil
}

// Subscribe chooses the instruments.
func (m *Market) Subscribe(ids ...int64) (err error) {
	if m.lines == nil {
		return ErrNotConnected
	}
	m.want, err = chosen(ids)
	return err
}

// Next gives the next row or status.
func (m *Market) Next(q *Quote) bool {
	if m.lines == nil {
		m.err = ErrNotConnected
	}
	if m.err != nil {
		return false
	}
	if !m.held && !m.ended {
		m.read()
		if !m.begun && m.held && m.ahead.TsNs < m.session.OpenNs {
			m.marks = append([]mark{{m.ahead.TsNs, StatusClose}}, m.marks...) // rows before the open are outside it
		}
		m.begun = true
	}
	switch {
	case m.err != nil:
		return false
	case len(m.marks) > 0 && (m.ended || m.marks[0].ts <= m.ahead.TsNs):
		*q = Quote{TsNs: m.marks[0].ts, Kind: KindStatus, Status: m.marks[0].status}
		m.marks = m.marks[1:]
		return true
	case m.ended:
		return false
	}
	*q, m.held = m.ahead, false
	return true
}

// read takes the next row of a chosen instrument into ahead.
func (m *Market) read() {
	for {
		row, err := m.lines.next()
		if err == nil {
			if err = m.parse(row); err != nil {
				err = m.lines.fail(err)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			m.ended = true
			return
		case err != nil:
			m.err = err
			return
		case m.want.has(m.ahead.InstrumentID):
			m.held = true
			return
		}
	}
}

var marketColumns = [...]string{0: "ts_ns", 1: "instrument_id", 4: "bid", 5: "ask", 6: "bid_size", 7: "ask_size"}

// parse reads a row in one pass: numbers where numbers stand, text up to the next comma.
func (m *Market) parse(row []byte) error {
	var v [8]int64
	var symbol, kind []byte
	rest := row
	for i := range v {
		if i == 2 || i == 3 {
			end := bytes.IndexByte(rest, ',')
			if end < 0 {
				return m.columns(row)
			}
			if i == 2 {
				symbol = rest[:end]
			} else {
				kind = rest[:end]
			}
			rest = rest[end+1:]
			continue
		}
		n, used := leadingInt(rest)
		if used == 0 || used == len(rest) || rest[used] != ',' {
			if err := m.columns(row); err != nil {
				return err
			}
			text, _, _ := bytes.Cut(rest, []byte{','})
			return fmt.Errorf("%s is %.40q: give a whole number", marketColumns[i], text)
		}
		v[i], rest = n, rest[used+1:]
	}
	if bytes.IndexByte(rest, ',') >= 0 {
		return m.columns(row)
	}
	if v[1] <= 0 {
		return fmt.Errorf("instrument_id is %d: give a positive id", v[1])
	}
	if err := m.name(v[1], symbol); err != nil {
		return err
	}
	if string(rest) != m.source {
		m.source = m.texts.get(rest)
	}
	m.ahead = Quote{TsNs: v[0], InstrumentID: v[1], Source: m.source}
	switch string(kind) {
	case "quote":
		m.ahead.Kind = KindQuote
		m.ahead.Bid, m.ahead.Ask, m.ahead.BidSize, m.ahead.AskSize = v[4], v[5], v[6], v[7]
	case "auction":
		if v[4] != v[5] {
			return fmt.Errorf("auction with bid %d and ask %d: both must be the print", v[4], v[5])
		}
		m.ahead.Kind, m.ahead.Last, m.ahead.LastSize = KindAuction, v[4], v[6]
	default:
		return fmt.Errorf("kind is %.40q: give quote or auction", kind)
	}
	return nil
}

// columns is the error of a row with another number of columns, nil where the number is right.
func (m *Market) columns(row []byte) error {
	if n := bytes.Count(row, []byte{','}) + 1; n != 9 {
		return fmt.Errorf("%d columns, want 9", n)
	}
	return nil
}

// name keeps an instrument's symbol; another one for the same id means that ids are mixed up.
func (m *Market) name(id int64, symbol []byte) error {
	known, ok := m.names[id]
	switch {
	case ok && known == string(symbol):
		return nil
	case ok:
		return fmt.Errorf("instrument %d is %q here and %q above", id, symbol, known)
	case len(symbol) == 0:
		return errors.New("symbol is empty")
	}
	m.names[id] = strings.Clone(string(symbol))
	return nil
}

// Err is what ended the stream early.
func (m *Market) Err() error { return m.err }

// Symbol is the instrument's symbol in the rows read so far.
func (m *Market) Symbol(id int64) string { return m.names[id] }

// Close closes the file.
func (m *Market) Close() error {
	m.lines = nil
	if m.file == nil {
		return nil
	}
	err := m.file.Close()
	m.file = nil
	return err
}
