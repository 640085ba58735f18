package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/jsonlog"
)

// ServerOptions are the settings of a simulated live stream.
type ServerOptions struct {
	Source    Feed          // connected and subscribed; the server reads it once, for all clients
	Speed     float64       // replayed seconds a wall second; 0: as fast as the slowest client reads
	Anchor    time.Time     // when, on the wall, the source's first quote is due; zero: when the replay starts
	Heartbeat time.Duration // between frames at most; 0: 250 ms
	Wait      int           // clients that must have subscribed before the replay starts; an Anchor in the past waits for none
	FromNs    int64         // what the source dates before this was told before this server began: it only makes the state; 0: nothing was
	Queue     int           // bytes that may wait for a client before it is cut off; 0: 8 MiB
	Epoch     uint64        // tells this server from an earlier one
	Clock     clock.Clock   // nil: the machine's
	Tamper    func() Tamper // what is wrong with a client's line; nil: nothing
	Log       *slog.Logger  // nil: none
}

// Tamper is a faulty line: it gets every numbered quote and returns what arrives in its place, in out. It may answer
// with CutLine and MuteLine.
type Tamper interface {
	Deliver(q *Quote, out []Quote) []Quote
}

// What a Tamper may do to the whole line: statuses that never leave the server.
const (
	CutLine  Status = 200 // the connection is closed
	MuteLine Status = 201 // nothing is sent any more, no heartbeat either, and the connection stays
)

// Server replays a source to any number of clients. A client that subscribes late, or again, gets a snapshot of the
// last quote, the last trade or print and the halt of each of its instruments, then everything that follows.
type Server struct {
	opt      ServerOptions
	mu       sync.Mutex // guards what follows
	state    map[int64]*lastOf
	order    []int64 // instruments as first seen: snapshots are in one order
	phase    Quote   // the last open, break or close
	clients  map[*serverClient]struct{}
	now      int64 // the replayed moment of the last quote
	first    int64 // of the first one, which was due at
	anchor   time.Time
	ready    int // clients that have subscribed
	started  chan struct{}
	caught   chan struct{} // closed when what was due before the start is in the state
	begun    bool
	over     bool
	accepted sync.WaitGroup
}

// lastOf is what a snapshot tells of an instrument. A Kind of 0 is nothing yet.
type lastOf struct{ quote, trade, halt Quote }

// NewServer returns a server for a source that is connected.
func NewServer(opt ServerOptions) (*Server, error) {
	var all []error
	if opt.Source == nil {
		all = append(all, errors.New("feed server: a source is missing"))
	}
	if !(opt.Speed >= 0) || math.IsInf(opt.Speed, 0) {
		all = append(all, fmt.Errorf("feed server: speed %v: give 0 (as fast as clients read) or more", opt.Speed))
	}
	if opt.Heartbeat < 0 || opt.Heartbeat > time.Hour || opt.Heartbeat > 0 && opt.Heartbeat < time.Millisecond {
		all = append(all, fmt.Errorf("feed server: a heartbeat every %v: give 1 ms to 1 h", opt.Heartbeat))
	}
	if opt.Queue < 0 || opt.Wait < 0 {
		all = append(all, fmt.Errorf("feed server: queue of %d bytes and %d clients to wait for: must not be negative", opt.Queue, opt.Wait))
	}
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	if opt.Heartbeat == 0 {
		opt.Heartbeat = 250 * time.Millisecond
	}
	if opt.Queue == 0 {
		opt.Queue = 8 << 20
	}
	if opt.Clock == nil {
		opt.Clock = clock.System{}
	}
	if opt.Log == nil {
		opt.Log = jsonlog.Discard()
	}
	s := &Server{opt: opt, state: map[int64]*lastOf{}, clients: map[*serverClient]struct{}{}, started: make(chan struct{}), caught: make(chan struct{})}
	behind := !opt.Anchor.IsZero() && opt.Anchor.Before(opt.Clock.Now())
	if opt.Wait == 0 || behind {
		s.begun = true
		close(s.started)
	}
	if !behind && opt.FromNs == 0 {
		s.caughtUp()
	}
	return s, nil
}

