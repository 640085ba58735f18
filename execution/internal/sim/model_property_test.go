package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

// anyModel draws a model with any of its parts.
func anyModel(t *rapid.T) *sim.Model {
	m := &sim.Model{Defaults: sim.Traits{
		ADV: rapid.SampledFrom([]int64{0, 50, 5_000}).Draw(t, "adv"), VolatilityBp: rapid.Int64Range(0, 500).Draw(t, "volatility"),
		TickMicro: rapid.SampledFrom([]int64{0, 100_000, 50_000}).Draw(t, "tick"), BorrowBp: rapid.Int64Range(0, 2_000).Draw(t, "borrow"),
	}}
	some := func(name string) bool { return rapid.IntRange(0, 2).Draw(t, name) > 0 }
	bp := func(name string) int64 { return rapid.SampledFrom([]int64{0, 3_000, 10_000}).Draw(t, name) }
	if some("queue") {
		m.Queue = &sim.QueueModel{TradeBp: bp("trade"), CancelAheadBp: bp("ahead"), FillBp: bp("fill")}
	}
	if some("impact") {
		m.Impact = &sim.ImpactModel{
			Temporary: rapid.Float64Range(0, 2).Draw(t, "temporary"), Permanent: rapid.Float64Range(0, 2).Draw(t, "permanent"),
			HalfLifeNs: rapid.SampledFrom([]int64{0, hour / 2}).Draw(t, "half-life"), DepthBp: bp("depth"),
		}
	}
	if some("latency") {
		latency := func() *sim.LogNormal {
			// From a millisecond to some minutes, so that rows and breaks come between.
			return rapid.SampledFrom([]*sim.LogNormal{nil, {Mu: 7, Sigma: 1}, {Mu: 18, Sigma: 1}}).Draw(t, "latency")
		}
		m.Latency = &sim.LatencyModel{Order: latency(), Report: latency()}
		for path := range int64(2) {
			if l := latency(); l != nil {
				m.Latency.Paths = append(m.Latency.Paths, sim.PathLatency{Path: path + 1, Order: l})
			}
		}
	}
	for id := int64(1); id <= 3; id++ {
		from := open
		for range rapid.IntRange(0, 2).Draw(t, "halts") {
			start := from + rapid.Int64Range(0, 60).Draw(t, "start")*hour/60
			end := start + rapid.Int64Range(1, 60).Draw(t, "halt")*hour/60
			m.Halts = append(m.Halts, sim.Halt{InstrumentID: id, StartNs: start, EndNs: end, ReopenMicro: rapid.Int64Range(0, 300).Draw(t, "reopen") * usd / 10})
			from = end
		}
	}
	m.HaltOrders = rapid.SampledFrom([]string{"", sim.HaltRest, sim.HaltReject}).Draw(t, "halt orders")
	if some("auctions") {
		m.Auctions = &sim.AuctionModel{ShareBp: bp("share"), ProRata: rapid.Bool().Draw(t, "pro rata")}
	}
	if some("settlement") {
		m.Settlement = &sim.SettlementModel{Date: "2023-11-16", Proceeds: rapid.SampledFrom([]string{"", sim.ProceedsSettled}).Draw(t, "proceeds")}
	}
	if some("fees") {
		m.Fees = &sim.FeeModel{Schedule: rapid.SampledFrom([]string{sim.ScheduleUS, sim.ScheduleHK}).Draw(t, "schedule")}
	}
	if some("borrow") {
		m.Borrow = &sim.BorrowModel{DefaultBp: 100, Days: rapid.Int64Range(0, 4).Draw(t, "days")}
	}
	return m
}

// anyModelDay is anyDay with a model, and with sizes on some of its auctions.
func anyModelDay(t *rapid.T) sim.MarketDay {
	d := anyDay(t)
	d.Model = anyModel(t)
	for i := range d.Events {
		if ev := &d.Events[i]; ev.Auction && rapid.Bool().Draw(t, "sized") {
			ev.BidSize, ev.AskSize = rapid.Int64Range(0, 200).Draw(t, "bid size"), rapid.Int64Range(0, 200).Draw(t, "ask size")
		}
	}
	return d
}

