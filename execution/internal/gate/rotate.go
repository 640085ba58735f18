package gate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Files is a writer of lines into numbered files of one folder, refused-000001.jsonl and on: append-only, each up to a
// size, and the oldest removed beyond a number of them. It is not safe for concurrent use; Keeper.Drain is its caller.
type Files struct {
	dir   string
	size  int64
	files int
	file  *os.File
	n     int // of the open file
	used  int64
}

const keptPrefix, keptSuffix = "refused-", ".jsonl"

// OpenFiles goes on in the newest file of the folder. size is bytes a file, files how many are kept.
func OpenFiles(dir string, size int64, files int) (*Files, error) {
	if size < 1<<10 || files < 1 {
		return nil, fmt.Errorf("gate: kept files of %d bytes, %d of them: give at least 1024 bytes and 1 file", size, files)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("gate: kept files: %w", err)
	}
	f := &Files{dir: dir, size: size, files: files}
	numbers, err := f.numbers()
	if err != nil {
		return nil, err
	}
	f.n = 1
	if len(numbers) > 0 {
		f.n = numbers[len(numbers)-1]
	}
	return f, f.open()
}

func (f *Files) numbers() ([]int, error) {
	names, err := filepath.Glob(filepath.Join(f.dir, keptPrefix+"*"+keptSuffix))
	if err != nil {
		return nil, fmt.Errorf("gate: kept files: %w", err)
	}
	var all []int
	for _, name := range names {
		text := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), keptPrefix), keptSuffix)
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

func (f *Files) path(n int) string {
	return filepath.Join(f.dir, fmt.Sprintf("%s%06d%s", keptPrefix, n, keptSuffix))
}

func (f *Files) open() (err error) {
	if f.file, err = os.OpenFile(f.path(f.n), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("gate: kept files: %w", err)
	}
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("gate: kept files: %w", err)
	}
	f.used = info.Size()
	return f.mend()
}

// mend ends a line that a kill left unfinished, so that it spoils no other.
func (f *Files) mend() error {
	if f.used == 0 {
		return nil
	}
	data, err := os.Open(f.path(f.n))
	if err != nil {
		return fmt.Errorf("gate: kept files: %w", err)
	}
	defer data.Close()
	var last [1]byte
	if _, err := data.ReadAt(last[:], f.used-1); err != nil {
		return fmt.Errorf("gate: kept files: %w", err)
	}
	if last[0] != '\n' {
		_, err = f.Write([]byte{'\n'})
	}
	return err
}

// Write appends one line; a file that it would make too large is followed by another.
func (f *Files) Write(line []byte) (int, error) {
	if f.used > 0 && f.used+int64(len(line)) > f.size {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n, err := f.file.Write(line)
	f.used += int64(n)
	return n, err
}

func (f *Files) next() error {
	if err := f.file.Close(); err != nil {
		return fmt.Errorf("gate: kept files: %w", err)
	}
	f.n++
	if err := f.open(); err != nil {
		return err
	}
	numbers, err := f.numbers()
	for len(numbers) > f.files {
		err = errors.Join(err, os.Remove(f.path(numbers[0])))
		numbers = numbers[1:]
	}
	return err
}

// Close closes the open file.
func (f *Files) Close() error { return f.file.Close() }
