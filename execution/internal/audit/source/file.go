package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"dnalyaw/execution/internal/audit"
)

// names says how the segments of a journal are called.
type names struct {
	dir    string
	digits int
	ext    string
}

func (n names) path(segment int) string {
	return filepath.Join(n.dir, fmt.Sprintf("%0*d%s", n.digits, segment, n.ext))
}

// newest is the highest number of a segment's file, 0 when there is none.
func (n names) newest() (int, error) {
	entries, err := os.ReadDir(n.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	newest := 0
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), n.ext)
		if number, err := strconv.Atoi(stem); ok && err == nil && number > newest {
			newest = number
		}
	}
	return newest, nil
}

// open opens a segment for reading; nil when it is not there.
func (n names) open(segment int) (*os.File, error) {
	f, err := os.Open(n.path(segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// missing is an error when a segment is not there and a later one is.
func (n names) missing(segment int) error {
	newest, err := n.newest()
	if err != nil || newest <= segment {
		return err
	}
	if _, err = os.Stat(n.path(segment)); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s is missing and %s is there; restore it from a copy",
			audit.ErrBroken, n.path(segment), filepath.Base(n.path(newest)))
	}
	return err
}

// readAt reads up to size bytes, fewer at the file's end.
func readAt(f *os.File, at int64, size int) ([]byte, error) {
	b := make([]byte, size)
	n, err := f.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// readFrom reads everything from a place on.
func readFrom(f *os.File, at int64) ([]byte, error) {
	fi, err := f.Stat()
	if err != nil || fi.Size() <= at {
		return nil, err
	}
	return readAt(f, at, int(fi.Size()-at))
}

// sync brings segments to the disk, whoever wrote them.
func (n names) sync(from, to int) error {
	for segment := from; segment <= to; segment++ {
		f, err := n.open(segment)
		if err != nil || f == nil {
			return err
		}
		if err := errors.Join(unix.Fdatasync(int(f.Fd())), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// reach is how much is read at once: more while there is more to read.
type reach int

const least reach = 64 << 10

func (r *reach) size(needed int) int { return max(int(max(*r, least)), needed) }

// used notes how many bytes of a read of this size were whole records.
func (r *reach) used(size, whole int) {
	if whole >= size/2 {
		*r = min(2*max(*r, least), chunk)
	} else {
		*r = least
	}
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}
