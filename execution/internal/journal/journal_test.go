package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/journal"
)

func open(t testing.TB, path string) (*journal.Journal, journal.Recovered) {
	t.Helper()
	j, rec, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return j, rec
}

// write makes a journal of blocks and returns its bytes and where each block ends.
func write(t testing.TB, path string, blocks ...[]string) (data []byte, ends []int64) {
	t.Helper()
	j, _ := open(t, path)
	for _, records := range blocks {
		for _, r := range records {
			j.Append([]byte(r))
		}
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.Size())
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data, ends
}

func texts(records [][]byte) (out []string) {
	for _, r := range records {
		out = append(out, string(r))
	}
	return out
}

func TestWhatIsCommittedComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	write(t, path, []string{"one", "", "three"}, []string{"four"})
	j, rec := open(t, path)
	if got := fmt.Sprint(texts(rec.Records)); got != "[one  three four]" || rec.Blocks != 2 || rec.TornBytes != 0 {
		t.Errorf("%s, %d blocks, %d torn", got, rec.Blocks, rec.TornBytes)
	}
	// What is appended and not committed is not there; what is committed continues the chain.
	j.Append([]byte("five"))
	if err := j.Commit(); err != nil {
		t.Fatal(err)
	}
	j.Append([]byte("never"))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, rec = open(t, path)
	defer j.Close()
	if got := fmt.Sprint(texts(rec.Records)); got != "[one  three four five]" {
		t.Error(got)
	}
}

// However much of the last block a crash left, the blocks before it are whole and writing goes on.
func TestEveryTornTailIsCut(t *testing.T) {
	dir := t.TempDir()
	data, ends := write(t, filepath.Join(dir, "whole"), []string{"a", "b"}, []string{"c", "dd"})
	for size := ends[0]; size < ends[1]; size++ {
		for _, zeros := range []int{0, 200} {
			path := filepath.Join(dir, fmt.Sprintf("t%d-%d", size, zeros))
			torn := append(append([]byte(nil), data[:size]...), make([]byte, zeros)...)
			if zeros > 0 && size-ends[0] < 48 && size > ends[0] {
				continue // half a header before zeros is damage that a crash of one write does not leave
			}
			if err := os.WriteFile(path, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			j, rec, err := journal.Open(path)
			if err != nil {
				t.Fatalf("%d bytes and %d zeros: %v", size, zeros, err)
			}
			if got := fmt.Sprint(texts(rec.Records)); got != "[a b]" || rec.TornBytes != int64(len(torn))-ends[0] {
				t.Fatalf("%d bytes and %d zeros: %s, torn %d", size, zeros, got, rec.TornBytes)
			}
			j.Append([]byte("new"))
			if err := errors.Join(j.Commit(), j.Close()); err != nil {
				t.Fatal(err)
			}
			j, rec = open(t, path)
			if got := fmt.Sprint(texts(rec.Records)); got != "[a b new]" || rec.TornBytes != 0 {
				t.Fatalf("after writing on: %s", got)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A changed byte anywhere before the last block is an error and never silence.
func TestDamageBeforeTheTailIsBroken(t *testing.T) {
	data, ends := write(t, filepath.Join(t.TempDir(), "j"), []string{"first"}, []string{"second"}, []string{"third"})
	for i := range ends[1] {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		if scan, err := journal.Scan(bad); !errors.Is(err, journal.ErrBroken) {
			t.Errorf("byte %d: %v, %d records", i, err, len(scan.Records))
		}
	}
}

// Blocks that are whole by themselves but dropped, moved or doubled break the chain.
func TestTheChainHoldsTheOrder(t *testing.T) {
	data, ends := write(t, filepath.Join(t.TempDir(), "j"), []string{"first"}, []string{"second"}, []string{"third"})
	one, two, three := data[:ends[0]], data[ends[0]:ends[1]], data[ends[1]:]
	for name, parts := range map[string][][]byte{
		"dropped": {one, three}, "swapped": {two, one, three}, "doubled": {one, one, two, three}, "headless": {two, three},
	} {
		if _, err := journal.Scan(bytes.Join(parts, nil)); !errors.Is(err, journal.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := journal.Scan(bytes.Join([][]byte{one, two}, nil)); err != nil {
		t.Errorf("a journal's beginning is a journal: %v", err)
	}
}

func TestBrokenJournalRefusesToOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	data, _ := write(t, path, []string{"first"}, []string{"second"})
	data[50] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := journal.Open(path); !errors.Is(err, journal.ErrBroken) || bytes.ContainsRune([]byte(err.Error()), '\n') {
		t.Errorf("%v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(after, data) {
		t.Error("a broken journal was changed")
	}
}

func TestAnyRecordsComeBack(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		blocks := rapid.SliceOfN(rapid.SliceOfN(rapid.String(), 1, 5), 1, 5).Draw(rt, "blocks")
		write(t, path, blocks...)
		j, rec := open(t, path)
		defer j.Close()
		var want []string
		for _, b := range blocks {
			want = append(want, b...)
		}
		if fmt.Sprintf("%q", texts(rec.Records)) != fmt.Sprintf("%q", want) {
			rt.Fatalf("%q, want %q", texts(rec.Records), want)
		}
	})
}

// No bytes make the reader panic, take memory by a length that lies, or trust more than it can check.
func FuzzScan(f *testing.F) {
	data, ends := write(f, filepath.Join(f.TempDir(), "j"), []string{"a", "bc"}, []string{"def"})
	f.Add(data)
	f.Add(data[:ends[0]+20])
	huge := append([]byte(nil), data...)
	binary.LittleEndian.PutUint32(huge[4:], 1<<31)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		scan, err := journal.Scan(b)
		if err != nil && !errors.Is(err, journal.ErrBroken) {
			t.Fatal(err)
		}
		if scan.Good > int64(len(b)) {
			t.Fatalf("trusts %d of %d bytes", scan.Good, len(b))
		}
		again, err := journal.Scan(b[:scan.Good])
		if err != nil || again.Chain != scan.Chain || len(again.Records) != len(scan.Records) {
			t.Fatalf("the trusted part reads otherwise: %v", err)
		}
	})
}