// CaughtUp lets subscriptions in that wait for what comes before FromNs. A Source that waits for its next quote calls it
// from its Next, when everything it had is told.
func (s *Server) CaughtUp() { s.caughtUp() }

// Serve accepts clients on l and replays until the source ends, then goes on answering until ctx ends. It closes l and
// leaves no goroutine behind.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	s.accepted.Add(1)
	go func() {
		defer s.accepted.Done()
		s.accept(ctx, l)
	}()
	err := s.replay(ctx)
	if err == nil {
		s.end()
		<-ctx.Done()
	}
	cancel()
	s.accepted.Wait()
	return err
}

func (s *Server) accept(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil {
				s.opt.Log.Error("no more feed clients are accepted", "error", err.Error())
			}
			return
		}
		c := newServerClient(s, conn)
		s.accepted.Add(1)
		go func() {
			defer s.accepted.Done()
			c.run(ctx)
		}()
	}
}

// publish takes a quote into the state and sends it to who wants it.
func (s *Server) publish(ctx context.Context, q *Quote, quiet bool) {
	s.mu.Lock()
	s.remember(q)
	s.now = max(s.now, q.TsNs)
	if quiet {
		s.mu.Unlock()
		return
	}
	var slow []*serverClient
	for c := range s.clients {
		if c.subscribed && c.want.has(q.InstrumentID) {
			c.offer(q, s.opt.Source)
			if s.opt.Speed == 0 {
				slow = append(slow, c)
			}
		}
	}
	s.mu.Unlock()
	for _, c := range slow {
		c.waitForRoom(ctx)
	}
}

func (s *Server) remember(q *Quote) {
	if q.InstrumentID == 0 {
		switch q.Status {
		case StatusOpen, StatusBreak, StatusClose:
			s.phase = *q
		}
		return
	}
	of := s.state[q.InstrumentID]
	if of == nil {
		of = &lastOf{}
		s.state[q.InstrumentID] = of
		s.order = append(s.order, q.InstrumentID)
	}
	switch q.Kind {
	case KindQuote:
		of.quote = *q
	case KindTrade, KindAuction:
		of.trade = *q
	case KindStatus:
		of.halt = *q
	}
}

// subscribed marks a client as one that listens, with a snapshot first: of now, so it waits for a replay that has to
// catch up.
func (s *Server) subscribed(ctx context.Context, c *serverClient, want choice) {
	select {
	case <-ctx.Done():
		return
	case <-s.caught:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.subscribed {
		s.ready++
		if s.ready >= s.opt.Wait && !s.begun {
			s.begun = true
			close(s.started)
		}
	}
	c.subscribed, c.want = true, want
	c.seq = 0
	s.snapshot(c)
}

// snapshot sends the state; the lock is held, so that it lies between two messages.
func (s *Server) snapshot(c *serverClient) {
	c.control(frameSnapBegin, s.clock(), nil)
	if s.phase.Kind == KindStatus {
		c.state(s.phase, s.opt.Source)
	}
	for _, id := range s.order {
		if !c.want.has(id) {
			continue
		}
		of := s.state[id]
		for _, q := range [...]*Quote{&of.halt, &of.trade, &of.quote} {
			if q.Kind != 0 {
				c.state(*q, s.opt.Source)
			}
		}
	}
	c.control(frameSnapEnd, s.clock(), nil)
	if s.over {
		c.control(frameEnd, s.clock(), nil)
	}
}

func (s *Server) resend(c *serverClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.subscribed {
		s.snapshot(c)
	}
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.clients {
		if c.subscribed {
			c.control(frameEnd, s.clock(), nil)
		}
	}
}
