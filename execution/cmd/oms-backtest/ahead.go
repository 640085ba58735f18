package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"dnalyaw/execution/internal/backtest"
)

// ready is a session that was read, or why it was not.
type ready struct {
	day *backtest.Prepared
	err error
}

// ahead reads sessions in a goroutine of its own, one ahead of the one that is traded: so a run of years takes the memory of
// two sessions. stop ends it, and lets go of what was read and not taken.
func (in *input) ahead(to string) (days <-chan ready, stop func() error) {
	out, quit := make(chan ready, 1), make(chan struct{})
	go func() {
		defer close(out)
		for _, d := range in.run.Days {
			p, err := in.prepare(d, filepath.Join(to, fmt.Sprintf("refused-%s.jsonl", d.Session)))
			select {
			case out <- ready{p, err}:
			case <-quit:
				_ = drop(ready{p, err}) // the run has failed with an error of its own
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out, func() error {
		close(quit)
		var all []error
		for r := range out {
			all = append(all, drop(r))
		}
		return errors.Join(all...)
	}
}

func drop(r ready) error {
	if r.err != nil || r.day.Quotes == nil {
		return nil
	}
	_, err := r.day.Quotes.Close()
	return err
}
