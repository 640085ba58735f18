package verify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
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

// trail is a journal and its table: 40 records, of which 30 are shipped, with an anchor of row 20 as record 25.
type trail struct {
	t      *testing.T
	pg     *pgtest.Server
	dir    string
	rows   []audit.Row
	anchor audit.Anchor
}

const (
	records  = 40
	shipped  = 30
	anchored = 20
	anchorAt = 25
)

func newTrail(t *testing.T, pg *pgtest.Server) *trail {
	t.Helper()
	tr := &trail{t: t, pg: pg, dir: t.TempDir()}
	j, _, err := journal.Open(tr.dir)
	must(t, err)
	c := audit.NewChain(us, audit.Head{})
	for seq := 1; seq <= records; seq++ {
		body := fmt.Appendf(nil, `{"k":"own","ts":%d,"own":{"order_id":%d}}`, 1000+seq, 100+seq)
		if seq%10 == 7 {
			body = fmt.Appendf(nil, "no JSON %d", seq)
		}
		if seq == anchorAt {
			tr.anchor = audit.Anchor{Writer: us, Seq: anchored, Hash: tr.rows[anchored-1].Hash}
			body, err = audit.EncodeAnchor(1, tr.anchor)
			must(t, err)
		}
		row, err := c.Next(audit.Decode(uint64(seq), body))
		must(t, err)
		tr.rows = append(tr.rows, row)
		j.Append(body)
		must(t, j.Commit())
		for j.Durable() < j.Blocks() {
			<-j.Synced()
		}
	}
	must(t, j.Close())
	st, err := store.ConnectWriter(context.Background(), pg.Writer)
	must(t, err)
	must(t, st.Append(context.Background(), us, tr.rows[:shipped]))
	must(t, st.Close())
	return tr
}

// reset puts the table back, behind the triggers.
func (tr *trail) reset() {
	tr.t.Helper()
	tr.pg.Exec(true, `truncate audit.heads`, `truncate audit.events`)
	st, err := store.ConnectWriter(context.Background(), tr.pg.Writer)
	must(tr.t, err)
	must(tr.t, st.Append(context.Background(), us, tr.rows[:shipped]))
	must(tr.t, st.Close())
}

func (tr *trail) verify(withJournal bool, anchors ...audit.Anchor) verify.Result {
	tr.t.Helper()
	st, err := store.Connect(context.Background(), tr.pg.Writer)
	must(tr.t, err)
	defer st.Close()
	o := verify.Options{Writer: us, Anchors: anchors}
	if withJournal {
		f := source.NewOMS(tr.dir)
		f.EveryRecord()
		defer f.Close()
		o.Journal = f
	}
	res, err := verify.Run(context.Background(), st, o)
	must(tr.t, err)
	return res
}

