package metrics

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/targets"
)

var _ core.Observer = (*Metrics)(nil)

// MaxSymbols is how many instruments have series of their own, for as long as the process lives: the first of each
// reference, by ascending instrument id, while there is room. The orders of the others count under symbol "other".
const MaxSymbols = 2000

// maxStates is above every order.State.
const maxStates = 32

// instrument holds the series of an instrument's orders, by state, each made at its first use.
type instrument struct {
	venue, symbol string
	states        [maxStates]*series
}

// unlisted are orders in an instrument that no reference had.
const unlisted = int64(0)

// marks are when an order took its steps, nanoseconds since the start; 0 = not seen.
type marks struct{ planned, submitted, decided, acked int64 }

type decisionKey struct {
	code   uint8
	reason uint16
}

type execKey struct {
	kind     uint8
	replayed bool
}

var background = context.Background()

func (m *Metrics) nowNs() int64 { return int64(m.now().Sub(m.start)) }

func microseconds(ns int64) float64 { return float64(max(0, ns)) / 1e3 }

// Reference gives the instruments of a session their labels.
func (m *Metrics) Reference(ref *reference.Reference) {
	ids := make([]int64, 0, len(ref.Instruments))
	for id := range ref.Instruments {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		in := ref.Instruments[id]
		if known := m.instruments[id]; known != nil && known.venue == in.Venue && (known.symbol == in.Symbol || known.symbol == other) {
			continue
		}
		symbol := other
		if m.symbols < MaxSymbols {
			symbol = in.Symbol
			m.symbols++
		}
		m.instruments[id] = &instrument{venue: in.Venue, symbol: symbol}
	}
}

const other = "other"

func (m *Metrics) count(o *order.Order) {
	in := m.instruments[o.InstrumentID]
	if in == nil {
		if in = m.instruments[unlisted]; in == nil {
			in = &instrument{venue: "unknown", symbol: other}
			m.instruments[unlisted] = in
		}
	}
	at := min(int(o.State), maxStates-1)
	if in.states[at] == nil {
		in.states[at] = m.orders.of(attribute.String("state", o.State.String()), attribute.String("venue", in.venue), attribute.String("symbol", in.symbol))
	}
	in.states[at].inc()
}

func (m *Metrics) recordHop(hop int, from, to int64) {
	m.hop.Record(background, microseconds(to-from), m.hopSets[hop]...)
}

// Planned counts a new order.
func (m *Metrics) Planned(o *order.Order) {
	m.marks[o.ID] = marks{planned: m.nowNs()}
	m.count(o)
}

// Submitted ends the first hop. An order that is sent again goes on as it was: its wait is the outage's.
func (m *Metrics) Submitted(o *order.Order) {
	k := m.marks[o.ID]
	if k.submitted != 0 {
		return
	}
	k.submitted = m.nowNs()
	if k.planned != 0 {
		m.recordHop(hopPlanSubmit, k.planned, k.submitted)
	}
	m.marks[o.ID] = k
}

// Decided counts riskd's decision and ends the second hop.
func (m *Metrics) Decided(o *order.Order) {
	d := decisionKey{o.Decided.Code, o.Decided.Reason}
	if _, ok := reasons[d.reason]; !ok {
		d.reason = unnamed
	}
	set := m.decisionSets[d]
	if set == nil {
		set = m.decisions.of(attribute.String("decision", frame.DecisionName(d.code, other)), attribute.String("reason", reasonName(d.reason)))
		m.decisionSets[d] = set
	}
	set.inc()
	if k, ok := m.marks[o.ID]; ok && k.submitted != 0 && k.decided == 0 {
		k.decided = m.nowNs()
		m.recordHop(hopSubmitDecision, k.submitted, k.decided)
		m.marks[o.ID] = k
	}
}

// Reported counts a report of the venue and ends the hops to the acknowledgement and to the first fill. What a snapshot
// repeats happened earlier, so the order is not timed any more.
func (m *Metrics) Reported(o *order.Order, r *order.Report) {
	e := execKey{r.Type, r.Replayed}
	set := m.execSets[e]
	if set == nil {
		replayed := "false"
		if r.Replayed {
			replayed = "true"
		}
		set = m.execs.of(attribute.String("type", execName(r.Type)), attribute.String("replayed", replayed))
		m.execSets[e] = set
	}
	set.inc()
	fill := r.LastQty > 0 && (r.Type == frame.ExecPartial || r.Type == frame.ExecFill)
	if fill {
		side := 0
		if o.Side == order.Sell {
			side = 1
		}
		m.traded.Add(background, float64(r.LastQty)*float64(r.LastPx)/1e6, m.sideSets[side]...)
		m.fees.Add(background, float64(max(0, r.Fee))/1e6)
	}
	k, ok := m.marks[o.ID]
	switch {
	case !ok:
	case r.Replayed:
		delete(m.marks, o.ID)
	case r.Type == frame.ExecNew && k.acked == 0:
		k.acked = m.nowNs()
		if k.decided != 0 {
			m.recordHop(hopDecisionAck, k.decided, k.acked)
		}
		m.marks[o.ID] = k
	case fill:
		if k.acked != 0 {
			m.recordHop(hopAckFill, k.acked, m.nowNs())
		}
		delete(m.marks, o.ID)
	}
}

// Reached counts an order in its new state.
func (m *Metrics) Reached(o *order.Order, _ order.State) {
	m.count(o)
	if !o.Open() {
		delete(m.marks, o.ID)
	}
}

// Refused counts the codes of a refused submission, each once.
func (m *Metrics) Refused(faults []targets.Fault) {
	for i, f := range faults {
		if slices.ContainsFunc(faults[:i], func(g targets.Fault) bool { return g.Code == f.Code }) {
			continue
		}
		set := m.faultSets[f.Code]
		if set == nil {
			set = addTo(attribute.String("code", f.Code))
			m.faultSets[f.Code] = set
		}
		m.faults.Add(background, 1, set...)
	}
}

// Committed times the write of a block and begins its way to the disk.
func (m *Metrics) Committed(block uint64, took time.Duration) {
	m.commit.Record(background, microseconds(int64(took)))
	m.unsynced.push(block, m.nowNs())
}

// Durable times the blocks that have reached the disk.
func (m *Metrics) Durable(blocks uint64) {
	if !m.unsynced.due(blocks) {
		return
	}
	now := m.nowNs()
	for m.unsynced.due(blocks) {
		m.syncLag.Record(background, microseconds(now-m.unsynced.pop()))
	}
}

// Turned times a turn of the loop.
func (m *Metrics) Turned(took time.Duration, _ int) {
	m.turn.Record(background, microseconds(int64(took)))
}
