package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"dnalyaw/execution/internal/sim"
)

// journal is venue/log.jsonl: what is not on disk has not happened.
type journal struct {
	f   *os.File
	buf []byte
}

// openJournal reads the log and cuts off a line that a killed process left unfinished.
func openJournal(dir string, log *slog.Logger) (*journal, []sim.Record, error) {
	path := filepath.Join(dir, "log.jsonl")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	records, err := readJournal(f, path, log)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	if err := syncDir(dir); err != nil {
		f.Close()
		return nil, nil, err
	}
	return &journal{f: f}, records, nil
}

func readJournal(f *os.File, path string, log *slog.Logger) ([]sim.Record, error) {
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	records, complete, err := sim.ReadLog(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; restore the file from a copy or start with a new --dir", path, err)
	}
	if torn := len(data) - complete; torn > 0 {
		log.Warn("the log ends in an unfinished line: cut off", "path", path, "bytes", torn, "records", len(records))
		if err := f.Truncate(int64(complete)); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
	}
	_, err = f.Seek(int64(complete), io.SeekStart)
	return records, err
}

// append writes the records in one piece. They are on disk when it returns, except that a mere checkpoint of the clock
// may wait for the next sync: losing it repeats no fill.
func (j *journal) append(records []sim.Record) error {
	if len(records) == 0 {
		return nil
	}
	j.buf = j.buf[:0]
	sync := false
	for _, r := range records {
		var err error
		if j.buf, err = r.AppendLine(j.buf); err != nil {
			return err
		}
		sync = sync || r.Kind != sim.KindSession || r.Text != sim.TextCheckpoint
	}
	if _, err := j.f.Write(j.buf); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if !sync {
		return nil
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.f.Close() }
