package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dnalyaw/execution/internal/sim"
)

const (
	open  = int64(1_700_000_000_000_000_000)
	hour  = int64(3_600_000_000_000)
	close = open + 6*hour
	usd   = int64(1_000_000)
)

// day is a session of six hours with 10,000 USD and no fees.
func day(change func(*sim.Session), events ...sim.Event) sim.MarketDay {
	s := sim.Session{
		Region: "US", Session: "2023-11-14", Currency: "USD", OpenNs: open, CloseNs: close, InitialCash: 10_000 * usd, Seed: 7,
	}
	if change != nil {
		change(&s)
	}
	return sim.MarketDay{Session: s, Events: events, Digest: "d"}
}

func quote(at, id, bid, bidSize, ask, askSize int64) sim.Event {
	return sim.Event{TsNs: at, InstrumentID: id, Symbol: symbol(id), Bid: bid, Ask: ask, BidSize: bidSize, AskSize: askSize}
}

func auction(at, id, px int64) sim.Event {
	return sim.Event{TsNs: at, InstrumentID: id, Symbol: symbol(id), Auction: true, Bid: px, Ask: px}
}

func symbol(id int64) string { return fmt.Sprintf("S%d", id) }

// desk keeps an engine and everything it recorded.
type desk struct {
	t   *testing.T
	e   *sim.Engine
	log []sim.Record
}

func newDesk(t *testing.T, d sim.MarketDay, log ...sim.Record) *desk {
	t.Helper()
	e, fresh, err := sim.Resume(d, log)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, e, append(append([]sim.Record{}, log...), fresh...)}
}

func (d *desk) keep(records []sim.Record, err error) []sim.Record {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	d.log = append(d.log, records...)
	return records
}

func (d *desk) start() []sim.Record           { d.t.Helper(); return d.keep(d.e.Start()) }
func (d *desk) advance(at int64) []sim.Record { d.t.Helper(); return d.keep(d.e.Advance(at)) }
func (d *desk) order(at int64, id string, o sim.NewOrder) []sim.Record {
	d.t.Helper()
	o.ClOrdID = id
	if o.Symbol == "" {
		o.Symbol = symbol(o.InstrumentID)
	}
	return d.keep(d.e.Submit(at, o))
}

func market(id int64, side sim.Side, qty int64) sim.NewOrder {
	return sim.NewOrder{InstrumentID: id, Side: side, Type: sim.Market, Qty: qty}
}

func limit(id int64, side sim.Side, qty, px int64) sim.NewOrder {
	return sim.NewOrder{InstrumentID: id, Side: side, Type: sim.Limit, Qty: qty, LimitPx: px}
}

// tell writes records the short way: kind, order, quantity@price for fills, text otherwise.
func tell(records []sim.Record) string {
	var out []string
	for _, r := range records {
		switch r.Kind {
		case sim.KindFill:
			out = append(out, fmt.Sprintf("fill %s %d@%d cum %d leaves %d", r.ClOrdID, r.Qty, r.Px, r.Cum, r.Leaves))
		case sim.KindSession:
			if r.Text != sim.TextCheckpoint {
				out = append(out, "session "+string(r.State))
			}
		case sim.KindOrder, sim.KindAck:
			out = append(out, fmt.Sprintf("%s %s", r.Kind, r.ClOrdID))
		default:
			out = append(out, fmt.Sprintf("%s %s: %s", r.Kind, r.ClOrdID, r.Text))
		}
	}
	return strings.Join(out, "; ")
}

