package main

import (
	"bufio"
	"strconv"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/sim"
)

// batchRows is how many reports, or decisions, are written at once.
const batchRows = 512

// reportRow and decisionRow are copies of what the run produced, for the goroutine that writes them down.
type reportRow struct {
	session uint32
	record  sim.Record
}

type decisionRow struct {
	session uint32
	nowNs   int64
	side    uint8
	riskengine.Decision
}

type batch struct {
	reports   []reportRow
	decisions []decisionRow
}

// writer turns reports and decisions into lines beside the run, in their order.
type writer struct {
	now    *batch
	full   chan *batch
	empty  chan *batch
	done   chan error
	closed bool
}

func newWriter(reports, decisions *bufio.Writer) *writer {
	w := &writer{full: make(chan *batch, 4), empty: make(chan *batch, 6), done: make(chan error, 1)}
	for range cap(w.empty) {
		w.empty <- &batch{reports: make([]reportRow, 0, batchRows), decisions: make([]decisionRow, 0, batchRows)}
	}
	w.now = <-w.empty
	go func() {
		var failed error
		var line []byte
		for b := range w.full {
			for i := range b.reports {
				line, failed = b.reports[i].write(reports, line, failed)
			}
			for i := range b.decisions {
				line, failed = b.decisions[i].write(decisions, line, failed)
			}
			clear(b.reports) // lets go of their texts
			b.reports, b.decisions = b.reports[:0], b.decisions[:0]
			w.empty <- b
		}
		w.done <- failed
	}()
	return w
}

func (w *writer) report(session uint32, r *sim.Record) {
	w.now.reports = append(w.now.reports, reportRow{session, *r})
	w.pass(len(w.now.reports))
}

func (w *writer) decision(session uint32, nowNs int64, side uint8, d *riskengine.Decision) {
	w.now.decisions = append(w.now.decisions, decisionRow{session, nowNs, side, *d})
	w.pass(len(w.now.decisions))
}

func (w *writer) pass(rows int) {
	if rows == batchRows {
		w.full <- w.now
		w.now = <-w.empty
	}
}

// close waits until everything is written, and says what went wrong.
func (w *writer) close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.full <- w.now
	close(w.full)
	return <-w.done
}

// write writes a line; after a failure nothing more is written.
func (row *reportRow) write(to *bufio.Writer, line []byte, failed error) ([]byte, error) {
	if failed != nil {
		return line, failed
	}
	line = strconv.AppendUint(append(line[:0], `{"session_number":`...), uint64(row.session), 10)
	at := len(line)
	line, err := row.record.AppendLine(line)
	if err == nil {
		line[at] = ',' // one object: the record's brace opens no second one
		_, err = to.Write(line)
	}
	return line, err
}

func (row *decisionRow) write(to *bufio.Writer, line []byte, failed error) ([]byte, error) {
	if failed != nil {
		return line, failed
	}
	number := func(name string, v int64) {
		line = append(append(append(line, ',', '"'), name...), '"', ':')
		line = strconv.AppendInt(line, v, 10)
	}
	text := func(name, v string) {
		line = append(append(append(line, ',', '"'), name...), '"', ':')
		line = strconv.AppendQuote(line, v)
	}
	line = strconv.AppendUint(append(line[:0], `{"session_number":`...), uint64(row.session), 10)
	number("ts_ns", row.nowNs)
	number("order_id", int64(row.OrderID))
	number("instrument_id", int64(row.InstrumentID))
	text("side", sideName(row.side))
	text("decision", frame.DecisionName(row.Decision.Decision, "NONE"))
	text("reason", order.ReasonName(row.Reason))
	number("qty", row.RequestedQty)
	number("approved_qty", row.ApprovedQty)
	number("reference_px", row.ReferencePx)
	number("equity_micro", row.Equity)
	number("worst_case_micro", row.WorstCase)
	number("limit_micro", row.BindingLimit)
	number("position", row.Position)
	number("buying_power_micro", row.BuyingPower)
	line = append(line, '}', '\n')
	_, err := to.Write(line)
	return line, err
}
