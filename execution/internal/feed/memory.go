package feed

import "context"

// Memory is a feed of quotes that are already there, for replays and tests. It never changes them.
type Memory struct {
	quotes []Quote
	names  map[int64]string
	want   choice
	at     int
	open   bool
	err    error
}

// NewMemory returns a feed of the quotes, in their order. names may be nil.
func NewMemory(quotes []Quote, names map[int64]string) *Memory {
	return &Memory{quotes: quotes, names: names}
}

// Connect starts at the first quote.
func (m *Memory) Connect(context.Context) error {
	m.at, m.open, m.err = 0, true, nil
	return nil
}

// Subscribe chooses the instruments.
func (m *Memory) Subscribe(ids ...int64) (err error) {
	if !m.open {
		return ErrNotConnected
	}
	m.want, err = chosen(ids)
	return err
}

// Next gives the next quote of a chosen instrument.
func (m *Memory) Next(q *Quote) bool {
	if !m.open {
		m.err = ErrNotConnected
		return false
	}
	for m.at < len(m.quotes) {
		next := &m.quotes[m.at]
		m.at++
		if m.want.has(next.InstrumentID) {
			*q = *next
			return true
		}
	}
	return false
}

// Err is ErrNotConnected where Next came before Connect.
func (m *Memory) Err() error { return m.err }

// Symbol is the instrument's name.
func (m *Memory) Symbol(id int64) string { return m.names[id] }

// Close ends the feed.
func (m *Memory) Close() error {
	m.open = false
	return nil
}

// ReadAll reads a connected feed to its end. For tests and small files: everything is held in memory.
func ReadAll(f Feed) ([]Quote, error) {
	var all []Quote
	var q Quote
	for f.Next(&q) {
		all = append(all, q)
	}
	return all, f.Err()
}
