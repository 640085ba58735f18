package verify

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/store"
)

// differences names the columns in which a row is not its journal record.
func differences(s store.Stored, e audit.Entry) string {
	body, other := s.Body, s.Raw
	if !e.JSON() {
		body, other = s.Raw, s.Body
	}
	var out []string
	for _, c := range []struct {
		name string
		same bool
	}{
		{"ts_ns", s.TsNs == e.TsNs},
		{"kind", s.Kind == e.Kind},
		{"order_id", s.OrderID == strconv.FormatUint(e.OrderID, 10)},
		{"instrument_id", s.InstrumentID == e.InstrumentID},
		{"correlation", s.Correlation == e.Correlation},
		{"body", other == nil && body != nil && bytes.Equal(body, e.Body)},
	} {
		if !c.same {
			out = append(out, c.name)
		}
	}
	return strings.Join(out, ", ")
}

// stored reads the table's rows one after the other.
type stored struct {
	ctx    context.Context
	table  Table
	writer string
	after  int64
	rows   []store.Stored
}

// next is nil after the last.
func (s *stored) next() (*store.Stored, error) {
	if len(s.rows) == 0 {
		rows, err := s.table.Rows(s.ctx, s.writer, s.after, window)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		s.rows, s.after = rows, rows[len(rows)-1].Seq
	}
	row := &s.rows[0]
	s.rows = s.rows[1:]
	return row, nil
}

// journaled reads the journal's records one after the other.
type journaled struct {
	source  audit.Source
	entries []audit.Entry
}

// next is nil after the last record; what stands behind it must be a write under way and no damage.
func (j *journaled) next(seq uint64) (*audit.Entry, error) {
	if len(j.entries) == 0 {
		entries, err := j.source.Read(seq-1, batch)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			if r, ok := j.source.(interface{ Rest() error }); ok {
				return nil, r.Rest()
			}
			return nil, nil
		}
		j.entries = entries
	}
	e := &j.entries[0]
	j.entries = j.entries[1:]
	return e, nil
}