func (d *desk) want(records []sim.Record, want string) {
	d.t.Helper()
	if got := tell(records); got != want {
		d.t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDisplayedSizeFillsOnceThenWaitsForTheNextRow(t *testing.T) {
	d := newDesk(t, day(nil,
		quote(open, 1, 9*usd, 30, 10*usd, 50),
		quote(open+hour, 1, 9*usd, 30, 11*usd, 20),
		quote(open+2*hour, 1, 9*usd, 30, 12*usd, 500)))
	d.start()
	d.want(d.order(open+1, "a", market(1, sim.Buy, 40)), "order a; ack a; fill a 40@10000000 cum 40 leaves 0")
	d.want(d.order(open+2, "b", market(1, sim.Buy, 60)), "order b; ack b; fill b 10@10000000 cum 10 leaves 50")
	d.want(d.order(open+3, "c", limit(1, sim.Buy, 5, 11*usd)), "order c; ack c")
	// 20 at 11: the market order goes before the limit that came later.
	d.want(d.advance(open+hour), "fill b 20@11000000 cum 30 leaves 30")
	// At 12 the limit does not reach.
	d.want(d.advance(open+2*hour), "fill b 30@12000000 cum 60 leaves 0")
	if got, _ := d.e.Order("b"); got.AvgPx() != 11_333_333 || got.Status != sim.Filled {
		t.Errorf("b: %v at %d", got.Status, got.AvgPx()) // (10*10 + 20*11 + 30*12) / 60 = 11.33
	}
	if got := d.e.Cash(); got != (10_000-400-680)*usd {
		t.Errorf("cash %d", got)
	}
	d.want(d.advance(close), "expire c: day order expired at the close; session closed")
}

func TestRestingLimitsGoByPriceThenArrivalAndFillAtTheTouch(t *testing.T) {
	d := newDesk(t, day(nil,
		quote(open, 1, 9*usd, 30, 10*usd, 100),
		quote(open+hour, 1, 7*usd, 30, 8*usd, 25)))
	d.start()
	d.order(open+1, "low", limit(1, sim.Buy, 10, 8*usd))
	d.order(open+2, "high", limit(1, sim.Buy, 10, 9*usd))
	d.order(open+3, "low2", limit(1, sim.Buy, 10, 8*usd))
	d.order(open+4, "none", limit(1, sim.Buy, 10, 8*usd-1))
	d.want(d.advance(open+hour),
		"fill high 10@8000000 cum 10 leaves 0; fill low 10@8000000 cum 10 leaves 0; fill low2 5@8000000 cum 5 leaves 5")
}

func TestAbsentSidesAndSizesFillNobody(t *testing.T) {
	d := newDesk(t, day(nil,
		quote(open, 1, 10*usd, 100, 0, 100),
		quote(open, 2, 10*usd, 100, 11*usd, 0),
		quote(open+hour, 1, 0, 100, 10*usd, 100)))
	d.start()
	d.want(d.order(open+1, "a", market(1, sim.Buy, 10)), "order a; ack a")
	d.want(d.order(open+1, "b", market(2, sim.Buy, 10)), "order b; ack b")
	d.want(d.advance(open+hour), "fill a 10@10000000 cum 10 leaves 0")
	d.want(d.order(open+hour, "c", market(1, sim.Sell, 10)), "order c; ack c")
}

func TestAuctionFillsEveryMarketableOrderAndItsPrintStands(t *testing.T) {
	d := newDesk(t, day(nil,
		quote(open, 1, 9*usd, 1, 10*usd, 1),
		auction(open+hour, 1, 9_500_000),
		quote(open+2*hour, 1, 9*usd, 1, 10*usd, 1)))
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 100, 9_500_000))
	d.order(open+2, "b", limit(1, sim.Buy, 100, 9_400_000))
	d.order(open+3, "c", limit(1, sim.Buy, 300, 9_600_000))
	d.want(d.advance(open+hour), "fill c 300@9500000 cum 300 leaves 0; fill a 100@9500000 cum 100 leaves 0")
	d.want(d.order(open+hour+1, "late", market(1, sim.Sell, 200)), "order late; ack late; fill late 200@9500000 cum 200 leaves 0")
	d.advance(open + 2*hour)
	d.want(d.order(open+2*hour, "q", market(1, sim.Sell, 5)), "order q; ack q; fill q 1@9000000 cum 1 leaves 4")
}

