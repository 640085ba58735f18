package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"dnalyaw/execution/internal/sim"
)

// maxUnixPath is what a Unix socket's address holds.
const maxUnixPath = 107

// maxControlLine bounds one request.
const maxControlLine = 4096

// controlServer answers JSON lines on a Unix socket that its owner alone can open. It starts the clock, tells how the session and
// the account stand, halts instruments and sets faults; it cannot place, change or show an order.
type controlServer struct {
	v   *venue
	l   net.Listener
	log *slog.Logger
}

type controlRequest struct {
	Cmd  string `json:"cmd"`
	Kind string `json:"kind"`
	N    int    `json:"n"`

	InstrumentID int64 `json:"instrument_id"` // halt, resume
	Px           int64 `json:"px_micro"`      // resume: print of the reopening auction, 0 = with the next row
}

type controlStatus struct {
	Session  string `json:"session"`
	State    string `json:"state"`
	ClockNs  int64  `json:"clock_ns"`
	Orders   int    `json:"orders"`
	Fills    int    `json:"fills"`
	LoggedOn bool   `json:"logged_on"`
}

// listenControl binds the socket. The caller holds the lock on --dir, so what lies at the path is left from a killed
// process; anything but a socket there is not ours to remove.
func listenControl(path string, v *venue, log *slog.Logger) (*controlServer, error) {
	l, err := listenUnix("--control", path)
	if err != nil {
		return nil, err
	}
	return &controlServer{v: v, l: l, log: log}, nil
}

// listenUnix listens on a socket for this user alone; what a process that is gone has left of it is removed.
func listenUnix(option, path string) (net.Listener, error) {
	if len(path) > maxUnixPath {
		return nil, fmt.Errorf("%s %s is longer than the %d bytes a Unix socket's path can have", option, path, maxUnixPath)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("%s %s exists and is no socket", option, path)
		}
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("%s %s is served by another process", option, path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (c *controlServer) serve() {
	for {
		conn, err := c.l.Accept()
		if err != nil {
			return // the listener was closed
		}
		go c.handle(conn)
	}
}

func (c *controlServer) handle(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 512), maxControlLine)
	out := json.NewEncoder(conn)
	for lines.Scan() {
		if err := out.Encode(c.answer(lines.Bytes())); err != nil {
			return
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.log.Warn("control connection ended", "error", err.Error())
	}
}

func (c *controlServer) answer(line []byte) any {
	var req controlRequest
	if err := json.Unmarshal(line, &req); err != nil {
		return refusal(fmt.Errorf("not a JSON object: %w", err))
	}
	reply := make(chan any, 1)
	c.v.post(func() error {
		answer, err := c.v.control(req)
		c.v.answers = append(c.v.answers, func() { reply <- answer }) // once it is journaled
		return err
	})
	select {
	case answer := <-reply:
		return answer
	case <-c.v.done:
		return refusal(errors.New("the venue is stopping"))
	}
}

func refusal(err error) any { return map[string]string{"error": err.Error()} }

// control runs in the venue's loop. The error stops the venue; what a caller got wrong is in the answer.
func (v *venue) control(req controlRequest) (any, error) {
	switch req.Cmd {
	case "start":
		if err := v.start(); err != nil {
			return refusal(err), err
		}
		return v.status(), nil
	case "status":
		return v.status(), nil
	case "account":
		return v.account(), nil
	case "halt", "resume":
		why, err := v.halt(req)
		if err != nil {
			return refusal(err), err
		}
		if why != "" {
			return refusal(errors.New(why)), nil
		}
		return v.status(), nil
	case "fault":
		if req.N < 0 {
			return refusal(fmt.Errorf("n is %d: give 0 or more", req.N)), nil
		}
		v.log.Warn("fault set", "kind", req.Kind, "n", req.N)
		var err error
		switch req.Kind {
		case "disconnect":
			err = v.gate.cut(max(req.N, 1))
		case "correct":
			why, broken := v.correctLast(int64(req.N))
			if broken != nil {
				return refusal(broken), broken
			}
			if why != "" {
				return refusal(errors.New(why)), nil
			}
		default:
			err = v.wire.set(req.Kind, req.N, v.wall.Now())
		}
		if err != nil {
			return refusal(err), nil
		}
		return v.status(), nil
	}
	return refusal(fmt.Errorf("unknown cmd %q: give start, status, account, halt, resume or fault", req.Cmd)), nil
}

func (v *venue) status() controlStatus {
	orders, fills := v.engine.Counts()
	at := v.engine.NowNs()
	if v.clock.Running() && v.engine.Phase() != "closed" {
		at = v.nowNs()
	}
	return controlStatus{
		Session: v.engine.Day().Session.Session, State: string(v.engine.Phase()), ClockNs: at, Orders: orders,
		Fills: fills, LoggedOn: v.loggedOn,
	}
}

// controlAccount is the account as the venue has it. Money is in millionths of the currency.
type controlAccount struct {
	Session     string            `json:"session"`
	Currency    string            `json:"currency"`
	Cash        int64             `json:"cash_micro"`
	Settled     int64             `json:"settled_cash_micro"`
	BuyingPower int64             `json:"buying_power_micro"`
	Value       int64             `json:"value_micro"`
	Unsettled   []sim.Unsettled   `json:"unsettled"`
	Positions   []controlPosition `json:"positions"`
}

type controlPosition struct {
	InstrumentID int64  `json:"instrument_id"`
	Symbol       string `json:"symbol"`
	Qty          int64  `json:"qty"`
	SettledQty   int64  `json:"settled_qty"`
	Mark         int64  `json:"mark_micro"`
}

func (v *venue) account() controlAccount {
	day := v.engine.Day()
	a := controlAccount{
		Session: day.Session.Session, Currency: day.Currency, Cash: v.engine.Cash(), Settled: v.engine.SettledCash(),
		BuyingPower: v.engine.BuyingPower(), Value: v.engine.Value(), Unsettled: v.engine.Unsettled(), Positions: []controlPosition{},
	}
	for _, p := range v.engine.Positions() {
		a.Positions = append(a.Positions, controlPosition{p.InstrumentID, p.Symbol, p.Qty, v.engine.SettledShares(p.InstrumentID), p.Mark})
	}
	return a
}

// halt stops an instrument or lets it trade again; why says what stands against it.
func (v *venue) halt(req controlRequest) (why string, err error) {
	var records []sim.Record
	if req.Cmd == "halt" {
		records, why, err = v.engine.HaltInstrument(v.clock.NowNs(), req.InstrumentID)
	} else {
		records, why, err = v.engine.ResumeInstrument(v.clock.NowNs(), req.InstrumentID, req.Px)
	}
	if err != nil {
		return "", err
	}
	return why, v.commit(records)
}
