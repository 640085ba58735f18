package ship_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/ship"
)

func TestAChangedTableStopsTheShipper(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	d.write(900)
	r := start(t, d.config())
	must(t, r.end())
	head := audit.Head{Seq: 900, Hash: r.Status().AckedHash}
	for name, c := range map[string]struct {
		sql  []string
		from audit.Head
		want string
	}{
		"the last hash": {[]string{`update audit.events set hash = sha256('x') where seq = 900`, `update audit.heads set hash = sha256('x')`}, audit.Head{},
			"row 900 of omsd-US: hash changed"},
		"rewritten from 412 on": {[]string{
			`update audit.events set ts_ns = 0 where seq = 412`,
			`do $$ declare r audit.events; h bytea; begin
				select hash into h from audit.events where seq = 411;
				for r in select * from audit.events where seq >= 412 order by seq loop
					update audit.events set prev_hash = h, hash = sha256(h || audit.canonical(writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, raw))
						where seq = r.seq returning hash into h;
				end loop;
				update audit.heads set hash = h;
			end $$`}, audit.Head{}, "row 412 of omsd-US: ts_ns changed"},
		"the tail, with its note": {[]string{`delete from audit.events where seq > 850`,
			`update audit.heads set seq = 850, hash = (select hash from audit.events where seq = 850)`}, head,
			"omsd-US is cut off after row 850: the journal's anchor says 900"},
		"the tail": {[]string{`delete from audit.events where seq > 850`}, audit.Head{}, "omsd-US is cut off after row 850: audit.heads says 900"},
		"a row too many": {[]string{`insert into audit.events (writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, prev_hash, hash)
			select writer, 901, 0, 'x', 0, 0, '', '{}', hash, sha256('y') from audit.events where seq = 900`,
			`update audit.heads set seq = 901, hash = sha256('y')`}, audit.Head{}, "row 901 of omsd-US: it is not in the journal, which ends at record 900"},
	} {
		t.Run(name, func(t *testing.T) {
			d.pg.Exec(true, append([]string{`create table spare as select * from audit.events`, `create table spare_heads as select * from audit.heads`}, c.sql...)...)
			defer d.pg.Exec(true, `truncate audit.events, audit.heads`, `insert into audit.events select * from spare`,
				`insert into audit.heads select * from spare_heads`, `drop table spare, spare_heads`)
			cfg := d.config()
			cfg.Anchored = c.from
			r := start(t, cfg)
			select {
			case err := <-r.done:
				if !errors.Is(err, ship.ErrTampered) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
			case <-time.After(60 * time.Second):
				t.Fatal("it does not stop")
			}
			if st := r.Status(); !st.Ended || st.LastError == "" || st.Connected {
				t.Errorf("%+v", st)
			}
		})
	}
	must(t, start(t, d.config()).end())
	d.check(900)
}

// What was acknowledged to this process and is gone at the next connection is not silently inserted again.
func TestAcknowledgedRowsThatAreGone(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	d.write(300)
	r := start(t, d.config())
	r.acked(300)
	d.pg.Exec(true, `delete from audit.events where seq > 200`, `update audit.heads set seq = 200, hash = (select hash from audit.events where seq = 200)`,
		`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dnalyaw-audit'`)
	d.write(1)
	select {
	case err := <-r.done:
		if !errors.Is(err, ship.ErrTampered) || !strings.Contains(err.Error(), "omsd-US is cut off after row 200") {
			t.Error(err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("it does not stop")
	}
}
