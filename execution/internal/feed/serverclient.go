package feed

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// What a client may ask for and what a frame has room for.
const (
	subscribeMost = 1 << 20
	sourcesMost   = 1<<16 - 1
	textMost      = 1 << 12 // bytes of a source's or an instrument's name
)

// serverClient is one connection. The server appends frames to its buffer; a goroutine writes them, another reads what
// the client asks for. The fields above mu belong to the server and its lock.
type serverClient struct {
	s          *Server
	conn       net.Conn
	want       choice
	subscribed bool
	seq        uint64
	tamper     Tamper
	arrived    []Quote
	named      map[int64]struct{}
	sources    map[string]uint16

	mu     sync.Mutex
	buf    []byte // waiting to be written
	spare  []byte
	wake   chan struct{} // there is something to write, or it is over
	room   chan struct{} // something was written
	muted  bool
	cut    bool
	frames int // appended since the last heartbeat
}

func newServerClient(s *Server, conn net.Conn) *serverClient {
	c := &serverClient{
		s: s, conn: conn, wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
		named: map[int64]struct{}{}, sources: map[string]uint16{},
	}
	if s.opt.Tamper != nil {
		c.tamper = s.opt.Tamper()
	}
	return c
}

// run serves the connection until it ends.
func (c *serverClient) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	c.s.mu.Lock()
	c.s.clients[c] = struct{}{}
	h := hello{epoch: c.s.opt.Epoch, heartbeat: uint32(c.s.opt.Heartbeat.Milliseconds()), simulated: true}
	c.add(func(b []byte) []byte { return appendHello(b, h, c.s.clock()) })
	c.s.mu.Unlock()
	var writing sync.WaitGroup
	writing.Add(1)
	go func() {
		defer writing.Done()
		defer cancel()
		c.write(ctx)
	}()
	err := c.read(ctx)
	if err != nil && ctx.Err() == nil {
		c.s.opt.Log.Info("feed client gone", "error", err.Error())
	}
	if errors.As(err, new(refusal)) {
		c.sayWhy(err)
		writing.Wait()
	}
	cancel()
	writing.Wait()
	c.s.mu.Lock()
	delete(c.s.clients, c)
	c.s.mu.Unlock()
	c.signal(c.room) // whoever waits for it need not
}

// read takes subscriptions and requests for snapshots.
func (c *serverClient) read(ctx context.Context) error {
	in := bufio.NewReaderSize(c.conn, 2*frameMost)
	var ids []int64
	for {
		head, err := in.Peek(frameHeader)
		if err != nil {
			return err
		}
		n, err := frameLen(head)
		if err != nil {
			return refusal{err}
		}
		raw, err := in.Peek(n)
		if err != nil {
			return err
		}
		f, err := parseFrame(raw)
		if err != nil {
			return refusal{err}
		}
		switch f.kind {
		case frameSubscribe:
			var more bool
			if ids, more, err = parseSubscribe(f, ids); err != nil {
				return refusal{err}
			}
			if len(ids) > subscribeMost {
				return refusal{fmt.Errorf("a subscription of more than %d instruments", subscribeMost)}
			}
			if more {
				break
			}
			want, err := chosen(ids)
			if err != nil {
				return refusal{err}
			}
			c.waitForRoom(ctx)
			c.signal(c.room)
			c.s.subscribed(ctx, c, want)
			ids = nil
		case frameResend:
			// A snapshot is far longer than the request: a client that asks and does not read waits for its own snapshots.
			c.waitForRoom(ctx)
			c.signal(c.room) // it may have been the replay's turn
			c.s.resend(c)
		default:
			return refusal{fmt.Errorf("frame of kind %d: send a subscription or a request for a snapshot", f.kind)}
		}
		if _, err := in.Discard(n); err != nil {
			return err
		}
	}
}

// refusal is a request that is not understood or not granted.
type refusal struct{ error }

// sayWhy lets the writer tell the client and end, but not wait for it for long.
func (c *serverClient) sayWhy(err error) {
	c.add(func(b []byte) []byte { return appendFrame(b, frameRefused, 0, 0, []byte(err.Error())) })
	if err := c.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		c.s.opt.Log.Info("feed client gone", "error", err.Error())
	}
	c.cutOff()
}

// cutOff lets the writer end the connection after what waits; false where that was said before.
func (c *serverClient) cutOff() (first bool) {
	c.mu.Lock()
	first, c.cut = !c.cut, true
	c.mu.Unlock()
	c.signal(c.wake)
	return first
}

