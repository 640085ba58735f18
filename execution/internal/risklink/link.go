// Package risklink holds omsd's one connection to riskd: a Unix stream socket with fixed frames.
//
// Threading: Run owns the connection and its two goroutines. Events come out of one channel in the order in which
// they happened: Up, then every frame, then Down, with the epoch of their connection. Send may be called from any
// goroutine; it never blocks, and it refuses what was meant for a connection that is no longer there, so nothing
// waits here to be sent later.
package risklink

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"dnalyaw/execution/internal/frame"
)

// The ways in which Send can refuse.
var (
	ErrDown = errors.New("risk link is down")
	ErrFull = errors.New("risk link's queue is full; the connection was closed")
)

// EventKind says what an Event is.
type EventKind uint8

// The kinds of events.
const (
	Up EventKind = iota
	Frame
	Down
)

// Event is something that happened on the link.
type Event struct {
	Kind    EventKind
	Epoch   uint64
	Welcome frame.Welcome // Up
	TsNs    int64         // Up, Frame: riskd's clock
	Msg     frame.Message // Frame
	Err     error         // Down
}

// Config is what a Link needs. QueueSize bounds the frames that wait for the socket.
type Config struct {
	Path      string
	Region    string
	QueueSize int
	Log       *slog.Logger
	MinWait   time.Duration
	MaxWait   time.Duration
	Handshake time.Duration
}

// Stats are counters since the start, safe to read at any time.
type Stats struct {
	Connects, Failures, FramesIn, FramesOut, BadFrames, QueueFull atomic.Uint64
	QueueHigh                                                     atomic.Int64
}

// Link is the connection to riskd.
type Link struct {
	cfg    Config
	events chan Event
	stats  Stats

	mu    sync.Mutex
	cur   *conn
	epoch uint64
}

// New makes a link; Run connects it.
func New(cfg Config) *Link {
	if cfg.QueueSize == 0 {
		cfg.QueueSize = 4096 // several turns of the core's loop, in which every event may be answered by a cancel
	}
	if cfg.MinWait == 0 {
		cfg.MinWait = 20 * time.Millisecond
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = time.Second
	}
	if cfg.Handshake == 0 {
		cfg.Handshake = 5 * time.Second
	}
	return &Link{cfg: cfg, events: make(chan Event, 1024)}
}

// Events is where everything comes out. The reader of the socket waits while it is full.
func (l *Link) Events() <-chan Event { return l.events }

// Stats are the link's counters.
func (l *Link) Stats() *Stats { return &l.stats }

// Send puts a frame behind those that wait for the connection of the epoch; Flush lets them out.
func (l *Link) Send(epoch uint64, m frame.Message) error {
	c := l.current(epoch)
	if c == nil {
		return ErrDown
	}
	err := c.add(m)
	if errors.Is(err, ErrFull) {
		l.stats.QueueFull.Add(1)
		c.shut(ErrFull)
	}
	return err
}

// Flush writes what waits, as far as the socket takes it at once; the rest leaves in the background.
func (l *Link) Flush(epoch uint64) {
	if c := l.current(epoch); c != nil {
		c.flush()
	}
}

func (l *Link) current(epoch uint64) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cur == nil || l.cur.epoch != epoch {
		return nil
	}
	return l.cur
}

// Drop closes the connection of the epoch; the link connects again.
func (l *Link) Drop(epoch uint64, why error) {
	if c := l.current(epoch); c != nil {
		c.shut(why)
	}
}

// Run connects, and connects again after every loss, until the context ends.
func (l *Link) Run(ctx context.Context) {
	wait := l.cfg.MinWait
	lastErr := ""
	for ctx.Err() == nil {
		welcomed, err := l.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if welcomed {
			wait = l.cfg.MinWait
		}
		// The same failure again and again is one line, not one a second.
		if welcomed || err.Error() != lastErr {
			l.cfg.Log.Warn("risk link is down, connecting again", "error", err.Error(), "wait", wait.String())
			lastErr = err.Error()
		}
		l.stats.Failures.Add(1)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(wait*2, l.cfg.MaxWait)
	}
}

// once lives through one connection. It says whether riskd welcomed us, and why it ended.
func (l *Link) once(ctx context.Context) (bool, error) {
	d := net.Dialer{Timeout: l.cfg.Handshake}
	raw, err := d.DialContext(ctx, "unix", l.cfg.Path)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	l.epoch++
	c, err := newConn(raw, l.epoch, l.cfg, &l.stats)
	l.mu.Unlock()
	if err != nil {
		return false, errors.Join(err, raw.Close())
	}
	stop := context.AfterFunc(ctx, func() { c.shut(ctx.Err()) })
	defer stop()

	in := bufio.NewReaderSize(c, 64*frame.Size)
	hello := &frame.Hello{}
	copy(hello.Region[:], l.cfg.Region)
	if err := c.SetDeadline(time.Now().Add(l.cfg.Handshake)); err != nil {
		c.shut(err)
		return false, err
	}
	first := frame.Encode(frame.Header{Sequence: 1, TsNs: time.Now().UnixNano()}, hello)
	if _, err := c.Write(first[:]); err != nil {
		c.shut(err)
		return false, fmt.Errorf("send HELLO: %w", err)
	}
	l.stats.FramesOut.Add(1)
	var b [frame.Size]byte
	h, m, err := l.read(in, &b, 1)
	if err != nil {
		c.shut(err)
		return false, fmt.Errorf("wait for WELCOME: %w", err)
	}
	welcome, ok := m.(*frame.Welcome)
	if !ok {
		err := fmt.Errorf("riskd's first frame is %s, not WELCOME", m.Kind())
		c.shut(err)
		return false, err
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		c.shut(err)
		return false, err
	}
	l.mu.Lock()
	l.cur = c
	l.mu.Unlock()
	l.stats.Connects.Add(1)

	var writer sync.WaitGroup
	writer.Go(c.write)
	l.emit(ctx, Event{Kind: Up, Epoch: c.epoch, Welcome: *welcome, TsNs: h.TsNs})
	for seq := uint64(2); ; seq++ {
		h, m, err := l.read(in, &b, seq)
		if err != nil {
			c.shut(err)
			break
		}
		l.emit(ctx, Event{Kind: Frame, Epoch: c.epoch, TsNs: h.TsNs, Msg: m})
	}
	l.mu.Lock()
	l.cur = nil
	l.mu.Unlock()
	writer.Wait()
	l.emit(ctx, Event{Kind: Down, Epoch: c.epoch, Err: c.why})
	return true, c.why
}

func (l *Link) emit(ctx context.Context, e Event) {
	select {
	case l.events <- e:
	case <-ctx.Done():
	}
}

func (l *Link) read(in io.Reader, b *[frame.Size]byte, seq uint64) (frame.Header, frame.Message, error) {
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return frame.Header{}, nil, err
	}
	h, m, err := frame.Decode(b, seq)
	if err != nil {
		l.stats.BadFrames.Add(1)
		l.cfg.Log.Error("a frame from riskd is wrong; closing the connection", "error", err.Error())
		return h, nil, err
	}
	if m.Kind() < frame.KindWelcome {
		l.stats.BadFrames.Add(1)
		return h, nil, fmt.Errorf("riskd sent %s, which only omsd sends", m.Kind())
	}
	l.stats.FramesIn.Add(1)
	return h, m, nil
}
