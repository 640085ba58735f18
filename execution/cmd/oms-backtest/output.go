package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// output writes what a run produces: orders.jsonl (a line for every report of the venue, as its own log has it, with the
// session), decisions.jsonl (a line for every decision of the risk engine), handoffs.jsonl and days.jsonl.
type output struct {
	files  []*os.File
	orders *bufio.Writer
	hands  *bufio.Writer
	days   *bufio.Writer
	risks  *bufio.Writer
	writer *writer
	counts struct{ Orders, Fills, Days, Refused, Events, Decisions int }
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
	}{{"orders.jsonl", &o.orders}, {"handoffs.jsonl", &o.hands}, {"days.jsonl", &o.days}, {"decisions.jsonl", &o.risks}} {
		file, err := os.Create(filepath.Join(dir, f.name))
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		o.files = append(o.files, file)
		*f.to = bufio.NewWriterSize(file, 1<<20)
	}
	o.writer = newWriter(o.orders, o.risks)
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
	o.writer.report(session, r)
	return nil
}

// Decision implements backtest.Sink.
func (o *output) Decision(session uint32, nowNs int64, side uint8, d *riskengine.Decision) error {
	o.counts.Decisions++
	o.writer.decision(session, nowNs, side, d)
	return nil
}

func sideName(side uint8) string {
	switch side {
	case frame.SideBuy:
		return "buy"
	case frame.SideSell:
		return "sell"
	}
	return ""
}

// Day implements backtest.Sink.
func (o *output) Day(d backtest.Summary) error {
	o.counts.Days++
	o.counts.Events += d.Events
	o.last = d
	return line(o.days, d)
}

func (o *output) close() error {
	var all []error
	if o.writer != nil {
		all = append(all, o.writer.close())
	}
	for _, w := range []*bufio.Writer{o.orders, o.hands, o.days, o.risks} {
		if w != nil {
			all = append(all, w.Flush())
		}
	}
	for _, f := range o.files {
		all = append(all, f.Close())
	}
	o.files, o.orders, o.hands, o.days, o.risks = nil, nil, nil, nil, nil
	return errors.Join(all...)
}