func TestIOCTakesWhatThereIs(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)))
	d.start()
	o := market(1, sim.Buy, 60)
	o.TIF = sim.IOC
	d.want(d.order(open+1, "a", o),
		"order a; ack a; fill a 50@10000000 cum 50 leaves 10; cancel a: IOC: nothing more to fill at once")
	if got, _ := d.e.Order("a"); got.Leaves() != 0 || got.Cum != 50 {
		t.Errorf("%+v", got)
	}
}

func TestBreakHoldsOrdersAndTheCloseExpiresThem(t *testing.T) {
	lunch := func(s *sim.Session) { s.Breaks = [][2]int64{{open + hour, open + 2*hour}} }
	d := newDesk(t, day(lunch,
		quote(open, 1, 9*usd, 30, 10*usd, 50),
		quote(open+hour, 1, 9*usd, 30, 10*usd, 60),
		quote(open+2*hour, 1, 9*usd, 30, 11*usd, 70),
		auction(close, 1, 8*usd)))
	d.start()
	d.order(open+1, "rest", limit(1, sim.Buy, 10, 8*usd))
	d.want(d.advance(open+hour), "session break")
	d.want(d.order(open+hour+1, "held", market(1, sim.Buy, 10)), "order held; ack held")
	ioc := market(1, sim.Buy, 10)
	ioc.TIF = sim.IOC
	d.want(d.order(open+hour+2, "ioc", ioc), "order ioc; ack ioc; cancel ioc: IOC: nothing more to fill at once")
	d.order(open+hour+3, "gone", limit(1, sim.Buy, 10, 20*usd))
	records, found, err := d.e.Cancel(open+hour+4, "gone-c", "gone")
	if d.keep(records, err); !found || records[0].CancelID != "gone-c" || records[0].ClOrdID != "gone" {
		t.Errorf("cancel in the break: %v %v", found, records)
	}
	// What stood before the break fills at its end, at the quote that stands.
	d.want(d.advance(open+2*hour-1), "")
	d.want(d.advance(open+2*hour), "session open; fill held 10@10000000 cum 10 leaves 0")
	d.order(close-1, "dear", limit(1, sim.Buy, 10, 7*usd))
	d.want(d.advance(close+hour),
		"fill rest 10@8000000 cum 10 leaves 0; expire dear: day order expired at the close; session closed")
	if d.e.NowNs() != close || d.e.Phase() != sim.Closed {
		t.Errorf("%s at %d", d.e.Phase(), d.e.NowNs())
	}
	d.want(d.order(close, "z", market(1, sim.Buy, 1)), "order z; reject z: session is closed")
}

