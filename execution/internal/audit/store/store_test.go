package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const us = "omsd-US"

type tester interface {
	Helper()
	Fatal(...any)
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rows(t tester, c *audit.Chain, bodies ...string) (out []audit.Row) {
	t.Helper()
	for _, b := range bodies {
		r, err := c.Next(audit.Decode(c.Head().Seq+1, []byte(b)))
		must(t, err)
		out = append(out, r)
	}
	return out
}

func writer(t *testing.T, s *pgtest.Server) *store.Store {
	t.Helper()
	st, err := store.ConnectWriter(context.Background(), s.Writer)
	must(t, err)
	t.Cleanup(func() { st.Close() })
	return st
}

// refused runs a statement as a login and gives the server's code for the refusal.
func refused(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	must(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	var pg *pgconn.PgError
	if err == nil || !errors.As(err, &pg) {
		t.Fatalf("%s was not refused: %v", sql, err)
	}
	return pg.Code
}

func TestNothingIsChangedWhoeverAsks(t *testing.T) {
	s := pgtest.Start(t)
	ctx := context.Background()
	st := writer(t, s)
	must(t, st.Append(ctx, us, rows(t, audit.NewChain(us, audit.Head{}), `{"k":"a"}`, `{"k":"b"}`)))
	const denied, trigger = "42501", "AU002"
	for _, sql := range []string{
		`update audit.events set body = '{}' where seq = 1`,
		`update audit.events set seq = seq + 10`,
		`delete from audit.events where seq = 2`,
		`delete from audit.events`,
		`truncate audit.events`,
		`truncate audit.events, audit.heads`,
		`delete from audit.heads`,
		`truncate audit.heads`,
	} {
		// The grants stop the writer; the trigger stops those whom no grant does.
		if code := refused(t, s.Writer, sql); code != denied {
			t.Errorf("the writer's %s: %s", sql, code)
		}
		for _, dsn := range []string{s.Owner, s.Super} {
			if code := refused(t, dsn, sql); code != trigger {
				t.Errorf("%s by %s: %s", sql, dsn, code)
			}
		}
	}
	for _, sql := range []string{
		`insert into audit.events (writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, prev_hash, hash, inserted_at)
			select 'omsd-HK', 1, 0, 'a', 0, 0, '', '{}', hash, hash, now() from audit.events limit 1`, // not even the time of day
		`update audit.heads set seq = 7`, `insert into audit.heads select 'omsd-HK', 1, hash from audit.heads`,
		`alter table audit.events disable trigger all`, `drop trigger refuse_change on audit.events`, `drop table audit.events`,
		`alter function audit.refuse() owner to audit_writer`, `create table audit.mine (x int)`, `set session_replication_role = replica`,
		`set role audit_owner`, `copy audit.events to '/tmp/x'`,
	} {
		if code := refused(t, s.Writer, sql); code != denied {
			t.Errorf("the writer's %s: %s", sql, code)
		}
	}
	if n := pgtest.Query[int](s, `select count(*) from pg_class where relowner = (select oid from pg_roles where rolname = 'audit_writer')`); n != 0 {
		t.Errorf("the writer owns %d things", n)
	}
	if n := pgtest.Query[int](s, `select count(*) from audit.events`); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// Only a row that goes on gets in, and a batch with one bad row not at all.
func TestOnlyTheNextRowsGetIn(t *testing.T) {
	s := pgtest.Start(t)
	ctx := context.Background()
	st := writer(t, s)
	c := audit.NewChain(us, audit.Head{})
	must(t, st.Append(ctx, us, rows(t, c, `{"k":"a"}`, `{"k":"b"}`)))
	head := c.Head()
	good := func(t tester) []audit.Row {
		return rows(t, audit.NewChain(us, head), `{"k":"c"}`, `{"k":"d"}`, `{"k":"e"}`)
	}
	for name, spoil := range map[string]func([]audit.Row) []audit.Row{
		"again":             func([]audit.Row) []audit.Row { return rows(t, audit.NewChain(us, audit.Head{}), `{"k":"a"}`) },
		"from the start":    func([]audit.Row) []audit.Row { return rows(t, audit.NewChain(us, audit.Head{}), `{"k":"x"}`) },
		"with a gap before": func(r []audit.Row) []audit.Row { return r[1:] },
		"with a gap within": func(r []audit.Row) []audit.Row { return []audit.Row{r[0], r[2]} },
		"with another prev": func(r []audit.Row) []audit.Row { r[0].Prev[0]++; return r },
		"with another hash": func(r []audit.Row) []audit.Row { r[1].Hash[31]++; return r },
		"of a fork":         func([]audit.Row) []audit.Row { return rows(t, audit.NewChain(us, audit.Head{Seq: 2}), `{"k":"c"}`) },
	} {
		if err := st.Append(ctx, us, spoil(good(t))); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if table, noted, err := st.Heads(ctx, us); err != nil || table != head || noted != head {
			t.Fatalf("%s: %v %v %v", name, table, noted, err)
		}
	}
	// In any order within one statement they are the same rows.
	mixed := good(t)
	mixed[0], mixed[2] = mixed[2], mixed[0]
	must(t, st.Append(ctx, us, mixed))
	if table, noted, err := st.Heads(ctx, us); err != nil || table.Seq != 5 || table != noted {
		t.Errorf("%v %v %v", table, noted, err)
	}
	// Another writer has its own chain.
	must(t, st.Append(ctx, "riskd-US", rows(t, audit.NewChain("riskd-US", audit.Head{}), `{"kind":"a"}`)))
	if ws, err := st.Writers(ctx); err != nil || len(ws) != 2 || ws[0].Writer != us || ws[0].Seq != 5 || ws[1].Seq != 1 || ws[1].InsertedAt == nil {
		t.Errorf("%+v %v", ws, err)
	}
	if lines, err := st.Tail(ctx, us, 2); err != nil || len(lines) != 2 || lines[0].Seq != 4 || string(lines[1].Body) != `{"k":"e"}` {
		t.Errorf("%+v %v", lines, err)
	}
	if lines, err := st.Tail(ctx, "", 10); err != nil || len(lines) != 6 {
		t.Errorf("%+v %v", lines, err)
	}
}

// What PostgreSQL makes of a row is what Go made of it: its hash over there is the same, and the row comes back as it was,
// whatever the journal held.
func TestAnyRecordGoesInAndComesBack(t *testing.T) {
	s := pgtest.Start(t)
	ctx := context.Background()
	st := writer(t, s)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := fmt.Sprintf("w%c%c%c-US", 'a'+n%26, 'a'+n/26%26, 'a'+n/676%26)
		c := audit.NewChain(name, audit.Head{})
		var in []audit.Row
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			e := audit.Entry{
				Seq: c.Head().Seq + 1, TsNs: rapid.Int64().Draw(t, "ts"), Kind: rapid.StringMatching(`[a-z][a-z0-9_]{0,31}`).Draw(t, "kind"),
				OrderID:      rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, 9999, 10_000, 10_001, 100_000_000, 1<<63 - 1, 1 << 63, 1<<64 - 1})).Draw(t, "order"),
				InstrumentID: rapid.Int64().Draw(t, "instrument"),
				Correlation:  rapid.SampledFrom([]string{"", "00112233445566778899aabbccddeeff"}).Draw(t, "correlation"),
				Body:         body().Draw(t, "body"),
			}
			row, err := c.Next(e)
			must(t, err)
			in = append(in, row)
		}
		must(t, st.Append(ctx, name, in))
		if n := pgtest.Query[int](s, `select count(*) from audit.events where writer = $1 and hash = sha256(prev_hash || audit.canonical(writer, seq,
			ts_ns, kind, order_id, instrument_id, correlation, body, raw))`, name); n != len(in) {
			t.Fatalf("%d of %d rows have the same hash in SQL", n, len(in))
		}
		out, err := st.Rows(ctx, name, -1<<63, 100)
		must(t, err)
		if len(out) != len(in) {
			t.Fatalf("%d rows of %d", len(out), len(in))
		}
		for i, stored := range out {
			row, ok := stored.Row()
			if !ok || row.Hash != in[i].Hash || row.Prev != in[i].Prev || string(row.Body) != string(in[i].Body) ||
				row.OrderID != in[i].OrderID || row.Seq != in[i].Seq {
				t.Fatalf("%+v came back as %+v, %v", in[i], stored, ok)
			}
			again, err := audit.NewChain(name, audit.Head{Seq: row.Seq - 1, Hash: row.Prev}).Next(row.Entry)
			if err != nil || again.Hash != in[i].Hash {
				t.Fatalf("%v: %+v", err, again)
			}
		}
	})
}

