package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/audit/store"
	"dnalyaw/execution/internal/audit/verify"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/risklink"
)

// place is where a byte of a journal lies: in the block or the snapshot of a file, before or behind which record.
type place struct {
	file  string
	at    int
	first uint64 // record of the block; of a snapshot, the one that it stands behind
}

// places lists a journal's bytes, read here from the description of a block: magic, length of the body, 48 more bytes, and the
// body's records, each with its length in front.
func places(t *testing.T, dir string) (out []place) {
	t.Helper()
	segments, _, err := journal.Segments(dir)
	if err != nil {
		t.Fatal(err)
	}
	records := uint64(0)
	for _, n := range segments {
		if data, err := os.ReadFile(snapshotName(dir, n)); err == nil {
			for at := range data {
				out = append(out, place{filepath.Base(snapshotName(dir, n)), at, records})
			}
		}
		data, err := os.ReadFile(filepath.Join(dir, segmentFile(n)))
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(data); {
			end, first := at+56+int(binary.LittleEndian.Uint32(data[at+4:])), records+1
			for in := at + 56; in < end; records++ {
				in += 4 + int(binary.LittleEndian.Uint32(data[in:]))
			}
			for ; at < end; at++ {
				out = append(out, place{segmentFile(n), at, first})
			}
		}
	}
	return out
}

// changed is the journal with one bit of one byte changed.
func changed(t *testing.T, dir string, p place, bit int) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	flip(t, to, p, bit)
	return to
}