func TestAnUntouchedTrailIsGood(t *testing.T) {
	tr := newTrail(t, pgtest.Start(t))
	got := tr.verify(true)
	if got.Bad != nil || got.Rows != shipped || got.Records != records || got.Behind != records-shipped || got.Anchors != 1 || got.Anchor != anchored ||
		got.Head != (audit.Head{Seq: shipped, Hash: tr.rows[shipped-1].Hash}) {
		t.Errorf("%+v", got)
	}
	if got := tr.verify(false); got.Bad != nil || got.Rows != shipped || got.Anchors != 0 {
		t.Errorf("%+v", got)
	}
	// A writer that the table has never heard of has no row that could be bad.
	st, err := store.Connect(context.Background(), tr.pg.Writer)
	must(t, err)
	defer st.Close()
	if got, err := verify.Run(context.Background(), st, verify.Options{Writer: "omsd-HK"}); err != nil || got.Bad != nil || got.Rows != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

// Each is done as the superuser with the triggers off, as somebody would who has taken the server over.
func TestEveryTamperingIsFoundAndTheRowNamed(t *testing.T) {
	tr := newTrail(t, pgtest.Start(t))
	zero := strings.Repeat("00", 32)
	for _, c := range []struct {
		name, sql string
		want      string // with the journal beside
		alone     string // by the chain alone; "-" = cannot be seen without the journal
	}{
		{"a body's byte", `update audit.events set body = replace(body::text, '1012', '1013')::json where seq = 12`,
			"row 12 of omsd-US: body changed", "row 12 of omsd-US: its content and its hash do not belong together"},
		{"a raw body's byte", `update audit.events set raw = set_byte(raw, 0, 78) where seq = 17`,
			"row 17 of omsd-US: body changed", "row 17 of omsd-US: its content and its hash do not belong together"},
		{"a space in a body", `update audit.events set body = (body::text || ' ')::json where seq = 12`,
			"row 12 of omsd-US: body changed", "row 12 of omsd-US: its content and its hash do not belong together"},
		{"a body moved to the other column", `alter table audit.events drop constraint events_check; update audit.events set raw = convert_to(body::text, 'UTF8'), body = null where seq = 12`,
			"row 12 of omsd-US: body changed", "row 12 of omsd-US: it is not a row that a writer makes"},
		{"a body in both columns", `alter table audit.events drop constraint events_check; update audit.events set raw = '' where seq = 12`,
			"row 12 of omsd-US: body changed", "row 12 of omsd-US: it is not a row that a writer makes"},
		{"no body", `alter table audit.events drop constraint events_check; update audit.events set body = null where seq = 12`,
			"row 12 of omsd-US: body changed", "row 12 of omsd-US: it is not a row that a writer makes"},
		{"a time", `update audit.events set ts_ns = ts_ns + 1 where seq = 3`,
			"row 3 of omsd-US: ts_ns changed", "row 3 of omsd-US: its content and its hash do not belong together"},
		{"a kind", `update audit.events set kind = 'exec' where seq = 1`,
			"row 1 of omsd-US: kind changed", "row 1 of omsd-US: its content and its hash do not belong together"},
		{"an order id", `update audit.events set order_id = 999 where seq = 30`,
			"row 30 of omsd-US: order_id changed", "row 30 of omsd-US: its content and its hash do not belong together"},
		{"an instrument and a correlation", `update audit.events set instrument_id = 5, correlation = repeat('a', 32) where seq = 30`,
			"row 30 of omsd-US: instrument_id, correlation changed", "row 30 of omsd-US: its content and its hash do not belong together"},
		{"a hash", `update audit.events set hash = set_byte(hash, 31, get_byte(hash, 31) # 1) where seq = 12`,
			"row 12 of omsd-US: hash changed", "row 12 of omsd-US: its content and its hash do not belong together"},
		{"a prev_hash", `update audit.events set prev_hash = set_byte(prev_hash, 0, get_byte(prev_hash, 0) # 1) where seq = 12`,
			"row 12 of omsd-US: prev_hash changed, it is not the hash of the row before", "row 12 of omsd-US: prev_hash changed, it is not the hash of the row before"},
		{"a row in the middle", `delete from audit.events where seq = 12`,
			"row 12 of omsd-US is missing: the next one there is 13", "row 12 of omsd-US is missing: the next one there is 13"},
		{"the first rows", `delete from audit.events where seq < 4`,
			"row 1 of omsd-US is missing: the next one there is 4", "row 1 of omsd-US is missing: the next one there is 4"},
		{"rows in two places", `delete from audit.events where seq in (12, 13, 20)`,
			"row 12 of omsd-US is missing: the next one there is 14", "row 12 of omsd-US is missing: the next one there is 14"},
		{"the last rows", `delete from audit.events where seq > 25`,
			"omsd-US is cut off after row 25: audit.heads says 30", "omsd-US is cut off after row 25: audit.heads says 30"},
		{"the last rows and their note", `delete from audit.events where seq > 15; update audit.heads set seq = 15, hash = (select hash from audit.events where seq = 15)`,
			"omsd-US is cut off after row 15: the journal's anchor says 20", "-"},
		{"all rows and their note", `truncate audit.events; truncate audit.heads`,
			"omsd-US is cut off after row 0: the journal's anchor says 20", "-"},
		{"two rows swapped", `update audit.events set seq = 100 where seq = 12; update audit.events set seq = 12 where seq = 13; update audit.events set seq = 13 where seq = 100`,
			"row 12 of omsd-US: ts_ns, order_id, body changed", "row 12 of omsd-US: prev_hash changed, it is not the hash of the row before"},
		{"a row put in", `insert into audit.events (writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, prev_hash, hash)
			select writer, 31, ts_ns, kind, order_id, instrument_id, correlation, body, hash, hash from audit.events where seq = 30`,
			"row 31 of omsd-US: ts_ns, order_id, body changed", "row 31 of omsd-US: its content and its hash do not belong together"},
		{"a row far behind", `insert into audit.events (writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, prev_hash, hash)
			select writer, 9223372036854775807, ts_ns, kind, order_id, instrument_id, correlation, body, hash, hash from audit.events where seq = 30`,
			"row 31 of omsd-US is missing: the next one there is 9223372036854775807", "row 31 of omsd-US is missing: the next one there is 9223372036854775807"},
		{"a row twice", `alter table audit.events drop constraint events_pkey; insert into audit.events select * from audit.events where seq = 12`,
			"row 12 of omsd-US: it is there twice", "row 12 of omsd-US: it is there twice"},
		{"a row before the first", `alter table audit.events drop constraint events_seq_check; update audit.events set seq = -5 where seq = 12`,
			"row 0 of omsd-US: a row numbered -5 was put in: rows count from 1", "row 0 of omsd-US: a row numbered -5 was put in: rows count from 1"},
		{"the note", `update audit.heads set hash = decode('` + zero + `', 'hex')`,
			"row 30 of omsd-US: audit.heads has another hash of it", "row 30 of omsd-US: audit.heads has another hash of it"},
		{"the note is behind", `update audit.heads set seq = 29, hash = (select hash from audit.events where seq = 29)`,
			"row 30 of omsd-US: it was put in behind the trigger's back: audit.heads says 29", "row 30 of omsd-US: it was put in behind the trigger's back: audit.heads says 29"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr.t = t
			tr.pg.Exec(true, strings.Split(c.sql, ";")...)
			if got := tr.verify(true); got.Bad == nil || got.Bad.String() != c.want {
				t.Errorf("%v, want %s", got.Bad, c.want)
			}
			got := tr.verify(false)
			switch {
			case c.alone == "-" && got.Bad != nil:
				t.Errorf("%v without the journal", got.Bad)
			case c.alone != "-" && (got.Bad == nil || got.Bad.String() != c.alone):
				t.Errorf("%v without the journal, want %s", got.Bad, c.alone)
			}
			// Put back, with what the tampering dropped.
			tr.pg.Exec(true, `truncate audit.events`, `alter table audit.events drop constraint if exists events_check, drop constraint if exists events_pkey,
				drop constraint if exists events_seq_check`, `alter table audit.events add constraint events_check check (num_nonnulls(body, raw) = 1) not valid,
				add primary key (writer, seq), add constraint events_seq_check check (seq > 0)`)
			tr.reset()
		})
	}
	tr.t = t
	if got := tr.verify(true); got.Bad != nil {
		t.Error(got.Bad)
	}
}

