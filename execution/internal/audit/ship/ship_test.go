package ship_test

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/ship"
)

func TestWhatIsJournaledIsInTheTable(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Start(t))
	d.write(1234)
	var a anchors
	cfg := d.config()
	cfg.OnAnchor, cfg.AnchorEvery = a.put, 1000
	r := start(t, cfg)
	r.acked(1234)
	d.write(77)
	must(t, d.j.Roll([]byte("state")))
	d.write(89)
	r.acked(1400)
	eventually(t, "the lag is 0", func() bool { st := r.Status(); return st.Source == 1400 && st.Lag == 0 })
	st := r.Status()
	if !st.Connected || st.Rows != 1400 || st.Connects != 1 || st.Failures != 0 || st.LastError != "" || st.BatchNs.Max <= 0 {
		t.Errorf("%+v", st)
	}
	d.write(100)
	must(t, r.end()) // takes what is there along
	d.check(1500)
	if got := a.seqs(); got != "1000 1500" && !strings.HasSuffix(got, " 1500") {
		t.Errorf("anchors %s", got)
	}
	if st := r.Status(); st.Acked != 1500 || st.Connected || st.Ended || st.AckedHash != a.heads[len(a.heads)-1].Hash {
		t.Errorf("%+v", st)
	}
	// The next life goes on behind it, and anchors nothing when nothing came.
	cfg = d.config()
	cfg.Anchored, cfg.OnAnchor = a.heads[len(a.heads)-1], a.put
	before := a.seqs()
	must(t, start(t, cfg).end())
	d.write(3)
	must(t, start(t, d.config()).end())
	d.check(1503)
	if a.seqs() != before {
		t.Errorf("anchors %s", a.seqs())
	}
}

// While the server is away the journal goes on, memory does not grow, and the table catches up.
func TestTheServerIsAwayAtTheStartAndForLong(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Own(t))
	d.pg.Kill()
	r := start(t, d.config())
	eventually(t, "a failure is told", func() bool { st := r.Status(); return st.Failures > 2 && st.LastError != "" && !st.Connected })
	const backlog = 60_000
	d.write(1000)
	eventually(t, "the lag is told", func() bool { return r.Status().Lag == 1000 })
	d.write(backlog - 1000)
	eventually(t, "the lag grows", func() bool { return r.Status().Lag == backlog })
	if rows := r.Status().Rows; rows != 0 {
		t.Errorf("%d rows went to a server that is away", rows)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d.pg.Run()
	highest := uint64(0)
	eventually(t, "everything is there", func() bool {
		runtime.ReadMemStats(&after)
		highest = max(highest, after.HeapAlloc)
		return r.Status().Acked == backlog
	})
	// The backlog is 5 MB of records and would be some 30 MB of rows; a batch of 500 and what a read holds are less.
	if grown := int64(highest) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("memory grew by %d MiB while catching up", grown>>20)
	}
	must(t, r.end())
	d.check(backlog)
}

// SIGKILL of the server at random moments, under load: nothing is missing and nothing is double.
func TestTheServerIsKilledAgainAndAgain(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Own(t))
	rng := rand.New(rand.NewPCG(4, 2))
	r := start(t, d.config())
	const kills = 6
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range kills * 40 {
			d.write(50)
			time.Sleep(2 * time.Millisecond)
		}
	}()
	for range kills {
		rows := r.Status().Rows
		eventually(t, "it ships", func() bool { return r.Status().Rows > rows })
		time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		d.pg.Kill()
		d.pg.Run()
	}
	<-written
	r.acked(kills * 2000)
	must(t, r.end())
	d.check(kills * 2000)
	if st := r.Status(); st.Connects < 2 {
		t.Errorf("no kill was noticed: %+v", st)
	}
}

// A server that hangs is away: the lag is told meanwhile, and it goes on when the server does.
func TestTheServerHangs(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Own(t))
	cfg := d.config()
	cfg.Timeout = 300 * time.Millisecond
	d.write(10)
	r := start(t, cfg)
	r.acked(10)
	backend := pgtest.Query[int](d.pg, `select pid from pg_stat_activity where application_name = 'dnalyaw-audit'`)
	d.pg.Signal(syscall.SIGSTOP)
	must(t, syscall.Kill(backend, syscall.SIGSTOP))
	d.write(500)
	eventually(t, "the lag is told", func() bool { st := r.Status(); return st.Lag == 500 && !st.Connected })
	must(t, syscall.Kill(backend, syscall.SIGCONT))
	d.pg.Signal(syscall.SIGCONT)
	r.acked(510)
	must(t, r.end())
	d.check(510)
}

// By hand: 50, 100, 200 ms ... to 5 s, less at most a half.
func TestBackoff(t *testing.T) {
	for try, want := range map[uint64]time.Duration{1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 3: 200 * time.Millisecond, 8: 5 * time.Second, 1 << 60: 5 * time.Second} {
		got := ship.Backoff(us, try, 50*time.Millisecond, 5*time.Second)
		if got > want || got < want/2 {
			t.Errorf("try %d: %s", try, got)
		}
		if again := ship.Backoff(us, try, 50*time.Millisecond, 5*time.Second); again != got {
			t.Errorf("try %d: %s and then %s", try, got, again)
		}
	}
	if ship.Backoff(us, 8, time.Second, 5*time.Second) == ship.Backoff("riskd-US", 8, time.Second, 5*time.Second) {
		t.Error("two writers come back at one moment")
	}
}

func TestAConfigWithFaultsIsRefusedWithAllOfThem(t *testing.T) {
	_, err := ship.New(ship.Config{Writer: "x"})
	for _, part := range []string{`"x"`, "no source", "no DSN"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
}

// By hand: 7 of 10 is a lag of 3.
func TestBehind(t *testing.T) {
	st := ship.Status{Writer: us, Acked: 7, Source: 10, Lag: 3}
	at := time.Unix(1_700_000_000, 5).UTC()
	path := t.TempDir() + "/status"
	must(t, ship.WriteStatus(path, st, at))
	f, err := ship.ReadStatus(path)
	if err != nil || f.Status != st || !f.At.Equal(at) || f.PID == 0 {
		t.Fatalf("%+v %v", f, err)
	}
	for _, c := range []struct {
		limit uint64
		after time.Duration
		want  bool
	}{{3, 5 * time.Second, false}, {2, 0, true}, {3, 5*time.Second + 1, true}} {
		if got := f.Behind(c.limit, at.Add(c.after), 5*time.Second); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	f.Ended = true
	if !f.Status.Behind(1000) || !f.Behind(1000, at, time.Hour) {
		t.Error("one that ended is not behind")
	}
	must(t, os.WriteFile(path, []byte("{"), 0o600))
	if _, err := ship.ReadStatus(path); err == nil || !strings.Contains(err.Error(), "is no shipper's status") {
		t.Error(err)
	}
}
