package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/journal"
)

const (
	goldenDir    = "testdata/journal"
	goldenAnswer = "testdata/journal.replay.json"
)

// expected is what a replay of the committed journal must say, to the byte.
func expected(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(goldenAnswer)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// copied is the committed journal in a directory of its own.
func copied(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(dir, os.DirFS(goldenDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A fresh process comes to the committed hash wherever it believes to be, in whatever language and on however many cores, from
// the first record on.
func TestTheCommittedJournalReplaysToTheCommittedHash(t *testing.T) {
	if *updateGolden {
		makeGolden(t)
	}
	want := expected(t)
	for _, env := range [][]string{
		{"TZ=", "GOMAXPROCS=1", "LANG=C"}, {"TZ=Asia/Kolkata", "GOMAXPROCS=4", "LANG=hi_IN.UTF-8"},
		{"TZ=America/St_Johns", "GOMAXPROCS=1", "LC_ALL=tr_TR.UTF-8"}, {"TZ=Pacific/Kiritimati", "GOMAXPROCS=4", "LC_ALL=C"},
	} {
		cmd := child("replay", goldenDir)
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.Output()
		if err != nil || string(out) != want {
			t.Errorf("%v: %s %v, want %s", env, out, err, want)
		}
	}
}

// What a start makes of its last snapshot and the records behind it is what a replay makes of all of them.
func TestAStartOnTheCommittedJournalHasTheCommittedState(t *testing.T) {
	want := expected(t)
	snapshot, records, err := journal.Read(goldenDir)
	if err != nil || snapshot == nil || len(records) == 0 {
		t.Fatalf("%d bytes, %d records, %v", len(snapshot), len(records), err)
	}
	st, err := core.Replay(snapshot, records)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := st.Hash()
	if err != nil || !strings.Contains(want, `"state_hash":"`+hash+`"`) {
		t.Errorf("%s, %v, want %s", hash, err, want)
	}
	h := newHouse(t, 8)
	if err := os.CopyFS(filepath.Join(h.dir, "oms", "journal"), os.DirFS(goldenDir)); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.await("the log", func(*pb.GetStatusResponse) bool { return h.logged("recovered") })
	if !h.logged(hash) {
		t.Errorf("the log has not the hash %s:\n%s", hash, tail(h.stderr))
	}
}

// The committed journal is worth its name: every kind of record is in it, and orders in all states that a journal can leave
// them in.
func TestTheCommittedJournalHoldsEverything(t *testing.T) {
	segments, snapshots, err := journal.Segments(goldenDir)
	if err != nil || len(segments) != goldenSessions || len(snapshots) != goldenSessions-1 {
		t.Fatalf("%v, %v, %v", segments, snapshots, err)
	}
	var text strings.Builder
	for _, n := range segments {
		data, err := os.ReadFile(filepath.Join(goldenDir, segmentFile(n)))
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
	for _, kind := range []string{
		"session", "plan", "refused", "illegal", "foreign", "snapshot", "operator", "anchor", "update", "route", "books", "unwind", "child", "parent_end", "close",
		"amend", "amend_refused",
	} {
		if !strings.Contains(text.String(), `{"k":"`+kind+`"`) {
			t.Errorf("no record of kind %s", kind)
		}
	}
	if !strings.Contains(text.String(), `"legs":2`) || !strings.Contains(text.String(), `"parents":[`) {
		t.Error("no legs, or no parent")
	}
	snapshot, records, err := journal.Read(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	st, err := core.Replay(snapshot, records)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for _, o := range st.Orders {
		states[o.State.String()]++
	}
	var missing []string
	for _, s := range []string{"NEW", "FILLED", "CANCELLED", "DENIED", "ACKNOWLEDGED", "PENDING_CANCEL"} {
		if states[s] == 0 {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 || !slices.Contains(segments, goldenSessions) {
		t.Errorf("no order is %v: %v", missing, states)
	}
}

func segmentFile(n int) string { return filepath.Base(snapshotName("", n))[:6] + ".log" }
