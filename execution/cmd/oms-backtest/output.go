package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/sim"
)

// output writes what a run produces: orders.jsonl (a line for every report of the venue, as its own log has it, with the
// session), handoffs.jsonl and days.jsonl.
type output struct {
	files  []*os.File
	orders *bufio.Writer
	hands  *bufio.Writer
	days   *bufio.Writer
	counts struct{ Orders, Fills, Days, Refused int }
	last   backtest.Summary
}

func newOutput(dir string) (*output, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	o := &output{}
	for _, f := range []struct {
		name string
		to   **bufio.Writer
	}{{"orders.jsonl", &o.orders}, {"handoffs.jsonl", &o.hands}, {"days.jsonl", &o.days}} {
		file, err := os.Create(filepath.Join(dir, f.name))
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		o.files = append(o.files, file)
		*f.to = bufio.NewWriterSize(file, 1<<20)
	}
	return o, nil
}

func line(w *bufio.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Handoff implements backtest.Sink.
func (o *output) Handoff(session uint32, nowNs int64, a core.Answer) error {
	if a.Outcome == core.Refused {
		o.counts.Refused++
	}
	return line(o.hands, map[string]any{
		"session": session, "ts_ns": nowNs, "outcome": a.Outcome.String(), "message": a.Message, "faults": a.Faults, "orders": a.Orders,
	})
}

// Record implements backtest.Sink.
func (o *output) Record(session uint32, r *sim.Record) error {
	switch r.Kind {
	case sim.KindAck:
		o.counts.Orders++
	case sim.KindFill:
		o.counts.Fills++
	}
	return line(o.orders, struct {
		Session uint32 `json:"session_number"`
		*sim.Record
	}{session, r})
}

// Day implements backtest.Sink.
func (o *output) Day(d backtest.Summary) error {
	o.counts.Days++
	o.last = d
	return line(o.days, d)
}

func (o *output) close() error {
	var all []error
	for _, w := range []*bufio.Writer{o.orders, o.hands, o.days} {
		if w != nil {
			all = append(all, w.Flush())
		}
	}
	for _, f := range o.files {
		all = append(all, f.Close())
	}
	return errors.Join(all...)
}
