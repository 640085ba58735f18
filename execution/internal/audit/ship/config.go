package ship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/store"
	"dnalyaw/execution/internal/audit/verify"
)

// ErrTampered is wrapped when the table is not what the journal made of it. The shipper ends: it would cover traces up.
var ErrTampered = errors.New("the audit table was changed")

// Table is the shipper's connection; a [store.Store] is one.
type Table interface {
	verify.Table
	Append(ctx context.Context, writer string, rows []audit.Row) error
	Close() error
}

// Config is what a shipper needs. Writer, Source and one of DSN and Connect must be set.
type Config struct {
	Writer  string
	Source  audit.Source // the shipper's own; it closes it
	DSN     string
	Connect func(context.Context) (Table, error)

	// Anchored is the newest anchor of the writer's rows that the owner knows of. Rows are made again from there on, and a
	// table that ends before it was cut off.
	Anchored audit.Head
	// OnAnchor gets the head of the rows that the server has on its disk, after every AnchorEvery of them (10,000) and at
	// an orderly end, to be journaled. It is called by the shipper's goroutine and may take its time.
	OnAnchor    func(audit.Head) error
	AnchorEvery uint64

	Batch int           // rows of one transaction at most, 5,000
	Poll  time.Duration // between two looks at the journal, 20 ms
	Drain time.Duration // for what is left at an orderly end, 5 s
	// Timeout is for one request of the server, 30 s: one that hangs is away.
	Timeout time.Duration
	// MinBackoff and MaxBackoff are between two tries to connect, 50 ms and 5 s.
	MinBackoff, MaxBackoff time.Duration
	Log                    *slog.Logger
}

func (c *Config) defaults() error {
	var faults []error
	if err := audit.CheckWriter(c.Writer); err != nil {
		faults = append(faults, err)
	}
	if c.Source == nil {
		faults = append(faults, errors.New("no source"))
	}
	if c.Connect == nil {
		if c.DSN == "" {
			faults = append(faults, errors.New("no DSN"))
		}
		dsn := c.DSN
		c.Connect = func(ctx context.Context) (Table, error) { return store.ConnectWriter(ctx, dsn) }
	}
	if c.OnAnchor == nil {
		c.OnAnchor = func(audit.Head) error { return nil }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.AnchorEvery, c.Batch, c.Poll = or(c.AnchorEvery, 10_000), or(c.Batch, 5000), or(c.Poll, 20*time.Millisecond)
	c.Drain, c.Timeout = or(c.Drain, 5*time.Second), or(c.Timeout, 30*time.Second)
	c.MinBackoff, c.MaxBackoff = or(c.MinBackoff, 50*time.Millisecond), or(c.MaxBackoff, 5*time.Second)
	if len(faults) > 0 {
		return fmt.Errorf("configure the shipper: %w", errors.Join(faults...))
	}
	return nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