func TestRefusals(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 500), quote(open, 2, 9*usd, 30, 10*usd, 50)))
	d.want(d.order(open, "early", market(1, sim.Buy, 1)), "order early; reject early: session has not opened")
	d.start()
	d.order(open+1, "a", market(1, sim.Buy, 100))
	for _, c := range []struct {
		id     string
		o      sim.NewOrder
		reason int
		text   string
	}{
		{"a", market(1, sim.Buy, 1), 6, "duplicate ClOrdID"},
		{"early", market(1, sim.Buy, 1), 6, "duplicate ClOrdID"},
		{"b", market(3, sim.Buy, 1), 1, "unknown symbol"},
		{"c", sim.NewOrder{InstrumentID: 1, Symbol: "S2", Side: sim.Buy, Type: sim.Market, Qty: 1}, 1, "unknown symbol"},
		{"d", market(1, sim.Buy, 0), 13, "quantity must be 1 to 1000000000"},
		{"e", market(1, sim.Buy, 1_000_000_001), 13, "quantity must be 1 to 1000000000"},
		{"f", limit(1, sim.Buy, 1, 0), 99, "limit price must be positive"},
		{"g", market(1, sim.Sell, 101), 99, "sells 101 with 100 free: the account cannot be short"},
		{"h", market(2, sim.Sell, 1), 99, "sells 1 with 0 free: the account cannot be short"},
		{"i", limit(1, sim.Buy, 901, 10*usd), 3, "insufficient cash"},
		{"j", limit(1, sim.Buy, 1_000_000_000, 9_000_000_000*usd), 3, "insufficient cash"},
	} {
		records := d.order(open+2, c.id, c.o)
		last := records[len(records)-1]
		if last.Kind != sim.KindReject || last.Reason != c.reason || last.Text != c.text {
			t.Errorf("%s: %s with reason %d, want reason %d %s", c.id, tell(records), last.Reason, c.reason, c.text)
		}
	}
	if a, _ := d.e.Order("a"); a.Status != sim.Filled {
		t.Errorf("a duplicate changed the first order to %s", a.Status)
	}
	// Working orders claim what they may use: 9,000 USD and 100 shares are left.
	d.want(d.order(open+3, "k", limit(1, sim.Buy, 800, 9*usd)), "order k; ack k")
	d.want(d.order(open+3, "l", limit(1, sim.Buy, 201, 9*usd)), "order l; reject l: insufficient cash")
	d.want(d.order(open+3, "m", limit(1, sim.Buy, 200, 9*usd)), "order m; ack m")
	d.want(d.order(open+3, "n", limit(1, sim.Sell, 60, 20*usd)), "order n; ack n")
	d.want(d.order(open+3, "o", limit(1, sim.Sell, 41, 20*usd)), "order o; reject o: sells 41 with 40 free: the account cannot be short")
}

func TestMarketOrderThatOutrunsItsCashIsCutOff(t *testing.T) {
	d := newDesk(t, day(func(s *sim.Session) { s.InitialCash = 1000 * usd },
		quote(open, 1, 9*usd, 30, 10*usd, 10),
		quote(open+hour, 1, 19*usd, 30, 25*usd, 500)))
	d.start()
	d.order(open+1, "a", market(1, sim.Buy, 90)) // 100 spent, 900 left
	d.want(d.advance(open+hour), "fill a 36@25000000 cum 46 leaves 44; cancel a: insufficient cash")
	if d.e.Cash() != 0 {
		t.Errorf("cash %d", d.e.Cash())
	}
}

func TestFees(t *testing.T) {
	f := sim.Fees{PerShareMicro: 3_500, BpMilli: 2_500, SellBpMilli: 10_000, MinMicro: 1_000_000}
	for _, c := range []struct {
		side    sim.Side
		qty, px int64
		want    int64
	}{
		// 1000 at 20: 3.50 + 0.25 bp... 2.5 bp of 20,000 is 5.00
		{sim.Buy, 1000, 20 * usd, 8_500_000},
		// a sell pays 10 bp more: 20.00
		{sim.Sell, 1000, 20 * usd, 28_500_000},
		// 1 at 20: 0.0035 + 0.005, below the least fee
		{sim.Buy, 1, 20 * usd, 1_000_000},
		// never more than the proceeds
		{sim.Sell, 1, 400_000, 400_000},
		// 7 at 33.333333 = 233.333331: 0.0245 + 0.05833333275 rounded up = 0.082834, below the least fee
		{sim.Buy, 7, 33_333_333, 1_000_000},
	} {
		if got, err := f.Of(c.side, c.qty, c.px); err != nil || got != c.want {
			t.Errorf("%s %d at %d: %d %v, want %d", c.side, c.qty, c.px, got, err, c.want)
		}
	}
	f.MinMicro = 0
	if got, err := f.Of(sim.Buy, 7, 33_333_333); err != nil || got != 82_834 {
		t.Errorf("rounding up: %d %v, want 82834", got, err)
	}
	if _, err := f.Of(sim.Buy, 1_000_000_000, 1<<62); !errors.Is(err, sim.ErrOverflow) {
		t.Errorf("overflow: %v", err)
	}
}

