package gate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/feed/fault"
	"dnalyaw/execution/internal/gate"
)

// Two names on one numbered line, a few days of recorded minutes each.
func recordedLine(t testing.TB, day string) []feed.Quote {
	t.Helper()
	var feeds []feed.Feed
	for i, name := range []string{"IBM", "SPY"} {
		quotes := leanMinutes(t, int64(i+1), name, day)
		if i > 0 { // one name's copy of the hours is enough
			quotes = slices.DeleteFunc(quotes, func(q feed.Quote) bool { return q.Kind == feed.KindStatus })
		}
		feeds = append(feeds, feed.NewMemory(quotes, nil))
	}
	m := feed.NewMerge(feeds...)
	if err := feed.Open(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	quotes, err := feed.ReadAll(m)
	if err != nil {
		t.Fatal(err)
	}
	return quotes
}

var recordedDays = []string{"20131004", "20131007", "20131008", "20131009", "20131010", "20131011"}

// dbnLine goes on from the recorded book of the E-mini, tick by tick and every few milliseconds: a fast name. The steps
// are the test's own; sizes, tick, spread and the moment are the file's.
func dbnLine(t testing.TB) []feed.Quote {
	t.Helper()
	var recorded []feed.Quote
	for _, name := range []string{"bbo-1s", "mbp-1", "tbbo"} {
		f := feed.NewDBN(filepath.Join(shared(t), "dbn", "test_data."+name+".v3.dbn.zst"), nil)
		if err := feed.Open(context.Background(), f); err != nil {
			t.Fatal(err)
		}
		quotes, err := feed.ReadAll(f)
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		recorded = append(recorded, quotes...)
	}
	last := recorded[len(recorded)-1]
	book := recorded[len(recorded)-2]
	if last.Kind != feed.KindTrade || book.Kind != feed.KindQuote {
		t.Fatalf("the tbbo file ends with %v after %v", last.Kind, book.Kind)
	}
	const tick = 250_000
	x := uint64(88172645463325252) // xorshift: the same walk every time
	draw := func(n uint64) uint64 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return x % n
	}
	out := recorded
	for range 20_000 {
		book.TsNs += int64(1+draw(40)) * 1e6
		if draw(3) == 0 {
			step := (int64(draw(3)) - 1) * tick
			book.Bid, book.Ask = book.Bid+step, book.Ask+step
		}
		book.BidSize, book.AskSize = int64(1+draw(40)), int64(1+draw(40))
		out = append(out, book)
		if draw(5) == 0 {
			trade := last
			trade.TsNs, trade.Last, trade.LastSize = book.TsNs, book.Ask, int64(1+draw(20))
			out = append(out, trade)
		}
	}
	for i := range out {
		out[i].RecvNs = 0 // the line of this test stamps its own
	}
	return out
}

const lineNs = 300_000 // from event to receipt

// score is what became of the planted messages of one kind and of the good ones.
type score struct{ planted, caught, good, refused int }

func (s *score) add(o score) {
	s.planted += o.planted
	s.caught += o.caught
	s.good += o.good
	s.refused += o.refused
}

// judge plants one kind of fault and compares the gate's verdicts with the planter's map.
func judge(t testing.TB, quotes []feed.Quote, kind fault.Kind, plan fault.Plan) score {
	t.Helper()
	plan.Rate[kind], plan.From, plan.Apart = 0.01, 60, 6
	p, err := fault.NewPlanter(plan)
	if err != nil {
		t.Fatal(err)
	}
	line := fault.Number(quotes, p, lineNs)
	c := gate.Default()
	c.Sequenced = true
	c.OneSidedRefused = kind == fault.Lose
	g := mustGate(t, c)
	end := fates(g, line)
	arrivals := map[uint64][]int{}
	for i := range line {
		arrivals[line[i].Seq] = append(arrivals[line[i].Seq], i)
	}
	s := score{}
	spoilt := map[int]bool{}
	for _, f := range p.Map() {
		s.planted++
		at := arrivals[f.N]
		switch kind {
		case fault.Drop, fault.Reorder: // the next message tells of the hole
			if missing := end[arrivals[f.N+1][0]].Missing; missing == 1 {
				s.caught++
			}
			for _, i := range at {
				spoilt[i] = true
			}
		case fault.Repeat:
			if end[at[0]].Outcome == gate.Pass && end[at[1]].Reason == gate.Duplicate && end[at[1]].Outcome == gate.Refuse {
				s.caught++
			}
			spoilt[at[1]] = true
		default:
			v := end[at[0]]
			if v.Outcome == gate.Refuse && v.Reason == expected[kind] {
				s.caught++
			} else {
				t.Logf("missed %s: %+v: %s %s", kind, f.Given, v.Outcome, gate.Explain(&f.Given, v, ""))
			}
			spoilt[at[0]] = true
		}
	}
	for i := range line {
		if line[i].Kind == feed.KindStatus || spoilt[i] {
			continue
		}
		s.good++
		if end[i].Outcome != gate.Pass {
			s.refused++
			t.Logf("%s planted, a good one refused: %s", kind, gate.Explain(&line[i], end[i], ""))
		}
	}
	return s
}

var expected = map[fault.Kind]gate.Reason{
	fault.Delay: gate.Stale, fault.Backdate: gate.Stale, fault.Postdate: gate.Future, fault.Cross: gate.Crossed, fault.Widen: gate.Spread,
	fault.Jump: gate.Spike, fault.Negative: gate.NotPositive, fault.Lose: gate.OneSided,
}

// Every planted fault is caught, under its own name, and next to nothing else is refused: at most 5 in 10,000 good
// messages.
func TestEveryPlantedFaultIsCaught(t *testing.T) {
	lines := [][]feed.Quote{dbnLine(t)}
	for _, day := range recordedDays {
		lines = append(lines, recordedLine(t, day))
	}
	for kind := fault.Drop; kind <= fault.Lose; kind++ {
		// Jumps of 28% are gross. One of 5% is within ten deviations when nobody has quoted for hours after the close.
		for jump, least := range map[float64]float64{0.25: 1, 0.05: 0.99} {
			if jump != 0.25 && kind != fault.Jump {
				continue
			}
			t.Run(fmt.Sprintf("%s %v", kind, jump), func(t *testing.T) {
				total := score{}
				for i, quotes := range lines {
					total.add(judge(t, quotes, kind, fault.Plan{Seed: uint64(i), DelayNs: 10e9, JumpBy: jump}))
				}
				t.Logf("%d planted, %d caught; %d good, %d of them refused", total.planted, total.caught, total.good, total.refused)
				if total.planted < 150 || float64(total.caught) < least*float64(total.planted) {
					t.Errorf("%d of %d planted faults caught", total.caught, total.planted)
				}
				if float64(total.refused) > 0.0005*float64(total.good) {
					t.Errorf("%d of %d good messages refused", total.refused, total.good)
				}
			})
		}
	}
}

// The recorded minutes themselves, unspoilt: hardly one is refused.
func TestRecordedMinutesPass(t *testing.T) {
	good, refused := 0, 0
	for _, day := range recordedDays {
		quotes := recordedLine(t, day)
		end := fates(mustGate(t, gate.Default()), quotes)
		for i := range quotes {
			good++
			if end[i].Outcome != gate.Pass {
				refused++
				t.Log(gate.Explain(&quotes[i], end[i], ""))
			}
		}
	}
	if good < 15_000 || float64(refused) > 0.0002*float64(good) {
		t.Errorf("%d of %d recorded messages refused", refused, good)
	}
}
