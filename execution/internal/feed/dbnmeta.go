package feed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// dbnMetadata is what stands at a DBN file's head.
type dbnMetadata struct {
	dataset string
	schema  uint16
	tsOut   bool
	spans   map[uint32][]dbnSpan
}

// dbnSpan: the publisher's id meant the symbol at the moments [from, to).
type dbnSpan struct {
	symbol   string
	from, to int64
}

// Schemas that hold quotes or trades; files of a live stream mix them.
const (
	schemaMBP1   = 1
	schemaTBBO   = 3
	schemaTrades = 4
	schemaBBO1s  = 18
	schemaBBO1m  = 19
	schemaMixed  = math.MaxUint16
)

// Offsets in the metadata, after magic and length.
const (
	metaSchema    = 16
	metaTsOut     = 44
	metaSymbolLen = 45
	metaTables    = 100 // the length of a schema definition, then the tables
)

var errShortMetadata = errors.New("it ends too early: the file is damaged")

func parseDBNMetadata(b []byte) (dbnMetadata, error) {
	if len(b) < metaTables {
		return dbnMetadata{}, errShortMetadata
	}
	le := binary.LittleEndian
	m := dbnMetadata{
		dataset: cstr(b[:metaSchema]), schema: le.Uint16(b[metaSchema:]), tsOut: b[metaTsOut] != 0, spans: map[uint32][]dbnSpan{},
	}
	switch m.schema {
	case schemaMBP1, schemaTBBO, schemaTrades, schemaBBO1s, schemaBBO1m, schemaMixed:
	default:
		return m, fmt.Errorf("schema %d holds no quotes and no trades that are read; give mbp-1, tbbo, trades, bbo-1s or bbo-1m", m.schema)
	}
	r := &dbnTables{b: b[metaTables:], symbol: int(le.Uint16(b[metaSymbolLen:]))}
	if r.symbol == 0 {
		return m, errors.New("symbols of no length: the file is damaged")
	}
	r.take(int(min(r.u32(), math.MaxInt32)))
	for range 3 { // symbols asked for, found in part, not found
		r.take(int(r.u32()) * r.symbol)
	}
	for range r.u32() {
		symbol := r.text()
		for range r.u32() {
			from, to := r.day(), r.day()
			raw := r.text()
			if r.err != nil {
				return m, r.err
			}
			id, err := strconv.ParseUint(raw, 10, 32)
			if err != nil {
				continue // mapped to something else than an id: then the id names nobody
			}
			m.spans[uint32(id)] = append(m.spans[uint32(id)], dbnSpan{symbol, from, to})
		}
		if r.err != nil {
			return m, r.err
		}
	}
	return m, r.err
}

// symbol is the name of a raw id at a moment and until when it holds; "" where the file names none.
func (m *dbnMetadata) symbol(raw uint32, ts int64) (string, int64) {
	next := int64(math.MaxInt64)
	for _, s := range m.spans[raw] {
		if s.from <= ts && ts < s.to {
			return s.symbol, s.to
		}
		if s.from > ts {
			next = min(next, s.from)
		}
	}
	return "", next
}

// dbnTables reads the variable part; the first shortage sticks.
type dbnTables struct {
	b      []byte
	symbol int // bytes of a symbol
	err    error
}

func (r *dbnTables) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		r.err = errShortMetadata
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *dbnTables) u32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *dbnTables) text() string { return cstr(r.take(r.symbol)) }

// day reads a date YYYYMMDD, the start of that day UTC.
func (r *dbnTables) day() int64 {
	v := int(r.u32())
	t := time.Date(v/10000, time.Month(v/100%100), v%100, 0, 0, 0, 0, time.UTC)
	if r.err == nil && (t.Day() != v%100 || t.Year() < 1970 || t.Year() > 2200) {
		r.err = fmt.Errorf("date %d is no day of the calendar: the file is damaged", v)
	}
	return t.UnixNano()
}

func cstr(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
