package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/audit/verify"
	"dnalyaw/execution/internal/journal"
)

// anchorJournal is auditd's own journal: the heads of what it shipped, where the shipped journal is another's to write.
type anchorJournal struct {
	j      *journal.Journal
	writer string
}

// openAnchors opens it and gives the writer's newest anchor in it.
func openAnchors(dir, writer string) (*anchorJournal, audit.Head, error) {
	j, rec, err := journal.Open(dir)
	if err != nil {
		return nil, audit.Head{}, fmt.Errorf("open the anchors: %w", err)
	}
	var last audit.Head
	for i, record := range rec.Records {
		e := audit.Decode(uint64(i+1), record)
		a, err := audit.DecodeAnchor(e)
		if err != nil {
			return nil, audit.Head{}, errors.Join(fmt.Errorf("%s: %w", dir, err), j.Close())
		}
		if a.Writer == writer && a.Seq > last.Seq {
			last = audit.Head{Seq: a.Seq, Hash: a.Hash}
		}
	}
	return &anchorJournal{j, writer}, last, nil
}

// put writes an anchor down and waits until the disk has it.
func (a *anchorJournal) put(h audit.Head) error {
	record, err := audit.EncodeAnchor(time.Now().UnixNano(), audit.Anchor{Writer: a.writer, Seq: h.Seq, Hash: h.Hash})
	if err != nil {
		return err
	}
	a.j.Append(record)
	if err := a.j.Commit(); err != nil {
		return err
	}
	for a.j.Durable() < a.j.Blocks() {
		if err := a.j.Err(); err != nil {
			return err
		}
		<-a.j.Synced()
	}
	return nil
}

func (a *anchorJournal) close() error { return a.j.Close() }

// journalAnchors gives the writer's anchors in a journal of omsd's form, and lets it go.
func journalAnchors(ctx context.Context, f *source.Follower, writer string) ([]audit.Anchor, error) {
	f.EveryRecord()
	found, _, err := verify.Anchors(ctx, f, writer)
	return found, errors.Join(err, f.Close())
}
