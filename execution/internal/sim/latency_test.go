package sim_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/sim"
)

// fixed is a latency that is always the same: the standard deviation is 0.
func fixed(us float64) *sim.LogNormal { return &sim.LogNormal{Mu: math.Log(us)} }

func lagging(order, report *sim.LogNormal) func(*sim.Session) {
	return withModel(&sim.Model{Latency: &sim.LatencyModel{Order: order, Report: report}})
}

const us = int64(1_000)

func TestOrdersActWhenTheyArrive(t *testing.T) {
	d := newDesk(t, day(lagging(fixed(500), fixed(200)),
		quote(open, 1, 9*usd, 30, 10*usd, 50), quote(open+400*us, 1, 9*usd, 30, 11*usd, 40), quote(open+2000*us, 1, 9*usd, 30, 10*usd, 45)))
	d.start()
	d.want(d.order(open+1000, "a", market(1, sim.Buy, 60)), "order a")
	if r := d.log[len(d.log)-1]; r.DueNs < open+501*us-1 || r.DueNs > open+501*us {
		t.Errorf("acts %d ns after it was sent", r.DueNs-open-1000)
	}
	d.want(d.advance(open+500*us), "") // the row at 400 has come and gone
	records := d.advance(open + 502*us)
	d.want(records, "ack a; fill a 40@11000000 cum 40 leaves 20")
	for _, r := range records {
		if heard := r.ReportNs - r.TsNs; heard < 200*us-1 || heard > 200*us {
			t.Errorf("%s is heard of after %d ns", r.Kind, heard)
		}
	}
	if at, ok := d.e.NextNs(); !ok || at != open+2000*us {
		t.Errorf("next at %d", at-open)
	}
	// A fill may beat the cancel.
	records, found, err := d.e.Cancel(open+1600*us, "c", "a")
	if d.want(d.keep(records, err), "pending a: cancel"); !found {
		t.Error("not found")
	}
	if at, _ := d.e.NextNs(); at != open+2000*us {
		t.Errorf("next at %d", at-open)
	}
	d.want(d.advance(open+2200*us), "fill a 20@10000000 cum 60 leaves 0; refuse a: too late: the order is filled")
	if r := d.log[len(d.log)-1]; r.CancelID != "c" || r.Reason != 0 {
		t.Errorf("%+v", r)
	}
	d.resumed()
}

// What is sent on one session keeps its order, whatever each draws.
func TestNothingOvertakes(t *testing.T) {
	wild := &sim.LogNormal{Mu: 5, Sigma: 2}
	d := newDesk(t, day(lagging(wild, wild), quote(open, 1, 9*usd, 3000, 10*usd, 5000)))
	d.start()
	for i := range int64(200) {
		d.order(open+i*us, fmt.Sprintf("o%d", i), limit(1, sim.Buy, 1, 10*usd))
	}
	d.advance(close - 1)
	var due, heard, acked int64
	for _, r := range d.log {
		if r.Kind == sim.KindOrder {
			if r.DueNs < due || r.DueNs < r.TsNs {
				t.Fatalf("%s acts at %d, the one before at %d", r.ClOrdID, r.DueNs, due)
			}
			due = r.DueNs
		}
		if r.Kind == sim.KindAck {
			if want := fmt.Sprintf("o%d", acked); r.ClOrdID != want {
				t.Fatalf("%s acts before %s", r.ClOrdID, want)
			}
			acked++
		}
		if r.ReportNs > 0 {
			if r.ReportNs < heard || r.ReportNs < r.TsNs {
				t.Fatalf("%s is heard of at %d, the one before at %d", r.Kind, r.ReportNs, heard)
			}
			heard = r.ReportNs
		}
	}
	if acked != 200 {
		t.Errorf("%d acks", acked)
	}
}

