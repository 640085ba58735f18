package sim

import "fmt"

// arrival is an order, a cancel or a replacement that the client has sent and that acts at dueNs.
type arrival struct {
	dueNs    int64
	n        int64  // of its record
	order    *Order // or
	cancelID string // of this order, or
	orig     string
	change   Replacement
}

// line is one path to the venue. It keeps the order of what is sent on it: nothing overtakes.
type line struct {
	underway  []arrival
	lastDueNs int64
}

func (s *state) sendOut(r *Record, a arrival) {
	l := s.lineOf(r.Path)
	a.dueNs, a.n = r.DueNs, r.N
	l.underway = append(l.underway, a)
	l.lastDueNs = max(l.lastDueNs, a.dueNs)
}

// lineOf is a path's line. An order on a path that there is not is refused when it arrives, on the default's.
func (s *state) lineOf(path int64) *line {
	if path < 0 || path > maxPath {
		path = 0
	}
	return &s.lines[path]
}

// nextLine is the line whose first arrival acts next, nil when nothing is under way.
func (s *state) nextLine() (next *line) {
	for i := range s.lines {
		l := &s.lines[i]
		if len(l.underway) > 0 && (next == nil || l.underway[0].before(&next.underway[0])) {
			next = l
		}
	}
	return next
}

func (a *arrival) before(b *arrival) bool {
	return a.dueNs < b.dueNs || a.dueNs == b.dueNs && a.n < b.n
}

// setOut takes a cancel or a replacement that is on its way.
func (s *state) setOut(r *Record) error {
	if r.DueNs <= 0 {
		return fmt.Errorf("%q is on its way without a moment at which it acts", r.ClOrdID)
	}
	if r.CancelID != "" {
		s.sendOut(r, arrival{cancelID: r.CancelID, orig: r.ClOrdID})
		return nil
	}
	side, err := parseSide(r.Side)
	if err != nil {
		side = 0 // no order's: it is refused when it acts
	}
	s.sendOut(r, arrival{change: Replacement{
		ClOrdID: r.ClOrdID, Orig: r.Orig, Symbol: r.Symbol, Side: side, Short: r.Short, Type: r.Type, TIF: r.TIF, Qty: r.Qty, LimitPx: r.Px, Path: r.Path,
	}})
	return nil
}

// actedOn takes the arrival whose outcome the record is off its line: it is the first there, or none.
func (s *state) actedOn(r *Record) {
	var from *line
	for i := range s.lines {
		l := &s.lines[i]
		if len(l.underway) > 0 && l.underway[0].endsWith(r) && (from == nil || l.underway[0].before(&from.underway[0])) {
			from = l
		}
	}
	if from == nil {
		return
	}
	from.underway[0] = arrival{}
	if from.underway = from.underway[1:]; len(from.underway) == 0 {
		from.underway = nil
	}
}

// endsWith says whether a record is an arrival's outcome.
func (a *arrival) endsWith(r *Record) bool {
	switch {
	case a.order != nil:
		return (r.Kind == KindAck || r.Kind == KindReject) && r.ClOrdID == a.order.ClOrdID
	case a.cancelID != "":
		return (r.Kind == KindCancel || r.Kind == KindRefuse) && r.CancelID == a.cancelID
	}
	return (r.Kind == KindReplace || r.Kind == KindRefuse) && r.CancelID == "" && r.ClOrdID == a.change.ClOrdID
}

// nextDue is when the next arrival acts; false when nothing is on its way.
func (s *state) nextDue() (int64, bool) {
	l := s.nextLine()
	if l == nil {
		return 0, false
	}
	return l.underway[0].dueNs, true
}

// act lets the next arrival act.
func (e *Engine) act() error {
	a := e.st.nextLine().underway[0]
	switch {
	case a.order != nil:
		return e.answer(a.order)
	case a.cancelID != "":
		if o := e.st.orders[a.orig]; o != nil && o.Status.Working() {
			return e.cancel(o, a.cancelID)
		}
		return e.emit(e.tooLate(a.cancelID, a.orig))
	}
	no, err := e.replace(a.change)
	if err == nil && no != nil {
		err = e.refuse(a.change, no)
	}
	return err
}

// tooLate refuses a cancel.
func (e *Engine) tooLate(cancelID, orig string) Record {
	r := Record{Kind: KindRefuse, ClOrdID: orig, CancelID: cancelID, Reason: cxlUnknown, Text: "unknown order"}
	if o := e.st.orders[orig]; o != nil {
		r.InstrumentID, r.OrderID, r.Reason = o.InstrumentID, o.OrderID, cxlTooLate
		r.Text = "too late: the order is " + o.Status.String()
	}
	return r
}

func (e *Engine) refuse(in Replacement, no *Refusal) error {
	r := Record{Kind: KindRefuse, ClOrdID: in.ClOrdID, Orig: in.Orig, Qty: in.Qty, Px: in.LimitPx, Reason: no.Reason, Text: no.Text}
	if o := e.st.orders[in.Orig]; o != nil {
		r.InstrumentID, r.OrderID = o.InstrumentID, o.OrderID
	}
	return e.emit(r)
}

// turnBack refuses everything that is on its way.
func (e *Engine) turnBack(tsNs int64, reason int, text string) error {
	for l := e.st.nextLine(); l != nil; l = e.st.nextLine() {
		a := l.underway[0]
		var r Record
		switch {
		case a.order != nil:
			r = e.rejection(a.order, reason, text)
		case a.cancelID != "":
			r = e.tooLate(a.cancelID, a.orig)
		default:
			r = Record{Kind: KindRefuse, ClOrdID: a.change.ClOrdID, Orig: a.change.Orig, Reason: cxlTooLate, Text: text}
		}
		if err := e.emitAt(r, tsNs); err != nil {
			return err
		}
	}
	return nil
}

// dueAt is when something that is sent now on a path acts: after the latency that its name draws, and not before what was sent
// there before it. 0 means at once: without a model of the latency, and while the session does not run.
func (e *Engine) dueAt(path int64, id string) int64 {
	if !e.Latent() || !e.running() {
		return 0
	}
	at := e.nowNs
	if l := e.day.Model.Latency.on(path); l != nil {
		at += l.draw(e.day.Seed, "order", id)
	}
	return max(at, e.st.lineOf(path).lastDueNs)
}

// Latent says whether what a client sends acts later than it is sent. Then Submit, Cancel and Replace return what is on its
// way, and its outcome comes with the records of a later call.
func (e *Engine) Latent() bool {
	return e.day.Model != nil && e.day.Model.Latency != nil && (e.day.Model.Latency.Order != nil || len(e.day.Model.Latency.Paths) > 0)
}

// heardAt is when the client hears of what happens at tsNs; 0 is at once. Reports do not overtake each other either.
func (e *Engine) heardAt(tsNs int64, execID string) int64 {
	if e.day.Model == nil || e.day.Model.Latency == nil || e.day.Model.Latency.Report == nil || !e.running() {
		return 0
	}
	at := max(tsNs+e.day.Model.Latency.Report.draw(e.day.Seed, "report", execID), e.st.lastReportNs)
	return min(at, e.day.CloseNs) // the clock goes no further
}