func TestRejectionsByChanceAreAFractionAndAlwaysTheSame(t *testing.T) {
	n := 0
	for i := range 20_000 {
		id := fmt.Sprintf("US-%d", i)
		first := sim.RejectedByChance(7, 500, id)
		if first != sim.RejectedByChance(7, 500, id) {
			t.Fatal("the same order met two fates")
		}
		if first {
			n++
		}
		if sim.RejectedByChance(7, 0, id) || !sim.RejectedByChance(7, 10_000, id) {
			t.Fatal("0 or 10000 of 10000 is no chance")
		}
	}
	if n < 850 || n > 1150 { // 1000 expected, standard deviation 31
		t.Errorf("%d of 20000 rejected at 5%%", n)
	}
	d := newDesk(t, day(func(s *sim.Session) { s.RejectBp = 10_000 }, quote(open, 1, 9*usd, 1, 10*usd, 1)))
	d.start()
	d.want(d.order(open, "a", market(1, sim.Buy, 1)), "order a; reject a: rejected by the simulated venue")
}

func TestOpeningIndicationIsShownAndFillsNobody(t *testing.T) {
	d := newDesk(t, day(nil, quote(open+hour, 1, 9*usd, 30, 10*usd, 50)))
	q := d.e.Quotes()[0]
	if q.Bid != 9*usd || q.Ask != 10*usd || q.TsNs != open {
		t.Errorf("indication %+v", q)
	}
	d.start()
	d.want(d.order(open+1, "a", market(1, sim.Buy, 10)), "order a; ack a")
	d.want(d.advance(open+hour), "fill a 10@10000000 cum 10 leaves 0")
}

func TestActionsChangeTheAccountOnceBeforeTheOpen(t *testing.T) {
	d := newDesk(t, day(nil, auction(open, 1, 10*usd), auction(open, 2, 20*usd), auction(open, 3, 5*usd)))
	d.start()
	d.order(open, "a", market(1, sim.Buy, 101))
	d.order(open, "b", market(2, sim.Buy, 10))
	d.order(open, "c", market(3, sim.Buy, 7))
	d.order(open, "w", limit(3, sim.Buy, 1, usd)) // still working when the next session begins
	cash := d.e.Cash()
	next := day(func(s *sim.Session) {
		s.Session, s.OpenNs, s.CloseNs, s.InitialCash = "2023-11-15", open+24*hour, close+24*hour, 555
		s.Actions = []sim.Action{
			{InstrumentID: 1, Kind: "split", RatioNum: 3, RatioDen: 2},
			{InstrumentID: 2, Kind: "dividend", AmountMicro: 250_000},
			{InstrumentID: 3, Kind: "delisting", AmountMicro: 4 * usd},
			{InstrumentID: 9, Kind: "dividend", AmountMicro: usd},
		}
	}, quote(open+24*hour, 1, 6*usd, 5, 8*usd, 5))
	second := newDesk(t, next, d.log...)
	// 151 shares and half a share at 7.00; 10 * 0.25; 7 * 4.00
	if got, want := second.e.Cash()-cash, int64(3_500_000+2_500_000+28_000_000); got != want {
		t.Errorf("actions paid %d, want %d", got, want)
	}
	var held []string
	for _, p := range second.e.Positions() {
		held = append(held, fmt.Sprintf("%d: %d", p.InstrumentID, p.Qty))
	}
	if got := strings.Join(held, ", "); got != "1: 151, 2: 10" {
		t.Errorf("positions %s", got)
	}
	d.want(second.log[len(d.log):], "expire w: day order expired at the close; session closed; session waiting; "+
		"action : split 3 for 2; action : dividend; action : delisting; action : dividend")
	// Killed after any line of this: what is missing is done once, nothing twice.
	for cut := len(d.log); cut <= len(second.log); cut++ {
		again := newDesk(t, next, second.log[:cut]...)
		if tell(again.log) != tell(second.log) || again.e.Cash() != second.e.Cash() {
			t.Errorf("cut after %d: %s", cut, tell(again.log[len(d.log):]))
		}
	}
	if _, _, err := sim.Resume(day(nil), second.log); !errors.Is(err, sim.ErrEarlierSession) {
		t.Errorf("an earlier session: %v", err)
	}
	hk := next
	hk.Region = "HK"
	if _, _, err := sim.Resume(hk, second.log); !errors.Is(err, sim.ErrOtherRegion) {
		t.Errorf("another region: %v", err)
	}
}

