package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quickfixgo/quickfix"
	"github.com/quickfixgo/quickfix/config"
	"go.uber.org/goleak"
)

// patience bounds every wait of these tests; none depends on anything being fast.
const patience = 30 * time.Second

// venueBinary is built once by TestMain.
var venueBinary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "simvenue")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		venueBinary = filepath.Join(dir, "simvenue")
		build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", venueBinary, ".")...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		code := m.Run()
		// The client's library leaves timers whose word nobody waits for once its session has ended.
		err = goleak.Find(goleak.IgnoreAnyFunction("github.com/quickfixgo/quickfix.(*stateMachine).Connect.func1"),
			goleak.IgnoreAnyFunction("github.com/quickfixgo/quickfix.(*session).initiateLogoutInReplyTo.func1"))
		if err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

const (
	openNs  = int64(1_700_000_000_000_000_000)
	hourNs  = int64(3_600_000_000_000)
	closeNs = openNs + 6*hourNs
)

// home is a runtime directory with market files.
type home struct {
	t   testing.TB
	dir string
}

func newHome(t testing.TB) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "sv") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &home{t, dir}
}

// market writes a session's files and returns its path. Rows are offsetNs,id,symbol,kind,bid,ask,bid_size,ask_size.
func (h *home) market(session string, change map[string]any, rows ...string) string {
	h.t.Helper()
	spec := map[string]any{
		"region": "US", "session": session, "currency": "USD", "open_ns": openNs, "close_ns": closeNs,
		"breaks": [][]int64{}, "actions": []any{}, "initial_cash_micro": 1_000_000_000_000, // 1,000,000 USD
		"fees": map[string]any{"per_share_micro": 5000}, "reject_bp": 0, "seed": 7,
	}
	for k, v := range change {
		spec[k] = v
	}
	data, err := json.Marshal(spec)
	if err != nil {
		h.t.Fatal(err)
	}
	csv := "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n"
	for _, row := range rows {
		offset, rest, _ := strings.Cut(row, ",")
		d, err := time.ParseDuration(offset)
		if err != nil {
			h.t.Fatal(err)
		}
		csv += fmt.Sprintf("%d,%s,simulated\n", openNs+int64(d), rest)
	}
	path := filepath.Join(h.dir, session)
	for ext, content := range map[string][]byte{".json": data, ".csv": []byte(csv)} {
		if err := os.WriteFile(path+ext, content, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	return path
}

// process is a running venue.
type process struct {
	t    testing.TB
	home *home
	cmd  *exec.Cmd
	logs *bytes.Buffer
	done chan error
}

func (h *home) args(market string, speed float64) []string {
	return []string{
		"--dir", filepath.Join(h.dir, "venue"), "--control", filepath.Join(h.dir, "venue.sock"),
		"--market", market, "--speed", fmt.Sprint(speed), "--open-seconds", "0",
	}
}

// start runs the venue and waits for its READY line.
func (h *home) start(market string, speed float64, more ...string) *process {
	h.t.Helper()
	p := &process{t: h.t, home: h, logs: &bytes.Buffer{}, done: make(chan error, 1)}
	p.cmd = exec.Command(venueBinary, append(h.args(market, speed), more...)...)
	p.cmd.Stderr = p.logs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		ready <- line
		p.done <- p.cmd.Wait()
	}()
	h.t.Cleanup(p.kill)
	select {
	case line := <-ready:
		if !strings.HasPrefix(line, "READY {") {
			<-p.done
			p.done <- nil
			h.t.Fatalf("no READY line but %q; stderr: %s", line, p.logs)
		}
	case <-time.After(patience):
		h.t.Fatal("no READY line in time")
	}
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	if p.cmd.Process.Signal(syscall.SIGKILL) == nil {
		p.wait()
	}
	if strings.Contains(p.logs.String(), "DATA RACE") {
		p.t.Errorf("the venue races: %s", p.logs)
	}
}

func (p *process) wait() error {
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(patience):
		p.t.Error("the venue did not end")
		return nil
	}
}

// control sends one line to the control socket and returns the answer.
func (p *process) control(request string) map[string]any {
	p.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(p.home.dir, "venue.sock"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, request); err != nil {
		p.t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.NewDecoder(conn).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	return answer
}

func (p *process) waitState(state string) map[string]any {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if s := p.control(`{"cmd":"status"}`); s["state"] == state {
			return s
		}
	}
	p.t.Fatalf("the session did not become %s", state)
	return nil
}

