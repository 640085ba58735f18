package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/journal"
)

func open(t testing.TB, dir string) (*journal.Journal, journal.Recovered) {
	t.Helper()
	j, rec, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j, rec
}

func first(dir string) string { return filepath.Join(dir, "000001.log") }

// commit writes blocks; each is on the disk before the next when synced is wanted.
func commit(t testing.TB, j *journal.Journal, synced bool, blocks ...[]string) (ends []int64) {
	t.Helper()
	for _, records := range blocks {
		for _, r := range records {
			j.Append([]byte(r))
		}
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
		for synced && j.Durable() < j.Blocks() {
			<-j.Synced()
		}
		fi, err := os.Stat(first(j.Dir()))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, fi.Size())
	}
	return ends
}

// write makes a journal of blocks and returns the bytes of its segment and where each block ends.
func write(t testing.TB, dir string, synced bool, blocks ...[]string) (data []byte, ends []int64) {
	t.Helper()
	j, _ := open(t, dir)
	ends = commit(t, j, synced, blocks...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(first(dir))
	if err != nil {
		t.Fatal(err)
	}
	return data, ends
}

// place makes a journal's directory of one segment's bytes.
func place(t testing.TB, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(first(dir), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func texts(records [][]byte) (out []string) {
	for _, r := range records {
		out = append(out, string(r))
	}
	return out
}

func TestWhatIsCommittedComesBack(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, false, []string{"one", "", "three"}, []string{"four"})
	j, rec := open(t, dir)
	if got := fmt.Sprint(texts(rec.Records)); got != "[one  three four]" || rec.Blocks != 2 || rec.TornBytes != 0 || rec.Snapshot != nil {
		t.Errorf("%s, %d blocks, %d torn", got, rec.Blocks, rec.TornBytes)
	}
	// What is appended and not committed is not there; what is committed continues the chain.
	commit(t, j, false, []string{"five"})
	j.Append([]byte("never"))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, rec = open(t, dir)
	defer j.Close()
	if got := fmt.Sprint(texts(rec.Records)); got != "[one  three four five]" || j.Records() != 5 {
		t.Error(got, j.Records())
	}
}

func TestEverythingCommittedReachesTheDisk(t *testing.T) {
	j, _ := open(t, t.TempDir())
	defer j.Close()
	for i := range 20 {
		j.Append([]byte{byte(i)})
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); j.Durable() < 20; {
		select {
		case <-j.Synced():
		case <-time.After(time.Until(deadline)):
			t.Fatalf("%d of 20 blocks are on the disk", j.Durable())
		}
	}
	if lag := j.Lag(time.Now()); lag != 0 {
		t.Errorf("nothing waits for the disk, and the lag is %s", lag)
	}
}

// However much of the last block a crash left, and whatever follows it, the blocks before it are whole and writing goes on.
func TestEveryTornTailIsCut(t *testing.T) {
	data, ends := write(t, t.TempDir(), true, []string{"a", "b"}, []string{"c", "dd"})
	for size := ends[0]; size < ends[1]; size++ {
		for _, zeros := range []int{0, 200} {
			torn := append(append([]byte(nil), data[:size]...), make([]byte, zeros)...)
			dir := place(t, torn)
			j, rec := open(t, dir)
			if got := fmt.Sprint(texts(rec.Records)); got != "[a b]" || rec.TornBytes != int64(len(torn))-ends[0] {
				t.Fatalf("%d bytes and %d zeros: %s, torn %d", size, zeros, got, rec.TornBytes)
			}
			commit(t, j, false, []string{"new"})
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j, rec = open(t, dir)
			if got := fmt.Sprint(texts(rec.Records)); got != "[a b new]" || rec.TornBytes != 0 {
				t.Fatalf("after writing on: %s", got)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A changed byte that was on the disk is an error and never silence: every block but the last two is covered by what a
// later one says of the disk.
func TestDamageOfWhatWasOnTheDiskIsBroken(t *testing.T) {
	data, ends := write(t, t.TempDir(), true, []string{"first"}, []string{"second"}, []string{"third"}, []string{"fourth"})
	for i := range ends[2] {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		if scan, err := journal.Scan(journal.Hash{}, bad); !errors.Is(err, journal.ErrBroken) {
			t.Errorf("byte %d: %v, %d records", i, err, len(scan.Records))
		}
	}
}

// A power cut takes any of the pages that were not synced, also from the middle.
func TestAPowerCutTakesOnlyWhatWasNotSynced(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	ends := commit(t, j, true, []string{"safe"})
	var rest [][]string
	for i := range 30 {
		rest = append(rest, []string{strings.Repeat(fmt.Sprint(i%10), 50)})
	}
	ends = append(ends, commit(t, j, false, rest...)...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(first(dir))
	if err != nil {
		t.Fatal(err)
	}
	// The header of each block says how far the disk was sure when it was written.
	synced := func(block int) int64 { return int64(binary.LittleEndian.Uint64(data[ends[block-1]+44:])) }
	cuts := 0
	for block := 1; block < len(ends); block++ {
		lost := append([]byte(nil), data...)
		clear(lost[ends[block-1]:ends[block]])
		sure := int64(0)
		for later := block + 1; later < len(ends); later++ {
			sure = max(sure, synced(later))
		}
		scan, err := journal.Scan(journal.Hash{}, lost)
		switch {
		case sure > ends[block-1]:
			if !errors.Is(err, journal.ErrBroken) {
				t.Errorf("block %d was on the disk and is gone: %v", block, err)
			}
		case err != nil || int(scan.Blocks) != block:
			t.Errorf("block %d was lost by a power cut: %d blocks, %v", block, scan.Blocks, err)
		default:
			cuts++
		}
	}
	if cuts == 0 {
		t.Error("no block could have been lost: the test shows nothing")
	}
}

// Blocks that are whole by themselves but dropped, moved or doubled break the chain.
func TestTheChainHoldsTheOrder(t *testing.T) {
	data, ends := write(t, t.TempDir(), true, []string{"first"}, []string{"second"}, []string{"third"})
	one, two, three := data[:ends[0]], data[ends[0]:ends[1]], data[ends[1]:]
	for name, parts := range map[string][][]byte{
		"dropped": {one, three}, "swapped": {two, one, three}, "doubled": {one, one, two, three}, "headless": {two, three},
	} {
		if _, err := journal.Scan(journal.Hash{}, bytes.Join(parts, nil)); !errors.Is(err, journal.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := journal.Scan(journal.Hash{}, bytes.Join([][]byte{one, two}, nil)); err != nil {
		t.Errorf("a journal's beginning is a journal: %v", err)
	}
}

func TestBrokenJournalRefusesToOpen(t *testing.T) {
	data, _ := write(t, t.TempDir(), true, []string{"first"}, []string{"second"}, []string{"third"})
	data[60] ^= 1
	dir := place(t, data)
	if _, _, err := journal.Open(dir); !errors.Is(err, journal.ErrBroken) || bytes.ContainsRune([]byte(err.Error()), '\n') {
		t.Errorf("%v", err)
	}
	after, err := os.ReadFile(first(dir))
	if err != nil || !bytes.Equal(after, data) {
		t.Error("a broken journal was changed")
	}
}

// A start reads the last snapshot and what follows it; what lies before is not needed, and needed again when the
// snapshot is damaged.
func TestASnapshotTakesThePlaceOfWhatCameBefore(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	commit(t, j, false, []string{"a", "b"})
	j.Append([]byte("pending"))
	if err := j.Roll([]byte("no")); err == nil {
		t.Fatal("a segment ended with a record that was not committed")
	}
	if err := j.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := j.Roll([]byte("state after three")); err != nil {
		t.Fatal(err)
	}
	commit(t, j, true, []string{"d"})
	chain := j.Chain()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(snapshot, records string, before uint64) {
		t.Helper()
		j, rec := open(t, dir)
		defer j.Close()
		if string(rec.Snapshot) != snapshot || fmt.Sprint(texts(rec.Records)) != records || rec.Before != before || j.Records() != 4 || j.Chain() != chain {
			t.Errorf("snapshot %q, records %v after %d, %d in all", rec.Snapshot, texts(rec.Records), rec.Before, j.Records())
		}
	}
	check("state after three", "[d]", 3)
	old := filepath.Join(dir, "000001.log")
	if err := os.Rename(old, old+".away"); err != nil {
		t.Fatal(err)
	}
	check("state after three", "[d]", 3)
	snap := filepath.Join(dir, "000002.snap")
	data, err := os.ReadFile(snap)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		if err := os.WriteFile(snap, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.ReadSnapshot(dir, 2); !errors.Is(err, journal.ErrBroken) {
			t.Fatalf("byte %d of the snapshot: %v", i, err)
		}
	}
	if _, _, err := journal.Open(dir); !errors.Is(err, journal.ErrBroken) || !strings.Contains(err.Error(), "000001.log") {
		t.Errorf("neither the snapshot nor what it stands for: %v", err)
	}
	if err := os.Rename(old+".away", old); err != nil {
		t.Fatal(err)
	}
	check("", "[a b pending d]", 0)
}

// A kill between the snapshot and its segment leaves the snapshot alone; writing goes on in the new segment.
func TestAKillBetweenSnapshotAndSegment(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	commit(t, j, false, []string{"a"})
	if err := errors.Join(j.Roll([]byte("s")), j.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "000002.log")); err != nil {
		t.Fatal(err)
	}
	j, rec := open(t, dir)
	if string(rec.Snapshot) != "s" || len(rec.Records) != 0 {
		t.Errorf("%+v", rec)
	}
	j.Append([]byte("b"))
	if err := errors.Join(j.Commit(), j.Close()); err != nil {
		t.Fatal(err)
	}
	j, rec = open(t, dir)
	defer j.Close()
	if string(rec.Snapshot) != "s" || fmt.Sprint(texts(rec.Records)) != "[b]" {
		t.Errorf("%+v", rec)
	}
}

func TestAnyRecordsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		j, _ := open(t, dir)
		var want []string
		snapshot := ""
		for range rapid.IntRange(1, 5).Draw(rt, "segments") {
			for _, records := range rapid.SliceOfN(rapid.SliceOfN(rapid.String(), 1, 5), 1, 5).Draw(rt, "blocks") {
				for _, r := range records {
					j.Append([]byte(r))
				}
				if err := j.Commit(); err != nil {
					rt.Fatal(err)
				}
				want = append(want, records...)
			}
			if rapid.Bool().Draw(rt, "roll") {
				snapshot = fmt.Sprintf("%q", want)
				if err := j.Roll([]byte(snapshot)); err != nil {
					rt.Fatal(err)
				}
				want = nil
			}
		}
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
		j, rec := open(t, dir)
		defer j.Close()
		if string(rec.Snapshot) != snapshot || fmt.Sprintf("%q", texts(rec.Records)) != fmt.Sprintf("%q", want) {
			rt.Fatalf("%q, want %q", texts(rec.Records), want)
		}
	})
}

// No bytes make the reader panic, take memory by a length that lies, or trust more than it can check.
func FuzzScan(f *testing.F) {
	data, ends := write(f, f.TempDir(), true, []string{"a", "bc"}, []string{"def"})
	f.Add(data)
	f.Add(data[:ends[0]+20])
	huge := append([]byte(nil), data...)
	binary.LittleEndian.PutUint32(huge[4:], 1<<31)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		scan, err := journal.Scan(journal.Hash{}, b)
		if err != nil && !errors.Is(err, journal.ErrBroken) {
			t.Fatal(err)
		}
		if scan.Good > int64(len(b)) {
			t.Fatalf("trusts %d of %d bytes", scan.Good, len(b))
		}
		again, err := journal.Scan(journal.Hash{}, b[:scan.Good])
		if err != nil || again.Chain != scan.Chain || len(again.Records) != len(scan.Records) {
			t.Fatalf("the trusted part reads otherwise: %v", err)
		}
	})
}
