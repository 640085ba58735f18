package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"dnalyaw/execution/internal/frame"
)

// Four names: three are bought before the first is sold, and then each update is about another one than the last.
func TestNamesAreBoughtInTurnAndSoldHalfARoundLater(t *testing.T) {
	f := &flips{names: 4}
	type step struct {
		name int
		held bool
	}
	var got []step
	for range 9 {
		name, held := f.next()
		got = append(got, step{name, held})
	}
	want := []step{{0, true}, {1, true}, {2, true}, {0, false}, {3, true}, {1, false}, {0, true}, {2, false}, {1, true}}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("step %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	held := map[int]bool{}
	for _, s := range got {
		if held[s.name] == s.held {
			t.Fatalf("%+v changes nothing", s)
		}
		held[s.name] = s.held
	}
	for _, want := range []int{3, 0, 1} {
		if name, some := f.sell(); !some || name != want {
			t.Fatalf("%d is sold, want %d", name, want)
		}
	}
	if name, some := f.sell(); some {
		t.Fatalf("%d is sold and nothing is held", name)
	}
}

func TestASliceInWhichTheMachineWasTakenAwayIsDropped(t *testing.T) {
	for _, c := range []struct {
		steal float64
		late  time.Duration
		want  string
	}{
		{0, 0, ""}, {0.02, 5 * time.Millisecond, ""}, {0.0201, 0, "steal"}, {0, 5*time.Millisecond + 1, "late"}, {0.5, time.Second, "steal"},
	} {
		if got := verdict(c.steal, int64(c.late)); got != c.want {
			t.Errorf("steal %v, late %v: %q, want %q", c.steal, c.late, got, c.want)
		}
	}
}

func TestALoadAndItsEchoCountTogether(t *testing.T) {
	for _, c := range []struct{ load, echo, want string }{
		{"", "", ""}, {"late", "", ""}, {"late", "late", "late"}, {"late", "steal", "steal"}, {"steal", "", "steal"}, {"", "late", "late"}, {"", "steal", "steal"},
	} {
		load, echo := slice{Dropped: c.load}, slice{Dropped: c.echo}
		if pair(&load, &echo); load.Dropped != c.want || echo.Dropped != c.want {
			t.Errorf("load %q, echo %q: %q and %q, want %q", c.load, c.echo, load.Dropped, echo.Dropped, c.want)
		}
	}
}

func TestStealIsReadWhereTheKernelWritesIt(t *testing.T) {
	before, err := parseJiffies([]byte("cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n"))
	if err != nil || before.all != 360 || before.steal != 80 {
		t.Fatalf("%+v, %v", before, err)
	}
	after, err := parseJiffies([]byte("cpu  110 20 30 130 50 60 70 90 90 100\n"))
	if err != nil {
		t.Fatal(err)
	}
	// 100 user, 90 idle and 10 stolen.
	if got := after.stolen(before); got != 0.05 {
		t.Errorf("%v of the time was stolen, want 0.05", got)
	}
	if got := before.stolen(before); got != 0 {
		t.Errorf("%v of no time was stolen", got)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8 9", "cpu 1 2 3 4 5 6 7 x 9"} {
		if _, err := parseJiffies([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestPercentileIsAValueThatWasMeasured(t *testing.T) {
	values := []int64{50, 10, 40, 20, 30}
	for q, want := range map[float64]int64{0.2: 10, 0.21: 20, 0.5: 30, 0.99: 50, 1: 50} {
		if got := percentile(values, q); got != want {
			t.Errorf("%v: %d, want %d", q, got, want)
		}
	}
	if values[0] != 50 || percentile(nil, 0.5) != 0 {
		t.Error("the values were changed, or none have a percentile")
	}
}

func TestEchoIsTimedFromTheMomentThatWasMeant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "echo.sock")
	go func() { _ = serveEcho(path) }()
	var e *echo
	for limit := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		var err error
		if e, err = newEcho(path); err == nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
	}
	p, err := newPacer()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now().Add(2 * time.Millisecond).UnixNano()
	rows, err := e.slice(p, start, 50, 5000)
	if err != nil {
		t.Fatal(err)
	}
	for k, r := range rows {
		if r[0] != start+int64(k)*200_000 || r[1] < r[0] || r[2] < r[1] {
			t.Fatalf("message %d: %v", k, r)
		}
	}
}

// What the sink answers to an order, laid out here from docs/contracts.md.
func TestSinkTakesEverything(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	s := newSink(far, 7, 20260310, []uint64{5})
	go func() {
		for s.turn() == nil {
		}
	}()
	send := func(sequence uint64, m frame.Message) {
		t.Helper()
		b := frame.Encode(frame.Header{Sequence: sequence}, m)
		if _, err := near.Write(b[:]); err != nil {
			t.Fatal(err)
		}
	}
	sequence := uint64(0)
	hear := func() frame.Message {
		t.Helper()
		var b [frame.Size]byte
		for n := 0; n < len(b); {
			more, err := near.Read(b[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += more
		}
		sequence++
		_, m, err := frame.Decode(&b, sequence)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	send(1, &frame.Hello{Region: [4]byte{'U', 'S'}})
	if m, ok := hear().(*frame.Welcome); !ok || m.ReferenceHash != 7 || m.Session != 20260310 || string(m.Region[:2]) != "US" {
		t.Fatalf("%+v", m)
	}
	send(2, &frame.Sync{Nonce: 9})
	for _, want := range []frame.Kind{frame.KindPrice, frame.KindState, frame.KindSyncEnd} {
		if m := hear(); m.Kind() != want {
			t.Fatalf("%s, want %s", m.Kind(), want)
		}
	}
	send(3, &frame.NewOrder{OrderID: 1, InstrumentID: 5, Qty: 30, LimitPx: 1_000_000, Side: 2, Type: frame.TypeLimit})
	if m, ok := hear().(*frame.Decision); !ok || m.OrderID != 1 || m.ApprovedQty != 30 || m.Decision != frame.DecisionApprove {
		t.Fatalf("%+v", m)
	}
	if m, ok := hear().(*frame.Exec); !ok || m.ExecType != frame.ExecNew || m.LeavesQty != 30 || m.Side != 2 {
		t.Fatalf("%+v", m)
	}
	if m, ok := hear().(*frame.Exec); !ok || m.ExecType != frame.ExecFill || m.CumQty != 30 || m.LastQty != 30 || m.ExecID != 2 {
		t.Fatalf("%+v", m)
	}
}