// logLines is the venue's log as plain JSON objects.
func (h *home) logLines() []map[string]any {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, "venue", "log.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	var out []map[string]any
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			h.t.Fatalf("%q: %v", line, err)
		}
		out = append(out, m)
	}
	return out
}

// client is an independent FIX initiator that keeps what it receives in order.
type client struct {
	t         testing.TB
	initiator *quickfix.Initiator
	got       chan *quickfix.Message
	on, off   chan struct{}
	requests  int
}

var clientSession = quickfix.SessionID{BeginString: "FIX.4.4", SenderCompID: "RISKD", TargetCompID: "SIMVENUE"}

func (c *client) OnCreate(quickfix.SessionID)                       {}
func (c *client) OnLogon(quickfix.SessionID)                        { c.on <- struct{}{} }
func (c *client) OnLogout(quickfix.SessionID)                       { c.off <- struct{}{} }
func (c *client) ToAdmin(*quickfix.Message, quickfix.SessionID)     {}
func (c *client) ToApp(*quickfix.Message, quickfix.SessionID) error { return nil }
func (c *client) FromAdmin(m *quickfix.Message, _ quickfix.SessionID) quickfix.MessageRejectError {
	if kind, _ := m.MsgType(); kind == "3" {
		c.keep(m)
	}
	return nil
}

func (c *client) FromApp(m *quickfix.Message, _ quickfix.SessionID) quickfix.MessageRejectError {
	c.keep(m)
	return nil
}

func (c *client) keep(m *quickfix.Message) {
	kept := quickfix.NewMessage()
	if err := quickfix.ParseMessage(kept, bytes.NewBufferString(m.String())); err != nil {
		panic(err)
	}
	c.got <- kept
}

// connect logs on to the venue, starting the sequence numbers again.
func (p *process) connect() *client {
	p.t.Helper()
	return p.connectWith(quickfix.NewMemoryStoreFactory(), "Y")
}

