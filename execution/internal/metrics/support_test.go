package metrics_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/reference"
)

// wall is a clock that a test moves.
type wall struct{ at time.Time }

func (w *wall) now() time.Time { return w.at }

// loop is what a scrape asks, in a state that a test sets.
type loop struct {
	view  core.Overview
	stuck bool
	core  core.Metrics
	audit *metrics.Audit // nil = there is no audit trail
}

func (l *loop) Audit() (metrics.Audit, bool) {
	if l.audit == nil {
		return metrics.Audit{}, false
	}
	return *l.audit, true
}

func (l *loop) Overview(ctx context.Context) (core.Overview, error) {
	return l.view, l.Ping(ctx)
}

func (l *loop) Ping(ctx context.Context) error {
	if !l.stuck {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (l *loop) Metrics() *core.Metrics { return &l.core }

type log struct{}

func (log) Dropped() (uint64, uint64) { return 3, 4 }
func (log) Failed() uint64            { return 5 }

func newMetrics(t *testing.T) (*metrics.Metrics, *wall) {
	t.Helper()
	w := &wall{time.Unix(1704465000, 0)}
	m, err := metrics.New("US", w.now)
	if err != nil {
		t.Fatal(err)
	}
	return m, w
}

// program is what a test puts in omsd's place.
type program interface {
	metrics.Loop
	metrics.Trail
}

func get(t *testing.T, m *metrics.Metrics, l program, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler(l, l).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec.Code, rec.Body.String()
}

func scrape(t *testing.T, m *metrics.Metrics, l program) map[string]*dto.MetricFamily {
	t.Helper()
	code, body := get(t, m, l, "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil || code != 200 {
		t.Fatalf("status %d, %v\n%s", code, err, body)
	}
	return families
}

// find is the one series of a family that has all of the labels.
func find(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) *dto.Metric {
	t.Helper()
	var found []*dto.Metric
	for _, one := range families[name].GetMetric() {
		has := map[string]string{}
		for _, l := range one.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		ok := has["region"] == "US"
		for i := 0; i < len(labels); i += 2 {
			ok = ok && has[labels[i]] == labels[i+1]
		}
		if ok {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s%v has %d series: %v", name, labels, len(found), families[name])
	}
	return found[0]
}

func counter(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	return find(t, families, name, labels...).GetCounter().GetValue()
}

func gauge(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	return find(t, families, name, labels...).GetGauge().GetValue()
}

func theReference(n int) *reference.Reference {
	ref := &reference.Reference{Region: "US", Instruments: map[int64]reference.Instrument{}}
	for i := int64(1); i <= int64(n); i++ {
		ref.Instruments[i] = reference.Instrument{InstrumentID: i, Symbol: fmt.Sprintf("N%d", i), Venue: "NASDAQ"}
	}
	return ref
}

func anOrder(id uint64, instrument int64) *order.Order {
	return order.NewOrder(order.Spec{ID: id, InstrumentID: instrument, Side: order.Buy, Qty: 100, LimitPx: 100_000_000})
}

func report(kind uint8, exec uint64, qty int64) *order.Report {
	return &order.Report{ExecID: exec, Type: kind, LastQty: qty, LastPx: 50_000_000, Fee: 1_250_000}
}
