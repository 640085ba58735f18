package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/quickfixgo/quickfix"
	"github.com/quickfixgo/quickfix/config"
	"golang.org/x/sys/unix"

	"dnalyaw/execution/internal/stamp"
)

// gatekeeper sees each connection before its logon. It keeps the current one so that a test can cut it, and bounds how
// long a client that reads nothing can hold the venue up.
//
// It also corks the connection while a batch of messages is written: the FIX engine writes each with a call of its own, and each
// would be a packet through the whole of TCP, which costs venue and client several times what the message does.
type gatekeeper struct {
	mu     sync.Mutex
	conn   net.Conn
	refuse int

	stamps *stamp.File // of the orders that come in; nil = none are wanted

	unwritten int // messages of the batch that the engine has not taken yet
	corked    bool
}

var errRefused = errors.New("refused: a disconnect fault is set")

// Validate implements quickfix.ConnectionValidator.
func (g *gatekeeper) Validate(conn net.Conn, _ quickfix.SessionID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse > 0 {
		g.refuse--
		return errRefused
	}
	g.conn, g.unwritten, g.corked = conn, 0, false
	return nil
}

// batch announces n messages. A message of the engine's own among them only ends the batch early.
func (g *gatekeeper) batch(n int) {
	if n < 2 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unwritten += n; !g.corked {
		g.cork(true)
	}
}

// written tells that the engine has taken a message.
func (g *gatekeeper) written() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unwritten = max(g.unwritten-1, 0); g.unwritten == 0 && g.corked {
		g.cork(false)
	}
}

// cork is a hint: a connection that takes none is slower. The kernel sends what is corked after 200 ms at the latest.
func (g *gatekeeper) cork(on bool) {
	conn, ok := g.conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	value := 0
	if on {
		value = 1
	}
	if raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, value) }) == nil && err == nil {
		g.corked = on
	}
}

// cut closes the current connection without a logout and refuses the next n-1.
func (g *gatekeeper) cut(n int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = n - 1
	if g.conn == nil {
		return nil
	}
	conn := g.conn
	g.conn = nil
	return conn.Close()
}

// writeWithin is how long one write may take before the connection counts as dead.
const writeWithin = 15 * time.Second

func (g *gatekeeper) extend(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn == nil {
		return nil
	}
	return g.conn.SetWriteDeadline(now.Add(writeWithin))
}

// fixLog sends the FIX engine's events to the JSON log. Messages are logged at debug level only. It is also where the session's
// goroutine tells that a message came or went.
type fixLog struct {
	log   *slog.Logger
	debug bool
	gate  *gatekeeper
	pace  *pacer
}

func newFixLog(log *slog.Logger, gate *gatekeeper, pace *pacer) fixLog {
	return fixLog{log, log.Enabled(context.Background(), slog.LevelDebug), gate, pace}
}

func (l fixLog) Create() (quickfix.Log, error) { return l, nil }

func (l fixLog) CreateSessionLog(quickfix.SessionID) (quickfix.Log, error) { return l, nil }

func (l fixLog) OnIncoming(m []byte) {
	l.pace.moved()
	if l.gate.stamps != nil {
		if id, ok := orderNumber(m); ok {
			l.gate.stamps.Put(stamp.Received, id)
		}
	}
	if l.debug {
		l.log.Debug("fix in", "message", readable(m))
	}
}

// OnOutgoing comes after a message was handed to the goroutine that writes it: it may write it now.
func (l fixLog) OnOutgoing(m []byte) {
	l.pace.moved()
	runtime.Gosched()
	l.gate.written()
	if l.debug {
		l.log.Debug("fix out", "message", readable(m))
	}
}

func (l fixLog) OnEvent(text string) { l.log.Info("fix", "event", text) }

func (l fixLog) OnEventf(format string, args ...any) { l.OnEvent(fmt.Sprintf(format, args...)) }

func readable(m []byte) string { return string(bytes.ReplaceAll(m, []byte{1}, []byte{'|'})) }

// bindAttempts bounds the search for a port: between asking for a free one and binding it another process may take it.
const bindAttempts = 20

// startAcceptor serves FIX on a free port of the loopback interface and returns its address. Sequence numbers go on
// across connections and restarts in files under dir; no message is kept, so a resend request is answered by a gap fill
// and nothing stale is ever sent again.
func startAcceptor(app quickfix.Application, dir string, gate *gatekeeper, log *slog.Logger) (*quickfix.Acceptor, string, error) {
	store, err := openSeqStore(dir, sessionID)
	if err != nil {
		return nil, "", err
	}
	var last error
	for range bindAttempts {
		port, err := freePort()
		if err != nil {
			return nil, "", err
		}
		settings := quickfix.NewSettings()
		global := settings.GlobalSettings()
		global.Set(config.SocketAcceptHost, "127.0.0.1")
		global.Set(config.SocketAcceptPort, strconv.Itoa(port))
		s := quickfix.NewSessionSettings()
		s.Set(config.BeginString, sessionID.BeginString)
		s.Set(config.SenderCompID, sessionID.SenderCompID)
		s.Set(config.TargetCompID, sessionID.TargetCompID)
		s.Set(config.PersistMessages, "N")
		if _, err := settings.AddSession(s); err != nil {
			return nil, "", err
		}
		acceptor, err := quickfix.NewAcceptor(app, store, settings, newFixLog(log, gate, &store.pace))
		if err != nil {
			return nil, "", err
		}
		acceptor.SetConnectionValidator(gate)
		if last = acceptor.Start(); last == nil {
			return acceptor, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
		}
		if err := quickfix.UnregisterSession(sessionID); err != nil {
			return nil, "", err
		}
	}
	return nil, "", fmt.Errorf("no free port for FIX after %d attempts: %w", bindAttempts, last)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
