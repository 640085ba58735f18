package source_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/source"
)

func segment(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%06d.log", n)) }

func change(t tester, path string, do func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, do(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// settled writes blocks, each known to be on the disk before the next.
func settled(t tester, dir string, blocks ...string) {
	t.Helper()
	j := openJournal(t, dir)
	for _, b := range blocks {
		commit(t, j, b)
		for j.Durable() < j.Blocks() {
			<-j.Synced()
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// However much of the last block is there, what comes before it is read, and the block once it is whole.
func TestABlockThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	settled(t, dir, `{"k":"one"}`, `{"k":"two"}`)
	data, err := os.ReadFile(segment(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	first := 56 + 4 + len(`{"k":"one"}`)
	for size := first; size < len(data); size++ {
		if err := os.WriteFile(segment(dir, 1), data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		f, c := follower(source.NewOMS(dir))
		if got := drain(t, f, c, 0, 9); strings.Join(got, "") != `{"k":"one"}` {
			t.Fatalf("%d bytes: %q", size, got)
		}
		c.t = c.t.Add(2 * source.StuckAfter)
		if entries, err := f.Read(1, 9); err != nil || len(entries) != 0 {
			t.Fatalf("%d bytes: %v %v", size, entries, err)
		}
		if err := f.Rest(); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if err := os.WriteFile(segment(dir, 1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := drain(t, f, c, 1, 9); strings.Join(got, "") != `{"k":"two"}` {
			t.Fatalf("%d bytes and then the rest: %q", size, got)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Every single byte of a block that was on the disk, changed, is damage; what comes before it is given first.
func TestEveryChangedByteIsFound(t *testing.T) {
	dir := t.TempDir()
	settled(t, dir, `{"k":"one"}`, `{"k":"two"}`, `{"k":"three"}`)
	data, err := os.ReadFile(segment(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	first, second := 56+4+len(`{"k":"one"}`), 2*(56+4+len(`{"k":"one"}`))
	for i := range second {
		change(t, segment(dir, 1), func([]byte) []byte {
			changed := append([]byte(nil), data...)
			changed[i] ^= 0x40
			return changed
		})
		f, c := follower(source.NewOMS(dir))
		f.EveryRecord()
		var got []string
		err := error(nil)
		for tries := 0; err == nil && tries < 5; tries++ {
			var entries []audit.Entry
			entries, err = f.Read(uint64(len(got)), 9)
			for _, e := range entries {
				got = append(got, e.Kind)
			}
			c.t = c.t.Add(source.StuckAfter)
		}
		want, at := "", "block 1 at offset 0"
		if i >= first {
			want, at = "one", fmt.Sprintf("block 2 at offset %d", first)
		}
		if !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), at) || strings.Join(got, " ") != want {
			t.Fatalf("byte %d: %q, %v", i, got, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSegmentsThatDoNotBelongTogether(t *testing.T) {
	make3 := func(t *testing.T) string {
		dir := t.TempDir()
		j := openJournal(t, dir)
		for i := range 3 {
			if i > 0 {
				if err := j.Roll([]byte("s")); err != nil {
					t.Fatal(err)
				}
			}
			commit(t, j, fmt.Sprintf(`{"k":"s%d"}`, i+1))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, c := range map[string]struct {
		do   func(t *testing.T, dir string)
		want string
	}{
		"the first is gone":  {func(t *testing.T, dir string) { must(t, os.Remove(segment(dir, 1))) }, "000001.log is missing"},
		"the second is gone": {func(t *testing.T, dir string) { must(t, os.Remove(segment(dir, 2))) }, "000002.log is missing"},
		"two are swapped": {func(t *testing.T, dir string) {
			must(t, os.Rename(segment(dir, 2), segment(dir, 9)))
			must(t, os.Rename(segment(dir, 3), segment(dir, 2)))
			must(t, os.Rename(segment(dir, 9), segment(dir, 3)))
		}, "000002.log: block 1 at offset 0 does not continue"},
		"an earlier one is cut": {func(t *testing.T, dir string) {
			change(t, segment(dir, 1), func(b []byte) []byte { return b[:len(b)-1] })
		}, "000001.log: block 1 at offset 0 is damaged, and a later segment follows"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := make3(t)
			c.do(t, dir)
			f, _ := follower(source.NewOMS(dir))
			defer f.Close()
			f.EveryRecord()
			var err error
			for seq := uint64(0); err == nil && seq < 3; seq++ {
				_, err = f.Read(seq, 1)
			}
			if err == nil {
				err = f.Rest()
			}
			if !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
}

// A reader that begins late does not read what is before the segment, and a damaged snapshot costs only time.
func TestTheBeginningIsSkippedWhereASnapshotTells(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	for i := range 4 {
		if i > 0 {
			must(t, j.Roll([]byte("state")))
		}
		commit(t, j, fmt.Sprintf(`{"k":"s%d"}`, i+1), fmt.Sprintf(`{"k":"t%d"}`, i+1))
	}
	must(t, j.Close())
	read := func(after uint64) (string, error) {
		f := source.NewOMS(dir)
		defer f.Close()
		f.EveryRecord()
		entries, err := f.Read(after, 1)
		if len(entries) == 0 {
			return "", err
		}
		return fmt.Sprintf("%d %s", entries[0].Seq, entries[0].Kind), err
	}
	first, err := os.ReadFile(segment(dir, 1))
	must(t, err)
	must(t, os.WriteFile(segment(dir, 1), first[:10], 0o600))
	for after, want := range map[uint64]string{2: "3 s2", 3: "4 t2", 4: "5 s3", 7: "8 t4"} {
		if got, err := read(after); got != want || err != nil {
			t.Errorf("after %d: %s, %v", after, got, err)
		}
	}
	if got, err := read(1); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("%s %v", got, err)
	}
	must(t, os.WriteFile(segment(dir, 1), first, 0o600))
	for n := 2; n <= 4; n++ {
		change(t, filepath.Join(dir, fmt.Sprintf("%06d.snap", n)), func(b []byte) []byte { b[10] ^= 1; return b })
	}
	if got, err := read(7); got != "8 t4" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
