package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/quickfixgo/quickfix"
	"github.com/quickfixgo/quickfix/config"
	"github.com/quickfixgo/quickfix/store/file"
)

// sessionID is the one FIX session of this venue, from its own side.
var sessionID = quickfix.SessionID{BeginString: quickfix.BeginStringFIX44, SenderCompID: "SIMVENUE", TargetCompID: "RISKD"}

// fixApp stands between the FIX engine's goroutines and the venue's loop. It holds no state of the venue: what comes in
// is parsed here and handed to the loop in order of arrival.
type fixApp struct {
	v *venue
}

func (a *fixApp) OnCreate(quickfix.SessionID) {}

func (a *fixApp) OnLogon(quickfix.SessionID) { a.v.post(a.v.onLogon) }

func (a *fixApp) OnLogout(quickfix.SessionID) { a.v.post(a.v.onLogout) }

func (a *fixApp) ToAdmin(*quickfix.Message, quickfix.SessionID) {}

func (a *fixApp) ToApp(*quickfix.Message, quickfix.SessionID) error { return nil }

// FromAdmin has nothing to add to what the FIX engine checks.
func (a *fixApp) FromAdmin(*quickfix.Message, quickfix.SessionID) quickfix.MessageRejectError {
	return nil
}

func (a *fixApp) FromApp(m *quickfix.Message, _ quickfix.SessionID) quickfix.MessageRejectError {
	kind, err := m.Header.GetString(tagMsgType)
	if err != nil {
		return err
	}
	handlers := map[string]func(*quickfix.Message) quickfix.MessageRejectError{
		"D": a.newOrder, "F": a.cancel, "AF": a.massStatus, "AN": a.positions, "BB": a.collateral, "V": a.marketData,
		"g": a.tradingSession, "G": a.replace, "BE": a.userRequest,
	}
	handle, ok := handlers[kind]
	if !ok {
		return quickfix.UnsupportedMessageType()
	}
	if account, err := optional(m, tagAccount); err != nil {
		return err
	} else if account != "" && account != a.v.region {
		return quickfix.ValueIsIncorrect(tagAccount)
	}
	return handle(m)
}

func (a *fixApp) newOrder(m *quickfix.Message) quickfix.MessageRejectError {
	order, err := parseNewOrder(m)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.newOrder(order) })
	return nil
}

func (a *fixApp) cancel(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagClOrdID)
	if err != nil {
		return err
	}
	orig, err := field(m, tagOrigClOrdID)
	if err != nil {
		return err
	}
	if len(id) > maxClOrdID {
		return quickfix.ValueIsIncorrect(tagClOrdID)
	}
	a.v.post(func() error { return a.v.cancelOrder(id, orig) })
	return nil
}

func (a *fixApp) replace(m *quickfix.Message) quickfix.MessageRejectError {
	r, err := parseReplacement(m)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.replaceOrder(r) })
	return nil
}

// userRequest is how a client whose Logon takes no further field asks for cancel on disconnect.
func (a *fixApp) userRequest(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagUserRequestID)
	if err != nil {
		return err
	}
	if _, err := code(m, tagUserRequestType, "4"); err != nil {
		return err
	}
	user, err := field(m, tagUsername)
	if err != nil {
		return err
	}
	if user != a.v.region {
		return quickfix.ValueIsIncorrect(tagUsername)
	}
	on, err := optional(m, tagCancelOnDisconnect)
	if err != nil {
		return err
	}
	if on != "" && on != "Y" && on != "N" {
		return quickfix.ValueIsIncorrect(tagCancelOnDisconnect)
	}
	a.v.post(func() error { return a.v.protect(id, on == "Y") })
	return nil
}

func (a *fixApp) massStatus(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagMassStatusReqID)
	if err != nil {
		return err
	}
	if _, err := code(m, tagMassStatusReqType, "7"); err != nil {
		return err
	}
	a.v.post(func() error { return a.v.massStatus(id) })
	return nil
}

func (a *fixApp) positions(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagPosReqID)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.positions(id) })
	return nil
}

func (a *fixApp) collateral(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := optional(m, tagCollInquiryID)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.collateral(id) })
	return nil
}

func (a *fixApp) marketData(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagMDReqID)
	if err != nil {
		return err
	}
	kind, err := code(m, tagSubscriptionType, "012")
	if err != nil {
		return err
	}
	symbols, err := parseSymbols(m)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.marketData(id, kind, symbols) })
	return nil
}

func (a *fixApp) tradingSession(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagTradSesReqID)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.sendSession(id) })
	return nil
}

// gatekeeper sees each connection before its logon. It keeps the current one so that a test can cut it, and bounds how
// long a client that reads nothing can hold the venue up.
type gatekeeper struct {
	mu     sync.Mutex
	conn   net.Conn
	refuse int
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
	g.conn = conn
	return nil
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

// fixLog sends the FIX engine's events to the JSON log. Messages are logged at debug level only.
type fixLog struct{ log *slog.Logger }

func (l fixLog) Create() (quickfix.Log, error) { return l, nil }

func (l fixLog) CreateSessionLog(quickfix.SessionID) (quickfix.Log, error) { return l, nil }

func (l fixLog) OnIncoming(m []byte) { l.log.Debug("fix in", "message", readable(m)) }

func (l fixLog) OnOutgoing(m []byte) { l.log.Debug("fix out", "message", readable(m)) }

func (l fixLog) OnEvent(text string) { l.log.Info("fix", "event", text) }

func (l fixLog) OnEventf(format string, args ...any) { l.OnEvent(fmt.Sprintf(format, args...)) }

func readable(m []byte) string { return string(bytes.ReplaceAll(m, []byte{1}, []byte{'|'})) }

// bindAttempts bounds the search for a port: between asking for a free one and binding it another process may take it.
const bindAttempts = 20

// startAcceptor serves FIX on a free port of the loopback interface and returns its address. Sequence numbers go on
// across connections and restarts in files under dir; no message is kept, so a resend request is answered by a gap fill
// and nothing stale is ever sent again. Numbers that a crash left behind are repaired by the protocol: that is why the
// files need no fsync.
func startAcceptor(app quickfix.Application, dir string, gate *gatekeeper, log *slog.Logger) (*quickfix.Acceptor, string, error) {
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
		s.Set(config.FileStorePath, dir)
		s.Set(config.FileStoreSync, "N")
		if _, err := settings.AddSession(s); err != nil {
			return nil, "", err
		}
		acceptor, err := quickfix.NewAcceptor(app, file.NewStoreFactory(settings), settings, fixLog{log})
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
