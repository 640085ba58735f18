package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"dnalyaw/execution/internal/sim"
)

// journal is venue/log.jsonl: what is not on disk has not happened.
type journal struct {
	f    *os.File
	buf  []byte // lines that are not written yet
	sync bool   // some of them must not be lost
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

// add takes records; flush puts all that were taken on disk.
func (j *journal) add(records []sim.Record) error {
	for i := range records {
		r := &records[i]
		var err error
		if j.buf, err = r.AppendLine(j.buf); err != nil {
			return err
		}
		j.sync = j.sync || r.Kind != sim.KindSession || r.Text != sim.TextCheckpoint
	}
	return nil
}

// flush writes what was taken in one piece. It is on disk when it returns, except that a mere checkpoint of the clock may
// wait for the next sync: losing it repeats no fill.
func (j *journal) flush() error {
	if len(j.buf) == 0 {
		return nil
	}
	if _, err := j.f.Write(j.buf); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.buf = j.buf[:0]
	if !j.sync {
		return nil
	}
	j.sync = false
	for {
		err := unix.Fdatasync(int(j.f.Fd()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("journal: %w", err)
		default:
			return nil
		}
	}
}

func (j *journal) close() error { return j.f.Close() }
