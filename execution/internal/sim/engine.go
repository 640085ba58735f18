package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Errors of an Engine that a caller tells apart.
var (
	// ErrEarlierSession says that the log already holds a later session than the one asked for.
	ErrEarlierSession = errors.New("a later session was already traded here")
	// ErrMarketChanged says that the files of a session changed after it had opened.
	ErrMarketChanged = errors.New("the market files of this session changed after it opened")
	// ErrOtherRegion says that the log belongs to another region.
	ErrOtherRegion = errors.New("this venue's log belongs to another region")
)

// TextCheckpoint is the text of a session record that only notes the position of the clock.
const TextCheckpoint = "clock"

// Without another record, the clock's position is recorded after so many market events and at every multiple of so much
// replayed time since the open: a restart goes back no further.
const (
	checkpointEvents = 200
	checkpointNs     = int64(5 * time.Minute)
)

// edge is a moment at which the phase changes.
type edge struct {
	tsNs  int64
	phase Phase
}

// MarketDay is one session's input.
type MarketDay struct {
	Session
	Events []Event
	Digest string // of the files, see Digest
}

// Engine trades one session. Every method that changes something returns the records of the change, in order; the
// caller journals them before it tells anybody. An error means that the engine's own invariants are broken: stop.
type Engine struct {
	day     MarketDay
	st      *state
	edges   []edge
	books   map[int64]*book
	symbols map[string]int64
	changed map[int64]bool
	next    int // events applied
	nowNs   int64
	lastCp  int // value of next at the last record
	out     []Record
}

// Resume rebuilds the state from the log and opens day: it begins the session when the log ends before it, and goes on
// where the log stands when the session is in it. The returned records are new and must be journaled.
func Resume(day MarketDay, log []Record) (*Engine, []Record, error) {
	e := &Engine{
		day: day, st: newState(), books: map[int64]*book{}, symbols: map[string]int64{}, changed: map[int64]bool{},
		nowNs: day.OpenNs,
	}
	for _, ev := range day.Events {
		if e.books[ev.InstrumentID] == nil {
			e.books[ev.InstrumentID] = newBook(ev)
			e.symbols[ev.Symbol] = ev.InstrumentID
		}
	}
	for _, b := range day.Breaks {
		e.edges = append(e.edges, edge{b[0], Break}, edge{b[1], Open})
	}
	e.edges = append(e.edges, edge{day.CloseNs, Closed})
	if err := follows(day.Session, log); err != nil {
		return nil, nil, err
	}
	for _, r := range log {
		if err := e.replay(r); err != nil {
			return nil, nil, err
		}
	}
	if p := e.st.phase; (p == Open || p == Break) && e.st.session == day.Session.Session && e.st.edges >= len(e.edges) {
		return nil, nil, fmt.Errorf("session %s is %s after its last boundary: %w", e.st.session, p, ErrMarketChanged)
	}
	if e.st.session < day.Session.Session {
		if err := e.begin(); err != nil {
			return nil, nil, err
		}
	}
	if err := e.goOn(); err != nil {
		return nil, nil, err
	}
	return e, e.take(), nil
}

// follows says whether day may come after what the log holds.
func follows(day Session, log []Record) error {
	for _, r := range log {
		switch {
		case r.Region != "" && r.Region != day.Region:
			return fmt.Errorf("%w: it is %s, the market files are for %s", ErrOtherRegion, r.Region, day.Region)
		case r.Session > day.Session:
			return fmt.Errorf("%w: %s is in the log, %s was asked for", ErrEarlierSession, r.Session, day.Session)
		}
	}
	return nil
}

// replay applies one record of the log. Books follow for the records of the session that is opened.
func (e *Engine) replay(r Record) error {
	if r.Kind != KindSession && e.st.session == "" {
		return fmt.Errorf("record n=%d: %s before any session", r.N, r.Kind)
	}
	if err := e.st.apply(r); err != nil {
		return err
	}
	if e.st.session != e.day.Session.Session {
		return nil
	}
	e.nowNs = max(e.nowNs, r.TsNs)
	if e.st.market != e.day.Digest {
		return nil // other files: goOn decides once the whole log is known
	}
	if r.Ev > int64(len(e.day.Events)) {
		return fmt.Errorf("record n=%d: event %d of %d: %w", r.N, r.Ev, len(e.day.Events), ErrMarketChanged)
	}
	for e.next < int(r.Ev) {
		e.showNext()
	}
	if r.Kind == KindFill {
		if b := e.books[r.InstrumentID]; b != nil {
			b.take(e.st.orders[r.ClOrdID].Side, r.Qty)
		}
	}
	e.lastCp = e.next
	return nil
}

