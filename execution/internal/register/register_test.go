package register_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnalyaw/execution/internal/register"
)

const (
	lineA = `{"seq":1,"at":"2024-01-01T00:00:00Z","strategy_id":"a","stage":"paper","capital_fraction":0.5,"max_leverage":1,"reason":"start"}`
	lineB = `{"seq":2,"at":"2024-01-01T00:00:00Z","strategy_id":"b","stage":"research","capital_fraction":0,"max_leverage":1,"reason":"start"}`
	lineC = `{"seq":5,"at":"2024-02-01T00:00:00Z","strategy_id":"a","stage":"retired","capital_fraction":0.5,"max_leverage":1,"reason":"over"}`
)

func TestTheLastLineHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "register.jsonl")
	if err := os.WriteFile(path, []byte(lineA+"\n"+lineB+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reg, err := register.Read(path)
	if err != nil || !reg["a"].MayTrade() || reg["a"].CapitalFraction != 0.5 || reg["b"].MayTrade() {
		t.Fatalf("%v, %v", reg, err)
	}
	reg, err = register.Parse([]byte(lineA + "\n" + lineB + "\n" + lineC + "\n"))
	if err != nil || reg["a"].MayTrade() || reg["a"].Reason != "over" {
		t.Fatalf("%v, %v", reg, err)
	}
}

func TestEveryFaultNamesItsLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"half a line":       {lineA + "\n" + lineB[:40], "line 2"},
		"not JSON":          {lineA + "\nnonsense\n", "line 2"},
		"an empty line":     {lineA + "\n\n" + lineB + "\n", "line 2"},
		"seq goes back":     {lineB + "\n" + lineA + "\n", "line 2: seq 1"},
		"seq twice":         {lineA + "\n" + lineA + "\n", "line 2: seq 1"},
		"unknown stage":     {strings.Replace(lineA, "paper", "LIVE", 1) + "\n", `line 1: stage "LIVE"`},
		"no capital":        {strings.Replace(lineA, `"capital_fraction":0.5,`, "", 1) + "\n", `line 1: "capital_fraction" is missing`},
		"null leverage":     {strings.Replace(lineA, `"max_leverage":1`, `"max_leverage":null`, 1) + "\n", `line 1: "max_leverage" is missing`},
		"too much capital":  {strings.Replace(lineA, ":0.5", ":1.5", 1) + "\n", "line 1: capital_fraction 1.5"},
		"negative leverage": {strings.Replace(lineA, `"max_leverage":1`, `"max_leverage":-1`, 1) + "\n", "line 1: max_leverage -1"},
		"no name":           {strings.Replace(lineA, `"a"`, `""`, 1) + "\n", "line 1: strategy_id"},
	} {
		if _, err := register.Parse([]byte(c.text)); !errors.Is(err, register.ErrMalformed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := register.Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing register: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(lineA + "\n" + lineB + "\n" + lineC + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		reg, err := register.Parse(b)
		if err != nil && !errors.Is(err, register.ErrMalformed) {
			t.Fatal(err)
		}
		for id, e := range reg {
			if id == "" || e.StrategyID != id || !(e.CapitalFraction >= 0 && e.CapitalFraction <= 1) || !(e.MaxLeverage >= 0) {
				t.Fatalf("%q: %+v", id, e)
			}
		}
	})
}
