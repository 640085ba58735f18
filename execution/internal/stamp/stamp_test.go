package stamp_test

import (
	"os"
	"path/filepath"
	"testing"

	"dnalyaw/execution/internal/stamp"
)

func TestAnotherProcessReadsWhatWasStamped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stamps")
	w, err := stamp.Create(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	r, err := stamp.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Count() != 0 {
		t.Fatalf("%d stamps in a new file", r.Count())
	}
	w.Put(stamp.Planned, 7)
	w.Put(stamp.Received, 1<<62)
	w.Put(stamp.Ended, 8) // no room any more: counted
	if r.Count() != 3 {
		t.Fatalf("%d stamps, want 3", r.Count())
	}
	before := int64(0)
	for n, want := range []struct {
		hop stamp.Hop
		id  uint64
	}{{stamp.Planned, 7}, {stamp.Received, 1 << 62}} {
		hop, id, ns, err := r.At(uint64(n))
		if err != nil || hop != want.hop || id != want.id || ns < before {
			t.Errorf("stamp %d: hop %d, order %d, %d ns, %v", n, hop, id, ns, err)
		}
		before = ns
	}
	if _, _, _, err := r.At(2); err == nil {
		t.Error("a stamp without room can be read")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	var none *stamp.File
	none.Put(stamp.Planned, 1) // a program that was not asked to stamps nothing
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoFileOfStampsIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stamps")
	if err := os.WriteFile(path, make([]byte, 65), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := stamp.Open(path); err == nil {
		t.Error("65 bytes are no whole record")
	}
}