// begin closes what an earlier session left behind and opens the record of this one.
func (e *Engine) begin() error {
	first := e.st.session == ""
	if !first && e.st.phase != Closed {
		if err := e.endSession(e.st.tsNs, "ended by the start of session "+e.day.Session.Session); err != nil {
			return err
		}
	}
	r := Record{
		TsNs: e.day.OpenNs, Kind: KindSession, Session: e.day.Session.Session, Region: e.day.Region, State: Waiting,
		Market: e.day.Digest, Text: "session begins",
	}
	if first {
		r.Cash = e.day.InitialCash
	}
	return e.emitAt(r, 0)
}

// goOn finishes what a kill cut short: corporate actions, answers to orders, fills.
func (e *Engine) goOn() error {
	if err := e.disconnected(); err != nil {
		return err
	}
	if e.st.phase == Closed {
		return nil
	}
	if e.st.market != e.day.Digest {
		if e.st.phase != Waiting || e.st.actions > 0 {
			return fmt.Errorf("session %s: %w; restore the files it began with", e.st.session, ErrMarketChanged)
		}
		if err := e.emit(Record{Kind: KindSession, State: Waiting, Session: e.st.session, Market: e.day.Digest,
			Text: "market files replaced before the open"}); err != nil {
			return err
		}
	}
	for e.st.phase == Waiting && e.st.actions < len(e.day.Actions) {
		if err := e.applyAction(e.day.Actions[e.st.actions]); err != nil {
			return err
		}
	}
	for _, o := range e.st.arrival {
		if o.Status == Received {
			if err := e.answer(o); err != nil {
				return err
			}
		}
	}
	if err := e.matchAll(); err != nil {
		return err
	}
	for _, o := range e.st.arrival {
		if o.TIF == IOC && o.Status.Working() {
			if err := e.emit(e.orderRecord(KindCancel, o, textIOC)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Start lets the session open; on one that has opened it does nothing.
func (e *Engine) Start() ([]Record, error) {
	if e.st.phase != Waiting {
		return nil, nil
	}
	err := e.sessionRecord(Open, "session opens")
	if err == nil {
		err = e.advance(e.nowNs)
	}
	return e.take(), err
}

// Advance applies everything that happens up to and including nowNs. Before Start nothing happens.
func (e *Engine) Advance(nowNs int64) ([]Record, error) {
	err := e.advance(nowNs)
	return e.take(), err
}

// advance takes events, checkpoints and phase changes in the order of time, at the same moment in this order, so that a
// closing print still fills; except that a break's end comes before the events it lets through.
func (e *Engine) advance(nowNs int64) error {
	for e.st.phase == Open || e.st.phase == Break {
		edge := e.edges[e.st.edges]
		eventsUntil := edge.tsNs
		if edge.phase == Open {
			eventsUntil--
		}
		mark := e.nextCheckpoint()
		if mark < edge.tsNs {
			eventsUntil = mark
		}
		var err error
		switch {
		case e.next < len(e.day.Events) && e.day.Events[e.next].TsNs <= min(nowNs, eventsUntil):
			err = e.applyEvent(e.day.Events[e.next])
		case mark < edge.tsNs && mark <= nowNs:
			e.nowNs = max(e.nowNs, mark)
			err = e.sessionRecord(e.st.phase, TextCheckpoint)
		case edge.tsNs <= nowNs:
			e.nowNs = max(e.nowNs, edge.tsNs)
			err = e.pass(edge.phase)
		default:
			e.nowNs = max(e.nowNs, nowNs)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nextCheckpoint is the first multiple of checkpointNs after the last record.
func (e *Engine) nextCheckpoint() int64 {
	passed := max(e.st.tsNs-e.day.OpenNs, 0)
	return e.day.OpenNs + (passed/checkpointNs+1)*checkpointNs
}

func (e *Engine) applyEvent(ev Event) error {
	e.nowNs = max(e.nowNs, ev.TsNs)
	e.showNext()
	if err := e.match(ev.InstrumentID); err != nil {
		return err
	}
	if e.next-e.lastCp >= checkpointEvents {
		return e.sessionRecord(e.st.phase, TextCheckpoint)
	}
	return nil
}

// showNext moves the books to the next event.
func (e *Engine) showNext() {
	ev := e.day.Events[e.next]
	e.books[ev.InstrumentID].apply(ev)
	e.changed[ev.InstrumentID] = true
	e.next++
}

func (e *Engine) pass(phase Phase) error {
	switch phase {
	case Closed:
		return e.endSession(e.nowNs, "session closes")
	case Break:
		return e.sessionRecord(Break, "break begins")
	default:
		if err := e.sessionRecord(Open, "break ends"); err != nil {
			return err
		}
		return e.matchAll()
	}
}

// endSession expires what still works and closes the session that the state is in.
func (e *Engine) endSession(tsNs int64, text string) error {
	for _, o := range e.st.arrival {
		if o.Status == Received {
			if err := e.emitAt(e.rejection(o, reasonClosed, "session closed"), tsNs); err != nil {
				return err
			}
		}
		if o.Status.Working() {
			r := e.orderRecord(KindExpire, o, "day order expired at the close")
			if err := e.emitAt(r, tsNs); err != nil {
				return err
			}
		}
	}
	marks := map[string]int64{}
	for id, p := range e.st.positions {
		if px := e.markOf(*p); px > 0 {
			marks[strconv.FormatInt(id, 10)] = px
		}
	}
	return e.emitAt(Record{Kind: KindSession, Session: e.st.session, State: Closed, Text: text, Marks: marks}, tsNs)
}

func (e *Engine) sessionRecord(phase Phase, text string) error {
	return e.emit(Record{Kind: KindSession, Session: e.st.session, State: phase, Text: text})
}

// emit completes a record, applies it and keeps it for the caller.
func (e *Engine) emit(r Record) error { return e.emitAt(r, 0) }

func (e *Engine) emitAt(r Record, tsNs int64) error {
	r.N, r.Ev = e.st.n+1, int64(e.next)
	if r.TsNs == 0 {
		r.TsNs = tsNs
	}
	if r.TsNs == 0 {
		r.TsNs = e.nowNs
	}
	switch r.Kind {
	case KindAck, KindFill, KindCancel, KindExpire, KindReject, KindReplace, KindCorrect:
		r.ExecID = fmt.Sprintf("%s-%s-E%d", e.day.Region, e.st.session, e.st.execs+1)
	}
	if err := e.st.apply(r); err != nil {
		return err
	}
	e.lastCp = e.next
	e.out = append(e.out, r)
	return nil
}

func (e *Engine) take() []Record {
	out := e.out
	e.out = nil
	return out
}

// Phase is the session's state.
func (e *Engine) Phase() Phase { return e.st.phase }

// NowNs is the moment the engine stands at.
func (e *Engine) NowNs() int64 { return e.nowNs }

// Day is the session's input.
func (e *Engine) Day() MarketDay { return e.day }

// NextNs is the moment of the next event or phase change; false when none is left.
func (e *Engine) NextNs() (int64, bool) {
	if e.st.phase != Open && e.st.phase != Break {
		return 0, false
	}
	at := e.edges[e.st.edges].tsNs
	if e.next < len(e.day.Events) {
		at = min(at, e.day.Events[e.next].TsNs)
	}
	return at, true
}

// Counts are the orders and the fills of this session.
func (e *Engine) Counts() (orders, fills int) { return len(e.st.arrival), e.st.fills }

// Cash is the account's cash.
func (e *Engine) Cash() int64 { return e.st.cash }

// Value is the cash and the positions at their marks.
func (e *Engine) Value() int64 {
	total := e.st.cash
	for _, p := range e.Positions() {
		total += p.Qty * p.Mark
	}
	return total
}

// Positions lists the positions by instrument, with what the book says of their price now.
func (e *Engine) Positions() []Position {
	out := e.st.sortedPositions()
	for i := range out {
		out[i].Mark = e.markOf(out[i])
		if b := e.books[out[i].InstrumentID]; b != nil {
			out[i].Symbol = b.quote.Symbol
		}
	}
	return out
}

// markOf prefers the market to what the position remembers: the last fill or the last close.
func (e *Engine) markOf(p Position) int64 {
	if b := e.books[p.InstrumentID]; b != nil && e.st.session == e.day.Session.Session {
		if px := b.shown(e.day.OpenNs).Mark(); px > 0 {
			return px
		}
	}
	return p.Mark
}

// Order returns a copy of one of this session's orders.
func (e *Engine) Order(clOrdID string) (Order, bool) {
	o, ok := e.st.orders[clOrdID]
	if !ok {
		return Order{}, false
	}
	return *o, true
}

// Orders lists this session's orders as they arrived.
func (e *Engine) Orders() []Order {
	out := make([]Order, len(e.st.arrival))
	for i, o := range e.st.arrival {
		out[i] = *o
	}
	return out
}

// Quotes lists every instrument's quote, by instrument. Before an instrument's first event it is the opening
// indication: that event's prices at the moment of the open.
func (e *Engine) Quotes() []Quote {
	ids := make([]int64, 0, len(e.books))
	for id := range e.books {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]Quote, len(ids))
	for i, id := range ids {
		out[i] = e.books[id].shown(e.day.OpenNs)
	}
	return out
}

// TakeChanged lists the quotes that changed since the last call, by instrument.
func (e *Engine) TakeChanged() []Quote {
	ids := make([]int64, 0, len(e.changed))
	for id := range e.changed {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]Quote, len(ids))
	for i, id := range ids {
		out[i] = e.books[id].shown(e.day.OpenNs)
	}
	clear(e.changed)
	return out
}
