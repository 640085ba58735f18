package tca

import (
	"encoding/json"
	"fmt"
	"io"
)

// Write writes rows as JSON lines, one object a line with "kind" and "schema" first and every field of the kind, null
// where it could not be measured. The same rows give the same bytes.
func Write(w io.Writer, rows ...Row) error {
	for i, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("tca: row %d (%s): %w", i, r.kind(), err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("tca: writing row %d (%s): %w", i, r.kind(), err)
		}
	}
	return nil
}

// Rows are a report's rows in the order in which they are written: the parent, its children, its strategies.
func (r Report) Rows() []Row {
	out := []Row{r.Parent}
	for _, c := range r.Children {
		out = append(out, c)
	}
	for _, s := range r.Strategies {
		out = append(out, s)
	}
	return out
}
