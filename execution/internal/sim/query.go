package sim

// Phase is the session's state.
func (e *Engine) Phase() Phase { return e.st.phase }

// NowNs is the moment the engine stands at.
func (e *Engine) NowNs() int64 { return e.nowNs }

// Day is the session's input.
func (e *Engine) Day() MarketDay { return e.day }

// Counts are the orders and the fills of this session.
func (e *Engine) Counts() (orders, fills int) { return e.st.taken, e.st.fills }

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
		q := b.shown(e.day.OpenNs)
		if px := q.Mark(); px > 0 {
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
	return o.public(), true
}

// Terms are what one of this session's orders asks for now, and what has become of it.
func (e *Engine) Terms(clOrdID string) (NewOrder, Status, bool) {
	o, ok := e.st.orders[clOrdID]
	if !ok {
		return NewOrder{}, 0, false
	}
	return o.NewOrder, o.Status, true
}

// Orders lists this session's orders as they arrived.
func (e *Engine) Orders() []Order {
	out := make([]Order, 0, len(e.st.arrival)-e.st.holes)
	for _, o := range e.st.arrival {
		if o != nil {
			out = append(out, o.public())
		}
	}
	return out
}

// Halted says whether an instrument is halted.
func (e *Engine) Halted(instrument int64) bool {
	b := e.books[instrument]
	return b != nil && b.desk.halted()
}

// Quotes lists every instrument's quote, by instrument. Before an instrument's first event it is the opening
// indication: that event's prices at the moment of the open.
func (e *Engine) Quotes() []Quote {
	out := make([]Quote, len(e.ids))
	for i, id := range e.ids {
		out[i] = e.books[id].shown(e.day.OpenNs)
	}
	return out
}

// TakeChanged lists the quotes that changed since the last call, by instrument.
func (e *Engine) TakeChanged() []Quote { return e.AppendChanged(nil) }

// Events is how many of the session's events have passed.
func (e *Engine) Events() int { return e.next }

// Idle says that the account has neither a position nor a working order in an instrument, and that nothing is under way.
func (e *Engine) Idle(instrument int64) bool {
	if _, some := e.st.nextDue(); some {
		return false
	}
	b := e.book(instrument)
	return b == nil || b.desk.position == nil && b.desk.idle()
}

// AppendChanged is TakeChanged into memory of the caller's.
func (e *Engine) AppendChanged(dst []Quote) []Quote {
	for _, b := range e.takeChanged() {
		dst = append(dst, b.shown(e.day.OpenNs))
	}
	return dst
}
