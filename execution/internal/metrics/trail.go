package metrics

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// WatchAudit adds to the scrapes how far the audit table is behind the journal: in records, and whether that is too far to
// open anything. It is called once, and only where there is a table; state may be called from any goroutine.
func (m *Metrics) WatchAudit(state func() (lag uint64, behind bool)) error {
	lag, err := m.meter.Int64ObservableGauge(nameAuditLag, metric.WithDescription(help(nameAuditLag)))
	if err != nil {
		return fmt.Errorf("make %s: %w", nameAuditLag, err)
	}
	behind, err := m.meter.Int64ObservableGauge(nameAuditBehind, metric.WithDescription(help(nameAuditBehind)))
	if err != nil {
		return fmt.Errorf("make %s: %w", nameAuditBehind, err)
	}
	_, err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		records, is := state()
		o.ObserveInt64(lag, int64(records))
		o.ObserveInt64(behind, one(is))
		return nil
	}, lag, behind)
	if err != nil {
		return fmt.Errorf("register the audit trail's callback: %w", err)
	}
	return nil
}
