package register_test

import (
	"os"
	"path/filepath"
	"testing"

	"dnalyaw/execution/internal/register"
)

func line(seq, stage string) string {
	return `{"seq":` + seq + `,"at":"2026-01-01","strategy_id":"a","stage":"` + stage + `","capital_fraction":1,"max_leverage":1,"reason":"r"}` + "\n"
}

func TestCachedFollowsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "register.jsonl")
	c := register.NewCached(path)
	if _, err := c.Read(); err == nil {
		t.Fatal("a file that is missing was read")
	}
	write := func(text string) {
		t.Helper()
		next := path + ".new"
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	stage := func() string {
		t.Helper()
		reg, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		return reg["a"].Stage
	}
	write(line("1", "paper"))
	if got := stage(); got != "paper" {
		t.Errorf("%s", got)
	}
	// Another file of the same size: another file number.
	write(line("2", "paper"))
	if reg, _ := c.Read(); reg["a"].Seq != 2 {
		t.Errorf("seq %d of a file that was replaced by one as long", reg["a"].Seq)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(line("3", "retired")); err != nil {
		t.Fatal(err)
	}
	if got := stage(); got != "retired" {
		t.Errorf("%s after a line was appended", got)
	}
	// Half a line refuses the register, until it is whole.
	half := line("4", "live")
	if _, err := f.WriteString(half[:20]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Read(); err == nil {
			t.Error("half a line was read")
		}
	}
	if _, err := f.WriteString(half[20:]); err != nil {
		t.Fatal(err)
	}
	if got := stage(); got != "live" {
		t.Errorf("%s after the line was whole", got)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(); err == nil {
		t.Error("a file that is gone was read")
	}
}