// Each path is a line of its own: on the faster one a later order is there first, and a cancel takes its order's.
func TestPathsHaveTheirOwnLatency(t *testing.T) {
	m := &sim.Model{Latency: &sim.LatencyModel{Order: fixed(300), Paths: []sim.PathLatency{{Path: 1, Order: fixed(100)}, {Path: 2, Order: fixed(500)}}}}
	d := newDesk(t, day(withModel(m), quote(open, 1, 9*usd, 3000, 10*usd, 50)))
	d.start()
	on := func(path int64) sim.NewOrder {
		o := limit(1, sim.Buy, 1, 8*usd)
		o.Path = path
		return o
	}
	d.order(open+1, "slow", on(2))
	d.order(open+2, "default", on(0))
	d.order(open+3, "fast", on(1))
	d.keep(mustCancel(d.e.Cancel(open+4, "c", "slow")))
	d.keep(mustCancel(d.e.Cancel(open+5, "c", "fast")))
	d.change(open+6, "d2", "default", 2, 8*usd)
	d.resumed()
	d.want(d.advance(open+600*us), "ack fast; cancel fast: cancelled by the client; ack default; replace d2: ; ack slow; cancel slow: cancelled by the client")
	d.resumed()
	records, no, err := d.e.Replace(open+700*us, sim.Replacement{ClOrdID: "d3", Orig: "d2", Symbol: "S1", Side: sim.Buy, Type: sim.Limit, Qty: 3, LimitPx: 8 * usd, Path: 1})
	if d.keep(records, err); no != nil {
		t.Errorf("refused at once: %v", no)
	}
	d.want(d.advance(open+1100*us), "refuse d3: the path cannot be changed")
	// What makes no sense is refused when it acts, as ever.
	records, _, err = d.e.Cancel(open+1150*us, "", "nobody")
	d.keep(records, err)
	records, _, err = d.e.Replace(open+1150*us, sim.Replacement{ClOrdID: "d4", Orig: "d2"})
	d.keep(records, err)
	d.want(d.advance(open+1190*us), "")
	d.resumed()
	d.want(d.advance(open+1199*us), "")
	d.order(open+1200*us, "none", on(3))
	d.want(d.advance(open+2000*us), "refuse nobody: unknown order; refuse d4: symbol, side, type and time in force cannot be changed; reject none: path 3: there are 0, the default, to 2")
}

func TestWhatIsUnderWayAtTheEnd(t *testing.T) {
	d := newDesk(t, day(lagging(fixed(1e9), nil), quote(open, 1, 9*usd, 30, 10*usd, 50))) // a quarter of an hour
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 1, 8*usd))
	d.advance(close - 2)
	d.order(close-1, "late", market(1, sim.Buy, 1))
	records, _, err := d.e.Cancel(close-1, "c", "a")
	d.keep(records, err)
	records, refused := d.change(close-1, "r", "a", 2, 8*usd)
	if d.want(records, "pending r: replacement"); refused != nil {
		t.Errorf("refused at once: %v", refused)
	}
	d.want(d.advance(close), "reject late: session closed; refuse a: too late: the order is new; refuse r: session closed; expire a: day order expired at the close; session closed")
	d.want(d.order(close+1, "after", market(1, sim.Buy, 1)), "order after; reject after: session is closed")
	d.resumed()
}

func TestAProtectedConnectionTakesBackWhatIsUnderWay(t *testing.T) {
	d := newDesk(t, day(lagging(fixed(1000), nil), quote(open, 1, 9*usd, 30, 10*usd, 50)))
	d.start()
	d.order(open+1, "works", limit(1, sim.Buy, 1, 8*usd))
	d.advance(open + 2000*us)
	d.keep(d.e.Protect(true))
	d.order(open+2001*us, "sent", limit(1, sim.Buy, 1, 8*usd))
	d.want(d.keep(d.e.Disconnected(open+2002*us)), "reject sent: cancelled on disconnect; cancel works: cancelled on disconnect; protect : cancel on disconnect is off")
	d.resumed()
}

// A venue that was killed goes on with what was under way, at the moments that were drawn before.
func TestWhatIsUnderWaySurvives(t *testing.T) {
	d := newDesk(t, day(lagging(&sim.LogNormal{Mu: 6, Sigma: 1}, nil), quote(open, 1, 9*usd, 30, 10*usd, 500)))
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 5, 8*usd))
	d.change(open+2, "b", "a", 6, 8*usd)
	records, _, err := d.e.Cancel(open+3, "c", "b")
	d.keep(records, err)
	d.order(open+4, "d", market(1, sim.Buy, 7))
	again := newDesk(t, d.e.Day(), d.log...)
	want := d.advance(close - 1)
	got := again.advance(close - 1)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("resumed %s\nunbroken %s", tell(got), tell(want))
	}
	d.want(slices.DeleteFunc(want, func(r sim.Record) bool { return r.Kind == sim.KindSession }), "ack a; replace b: ; cancel b: cancelled by the client; ack d; fill d 7@10000000 cum 7 leaves 0")
}

func TestLatenciesAreLogNormal(t *testing.T) {
	l := sim.LogNormal{Mu: 5.5, Sigma: 0.6}
	var drawn []float64
	for i := range 20_000 {
		drawn = append(drawn, float64(l.Draw(7, "order", fmt.Sprintf("US-%d", i)))/1000)
		if l.Draw(7, "order", fmt.Sprintf("US-%d", i)) != l.Draw(7, "order", fmt.Sprintf("US-%d", i)) {
			t.Fatal("the same order drew twice")
		}
	}
	f, err := sim.FitLatency(drawn)
	// Standard errors: sigma/sqrt(n) = 0.0042 and sigma/sqrt(2n) = 0.003.
	if err != nil || math.Abs(f.Mu-5.5) > 0.017 || math.Abs(f.Sigma-0.6) > 0.012 || f.PValue < 0.01 {
		t.Errorf("%+v %v", f, err)
	}
	if (sim.LogNormal{Mu: 22, Sigma: 10}).Draw(7, "order", "US-1") > 3_600_000_000_000 {
		t.Error("more than an hour")
	}
}