func body() *rapid.Generator[[]byte] {
	return rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 40),
		rapid.Custom(func(t *rapid.T) []byte {
			b, err := json.Marshal(map[string]any{rapid.String().Draw(t, "key"): rapid.String().Draw(t, "value"), "n": rapid.Float64().Draw(t, "n")})
			must(t, err)
			return b
		}),
		rapid.Map(rapid.SampledFrom([]string{`{"a":"\u0000"}`, `{"a":"\ud800"}`, ` { "a" : 1 , "a":2 } `, `1e400`, `123456789012345678901234567890.5e-3`,
			strings.Repeat("[", 256) + strings.Repeat("]", 256), strings.Repeat("[", 300) + strings.Repeat("]", 300), "\"\u2028\U0010ffff\"", `"\/"`, "null", ""}),
			func(s string) []byte { return []byte(s) }),
	)
}

func TestMigrateManyTimesAndAtOnce(t *testing.T) {
	s := pgtest.Start(t)
	ctx := context.Background()
	st := writer(t, s)
	must(t, st.Append(ctx, us, rows(t, audit.NewChain(us, audit.Head{}), `{"k":"a"}`)))
	if m, err := store.Migrate(ctx, s.Owner); err != nil || m.Changed || m.Hypertable {
		t.Errorf("%+v %v", m, err)
	}
	// Another version's schema is brought to this one's without losing a row, by several that start at once.
	s.Exec(false, `comment on schema audit is 'dnalyaw audit of old'`, `drop trigger refuse_change on audit.events`, `drop view audit.fills`,
		`grant update on audit.events to audit_append`)
	if _, err := store.ConnectWriter(ctx, s.Writer); !errors.Is(err, store.ErrSchema) {
		t.Error(err)
	}
	var wg sync.WaitGroup
	changed := make(chan bool, 4)
	for range cap(changed) {
		wg.Go(func() {
			m, err := store.Migrate(ctx, s.Owner)
			if err != nil {
				t.Error(err)
			}
			changed <- m.Changed
		})
	}
	wg.Wait()
	close(changed)
	n := 0
	for c := range changed {
		if c {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of them changed something", n)
	}
	if code := refused(t, s.Super, `delete from audit.events`); code != "AU002" {
		t.Error(code)
	}
	again, err := store.ConnectWriter(ctx, s.Writer)
	must(t, err)
	must(t, again.Close())
}

func TestALoginThatMayDoMoreIsRefused(t *testing.T) {
	s := pgtest.Start(t)
	ctx := context.Background()
	for _, dsn := range []string{s.Owner, s.Super} {
		if _, err := store.ConnectWriter(ctx, dsn); !errors.Is(err, store.ErrRights) || !strings.Contains(err.Error(), "delete") {
			t.Errorf("%s: %v", dsn, err)
		}
	}
	s.Exec(false, `grant truncate on audit.events to audit_append`)
	if _, err := store.ConnectWriter(ctx, s.Writer); !errors.Is(err, store.ErrRights) || !strings.Contains(err.Error(), "audit_writer can truncate;") {
		t.Error(err)
	}
}

func TestABadDSNIsNotQuoted(t *testing.T) {
	for _, dsn := range []string{"postgresql://u:secret@[bad/x", "host=h port=x password=secret"} {
		if _, err := store.Connect(context.Background(), dsn); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

func TestTheViewsOfAnOrder(t *testing.T) {
	s := pgtest.Start(t)
	ctx := context.Background()
	st := writer(t, s)
	const cid = "00112233445566778899aabbccddeeff"
	decision := `{"kind":"decision","ts_ns":8,"order":{"order_id":11,"instrument_id":3,"quantity":100,"side":1},"correlation":"` + cid +
		`","decision":2,"reason":1,"approved_quantity":70,"equity":5,"worst_case":6,"binding_limit":7,"metrics":{"position":4}}`
	fill := `{"kind":"exec","order_id":11,"ts_ns":9,"exec_id":"E1","last_quantity":70,"last_price":9000000,"fee":350000}`
	must(t, st.Append(ctx, "riskd-US", rows(t, audit.NewChain("riskd-US", audit.Head{}), decision,
		`{"kind":"exec","order_id":11,"ts_ns":8,"exec_id":"E0","last_quantity":0}`, fill, `{"kind":"seen","exec_id":"E1"}`, "torn {")))
	must(t, st.Append(ctx, "riskd-HK", rows(t, audit.NewChain("riskd-HK", audit.Head{}), strings.ReplaceAll(decision, cid, strings.Repeat("a", 32)))))
	must(t, st.Append(ctx, us, rows(t, audit.NewChain(us, audit.Head{}), `{"k":"own","ts":7,"own":{"order_id":11}}`, `{"k":"session","ts":1}`)))
	for sql, want := range map[string]string{
		`select string_agg(kind, ' ' order by ts_ns, writer, seq) from audit.order_life where region = 'US' and order_id = 11`: "own decision exec exec",
		`select string_agg(concat_ws('/', region, quantity, approved_quantity, metrics ->> 'position'), ' ' order by region)
			from audit.decisions where order_id = 11`: "HK/100/70/4 US/100/70/4",
		`select string_agg(concat_ws('/', region, instrument_id, side, quantity, price, fee, exec_id), ' ') from audit.fills
			where correlation = '` + cid + `'`: "US/3/1/70/9000000/350000/E1",
	} {
		if got := pgtest.Query[*string](s, sql); got == nil || *got != want {
			t.Errorf("%s: %v", sql, got)
		}
	}
}
