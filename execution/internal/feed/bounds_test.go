package feed

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// standingServer is a server at speed 0 whose state is two names, without a replay.
func standingServer(t testing.TB, queue int) *Server {
	t.Helper()
	names := map[int64]string{1: "AAA", 2: "BBB"}
	source := NewMemory(nil, names)
	if err := Open(context.Background(), source); err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(ServerOptions{Source: source, Queue: queue, Heartbeat: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for id := range int64(2) {
		q := Quote{InstrumentID: id + 1, TsNs: 1000 + id, Bid: 99, Ask: 101, BidSize: 1, AskSize: 1, Kind: KindQuote, Source: "s"}
		s.remember(&q)
	}
	return s
}

// served runs a connection of s and returns the client's end of it.
func served(t *testing.T, s *Server) (*serverClient, net.Conn) {
	t.Helper()
	far, near := net.Pipe()
	c := newServerClient(s, near)
	var running sync.WaitGroup
	running.Add(1)
	go func() {
		defer running.Done()
		c.run(context.Background())
	}()
	t.Cleanup(func() {
		far.Close()
		running.Wait()
	})
	return c, far
}

// frames reads everything that waits for a client.
func frames(t testing.TB, b []byte) (out []frame) {
	t.Helper()
	for len(b) > 0 {
		f, err := parseFrame(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
		b = b[frameHeader+len(f.body):]
	}
	return out
}

// A subscription whose every frame says that more follow ends with a refusal, not with the server's memory.
func TestASubscriptionWithoutEndIsRefused(t *testing.T) {
	_, far := served(t, standingServer(t, 0))
	if err := far.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer := make(chan []byte, 1)
	go func() {
		var all []byte
		buf := make([]byte, 4096)
		for {
			n, err := far.Read(buf)
			all = append(all, buf[:n]...)
			if err != nil {
				answer <- all
				return
			}
		}
	}()
	ids := make([]int64, idsAFrame+1)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	more := appendSubscribe(nil, ids)[:frameHeader+1+8*idsAFrame] // the first frame alone
	sent := 0
	for ; sent < 2*subscribeMost/idsAFrame; sent++ {
		if _, err := far.Write(more); err != nil {
			break
		}
	}
	if sent == 2*subscribeMost/idsAFrame {
		t.Fatalf("%d frames of %d instruments were taken without an end", sent, idsAFrame)
	}
	if most := subscribeMost/idsAFrame + 8; sent > most { // what the reader's buffer holds is on its way
		t.Errorf("%d frames were taken, want at most %d", sent, most)
	}
	all := frames(t, <-answer)
	if end := all[len(all)-1]; end.kind != frameRefused || !strings.Contains(string(end.body), "more than 1048576 instruments") {
		t.Errorf("the last frame is of kind %d: %q", end.kind, end.body)
	}
}

// Whoever asks for snapshots and reads none does not fill the server's memory at any speed.
func TestSnapshotsThatNobodyReadsAreNotMade(t *testing.T) {
	const queue = 4096
	c, far := served(t, standingServer(t, queue))
	asked := make(chan int)
	go func() {
		n := 0
		far.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)) // net.Pipe's own clock: it cannot fail
		for _, frame := range append([][]byte{appendSubscribe(nil, nil)}, make([][]byte, 2000)...) {
			if frame == nil {
				frame = appendFrame(nil, frameResend, 0, 0, nil)
			}
			if _, err := far.Write(frame); err != nil {
				break
			}
			n++
		}
		asked <- n
	}()
	n := <-asked
	c.mu.Lock()
	waiting := len(c.buf)
	c.mu.Unlock()
	if snapshot := 6 * quoteFrame; waiting > queue+snapshot {
		t.Errorf("%d bytes wait after %d requests, want at most the queue of %d and one snapshot", waiting, n, queue)
	}
	// The client reads at last: everything that it had asked for comes.
	if err := far.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ends, all, buf := 0, []byte(nil), make([]byte, 4096)
	for ends < n {
		got, err := far.Read(buf)
		if err != nil {
			t.Fatalf("%d snapshots of %d: %v", ends, n, err)
		}
		for all = append(all, buf[:got]...); len(all) >= frameHeader; {
			f, err := parseFrame(all)
			if err != nil {
				break // the rest of it is on its way
			}
			if f.kind == frameSnapEnd {
				ends++
			}
			all = all[frameHeader+len(f.body):]
		}
	}
}

// A source's number has 16 bits: number 65,535 is the last, and the line ends before another gets one that is taken.
func TestSourcesAreNumberedOnce(t *testing.T) {
	s := standingServer(t, 1<<30)
	c := newServerClient(s, nil)
	q := Quote{InstrumentID: 1, TsNs: 5, Bid: 99, Ask: 101, Kind: KindQuote}
	for i := range 1 << 16 {
		q.Source = "source " + strconv.Itoa(i)
		c.send(&q, s.opt.Source)
	}
	all := frames(t, c.buf)
	if last := all[len(all)-2]; c.cut || last.kind != frameSource || string(last.body[:2]) != "\xff\xff" {
		t.Fatalf("cut off %v; the last source: kind %d, %x", c.cut, last.kind, last.body[:2])
	}
	before := len(c.buf)
	q.Source = "one more"
	c.send(&q, s.opt.Source)
	if !c.cut || len(c.buf) != before {
		t.Errorf("the source after the last number: cut off %v, %d bytes more", c.cut, len(c.buf)-before)
	}
}

// Names that no frame has room for: of a source the line ends, of an instrument, which is for people, it goes without.
func TestLongNamesBreakNoFrame(t *testing.T) {
	long := strings.Repeat("n", frameMost-frameHeader-1)
	s := standingServer(t, 1<<30)
	c := newServerClient(s, nil)
	c.send(&Quote{InstrumentID: 1, Kind: KindQuote, Source: long}, s.opt.Source)
	if !c.cut || len(c.buf) != 0 {
		t.Errorf("a source of %d bytes: cut off %v, %d bytes", len(long), c.cut, len(c.buf))
	}
	c = newServerClient(s, nil)
	c.send(&Quote{InstrumentID: 1, Kind: KindQuote, Source: "s"}, NewMemory(nil, map[int64]string{1: long}))
	var kinds []uint8
	for _, f := range frames(t, c.buf) {
		kinds = append(kinds, f.kind)
	}
	if c.cut || len(kinds) != 2 || kinds[0] != frameSource || kinds[1] != frameQuote {
		t.Errorf("an instrument's name of %d bytes: cut off %v, frames %v", len(long), c.cut, kinds)
	}
}
