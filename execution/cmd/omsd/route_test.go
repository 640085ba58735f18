package main

import (
	"path/filepath"
	"testing"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/journal"
)

const twoPaths = `,"router":{"design":{"seed":11,"block":4},"buckets":{"by_instrument":false,"notional_micro":[],"displayed_ppm":[],"adv_ppm":[],
	"spread_ppm":[],"time_ns":[]},"paths":{"NASDAQ":[{"id":1,"name":"direct","venue":"NASDAQ"},{"id":2,"name":"dark","venue":"NASDAQ"}]},"floor_ppm":100000}`

// Forty orders in one stratum: every block of four has two on each path, and a kill in the middle does not begin again.
func TestEveryOrderIsAssignedToAPathBeforeItIsSent(t *testing.T) {
	h := newHouse(t, 40)
	h.write("session.json", sentAtOnce(h.risk.clock, twoPaths))
	h.risk.onOrder = func(n int) bool { return n == 13 }
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, equalWeights(40, 0.02)))
	h.settled()
	h.kill()
	snapshot, records, err := journal.Read(filepath.Join(h.dir, "oms", "journal"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := core.Replay(snapshot, records)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[uint32]map[uint8]int{}
	for id, o := range st.Orders {
		a := st.Assigned[id]
		if a.Path != o.Path || !a.Experiment || a.AtNs > o.Decided.TsNs {
			t.Errorf("order %d: %+v", id, a)
		}
		if blocks[a.Block] == nil {
			blocks[a.Block] = map[uint8]int{}
		}
		blocks[a.Block][a.Path]++
	}
	if len(blocks) != 10 {
		t.Errorf("%d blocks", len(blocks))
	}
	for block, paths := range blocks {
		if paths[1] != 2 || paths[2] != 2 {
			t.Errorf("block %d: %v", block, paths)
		}
	}
}