func TestMarketFilesMayChangeOnlyBeforeTheOpen(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)))
	other := day(nil, quote(open, 1, 9*usd, 30, 12*usd, 50))
	other.Digest = "other"
	again := newDesk(t, other, d.log...)
	again.start()
	again.want(again.order(open, "a", market(1, sim.Buy, 1)), "order a; ack a; fill a 1@12000000 cum 1 leaves 0")
	if _, _, err := sim.Resume(day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)), again.log); !errors.Is(err, sim.ErrMarketChanged) {
		t.Errorf("changed after the open: %v", err)
	}
	again.advance(close)
	if _, _, err := sim.Resume(day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)), again.log); err != nil {
		t.Errorf("changed after the close: %v", err)
	}
}

func TestRestartGoesBackNoFurtherThanACheckpoint(t *testing.T) {
	var rows []sim.Event
	for i := range int64(450) { // one a millisecond
		rows = append(rows, quote(open+i*1_000_000, 1, 9*usd, 30, 10*usd+i, 50))
	}
	d := newDesk(t, day(nil, rows...))
	d.start()
	d.advance(open + hour/60)
	last := d.log[len(d.log)-1]
	if last.Text != sim.TextCheckpoint || last.Ev < 250 {
		t.Errorf("450 rows on, the last record is %+v", last)
	}
	d.advance(open + hour/2 + 1)
	last = d.log[len(d.log)-1]
	if last.Text != sim.TextCheckpoint || last.TsNs != open+hour/2 || last.Ev != 450 {
		t.Errorf("half an hour on, the last record is %+v", last)
	}
	again := newDesk(t, day(nil, rows...), d.log...)
	if again.e.NowNs() != open+hour/2 || again.e.Quotes()[0].Ask != 10*usd+449 || len(again.log) != len(d.log) {
		t.Errorf("resumed at %d with %+v", again.e.NowNs()-open, again.e.Quotes()[0])
	}
	// However the clock gets there, the records are the same.
	jump := newDesk(t, day(nil, rows...))
	jump.start()
	jump.advance(open + hour/2 + 1)
	if fmt.Sprint(jump.log) != fmt.Sprint(d.log) {
		t.Errorf("a jump and two steps differ")
	}
}

func TestLogOfAnotherKindIsRefused(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)))
	d.start()
	d.order(open, "a", market(1, sim.Buy, 10))
	fill := d.log[len(d.log)-1]
	for name, spoil := range map[string]func(*sim.Record){
		"more than ordered": func(r *sim.Record) { r.Qty = 11 },
		"cum is wrong":      func(r *sim.Record) { r.Cum = 9 },
		"unknown order":     func(r *sim.Record) { r.ClOrdID = "x" },
		"ack after ack":     func(r *sim.Record) { r.Kind = sim.KindAck },
		"gap":               func(r *sim.Record) { r.N++ },
		"beyond the market": func(r *sim.Record) { r.Ev = 2 },
		"unpayable":         func(r *sim.Record) { r.Px = 1_000_000 * usd },
		"unknown kind":      func(r *sim.Record) { r.Kind = "gift" },
	} {
		bad := fill
		spoil(&bad)
		if _, _, err := sim.Resume(day(nil, quote(open, 1, 9*usd, 30, 10*usd, 50)), append(d.log[:len(d.log)-1:len(d.log)-1], bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