// write sends what is appended, and a heartbeat where nothing was.
func (c *serverClient) write(ctx context.Context) {
	beat := time.NewTicker(c.s.opt.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			c.beat()
		case <-c.wake:
		}
		c.mu.Lock()
		out, cut := c.buf, c.cut
		c.buf, c.spare = c.spare[:0], nil
		c.mu.Unlock()
		if len(out) > 0 {
			if _, err := c.conn.Write(out); err != nil {
				return
			}
		}
		c.mu.Lock()
		c.spare = out[:0]
		c.mu.Unlock()
		c.signal(c.room)
		if cut {
			return
		}
	}
}

// beat appends a heartbeat if nothing else was appended since the last one. Its sequence tells of a lost tail.
func (c *serverClient) beat() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.mu.Lock()
	idle := c.frames == 0
	c.frames = 0
	c.mu.Unlock()
	if idle {
		c.control(frameBeat, c.s.clock(), nil)
		c.mu.Lock()
		c.frames = 0
		c.mu.Unlock()
	}
}

// add appends frames to what waits. A client that lets too much wait is cut off: the others must not wait for it.
func (c *serverClient) add(frames func([]byte) []byte) {
	c.mu.Lock()
	if !c.muted && !c.cut {
		c.buf = frames(c.buf)
		c.frames++
		if c.s.opt.Speed > 0 && len(c.buf) > c.s.opt.Queue {
			c.cut = true
			c.buf = c.buf[:0]
			c.s.opt.Log.Warn("feed client cut off: it reads too slowly", "bytes_waiting", c.s.opt.Queue)
		}
	}
	c.mu.Unlock()
	c.signal(c.wake)
}

func (c *serverClient) signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// waitForRoom lets the replay wait for a client that is behind.
func (c *serverClient) waitForRoom(ctx context.Context) {
	for {
		c.mu.Lock()
		enough := len(c.buf) < c.s.opt.Queue || c.muted || c.cut
		c.mu.Unlock()
		if enough {
			return
		}
		c.s.mu.Lock()
		_, here := c.s.clients[c]
		c.s.mu.Unlock()
		if !here {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-c.room:
		}
	}
}

// The rest is called with the server's lock held.

func (c *serverClient) control(kind uint8, now int64, body []byte) {
	c.add(func(b []byte) []byte { return appendFrame(b, kind, c.seq, now, body) })
}

// offer numbers a quote and sends what the line makes of it.
func (c *serverClient) offer(q *Quote, names Feed) {
	c.seq++
	numbered := *q
	numbered.Seq, numbered.Flags = c.seq, q.Flags&^FlagSnapshot
	if c.tamper == nil {
		c.send(&numbered, names)
		return
	}
	c.arrived = c.tamper.Deliver(&numbered, c.arrived[:0])
	for i := range c.arrived {
		switch a := &c.arrived[i]; {
		case a.Kind == KindStatus && a.Status == CutLine:
			c.cutOff()
		case a.Kind == KindStatus && a.Status == MuteLine:
			c.mu.Lock()
			c.muted = true
			c.mu.Unlock()
		default:
			c.send(a, names)
		}
	}
}

// state sends a quote of a snapshot.
func (c *serverClient) state(q Quote, names Feed) {
	q.Flags |= FlagSnapshot
	q.Seq = c.seq
	c.send(&q, names)
}

func (c *serverClient) send(q *Quote, names Feed) {
	source, known := c.sources[q.Source]
	if !known && (len(c.sources) > sourcesMost || len(q.Source) > textMost) {
		// A frame's number for it would be another's: the line ends rather than say something wrong.
		if c.cutOff() {
			c.s.opt.Log.Error("feed client cut off: too many sources, or one with too long a name", "sources", len(c.sources), "bytes", len(q.Source))
		}
		return
	}
	if !known {
		source = uint16(len(c.sources))
		c.sources[q.Source] = source
		body := append(binary.LittleEndian.AppendUint16(nil, source), q.Source...)
		c.control(frameSource, c.s.clock(), body)
	}
	if _, known := c.named[q.InstrumentID]; !known && q.InstrumentID != 0 {
		c.named[q.InstrumentID] = struct{}{}
		if name := names.Symbol(q.InstrumentID); name != "" && len(name) <= textMost {
			body := append(binary.LittleEndian.AppendUint64(nil, uint64(q.InstrumentID)), name...)
			c.control(frameName, c.s.clock(), body)
		}
	}
	now := c.s.clock()
	c.add(func(b []byte) []byte { return appendQuote(b, q, now, source) })
}
