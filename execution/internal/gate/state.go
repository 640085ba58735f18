package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dnalyaw/execution/internal/feed"
)

// stateVersion changes when an old state would be read wrongly.
const stateVersion = 1

// state is all that a gate remembers. Floats survive JSON to the bit.
type state struct {
	Version     int             `json:"version"`
	Config      Config          `json:"config"`
	Instruments []*instrument   `json:"instruments"` // in the order in which they were first seen
	Seq         seqState        `json:"seq"`
	Market      market          `json:"market"`
	Life        life            `json:"life"`
	Phase       feed.Status     `json:"phase"`
	Counts      [reasons]uint64 `json:"counts"`
}

type seqState struct {
	Last    uint64 `json:"last"`
	Window  uint64 `json:"window"`
	Missing uint64 `json:"missing"`
	Open    bool   `json:"open"`
}

// State writes down everything the gate remembers. A gate restored from it gives the verdicts that this one would.
func (g *Gate) State() ([]byte, error) {
	s := state{
		Version: stateVersion, Config: g.c, Instruments: g.order, Market: g.market, Life: g.life, Phase: g.phase, Counts: g.counts,
		Seq: seqState{g.seq.last, g.seq.window, g.seq.missing, g.seq.open},
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("gate: state: %w", err)
	}
	return data, nil
}

// Restore returns the gate whose State was written.
func Restore(data []byte) (*Gate, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s state
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("gate: state: %w; start without it, the gate learns anew", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("gate: something follows the state; start without it, the gate learns anew")
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("gate: state of version %d, want %d; start without it, the gate learns anew", s.Version, stateVersion)
	}
	g, err := New(s.Config)
	if err != nil {
		return nil, err
	}
	for i, in := range s.Instruments {
		if err := in.validate(); err != nil {
			return nil, fmt.Errorf("gate: state: instruments[%d]: %w", i, err)
		}
		if g.known[in.ID] != nil {
			return nil, fmt.Errorf("gate: state: instruments[%d]: id %d stands twice", i, in.ID)
		}
		if h := in.Hold; h != nil {
			h.Entries = append(make([]Settled, 0, holdRoom), h.Entries...)
		}
		g.known[in.ID] = in
		g.order = append(g.order, in)
	}
	if s.Market.At < 0 || s.Market.At >= marketRoom {
		return nil, fmt.Errorf("gate: state: market.at is %d: give 0 to %d", s.Market.At, marketRoom-1)
	}
	g.seq = sequence{s.Seq.Last, s.Seq.Window, s.Seq.Missing, s.Seq.Open}
	g.market, g.life, g.phase, g.counts = s.Market, s.Life, s.Phase, s.Counts
	return g, nil
}

// validate refuses what would divide by nothing later on.
func (in *instrument) validate() error {
	switch {
	case in == nil:
		return fmt.Errorf("is null")
	case in.ID <= 0:
		return fmt.Errorf("id %d: ids are positive", in.ID)
	case in.Tick <= 0 || !(in.Scale.Sigma > 0) || in.Ref < 0 || in.Ref > 0 && in.SampleRef <= 0:
		return fmt.Errorf("id %d: tick %d, scale %v, price %d, sample %d: must be positive", in.ID, in.Tick, in.Scale.Sigma, in.Ref, in.SampleRef)
	case in.Hold != nil && (in.Ref == 0 || in.Hold.Level <= 0 || len(in.Hold.Entries) > holdRoom):
		return fmt.Errorf("id %d: a hold at %d of %d quotes", in.ID, in.Hold.Level, len(in.Hold.Entries))
	}
	for _, a := range in.Actions {
		if a.RatioNum <= 0 || a.RatioDen <= 0 || a.AmountMicro < 0 {
			return fmt.Errorf("id %d: action %d/%d, %d", in.ID, a.RatioNum, a.RatioDen, a.AmountMicro)
		}
	}
	return nil
}