// forge writes every row from seq on anew, with hashes that fit: the table alone cannot tell.
func (tr *trail) forge(from int, body string) []audit.Row {
	tr.t.Helper()
	c := audit.NewChain(us, audit.Head{Seq: uint64(from - 1), Hash: tr.rows[from-2].Hash})
	var out []audit.Row
	for i := from; i <= shipped; i++ {
		e := tr.rows[i-1].Entry
		if i == from {
			e = audit.Decode(uint64(i), []byte(body))
		}
		row, err := c.Next(e)
		must(tr.t, err)
		out = append(out, row)
	}
	tr.pg.Exec(true, fmt.Sprintf(`delete from audit.events where seq >= %d`, from),
		fmt.Sprintf(`update audit.heads set seq = %d, hash = (select hash from audit.events where seq = %d)`, from-1, from-1))
	st, err := store.ConnectWriter(context.Background(), tr.pg.Writer)
	must(tr.t, err)
	must(tr.t, st.Append(context.Background(), us, out))
	must(tr.t, st.Close())
	return out
}

func TestATableWrittenAnewIsFoundByTheJournalAndByAnAnchor(t *testing.T) {
	tr := newTrail(t, pgtest.Start(t))
	// The forged fill differs from the journal's record.
	tr.forge(12, `{"k":"own","ts":1012,"own":{"order_id":666}}`)
	if got := tr.verify(false); got.Bad != nil {
		t.Fatalf("the forgery is not a good one: %v", got.Bad)
	}
	if got := tr.verify(true); got.Bad == nil || got.Bad.String() != "row 12 of omsd-US: order_id, body changed" {
		t.Errorf("%v", got.Bad)
	}
	// Without the journal an anchor that was kept elsewhere tells by which row.
	if got := tr.verify(false, tr.anchor); got.Bad == nil || got.Bad.Seq != anchored || got.Bad.Kind != verify.Rewrote {
		t.Errorf("%v", got.Bad)
	}
	// And where the journal was written anew as well, the anchor still does.
	dir := t.TempDir()
	j, _, err := journal.Open(dir)
	must(t, err)
	for i, r := range tr.rows {
		body := r.Body
		if i == 11 {
			body = []byte(`{"k":"own","ts":1012,"own":{"order_id":666}}`)
		}
		if i != anchorAt-1 {
			j.Append(body)
		} else {
			j.Append([]byte(`{"k":"own","ts":1025,"own":{"order_id":125}}`))
		}
	}
	must(t, j.Commit())
	must(t, j.Close())
	tr.dir = dir
	tr.shipAll()
	if got := tr.verify(true); got.Bad != nil {
		t.Fatalf("the forgery is not a good one: %v", got.Bad)
	}
	if got := tr.verify(true, tr.anchor); got.Bad == nil || got.Bad.Seq != anchored || got.Bad.Kind != verify.Rewrote {
		t.Errorf("%v", got.Bad)
	}
}

