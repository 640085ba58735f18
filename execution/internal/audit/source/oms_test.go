package source_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/journal"
)

// clock is moved by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// tester is what of testing.TB and rapid.T is needed.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func follower(f *source.Follower) (*source.Follower, *clock) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	f.SetNow(c.now)
	return f, c
}

// drain reads on until nothing comes, letting time pass for what waits for the disk; bodies in order.
func drain(t tester, f *source.Follower, c *clock, after uint64, count int) []string {
	t.Helper()
	var out []string
	for idle := 0; idle < 3; {
		entries, err := f.Read(after, count)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > count {
			t.Fatalf("%d entries where %d were asked for", len(entries), count)
		}
		if len(entries) == 0 {
			idle++
			c.t = c.t.Add(source.Patience)
			continue
		}
		idle = 0
		for _, e := range entries {
			after++
			if e.Seq != after {
				t.Fatalf("record %d came as %d", after, e.Seq)
			}
			out = append(out, string(e.Body))
		}
	}
	return out
}

func openJournal(t tester, dir string) *journal.Journal {
	t.Helper()
	j, _, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func commit(t tester, j *journal.Journal, records ...string) {
	t.Helper()
	for _, r := range records {
		j.Append([]byte(r))
	}
	if err := j.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Whatever omsd writes, in blocks, segments and lives, comes in order, whenever it is looked at.
func TestAnyJournalOfOmsdIsFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "journal")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		f, c := follower(source.NewOMS(dir))
		defer f.Close()
		j := openJournal(t, dir)
		defer func() { _ = j.Close() }()
		var want, got []string
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				for range rapid.IntRange(1, 4).Draw(t, "records") {
					r := fmt.Sprintf(`{"k":"own","n":%d}`, len(want)) + strings.Repeat(" ", rapid.SampledFrom([]int{0, 1, 70_000}).Draw(t, "pad"))
					j.Append([]byte(r))
					want = append(want, r)
				}
				if err := j.Commit(); err != nil {
					t.Fatal(err)
				}
			},
			"roll": func(t *rapid.T) {
				if err := j.Roll([]byte("state")); err != nil {
					t.Fatal(err)
				}
			},
			"restart": func(t *rapid.T) {
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				j = openJournal(t, dir)
			},
			"read": func(t *rapid.T) {
				entries, err := f.Read(uint64(len(got)), rapid.IntRange(1, 5).Draw(t, "count"))
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					got = append(got, string(e.Body))
				}
				c.t = c.t.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "ms")) * time.Millisecond)
			},
			"back": func(t *rapid.T) { got = got[:rapid.IntRange(0, len(got)).Draw(t, "to")] },
			"tip": func(t *rapid.T) {
				if tip, err := f.Tip(); err != nil || tip != uint64(len(want)) {
					t.Fatalf("tip %d of %d, %v", tip, len(want), err)
				}
			},
		})
		got = append(got, drain(t, f, c, uint64(len(got)), 3)...)
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("%d records of %d", len(got), len(want))
		}
	})
}

func TestWhatTheDiskMayNotHaveIsHeldBack(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	commit(t, j, `{"k":"a"}`)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f, c := follower(source.NewOMS(dir))
	defer f.Close()
	// Its own header was written before the sync, and no later one tells of it.
	if entries, err := f.Read(0, 10); err != nil || len(entries) != 0 {
		t.Fatalf("%v %v", entries, err)
	}
	if tip, err := f.Tip(); err != nil || tip != 1 {
		t.Errorf("the tip is %d, %v", tip, err)
	}
	c.t = c.t.Add(source.Patience - 1)
	if entries, err := f.Read(0, 10); err != nil || len(entries) != 0 {
		t.Fatalf("%v %v", entries, err)
	}
	c.t = c.t.Add(1) // now the reader syncs
	if entries, err := f.Read(0, 10); err != nil || len(entries) != 1 || entries[0].Kind != "a" {
		t.Fatalf("%v %v", entries, err)
	}
	whole := source.NewOMS(dir)
	defer whole.Close()
	whole.EveryRecord()
	if entries, err := whole.Read(0, 10); err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAJournalThatIsNotThereYetIsEmpty(t *testing.T) {
	for _, f := range []*source.Follower{source.NewOMS(filepath.Join(t.TempDir(), "no")), source.NewRisk(filepath.Join(t.TempDir(), "no"))} {
		entries, err := f.Read(0, 9)
		tip, terr := f.Tip()
		if err != nil || terr != nil || len(entries) != 0 || tip != 0 || f.Close() != nil {
			t.Errorf("%v %v %d %v", entries, err, tip, terr)
		}
	}
}

func FuzzOMSSegment(f *testing.F) {
	dir := f.TempDir()
	j, _, err := journal.Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range []string{`{"k":"one"}`, `{"k":"two"}`} {
		j.Append([]byte(r))
		if err := j.Commit(); err != nil {
			f.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(segment(dir, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-3])
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, b, "000001.log", source.NewOMS) })
}

// fuzz reads any bytes as a journal's only segment: no panic, and what comes is numbered from 1.
func fuzz(t *testing.T, b []byte, name string, open func(string) *source.Follower) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(dir)
	defer f.Close()
	f.EveryRecord()
	seq := uint64(0)
	for {
		entries, err := f.Read(seq, 3)
		for _, e := range entries {
			if seq++; e.Seq != seq {
				t.Fatalf("%d %d", e.Seq, seq)
			}
		}
		if err != nil || len(entries) == 0 {
			break
		}
	}
	if tip, err := f.Tip(); err == nil && tip < seq {
		t.Fatalf("the tip is %d and %d came", tip, seq)
	}
	_ = f.Rest() // an error is an answer
}
