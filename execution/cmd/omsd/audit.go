package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/ship"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/metrics"
)

// auditWait is how long stopping waits for the table to get what is left; the rest is shipped after the next start.
const auditWait = 5 * time.Second

// trail ships omsd's journal to the audit table. A trail without a server's name ships nothing and never is behind.
type trail struct {
	shipper atomic.Pointer[ship.Shipper]
	cancel  context.CancelFunc
	done    chan struct{}
	backlog uint64
}

// behind says whether the table is too far behind, or will never get anything again.
func (t *trail) behind() bool {
	s := t.shipper.Load()
	return s != nil && s.Status().Behind(t.backlog)
}

// Audit is where it stands, for metrics and readiness; false while nothing is shipped. From any goroutine.
func (t *trail) Audit() (metrics.Audit, bool) {
	s := t.shipper.Load()
	if s == nil {
		return metrics.Audit{}, false
	}
	st := s.Status()
	return metrics.Audit{
		Behind: st.Lag, Most: t.backlog, Connected: st.Connected, Ended: st.Ended, Full: st.Behind(t.backlog), Why: st.LastError,
	}, true
}

// start begins to ship in the background. The core must be running: it knows how far the table was known to be.
func (t *trail) start(ctx context.Context, opts options, oms *core.Core, log *slog.Logger) error {
	if opts.audit == "" {
		return nil
	}
	dsn, err := audit.ReadDSN(opts.audit)
	if err != nil {
		return fmt.Errorf("--audit: %w", err)
	}
	anchored, err := oms.Anchored(ctx)
	if err != nil {
		return err
	}
	var head audit.Head
	writer := "omsd-" + opts.region
	if anchored != nil && anchored.Writer == writer {
		head = audit.Head{Seq: anchored.Seq, Hash: anchored.Hash}
	}
	run, cancel := context.WithCancel(context.Background())
	t.cancel, t.done = cancel, make(chan struct{})
	shipper, err := ship.New(ship.Config{
		Writer: writer, Source: source.NewOMS(filepath.Join(opts.dir, "journal")), DSN: dsn, Anchored: head, Drain: auditWait, Log: log,
		OnAnchor: func(h audit.Head) error {
			return oms.Anchor(context.WithoutCancel(run), audit.Anchor{Writer: writer, Seq: h.Seq, Hash: h.Hash})
		},
	})
	if err != nil {
		cancel()
		return err
	}
	t.shipper.Store(shipper)
	go func() {
		defer close(t.done)
		// What it says is in its status and the log: trading goes on from the journal, and stops opening when behind says so.
		_ = shipper.Run(run)
	}()
	return nil
}

// stop ends it while the core can still journal the last anchor.
func (t *trail) stop() {
	if t.shipper.Load() == nil {
		return
	}
	t.cancel()
	<-t.done
}
