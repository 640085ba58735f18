package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/audit/store"
	"dnalyaw/execution/internal/audit/verify"
)

// logged says whether omsd's log has the text.
func (h *house) logged(text string) bool { return strings.Contains(h.stderr.String(), text) }

// audited has omsd ship its journal to a PostgreSQL of its own.
func (h *house) audited(backlog string) *pgtest.Server {
	h.t.Helper()
	pg := pgtest.Own(h.t)
	h.write("audit.dsn", pg.Writer+"\n")
	h.more = []string{"--audit", filepath.Join(h.dir, "audit.dsn"), "--audit-backlog", backlog}
	return pg
}

// inTheTable waits until the table has n rows or more of omsd's.
func inTheTable(t *testing.T, pg *pgtest.Server, n int64) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if got := pgtest.Query[int64](pg, "SELECT count(*) FROM audit.events WHERE writer = 'omsd-US'"); got >= n {
			return
		} else if time.Now().After(end) {
			t.Fatalf("%d rows, want %d", got, n)
		}
	}
}

// behind waits until omsd says that the table is too far behind (1), or no more (0): the shipper hears of the journal's end, and
// of its rows being in the table, a moment after both.
func (h *house) behind(want float64) {
	h.t.Helper()
	h.until("the audit table's lag", func(got families) bool {
		_, served := got["omsd_audit_behind"]
		return served && got.sum("omsd_audit_behind") == want && (got.sum("omsd_audit_rows_behind") > 60) == (want == 1)
	})
}

// verified says that the table is what the journal says, anchors with it.
func (h *house) verified(pg *pgtest.Server) verify.Result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	table, err := store.Connect(ctx, pg.Writer)
	if err != nil {
		h.t.Fatal(err)
	}
	defer table.Close()
	dir := filepath.Join(h.dir, "oms", "journal")
	r, err := verify.Run(ctx, table, verify.Options{Writer: "omsd-US", Journal: source.NewOMS(dir)})
	if err != nil {
		h.t.Fatal(err)
	}
	if r.Bad != nil {
		h.t.Fatalf("%+v", *r.Bad)
	}
	return r
}

// Orders while omsd and PostgreSQL are killed in turn: in the end every record of the journal is in the table once.
func TestTheAuditTableMissesNothingOverKills(t *testing.T) {
	h := newHouse(t, 20)
	pg := h.audited("200000")
	h.start()
	h.up()
	for round := range 4 {
		h.accept(portfolio("alpha", asOf+int64(round), equalWeights(20, 0.02+0.01*float64(round%2))))
		h.settled()
		switch round {
		case 0:
			inTheTable(t, pg, 20)
			pg.Kill()
		case 1:
			h.kill()
			h.start()
			h.up()
		case 2:
			pg.Run()
		}
	}
	inTheTable(t, pg, 20*4*4)
	if code := h.term(); code != 0 {
		t.Fatalf("status %d", code)
	}
	r := h.verified(pg)
	if r.Rows < 20*4*4 {
		t.Errorf("%+v", r)
	}
	h.start()
	h.up()
	h.sameAfterReplay()
}

// Without PostgreSQL trading goes on for the backlog, then nothing is opened; what reduces goes on, and with the table back
// everything does.
func TestAnAuditTableThatIsAwayMeansReduceOnly(t *testing.T) {
	h := newHouse(t, 30)
	pg := h.audited("60")
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(5, 0.02)))
	h.settled()
	inTheTable(t, pg, 20)
	pg.Kill()
	h.accept(portfolio("alpha", asOf+1, equalWeights(30, 0.02))) // its records are more than the backlog
	h.settled()
	h.behind(1)
	h.accept(portfolio("alpha", asOf+2, equalWeights(30, 0.03)))
	h.settled()
	before := h.held(1)
	h.accept(portfolio("alpha", asOf+3, map[int64]float64{2: 0.02}))
	h.await("name 1 is sold", func(s *pb.GetStatusResponse) bool { return s.OpenOrders == 0 && h.held(1) == 0 })
	if before != 100 || !h.logged("nothing is opened until it has caught up") {
		t.Errorf("%d shares of name 1 while nothing may be opened", before)
	}
	pg.Run()
	inTheTable(t, pg, 30*4)
	h.behind(0)
	h.accept(portfolio("alpha", asOf+4, map[int64]float64{1: 0.03, 2: 0.02}))
	h.await("name 1 is bought again", func(s *pb.GetStatusResponse) bool { return s.OpenOrders == 0 && h.held(1) == 150 })
	h.term()
	h.verified(pg)
}

// The file may hold a password: one that others can read is refused before anything is shipped, and the reason tells no secret.
func TestAnAuditFileThatOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.dsn")
	if err := os.WriteFile(path, []byte("postgresql://u:secret@h/d\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := new(trail).start(t.Context(), options{audit: path}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "--audit: "+path+" can be read by others") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
