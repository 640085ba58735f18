package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/store"
)

// Where TimescaleDB is there the table is a hypertable, and the same holds of it.
func TestTheHypertable(t *testing.T) {
	s := pgtest.Empty(t)
	if pgtest.Query[int](s, `select count(*) from pg_available_extensions where name = 'timescaledb'`) == 0 {
		t.Skip("this PostgreSQL has no TimescaleDB: set DNALYAW_TEST_PG to a superuser's DSN of one that has")
	}
	s.Exec(false, `create extension timescaledb`)
	ctx := context.Background()
	if m, err := store.Migrate(ctx, s.Owner); err != nil || !m.Hypertable {
		t.Fatalf("%+v %v", m, err)
	}
	s.Exec(false, `select set_chunk_time_interval('audit.events', 10)`)
	st := writer(t, s)
	c := audit.NewChain(us, audit.Head{})
	for n := range 7 {
		must(t, st.Append(ctx, us, rows(t, c, fmt.Sprintf(`{"k":"a","n":%d}`, n), `{"k":"b"}`, "raw {", `{"k":"c"}`, `{"k":"d"}`)))
	}
	if chunks := pgtest.Query[int](s, `select count(*) from timescaledb_information.chunks where hypertable_name = 'events'`); chunks < 3 {
		t.Errorf("%d chunks", chunks)
	}
	if err := st.Append(ctx, us, rows(t, audit.NewChain(us, audit.Head{Seq: 36}), `{"k":"gap"}`)); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	chunk := pgtest.Query[string](s, `select chunk_schema || '.' || chunk_name from timescaledb_information.chunks where hypertable_name = 'events' limit 1`)
	for _, sql := range []string{`update audit.events set kind = 'x' where seq = 3`, `delete from audit.events`, `truncate audit.events`,
		`update ` + chunk + ` set kind = 'x'`, `delete from ` + chunk} {
		for _, dsn := range []string{s.Owner, s.Super} {
			if code := refused(t, dsn, sql); code != "AU002" {
				t.Errorf("%s by %s: %s", sql, dsn, code)
			}
		}
		if code := refused(t, s.Writer, sql); code != "42501" {
			t.Errorf("the writer's %s: %s", sql, code)
		}
	}
	if table, noted, err := st.Heads(ctx, us); err != nil || table != c.Head() || noted != table {
		t.Errorf("%v %v %v", table, noted, err)
	}
	if out, err := st.Rows(ctx, us, -1<<63, 100); err != nil || len(out) != 35 {
		t.Errorf("%d rows, %v", len(out), err)
	}
}
