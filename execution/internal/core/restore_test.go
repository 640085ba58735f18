package core

import (
	"encoding/json"
	"strings"
	"testing"
)

// A null that nobody of omsd's wrote is an error with its place, never a panic later.
func TestASnapshotWithNullIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"orders":null}`:          "Orders is null",
		`{"orders":{"7":null}}`:    "Orders has null under 7",
		`{"parents":{"3":null}}`:   "Parents has null under 3",
		`{"updates":null}`:         "Updates is null",
		`{"snapshots":{"1":null}}`: "Snapshots has null under 1",
	} {
		if _, err := restoreState([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Whatever a snapshot holds, reading it ends in an error or in a state that has a hash and, written and read again, the same one.
func FuzzRestoreState(f *testing.F) {
	whole, err := json.Marshal(newState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"orders":{"1":{"id":1,"session":20240105}},"session":20240105}`))
	f.Add([]byte(`{"orders":null}`))
	lived, err := Replay(nil, encoded(f, life()...))
	if err != nil {
		f.Fatal(err)
	}
	if whole, err = json.Marshal(lived); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := restoreState(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("a state that was read cannot be written: %v", err)
		}
		again, err := restoreState(text)
		if err != nil {
			t.Fatalf("a state that was written cannot be read: %v\n%s", err, text)
		}
		one, err1 := s.Hash()
		two, err2 := again.Hash()
		if err1 != nil || err2 != nil || one != two {
			t.Fatalf("%s, and read again %s: %v %v\n%s", one, two, err1, err2, text)
		}
	})
}