func TestFit(t *testing.T) {
	// By hand: the logarithms are -1, 0, 1, 2, 3: mean 1, deviation sqrt(10/5). The greatest distance from the normal is that
	// of its ends: Phi(-2/1.41421) = 0.0786496 below the first of five, 0.2 - 0.0786496 = 0.1213504.
	f, err := sim.FitLatency([]float64{math.Exp(3), 1, math.E, math.Exp(-1), math.Exp(2)})
	if err != nil || math.Abs(f.Mu-1) > 1e-12 || math.Abs(f.Sigma-math.Sqrt2) > 1e-12 || math.Abs(f.KS-0.1602499) > 1e-6 || f.N != 5 {
		t.Errorf("%+v %v", f, err)
	}
	if math.Abs(f.MedianUs-math.E) > 1e-9 || math.Abs(f.FitP99Us-math.Exp(1+2.3263478740408408*math.Sqrt2)) > 1e-6 {
		t.Errorf("median %v, p99 %v", f.MedianUs, f.FitP99Us)
	}
	r := rand.New(rand.NewPCG(1, 2))
	samples := func(n int, draw func() float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = draw()
		}
		return out
	}
	// Samples of the family fit, and the share of them that is refused at 5% is about that.
	refused := 0
	for range 400 {
		f, err := sim.FitLatency(samples(200, func() float64 { return math.Exp(4 + 0.5*r.NormFloat64()) }))
		if err != nil || math.Abs(f.Mu-4) > 0.2 || math.Abs(f.Sigma-0.5) > 0.15 {
			t.Fatalf("%+v %v", f, err)
		}
		if f.PValue < 0.05 {
			refused++
		}
	}
	if refused < 6 || refused > 38 { // 20 expected
		t.Errorf("%d of 400 refused at 5%%", refused)
	}
	// Others do not.
	for name, draw := range map[string]func() float64{
		"two modes":   func() float64 { return math.Exp(float64(r.IntN(2))*4 + 0.1*r.NormFloat64()) },
		"exponential": r.ExpFloat64,
		"uniform":     func() float64 { return 1 + r.Float64() },
	} {
		if f, err := sim.FitLatency(samples(1000, draw)); err != nil || f.PValue > 0.01 {
			t.Errorf("%s: %+v %v", name, f, err)
		}
	}
	for _, bad := range [][]float64{nil, {1, 2, 3, 4}, {1, 2, 3, 4, 0}, {1, 2, 3, 4, math.NaN()}, {1, 2, 3, 4, math.Inf(1)}, {2, 2, 2, 2, 2}} {
		if f, err := sim.FitLatency(bad); err == nil {
			t.Errorf("%v fitted: %+v", bad, f)
		}
	}
}

func TestReadLatencies(t *testing.T) {
	got, err := sim.ReadLatencies("f", strings.NewReader("# microseconds\n12.5\n\n 1e2 \n"))
	if err != nil || !slices.Equal(got, []float64{12.5, 100}) {
		t.Errorf("%v %v", got, err)
	}
	for _, c := range []struct{ data, want string }{
		{"1\nx\n", `f:2: "x"`}, {"-1\n", `f:1: "-1"`}, {"0\n", `f:1: "0"`}, {"NaN\n", "f:1:"}, {"Inf\n", "f:1:"}, {"1,5\n", "f:1:"},
	} {
		if _, err := sim.ReadLatencies("f", strings.NewReader(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.data, err, c.want)
		}
	}
}

func FuzzReadLatencies(f *testing.F) {
	f.Add("12.5\n# x\n3\n4\n5\n6\n7e300\n")
	f.Add("1e-320\n1\n1\n1\n1")
	f.Fuzz(func(t *testing.T, data string) {
		us, err := sim.ReadLatencies("f", strings.NewReader(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f") {
				t.Fatalf("the error names no file: %v", err)
			}
			return
		}
		fit, err := sim.FitLatency(us)
		if err == nil && (math.IsNaN(fit.Mu) || !(fit.Sigma > 0) || !(fit.KS >= 0 && fit.KS <= 1) || !(fit.PValue >= 0 && fit.PValue <= 0.2)) {
			t.Fatalf("%+v of %v", fit, us)
		}
	})
}
