package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// ramp is the rate at which names are bought before and sold after what is measured.
const ramp = 1000.0

// untimed is the slice of what is sent outside of slices.
const untimed = -1

// rest is how long a slice waits for what the one before it left behind.
const rest = 50 * time.Millisecond

// opened is what an open loop answers.
type opened struct {
	Updates int     `json:"updates"`
	Slices  []slice `json:"slices"`
}

// openLoop sends at a fixed rate, whatever comes back, in slices that take turns with slices of echo, until the slices of
// load that count make up the time asked for, or twice that time was tried.
func openLoop(o options) (*opened, error) {
	if o.rate <= 0 || o.slice <= 0 || o.seconds < o.slice || o.names < 4 || o.first < 1 || o.weight <= 0 {
		return nil, errors.New("open wants --rate, --names (4 or more), --first, --weight, and --seconds of at least a --slice")
	}
	p, err := newPacer()
	if err != nil {
		return nil, err
	}
	loads := int((o.seconds + o.slice - 1) / o.slice)
	each := int(o.rate * o.slice.Seconds())
	s, err := newStream(context.Background(), o, 2*loads*each+4*o.names)
	if err != nil {
		return nil, err
	}
	e, err := newEcho(o.echo)
	if err != nil {
		return nil, err
	}
	f := &flips{names: o.names}
	at := time.Now().UnixNano()
	for k := 0; f.bought-f.sold <= o.names/2; k++ {
		if err := s.timed(p, f, untimed, at+int64(float64(k)/ramp*1e9), nil); err != nil {
			return nil, err
		}
	}
	var out opened
	var echoes [][4]int64
	for tried, counted := 0, 0; counted < loads && tried < 2*loads; tried++ {
		load, err := s.slice(p, f, tried, each)
		if err != nil {
			return nil, err
		}
		back, times, err := e.timed(p, tried, each/2, o.rate)
		if err != nil {
			return nil, err
		}
		if pair(&load, &back); load.Dropped == "" {
			counted++
		}
		for _, t := range times {
			echoes = append(echoes, [4]int64{int64(tried), t[0], t[1], t[2]})
		}
		out.Slices = append(out.Slices, load, back)
	}
	if err := s.close(p, f); err != nil {
		return nil, err
	}
	out.Updates = s.sent
	return &out, errors.Join(write(o.out, "sent.bin", s.rows[:s.sent]), write(o.out, "echo.bin", echoes))
}

// timed sends the next update at its moment and notes how late it was.
func (s *stream) timed(p pacer, f *flips, number int, intended int64, late *[]int64) error {
	p.until(intended)
	name, hold := f.next()
	at, err := s.send(number, intended, name, hold)
	if late != nil {
		*late = append(*late, at-intended)
	}
	return err
}

// slice is one slice of load.
func (s *stream) slice(p pacer, f *flips, number, n int) (slice, error) {
	if err := s.settle(); err != nil {
		return slice{}, err
	}
	time.Sleep(rest)
	before, err := readJiffies()
	if err != nil {
		return slice{}, err
	}
	out := slice{Number: number, Kind: "load", StartNs: time.Now().UnixNano()}
	late := make([]int64, 0, n)
	for k := range n {
		if err := s.timed(p, f, number, out.StartNs+int64(float64(k)/s.o.rate*1e9), &late); err != nil {
			return slice{}, err
		}
	}
	after, err := readJiffies()
	out.end(before, after, late)
	return out, errors.Join(err, s.settle())
}

// timed is one slice of echo.
func (e *echo) timed(p pacer, number, n int, rate float64) (slice, [][3]int64, error) {
	time.Sleep(rest)
	before, err := readJiffies()
	if err != nil {
		return slice{}, nil, err
	}
	out := slice{Number: number, Kind: "echo", StartNs: time.Now().UnixNano()}
	times, err := e.slice(p, out.StartNs, n, rate)
	if err != nil {
		return slice{}, nil, err
	}
	after, err := readJiffies()
	late := make([]int64, len(times))
	for i, t := range times {
		late[i] = t[1] - t[0]
	}
	out.end(before, after, late)
	return out, times, err
}

// close sells what is held and ends the stream.
func (s *stream) close(p pacer, f *flips) error {
	if err := s.settle(); err != nil {
		return err
	}
	time.Sleep(rest)
	at := time.Now().UnixNano()
	for k := 0; ; k++ {
		p.until(at + int64(float64(k)/ramp*1e9))
		name, some := f.sell()
		if !some {
			break
		}
		if _, err := s.send(untimed, time.Now().UnixNano(), name, false); err != nil {
			return err
		}
	}
	return errors.Join(s.settle(), s.updates.closeSend(), s.conn.Close())
}

// write puts rows of integers into a file, little endian.
func write(dir, name string, rows any) error {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(binary.Write(w, binary.LittleEndian, rows), w.Flush(), f.Close())
}
