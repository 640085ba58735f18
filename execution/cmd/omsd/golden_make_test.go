package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/journal"
)

// updateGolden has the committed journal made anew: go test ./cmd/omsd -run TestTheCommittedJournal -update
var updateGolden = flag.Bool("update", false, "make testdata/journal anew, with its expected replay")

const goldenSessions = 3

// makeGolden has a real omsd live through three sessions in which as much as possible happens, and keeps its journal.
func makeGolden(t *testing.T) {
	t.Helper()
	h := newHouse(t, 8)
	h.refDoc["strategies"] = []string{"alpha", "beta"}
	h.risk.charges = true
	h.risk.decide = func(o *fakeOrder) (byte, int64, uint16) {
		switch o.instrument {
		case 3:
			return 3, 0, 1 // denied
		case 4:
			return 2, min(o.qty, 60), 1 // reduced
		}
		return 1, o.qty, 0
	}
	h.risk.fills = func(o *fakeOrder) []int64 {
		switch {
		case o.instrument == 5 && o.side == 1:
			return []int64{o.approved - 7} // works on
		case o.instrument == 6:
			return nil
		}
		return []int64{o.approved / 2, o.approved - o.approved/2}
	}
	for session := range goldenSessions {
		h.goldenSession(session)
	}
	h.goldenEnd()
	if err := os.RemoveAll(goldenDir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(goldenDir, os.DirFS(filepath.Join(h.dir, "oms", "journal"))); err != nil {
		t.Fatal(err)
	}
	got, err := readWhole(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err == nil {
		err = os.WriteFile(goldenAnswer, append(b, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// goldenDay writes the files of a session and lets riskd's clock come to it.
func (h *house) goldenDay(session int) int64 {
	day := time.Date(2024, 1, 5+session, 14, 0, 0, 0, time.UTC)
	open := day.Add(30 * time.Minute).UnixNano()
	h.refDoc["session"] = day.Format("2006-01-02")
	h.locked(func() {
		h.risk.clock = open
		h.risk.session = uint32(20240105 + session)
	})
	h.writeReference()
	h.write("session.json", fmt.Sprintf(`{"region":"US","session":"%s","open_ns":%d,"close_ns":%d,"breaks":[],
		"rule":{"small_adv_ppm":400,"min_duration_ns":0,"large":"TWAP",
		"base":{"algorithm":"TWAP","slice_ns":300000000000,"style":"MARKETABLE","mid_behind_ppm":1000000,"cross_behind_ppm":1000000,
		"collar_bp":50,"at_end":"SWEEP","sweep_ns":60000000000,"catch_up_ppm":1000000,"min_gap_ns":0,"max_refusals":3}}%s}`,
		day.Format("2006-01-02"), open-1_000_000_000, open+3600_000_000_000, twoPaths))
	return day.UnixNano()
}

func goldenPortfolio(strategy string, asOf int64, session int, weights map[int64]float64, link map[int64]string) *pb.TargetPortfolio {
	p := portfolio(strategy, asOf, nil)
	p.Session = uint32(20240105 + session)
	for id := int64(1); id <= 8; id++ {
		if w, ok := weights[id]; ok {
			p.Targets = append(p.Targets, &pb.Target{InstrumentId: id, Weight: w, StopDistance: 5, Link: link[id]})
		}
	}
	return p
}

// goldenSession trades a day: plans, legs, a schedule, updates, a correction, riskd's own exit, shares from nowhere, an
// unwinding and an operator's cancel.
func (h *house) goldenSession(session int) {
	asOf := h.goldenDay(session)
	h.start()
	h.await("the session", func(s *pb.GetStatusResponse) bool { return s.RiskLinkUp && s.Session == uint32(20240105+session) })
	step := 0.005 * float64(session)
	h.accept(
		goldenPortfolio("alpha", asOf, session, map[int64]float64{1: 0.02 + step, 2: 0.03, 3: 0.01, 4: 0.03, 5: 0.02 + step, 7: 0.1 + 10*step, 8: 0.03}, map[int64]string{2: "pair", 8: "pair"}),
		goldenPortfolio("beta", asOf, session, map[int64]float64{1: 0.02, 6: 0.01}, nil),
	)
	h.await("the first slice", func(s *pb.GetStatusResponse) bool { return s.WorkedOrders == 1 })
	h.risk.pass(16 * time.Minute)
	u := h.updates()
	for seq, want := range []struct {
		id     int64
		weight float64
	}{{1, 0.01}, {5, 0}, {8, 0.02}} {
		m := update(uint64(seq+1), want.id, want.weight)
		m.Session = uint32(20240105 + session)
		if a := u.ask(m); a.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED {
			h.t.Fatalf("%v", a)
		}
	}
	h.await("only what cannot fill works", func(s *pb.GetStatusResponse) bool { return s.OpenOrders == 1 })
	h.locked(func() {
		for id, o := range h.risk.orders {
			if o.instrument == 1 && o.cum > 20 && id == h.firstIn(1) {
				o.approved -= 20
				h.risk.exec(o, 13, -20, 0)
				h.risk.sendPosition(1)
			}
		}
		exit := &fakeOrder{id: 1<<62 + 1 + uint64(session), instrument: 4, qty: 10, side: 2, decision: 4, approved: 10, reason: 57}
		h.risk.own = append(h.risk.own, exit)
		h.risk.send(h.risk.decisionFrame(exit))
		h.risk.exec(exit, 2, 10, 0)
		h.risk.sendPosition(4)
		h.risk.positions[2] += 3
		h.risk.sendPosition(2)
		h.risk.sendState()
	})
	h.differs()
	h.acceptBooks()
	h.unwind(&pb.UnwindRequest{InstrumentId: 8, Who: "nina", Reason: "its data feed is wrong"})
	h.await("the name is sold", func(s *pb.GetStatusResponse) bool { return h.held(8) == 0 })
	if session < goldenSessions-1 {
		h.unwind(&pb.UnwindRequest{InstrumentId: 8, Who: "nina", Reason: "mended", Lift: true})
		if _, err := h.client.CancelAll(h.ctx(), &pb.CancelAllRequest{Reason: "the day is over"}); err != nil {
			h.t.Fatal(err)
		}
		h.settled()
	}
	h.goldenRefusals()
	h.sameAfterReplay()
	if session == 0 {
		h.term() // writes what the account was
		return
	}
	h.kill()
}

// firstIn is the first order of an instrument, with riskd's lock held.
func (h *house) firstIn(instrument uint64) uint64 {
	first := ^uint64(0)
	for id, o := range h.risk.orders {
		if o.instrument == instrument && o.cum > 20 {
			first = min(first, id)
		}
	}
	return first
}

// goldenRefusals has riskd say what cannot be: a fill beyond what was approved, and the end of an order that nobody planned.
func (h *house) goldenRefusals() {
	before := h.status().StateHash
	h.locked(func() {
		id := h.risk.last
		h.risk.execs++
		h.risk.send(lay(66, u64(24, id), u64(32, h.risk.orders[id].instrument), f64(40, 1_000_000), f64(48, 1), f64(56, 2_000_000), u64(80, h.risk.execs), f8(88, 1), f8(89, 1)))
		h.risk.execs++
		h.risk.send(lay(66, u64(24, id+3), u64(32, 2), f64(40, 0), u64(80, h.risk.execs), f8(88, 4), f8(89, 1)))
		h.risk.last = id + 3
	})
	h.await("both are in the journal", func(s *pb.GetStatusResponse) bool { return s.StateHash != before && h.logged("illegal report") })
	time.Sleep(50 * time.Millisecond)
}

// goldenEnd leaves orders in the states between: what omsd wrote last is followed by records as a program of theirs would
// have written them, a modification under way, one that was refused and one that the venue took.
func (h *house) goldenEnd() {
	j, rec, err := journal.Open(filepath.Join(h.dir, "oms", "journal"))
	if err != nil {
		h.t.Fatal(err)
	}
	if len(rec.Records) == 0 || rec.Snapshot == nil {
		h.t.Fatal("the last segment is empty")
	}
	last := h.risk.last + 10
	shares := `"shares":{"alpha":100}`
	const nameless = "\x04" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // instrument 2, no correlation id
	for i, text := range []string{
		string(h.goldenAnchor(100)),
		fmt.Sprintf(`{"k":"plan","ts":2,"plan":{"session":20240107,"equity":1,"orders":[{"id":%d,"session":20240107,"instrument_id":2,"side":1,"qty":100,"limit_px":1000000,"stop_distance":0,"correlation":"","created_ns":1,%s},{"id":%d,"session":20240107,"instrument_id":3,"side":2,"qty":100,"limit_px":1000000,"stop_distance":0,"correlation":"","created_ns":1,%s}]}}`, last, shares, last+1, shares),
		"\x04\x06" + varint(last) + nameless + "\x00\x00", // submitted
		"\x05\x06" + varint(last) + nameless + "\x01\x00" + "\xc8\x01\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00", // 100 approved
		"\x06\x06" + varint(last) + nameless + "AAAAAAAA" + "\x00" + "\x00\x00\x00\xc8\x01\x00" + "\x00" + "\x00\x00\x00" + "\x00",           // acknowledged
		fmt.Sprintf(`{"k":"amend","ts":3,"amend":{"order_id":%d,"id":%d,"qty":120,"limit_px":1010000}}`, last, last+2),
		fmt.Sprintf(`{"k":"amend_refused","ts":4,"amend_refused":{"id":%d,"reason":40}}`, last+2),
		fmt.Sprintf(`{"k":"amend","ts":5,"amend":{"order_id":%d,"id":%d,"qty":150,"limit_px":1020000}}`, last, last+3),
		"\x06\x06" + varint(last) + nameless + "BBBBBBBB" + "\x05" + "\x00\x00\x00\xac\x02\x00" + "\x3b" + "\x00\x00\x0c" + "\x00", // replaced, 150 left
		"\x04\x06" + varint(last) + nameless + "\x06\x00",                                                                          // its cancel sent
		fmt.Sprintf(`{"k":"refused","ts":6,"refused":{"order_id":%d,"reason":40}}`, last),
		"\x04\x06" + varint(last) + nameless + "\x06\x00", // and again
	} {
		j.Append([]byte(text))
		if i%2 == 1 {
			if err := j.Commit(); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// goldenAnchor is the record that says how far the audit table is known to have the journal.
func (h *house) goldenAnchor(records int) []byte {
	from := source.NewOMS(filepath.Join(h.dir, "oms", "journal"))
	from.EveryRecord()
	entries, err := from.Read(0, records)
	if err != nil || len(entries) != records {
		h.t.Fatalf("%d records, %v", len(entries), err)
	}
	chain, head := audit.NewChain("omsd-US", audit.Head{}), audit.Hash{}
	for _, e := range entries {
		row, err := chain.Next(e)
		if err != nil {
			h.t.Fatal(err)
		}
		head = row.Hash
	}
	b, err := audit.EncodeAnchor(1, audit.Anchor{Writer: "omsd-US", Seq: uint64(records), Hash: head})
	if err = errors.Join(err, from.Close()); err != nil {
		h.t.Fatal(err)
	}
	return b
}

func varint(v uint64) string {
	var b []byte
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return string(append(b, byte(v)))
}
