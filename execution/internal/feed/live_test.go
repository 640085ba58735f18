package feed_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/feed"
)

const (
	usd = int64(1_000_000)
	t0  = int64(1_700_000_000_000_000_000)
)

// walk is a market of a few names: quotes with a trade every tenth, a millisecond apart.
func walk(n int) ([]feed.Quote, map[int64]string) {
	names := map[int64]string{1: "AAA", 2: "BBB", 3: "CCC"}
	var out []feed.Quote
	for i := range n {
		q := feed.Quote{InstrumentID: int64(i%3 + 1), TsNs: t0 + int64(i)*1e6, Source: "simulated"}
		price := 100*usd + int64(i%17-8)*usd/100
		if i%10 == 9 {
			q.Kind, q.Last, q.LastSize = feed.KindTrade, price, int64(i)
		} else {
			q.Kind, q.Bid, q.Ask, q.BidSize, q.AskSize = feed.KindQuote, price, price+usd/50, int64(i), 100
		}
		out = append(out, q)
	}
	return out, names
}

// running is a server of one test on a socket of its own.
type running struct {
	addr string
	stop func() error
}

func start(t testing.TB, addr string, opt feed.ServerOptions, quotes []feed.Quote, names map[int64]string) running {
	t.Helper()
	source := feed.NewMemory(quotes, names)
	if err := feed.Open(context.Background(), source); err != nil {
		t.Fatal(err)
	}
	opt.Source = source
	s, err := feed.NewServer(opt)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop := func() error {
		cancel()
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(10 * time.Second):
			return errors.New("the server does not stop")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return running{addr, stop}
}

// dial is a client whose patience no busy machine exhausts.
func dial(t testing.TB, addr string, ids ...int64) *feed.Client {
	t.Helper()
	return dialPatient(t, addr, 20*time.Second, ids...)
}

func dialPatient(t testing.TB, addr string, silence time.Duration, ids ...int64) *feed.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	c := feed.NewClient(feed.ClientOptions{Network: "unix", Address: addr, Silence: silence, MinBackoff: 5 * time.Millisecond, MaxBackoff: 50 * time.Millisecond})
	if err := feed.Open(ctx, c, ids...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func socket(t testing.TB) string { return filepath.Join(t.TempDir(), "feed.sock") }

// split separates a client's messages: prices that happened, prices of snapshots, statuses other than heartbeats.
func split(all []feed.Quote) (live, state, statuses []feed.Quote) {
	for _, q := range all {
		switch {
		case q.Kind == feed.KindStatus && !q.Has(feed.FlagSnapshot):
			if q.Status != feed.StatusBeat {
				statuses = append(statuses, q)
			}
		case q.Has(feed.FlagSnapshot):
			state = append(state, q)
		default:
			live = append(live, q)
		}
	}
	return live, state, statuses
}

// plain takes off what the line adds.
func plain(q feed.Quote) feed.Quote {
	q.RecvNs, q.Seq = 0, 0
	q.Flags &^= feed.FlagSnapshot
	return q
}

func TestEverythingArrivesInOrder(t *testing.T) {
	quotes, names := walk(20_000)
	s := start(t, socket(t), feed.ServerOptions{Wait: 2, Queue: 4096}, quotes, names)
	some := dial(t, s.addr, 2, 3)
	all := dial(t, s.addr)
	done := make(chan []feed.Quote)
	go func() {
		got, _ := feed.ReadAll(some)
		done <- got
	}()
	got, err := feed.ReadAll(all)
	if err != nil || all.Symbol(2) != "BBB" {
		t.Fatal(err)
	}
	live, _, statuses := split(got)
	if len(live) != len(quotes) || len(statuses) != 2 || statuses[0].Status != feed.StatusSync || statuses[1].Status != feed.StatusEnd {
		t.Fatalf("%d messages of %d, statuses %+v", len(live), len(quotes), statuses)
	}
	for i, q := range live {
		if q.Seq != uint64(i+1) || plain(q) != quotes[i] || q.RecvNs < q.TsNs {
			t.Fatalf("message %d: %+v, want %+v", i, q, quotes[i])
		}
	}
	live, _, _ = split(<-done)
	want := slices.DeleteFunc(slices.Clone(quotes), func(q feed.Quote) bool { return q.InstrumentID == 1 })
	for i := range want {
		if live[i].Seq != uint64(i+1) || plain(live[i]) != want[i] {
			t.Fatalf("message %d of two names: %+v, want %+v", i, live[i], want[i])
		}
	}
}

// last is the state that a stream of messages leaves: the last quote and the last trade of each name.
func last(all []feed.Quote) map[[2]int64]feed.Quote {
	state := map[[2]int64]feed.Quote{}
	for _, q := range all {
		if q.Kind == feed.KindQuote || q.Kind == feed.KindTrade {
			state[[2]int64{q.InstrumentID, int64(q.Kind)}] = plain(q)
		}
	}
	return state
}

func sameState(t *testing.T, got, want map[[2]int64]feed.Quote) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d entries, want %d", len(got), len(want))
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("of %v: %+v, want %+v", k, got[k], w)
		}
	}
}

