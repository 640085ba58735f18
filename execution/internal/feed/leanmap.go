package feed

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// LeanIdentities tells which instrument a ticker was on a day, from LEAN's map files. The ids are those of the
// research library's provider (`dnalyaw/market/providers/_lean_identity.py`): both read the same files the same way.
type LeanIdentities struct {
	claims map[string][]claim // by upper-case ticker
	files  map[int64]string   // the map file's name without suffix, which its factor file shares
}

// claim: the ticker named the instrument on the days [from, to], as YYYYMMDD.
type claim struct {
	id       int64
	from, to int64
}

// openEnd is the day from which on LEAN means "still listed".
const openEnd = 20501231

// ReadLeanIdentities reads every file of a map_files folder.
func ReadLeanIdentities(folder string) (*LeanIdentities, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil {
		return nil, fmt.Errorf("map files: %w", err)
	}
	slices.Sort(paths)
	all := &LeanIdentities{claims: map[string][]claim{}, files: map[int64]string{}}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("map file: %w", err)
		}
		rows, err := parseMapFile(path, data)
		if err != nil {
			return nil, err
		}
		if err := all.add(path, rows); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// mapRow: the ticker was in force up to and including the day.
type mapRow struct {
	until  int64
	ticker string
}

func parseMapFile(name string, data []byte) ([]mapRow, error) {
	var rows []mapRow
	in := newLines(name, bytes.NewReader(data))
	for {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(row)) == 0 {
			continue
		}
		var f [2][]byte
		if split(row, f[:]) < 2 {
			return nil, in.fail(fmt.Errorf("want day,ticker[,exchange], found %.60q", row))
		}
		until, err := mapDay(f[0])
		if err != nil {
			return nil, in.fail(err)
		}
		ticker := strings.ToUpper(strings.TrimSpace(string(f[1])))
		if n := len(rows); ticker == "" || n > 0 && until < rows[n-1].until {
			return nil, in.fail(fmt.Errorf("row %.60q: tickers must not be empty and days must ascend", row))
		}
		rows = append(rows, mapRow{until, ticker})
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", name)
	}
	return rows, nil
}

func mapDay(b []byte) (int64, error) {
	b = bytes.TrimSpace(b)
	if string(b) == "20501231" {
		return openEnd, nil
	}
	if _, err := NewYork().midnight(b); err != nil {
		return 0, err
	}
	v, _ := parseInt(b) // midnight has read it
	return v, nil
}

// leanID is the permanent id of the instrument that was first listed under the ticker on that day: 48 bits of a
// SHA-256, so that it fits the float64 columns of research.
func leanID(ticker string, day int64) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "lean/usa/%s/%08d", ticker, day))
	var id int64
	for _, b := range sum[:6] {
		id = id<<8 | int64(b)
	}
	return max(id, 1)
}

func (l *LeanIdentities) add(path string, rows []mapRow) error {
	id := leanID(rows[0].ticker, rows[0].until)
	file := strings.TrimSuffix(filepath.Base(path), ".csv")
	if other, known := l.files[id]; known {
		return fmt.Errorf("%s: is the same instrument as %s.csv; remove one of the two files", path, other)
	}
	l.files[id] = file
	from := rows[0].until
	for i, row := range rows {
		if i > 0 && row.until < from {
			continue
		}
		c := claim{id, from, row.until}
		for _, other := range l.claims[row.ticker] {
			if other.id != id && other.from <= c.to && c.from <= other.to {
				return fmt.Errorf("%s: ticker %s from %d is also claimed by %s.csv; correct the dates of one of them", path, row.ticker, c.from, l.files[other.id])
			}
		}
		l.claims[row.ticker] = append(l.claims[row.ticker], c)
		from = row.until + 1 // not always a day, but nothing lies between
	}
	return nil
}

// Who says which instrument the ticker was on the day YYYYMMDD.
func (l *LeanIdentities) Who(ticker string, day int64) (int64, bool) {
	for _, c := range l.claims[strings.ToUpper(ticker)] {
		if c.from <= day && day <= c.to {
			return c.id, true
		}
	}
	return 0, false
}

// File is the name of the instrument's map and factor files, without suffix.
func (l *LeanIdentities) File(id int64) string { return l.files[id] }

// IDs are all instruments, ascending.
func (l *LeanIdentities) IDs() []int64 {
	ids := make([]int64, 0, len(l.files))
	for id := range l.files {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
