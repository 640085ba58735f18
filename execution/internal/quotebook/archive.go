package quotebook

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dnalyaw/execution/internal/feed"
)

// Header is the first line of an archive's file. A line is a message that passed the gates.
const Header = "ts_ns,instrument_id,kind,bid,ask,bid_size,ask_size,last,last_size,flags,source"

const columns = 11

// Archive keeps quotes, trades and prints in one append-only file a day of their event time, YYYY-MM-DD.csv (UTC). A
// line is on the disk soon, not at once: what a crash takes is missing and nothing else is wrong. Not safe for concurrent use.
type Archive struct {
	dir  string
	day  int64 // days since the epoch of the open file
	file *os.File
	out  *bufio.Writer
	line []byte
}

const dayNs = int64(24 * time.Hour)

// OpenArchive makes the folder.
func OpenArchive(dir string) (*Archive, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("quotes' archive: %w", err)
	}
	return &Archive{dir: dir, day: -1}, nil
}

// Path is the file of the day on which a moment lies.
func Path(dir string, tsNs int64) string {
	return filepath.Join(dir, time.Unix(0, tsNs).UTC().Format(time.DateOnly)+".csv")
}

// syncKind is the kind of the line that ends a snapshot: what happened between the last line before the snapshot's and this
// moment is not in the file, but for what the snapshot tells.
const syncKind = "sync"

// Put adds a message. Of statuses it keeps the end of a snapshot.
func (a *Archive) Put(q *feed.Quote) error {
	kind := q.Kind.String()
	if q.Kind == feed.KindStatus {
		if q.Status != feed.StatusSync {
			return nil
		}
		kind = syncKind
	}
	if q.TsNs <= 0 {
		return nil
	}
	if day := q.TsNs / dayNs; day != a.day {
		if err := a.open(q.TsNs); err != nil {
			return err
		}
		a.day = day
	}
	b := a.line[:0]
	for _, v := range [...]int64{q.TsNs, q.InstrumentID} {
		b = append(strconv.AppendInt(b, v, 10), ',')
	}
	b = append(append(b, kind...), ',')
	for _, v := range [...]int64{q.Bid, q.Ask, q.BidSize, q.AskSize, q.Last, q.LastSize, int64(q.Flags)} {
		b = append(strconv.AppendInt(b, v, 10), ',')
	}
	b = append(b, strings.Map(plain, q.Source)...)
	a.line = append(b, '\n')
	_, err := a.out.Write(a.line)
	return a.failed(err)
}

// plain keeps a source's name within its column.
func plain(r rune) rune {
	if r == ',' || r < ' ' {
		return ' '
	}
	return r
}

func (a *Archive) open(tsNs int64) error {
	if err := a.Close(); err != nil {
		return err
	}
	path := Path(a.dir, tsNs)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return a.failed(err)
	}
	if err := mend(f); err != nil {
		return errors.Join(a.failed(err), f.Close())
	}
	a.file, a.out = f, bufio.NewWriterSize(f, 64<<10)
	return nil
}

// mend writes the header of a new file, and ends a line that a crash has cut short.
func mend(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		_, err = f.WriteString(Header + "\n")
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = f.WriteString("\n")
	}
	return err
}

func (a *Archive) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("quotes' archive %s: %w", a.dir, err)
}

// Flush hands to the system what waits.
func (a *Archive) Flush() error {
	if a.out == nil {
		return nil
	}
	return a.failed(a.out.Flush())
}

// Close flushes and closes the open file.
func (a *Archive) Close() error {
	if a.file == nil {
		return nil
	}
	err := errors.Join(a.out.Flush(), a.file.Close())
	a.file, a.out, a.day = nil, nil, -1
	return a.failed(err)
}

// read calls take for each line of the files between two moments. Files that are not there are passed over; a line that
// a crash has cut short is counted, any other that cannot be read is an error.
func read(dir string, fromNs, toNs int64, take func(*feed.Quote)) (files, torn int, err error) {
	for day := fromNs / dayNs; day <= toNs/dayNs; day++ {
		path := Path(dir, day*dayNs)
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return files, torn, fmt.Errorf("quotes' archive: %w", err)
		}
		n, err := readFile(f, take)
		if err = errors.Join(err, f.Close()); err != nil {
			return files, torn, fmt.Errorf("%s: %w", path, err)
		}
		files, torn = files+1, torn+n
	}
	return files, torn, nil
}

func readFile(r io.Reader, take func(*feed.Quote)) (torn int, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if n == 1 {
			if text != Header {
				return 0, fmt.Errorf("header is %.200q, want %q", text, Header)
			}
			continue
		}
		fields := strings.Split(text, ",")
		if len(fields) < columns {
			torn++
			continue
		}
		q, err := parse(fields)
		if err != nil {
			return torn, fmt.Errorf("line %d: %w", n, err)
		}
		take(q)
	}
	return torn, lines.Err()
}

var kinds = map[string]feed.Kind{"quote": feed.KindQuote, "trade": feed.KindTrade, "auction": feed.KindAuction, syncKind: feed.KindStatus}

func parse(fields []string) (*feed.Quote, error) {
	if len(fields) != columns {
		return nil, fmt.Errorf("%d columns, want %d", len(fields), columns)
	}
	q := &feed.Quote{Kind: kinds[fields[2]], Source: fields[10]}
	if q.Kind == 0 {
		return nil, fmt.Errorf("kind is %.40q: give quote, trade, auction or sync", fields[2])
	}
	var flags int64
	for _, c := range []struct {
		at   int
		into *int64
	}{{0, &q.TsNs}, {1, &q.InstrumentID}, {3, &q.Bid}, {4, &q.Ask}, {5, &q.BidSize}, {6, &q.AskSize}, {7, &q.Last}, {8, &q.LastSize}, {9, &flags}} {
		v, err := strconv.ParseInt(fields[c.at], 10, 64)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("column %d is %.40q: give a whole number from 0 on", c.at+1, fields[c.at])
		}
		*c.into = v
	}
	if q.Kind == feed.KindStatus {
		q.Status = feed.StatusSync
	}
	if flags >= 1<<16 || (q.InstrumentID == 0) != (q.Kind == feed.KindStatus) || q.TsNs == 0 {
		return nil, fmt.Errorf("instrument %d at %d with flags %d is none", q.InstrumentID, q.TsNs, flags)
	}
	q.Flags = feed.Flags(flags)
	return q, nil
}
