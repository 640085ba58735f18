package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/risklink"
)

// Loop is what a scrape asks of the core.
type Loop interface {
	Overview(ctx context.Context) (core.Overview, error)
	Ping(ctx context.Context) error
	Metrics() *core.Metrics
}

// Log is what a scrape asks of the log; jsonlog.Async is one.
type Log interface {
	Dropped() (below, from uint64)
	Failed() uint64
}

// Audit is where the audit trail of omsd's own journal stands.
type Audit struct {
	Behind    uint64 // records that are not in the table yet
	Most      uint64 // how many of them there may be before nothing is opened
	Connected bool   // to the table's database
	Ended     bool   // for good: nothing is shipped any more
	Full      bool   // nothing is opened: too far behind, or ended
	Why       string // it is not connected, or ended; empty = nothing is wrong
}

// Trail is what a scrape asks of the audit trail; false = there is none.
type Trail interface {
	Audit() (Audit, bool)
}

// scrapeWait is how long a scrape waits for the loop.
const scrapeWait = time.Second

// watch reads at each scrape what others count and know.
type watch struct {
	loop  Loop
	link  *risklink.Stats
	log   Log
	trail Trail
	ints  map[string]metric.Int64Observable
	money map[string]metric.Float64Observable
}

// Watch adds what the loop, the link, the log and the audit trail know to the scrapes. It is called once.
func (m *Metrics) Watch(loop Loop, link *risklink.Stats, log Log, trail Trail) error {
	w := &watch{loop: loop, link: link, log: log, trail: trail, ints: map[string]metric.Int64Observable{}, money: map[string]metric.Float64Observable{}}
	var faults []error
	var all []metric.Observable
	for _, name := range []string{
		nameRefused, nameDuplicates, nameIllegal, nameForeign, nameResends, nameResyncs, nameCorrections, nameHeartbeats,
		nameCommits, nameConnects, nameFailures, nameFrames, nameBadFrames, nameQueueFull, nameDropped, nameLogFailures,
	} {
		c, err := m.meter.Int64ObservableCounter(name, metric.WithDescription(help(name)))
		faults = append(faults, err)
		w.ints[name], all = c, append(all, c)
	}
	for _, name := range []string{
		nameResponsive, nameReady, nameOpen, nameUnknown, nameWorked, nameDifferences, namePositions, nameDrawdown, nameBatchHigh, nameQueueHigh,
		nameAuditRows, nameAuditLink, nameAuditBehind,
	} {
		g, err := m.meter.Int64ObservableGauge(name, metric.WithDescription(help(name)))
		faults = append(faults, err)
		w.ints[name], all = g, append(all, g)
	}
	for _, name := range []string{nameExposure, nameEquity, nameCash, namePnL, nameLag} {
		g, err := m.meter.Float64ObservableGauge(name, metric.WithDescription(help(name)))
		faults = append(faults, err)
		w.money[name], all = g, append(all, g)
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("make the instruments: %w", err)
	}
	if _, err := m.meter.RegisterCallback(w.observe, all...); err != nil {
		return fmt.Errorf("register the scrape's callback: %w", err)
	}
	return nil
}

func label(key, value string) metric.ObserveOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
}

func (w *watch) observe(ctx context.Context, o metric.Observer) error {
	w.counters(o)
	ctx, cancel := context.WithTimeout(ctx, scrapeWait)
	defer cancel()
	v, err := w.loop.Overview(ctx)
	if err != nil {
		// The scrape goes on: that the loop does not answer is the news.
		o.ObserveInt64(w.ints[nameResponsive], 0)
		o.ObserveInt64(w.ints[nameReady], 0)
		return nil
	}
	o.ObserveInt64(w.ints[nameResponsive], 1)
	o.ObserveInt64(w.ints[nameReady], one(len(notReady(v, w.trail)) == 0))
	w.gauges(o, v)
	return nil
}

func (w *watch) counters(o metric.Observer) {
	c, below, from := w.loop.Metrics(), uint64(0), uint64(0)
	for name, n := range map[string]*atomic.Uint64{
		nameRefused: &c.RefusedRequests, nameDuplicates: &c.Duplicates, nameIllegal: &c.Illegal, nameForeign: &c.Foreign,
		nameResends: &c.Resends, nameResyncs: &c.Syncs, nameCorrections: &c.Corrections, nameHeartbeats: &c.Beats, nameCommits: &c.Commits,
		nameConnects: &w.link.Connects, nameFailures: &w.link.Failures, nameBadFrames: &w.link.BadFrames, nameQueueFull: &w.link.QueueFull,
	} {
		o.ObserveInt64(w.ints[name], int64(n.Load()))
	}
	o.ObserveInt64(w.ints[nameFrames], int64(w.link.FramesIn.Load()), label("direction", "in"))
	o.ObserveInt64(w.ints[nameFrames], int64(w.link.FramesOut.Load()), label("direction", "out"))
	below, from = w.log.Dropped()
	o.ObserveInt64(w.ints[nameDropped], int64(below), label("level", "below_warn"))
	o.ObserveInt64(w.ints[nameDropped], int64(from), label("level", "warn_and_above"))
	o.ObserveInt64(w.ints[nameLogFailures], int64(w.log.Failed()))
	o.ObserveInt64(w.ints[nameBatchHigh], c.LoopHigh.Load())
	o.ObserveInt64(w.ints[nameQueueHigh], w.link.QueueHigh.Load())
	if a, there := w.trail.Audit(); there {
		o.ObserveInt64(w.ints[nameAuditRows], int64(a.Behind))
		o.ObserveInt64(w.ints[nameAuditLink], one(a.Connected))
		o.ObserveInt64(w.ints[nameAuditBehind], one(a.Full))
	}
}

func (w *watch) gauges(o metric.Observer, v core.Overview) {
	for state, n := range v.Open {
		o.ObserveInt64(w.ints[nameOpen], int64(n), label("state", state.String()))
	}
	o.ObserveInt64(w.ints[nameUnknown], int64(v.Unknown()))
	o.ObserveInt64(w.ints[nameWorked], int64(v.Worked))
	o.ObserveInt64(w.ints[nameDifferences], int64(v.Differences))
	o.ObserveFloat64(w.money[nameLag], v.Lag.Seconds())
	if !v.AccountKnown {
		return // a number that nobody told is not 0
	}
	o.ObserveInt64(w.ints[namePositions], int64(v.Positions))
	o.ObserveInt64(w.ints[nameDrawdown], v.DrawdownBp)
	for kind, value := range map[string]float64{"long": v.Long, "short": v.Short, "gross": v.Long + v.Short, "net": v.Long - v.Short} {
		o.ObserveFloat64(w.money[nameExposure], value, label("kind", kind))
	}
	o.ObserveFloat64(w.money[nameEquity], currency(v.Equity))
	o.ObserveFloat64(w.money[nameCash], currency(v.Cash))
	o.ObserveFloat64(w.money[namePnL], currency(v.Equity-v.Baseline))
}

// currency makes currency units of millionths.
func currency(micro int64) float64 { return float64(micro) / 1e6 }

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
