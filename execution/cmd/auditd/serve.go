package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/ship"
	"dnalyaw/execution/internal/jsonlog"
)

// errLocked says that another process ships this journal.
var errLocked = errors.New("another auditd runs")

const (
	drain      = 5 * time.Second
	drainOnce  = 10 * time.Minute
	statusTick = time.Second
)

func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	unlock, err := lock(o.status + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	log := jsonlog.New(stderr, "auditd", slog.LevelInfo).With("writer", o.writer)
	if o.anchors == "" {
		o.anchors = filepath.Join(filepath.Dir(o.status), o.writer+".anchors")
	}
	anchors, last, err := openAnchors(o.anchors, o.writer)
	if err != nil {
		return err
	}
	defer anchors.close()
	if o.kind == "omsd" {
		// omsd may have anchors of its own.
		if last, err = newest(ctx, o, last); err != nil {
			return err
		}
	}
	cfg := ship.Config{
		Writer: o.writer, Source: o.follower(), DSN: o.dsn, Anchored: last, OnAnchor: anchors.put, Drain: drain, Log: log,
	}
	if o.once {
		cfg.Drain = drainOnce
		done, cancel := context.WithCancel(ctx)
		cancel()
		ctx = done
	}
	shipper, err := ship.New(cfg)
	if err != nil {
		return err
	}
	if err := ready(stdout, o); err != nil {
		return err
	}
	err = keepStatus(o.status, shipper, func() error { return shipper.Run(ctx) })
	if st := shipper.Status(); err == nil && o.once && st.Lag > 0 {
		err = fmt.Errorf("%d records are not in the table: %s", st.Lag, st.LastError)
	}
	return err
}

// keepStatus writes the status file while do runs, and once more after it.
func keepStatus(path string, s *ship.Shipper, do func() error) error {
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(statusTick)
		defer tick.Stop()
		for {
			if err := ship.WriteStatus(path, s.Status(), time.Now()); err != nil {
				stopped <- err
				return
			}
			select {
			case <-tick.C:
			case <-stop:
				stopped <- ship.WriteStatus(path, s.Status(), time.Now())
				return
			}
		}
	}()
	err := do()
	close(stop)
	return errors.Join(err, <-stopped)
}

// newest is the higher of an anchor and the last one in the journal itself.
func newest(ctx context.Context, o options, last audit.Head) (audit.Head, error) {
	own, err := journalAnchors(ctx, o.follower(), o.writer)
	if err != nil {
		return last, err
	}
	for _, a := range own {
		if a.Seq > last.Seq {
			last = audit.Head{Seq: a.Seq, Hash: a.Hash}
		}
	}
	return last, nil
}

func lock(path string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of --status: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w with the lock %s; stop it first (%w)", errLocked, path, err), f.Close())
	}
	return func() {
		// The kernel drops the lock with the descriptor, whether or not closing reports an error.
		_ = f.Close()
	}, nil
}

func ready(w io.Writer, o options) error {
	b, err := json.Marshal(map[string]any{
		"component": "auditd", "pid": os.Getpid(), "writer": o.writer, "journal": o.journal, "kind": o.kind, "status": o.status,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "READY %s\n", b)
	return err
}
