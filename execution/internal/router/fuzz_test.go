package router_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"dnalyaw/execution/internal/router"
)

// FuzzRecords reads journal records: an assignment and a change. What is refused changes nothing; what is taken moves
// exactly one stratum by one order.
func FuzzRecords(f *testing.F) {
	c := config(5)
	first := assign(f, c, newState(f, c), router.Request{OrderID: 1, Facts: liquid})
	good, _ := json.Marshal(first)
	change, _ := json.Marshal(router.Change{Kind: router.Policy, Market: "US", Path: 2, ExplorePPM: 60_000})
	f.Add(good, change)
	f.Add([]byte(`{"reason":"randomised","experiment":true,"seed":5,"path":1,"block":1073741824,"slot":-1}`), []byte(`{"kind":"override","market":"US"}`))
	f.Add([]byte(`{"reason":"exploiting"}`), []byte(`{"kind":"path_down","market":"HK","path":9}`))
	f.Fuzz(func(t *testing.T, assignment, change []byte) {
		s := newState(t, c)
		before := fmt.Sprint(s)
		var a router.Assignment
		if json.Unmarshal(assignment, &a) == nil {
			err := s.Place(c, a)
			cell := s.Cells[a.Stratum.Key()]
			switch {
			case err != nil && fmt.Sprint(s) != before:
				t.Fatalf("refused (%v), it left %+v", err, s)
			case err == nil && (cell.Seen > 1 || cell.Placed > cell.Seen || len(s.Cells) > 1):
				t.Fatalf("%s left %+v", assignment, s)
			}
		}
		before = fmt.Sprint(s)
		var r router.Change
		if json.Unmarshal(change, &r) == nil {
			if err := s.Change(c, r); err != nil && fmt.Sprint(s) != before {
				t.Fatalf("refused (%v), it left %+v", err, s)
			}
		}
		for market, line := range s.Lines {
			if line.ExplorePPM < c.FloorPPM || line.Preferred < 1 || line.Preferred > 2 {
				t.Fatalf("line %s is %+v", market, line)
			}
		}
	})
}
