package gate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnalyaw/execution/internal/gate"
)

func refusal(i int) (gate.Verdict, string) {
	q := book(float64(i), 10003, 10001)
	g, _ := gate.New(gate.Default())
	return g.Check(&q), "AAA bid 100.03 is 0.02 above ask 100.01"
}

func TestKeeperWritesJSONLines(t *testing.T) {
	k, err := gate.NewKeeper(2, func(id int64) string { return map[int64]string{7: "AAA"}[id] })
	if err != nil {
		t.Fatal(err)
	}
	var words string
	for i := range 5 {
		q := book(float64(i), 10003, 10001)
		var v gate.Verdict
		v, words = refusal(i)
		k.Put(&q, v)
	}
	var out bytes.Buffer
	if n, err := k.Drain(&out); n != 3 || err != nil {
		t.Fatalf("%d lines, %v", n, err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var first, last map[string]any
	for text, into := range map[string]*map[string]any{lines[0]: &first, lines[2]: &last} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if first["reason"] != "CROSSED" || first["text"] != words || first["bid"] != 100030000.0 || first["symbol"] != "AAA" || first["ts_ns"] != float64(t0) {
		t.Errorf("%v", first)
	}
	if last["reason"] != "LOST" || last["n"] != 3.0 {
		t.Errorf("%v", last)
	}
	if n, err := k.Drain(&out); n != 0 || err != nil {
		t.Errorf("drained twice: %d %v", n, err)
	}
}

type broken struct{ after int }

func (b *broken) Write(p []byte) (int, error) {
	if b.after--; b.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestAFailedWriteIsCounted(t *testing.T) {
	k, err := gate.NewKeeper(8, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		q := book(float64(i), 10003, 10001)
		v, _ := refusal(i)
		k.Put(&q, v)
	}
	if n, err := k.Drain(&broken{1}); n != 1 || err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Fatalf("%d %v", n, err)
	}
	var out bytes.Buffer
	if _, err := k.Drain(&out); err != nil || !strings.Contains(out.String(), `"reason":"LOST","n":3`) {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestFilesRotateAndAreBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "refused")
	f, err := gate.OpenFiles(dir, 1024, 3)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 399) + "\n") // two a file
	for range 11 {
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got := names(t, dir)
	if want := "refused-000004.jsonl refused-000005.jsonl refused-000006.jsonl"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	// A line that a kill cut off is ended, not continued.
	path := filepath.Join(dir, "refused-000006.jsonl")
	if err := os.WriteFile(path, []byte(`{"half":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err = gate.OpenFiles(dir, 1024, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != "{\"half\":\n{}\n" {
		t.Errorf("%q %v", data, err)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}
