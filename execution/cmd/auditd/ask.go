package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/audit/store"
	"dnalyaw/execution/internal/audit/verify"
)

// errTampered is wrapped by what verify found.
var errTampered = errors.New("the audit trail is not as it was written")

func say(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

func migrate(ctx context.Context, o options, stdout io.Writer) error {
	m, err := store.Migrate(ctx, o.dsn)
	if err != nil {
		return err
	}
	return say(stdout, m)
}

// check is verify: the result as JSON on stdout, and an error that names the first bad row.
func check(ctx context.Context, o options, stdout io.Writer) (err error) {
	s, err := store.Connect(ctx, o.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	v := verify.Options{Writer: o.writer}
	if o.journal != "" {
		if _, err := os.Stat(o.journal); err != nil {
			return fmt.Errorf("read --journal: %w", err)
		}
		f := o.follower()
		f.EveryRecord()
		defer func() { err = errors.Join(err, f.Close()) }()
		v.Journal = f
	}
	if o.anchors != "" {
		if v.Anchors, err = journalAnchors(ctx, source.NewOMS(o.anchors), o.writer); err != nil {
			return err
		}
	}
	if err := s.Snapshot(ctx); err != nil {
		return err
	}
	res, err := verify.Run(ctx, s, v)
	if err != nil {
		return err
	}
	if err := say(stdout, res); err != nil {
		return err
	}
	if res.Bad != nil {
		return fmt.Errorf("%w: %w", errTampered, *res.Bad)
	}
	return nil
}

func status(ctx context.Context, o options, stdout io.Writer) error {
	return reading(ctx, o, func(s *store.Store) error {
		writers, err := s.Writers(ctx)
		if err != nil {
			return err
		}
		return say(stdout, map[string]any{"writers": writers})
	})
}

func tail(ctx context.Context, o options, stdout io.Writer) error {
	return reading(ctx, o, func(s *store.Store) error {
		lines, err := s.Tail(ctx, o.writer, o.count)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := say(stdout, l); err != nil {
				return err
			}
		}
		return nil
	})
}

func reading(ctx context.Context, o options, do func(*store.Store) error) error {
	s, err := store.Connect(ctx, o.dsn)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}
