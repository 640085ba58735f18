// Package stamp writes down when an order passed a place, for measurements across processes: a mapped file of fixed
// records that another process may read while it grows. Writing one costs a look at the clock and three stores, and no
// call of the system.
//
// Threading: one goroutine writes. Records are there for readers once the count says so.
package stamp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Hop is a place that an order passes.
type Hop uint64

// The places.
const (
	Planned   Hop = 1 // omsd has made the order
	Submitted Hop = 2 // omsd lets it out to riskd at the end of this turn
	Decided   Hop = 3 // omsd has riskd's decision
	Acked     Hop = 4 // omsd has the venue's acknowledgement
	Ended     Hop = 5 // omsd knows that the order works no longer
	Received  Hop = 6 // the venue has read the order off its FIX connection
)

// The file: a header with the number of records, then the records: order id, nanoseconds since the epoch by this
// machine's clock, hop, each eight bytes, little endian.
const (
	headerSize = 64
	recordSize = 24
)

// Capacity is how many records a file has room for; what comes later is counted and dropped.
const Capacity = 8 << 20

// File is a mapped file of stamps.
type File struct {
	mem   []byte
	count *atomic.Uint64
	room  uint64
}

// Create makes the file, or empties it. Its pages take disk space only once they are written.
func Create(path string, room uint64) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the file of stamps: %w", err)
	}
	size := headerSize + int64(room)*recordSize
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(fmt.Errorf("make room for stamps: %w", err), f.Close())
	}
	return mapped(f, size, unix.PROT_READ|unix.PROT_WRITE)
}

// Open reads a file that another process may be writing.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file of stamps: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if size := info.Size(); size < headerSize || (size-headerSize)%recordSize != 0 {
		return nil, errors.Join(fmt.Errorf("%s has %d bytes and is no file of stamps", path, size), f.Close())
	}
	return mapped(f, info.Size(), unix.PROT_READ)
}

func mapped(f *os.File, size int64, protection int) (*File, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, int(size), protection, unix.MAP_SHARED)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("map the file of stamps: %w", err)
	}
	return &File{mem: mem, count: (*atomic.Uint64)(unsafe.Pointer(&mem[0])), room: uint64(size-headerSize) / recordSize}, nil
}

// Put writes a stamp. A nil file takes none.
func (f *File) Put(hop Hop, id uint64) {
	if f == nil {
		return
	}
	n := f.count.Load()
	if n < f.room {
		b := f.mem[headerSize+n*recordSize:]
		binary.LittleEndian.PutUint64(b, id)
		binary.LittleEndian.PutUint64(b[8:], uint64(time.Now().UnixNano()))
		binary.LittleEndian.PutUint64(b[16:], uint64(hop))
	}
	f.count.Store(n + 1)
}

// Count is the number of stamps, those without room included.
func (f *File) Count() uint64 { return f.count.Load() }

// At is the n-th stamp, from 0; n is below Count.
func (f *File) At(n uint64) (hop Hop, id uint64, ns int64, err error) {
	if n >= f.room {
		return 0, 0, 0, fmt.Errorf("stamp %d found no room: the file holds %d", n, f.room)
	}
	b := f.mem[headerSize+n*recordSize:]
	return Hop(binary.LittleEndian.Uint64(b[16:])), binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:])), nil
}

// Close unmaps it.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	return unix.Munmap(f.mem)
}
