package metrics

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// tally is a counter whose series are counted here and read at a scrape. An order moves a dozen of them, and each Add of
// OpenTelemetry's own looks its series up anew.
//
// Threading: the loop's goroutine counts; a scrape may come from any.
type tally struct {
	mu     sync.Mutex
	known  map[attribute.Distinct]*series
	series []*series
}

// series is one of a tally.
type series struct {
	n   atomic.Int64
	set metric.ObserveOption
}

func (s *series) inc() { s.n.Add(1) }

// newTally makes a counter that a scrape reads.
func newTally(meter metric.Meter, name string) (*tally, error) {
	t := &tally{known: map[attribute.Distinct]*series{}}
	_, err := meter.Int64ObservableCounter(name, metric.WithDescription(help(name)), metric.WithInt64Callback(t.observe))
	return t, err
}

// of is the series of a set of attributes, the same one for the same set.
func (t *tally) of(attrs ...attribute.KeyValue) *series {
	set := attribute.NewSet(attrs...)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.known[set.Equivalent()]
	if s == nil {
		s = &series{set: metric.WithAttributeSet(set)}
		t.known[set.Equivalent()] = s
		t.series = append(t.series, s)
	}
	return s
}

func (t *tally) observe(_ context.Context, o metric.Int64Observer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.series {
		o.Observe(s.n.Load(), s.set)
	}
	return nil
}
