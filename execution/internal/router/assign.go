package router

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrNoPath says that every path to a market is down: the order waits or is given up, the owner decides.
var ErrNoPath = errors.New("no path to the market is up")

// Reason says how an order came to its path.
type Reason string

// The reasons. Only Randomised orders are part of the experiment.
const (
	Randomised Reason = "randomised" // the slot of its block
	Exploiting Reason = "exploiting" // not drawn to explore: the preferred path
	Down       Reason = "path_down"  // the other path is down
	Overridden Reason = "override"   // an operator forces the path
	Urgent     Reason = "urgent"     // a reduce-only order that must not wait for an experiment: the preferred path
)

// Request is an order that needs a path.
type Request struct {
	OrderID uint64
	Facts   Facts
	Urgent  bool // only reduces exposure, and in haste
	AtNs    int64
}

// Assignment is a journal record, written before the order is sent.
type Assignment struct {
	OrderID    uint64  `json:"order_id"`
	Path       uint8   `json:"path"` // 1 or 2
	Venue      string  `json:"venue"`
	Stratum    Stratum `json:"stratum"`
	Experiment bool    `json:"experiment"` // the analysis uses it
	Reason     Reason  `json:"reason"`
	// Order is the place among the orders of the stratum that could have taken part, Block and Slot where in the design
	// it stands, both only when they apply.
	Order      uint32 `json:"order"`
	Block      uint32 `json:"block"`
	Slot       int    `json:"slot"`
	Seed       uint64 `json:"seed"`
	ExplorePPM int64  `json:"explore_ppm"` // the probability with which it took part
	AtNs       int64  `json:"at_ns"`
}

// Assign chooses the path of an order. It changes nothing: Place applies the record when it is journaled, before the next
// order is assigned. The result depends on the state, the order's stratum and whether it is urgent.
func (s State) Assign(c Config, r Request) (Assignment, error) {
	a := Assignment{OrderID: r.OrderID, Stratum: c.Buckets.Stratum(r.Facts), Seed: c.Design.Seed, AtNs: r.AtNs}
	line, ok := s.Lines[r.Facts.Market]
	if !ok {
		return a, fmt.Errorf("router: order %d: market %q has no paths", r.OrderID, r.Facts.Market)
	}
	switch {
	case line.Override > 0 && line.Down[line.Override-1]:
		return a, fmt.Errorf("router: order %d: an operator forces path %d of market %q and it is down: %w", r.OrderID, line.Override, r.Facts.Market, ErrNoPath)
	case line.Down[0] && line.Down[1]:
		return a, fmt.Errorf("router: order %d: market %q: %w", r.OrderID, r.Facts.Market, ErrNoPath)
	case line.Override > 0:
		a.Path, a.Reason = line.Override, Overridden
	case line.Down[0]:
		a.Path, a.Reason = 2, Down
	case line.Down[1]:
		a.Path, a.Reason = 1, Down
	case r.Urgent:
		a.Path, a.Reason = line.Preferred, Urgent
	default:
		key := a.Stratum.Key()
		cell := s.Cells[key]
		a.Order, a.ExplorePPM = cell.Seen, line.ExplorePPM
		if !c.Design.explores(key, cell.Seen, line.ExplorePPM) {
			a.Path, a.Reason = line.Preferred, Exploiting
			break
		}
		size := uint32(c.Design.Block)
		a.Block, a.Slot = cell.Placed/size, int(cell.Placed%size)
		a.Path, a.Reason, a.Experiment = c.Design.Slots(key, a.Block)[a.Slot], Randomised, true
	}
	a.Venue = c.Paths[r.Facts.Market][a.Path-1].Venue
	return a, nil
}

// Place applies an assignment, live or from the journal. A record that does not follow on what is already placed, or
// whose path is not the design's, is refused and changes nothing.
func (s State) Place(c Config, a Assignment) error {
	switch a.Reason {
	case Down, Overridden, Urgent:
		return nil
	case Randomised, Exploiting:
	default:
		return fmt.Errorf("router: order %d: reason %q is unknown", a.OrderID, a.Reason)
	}
	key := a.Stratum.Key()
	cell := s.Cells[key]
	if a.Order != cell.Seen {
		return fmt.Errorf("router: order %d is number %d of stratum %s, which has seen %d: a record is missing or there twice", a.OrderID, a.Order, key, cell.Seen)
	}
	if a.Reason == Randomised {
		if err := c.Design.holds(a, key); err != nil {
			return err
		}
		if at := uint64(a.Block)*uint64(c.Design.Block) + uint64(a.Slot); at != uint64(cell.Placed) {
			return fmt.Errorf("router: order %d takes place %d of stratum %s, the next is %d", a.OrderID, at, key, cell.Placed)
		}
		cell.Placed++
	}
	cell.Seen++
	s.Cells[key] = cell
	return nil
}

// holds checks a randomised assignment of a stratum's key against the design.
func (d Design) holds(a Assignment, key string) error {
	if a.Seed != d.Seed || a.Slot < 0 || a.Slot >= d.Block {
		return fmt.Errorf("router: order %d: seed %d and slot %d are not of this design", a.OrderID, a.Seed, a.Slot)
	}
	if want := d.Slots(key, a.Block)[a.Slot]; a.Path != want || !a.Experiment {
		return fmt.Errorf("router: order %d took path %d in slot %d of block %d of stratum %s, the design says %d", a.OrderID, a.Path, a.Slot, a.Block, key, want)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
