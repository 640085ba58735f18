package ship_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/ship"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/audit/store"
)

// The shipper dies before an insert, or after it without having heard of it, at seeded moments; the next one goes on.
func TestTheShipperDiesAtAnyMoment(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	d.write(3000)
	rng := rand.New(rand.NewPCG(1, 7))
	dead := errors.New("killed here")
	for life := 0; ; life++ {
		left := rng.IntN(4)
		cfg := d.config()
		cfg.Batch = 100
		ctx, cancel := context.WithCancel(context.Background())
		cfg.Connect = func(c context.Context) (ship.Table, error) {
			if ctx.Err() != nil {
				return nil, dead
			}
			st, err := store.ConnectWriter(c, d.pg.Writer)
			if err != nil {
				return nil, err
			}
			die := func() error {
				if left--; left < 0 {
					cancel()
					return dead
				}
				return nil
			}
			f := &faulty{st, none, none}
			if life%2 == 0 {
				f.before = die
			} else {
				f.after = die
			}
			return f, nil
		}
		s, err := ship.New(cfg)
		must(t, err)
		go func() {
			for s.Status().Acked < 3000 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		must(t, s.Run(ctx))
		cancel()
		if n := pgtest.Query[int](d.pg, `select count(*) from audit.events`); n == 3000 {
			break
		}
		if life > 200 {
			t.Fatal("it does not get on")
		}
	}
	d.check(3000)
}

// An insert whose answer is lost got through: the same shipper finds it in the table and does not insert it again.
func TestAnAnswerIsLost(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Start(t))
	d.write(950)
	cfg := d.config()
	lost := 0
	cfg.Connect = func(c context.Context) (ship.Table, error) {
		st, err := store.ConnectWriter(c, d.pg.Writer)
		if err != nil {
			return nil, err
		}
		return &faulty{st, none, func() error {
			if lost++; lost%2 == 1 {
				return errors.New("the answer was lost")
			}
			return nil
		}}, nil
	}
	r := start(t, cfg)
	r.acked(950)
	must(t, r.end())
	d.check(950)
	if st := r.Status(); st.Failures == 0 {
		t.Errorf("%+v", st)
	}
}

// Two shippers of one writer make one chain.
func TestTwoShippersDoNotFork(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Start(t))
	cfg := d.config()
	cfg.Batch = 40
	one := start(t, cfg)
	cfg.Source = source.NewOMS(d.dir)
	two := start(t, cfg)
	for range 60 {
		d.write(100)
		time.Sleep(3 * time.Millisecond)
	}
	one.acked(6000)
	two.acked(6000)
	must(t, errors.Join(one.end(), two.end()))
	d.check(6000)
	a, b := one.Status(), two.Status()
	if a.Rows+b.Rows != 6000 {
		t.Errorf("%d and %d rows", a.Rows, b.Rows)
	}
	t.Logf("rows %d and %d, conflicts %d and %d", a.Rows, b.Rows, a.Conflicts, b.Conflicts)
}

func TestABrokenJournalStopsTheShipper(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	cfg := d.config()
	cfg.Source = brokenSource{}
	r := start(t, cfg)
	if err := <-r.done; !errors.Is(err, audit.ErrBroken) {
		t.Error(err)
	}
}

type brokenSource struct{}

func (brokenSource) Read(uint64, int) ([]audit.Entry, error) {
	return nil, fmt.Errorf("%w: here", audit.ErrBroken)
}
func (brokenSource) Tip() (uint64, error) { return 5, nil }
func (brokenSource) Close() error         { return nil }

// A server that refuses every row is asked again ever more rarely, and its reason is told.
func TestRowsThatAreAlwaysRefused(t *testing.T) {
	noLeak(t)
	d := newDesk(t, pgtest.Start(t))
	d.write(10)
	cfg := d.config()
	var mu sync.Mutex
	tries := 0
	cfg.MinBackoff, cfg.MaxBackoff = 40*time.Millisecond, 40*time.Millisecond
	cfg.Connect = func(c context.Context) (ship.Table, error) {
		st, err := store.ConnectWriter(c, d.pg.Writer)
		return &faulty{st, func() error {
			mu.Lock()
			defer mu.Unlock()
			tries++
			return fmt.Errorf("%w: on principle", store.ErrConflict)
		}, none}, err
	}
	r := start(t, cfg)
	time.Sleep(500 * time.Millisecond)
	st := r.Status()
	must(t, r.end())
	mu.Lock()
	defer mu.Unlock()
	if tries == 0 || tries > 30 || !strings.Contains(st.LastError, "on principle") || st.Acked != 0 {
		t.Errorf("%d tries, %+v", tries, st)
	}
}
