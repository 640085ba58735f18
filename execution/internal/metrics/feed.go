package metrics

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// Feed is what a scrape asks of the market data beside riskd. Its methods may be called from any goroutine.
type Feed interface {
	// State says whether the line stands, and how many messages passed the gates.
	State() (up bool, passed uint64)
	// Refused counts by reason.
	Refused() map[string]uint64
}

// WatchFeed adds what a feed counts to the scrapes. It is called once, and only where there is a feed.
func (m *Metrics) WatchFeed(f Feed) error {
	passed, err := m.meter.Int64ObservableCounter(nameQuotes, metric.WithDescription(help(nameQuotes)))
	if err != nil {
		return fmt.Errorf("make %s: %w", nameQuotes, err)
	}
	refused, err := m.meter.Int64ObservableCounter(nameQuotesRefused, metric.WithDescription(help(nameQuotesRefused)))
	if err != nil {
		return fmt.Errorf("make %s: %w", nameQuotesRefused, err)
	}
	up, err := m.meter.Int64ObservableGauge(nameFeedUp, metric.WithDescription(help(nameFeedUp)))
	if err != nil {
		return fmt.Errorf("make %s: %w", nameFeedUp, err)
	}
	_, err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		stands, n := f.State()
		o.ObserveInt64(up, one(stands))
		o.ObserveInt64(passed, int64(n))
		for reason, count := range f.Refused() {
			o.ObserveInt64(refused, int64(count), label("reason", reason))
		}
		return nil
	}, passed, refused, up)
	if err != nil {
		return fmt.Errorf("register the feed's callback: %w", err)
	}
	return nil
}
