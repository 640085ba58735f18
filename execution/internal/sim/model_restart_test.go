package sim_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

// TestModelSameInputsSameLog plays the same twice, in one engine that keeps everything and in one that drops what is finished and
// returns the same memory.
func TestModelSameInputsSameLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, steps := anyModelDay(t), anySteps(t)
		steps = slices.DeleteFunc(steps, func(s step) bool { return s.bust > 0 || s.change != nil || s.order == nil && s.cancel != "none" }) // these look for orders
		first := bytesOf(t, play(t, d, steps, func(*sim.Engine, []sim.Record) {}))
		e, fresh, err := sim.ResumeWith(sim.Options{DropFinished: true, ReuseRecords: true}, d, nil)
		log := slices.Clone(fresh)
		keep := func(records []sim.Record, err error) {
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, records...)
			if err := sim.CheckSums(e); err != nil {
				t.Fatal(err)
			}
		}
		keep(nil, err)
		keep(e.Start())
		for _, s := range steps {
			do(t, e, s, keep)
		}
		if second := bytesOf(t, log); !bytes.Equal(first, second) {
			t.Fatalf("two logs of the same inputs:\n%s\n%s", first, second)
		}
		keep(e.Advance(d.CloseNs))
		if orders, slots := sim.Kept(e); orders != 0 || slots > 64 {
			t.Fatalf("%d orders and %d slots are kept after the close", orders, slots)
		}
	})
}

// sent says whether a record is what a step asks for, where what is sent acts later.
func (s step) sent(r sim.Record) bool {
	switch {
	case s.change != nil:
		return r.Kind == sim.KindPending && r.ClOrdID == s.change.ClOrdID || s.done(r)
	case s.cancel != "":
		return r.Kind == sim.KindPending && r.CancelID == "c-"+s.cancel || s.done(r)
	}
	return s.done(r)
}

// TestModelKilledAnywhereEndsTheSame is TestKilledAnywhereEndsTheSame with a model: queues, impact, what is under way and halts
// go on where the log stands.
func TestModelKilledAnywhereEndsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, steps := anyModelDay(t), anySteps(t)
		var lengths []int
		whole := play(t, d, steps, func(_ *sim.Engine, log []sim.Record) { lengths = append(lengths, len(log)) })
		cut := rapid.IntRange(1, len(whole)).Draw(t, "cut")
		e, log, err := sim.Resume(d, whole[:cut])
		if err != nil {
			t.Fatal(err)
		}
		log = append(slices.Clone(whole[:cut]), log...)
		keep := func(records []sim.Record, err error) {
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, records...)
		}
		keep(e.Start())
		for i, s := range steps {
			if s.order == nil && lengths[i+1] <= cut || slices.ContainsFunc(whole[lengths[i]:min(lengths[i+1], max(cut, lengths[i]))], s.sent) {
				continue // it was answered before the kill, or was under way
			}
			doAgain(t, e, s, keep)
		}
		end, _, err := sim.Resume(d, whole)
		if err != nil {
			t.Fatal(err)
		}
		if e.Cash() != end.Cash() || fmt.Sprint(e.Positions()) != fmt.Sprint(end.Positions()) {
			t.Fatalf("cash %d positions %v, unbroken %d %v", e.Cash(), e.Positions(), end.Cash(), end.Positions())
		}
		if got, want := fills(log), fills(whole); got != want {
			t.Fatalf("fills after a kill at %d:\n%s\nunbroken:\n%s", cut, got, want)
		}
	})
}

// doAgain is do for a client that does not know what became of its request.
func doAgain(t *rapid.T, e *sim.Engine, s step, keep func([]sim.Record, error)) {
	if s.change != nil {
		records, _, err := e.Replace(s.at, *s.change)
		keep(records, err)
		return
	}
	do(t, e, s, keep)
}

// TestSessionsInOneEngine: an engine that goes from session to session writes what one writes that reads its log each morning.
func TestSessionsInOneEngine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var days []sim.MarketDay
		var steps [][]step
		for i := range rapid.IntRange(2, 3).Draw(t, "sessions") {
			d, s := anyModelDay(t), anySteps(t)
			off := int64(i) * 24 * hour
			d.Session.Session, d.Digest = fmt.Sprintf("2023-11-%d", 14+i), fmt.Sprint(i)
			d.OpenNs, d.CloseNs = d.OpenNs+off, d.CloseNs+off
			for j := range d.Breaks {
				d.Breaks[j][0], d.Breaks[j][1] = d.Breaks[j][0]+off, d.Breaks[j][1]+off
			}
			for j := range d.Model.Halts {
				d.Model.Halts[j].StartNs, d.Model.Halts[j].EndNs = d.Model.Halts[j].StartNs+off, d.Model.Halts[j].EndNs+off
			}
			for j := range d.Events {
				d.Events[j].TsNs += off
			}
			for j := range s {
				s[j].at += off
				if o := s[j].order; o != nil {
					o.ClOrdID = fmt.Sprintf("%d-%s", i, o.ClOrdID)
				}
				if c := s[j].change; c != nil {
					c.ClOrdID, c.Orig = fmt.Sprintf("%d-%s", i, c.ClOrdID), fmt.Sprintf("%d-%s", i, c.Orig)
				}
				s[j].cancel = fmt.Sprintf("%d-%s", i, s[j].cancel)
			}
			if i > 0 {
				d.Actions = []sim.Action{{InstrumentID: 1, Kind: "split", RatioNum: 2, RatioDen: 3}, {InstrumentID: 2, Kind: "dividend", AmountMicro: 7}}
			}
			if m := d.Model.Settlement; m != nil {
				m.Date = fmt.Sprintf("2023-11-%d", 15+i+rapid.IntRange(0, 1).Draw(t, "cycle"))
			}
			if i < 2 && rapid.Bool().Draw(t, "left open") {
				s = s[:len(s)/2]
			}
			days, steps = append(days, d), append(steps, s)
		}
		var daily, one []sim.Record
		var e *sim.Engine
		for i, d := range days {
			var records []sim.Record
			var err error
			if e == nil {
				e, records, err = sim.Resume(d, nil)
			} else {
				records, err = e.NextSession(d)
			}
			if err != nil {
				t.Fatal(err)
			}
			one = append(one, records...)
			morning, fresh, err := sim.Resume(d, daily)
			if err != nil {
				t.Fatal(err)
			}
			daily = append(daily, fresh...)
			for _, x := range []struct {
				e   *sim.Engine
				log *[]sim.Record
			}{{e, &one}, {morning, &daily}} {
				keep := func(records []sim.Record, err error) {
					if err != nil {
						t.Fatal(err)
					}
					*x.log = append(*x.log, records...)
				}
				keep(x.e.Start())
				for _, s := range steps[i] {
					do(t, x.e, s, keep)
				}
			}
			if err := sim.CheckSums(e); err != nil {
				t.Fatal(err)
			}
			if photo(e) != photo(morning) {
				t.Fatalf("one engine\n%s\na new one each day\n%s", photo(e), photo(morning))
			}
		}
		if a, b := bytesOf(t, one), bytesOf(t, daily); !bytes.Equal(a, b) {
			t.Fatalf("one engine\n%s\na new one each day\n%s", a, b)
		}
	})
}
