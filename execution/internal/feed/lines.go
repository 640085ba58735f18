package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// lines reads a text file line by line from one buffer, so that no line costs an allocation.
type lines struct {
	name string
	r    io.Reader
	buf  []byte
	from int // the unread bytes are buf[from:to]
	to   int
	n    int // the number of the last line returned, from 1
	eof  bool
}

// maxLine bounds a line: a longer one is no line of these files, and must not fill the memory.
const maxLine = 64 << 10

func newLines(name string, r io.Reader) *lines {
	return &lines{name: name, r: r, buf: make([]byte, 4*maxLine)}
}

// next returns the next line without its end; io.EOF after the last. The bytes hold until the next call.
func (l *lines) next() ([]byte, error) {
	for scanned := l.from; ; {
		if i := bytes.IndexByte(l.buf[scanned:l.to], '\n'); i >= 0 {
			return l.line(scanned+i, 1), nil
		}
		if l.to-l.from > maxLine {
			return nil, fmt.Errorf("%s:%d: the line is longer than %d bytes: is this the right file?", l.name, l.n+1, maxLine)
		}
		if l.eof {
			if l.from == l.to {
				return nil, io.EOF
			}
			return l.line(l.to, 0), nil
		}
		copy(l.buf, l.buf[l.from:l.to])
		l.from, l.to = 0, l.to-l.from
		scanned = l.to
		read, err := io.ReadAtLeast(l.r, l.buf[l.to:], 1)
		l.to += read
		switch {
		case errors.Is(err, io.EOF):
			l.eof = true
		case err != nil:
			return nil, fmt.Errorf("%s:%d: %w", l.name, l.n+1, err)
		}
	}
}

func (l *lines) line(end, newline int) []byte {
	row := l.buf[l.from:end]
	l.from = end + newline
	l.n++
	if n := len(row); n > 0 && row[n-1] == '\r' {
		row = row[:n-1]
	}
	return row
}

// fail names the file and the line last read.
func (l *lines) fail(err error) error { return fmt.Errorf("%s:%d: %w", l.name, l.n, err) }

// split cuts the row at its commas into fields and returns how many there are, which may be more than fit.
func split(row []byte, fields [][]byte) int {
	n := 0
	for {
		i := bytes.IndexByte(row, ',')
		if i < 0 {
			break
		}
		if n < len(fields) {
			fields[n] = row[:i]
		}
		n++
		row = row[i+1:]
	}
	if n < len(fields) {
		fields[n] = row
	}
	return n + 1
}

// leadingInt reads the whole number, with an optional minus, that a text begins with, and how many bytes it takes; 0
// bytes where there is none or it does not fit. Not strconv: that wants a string of known length.
func leadingInt(b []byte) (v int64, used int) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		used = 1
	}
	start := used
	var u uint64
	for used < len(b) {
		d := b[used] - '0'
		if d > 9 {
			break
		}
		u = u*10 + uint64(d) // 19 digits fit 64 bits
		used++
	}
	if used == start || used-start > 19 || u > math.MaxInt64 {
		return 0, 0
	}
	if negative {
		return -int64(u), used
	}
	return int64(u), used
}

// parseInt reads a text that is a whole number.
func parseInt(b []byte) (int64, bool) {
	v, used := leadingInt(b)
	return v, used > 0 && used == len(b)
}

// parseDecimal reads a decimal number of units into units of 10^-places, half away from zero beyond them. No
// exponent, no sign: these files have none.
func parseDecimal(b []byte, places int) (int64, bool) {
	point := bytes.IndexByte(b, '.')
	whole, fraction := b, []byte(nil)
	if point >= 0 {
		whole, fraction = b[:point], b[point+1:]
	}
	if len(whole) == 0 || len(whole)+places > 18 || len(fraction) > 40 || point >= 0 && len(fraction) == 0 {
		return 0, false
	}
	var v int64
	for _, c := range whole {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	for i := range places {
		v *= 10
		if i < len(fraction) {
			v += int64(fraction[i] - '0')
		}
	}
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	if len(fraction) > places && fraction[places] >= '5' {
		v++
	}
	return v, true
}
