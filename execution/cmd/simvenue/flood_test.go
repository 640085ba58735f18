package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rawClient speaks just enough FIX to flood a venue, so that what a run measures is the venue.
type rawClient struct {
	conn net.Conn
	seq  int
	out  []byte
}

// add appends one message with a header and a trailer around body.
func (c *rawClient) add(msgType, body string) {
	c.seq++
	head := "35=" + msgType + "\x0134=" + strconv.Itoa(c.seq) + "\x0149=RISKD\x0152=" + time.Now().UTC().Format(fixTimestamp) + "\x0156=SIMVENUE\x01"
	start := len(c.out)
	c.out = append(c.out, "8=FIX.4.4\x019="+strconv.Itoa(len(head)+len(body))+"\x01"...)
	c.out = append(append(c.out, head...), body...)
	sum := 0
	for _, b := range c.out[start:] {
		sum += int(b)
	}
	c.out = append(c.out, fmt.Sprintf("10=%03d\x01", sum%256)...)
}

func (c *rawClient) flush() error {
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

// cpuOf is the processor time of a process so far.
func cpuOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100
}

// BenchmarkFIXOrders floods the venue with orders that fill at once, 1,000 of them under way, and reports how many it answers
// with an ack and a fill a second, and what of a processor each costs it. Every report is counted, none may be missing.
func BenchmarkFIXOrders(b *testing.B) {
	h, p := floodedVenue(b)
	c, in := logon(b, h)
	acks, fills := 0, 0
	read := func() { // one field; a report is known by its ExecType
		field, err := in.ReadSlice(1)
		if err != nil && err != io.EOF {
			b.Fatal(err)
		}
		switch string(field) {
		case "150=0\x01":
			acks++
		case "150=F\x01":
			fills++
		case "35=3\x01", "35=j\x01", "150=8\x01":
			b.Fatalf("refused after %d fills", fills)
		}
	}
	before, err := cpuOf(p.cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for sent := 0; fills < b.N; {
		for sent < b.N && sent-fills < 1000 {
			for range min(100, b.N-sent) {
				sent++
				c.add("D", "1=US\x0111=US-"+strconv.Itoa(sent)+"\x0155=BBB\x0148=2\x0122=8\x0154=1\x0138=1\x0140=2\x0144=21\x0159=0\x0160=20231114-22:13:20.000\x01")
			}
			if err := c.flush(); err != nil {
				b.Fatal(err)
			}
		}
		for until := fills + 1; fills < until; {
			read()
		}
	}
	b.StopTimer()
	after, err := cpuOf(p.cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	if acks != b.N {
		b.Fatalf("%d acks of %d orders", acks, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
	b.ReportMetric(float64((after-before).Microseconds())/float64(b.N), "venue-cpu-us/order")
}

// logon connects a raw client and starts the numbers again.
func logon(t testing.TB, h *home) (*rawClient, *bufio.Reader) {
	t.Helper()
	addr, err := os.ReadFile(filepath.Join(h.dir, "venue", "fix.addr"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(string(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &rawClient{conn: conn}
	c.add("A", "98=0\x01108=30\x01141=Y\x01")
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReaderSize(conn, 1<<16)
}

// A flood of orders, sent as fast as the line takes it: every one gets one ack and then one fill, in the order in which they were
// sent, under numbers without a gap; and the log has the same.
func TestAFloodIsAnsweredOnceAndInOrder(t *testing.T) {
	h, _ := floodedVenue(t)
	c, in := logon(t, h)
	const n = 3_000
	sent := make(chan error, 1)
	go func() {
		var err error
		for i := 1; i <= n && err == nil; i++ {
			c.add("D", "11=US-"+strconv.Itoa(i)+"\x0155=BBB\x0154=1\x0138=1\x0140=2\x0144=21\x0160=20231114-22:13:20.000\x01")
			if i%37 == 0 || i == n {
				err = c.flush()
			}
		}
		sent <- err
	}()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	acks, fills, seq := 0, 0, 0
	kind, id := "", ""
	for fills < n {
		field, err := in.ReadString(1)
		if err != nil {
			t.Fatalf("after %d acks and %d fills: %v", acks, fills, err)
		}
		tag, value, _ := strings.Cut(strings.TrimSuffix(field, "\x01"), "=")
		switch tag {
		case "35":
			kind = value
		case "34":
			if got, _ := strconv.Atoi(value); got != seq+1 {
				t.Fatalf("number %s after %d", value, seq)
			}
			seq++
		case "11":
			id = value
		case "150":
			counter := map[string]*int{"0": &acks, "F": &fills}[value]
			if counter == nil {
				t.Fatalf("a report of type %s of %s", value, id)
			}
			*counter++
			if want := "US-" + strconv.Itoa(*counter); kind != "8" || id != want || fills > acks {
				t.Fatalf("%s %s of %s, expected %s", kind, value, id, want)
			}
		}
	}
	if err := <-sent; err != nil || acks != n {
		t.Fatalf("%d acks: %v", acks, err)
	}
	kinds := map[any]int{}
	for _, line := range h.logLines() {
		kinds[line["kind"]]++
	}
	if kinds["order"] != n || kinds["ack"] != n || kinds["fill"] != n {
		t.Errorf("the log has %v", kinds)
	}
}

// floodedVenue is a running venue with an open session and a name whose print fills everything.
func floodedVenue(t testing.TB) (*home, *process) {
	t.Helper()
	h := newHome(t)
	p := h.start(h.market("2023-11-14", map[string]any{"initial_cash_micro": int64(1) << 60}, twoNames()...), 1)
	p.control(`{"cmd":"start"}`)
	return h, p
}
