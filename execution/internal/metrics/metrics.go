package metrics

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
)

// Metrics are omsd's instruments. It is a core.Observer.
//
// Threading: the methods of core.Observer belong to the loop's goroutine; a scrape may come from any.
type Metrics struct {
	registry *prometheus.Registry
	provider *sdkmetric.MeterProvider
	meter    metric.Meter
	now      func() time.Time
	start    time.Time

	hop                      metric.Float64Histogram
	commit, syncLag, turn    metric.Float64Histogram
	orders, decisions, execs *tally
	faults                   metric.Int64Counter
	traded, fees             metric.Float64Counter
	hopSets                  [numHops][]metric.RecordOption
	sideSets                 [2][]metric.AddOption
	instruments              map[int64]*instrument
	symbols                  int // instruments with a symbol of their own
	decisionSets             map[decisionKey]*series
	execSets                 map[execKey]*series
	faultSets                map[string][]metric.AddOption
	marks                    map[uint64]marks
	unsynced                 ring
}

// New makes the instruments of a region's omsd. now is the wall clock; nil = time.Now.
func New(region string, now func() time.Time) (*Metrics, error) {
	if now == nil {
		now = time.Now
	}
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(
		otelprometheus.WithRegisterer(prometheus.WrapRegistererWith(prometheus.Labels{"region": region}, registry)),
		// The names are Prometheus's own already.
		otelprometheus.WithTranslationStrategy(otlptranslator.NoTranslation),
		otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("make the Prometheus exporter: %w", err)
	}
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register the process's metrics: %w", err)
		}
	}
	m := &Metrics{
		registry: registry, now: now, start: now().Add(-time.Second),
		instruments: map[int64]*instrument{}, decisionSets: map[decisionKey]*series{},
		execSets: map[execKey]*series{}, faultSets: map[string][]metric.AddOption{}, marks: map[uint64]marks{},
		provider: sdkmetric.NewMeterProvider(
			sdkmetric.WithReader(exporter),
			sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter),
			// The sets are bounded here, by what makes them: see Reference and the closed lists of names.
			sdkmetric.WithCardinalityLimit(0),
		),
	}
	m.meter = m.provider.Meter("omsd")
	if err := m.makeInstruments(); err != nil {
		return nil, fmt.Errorf("make the instruments: %w", err)
	}
	return m, nil
}

func help(name string) string {
	for _, d := range catalog {
		if d.Name == name {
			return d.Help
		}
	}
	panic("metrics: " + name + " is not in the catalog") // a mistake in this package
}

func (m *Metrics) makeInstruments() error {
	var faults []error
	histogram := func(name string) metric.Float64Histogram {
		h, err := m.meter.Float64Histogram(name, metric.WithDescription(help(name)), metric.WithExplicitBucketBoundaries(Buckets()...))
		faults = append(faults, err)
		return h
	}
	counter := func(name string) metric.Int64Counter {
		c, err := m.meter.Int64Counter(name, metric.WithDescription(help(name)))
		faults = append(faults, err)
		return c
	}
	money := func(name string) metric.Float64Counter {
		c, err := m.meter.Float64Counter(name, metric.WithDescription(help(name)))
		faults = append(faults, err)
		return c
	}
	m.hop, m.commit, m.syncLag, m.turn = histogram(nameHop), histogram(nameCommit), histogram(nameSyncLag), histogram(nameTurn)
	tallied := func(name string) *tally {
		t, err := newTally(m.meter, name)
		faults = append(faults, err)
		return t
	}
	m.orders, m.decisions, m.execs, m.faults = tallied(nameOrders), tallied(nameDecisions), tallied(nameExecutions), counter(nameFaults)
	m.traded, m.fees = money(nameTraded), money(nameFees)
	for i, name := range hopNames {
		m.hopSets[i] = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("hop", name)))}
	}
	for i, name := range []string{"BUY", "SELL"} {
		m.sideSets[i] = addTo(attribute.String("side", name))
	}
	return errors.Join(faults...)
}

// addTo is the option of a set of attributes, made once.
func addTo(attrs ...attribute.KeyValue) []metric.AddOption {
	return []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
}
