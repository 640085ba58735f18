package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// LeanDaily reads daily bars as what of them is sure to have happened at a known moment: the print of the opening
// auction and the print of the closing auction, which bears the day's volume. High and low happened at no known time.
// Rows that belong to no known instrument are left out and counted: a ticker is used again by others.
type LeanDaily struct {
	path    string
	ticker  string
	who     func(ticker string, day int64) (id int64, ok bool)
	hours   Hours
	rows    *zipped
	want    choice
	names   map[int64]string
	pending Quote // the bar's close
	held    bool
	unknown int
	err     error
}

// NewLeanDaily returns the feed of daily/<ticker>.zip. who says which instrument a ticker was on the day YYYYMMDD, see
// LeanIdentities.
func NewLeanDaily(path string, who func(ticker string, day int64) (int64, bool)) *LeanDaily {
	return &LeanDaily{path: path, ticker: strings.TrimSuffix(filepath.Base(path), ".zip"), who: who, hours: NewYork(), names: map[int64]string{}}
}

// Connect opens the file.
func (l *LeanDaily) Connect(context.Context) (err error) {
	l.rows, err = openZipped(l.path)
	return err
}

// Subscribe chooses the instruments.
func (l *LeanDaily) Subscribe(ids ...int64) (err error) {
	if l.rows == nil {
		return ErrNotConnected
	}
	l.want, err = chosen(ids)
	return err
}

// Next gives a bar's open, then its close.
func (l *LeanDaily) Next(q *Quote) bool {
	if l.rows == nil {
		l.err = ErrNotConnected
	}
	if l.err != nil {
		return false
	}
	if l.held {
		*q, l.held = l.pending, false
		return true
	}
	for {
		row, err := l.rows.next()
		if errors.Is(err, io.EOF) {
			return false
		}
		known := false
		if err == nil {
			if known, err = l.parse(row, q); err != nil {
				err = l.rows.fail(err)
			}
		}
		if err != nil {
			l.err = err
			return false
		}
		if known && l.want.has(q.InstrumentID) {
			l.held = true
			return true
		}
	}
}

// parse reads day and time, open, high, low, close, volume into q, the open, and pending, the close.
func (l *LeanDaily) parse(row []byte, q *Quote) (known bool, err error) {
	var f [6][]byte
	if n := split(row, f[:]); n != len(f) {
		return false, fmt.Errorf("%d columns, want %d: day, open, high, low, close, volume", n, len(f))
	}
	if len(f[0]) < 8 {
		return false, fmt.Errorf("day is %.40q: give YYYYMMDD 00:00", f[0])
	}
	midnight, err := l.hours.midnight(f[0][:8])
	if err != nil {
		return false, err
	}
	day, _ := parseInt(f[0][:8]) // midnight has read it
	id, known := l.who(l.ticker, day)
	var v [3]int64
	for i, c := range [...]struct {
		name  string
		at    int
		scale int64
	}{{"open", 1, leanScale}, {"close", 4, leanScale}, {"volume", 5, 1}} {
		if v[i], err = leanNumber(c.name, f[c.at], c.scale); err != nil {
			return false, err
		}
	}
	if !known {
		l.unknown++
		return false, nil
	}
	if _, named := l.names[id]; !named {
		l.names[id] = strings.ToUpper(l.ticker)
	}
	*q, l.pending = daily(id, l.hours.at(midnight, l.hours.Open), l.hours.at(midnight, l.hours.Close), v[0], v[1], v[2])
	return true, nil
}

// daily makes the two prints of a bar.
func daily(id, openNs, closeNs, open, close, volume int64) (Quote, Quote) {
	print := Quote{InstrumentID: id, TsNs: openNs, Kind: KindAuction, Last: open, Source: "recorded daily open", Flags: FlagBackfill | FlagOpening}
	last := print
	last.TsNs, last.Last, last.LastSize = closeNs, close, volume
	last.Source, last.Flags = "recorded daily close", FlagBackfill|FlagClosing
	return print, last
}

// Unknown is how many rows so far belong to no known instrument.
func (l *LeanDaily) Unknown() int { return l.unknown }

// Err is what ended the stream early.
func (l *LeanDaily) Err() error { return l.err }

// Symbol is the ticker under which the instrument stands in this file.
func (l *LeanDaily) Symbol(id int64) string { return l.names[id] }

// Close closes the file.
func (l *LeanDaily) Close() error {
	if l.rows == nil {
		return nil
	}
	err := l.rows.close()
	l.rows = nil
	return err
}
