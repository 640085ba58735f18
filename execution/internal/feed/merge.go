package feed

import (
	"context"
	"errors"
)

// Merge joins feeds that are each in the order of time into one: by event time, then by the feed's place in the list.
// Within one feed the order stays as it is, also where its times run back: that is for the gate to see.
type Merge struct {
	feeds []Feed
	heads []Quote
	heap  []int // indices of feeds with a head, the next one first
	key   []int64
	begun bool
	err   error
}

// NewMerge returns the joined feed. It owns the feeds: Connect, Subscribe and Close reach them all.
func NewMerge(feeds ...Feed) *Merge {
	return &Merge{feeds: feeds, heads: make([]Quote, len(feeds)), key: make([]int64, len(feeds))}
}

// Connect connects every feed; on a failure those already open are closed.
func (m *Merge) Connect(ctx context.Context) error {
	m.begun, m.err, m.heap = false, nil, m.heap[:0]
	for i, f := range m.feeds {
		if err := f.Connect(ctx); err != nil {
			for _, open := range m.feeds[:i] {
				err = errors.Join(err, open.Close())
			}
			return err
		}
	}
	return nil
}

// Subscribe hands the choice to every feed.
func (m *Merge) Subscribe(ids ...int64) error {
	for _, f := range m.feeds {
		if err := f.Subscribe(ids...); err != nil {
			return err
		}
	}
	return nil
}

// Next gives the earliest head. A feed that fails ends the whole: what follows would be incomplete unseen.
func (m *Merge) Next(q *Quote) bool {
	if m.err != nil {
		return false
	}
	if !m.begun {
		m.begun = true
		for i := range m.feeds {
			m.key[i] = -1 << 63
			if m.refill(i) {
				m.heap = append(m.heap, i)
			}
			if m.err != nil {
				return false
			}
		}
		for at := len(m.heap)/2 - 1; at >= 0; at-- {
			m.down(at)
		}
	}
	if len(m.heap) == 0 {
		return false
	}
	i := m.heap[0]
	*q = m.heads[i]
	if !m.refill(i) {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.down(0)
	return true
}

// refill takes the feed's next quote. Its key never runs back, so that a time from the past does not overtake others.
func (m *Merge) refill(i int) bool {
	if !m.feeds[i].Next(&m.heads[i]) {
		m.err = m.feeds[i].Err()
		return false
	}
	m.key[i] = max(m.key[i], m.heads[i].TsNs)
	return true
}

func (m *Merge) less(a, b int) bool {
	return m.key[a] < m.key[b] || m.key[a] == m.key[b] && a < b
}

func (m *Merge) down(at int) {
	for {
		child := 2*at + 1
		if child >= len(m.heap) {
			return
		}
		if right := child + 1; right < len(m.heap) && m.less(m.heap[right], m.heap[child]) {
			child = right
		}
		if !m.less(m.heap[child], m.heap[at]) {
			return
		}
		m.heap[at], m.heap[child] = m.heap[child], m.heap[at]
		at = child
	}
}

// Err is the failure of the feed that ended the whole.
func (m *Merge) Err() error { return m.err }

// Symbol asks the feeds in turn.
func (m *Merge) Symbol(id int64) string {
	for _, f := range m.feeds {
		if s := f.Symbol(id); s != "" {
			return s
		}
	}
	return ""
}

// Close closes every feed.
func (m *Merge) Close() error {
	var all []error
	for _, f := range m.feeds {
		all = append(all, f.Close())
	}
	return errors.Join(all...)
}