func TestALateClientGetsASnapshot(t *testing.T) {
	quotes, names := walk(1000)
	s := start(t, socket(t), feed.ServerOptions{Wait: 1}, quotes, names)
	if _, err := feed.ReadAll(dial(t, s.addr)); err != nil {
		t.Fatal(err)
	}
	got, err := feed.ReadAll(dial(t, s.addr, 1, 3))
	if err != nil {
		t.Fatal(err)
	}
	live, state, statuses := split(got)
	want := last(slices.DeleteFunc(quotes, func(q feed.Quote) bool { return q.InstrumentID == 2 }))
	sameState(t, last(state), want)
	if len(live) != 0 || len(statuses) != 2 || statuses[0].Status != feed.StatusSync {
		t.Errorf("%d live, statuses %+v", len(live), statuses)
	}
}

// What was told before a server began is in the snapshot only, whatever the client's haste.
func TestWhatWasToldBeforeIsNotToldAgain(t *testing.T) {
	all, names := walk(100)
	path := socket(t)
	start(t, path, feed.ServerOptions{FromNs: all[60].TsNs}, all, names)
	c := dial(t, path)
	var got []feed.Quote
	for q, err := range feed.Stream(c) {
		if err != nil {
			t.Fatal(err)
		}
		if q.Kind != feed.KindStatus {
			got = append(got, q)
		}
	}
	live, state, _ := split(got)
	// Of a server at speed 0 the client may have missed the beginning, never the snapshot of it.
	if len(live) > 40 || len(live) > 0 && live[len(live)-1].TsNs != all[99].TsNs {
		t.Errorf("%d messages of the 40 from the 60th on", len(live))
	}
	for _, q := range live {
		if q.TsNs < all[60].TsNs {
			t.Errorf("%+v was told before", q)
		}
	}
	if len(state) < 6 {
		t.Errorf("the snapshot has %d messages: three names with a quote and a trade each", len(state))
	}
}

func TestConnectGivesUp(t *testing.T) {
	c := feed.NewClient(feed.ClientOptions{Network: "unix", Address: socket(t), MinBackoff: time.Millisecond, Attempts: 3})
	if err := c.Connect(context.Background()); err == nil || !strings.Contains(err.Error(), "given up after 3 tries") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped")
	cancel(stopped)
	if err := feed.NewClient(feed.ClientOptions{Network: "unix", Address: socket(t)}).Connect(ctx); !errors.Is(err, stopped) {
		t.Errorf("%v", err)
	}
}

// A cancelled context ends a Next that waits.
func TestCancelEndsNext(t *testing.T) {
	quotes, names := walk(10)
	s := start(t, socket(t), feed.ServerOptions{Wait: 2, Heartbeat: time.Hour}, quotes, names) // a second client never comes
	ctx, cancel := context.WithCancel(context.Background())
	c := feed.NewClient(feed.ClientOptions{Network: "unix", Address: s.addr})
	if err := feed.Open(ctx, c); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	time.AfterFunc(20*time.Millisecond, cancel)
	got, err := feed.ReadAll(c)
	if !errors.Is(err, context.Canceled) || len(got) != 1 || got[0].Status != feed.StatusSync {
		t.Errorf("%v %+v", err, got)
	}
}

// Whoever is no feed client is told so and does no harm.
func TestStrangersAreRefused(t *testing.T) {
	quotes, names := walk(100)
	s := start(t, socket(t), feed.ServerOptions{Wait: 1}, quotes, names)
	conn, err := net.Dial("unix", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var answer []byte
	buf := make([]byte, 1024)
	for {
		n, err := conn.Read(buf)
		answer = append(answer, buf[:n]...)
		if err != nil {
			break
		}
	}
	if !strings.Contains(string(answer), "frame version 71, want 1") {
		t.Errorf("%q", answer)
	}
	if got, err := feed.ReadAll(dial(t, s.addr)); err != nil || len(got) < 100 {
		t.Errorf("%v, %d messages", err, len(got))
	}
	bad := feed.NewClient(feed.ClientOptions{Network: "unix", Address: s.addr})
	if err := bad.Connect(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	if err := bad.Subscribe(0); err == nil {
		t.Error("instrument 0 subscribed")
	}
}

func TestNoGoroutineIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	quotes, names := walk(100)
	for range 5 {
		s := start(t, socket(t), feed.ServerOptions{Wait: 1}, quotes, names)
		c := dial(t, s.addr)
		if _, err := feed.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
	for try := 0; runtime.NumGoroutine() > before; try++ {
		if try == 500 {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestServerOptionsNameEveryFault(t *testing.T) {
	_, err := feed.NewServer(feed.ServerOptions{Speed: -1, Heartbeat: time.Microsecond, Queue: -1})
	for _, want := range []string{"source", "speed", "heartbeat", "queue"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
