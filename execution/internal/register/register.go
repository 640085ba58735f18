// Package register reads the append-only register of strategies: what each may trade, and with how much.
//
// The register is the only authority; no message overrides it.
package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
)

// The stages of a strategy's life.
const (
	Research = "research"
	Paper    = "paper"
	Live     = "live"
	Retired  = "retired"
)

// ErrMalformed is wrapped by every error about the content of the register.
var ErrMalformed = errors.New("register is malformed")

// Entry is the standing of one strategy: its last line.
type Entry struct {
	Seq             int64   `json:"seq"`
	At              string  `json:"at"`
	StrategyID      string  `json:"strategy_id"`
	Stage           string  `json:"stage"`
	CapitalFraction float64 `json:"capital_fraction"`
	MaxLeverage     float64 `json:"max_leverage"`
	Reason          string  `json:"reason"`
}

// MayTrade says whether the stage lets orders out.
func (e Entry) MayTrade() bool { return e.Stage == Paper || e.Stage == Live }

// Register is the standing of every strategy, by its id.
type Register map[string]Entry

// Read reads the register file. Any line that is not whole and valid refuses the whole register and is named.
func Read(path string) (Register, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	reg, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return reg, nil
}

// Parse reads the register's lines.
func Parse(data []byte) (Register, error) {
	reg := Register{}
	if len(data) == 0 {
		return reg, nil
	}
	if data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("%w: line %d does not end: it is half-written", ErrMalformed, bytes.Count(data, []byte("\n"))+1)
	}
	lines := bytes.Split(data[:len(data)-1], []byte("\n"))
	lastSeq := int64(math.MinInt64)
	for i, line := range lines {
		e, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrMalformed, i+1, err)
		}
		if e.Seq <= lastSeq {
			return nil, fmt.Errorf("%w: line %d: seq %d does not follow %d", ErrMalformed, i+1, e.Seq, lastSeq)
		}
		lastSeq = e.Seq
		reg[e.StrategyID] = e
	}
	return reg, nil
}

func parseLine(line []byte) (Entry, error) {
	var e Entry
	var present map[string]json.RawMessage
	if err := json.Unmarshal(line, &present); err != nil {
		return e, fmt.Errorf("not a JSON object: %w", err)
	}
	for _, field := range []string{"seq", "strategy_id", "stage", "capital_fraction", "max_leverage"} {
		if raw, ok := present[field]; !ok || string(raw) == "null" {
			return e, fmt.Errorf("%q is missing", field)
		}
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	switch e.Stage {
	case Research, Paper, Live, Retired:
	default:
		return e, fmt.Errorf("stage %q is none of research, paper, live, retired", e.Stage)
	}
	if e.StrategyID == "" {
		return e, errors.New("strategy_id is empty")
	}
	if math.IsNaN(e.CapitalFraction) || e.CapitalFraction < 0 || e.CapitalFraction > 1 {
		return e, fmt.Errorf("capital_fraction %v is not within 0 and 1", e.CapitalFraction)
	}
	if math.IsNaN(e.MaxLeverage) || e.MaxLeverage < 0 || e.MaxLeverage > 10 {
		return e, fmt.Errorf("max_leverage %v is not within 0 and 10", e.MaxLeverage)
	}
	return e, nil
}