// connectWith logs on with a store that may outlive the connection; reset is Y or N.
func (p *process) connectWith(store quickfix.MessageStoreFactory, reset string) *client {
	p.t.Helper()
	addr, err := os.ReadFile(filepath.Join(p.home.dir, "venue", "fix.addr"))
	if err != nil {
		p.t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(strings.TrimSpace(string(addr)))
	if err != nil {
		p.t.Fatal(err)
	}
	c := &client{t: p.t, got: make(chan *quickfix.Message, 100_000), on: make(chan struct{}, 100), off: make(chan struct{}, 100)}
	settings := quickfix.NewSettings()
	s := quickfix.NewSessionSettings()
	for k, v := range map[string]string{
		config.BeginString: "FIX.4.4", config.SenderCompID: "RISKD", config.TargetCompID: "SIMVENUE",
		config.SocketConnectHost: host, config.SocketConnectPort: port, config.HeartBtInt: "30",
		config.ReconnectInterval: "1", config.PersistMessages: "N", config.ResetOnLogon: reset,
	} {
		s.Set(k, v)
	}
	if _, err := settings.AddSession(s); err != nil {
		p.t.Fatal(err)
	}
	if c.initiator, err = quickfix.NewInitiator(c, store, settings, quickfix.NewNullLogFactory()); err != nil {
		p.t.Fatal(err)
	}
	if err := c.initiator.Start(); err != nil {
		p.t.Fatal(err)
	}
	stopped := false
	p.t.Cleanup(func() {
		if !stopped {
			stopped = true
			c.close()
		}
	})
	c.waitLogon()
	return c
}

// close ends the client; its session's name is free again.
func (c *client) close() {
	if c.initiator != nil {
		c.initiator.Stop()
		c.initiator = nil
	}
}

func (c *client) waitLogon() {
	c.t.Helper()
	select {
	case <-c.on:
	case <-time.After(patience):
		c.t.Fatal("no logon in time")
	}
}

func (c *client) send(msgType string, fields map[quickfix.Tag]string) {
	c.t.Helper()
	m := quickfix.NewMessage()
	m.Header.SetString(35, msgType)
	for tag, v := range fields {
		m.Body.SetString(tag, v)
	}
	if err := quickfix.SendToTarget(m, clientSession); err != nil {
		c.t.Fatal(err)
	}
}

// order sends a D; px "" makes a market order.
func (c *client) order(id, symbol, side, qty, px, tif string) {
	c.t.Helper()
	f := map[quickfix.Tag]string{
		1: "US", 11: id, 55: symbol, 54: side, 38: qty, 40: "1", 59: tif, 60: "20231114-22:13:20.000",
	}
	if px != "" {
		f[40], f[44] = "2", px
	}
	c.send("D", f)
}

// next returns the next message that matches want; what comes before it is dropped.
func (c *client) next(msgType string, want map[quickfix.Tag]string) *quickfix.Message {
	c.t.Helper()
	m := c.nextWithin(patience, msgType, want)
	if m == nil {
		c.t.Fatalf("no %s with %v in time", msgType, want)
	}
	return m
}

// nextWithin is next that gives up after d and returns nil.
func (c *client) nextWithin(d time.Duration, msgType string, want map[quickfix.Tag]string) *quickfix.Message {
	timeout := time.After(d)
	for {
		select {
		case m := <-c.got:
			if kind, _ := m.MsgType(); kind == msgType && matches(m, want) {
				return m
			}
		case <-timeout:
			return nil
		}
	}
}

func matches(m *quickfix.Message, want map[quickfix.Tag]string) bool {
	for tag, v := range want {
		if get(m, tag) != v {
			return false
		}
	}
	return true
}

func get(m *quickfix.Message, tag quickfix.Tag) string {
	v, err := m.Body.GetString(tag)
	if err != nil {
		return ""
	}
	return v
}

// expect fails unless every field is as wanted.
func expect(t *testing.T, m *quickfix.Message, want map[quickfix.Tag]string) {
	t.Helper()
	for tag, v := range want {
		if got := get(m, tag); got != v {
			t.Errorf("tag %d = %q, want %q in %s", tag, got, v, readable([]byte(m.String())))
		}
	}
}

// waitInSync returns once a question is answered. What this client sends while the two sides still settle their numbers
// goes under in the gap fill that settles them, for it keeps no message to send again: so it asks until it is answered.
func (c *client) waitInSync() {
	c.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		c.requests++
		id := fmt.Sprintf("SYNC%d", c.requests)
		c.send("g", map[quickfix.Tag]string{335: id, 263: "0"})
		if c.nextWithin(time.Second, "h", map[quickfix.Tag]string{335: id}) != nil {
			return
		}
	}
	c.t.Fatal("the two sides do not agree on their numbers in time")
}

// massStatus returns the status report of every order, by ClOrdID, and the number announced.
func (c *client) massStatus() (map[string]*quickfix.Message, string) {
	c.t.Helper()
	c.requests++
	id := fmt.Sprintf("MS%d", c.requests)
	c.send("AF", map[quickfix.Tag]string{584: id, 585: "7", 60: "20231114-22:13:20.000"})
	out := map[string]*quickfix.Message{}
	for {
		m := c.next("8", map[quickfix.Tag]string{584: id, 150: "I"})
		if get(m, 11) != "" {
			out[get(m, 11)] = m
		}
		if get(m, 912) == "Y" {
			return out, get(m, 911)
		}
	}
}

// account returns the positions (symbol -> quantity), the cash and the net value.
func (c *client) account() (map[string]string, string, string) {
	c.t.Helper()
	c.requests++
	id := fmt.Sprintf("P%d", c.requests)
	c.send("AN", map[quickfix.Tag]string{710: id, 724: "0", 1: "US", 581: "1", 715: "20231114", 60: "20231114-22:13:20.000"})
	ack := c.next("AO", map[quickfix.Tag]string{710: id})
	positions := map[string]string{}
	for n := get(ack, 727); fmt.Sprint(len(positions)) != n; {
		m := c.next("AP", map[quickfix.Tag]string{710: id})
		positions[get(m, 55)] = get(m, 704)
	}
	c.send("BB", map[quickfix.Tag]string{909: id})
	ba := c.next("BA", map[quickfix.Tag]string{909: id})
	return positions, get(ba, 901), get(ba, 900)
}
