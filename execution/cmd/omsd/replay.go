package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/journal"
)

// replayCommand is the word that has omsd read a journal instead of serving.
const replayCommand = "replay"

// replayed is what a journal holds, read from its first record on.
type replayed struct {
	Records   uint64 `json:"records"`
	Segments  int    `json:"segments"`
	Snapshots int    `json:"snapshots"` // each has the state that the records before it make
	StateHash string `json:"state_hash"`
	TornBytes int64  `json:"torn_bytes"`     // at the end, never known to be on the disk; a start cuts them off
	Torn      string `json:"torn,omitempty"` // where they begin
}

// replay reads a journal beside whoever writes it, changes nothing, and says what state it makes. One that cannot be
// trusted is named by file and record.
func replay(args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(stderr, "omsd: usage: omsd replay DIR (omsd's --dir, or its journal's folder)")
		return exitUsage
	}
	dir := args[0]
	if inner := filepath.Join(dir, "journal"); isFolder(inner) {
		dir = inner
	}
	got, err := readWhole(dir)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(got)
	}
	if err != nil {
		fmt.Fprintf(stderr, "omsd: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func isFolder(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// readWhole applies every record from the first on, and holds each snapshot to what they make: a start that trusts the
// snapshot must come to the same state as one that reads everything.
func readWhole(dir string) (replayed, error) {
	var got replayed
	segments, snapshots, err := journal.Segments(dir)
	if err != nil {
		return got, fmt.Errorf("read the journal: %w", err)
	}
	if len(segments) == 0 {
		return got, fmt.Errorf("%s holds no journal", dir)
	}
	state, err := core.Replay(nil, nil)
	if err != nil {
		return got, err
	}
	var chain journal.Hash
	for i, n := range segments {
		path := filepath.Join(dir, fmt.Sprintf("%06d.log", n))
		if n != i+1 {
			return got, fmt.Errorf("%w: %s is missing; restore the file from a copy", journal.ErrBroken, filepath.Join(dir, fmt.Sprintf("%06d.log", i+1)))
		}
		if len(snapshots) > 0 && snapshots[0] == n {
			if err := holdsSnapshot(dir, n, chain, got.Records, state); err != nil {
				return got, err
			}
			snapshots = snapshots[1:]
			got.Snapshots++
		} else if n > 1 {
			return got, fmt.Errorf("%w: %s is missing; restore the file from a copy", journal.ErrBroken, snapshotName(dir, n))
		}
		if chain, err = readSegment(path, chain, i == len(segments)-1, state, &got); err != nil {
			return got, err
		}
		got.Segments++
	}
	for _, n := range snapshots {
		// Killed between the snapshot and its segment: it must be what the records before it make all the same.
		if err := holdsSnapshot(dir, n, chain, got.Records, state); err != nil {
			return got, err
		}
		got.Snapshots++
	}
	got.StateHash, err = state.Hash()
	return got, err
}

// readSegment applies one segment; only the last may have an end that was never known to be on the disk.
func readSegment(path string, chain journal.Hash, last bool, state *core.State, got *replayed) (journal.Hash, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return chain, fmt.Errorf("read the journal: %w", err)
	}
	scan, err := journal.Scan(chain, data)
	for _, b := range scan.Records {
		got.Records++
		if err := state.Apply(b); err != nil {
			return chain, fmt.Errorf("%w: %s: record %d: %w", journal.ErrBroken, path, got.Records, err)
		}
	}
	if err != nil {
		return chain, fmt.Errorf("%s: from record %d on: %w", path, got.Records+1, err)
	}
	if torn := int64(len(data)) - scan.Good; torn > 0 {
		if !last {
			return chain, fmt.Errorf("%w: %s: from record %d on: it is damaged at offset %d, and a later segment follows; restore the file from a copy",
				journal.ErrBroken, path, got.Records+1, scan.Good)
		}
		got.TornBytes, got.Torn = torn, fmt.Sprintf("%s: from record %d on, at offset %d", path, got.Records+1, scan.Good)
	}
	return scan.Chain, nil
}

func snapshotName(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%06d.snap", n)) }

// holdsSnapshot says whether the snapshot before a segment is what the records before it make.
func holdsSnapshot(dir string, n int, chain journal.Hash, records uint64, state *core.State) error {
	path := snapshotName(dir, n)
	snap, err := journal.ReadSnapshot(dir, n)
	if err != nil {
		return fmt.Errorf("%s: after record %d: %w", path, records, err)
	}
	broken := func(what string) error {
		return fmt.Errorf("%w: %s: after record %d: %s; remove the snapshot, and the records are read instead", journal.ErrBroken, path, records, what)
	}
	switch {
	case snap.Records != records:
		return broken(fmt.Sprintf("it says that %d records are before it", snap.Records))
	case snap.Chain != chain:
		return broken("its hash is not that of the record before it")
	}
	kept, err := core.Replay(snap.State, nil)
	if err != nil {
		return broken(err.Error())
	}
	was, err := kept.Hash()
	if err != nil {
		return err
	}
	is, err := state.Hash()
	if err != nil {
		return err
	}
	if was != is {
		return broken(fmt.Sprintf("its state has the hash %s, the records make %s", was, is))
	}
	return nil
}