// shipAll ships the journal in tr.dir into an emptied table.
func (tr *trail) shipAll() {
	tr.t.Helper()
	f := source.NewOMS(tr.dir)
	f.EveryRecord()
	defer f.Close()
	entries, err := f.Read(0, shipped)
	must(tr.t, err)
	c := audit.NewChain(us, audit.Head{})
	var rows []audit.Row
	for _, e := range entries {
		row, err := c.Next(e)
		must(tr.t, err)
		rows = append(rows, row)
	}
	tr.pg.Exec(true, `truncate audit.events`, `truncate audit.heads`)
	st, err := store.ConnectWriter(context.Background(), tr.pg.Writer)
	must(tr.t, err)
	must(tr.t, st.Append(context.Background(), us, rows))
	must(tr.t, st.Close())
}

func TestAChangedJournalIsNamedToo(t *testing.T) {
	tr := newTrail(t, pgtest.Start(t))
	path := filepath.Join(tr.dir, "000001.log")
	good, err := os.ReadFile(path)
	must(t, err)
	find := func(text string) int { return strings.Index(string(good), text) }
	for name, c := range map[string]struct {
		at   int
		want string
	}{
		"in a row":           {find(`"ts":1012`), "row 12 of omsd-US: its record cannot be read"},
		"in what is to come": {find(`"ts":1035`), "row 35 of omsd-US: its record cannot be read"},
	} {
		bad := append([]byte(nil), good...)
		bad[c.at+6] ^= 1
		must(t, os.WriteFile(path, bad, 0o600))
		if got := tr.verify(true); got.Bad == nil || !strings.HasPrefix(got.Bad.String(), c.want) || got.Bad.Kind != verify.Unsound {
			t.Errorf("%s: %v", name, got.Bad)
		}
	}
	must(t, os.WriteFile(path, good, 0o600))
	// A journal that ends before the table: an older copy.
	must(t, os.WriteFile(path, good[:find(`{"k":"own","ts":1029`)-4-56], 0o600))
	if got := tr.verify(true); got.Bad == nil || got.Bad.String() != "row 29 of omsd-US: it is not in the journal, which ends at record 28" {
		t.Errorf("%v", got.Bad)
	}
}
