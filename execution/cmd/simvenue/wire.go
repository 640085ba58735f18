package main

import (
	"fmt"
	"time"
)

// heldFor is how long, on the wall, a late report is held, and how long a reorder waits for its last report.
const heldFor = time.Second

// wire spoils execution reports on their way out, after they were journaled, for tests of the other side. The answers
// to requests are never touched: they are how the other side recovers.
type wire struct {
	silence, duplicate, late int // how many reports are still to be spoiled so
	reorder                  int // how many reports are still to be collected
	reordered                []*message
	reorderBy                time.Time
	held                     []heldReport
}

type heldReport struct {
	due time.Time
	msg *message
}

// set arms a fault for the next n reports.
func (w *wire) set(kind string, n int, now time.Time) error {
	switch kind {
	case "silence":
		w.silence = n
	case "duplicate":
		w.duplicate = n
	case "late":
		w.late = n
	case "reorder":
		w.reorder, w.reorderBy = n, now.Add(heldFor)
	default:
		return fmt.Errorf("unknown fault %q: give disconnect, silence, duplicate, reorder, late or correct", kind)
	}
	return nil
}

// pass returns what is sent now in place of msg.
func (w *wire) pass(msg *message, now time.Time) []*message {
	switch {
	case w.silence > 0:
		w.silence--
		return nil
	case w.late > 0:
		w.late--
		w.held = append(w.held, heldReport{now.Add(heldFor), msg})
		return nil
	case w.reorder > 0:
		w.reorder--
		w.reordered = append(w.reordered, msg)
		w.reorderBy = now.Add(heldFor)
		if w.reorder > 0 {
			return nil
		}
		return w.takeReordered()
	case w.duplicate > 0:
		w.duplicate--
		return []*message{msg, msg}
	}
	return []*message{msg}
}

// due returns what was held and is to be sent now.
func (w *wire) due(now time.Time) []*message {
	var out []*message
	for len(w.held) > 0 && !now.Before(w.held[0].due) {
		out = append(out, w.held[0].msg)
		w.held = w.held[1:]
	}
	if len(w.reordered) > 0 && !now.Before(w.reorderBy) {
		w.reorder = 0
		out = append(out, w.takeReordered()...)
	}
	return out
}

func (w *wire) takeReordered() []*message {
	out := make([]*message, 0, len(w.reordered))
	for i := len(w.reordered) - 1; i >= 0; i-- {
		out = append(out, w.reordered[i])
	}
	w.reordered = nil
	return out
}

// drop forgets what is held: it belonged to a connection that is gone.
func (w *wire) drop() { w.held, w.reordered = nil, nil }