func flip(t *testing.T, dir string, p place, bit int) {
	t.Helper()
	path := filepath.Join(dir, p.file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[p.at] ^= 1 << bit
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// named says what a replay finds, and fails where it does not name the file and the record.
func named(t *testing.T, dir string, p place) {
	t.Helper()
	var out, errs bytes.Buffer
	code := replay([]string{dir}, &out, &errs)
	said := errs.String() + out.String()
	where := fmt.Sprintf("%s: from record %d on", p.file, p.first)
	if strings.HasSuffix(p.file, ".snap") {
		where = fmt.Sprintf("%s: after record %d", p.file, p.first)
	}
	// At the end it may be what a crash left: then it is no error, and named all the same.
	if !strings.Contains(said, where) || code == exitOK && !strings.Contains(out.String(), `"torn":"`) {
		t.Fatalf("byte %d of %s: status %d, %q, want %q", p.at, p.file, code, said, where)
	}
}

// Every byte of the segments of a small journal, and some of its snapshot's and of the committed journal's: a change is found, and named by file
// and record.
func TestEveryChangedByteIsNamed(t *testing.T) {
	small := filepath.Join(t.TempDir(), "journal")
	j, _, err := journal.Open(small)
	if err != nil {
		t.Fatal(err)
	}
	state, err := core.Replay(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{
		`{"k":"session","ts":1,"session":{"region":"US","session":20240105,"last_order_id":10}}`,
		`{"k":"plan","ts":2,"plan":{"session":20240105,"orders":[{"id":11,"session":20240105,"instrument_id":3,"side":1,"qty":100,"limit_px":1,"shares":{"a":100}}]}}`,
		"\x04\x02\x0b\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", `{"k":"operator","ts":3,"operator":{"command":"CancelAll"}}`, "\x04\x02\x0b\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00",
	} {
		if err := state.Apply([]byte(text)); err != nil {
			t.Fatal(err)
		}
		j.Append([]byte(text))
		if i == 0 {
			continue // the first block has two records
		}
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			roll(t, j, state)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for i, p := range places(t, small) {
		if strings.HasSuffix(p.file, ".snap") && p.at%8 != 0 {
			continue // one hash covers the whole file
		}
		flip(t, small, p, i%8)
		named(t, small, p)
		flip(t, small, p, i%8)
	}
	drawn := rand.New(rand.NewPCG(4, 4))
	all := places(t, goldenDir)
	dir := copied(t)
	for range 60 {
		p, bit := all[drawn.IntN(len(all))], drawn.IntN(8)
		flip(t, dir, p, bit)
		named(t, dir, p)
		flip(t, dir, p, bit)
	}
	if out, err := readWhole(dir); err != nil || out.TornBytes != 0 {
		t.Errorf("with every byte as it was: %+v, %v", out, err)
	}
}

func roll(t *testing.T, j *journal.Journal, state *core.State) {
	t.Helper()
	b, err := json.Marshal(state)
	if err == nil {
		err = j.Roll(b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A start reads the last snapshot and what follows it. A change in there keeps it from starting, or is cut off as a crash's, with
// a word; one in the snapshot has it read the records instead; one before it changes nothing that it reads.
func TestAStartOnAChangedByteIsRefusedToldOrHarmless(t *testing.T) {
	want := expected(t)
	drawn := rand.New(rand.NewPCG(5, 5))
	all := places(t, goldenDir)
	seen := map[string]int{}
	over, cancel := context.WithCancel(context.Background())
	cancel() // a core that is run then closes its journal and ends
	for range 60 {
		p, bit := all[drawn.IntN(len(all))], drawn.IntN(8)
		dir := changed(t, goldenDir, p, bit)
		var log bytes.Buffer
		words := slog.New(slog.NewTextHandler(&log, nil))
		oms, err := core.Open(dir, core.Config{Region: "US", Log: words}, risklink.New(risklink.Config{Path: "none", Region: "US", Log: words}))
		if err != nil {
			if p.file != "000003.log" || !strings.Contains(err.Error(), "000003.log") {
				t.Fatalf("byte %d of %s: %v", p.at, p.file, err)
			}
			seen["refused"]++
			continue
		}
		hash, err := oms.RecoveredHash()
		if err = errors.Join(err, oms.Run(over)); err != nil {
			t.Fatal(err)
		}
		switch same := strings.Contains(want, hash); {
		case p.file == "000003.log" && strings.Contains(log.String(), "cut short by a crash"):
			seen["told"]++
		case same && p.file != "000003.log":
			seen["harmless"]++
		default:
			t.Errorf("byte %d of %s: started with the hash %s, and said %q", p.at, p.file, hash, log.String())
		}
	}
	if seen["refused"] == 0 || seen["harmless"] == 0 {
		t.Errorf("%v", seen)
	}
}

// put has every record in the table.
func put(ctx context.Context, pg *pgtest.Server, entries []audit.Entry) error {
	chain := audit.NewChain("omsd-US", audit.Head{})
	var rows []audit.Row
	for _, e := range entries {
		row, err := chain.Next(e)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	st, err := store.ConnectWriter(ctx, pg.Writer)
	if err != nil {
		return err
	}
	return errors.Join(st.Append(ctx, "omsd-US", rows), st.Close())
}

// A changed byte of the journal is a changed row of the audit table: the first row of the block is named.
func TestTheAuditTrailNamesAChangedByteOfTheJournal(t *testing.T) {
	pg := pgtest.Own(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := copied(t)
	records := source.NewOMS(dir)
	records.EveryRecord()
	entries, err := records.Read(0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(records.Close(), put(ctx, pg, entries)); err != nil {
		t.Fatal(err)
	}
	table, err := store.Connect(ctx, pg.Writer)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	check := func() string {
		records := source.NewOMS(dir)
		records.EveryRecord()
		defer records.Close()
		r, err := verify.Run(ctx, table, verify.Options{Writer: "omsd-US", Journal: records})
		if err != nil {
			t.Fatal(err)
		}
		if r.Bad == nil {
			return ""
		}
		return r.Bad.String()
	}
	if got := check(); got != "" {
		t.Fatalf("untouched: %s", got)
	}
	drawn := rand.New(rand.NewPCG(6, 6))
	all := places(t, goldenDir)
	for n := 0; n < 25; {
		p, bit := all[drawn.IntN(len(all))], drawn.IntN(8)
		if strings.HasSuffix(p.file, ".snap") {
			continue // it is no record, and verify reads the records themselves
		}
		n++
		flip(t, dir, p, bit)
		torn := fmt.Sprintf("row %d of omsd-US: it is not in the journal, which ends at record %d", p.first, p.first-1)
		if got := check(); !strings.HasPrefix(got, fmt.Sprintf("row %d of omsd-US: its record cannot be read", p.first)) && got != torn {
			t.Errorf("byte %d of %s: %q, want row %d", p.at, p.file, got, p.first)
		}
		flip(t, dir, p, bit)
	}
	if got := check(); got != "" {
		t.Errorf("with every byte as it was: %s", got)
	}
}
