package router

import (
	"errors"
	"fmt"
	"strings"
)

// PathInfo is one of the two routes to a market.
type PathInfo struct {
	ID    uint8  `json:"id"` // 1 or 2
	Name  string `json:"name"`
	Venue string `json:"venue"`
}

// Config is what holds for the life of an experiment.
type Config struct {
	Design   Design                 `json:"design"`
	Buckets  Buckets                `json:"buckets"`
	Paths    map[string][2]PathInfo `json:"paths"`     // by market: path 1, path 2
	FloorPPM int64                  `json:"floor_ppm"` // the least part of orders that explore, never 0
}

// Validate says what is wrong, all faults at once.
func (c Config) Validate() error {
	all := []error{c.Design.Validate(), c.Buckets.Validate()}
	if len(c.Paths) == 0 {
		all = append(all, errors.New("paths is empty: give two paths for each market"))
	}
	for _, market := range sortedKeys(c.Paths) {
		if strings.Contains(market, "|") {
			all = append(all, fmt.Errorf("market %q: a name may not have the sign that parts a stratum's key", market))
		}
		for i, p := range c.Paths[market] {
			if market == "" || int(p.ID) != i+1 || p.Name == "" || p.Venue == "" {
				all = append(all, fmt.Errorf("paths of market %q: place %d is %+v: give path 1 and path 2, each with a name and a venue", market, i, p))
			}
		}
	}
	if c.FloorPPM < 1 || c.FloorPPM > ppm {
		all = append(all, fmt.Errorf("floor_ppm is %d: exploration never ends, give 1 to %d", c.FloorPPM, ppm))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("router: %w", err)
	}
	return nil
}

// Cell is how far a stratum has come.
type Cell struct {
	Seen   uint32 `json:"seen"`   // orders that could have taken part
	Placed uint32 `json:"placed"` // orders that did: the next takes slot Placed
}

// Line is the state of one market's paths.
type Line struct {
	Down       [2]bool `json:"down"`               // of path 1 and path 2
	Override   uint8   `json:"override,omitempty"` // the path an operator forces; 0 = none
	Preferred  uint8   `json:"preferred"`          // the path of orders that do not explore
	ExplorePPM int64   `json:"explore_ppm"`        // the part of orders that explore
}

// State is where the experiment stands. It changes only by Place and Change.
type State struct {
	Cells map[string]Cell `json:"cells"`
	Lines map[string]Line `json:"lines"`
}

// NewState is the start of an experiment: all paths up, every order explores.
func NewState(c Config) (State, error) {
	if err := c.Validate(); err != nil {
		return State{}, err
	}
	s := State{Cells: map[string]Cell{}, Lines: map[string]Line{}}
	for market := range c.Paths {
		s.Lines[market] = Line{Preferred: 1, ExplorePPM: ppm}
	}
	return s, nil
}

// ChangeKind is what a Change changes.
type ChangeKind string

// The kinds.
const (
	PathDown ChangeKind = "path_down" // Path went down
	PathUp   ChangeKind = "path_up"   // Path came up
	Override ChangeKind = "override"  // an operator forces Path; 0 ends it
	Policy   ChangeKind = "policy"    // Preferred path is Path, ExplorePPM of the orders explore
)

// Change is a journal record: something other than an assignment changed the state.
type Change struct {
	Kind       ChangeKind `json:"kind"`
	Market     string     `json:"market"`
	Path       uint8      `json:"path"`
	ExplorePPM int64      `json:"explore_ppm,omitempty"`
	AtNs       int64      `json:"at_ns"`
	Why        string     `json:"why"`
}

// Change applies a record, or says why it cannot be and changes nothing.
func (s State) Change(c Config, r Change) error {
	line, ok := s.Lines[r.Market]
	if !ok {
		return fmt.Errorf("router: change of market %q: it has no paths", r.Market)
	}
	if r.Path > 2 || r.Path == 0 && r.Kind != Override {
		return fmt.Errorf("router: %s of market %q: path is %d: give 1 or 2", r.Kind, r.Market, r.Path)
	}
	switch r.Kind {
	case PathDown:
		line.Down[r.Path-1] = true
	case PathUp:
		line.Down[r.Path-1] = false
	case Override:
		line.Override = r.Path
	case Policy:
		if r.ExplorePPM < c.FloorPPM || r.ExplorePPM > ppm {
			return fmt.Errorf("router: policy of market %q: explore_ppm is %d: give %d to %d", r.Market, r.ExplorePPM, c.FloorPPM, ppm)
		}
		line.Preferred, line.ExplorePPM = r.Path, r.ExplorePPM
	default:
		return fmt.Errorf("router: change of market %q: kind %q is unknown", r.Market, r.Kind)
	}
	s.Lines[r.Market] = line
	return nil
}
