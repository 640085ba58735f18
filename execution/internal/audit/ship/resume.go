package ship

import (
	"context"
	"fmt"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/verify"
)

// lateness is how long the journal is given to show records that the table has already: a reader that waits for the disk
// may be behind one that shipped before it.
const lateness = 5 * time.Second

// resume finds out where the table ends, and checks that it ends there as the journal says.
func (s *Shipper) resume(work context.Context, table Table) error {
	ctx, cancel := context.WithTimeout(work, s.cfg.Timeout)
	defer cancel()
	head, noted, err := table.Heads(ctx, s.cfg.Writer)
	if err != nil {
		return err
	}
	if known := s.acked.Seq; head.Seq < known {
		return s.tampered(work, table, verify.Finding{Seq: head.Seq, Kind: verify.Cut, What: fmt.Sprintf("it had row %d", known)})
	}
	if head != noted {
		return s.tampered(work, table, verify.Finding{Seq: min(head.Seq, noted.Seq) + 1, Kind: verify.Metadata,
			What: fmt.Sprintf("the rows end at %d and audit.heads says %d, or the hashes differ", head.Seq, noted.Seq)})
	}
	s.note(func(st *Status) { st.Acked, st.AckedHash = head.Seq, head.Hash })
	return s.catchUp(work, table, head)
}

// catchUp makes the rows that are in the table already again, and compares the last.
func (s *Shipper) catchUp(work context.Context, table Table, head audit.Head) error {
	for waited := time.Duration(0); s.acked.Seq < head.Seq; {
		if err := s.fill(); err != nil {
			return err
		}
		if len(s.pending) == 0 {
			if waited >= lateness {
				return s.tampered(work, table, verify.Finding{Seq: s.acked.Seq + 1, Kind: verify.Extra,
					What: fmt.Sprintf("it is not in the journal, which ends at record %d; an older copy of the journal does not go on here", s.acked.Seq)})
			}
			if !sleep(work, s.cfg.Poll) {
				return work.Err()
			}
			waited += s.cfg.Poll
			continue
		}
		n := min(uint64(len(s.pending)), head.Seq-s.acked.Seq)
		last := s.pending[n-1]
		s.acked, s.pending = audit.Head{Seq: last.Seq, Hash: last.Hash}, s.pending[n:]
		if work.Err() != nil {
			return work.Err()
		}
	}
	if s.acked != head {
		return s.tampered(work, table, verify.Finding{Seq: head.Seq, Kind: verify.Changed, What: "its hash is not the journal's"})
	}
	return nil
}

// tampered is the error that names the first row that is wrong: found by reading everything, or, where that fails, what was
// seen here.
func (s *Shipper) tampered(work context.Context, table Table, seen verify.Finding) error {
	seen.Writer = s.cfg.Writer
	if all, ok := s.cfg.Source.(interface{ EveryRecord() }); ok {
		all.EveryRecord() // nothing is shipped after this
	}
	o := verify.Options{Writer: s.cfg.Writer, Journal: s.cfg.Source}
	if s.cfg.Anchored.Seq > 0 {
		o.Anchors = []audit.Anchor{{Writer: s.cfg.Writer, Seq: s.cfg.Anchored.Seq, Hash: s.cfg.Anchored.Hash}}
	}
	if s.acked.Seq > s.cfg.Anchored.Seq {
		o.Anchors = append(o.Anchors, audit.Anchor{Writer: s.cfg.Writer, Seq: s.acked.Seq, Hash: s.acked.Hash})
	}
	res, err := verify.Run(work, table, o)
	if err != nil {
		s.cfg.Log.Warn("the audit table could not be read to the end", "writer", s.cfg.Writer, "error", err.Error())
	} else if res.Bad != nil {
		seen = *res.Bad
	}
	return fmt.Errorf("%w: %w", ErrTampered, seen)
}
