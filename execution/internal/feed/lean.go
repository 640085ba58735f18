package feed

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// LEAN's folder layout: minute/<ticker>/<YYYYMMDD>_quote.zip and _trade.zip, daily/<ticker>.zip, each with one CSV
// file inside; prices in ten-thousandths of a dollar, times in milliseconds since midnight in New York.
const leanScale = 100 // millionths in a ten-thousandth

// zipped reads the one CSV file inside a zip file.
type zipped struct {
	archive io.Closer
	file    io.ReadCloser
	*lines
}

func openZipped(path string) (*zipped, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("zip file: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		var z *zipped
		if z, err = unzip(path, file, info.Size()); err == nil {
			z.archive = file
			return z, nil
		}
	}
	return nil, errors.Join(err, file.Close())
}

func unzip(name string, r io.ReaderAt, size int64) (*zipped, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if n := len(archive.File); n != 1 {
		return nil, fmt.Errorf("%s: %d files inside, want one CSV file", name, n)
	}
	file, err := archive.File[0].Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &zipped{file: file, lines: newLines(name, file)}, nil
}

func (z *zipped) close() error { return errors.Join(z.file.Close(), z.archive.Close()) }

// LeanMinute reads the minutes of one instrument's day. A row tells of the minute that starts at its time, so it
// becomes what was known at that minute's end: the last bid and ask, or the last trade with the minute's volume. An
// empty or zero side is absent.
type LeanMinute struct {
	path     string
	id       int64
	symbol   string
	hours    Hours
	midnight time.Time
	trades   bool
	rows     *zipped
	want     choice
	err      error
}

// NewLeanMinute returns the feed of a quote or trade file; its name tells the day and which of the two it is.
func NewLeanMinute(path string, id int64, symbol string) *LeanMinute {
	return &LeanMinute{path: path, id: id, symbol: symbol, hours: NewYork()}
}

// Connect opens the file.
func (l *LeanMinute) Connect(context.Context) (err error) {
	day, kind, _ := strings.Cut(strings.TrimSuffix(filepath.Base(l.path), ".zip"), "_")
	if l.midnight, err = l.hours.midnight([]byte(day)); err != nil {
		return fmt.Errorf("%s: the name's %w", l.path, err)
	}
	switch kind {
	case "quote":
		l.trades = false
	case "trade":
		l.trades = true
	default:
		return fmt.Errorf("%s: the name ends in %.40q, want _quote.zip or _trade.zip", l.path, kind)
	}
	l.rows, err = openZipped(l.path)
	return err
}

// Subscribe chooses: the file has one instrument.
func (l *LeanMinute) Subscribe(ids ...int64) (err error) {
	if l.rows == nil {
		return ErrNotConnected
	}
	l.want, err = chosen(ids)
	return err
}

// Next gives the next minute.
func (l *LeanMinute) Next(q *Quote) bool {
	if l.rows == nil {
		l.err = ErrNotConnected
	}
	if l.err != nil || !l.want.has(l.id) {
		return false
	}
	row, err := l.rows.next()
	if errors.Is(err, io.EOF) {
		return false
	}
	if err == nil {
		if err = l.parse(row, q); err != nil {
			err = l.rows.fail(err)
		}
	}
	l.err = err
	return err == nil
}

func (l *LeanMinute) parse(row []byte, q *Quote) error {
	parse, source := parseLeanQuote, "recorded minute quote"
	if l.trades {
		parse, source = parseLeanTrade, "recorded minute trade"
	}
	ms, err := parse(row, q)
	if err != nil {
		return err
	}
	q.InstrumentID, q.Source, q.Flags = l.id, source, FlagBackfill
	q.TsNs = l.hours.at(l.midnight, time.Duration(ms)*time.Millisecond+time.Minute)
	return nil
}

// parseLeanQuote reads ms, bid open, high, low, close and size, ask open, high, low, close and size.
func parseLeanQuote(row []byte, q *Quote) (int64, error) {
	var f [11][]byte
	if n := split(row, f[:]); n != len(f) {
		return 0, fmt.Errorf("%d columns, want %d: ms, then open, high, low, close and size of bid and ask", n, len(f))
	}
	*q = Quote{Kind: KindQuote}
	ms, err := leanTime(f[0])
	if err != nil {
		return 0, err
	}
	for _, c := range []struct {
		name  string
		text  []byte
		scale int64
		into  *int64
	}{
		{"bid close", f[4], leanScale, &q.Bid}, {"bid size", f[5], 1, &q.BidSize},
		{"ask close", f[9], leanScale, &q.Ask}, {"ask size", f[10], 1, &q.AskSize},
	} {
		if *c.into, err = leanNumber(c.name, c.text, c.scale); err != nil {
			return 0, err
		}
	}
	return ms, nil
}

// parseLeanTrade reads ms, open, high, low, close, volume.
func parseLeanTrade(row []byte, q *Quote) (int64, error) {
	var f [6][]byte
	if n := split(row, f[:]); n != len(f) {
		return 0, fmt.Errorf("%d columns, want %d: ms, open, high, low, close, volume", n, len(f))
	}
	*q = Quote{Kind: KindTrade}
	ms, err := leanTime(f[0])
	if err == nil {
		q.Last, err = leanNumber("close", f[4], leanScale)
	}
	if err == nil {
		q.LastSize, err = leanNumber("volume", f[5], 1)
	}
	return ms, err
}

func leanTime(b []byte) (int64, error) {
	ms, ok := parseInt(b)
	if !ok || ms < 0 || ms >= 24*3600*1000 {
		return 0, fmt.Errorf("time is %.40q: give milliseconds since midnight", b)
	}
	return ms, nil
}

// leanNumber reads a whole number; old files have a decimal point with zeros behind it. Nothing stands for absent.
func leanNumber(name string, b []byte, scale int64) (int64, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if i := bytes.IndexByte(b, '.'); i >= 0 && len(bytes.Trim(b[i+1:], "0")) == 0 {
		b = b[:i]
	}
	v, ok := parseInt(b)
	if !ok || v > 1e15 || v < -1e15 {
		return 0, fmt.Errorf("%s is %.40q: give a whole number", name, b)
	}
	return v * scale, nil
}

// Err is what ended the stream early.
func (l *LeanMinute) Err() error { return l.err }

// Symbol is the instrument's symbol.
func (l *LeanMinute) Symbol(id int64) string {
	if id == l.id {
		return l.symbol
	}
	return ""
}

// Close closes the file.
func (l *LeanMinute) Close() error {
	if l.rows == nil {
		return nil
	}
	err := l.rows.close()
	l.rows = nil
	return err
}
