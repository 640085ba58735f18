package feed

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Zipline reads daily bars in the form of Zipline's example bundle: a gzip file of symbol,date,open,high,low,close,
// volume, symbol by symbol. Its rows are put in the order of time, for which the file is read whole. Each bar gives two
// prints, as with LeanDaily.
type Zipline struct {
	Memory
	path string
	ids  func(symbol string) int64
}

const ziplineHeader = "symbol,date,open,high,low,close,volume"

// NewZipline returns the feed. ids says the instrument of a symbol; 0 leaves it out.
func NewZipline(path string, ids func(symbol string) int64) *Zipline {
	return &Zipline{path: path, ids: ids}
}

// Connect reads the file.
func (z *Zipline) Connect(ctx context.Context) error {
	file, err := os.Open(z.path)
	if err != nil {
		return fmt.Errorf("daily bars: %w", err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", z.path, err)
	}
	quotes, names, err := parseZipline(z.path, unzipped, z.ids)
	if err != nil {
		return err
	}
	z.Memory = *NewMemory(quotes, names)
	return z.Memory.Connect(ctx)
}

func parseZipline(name string, r io.Reader, ids func(string) int64) ([]Quote, map[int64]string, error) {
	in, hours := newLines(name, r), NewYork()
	header, err := in.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if string(header) != ziplineHeader {
		return nil, nil, fmt.Errorf("%s:1: header is %.200q, want %q", name, header, ziplineHeader)
	}
	var quotes []Quote
	names := map[int64]string{}
	for {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		var f [7][]byte
		if n := split(row, f[:]); n != len(f) {
			return nil, nil, in.fail(fmt.Errorf("%d columns, want %d", n, len(f)))
		}
		symbol := strings.TrimSpace(string(f[0]))
		id := ids(symbol)
		if id == 0 {
			continue
		}
		if other, known := names[id]; known && other != symbol {
			return nil, nil, in.fail(fmt.Errorf("symbols %q and %q are both instrument %d", symbol, other, id))
		}
		names[id] = symbol
		midnight, err := hours.midnight(bytes.ReplaceAll(f[1], []byte("-"), nil))
		if err != nil {
			return nil, nil, in.fail(err)
		}
		var v [3]int64
		for i, c := range [...]struct {
			name   string
			at     int
			places int
		}{{"open", 2, 6}, {"close", 5, 6}, {"volume", 6, 0}} {
			var ok bool
			if v[i], ok = parseDecimal(f[c.at], c.places); !ok {
				return nil, nil, in.fail(fmt.Errorf("%s is %.40q: give a decimal number", c.name, f[c.at]))
			}
		}
		open, last := daily(id, hours.at(midnight, hours.Open), hours.at(midnight, hours.Close), v[0], v[1], v[2])
		quotes = append(quotes, open, last)
	}
	slices.SortStableFunc(quotes, func(a, b Quote) int {
		return cmp.Or(cmp.Compare(a.TsNs, b.TsNs), cmp.Compare(a.InstrumentID, b.InstrumentID))
	})
	return quotes, names, nil
}

const ziplineSplitsHeader = "index,effective_date,sid,ratio,symbol"

// ParseZiplineSplits reads the bundle's splits, whose ratio is old shares for new.
func ParseZiplineSplits(name string, data []byte, ids func(symbol string) int64) ([]Action, error) {
	in, hours := newLines(name, bytes.NewReader(data)), NewYork()
	header, err := in.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(header) != ziplineSplitsHeader {
		return nil, fmt.Errorf("%s:1: header is %.200q, want %q", name, header, ziplineSplitsHeader)
	}
	var actions []Action
	for {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			SortActions(actions)
			return actions, nil
		}
		if err != nil {
			return nil, err
		}
		var f [5][]byte
		if n := split(row, f[:]); n != len(f) {
			return nil, in.fail(fmt.Errorf("%d columns, want %d", n, len(f)))
		}
		midnight, err := hours.midnight(bytes.ReplaceAll(f[1], []byte("-"), nil))
		if err != nil {
			return nil, in.fail(err)
		}
		const places = 9
		ratio, ok := parseDecimal(f[3], places)
		if !ok || ratio == 0 {
			return nil, in.fail(fmt.Errorf("ratio is %.40q: give a number above 0", f[3]))
		}
		if id := ids(string(f[4])); id != 0 {
			a := Action{InstrumentID: id, TsNs: hours.at(midnight, 0)}
			a.RatioNum, a.RatioDen = fraction(1e9 / float64(ratio))
			actions = append(actions, a)
		}
	}
}
