package ship_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/ship"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/audit/store"
	"dnalyaw/execution/internal/audit/verify"
	"dnalyaw/execution/internal/journal"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const us = "omsd-US"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that must come; the time is a bound, not an expectation.
func eventually(t testing.TB, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// desk is a journal that is written and a server that it is shipped to.
type desk struct {
	t   *testing.T
	pg  *pgtest.Server
	dir string
	j   *journal.Journal
	n   int
}

func newDesk(t *testing.T, pg *pgtest.Server) *desk {
	t.Helper()
	d := &desk{t: t, pg: pg, dir: t.TempDir()}
	var err error
	d.j, _, err = journal.Open(d.dir)
	must(t, err)
	t.Cleanup(func() { _ = d.j.Close() })
	return d
}

// write journals records in blocks of ten.
func (d *desk) write(records int) {
	d.t.Helper()
	for i := range records {
		d.n++
		d.j.Append(fmt.Appendf(nil, `{"k":"exec","ts":%d,"exec":{"order_id":%d,"last_qty":100,"last_px":100000000}}`, 1000+d.n, d.n/5+1))
		if i%10 == 9 || i == records-1 {
			must(d.t, d.j.Commit())
		}
	}
}

func (d *desk) config() ship.Config {
	return ship.Config{Writer: us, Source: source.NewOMS(d.dir), DSN: d.pg.Writer, Poll: 2 * time.Millisecond, MinBackoff: 5 * time.Millisecond,
		MaxBackoff: 50 * time.Millisecond, Batch: 500}
}

// running is a shipper in a goroutine of its own.
type running struct {
	*ship.Shipper
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, cfg ship.Config) *running {
	t.Helper()
	s, err := ship.New(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Shipper: s, t: t, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return r
}

// end is an orderly end, or what Run ended with.
func (r *running) end() error {
	r.stop()
	select {
	case err := <-r.done:
		return err
	case <-time.After(60 * time.Second):
		r.t.Fatal("the shipper does not end")
		return nil
	}
}

func (r *running) acked(seq int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("row %d is acknowledged (%+v)", seq, r.Status()), func() bool { return r.Status().Acked >= uint64(seq) })
}

// check compares the whole table with the journal: everything is there, once, and nothing else.
func (d *desk) check(want int) {
	d.t.Helper()
	st, err := store.Connect(context.Background(), d.pg.Writer)
	must(d.t, err)
	defer st.Close()
	f := source.NewOMS(d.dir)
	f.EveryRecord()
	defer f.Close()
	res, err := verify.Run(context.Background(), st, verify.Options{Writer: us, Journal: f})
	must(d.t, err)
	if res.Bad != nil || res.Rows != uint64(want) {
		d.t.Fatalf("%d rows are good of %d: %v", res.Rows, want, res.Bad)
	}
	if n := pgtest.Query[int](d.pg, `select count(*) from audit.events where writer = 'omsd-US'`); n != want {
		d.t.Fatalf("%d rows of %d", n, want)
	}
}

// noLeak fails when goroutines are left over at the end.
func noLeak(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines instead of %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
	})
}

// faulty is a real connection that fails on purpose.
type faulty struct {
	ship.Table
	before, after func() error // of an insert
}

func (f *faulty) Append(ctx context.Context, writer string, rows []audit.Row) error {
	if err := f.before(); err != nil {
		return err
	}
	err := f.Table.Append(ctx, writer, rows)
	return errors.Join(err, f.after())
}

func none() error { return nil }

// anchors collects what OnAnchor got.
type anchors struct {
	sync.Mutex
	heads []audit.Head
}

func (a *anchors) put(h audit.Head) error {
	a.Lock()
	defer a.Unlock()
	a.heads = append(a.heads, h)
	return nil
}

func (a *anchors) seqs() string {
	a.Lock()
	defer a.Unlock()
	var out []string
	for _, h := range a.heads {
		out = append(out, fmt.Sprint(h.Seq))
	}
	return strings.Join(out, " ")
}
