package risklink

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"dnalyaw/execution/internal/frame"
)

// conn is one connection. Frames are encoded when they are sent and written by whoever flushes: a goroutine in between would
// have to be woken for every order. Where the socket is full a goroutine of its own writes the rest and waits for it.
type conn struct {
	net.Conn
	raw   syscall.RawConn
	epoch uint64
	done  chan struct{}
	once  sync.Once
	why   error
	limit time.Duration // of a write
	room  int           // frames that may wait
	stats *Stats

	mu      sync.Mutex
	seq     uint64
	waiting []byte        // whole frames, but for the part of the first that is written
	spare   []byte        // room for the next
	writing bool          // the goroutine has frames in its hands: nobody overtakes it
	kick    chan struct{} // it has something to do
}

func newConn(c net.Conn, epoch uint64, cfg Config, stats *Stats) (*conn, error) {
	unixConn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.New("the risk link is no Unix socket")
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &conn{
		Conn: c, raw: raw, epoch: epoch, done: make(chan struct{}), limit: cfg.Handshake, room: cfg.QueueSize, stats: stats,
		seq: 1, kick: make(chan struct{}, 1), // HELLO was the first
	}, nil
}

func (c *conn) shut(why error) {
	c.once.Do(func() {
		c.why = why
		close(c.done)
		// The peer may have closed first; what matters is that reads and writes end.
		_ = c.Conn.Close()
	})
}

// add encodes a frame behind those that wait.
func (c *conn) add(m frame.Message) error {
	select {
	case <-c.done:
		return ErrDown
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := (len(c.waiting) + frame.Size - 1) / frame.Size
	if n >= c.room {
		return ErrFull
	}
	c.seq++
	b := frame.Encode(frame.Header{Sequence: c.seq, TsNs: time.Now().UnixNano()}, m)
	c.waiting = append(c.waiting, b[:]...)
	if high := int64(n + 1); high > c.stats.QueueHigh.Load() {
		c.stats.QueueHigh.Store(high)
	}
	c.stats.FramesOut.Add(1)
	return nil
}

// flush writes what the socket takes without waiting.
func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing || len(c.waiting) == 0 {
		return
	}
	n, failed := 0, error(nil)
	err := c.raw.Write(func(fd uintptr) bool {
		for {
			n, failed = unix.Write(int(fd), c.waiting)
			if !errors.Is(failed, unix.EINTR) {
				return true // whatever came of it: this does not wait
			}
		}
	})
	switch {
	case err != nil:
		c.shut(err)
		return
	case errors.Is(failed, unix.EAGAIN):
		n = 0
	case failed != nil:
		c.shut(failed)
		return
	}
	if c.waiting = append(c.waiting[:0], c.waiting[n:]...); len(c.waiting) > 0 {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// write is the goroutine that waits for a full socket.
func (c *conn) write() {
	for {
		select {
		case <-c.done:
			return
		case <-c.kick:
		}
		for {
			c.mu.Lock()
			out := c.waiting
			if c.writing = len(out) > 0; c.writing {
				c.waiting, c.spare = c.spare[:0], out
			}
			c.mu.Unlock()
			if len(out) == 0 {
				break
			}
			err := c.SetWriteDeadline(time.Now().Add(c.limit))
			if err == nil {
				_, err = c.Write(out)
			}
			if err == nil {
				err = c.SetWriteDeadline(time.Time{})
			}
			if err != nil {
				c.shut(err)
				return
			}
		}
	}
}
