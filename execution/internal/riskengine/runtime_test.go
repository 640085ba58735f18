//go:build oms_backtest

package riskengine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnalyaw/execution/internal/frame"
)

// tape is the market of the test: six names, a quote of each in every round, no two at one moment.
type tape struct {
	open   int64
	rounds int
}

const (
	names      = 6
	roundEvery = 60 * second
	// Replayed seconds a wall second: a round lasts two wall seconds and a half, and no quote is coalesced with the next.
	speed = 24
)

func (m tape) ts(round int, id int64) int64 {
	return m.open + int64(round)*roundEvery + id*1_000_000
}

// quote of a round: prices wander by a few ticks, and in round 4 name 1 falls through its stop.
func (m tape) quote(round int, id int64) Quote {
	mid := 100*one + (int64(round)*7+id*3)%11*10_000
	if round >= 4 && id == 1 {
		mid -= 6 * one
	}
	return Quote{uint64(id), mid - 10_000, mid + 10_000, 0, m.ts(round, id)}
}

// quotes up to and including a moment, from a place in the tape on.
func (m tape) until(from int, ts int64) (out []Quote, next int) {
	for ; from < m.rounds*names; from++ {
		q := m.quote(from/names, int64(from%names)+1)
		if q.TsNs > ts {
			break
		}
		out = append(out, q)
	}
	return out, from
}

// programs finds riskd and simvenue, or skips: Go's tests must run where Rust's were not built.
func programs(t *testing.T) (riskd, simvenue string) {
	t.Helper()
	dir := os.Getenv("DNALYAW_BIN")
	if dir == "" {
		dir = "../../../build/bin"
	}
	for _, p := range []*string{&riskd, &simvenue} {
		*p = filepath.Join(dir, map[*string]string{&riskd: "riskd", &simvenue: "simvenue"}[p])
		if _, err := os.Stat(*p); err != nil {
			t.Skipf("%v: run make setup, or say with DNALYAW_BIN where the programs are", err)
		}
	}
	return riskd, simvenue
}

// lockedBuffer is a program's log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-4_000):])
}

// launch starts a program and waits for READY.
func launch(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	log := &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(program), log.tail())
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "READY {") {
		t.Fatalf("%s: no READY: %q, %v\n%s", program, line, err, log.tail())
	}
}

// runtime is the real riskd before the real simvenue, and a line to riskd.
type runtime struct {
	t   *testing.T
	dir string
	c   net.Conn
	in  *bufio.Reader
	got uint64

	mu  sync.Mutex
	seq uint64
}

func start(t *testing.T, m tape, reference []byte) *runtime {
	riskd, simvenue := programs(t)
	// The path of a Unix socket has room for 108 bytes, and t.TempDir is named after the test.
	dir, err := os.MkdirTemp("", "riskengine")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) { must(t, os.WriteFile(in(name), []byte(text), 0o600)) }
	write("reference.json", string(reference))
	write("2026-11-23.json", fmt.Sprintf(`{"region":"US","session":"2026-11-23","currency":"USD","open_ns":%d,"close_ns":%d,"breaks":[],"actions":[],
		"initial_cash_micro":1000000000000,"fees":{"per_share_micro":5000,"bp_milli":1500},"reject_bp":0,"seed":7,
		"locate":[{"instrument_id":2,"qty":500},{"instrument_id":5,"qty":500}]}`, m.open, m.open+int64(6*time.Hour)))
	csv := "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n"
	quotes, _ := m.until(0, 1<<62)
	for i, q := range quotes {
		size := 120 + i
		if i >= 4*names {
			// A closing order that fills in part waits by the machine's clock in riskd and by the venue's here.
			size = 10_000
		}
		csv += fmt.Sprintf("%d,%d,N%d,quote,%d,%d,%d,%d,simulated\n", q.TsNs, q.InstrumentID, q.InstrumentID, q.Bid, q.Ask, size, size)
	}
	write("2026-11-23.csv", csv)
	launch(t, simvenue, "--dir", in("venue"), "--control", in("venue.sock"), "--market", in("2026-11-23"), "--speed", fmt.Sprint(speed), "--open-seconds", "0")
	launch(t, riskd, "--dir", in("risk"), "--socket", in("risk.sock"), "--reference", in("reference.json"), "--venue-addr-file", in("venue/fix.addr"))
	c, err := net.Dial("unix", in("risk.sock"))
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	r := &runtime{t: t, dir: dir, c: c, in: bufio.NewReader(c)}
	r.send(&frame.Hello{Region: [4]byte{'U', 'S'}})
	over := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for r.write(&frame.Heartbeat{}) == nil {
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	})
	t.Cleanup(func() { close(over); beats.Wait() })
	return r
}

func (r *runtime) write(m frame.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	b := frame.Encode(frame.Header{Sequence: r.seq}, m)
	_, err := r.c.Write(b[:])
	return err
}

func (r *runtime) send(m frame.Message) {
	r.t.Helper()
	must(r.t, r.write(m))
}

// next is riskd's next frame; false when none comes for the time given.
func (r *runtime) next(wait time.Duration) (frame.Header, frame.Message, bool) {
	r.t.Helper()
	must(r.t, r.c.SetReadDeadline(time.Now().Add(wait)))
	if _, err := r.in.Peek(frame.Size); errors.Is(err, os.ErrDeadlineExceeded) {
		return frame.Header{}, nil, false
	} else if err != nil {
		r.t.Fatal(err)
	}
	var b [frame.Size]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		r.t.Fatal(err)
	}
	r.got++
	h, m, err := frame.Decode(&b, r.got)
	must(r.t, err)
	return h, m, true
}

// openVenue starts the replay.
func (r *runtime) openVenue() {
	r.t.Helper()
	c, err := net.Dial("unix", filepath.Join(r.dir, "venue.sock"))
	must(r.t, err)
	defer c.Close()
	if _, err := c.Write([]byte(`{"cmd":"start"}` + "\n")); err != nil {
		r.t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, `"open"`) {
		r.t.Fatalf("start: %q, %v", line, err)
	}
}
