// Package ship brings a journal's records into the audit table, each exactly once, whatever dies in between.
//
// The journal is the queue. Nothing is remembered besides the table itself and the anchors in the journal: at every
// connection the shipper reads where the writer's rows end, makes the rows after the last anchor again from the journal, and
// goes on behind them only when the hashes agree. Memory holds one batch, however long PostgreSQL was away.
package ship

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/store"
)

// Shipper ships one writer's journal. Run is one goroutine; Status may be called from any.
type Shipper struct {
	cfg     Config
	chain   *audit.Chain // of every row made
	pending []audit.Row  // made and not known to be in the table
	acked   audit.Head   // anchored, or checked against the journal; in the table
	anchor  uint64       // the last row handed to OnAnchor
	failed  uint64       // tries in a row

	mu     sync.Mutex
	status Status
}

// New makes a shipper.
func New(cfg Config) (*Shipper, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Shipper{
		cfg: cfg, chain: audit.NewChain(cfg.Writer, cfg.Anchored), acked: cfg.Anchored, anchor: cfg.Anchored.Seq,
		status: Status{Writer: cfg.Writer, Acked: cfg.Anchored.Seq, AckedHash: cfg.Anchored.Hash},
	}, nil
}

// Run ships until ctx is done and then for at most Drain what is left. It returns nil then, and an error only for what no
// second try mends: a table that was changed (ErrTampered), or a journal that is broken (audit.ErrBroken).
func (s *Shipper) Run(ctx context.Context) error {
	// What is under way when ctx ends is not cut off: it has its own limits.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(s.cfg.Drain, cancel)
	})
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { s.watchTip(work) })
	err := s.run(ctx, work)
	cancel()
	watch.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	s.note(func(st *Status) {
		st.Connected = false
		if err != nil {
			st.Ended, st.LastError = true, err.Error()
		}
	})
	return errors.Join(err, s.cfg.Source.Close())
}

func (s *Shipper) run(ctx, work context.Context) error {
	for {
		over := ctx.Err() != nil
		err := s.connection(ctx, work)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrTampered) || errors.Is(err, audit.ErrBroken) {
			s.cfg.Log.Error("the audit trail stops", "writer", s.cfg.Writer, "error", err.Error())
			return err
		}
		if work.Err() != nil {
			return nil // the time for what was left is over
		}
		s.failed++
		s.note(func(st *Status) {
			if st.Connected || st.Failures == 0 {
				s.cfg.Log.Warn("the audit table is away; the journal keeps what is to go there", "writer", s.cfg.Writer, "error", err.Error())
			}
			st.Connected, st.LastError = false, err.Error()
			st.Failures++
		})
		// At the end one more try, but not where it was away before.
		wait := backoff(s.cfg.Writer, s.failed, s.cfg.MinBackoff, s.cfg.MaxBackoff)
		if over || !sleep(ctx, wait) && s.failed > 1 {
			return nil
		}
	}
}

// connection ships over one connection, to an orderly end (nil) or until something fails.
func (s *Shipper) connection(ctx, work context.Context) error {
	table, err := s.connect(work)
	if err != nil {
		return err
	}
	// Whether it closes well changes nothing: what is in the table was acknowledged, and the rest goes over the next one.
	defer func() { _ = table.Close() }()
	if err := s.resume(work, table); err != nil {
		return err
	}
	s.note(func(st *Status) {
		st.Connected, st.LastError = true, ""
		st.Connects++
	})
	s.cfg.Log.Info("the audit table is there", "writer", s.cfg.Writer, "rows", s.acked.Seq)
	for {
		over := ctx.Err() != nil // asked for before the look: what was there then is shipped
		more, err := s.step(work, table)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if over && s.drained() {
			return s.putAnchor()
		}
		if !sleep(work, s.cfg.Poll) {
			return s.putAnchor()
		}
	}
}

func (s *Shipper) connect(work context.Context) (Table, error) {
	ctx, cancel := context.WithTimeout(work, s.cfg.Timeout)
	defer cancel()
	return s.cfg.Connect(ctx)
}

// drained says whether everything in the journal is in the table.
func (s *Shipper) drained() bool {
	tip, err := s.cfg.Source.Tip()
	return err == nil && s.acked.Seq >= tip
}

// step ships what is there, a batch at most; false when there was nothing.
func (s *Shipper) step(work context.Context, table Table) (bool, error) {
	if err := s.fill(); err != nil {
		return false, err
	}
	if len(s.pending) == 0 {
		s.failed = 0
		return false, nil
	}
	err := s.insert(work, table, s.pending)
	if errors.Is(err, store.ErrConflict) {
		// Somebody else ships the same journal, or an earlier try of ours got through: the head tells which.
		s.note(func(st *Status) { st.Conflicts++ })
		before := s.acked.Seq
		if rerr := s.resume(work, table); rerr != nil {
			return false, rerr
		}
		if s.acked.Seq == before {
			return false, err // refused for another reason: trying again at once would only be refused again
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	s.failed = 0
	if s.acked.Seq-s.anchor >= s.cfg.AnchorEvery {
		return true, s.putAnchor()
	}
	return true, nil
}

// insert inserts the first rows that are waiting and makes the next ones meanwhile.
func (s *Shipper) insert(work context.Context, table Table, rows []audit.Row) error {
	ctx, cancel := context.WithTimeout(work, s.cfg.Timeout)
	defer cancel()
	rows = rows[:min(len(rows), s.cfg.Batch)]
	var next []audit.Row
	var failed error
	var making sync.WaitGroup
	if len(s.pending) == len(rows) {
		making.Go(func() { next, failed = s.more() })
	}
	begin := time.Now()
	err := table.Append(ctx, s.cfg.Writer, rows)
	took := time.Since(begin)
	making.Wait()
	s.pending = append(s.pending, next...)
	if err != nil {
		return err
	}
	last := rows[len(rows)-1]
	s.acked, s.pending = audit.Head{Seq: last.Seq, Hash: last.Hash}, s.pending[len(rows):]
	s.note(func(st *Status) {
		st.Acked, st.AckedHash = s.acked.Seq, s.acked.Hash
		st.Rows += uint64(len(rows))
		st.Batches++
		st.BatchNs.add(took)
	})
	return failed
}

// fill makes rows of what is new in the journal, when none are waiting.
func (s *Shipper) fill() error {
	if len(s.pending) > 0 {
		return nil
	}
	rows, err := s.more()
	s.pending = rows
	return err
}

// more makes rows of the journal's next records.
func (s *Shipper) more() ([]audit.Row, error) {
	entries, err := s.cfg.Source.Read(s.chain.Head().Seq, s.cfg.Batch)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	rows := make([]audit.Row, 0, len(entries))
	for _, e := range entries {
		row, err := s.chain.Next(e)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", audit.ErrBroken, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (s *Shipper) putAnchor() error {
	if s.acked.Seq <= s.anchor {
		return nil
	}
	if err := s.cfg.OnAnchor(s.acked); err != nil {
		return fmt.Errorf("write the anchor of row %d down: %w", s.acked.Seq, err)
	}
	s.anchor = s.acked.Seq
	s.note(func(st *Status) { st.Anchors++ })
	return nil
}
