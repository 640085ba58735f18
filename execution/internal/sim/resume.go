package sim

import (
	"fmt"
	"maps"
	"slices"
)

// Resume rebuilds the state from the log and opens day: it begins the session when the log ends before it, and goes on
// where the log stands when the session is in it. The returned records are new and must be journaled.
func Resume(day MarketDay, log []Record) (*Engine, []Record, error) {
	return ResumeWith(Options{}, day, log)
}

// ResumeWith is Resume with options.
func ResumeWith(opt Options, day MarketDay, log []Record) (*Engine, []Record, error) {
	e := &Engine{opt: opt, st: newState()}
	e.st.archive = opt.DropFinished
	if err := follows(day.Session, log); err != nil {
		return nil, nil, err
	}
	if err := e.load(day); err != nil {
		return nil, nil, err
	}
	if day.More != nil && len(log) > 0 {
		return nil, nil, fmt.Errorf("session %s: a day that is read as it passes cannot be resumed", day.Session.Session)
	}
	for i := range log {
		if err := e.replay(&log[i]); err != nil {
			return nil, nil, err
		}
	}
	return e.open()
}

// NextSession ends the session that the engine is in and opens a later one, as Resume would with the log of all records so far.
func (e *Engine) NextSession(day MarketDay) ([]Record, error) {
	e.enter()
	if err := follows(day.Session, []Record{{Region: e.day.Region, Session: e.st.session}}); err != nil {
		return nil, err
	}
	if e.st.session == day.Session.Session {
		return nil, fmt.Errorf("session %s is the one that is traded: give a later one", day.Session.Session)
	}
	if err := e.load(day); err != nil {
		return nil, err
	}
	_, records, err := e.open()
	return records, err
}

// maxDense is the id up to which books are found by their place.
const maxDense = 1 << 16

// book is an instrument's, nil where it is not in the session.
func (e *Engine) book(instrument int64) *book {
	if uint64(instrument) < uint64(len(e.dense)) {
		return e.dense[instrument]
	}
	return e.books[instrument]
}

// load makes the books of a day.
func (e *Engine) load(day MarketDay) error {
	e.day, e.queues, e.given, e.others = day, nil, nil, Traits{}
	e.edges, e.halts, e.ids, e.next, e.lastCp, e.nowNs = e.edges[:0], nil, e.ids[:0], 0, 0, day.OpenNs
	e.books, e.symbols, e.located, e.changed = map[int64]*book{}, map[string]int64{}, map[int64]int64{}, nil
	e.base = 0
	first := day.Events
	if day.Opening != nil {
		first = day.Opening
	}
	for i := range first {
		ev := &first[i]
		if e.books[ev.InstrumentID] == nil {
			b := newBook(ev)
			b.desk = e.st.desk(ev.InstrumentID)
			e.books[ev.InstrumentID] = b
			e.symbols[ev.Symbol] = ev.InstrumentID
		}
	}
	e.ids = slices.AppendSeq(e.ids, maps.Keys(e.books))
	slices.Sort(e.ids)
	e.dense = e.dense[:0]
	if n := len(e.ids); n > 0 && e.ids[n-1] < maxDense {
		e.dense = append(e.dense, make([]*book, e.ids[n-1]+1)...)
		for id, b := range e.books {
			e.dense[id] = b
		}
	}
	for _, b := range day.Breaks {
		e.edges = append(e.edges, edge{b[0], Break}, edge{b[1], Open})
	}
	e.edges = append(e.edges, edge{day.CloseNs, Closed})
	for _, l := range day.Locates {
		e.located[l.InstrumentID] = l.Qty
	}
	e.st.charges = &charges{fees: day.Fees}
	for _, d := range e.st.desks {
		e.st.restate(d)
	}
	if day.Model == nil {
		return nil
	}
	return e.loadModel(day.Model)
}

func (e *Engine) loadModel(m *Model) error {
	e.queues, e.halts = m.Queue, haltPlan(m.Halts)
	e.given, e.others = m.traits()
	if m.Fees != nil {
		rates, err := RatesOf(m.Fees.Schedule, m.Fees.date(e.day.Session.Session))
		if err != nil {
			return err
		}
		e.st.charges.rates, e.st.charges.stampExempt = rates, func(instrument int64) bool { return e.traitsOf(instrument).StampExempt }
	}
	if m.Impact != nil {
		for id, b := range e.books {
			q := b.shown(e.day.OpenNs)
			b.impact = newImpact(m.Impact, e.traitsOf(id), q.Mark())
		}
	}
	return nil
}

// open begins the session where the log ends before it, and goes on.
func (e *Engine) open() (*Engine, []Record, error) {
	if e.running() && e.st.session == e.day.Session.Session && e.st.edges >= len(e.edges) {
		return nil, nil, fmt.Errorf("session %s is %s after its last boundary: %w", e.st.session, e.st.phase, ErrMarketChanged)
	}
	if e.st.session < e.day.Session.Session {
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
	for i := range log {
		r := &log[i]
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
func (e *Engine) replay(r *Record) error {
	if r.Kind != KindSession && e.st.session == "" {
		return fmt.Errorf("record n=%d: %s before any session", r.N, r.Kind)
	}
	// The rows that were shown before it are, before what it changes.
	if e.current() && r.Session <= e.st.session {
		if r.Ev > int64(len(e.day.Events)) {
			return fmt.Errorf("record n=%d: event %d of %d: %w", r.N, r.Ev, len(e.day.Events), ErrMarketChanged)
		}
		for e.next < int(r.Ev) {
			e.showNext(&e.day.Events[e.next])
		}
	}
	if err := e.st.apply(r); err != nil {
		return err
	}
	if e.st.session != e.day.Session.Session {
		return nil
	}
	e.nowNs = max(e.nowNs, r.TsNs)
	e.nextMarkNs = e.nextCheckpoint()
	if !e.current() {
		return nil // other files: goOn decides once the whole log is known
	}
	e.absorb(r)
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
		Market: e.day.Digest, Text: "session begins", Settle: e.settlesOn(),
	}
	if first {
		r.Cash = e.day.InitialCash
	}
	return e.emitAt(r, 0)
}

// settlesOn is when this session's trades settle; empty = at once.
func (e *Engine) settlesOn() string {
	if m := e.day.Model; m != nil && m.Settlement != nil {
		return m.Settlement.Date
	}
	return ""
}

// goOn finishes what a kill cut short: settlement, corporate actions, answers to orders, fills.
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
			Text: "market files replaced before the open", Settle: e.settlesOn()}); err != nil {
			return err
		}
	}
	if e.st.phase == Waiting {
		if err := e.settleDue(); err != nil {
			return err
		}
	}
	for e.st.phase == Waiting && e.st.actions < len(e.day.Actions) {
		if err := e.applyAction(e.day.Actions[e.st.actions]); err != nil {
			return err
		}
	}
	if err := e.st.each(func(o *Order) error {
		if o.Status == Received && e.st.nextLine() == nil {
			return e.answer(o)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := e.matchAll(); err != nil {
		return err
	}
	return e.st.each(func(o *Order) error {
		if o.TIF == IOC && o.Status.Working() {
			return e.emit(e.orderRecord(KindCancel, o, textIOC))
		}
		return nil
	})
}
