package sim

// Advance applies everything that happens up to and including nowNs. Before Start nothing happens.
func (e *Engine) Advance(nowNs int64) ([]Record, error) {
	e.enter()
	err := e.advance(nowNs)
	return e.take(), err
}

// advance lets what is on its way act at its moment, after everything else that happens up to it.
func (e *Engine) advance(nowNs int64) error {
	for e.running() {
		due, some := e.st.nextDue()
		if !some || due > nowNs {
			break
		}
		if err := e.advanceMarket(due); err != nil {
			return err
		}
		if again, some := e.st.nextDue(); !some || again > due || !e.running() {
			continue // the session has closed
		}
		if err := e.act(); err != nil {
			return err
		}
	}
	return e.advanceMarket(nowNs)
}

// advanceMarket takes events, checkpoints, halts and phase changes in the order of time, at the same moment in this order, so
// that a closing print still fills; except that the end of a break or a halt comes before the events it lets through.
func (e *Engine) advanceMarket(nowNs int64) error {
	for e.running() {
		edge := e.edges[e.st.edges]
		boundary, lets := edge.tsNs, edge.phase == Open
		halt, halts := e.nextHalt()
		if halts = halts && halt.tsNs <= boundary; halts {
			lets = !halt.start || lets && halt.tsNs == boundary
			boundary = halt.tsNs
		}
		eventsUntil := boundary
		if lets {
			eventsUntil--
		}
		mark := e.nextMarkNs
		if mark < boundary {
			eventsUntil = mark
		}
		until := min(nowNs, eventsUntil)
		if ev := e.upcoming(); ev != nil && ev.TsNs <= until {
			if err := e.applyEvents(until); err != nil {
				return err
			}
			continue
		}
		var err error
		switch {
		case mark < boundary && mark <= nowNs:
			e.nowNs = max(e.nowNs, mark)
			err = e.sessionRecord(e.st.phase, TextCheckpoint)
		case boundary <= nowNs && halts:
			e.nowNs = max(e.nowNs, boundary)
			err = e.passHalt(halt)
		case boundary <= nowNs:
			e.nowNs = max(e.nowNs, boundary)
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

// applyEvents applies the events up to a moment, and stops after the first that is recorded: then the next checkpoint moves.
func (e *Engine) applyEvents(untilNs int64) error {
	for n := e.st.n; e.st.n == n; {
		ev := e.upcoming()
		if ev == nil || ev.TsNs > untilNs {
			break
		}
		e.nowNs = max(e.nowNs, ev.TsNs)
		b := e.showNext(ev)
		if !b.desk.idle() {
			if err := e.match(b.desk.id); err != nil {
				return err
			}
		}
		if e.next-e.lastCp >= checkpointEvents {
			return e.sessionRecord(e.st.phase, TextCheckpoint)
		}
	}
	return nil
}

// upcoming is the next event, nil when there is none.
func (e *Engine) upcoming() *Event {
	if at := e.next - e.base; at < len(e.day.Events) {
		return &e.day.Events[at]
	}
	if e.day.More == nil {
		return nil
	}
	e.base, e.day.Events = e.next, e.day.More()
	if len(e.day.Events) == 0 {
		e.day.More = nil
		return nil
	}
	return &e.day.Events[0]
}

// nextCheckpoint is the first multiple of checkpointNs after the last record.
func (e *Engine) nextCheckpoint() int64 {
	passed := max(e.st.tsNs-e.day.OpenNs, 0)
	return e.day.OpenNs + (passed/checkpointNs+1)*checkpointNs
}

// NextNs is the moment of the next thing that happens by itself; false when nothing is left.
func (e *Engine) NextNs() (int64, bool) {
	if !e.running() {
		return 0, false
	}
	at := e.edges[e.st.edges].tsNs
	if ev := e.upcoming(); ev != nil {
		at = min(at, ev.TsNs)
	}
	if halt, some := e.nextHalt(); some {
		at = min(at, halt.tsNs)
	}
	if due, some := e.st.nextDue(); some {
		at = min(at, due)
	}
	return at, true
}
