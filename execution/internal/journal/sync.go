package journal

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// syncPause is between two syncs: at a high rate many blocks share one.
const syncPause = 2 * time.Millisecond

// syncer brings what was written to the disk, in the background: one fdatasync after the other, as long as there is
// something to sync. It never holds up a writer.
type syncer struct {
	mu      sync.Mutex
	cond    *sync.Cond
	f       *os.File
	written int64 // bytes of the segment
	block   uint64
	closed  bool
	done    chan struct{}

	synced  atomic.Int64  // bytes of the segment
	durable atomic.Uint64 // blocks since the journal was opened
	since   atomic.Int64  // wall clock of the oldest write that is not synced, 0 = none
	failed  atomic.Pointer[error]
	told    chan struct{}
}

// startSyncer follows a segment of which size bytes and durable blocks are on the disk.
func startSyncer(f *os.File, size int64, durable uint64, told chan struct{}) *syncer {
	s := &syncer{f: f, written: size, block: durable, done: make(chan struct{}), told: told}
	s.cond = sync.NewCond(&s.mu)
	s.synced.Store(size)
	s.durable.Store(durable)
	go s.run()
	return s
}

// wrote tells that the segment has size bytes and holds the block.
func (s *syncer) wrote(size int64, block uint64) {
	s.since.CompareAndSwap(0, time.Now().UnixNano())
	s.mu.Lock()
	s.written, s.block = size, block
	s.mu.Unlock()
	s.cond.Signal()
}

func (s *syncer) run() {
	defer close(s.done)
	for {
		s.mu.Lock()
		for s.written == s.synced.Load() && !s.closed {
			s.cond.Wait()
		}
		size, block, closed := s.written, s.block, s.closed
		s.mu.Unlock()
		if size == s.synced.Load() {
			if closed {
				return
			}
			continue
		}
		s.since.Store(time.Now().UnixNano())
		if err := unix.Fdatasync(int(s.f.Fd())); err != nil {
			// The system tells of a lost page once: no later success proves anything.
			err = fmt.Errorf("sync the journal: %w", err)
			s.failed.Store(&err)
			s.tell()
			return
		}
		s.synced.Store(size)
		s.mu.Lock()
		if s.written == size {
			s.since.Store(0)
		}
		s.mu.Unlock()
		s.durable.Store(block)
		s.tell()
		if !closed {
			time.Sleep(syncPause)
		}
	}
}

func (s *syncer) tell() {
	select {
	case s.told <- struct{}{}:
	default:
	}
}

// stop syncs what is left and ends.
func (s *syncer) stop() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cond.Signal()
	<-s.done
	return s.err()
}

func (s *syncer) err() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}
