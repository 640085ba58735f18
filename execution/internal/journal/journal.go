package journal

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Journal appends records. One goroutine owns it; Durable, Lag and Err may be asked from any.
type Journal struct {
	dir     string
	segment int
	f       *os.File
	chain   Hash
	size    int64
	block   []byte // under construction, room for its header first
	pending int
	blocks  uint64 // written since Open
	records uint64 // ever
	sync    *syncer
	failed  error
}

// Recovered says what Open found.
type Recovered struct {
	Snapshot  []byte   // the state that the records follow, nil = none: they are all there ever were
	Before    uint64   // records before the snapshot
	Records   [][]byte // after it
	Blocks    uint64
	TornBytes int64 // cut from the end; 0 when the file was whole
}

// Open reads the journal in dir from its last snapshot on, cuts a torn tail, and leaves it ready to append. A missing
// directory is an empty journal.
func Open(dir string) (*Journal, Recovered, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Recovered{}, fmt.Errorf("make the journal's directory: %w", err)
	}
	base, segments, err := restore(dir)
	if err != nil {
		return nil, Recovered{}, fmt.Errorf("%s: %w", dir, err)
	}
	rec := Recovered{Snapshot: base.State, Before: base.Records}
	j := &Journal{dir: dir, segment: base.Segment, chain: base.Chain, records: base.Records}
	for i, n := range segments {
		if err := j.read(n, i == len(segments)-1, &rec); err != nil {
			return nil, Recovered{}, err
		}
	}
	if j.f == nil {
		if j.f, err = createSegment(dir, j.segment); err != nil {
			return nil, Recovered{}, err
		}
	}
	j.sync = startSyncer(j.f, j.size, 0, make(chan struct{}, 1))
	return j, rec, nil
}

// read takes a segment in; only the last may have a torn tail, and it stays open.
func (j *Journal) read(n int, last bool, rec *Recovered) error {
	path := segmentPath(j.dir, n)
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	scan, err := Scan(j.chain, data)
	if err == nil && !last && scan.Good < int64(len(data)) {
		err = scan.broken("is damaged, and a later segment follows")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	j.segment, j.chain, j.size = n, scan.Chain, scan.Good
	j.records += uint64(len(scan.Records))
	rec.Records = append(rec.Records, scan.Records...)
	rec.Blocks += scan.Blocks
	if !last {
		return nil
	}
	if rec.TornBytes = int64(len(data)) - scan.Good; rec.TornBytes > 0 {
		if err := os.Truncate(path, scan.Good); err != nil {
			return fmt.Errorf("cut the torn tail: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	// What is taken over counts as being on the disk from here on.
	if err := errors.Join(f.Sync(), syncDir(j.dir)); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", path, err), f.Close())
	}
	j.f = f
	return nil
}

func createSegment(dir string, n int) (*os.File, error) {
	f, err := os.OpenFile(segmentPath(dir, n), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a segment of the journal: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("sync %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// Keeps says that what is appended is kept.
func (j *Journal) Keeps() bool { return true }

// Append adds a record to the block that the next Commit writes. The bytes are copied.
func (j *Journal) Append(record []byte) {
	j.block = appendRecord(j.block, record)
	j.pending++
}

// Pending is the number of records that wait for Commit.
func (j *Journal) Pending() int { return j.pending }

// Commit writes what was appended as one block. From then on it outlives the process; the disk has it once Durable says
// so. After an error nothing more can be written: what is in the file is no longer known, and only a restart finds out.
func (j *Journal) Commit() error {
	if err := j.Err(); err != nil {
		return err
	}
	if j.pending == 0 {
		return nil
	}
	chain, err := sealBlock(j.block, j.chain, j.sync.synced.Load())
	if err == nil {
		_, err = j.f.Write(j.block)
	}
	if err != nil {
		j.failed = fmt.Errorf("write the journal: %w", err)
		return j.failed
	}
	j.chain, j.size = chain, j.size+int64(len(j.block))
	j.records += uint64(j.pending)
	j.pending, j.block = 0, j.block[:0]
	if cap(j.block) > 1<<20 {
		j.block = nil
	}
	j.blocks++
	j.sync.wrote(j.size, j.blocks)
	return nil
}

// Roll ends the segment: state is the owner's, with everything committed in it, and the next record begins a new
// segment. It waits for the disk. Nothing may be pending.
func (j *Journal) Roll(state []byte) error {
	if err := j.Err(); err != nil {
		return err
	}
	if j.pending > 0 {
		return errors.New("the journal's segment cannot end with records that are not committed")
	}
	fail := func(err error) error {
		j.failed = fmt.Errorf("begin a new segment of the journal: %w", err)
		return j.failed
	}
	if err := j.sync.stop(); err != nil {
		return fail(err)
	}
	next := Snapshot{Segment: j.segment + 1, Chain: j.chain, Records: j.records, State: state}
	if err := writeSnapshot(j.dir, next); err != nil {
		return fail(err)
	}
	f, err := createSegment(j.dir, next.Segment)
	if err != nil {
		return fail(err)
	}
	if err := j.f.Close(); err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	j.f, j.size, j.segment = f, 0, next.Segment
	j.sync = startSyncer(f, 0, j.blocks, j.sync.told)
	return nil
}

// Blocks is the number of blocks written since Open.
func (j *Journal) Blocks() uint64 { return j.blocks }

// Durable is how many of them are on the disk.
func (j *Journal) Durable() uint64 { return j.sync.durable.Load() }

// Synced gets a word after every sync, and when one has failed.
func (j *Journal) Synced() <-chan struct{} { return j.sync.told }

// Lag is for how long the oldest write has waited for the disk; 0 = nothing waits.
func (j *Journal) Lag(now time.Time) time.Duration {
	since := j.sync.since.Load()
	if since == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, since))
}

// Err is what ended the journal, nil while it can be written.
func (j *Journal) Err() error {
	if j.failed != nil {
		return j.failed
	}
	return j.sync.err()
}

// Chain is the hash of everything committed.
func (j *Journal) Chain() Hash { return j.chain }

// Records is the number of records ever committed.
func (j *Journal) Records() uint64 { return j.records }

// Dir is where the files lie.
func (j *Journal) Dir() string { return j.dir }

// Close brings what was committed to the disk and closes the file; what was appended and not committed is dropped.
func (j *Journal) Close() error { return errors.Join(j.sync.stop(), j.f.Close()) }
