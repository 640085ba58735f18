package main

import (
	"context"
	"errors"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/stamp"
)

// most bounds the updates a second for which a closed loop keeps room.
const most = 100_000

// look is how often a closed loop looks for orders that have ended.
const look = 50 * time.Microsecond

// backOff is how long a closed loop waits when omsd takes nothing for the moment.
const backOff = 10 * time.Millisecond

// closed is what a closed loop answers.
type closed struct {
	Updates int     `json:"updates"`
	StartNs int64   `json:"start_ns"` // of the time that was measured
	EndNs   int64   `json:"end_ns"`
	Steal   float64 `json:"steal"`
}

// closedLoop keeps a window of orders under way, from the update that is sent to the order that ended as omsd knows it.
func closedLoop(o options) (*closed, error) {
	if o.seconds <= 0 || o.names < 4*o.window || o.first < 1 || o.weight <= 0 || o.stamps == "" {
		return nil, errors.New("closed wants --seconds, --first, --weight, --stamps, and --names of at least four windows")
	}
	p, err := newPacer()
	if err != nil {
		return nil, err
	}
	stamps, err := stamp.Open(o.stamps)
	if err != nil {
		return nil, err
	}
	s, err := newStream(context.Background(), o, int(most*o.seconds.Seconds())+4*o.names)
	if err != nil {
		return nil, err
	}
	w := newWatch(stamps, s)
	f := &flips{names: o.names}
	round := func() error {
		for w.count() < o.window {
			name, hold := f.next()
			if _, err := s.send(0, time.Now().UnixNano(), name, hold); err != nil {
				return err
			}
		}
		pause := look
		if w.refused {
			pause = backOff
		}
		p.until(time.Now().Add(pause).UnixNano())
		return w.look()
	}
	for f.bought-f.sold <= o.names/2 {
		if err := round(); err != nil {
			return nil, err
		}
	}
	before, err := readJiffies()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	for time.Since(start) < o.seconds {
		if err := round(); err != nil {
			return nil, err
		}
	}
	out := &closed{StartNs: start.UnixNano(), EndNs: time.Now().UnixNano()}
	after, err := readJiffies()
	if err != nil {
		return nil, err
	}
	out.Steal = after.stolen(before)
	for limit := time.Now().Add(20 * time.Second); w.count() > 0; {
		if err := w.look(); err != nil {
			return nil, err
		}
		if time.Now().After(limit) {
			return nil, errors.New("orders are still under way after 20 s")
		}
		time.Sleep(time.Millisecond)
	}
	if err := s.close(p, f); err != nil {
		return nil, err
	}
	out.Updates = s.sent
	return out, write(o.out, "sent.bin", s.rows[:s.sent])
}

// watch knows which of the orders that were answered have ended, as omsd stamps it.
type watch struct {
	file   *stamp.File
	stream *stream
	seen   uint64 // stamps
	read   int    // answers

	ended map[int64]bool // orders that ended and of which no answer has told
	under map[int64]bool // orders that an answer told of and that have not ended

	refused bool // the last update was, for the moment
}

func newWatch(file *stamp.File, s *stream) *watch {
	return &watch{file: file, stream: s, seen: file.Count(), ended: map[int64]bool{}, under: map[int64]bool{}}
}

// look takes in what is new.
func (w *watch) look() error {
	for n := w.file.Count(); w.seen < n; w.seen++ {
		hop, id, _, err := w.file.At(w.seen)
		if err != nil {
			return err
		}
		if hop != stamp.Ended {
			continue
		}
		if order := int64(id); w.under[order] {
			delete(w.under, order)
		} else {
			w.ended[order] = true
		}
	}
	for n := int(w.stream.answered.Load()); w.read < n; w.read++ {
		row := &w.stream.rows[w.read]
		w.refused = row.Outcome == int64(pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED)
		switch order := row.OrderID; {
		case order == 0:
		case w.ended[order]:
			delete(w.ended, order)
			w.forget(order)
		default:
			w.under[order] = true
			w.forget(order)
		}
	}
	return nil
}

// forget drops what ended and will not be told of any more: answers come in the order of the ids, and omsd makes orders of its
// own in the place of updates that made none.
func (w *watch) forget(before int64) {
	for order := range w.ended {
		if order < before {
			delete(w.ended, order)
		}
	}
}

// count is the number of orders under way. An order mostly ends before the disk has its update and the answer comes: of what
// was not answered, as much is taken to have ended as orders have that no answer told of.
func (w *watch) count() int {
	unanswered := w.stream.sent - w.read
	return len(w.under) + max(0, unanswered-len(w.ended))
}
