package jsonlog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of an asynchronous log.
const (
	defaultRoom  = 8 << 20               // bytes that lines below WARN may fill
	flushEvery   = 50 * time.Millisecond // how long a line waits at most
	flushFrom    = 256 << 10             // bytes that are written without waiting
	errorWait    = 100 * time.Millisecond
	reserveTimes = 2 // lines from WARN on may fill so many times the room
)

// Async carries log lines from their callers to a writer. A caller only copies its line into memory: no system call, and
// no waiting for whoever reads the log. Lines keep their order.
//
// Memory is bounded. When the reader is so slow that the room is full, lines below WARN are dropped; lines from WARN on
// have as much room again. What was dropped is counted, and one line says so once there is room.
//
// A line is written within 50 ms, from WARN on at once. A line at ERROR is with the system when the logging call
// returns, unless the reader takes nothing: after 100 ms the caller goes on. Close writes what is left.
//
// Threading: any goroutine may log; Close is called once, after which lines are written by their callers.
type Async struct {
	w        io.Writer
	room     int
	announce func(dropped uint64) []byte

	mu      sync.Mutex
	moved   sync.Cond // progress of the writer
	lines   []byte    // wait to be written
	spare   []byte    // the other buffer
	added   uint64    // lines ever taken
	written uint64    // lines ever written
	stuck   bool      // the reader took nothing for errorWait
	told    uint64    // dropped lines that a line has spoken of
	closed  bool

	urgent  chan struct{}
	stop    chan struct{}
	done    chan struct{}
	dropped [2]atomic.Uint64 // below WARN, from WARN on
	failed  atomic.Uint64
}

// NewAsync returns a logger like New's that writes through an Async. room is the bound in bytes; 0 = 8 MiB.
func NewAsync(w io.Writer, component string, level slog.Leveler, room int) (*slog.Logger, *Async) {
	if room <= 0 {
		room = defaultRoom
	}
	a := &Async{w: w, room: room, urgent: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	a.moved.L = &a.mu
	a.announce = func(n uint64) []byte {
		var line lineBuffer
		New(&line, component, slog.LevelInfo).Warn("log lines were dropped: whoever reads this log is too slow", "dropped", n)
		return line
	}
	go a.run()
	handler := asyncHandler{async: a}
	for i, floor := range floors {
		handler.inner[i] = newHandler(&asyncWriter{a, floor}, level)
	}
	return slog.New(handler).With("component", component), a
}

type lineBuffer []byte

func (l *lineBuffer) Write(p []byte) (int, error) { *l = append(*l, p...); return len(p), nil }

// floors are the classes of lines by their lowest level; each has a handler of its own, so that its writer knows the class.
var floors = [...]slog.Level{slog.LevelDebug, slog.LevelWarn, slog.LevelError}

func classOf(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 2
	case level >= slog.LevelWarn:
		return 1
	}
	return 0
}

type asyncHandler struct {
	async *Async
	inner [len(floors)]slog.Handler
}

func (h asyncHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner[0].Enabled(ctx, level)
}

func (h asyncHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.inner[classOf(r.Level)].Handle(ctx, r)
}

func (h asyncHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range h.inner {
		h.inner[i] = h.inner[i].WithAttrs(attrs)
	}
	return h
}

func (h asyncHandler) WithGroup(name string) slog.Handler {
	for i := range h.inner {
		h.inner[i] = h.inner[i].WithGroup(name)
	}
	return h
}

// asyncWriter takes the lines of one class; slog's handler writes a line in one call.
type asyncWriter struct {
	a     *Async
	floor slog.Level
}

func (w *asyncWriter) Write(line []byte) (int, error) { return len(line), w.a.take(line, w.floor) }

// take keeps a line until it is written, or drops it.
func (a *Async) take(line []byte, floor slog.Level) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		_, err := a.w.Write(line)
		return err
	}
	room, class := a.room, 0
	if floor >= slog.LevelWarn {
		room, class = reserveTimes*a.room, 1
	}
	if len(a.lines)+len(line) > room {
		a.dropped[class].Add(1)
		return nil
	}
	before := len(a.lines)
	a.lines = append(a.lines, line...)
	a.added++
	mine := a.added
	if floor >= slog.LevelWarn || before < flushFrom && len(a.lines) >= flushFrom {
		a.hurry()
	}
	if floor >= slog.LevelError && !a.stuck {
		a.await(mine)
	}
	return nil
}

func (a *Async) hurry() {
	select {
	case a.urgent <- struct{}{}:
	default:
	}
}

// await lets a caller wait until its line is written. A reader that takes nothing costs one caller the wait, and no
// other until it takes something again.
func (a *Async) await(line uint64) {
	late := time.AfterFunc(errorWait, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.written < line {
			a.stuck = true
			a.moved.Broadcast()
		}
	})
	defer late.Stop()
	for a.written < line && !a.stuck {
		a.moved.Wait()
	}
}

func (a *Async) run() {
	defer close(a.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-a.urgent:
		case <-a.stop:
			a.flush()
			return
		}
		a.flush()
	}
}

// flush writes what waits, and says afterwards what had to be dropped.
func (a *Async) flush() {
	a.mu.Lock()
	batch, upTo := a.lines, a.added
	a.lines, a.spare = a.spare[:0], nil
	lost := a.dropped[0].Load() + a.dropped[1].Load()
	untold := lost - a.told
	a.told = lost
	a.mu.Unlock()
	if untold > 0 {
		batch = append(batch, a.announce(untold)...)
	}
	if len(batch) > 0 {
		if _, err := a.w.Write(batch); err != nil {
			a.failed.Add(1) // there is nobody left to tell but the metrics
		}
	}
	a.mu.Lock()
	if cap(batch) <= flushFrom*4 {
		a.spare = batch[:0]
	}
	a.written, a.stuck = upTo, false
	a.moved.Broadcast()
	a.mu.Unlock()
}

// Dropped is how many lines below WARN, and from WARN on, had no room.
func (a *Async) Dropped() (below, from uint64) { return a.dropped[0].Load(), a.dropped[1].Load() }

// Failed is how many writes failed; their lines are lost.
func (a *Async) Failed() uint64 { return a.failed.Load() }

// Close writes what is left and ends. It waits for the writer.
func (a *Async) Close() error {
	close(a.stop)
	<-a.done
	a.mu.Lock()
	a.closed = true
	rest := a.lines
	a.lines = nil
	a.mu.Unlock()
	if len(rest) > 0 { // logged while the last lines were written
		if _, err := a.w.Write(rest); err != nil {
			a.failed.Add(1)
		}
	}
	if n := a.failed.Load(); n > 0 {
		return fmt.Errorf("%d writes of the log failed", n)
	}
	return nil
}
