package sim

import (
	"errors"
	"slices"
	"strconv"
	"strings"
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

	// For a day that is longer than memory: Opening holds an indication of every instrument before its first event, and More
	// gives the next events, of which Events are the first, until there are none; what it gave before may then change. Such a
	// day cannot be resumed from a log.
	Opening []Event
	More    func() []Event
}

// Options are for who runs an engine in its own process, through many orders and sessions.
type Options struct {
	// DropFinished forgets an order once it is finished and its records were returned, when the next call comes: memory then
	// grows with what works and not with what was traded. Orders, Order and CorrectLast know only what is still kept.
	DropFinished bool
	// ReuseRecords returns the same memory from every call: its records hold until the next call.
	ReuseRecords bool
}

// Engine trades one session. Every method that changes something returns the records of the change, in order; the
// caller journals them before it tells anybody. An error means that the engine's own invariants are broken: stop.
type Engine struct {
	opt     Options
	day     MarketDay
	st      *state
	pledges pledges

	edges   []edge
	halts   []haltStep
	books   map[int64]*book
	dense   []*book // the same by id, where ids are small
	ids     []int64 // of the books, ascending
	symbols map[string]int64
	located map[int64]int64
	queues  *QueueModel
	given   map[int64]Traits // what the model says of the instruments that it names
	others  Traits           // and of all others

	next       int // events applied
	base       int // of them before the first of day.Events
	nowNs      int64
	lastCp     int   // value of next at the last record
	nextMarkNs int64 // of the clock's next checkpoint
	changed    []*book
	scratch    []*Order
	names      strings.Builder // room for the next names
	digits     []byte
	out        []Record
}

// enter begins a call that may change something.
func (e *Engine) enter() {
	if e.opt.DropFinished {
		e.dropFinished()
	}
	if e.opt.ReuseRecords {
		e.out = e.out[:0]
	} else {
		e.out = nil
	}
}

func (e *Engine) dropFinished() {
	for _, o := range e.st.finished {
		if e.st.orders[o.ClOrdID] != o {
			continue // finished and corrected: it is noted twice
		}
		delete(e.st.orders, o.ClOrdID)
		for _, name := range o.names {
			delete(e.st.orders, name)
		}
		e.st.depart(o)
		e.st.free = append(e.st.free, o)
	}
	clear(e.st.finished)
	e.st.finished = e.st.finished[:0]
}

func (e *Engine) take() []Record { return e.out }

// running says whether the session's clock moves.
func (e *Engine) running() bool { return e.st.phase == Open || e.st.phase == Break }

// current says whether the books show what the records are about: those of this day's session and its files.
func (e *Engine) current() bool {
	return e.st.session == e.day.Session.Session && e.st.market == e.day.Digest
}

// Start lets the session open; on one that has opened it does nothing.
func (e *Engine) Start() ([]Record, error) {
	e.enter()
	if e.st.phase != Waiting {
		return nil, nil
	}
	err := e.sessionRecord(Open, "session opens")
	if err == nil {
		err = e.advance(e.nowNs)
	}
	return e.take(), err
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
	if err := e.turnBack(tsNs, reasonClosed, "session closed"); err != nil {
		return err
	}
	if err := e.st.each(func(o *Order) error {
		switch {
		case o.Status == Received:
			return e.emitAt(e.rejection(o, reasonClosed, "session closed"), tsNs)
		case o.Status.Working():
			return e.emitAt(e.orderRecord(KindExpire, o, "day order expired at the close"), tsNs)
		}
		return nil
	}); err != nil {
		return err
	}
	if e.st.session == e.day.Session.Session {
		if err := e.chargeBorrows(tsNs); err != nil {
			return err
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
	*e.draft() = r
	return e.emitDraft(tsNs)
}

// draft is room for a record where it stays: it is filled in, and emitted with emitDraft before anything else is.
func (e *Engine) draft() *Record {
	if n := len(e.out); n < cap(e.out) {
		e.out = e.out[:n+1]
		e.out[n] = Record{}
	} else {
		e.out = append(e.out, Record{})
	}
	return &e.out[len(e.out)-1]
}

func (e *Engine) emitDraft(tsNs int64) error {
	if err := e.complete(&e.out[len(e.out)-1], tsNs); err != nil {
		e.out = e.out[:len(e.out)-1]
		return err
	}
	return nil
}

func (e *Engine) complete(r *Record, tsNs int64) error {
	r.N, r.Ev = e.st.n+1, int64(e.next)
	if r.TsNs == 0 {
		r.TsNs = tsNs
	}
	if r.TsNs == 0 {
		r.TsNs = e.nowNs
	}
	switch r.Kind {
	case KindAck, KindFill, KindCancel, KindExpire, KindReject, KindReplace, KindCorrect:
		r.ExecID = e.name('E', e.st.execs+1)
		r.ReportNs = e.heardAt(r.TsNs, r.ExecID)
	case KindRefuse:
		r.ReportNs = e.heardAt(r.TsNs, r.ClOrdID+r.CancelID)
	}
	if err := e.st.apply(r); err != nil {
		return err
	}
	if e.current() {
		e.absorb(r)
	}
	e.lastCp = e.next
	e.nextMarkNs = e.nextCheckpoint()
	return nil
}

// name is the venue's own id of an execution or an order: REGION-SESSION-E7.
func (e *Engine) name(kind byte, number int64) string {
	e.digits = strconv.AppendInt(append(e.digits[:0], '-', kind), number, 10)
	b := &e.names
	if b.Cap()-b.Len() < len(e.day.Region)+1+len(e.st.session)+len(e.digits) {
		*b = strings.Builder{}
		b.Grow(namesRoom)
	}
	from := b.Len()
	b.WriteString(e.day.Region)
	b.WriteByte('-')
	b.WriteString(e.st.session)
	b.Write(e.digits)
	return b.String()[from:]
}

// namesRoom is how many bytes of names, some hundred of them, are made room for at once.
const namesRoom = 4096

// touched notes that an instrument's published quote may have changed.
func (e *Engine) touched(b *book) {
	if !b.changed {
		b.changed = true
		e.changed = append(e.changed, b)
	}
}

// takeChanged returns the books that changed, by instrument, and forgets them.
func (e *Engine) takeChanged() []*book {
	if len(e.changed) > 1 {
		e.sortChanged()
	}
	for _, b := range e.changed {
		b.changed = false
	}
	out := e.changed
	e.changed = e.changed[:0]
	return out
}

func (e *Engine) sortChanged() {
	slices.SortFunc(e.changed, func(x, y *book) int { return int(min(max(x.desk.id-y.desk.id, -1), 1)) })
}