// photo is all that a client can ask an engine for.
func photo(e *sim.Engine) string {
	next, some := e.NextNs()
	orders := e.Orders()
	for i := range orders { // what only a fill of this moment can change is not kept across a kill
		orders[i].Text += fmt.Sprint(sim.Before(e, orders[i].ClOrdID))
	}
	return fmt.Sprint(e.Cash(), e.SettledCash(), e.BuyingPower(), e.Value(), e.Positions(), e.Quotes(), e.Unsettled(), e.Phase(), next, some, orders)
}

// TestModelInvariants recomputes cash, positions and quantities from the records, and holds every fill to its order, to the tape and
// to the session's state; the sums are those of a scan, and the log alone gives the same engine.
func TestModelInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyModelDay(t)
		checked := 0
		cash, held := d.InitialCash, map[int64]int64{}
		orders, root := map[string]*sim.Record{}, map[string]string{}
		filled, done := map[string]int64{}, map[string]bool{}
		executed := map[string]sim.Record{}
		halted := map[int64]bool{}
		phase, last := sim.Waiting, int64(0)
		var underway [3][]string // by path
		arrived := func(what string) bool {
			for i, line := range underway {
				if len(line) > 0 && line[0] == what {
					underway[i] = line[1:]
					return true
				}
			}
			return false
		}
		check := func(e *sim.Engine, log []sim.Record) {
			for _, r := range log[checked:] {
				if r.TsNs < last || r.ReportNs > 0 && (r.ReportNs < r.TsNs || r.ReportNs > d.CloseNs) {
					t.Fatalf("time runs back at %+v", r)
				}
				last = r.TsNs
				id := r.ClOrdID
				if first, ok := root[id]; ok && r.Kind != sim.KindReplace {
					id = first
				}
				o := orders[id]
				switch r.Kind {
				case sim.KindSession:
					phase = r.State
				case sim.KindHalt, sim.KindResume:
					halted[r.InstrumentID] = r.Kind == sim.KindHalt
				case sim.KindAction:
					cash += r.Cash
					if r.How != sim.HowBorrow || r.Cash > 0 || held[r.InstrumentID] >= 0 || r.Position != held[r.InstrumentID] {
						t.Fatalf("loan %+v with %d held", r, held[r.InstrumentID])
					}
				case sim.KindOrder:
					orders[id], root[id] = &r, id
					if r.DueNs > 0 {
						underway[r.Path] = append(underway[r.Path], "order "+id)
					}
				case sim.KindPending:
					if r.CancelID != "" {
						underway[r.Path] = append(underway[r.Path], "cancel "+r.CancelID)
					} else {
						underway[r.Path] = append(underway[r.Path], "change "+r.ClOrdID)
					}
				case sim.KindRefuse:
					want := "change " + r.ClOrdID
					if r.CancelID != "" {
						want = "cancel " + r.CancelID
					}
					if !arrived(want) {
						t.Fatalf("%s is refused and %v is under way", want, underway)
					}
				case sim.KindAck, sim.KindReject:
					if r.OrderID == "NONE" {
						continue
					}
					if o.DueNs > 0 {
						if !arrived("order "+id) || phase != sim.Closed && r.TsNs != o.DueNs && r.Text != "session closed" {
							t.Fatalf("%s acts at %d, it was due at %d, under way %v", id, r.TsNs, o.DueNs, underway)
						}
					}
					done[id] = r.Kind == sim.KindReject
				case sim.KindReplace:
					arrived("change " + r.ClOrdID)
					first := root[r.Orig]
					now := *orders[first]
					now.Qty, now.Px = r.Qty, r.Px
					orders[first], root[r.ClOrdID] = &now, first
				case sim.KindCancel, sim.KindExpire:
					arrived("cancel " + r.CancelID)
					if done[id] || r.Cum != filled[id] {
						t.Fatalf("%s after the end or with wrong quantities: %+v", r.Kind, r)
					}
					done[id] = true
				case sim.KindCorrect:
					was := executed[r.RefID]
					sign := int64(1)
					if o.Side == "sell" {
						sign = -1
					}
					held[r.InstrumentID] -= sign * (was.Qty - r.Qty)
					cash += sign*(was.Qty-r.Qty)*r.Px + was.Fee - r.Fee
					filled[id] -= was.Qty - r.Qty
					was.Qty, was.Fee = r.Qty, r.Fee
					executed[r.RefID] = was
				case sim.KindFill:
					sign := int64(1)
					if o.Side == "sell" {
						sign = -1
					}
					filled[id] += r.Qty
					held[r.InstrumentID] += sign * r.Qty
					cash -= sign*r.Qty*r.Px + r.Fee
					executed[r.ExecID] = r
					row, ok := tape(d, r.Ev, r.InstrumentID)
					switch {
					case phase != sim.Open || halted[r.InstrumentID] || done[id]:
						t.Fatalf("fill of %+v, %s, halted %v", r, phase, halted[r.InstrumentID])
					case !ok && !reopened(log, r):
						t.Fatalf("fill without a market: %+v", r)
					case r.Qty <= 0 || filled[id] > o.Qty || r.Cum != filled[id] || r.Leaves != o.Qty-r.Cum || r.Px <= 0 || r.Fee < 0 || r.NoteFee < 0 || r.NoteFee > r.Fee:
						t.Fatalf("quantities of %+v, ordered %d", r, o.Qty)
					case o.Type == sim.Limit && (sign > 0 && r.Px > o.Px || sign < 0 && r.Px < o.Px):
						t.Fatalf("fill at %d beyond the limit %d", r.Px, o.Px)
					case (r.How == sim.HowQueue || r.How == sim.HowCross) && (r.Px != o.Px || d.Model.Queue == nil || o.TIF == sim.IOC):
						t.Fatalf("an order that rested fills at %d, its limit is %d", r.Px, o.Px)
					case r.How == "" && d.Model.Impact == nil && ok && !row.Auction && r.Px != map[int64]int64{1: row.Ask, -1: row.Bid}[sign] && !reopened(log, r):
						t.Fatalf("fill at %d without a model of impact, the row is %+v", r.Px, row)
					}
					done[id] = r.Leaves == 0
				}
			}
			checked = len(log)
			if e.Cash() != cash {
				t.Fatalf("cash %d, the records say %d", e.Cash(), cash)
			}
			for _, p := range e.Positions() {
				if p.Qty != held[p.InstrumentID] {
					t.Fatalf("position %d of %d, the fills say %d", p.Qty, p.InstrumentID, held[p.InstrumentID])
				}
			}
			if err := sim.CheckSums(e); err != nil {
				t.Fatal(err)
			}
			again, fresh, err := sim.Resume(d, log)
			if err == nil && len(fresh) == 0 {
				fresh, err = again.Advance(e.NowNs()) // it goes back to the last record's row
			}
			if err != nil || len(fresh) > 0 || photo(again) != photo(e) {
				t.Fatalf("the log gives another engine: %v %v\n%s\n%s", err, fresh, photo(again), photo(e))
			}
		}
		play(t, d, anySteps(t), check)
		if phase != sim.Closed || len(underway[0])+len(underway[1])+len(underway[2]) > 0 {
			t.Fatalf("the session ended %s with %v under way", phase, underway)
		}
		for id := range orders {
			if !done[id] {
				t.Fatalf("order %s outlived the session", id)
			}
		}
	})
}

// reopened says whether a halt of the fill's instrument ended with a print: that is no row.
func reopened(log []sim.Record, fill sim.Record) bool {
	return slices.ContainsFunc(log, func(r sim.Record) bool {
		return r.Kind == sim.KindResume && r.InstrumentID == fill.InstrumentID && r.Px > 0
	})
}
