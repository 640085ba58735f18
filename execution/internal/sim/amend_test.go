package sim_test

import (
	"fmt"
	"testing"

	"dnalyaw/execution/internal/sim"
)

// change asks for a replacement with all other terms of the order as they are.
func (d *desk) change(at int64, id, orig string, qty, px int64) ([]sim.Record, *sim.Refusal) {
	d.t.Helper()
	o, _ := d.e.Order(orig)
	records, refused, err := d.e.Replace(at, sim.Replacement{
		ClOrdID: id, Orig: orig, Symbol: o.Symbol, Side: o.Side, Short: o.Short, Type: o.Type, TIF: o.TIF, Qty: qty, LimitPx: px,
	})
	return d.keep(records, err), refused
}

func (d *desk) account() string {
	out := fmt.Sprintf("cash %d", d.e.Cash())
	for _, p := range d.e.Positions() {
		out += fmt.Sprintf(" %d:%d", p.InstrumentID, p.Qty)
	}
	return out
}

func (d *desk) wantAccount(want string) {
	d.t.Helper()
	if got := d.account(); got != want {
		d.t.Errorf("account %s, want %s", got, want)
	}
}

// resumed says that the log alone gives the same account and orders.
func (d *desk) resumed() {
	d.t.Helper()
	again := newDesk(d.t, d.e.Day(), d.log...)
	if len(again.log) != len(d.log) || again.account() != d.account() || fmt.Sprint(again.e.Orders()) != fmt.Sprint(d.e.Orders()) {
		d.t.Errorf("resumed: %s, %s\nbefore: %s", tell(again.log[len(d.log):]), again.account(), d.account())
	}
}

func TestAReplacementKeepsTheOrderAndItsNames(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 20), quote(open+hour, 1, 9*usd, 30, 10*usd, 200)))
	d.start()
	d.want(d.order(open+1, "a", limit(1, sim.Buy, 50, 10*usd)), "order a; ack a; fill a 20@10000000 cum 20 leaves 30")
	records, refused := d.change(open+2, "b", "a", 80, 8*usd)
	if d.want(records, "replace b: "); refused != nil || records[0].Orig != "a" || records[0].Qty != 80 || records[0].Cum != 20 || records[0].Leaves != 60 || records[0].ExecID == "" {
		t.Fatalf("%+v, %v", records, refused)
	}
	d.want(d.advance(open+hour+1), "") // the new limit is below the touch
	records, _ = d.change(open+hour+2, "c", "b", 60, 10*usd)
	d.want(records, "replace c: ; fill c 40@10000000 cum 60 leaves 0")
	d.want(d.order(open+hour+3, "b", limit(1, sim.Buy, 1, 10*usd)), "reject b: duplicate ClOrdID")
	d.order(open+hour+3, "x", limit(1, sim.Buy, 1, usd))
	if _, refused := d.change(open+hour+4, "c", "x", 2, usd); refused == nil || refused.Reason != 6 {
		t.Errorf("a replacement with a ClOrdID that a replacement had: %+v", refused)
	}
	for _, id := range []string{"a", "b", "c"} {
		if o, ok := d.e.Order(id); !ok || o.ClOrdID != "c" || o.PrevID != "b" || o.Status != sim.Filled || o.OrderID != "US-2023-11-14-V1" {
			t.Errorf("%s finds %+v", id, o)
		}
	}
	if n, _ := d.e.Counts(); n != 2 {
		t.Errorf("%d orders, want two", n)
	}
	d.wantAccount("cash 9400000000 1:60")
	d.resumed()
}

func TestARefusedReplacementLeavesTheOrderAlone(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 20)))
	d.start()
	d.order(open+1, "a", limit(1, sim.Buy, 50, 10*usd)) // 20 have filled
	d.order(open+1, "s", limit(1, sim.Sell, 20, 12*usd))
	d.order(open+1, "done", market(1, sim.Buy, 1))
	d.keep(mustCancel(d.e.Cancel(open+1, "x", "done")))
	before, lines := fmt.Sprint(d.e.Orders()), len(d.log)
	for _, c := range []struct {
		id, orig string
		qty, px  int64
		reason   int
		text     string
	}{
		{"b", "nobody", 60, 10 * usd, 1, "unknown order"},
		{"s", "a", 60, 10 * usd, 6, "duplicate ClOrdID"},
		{"b", "done", 2, 0, 0, "too late: the order is cancelled"},
		{"b", "a", 20, 10 * usd, 99, "a total of 20 is not above the 20 that have filled"},
		{"b", "a", 0, 10 * usd, 99, "quantity must be 1 to 1000000000"},
		{"b", "a", 60, 0, 99, "limit price must be positive"},
		{"b", "a", 1001, 10 * usd, 99, "insufficient cash"}, // 981 at 10 with 9,800
		{"b", "s", 21, 12 * usd, 99, "sells 21 with 20 free: the account cannot be short"},
	} {
		records, refused := d.change(open+2, c.id, c.orig, c.qty, c.px)
		if len(records) != 0 || refused == nil || refused.Reason != c.reason || refused.Text != c.text {
			t.Errorf("%s of %s to %d: %s, %+v; want %d %s", c.id, c.orig, c.qty, tell(records), refused, c.reason, c.text)
		}
	}
	_, refused, err := d.e.Replace(open+2, sim.Replacement{ClOrdID: "b", Orig: "a", Symbol: "S1", Side: sim.Sell, Type: sim.Limit, Qty: 60, LimitPx: 10 * usd})
	if err != nil || refused == nil || refused.Reason != 99 {
		t.Errorf("another side: %+v, %v", refused, err)
	}
	if fmt.Sprint(d.e.Orders()) != before || len(d.log) != lines {
		t.Errorf("a refused replacement changed the orders:\n%s\n%s", before, fmt.Sprint(d.e.Orders()))
	}
	if records, refused := d.change(open+3, "b", "a", 1000, 10*usd); refused != nil {
		t.Errorf("980 at 10 with 9,800: %s, %v", tell(records), refused)
	}
	d.resumed()
}

func mustCancel(records []sim.Record, _ bool, err error) ([]sim.Record, error) { return records, err }

// A larger total or another limit goes to the back of the queue, a smaller total keeps its place.
func TestAReplacementLosesItsPlaceOnlyForMore(t *testing.T) {
	for _, c := range []struct {
		qty, px int64
		want    string
	}{
		{5, 10 * usd, "fill a2 5@10000000 cum 5 leaves 0; fill b 5@10000000 cum 5 leaves 5"},
		{11, 10 * usd, "fill b 10@10000000 cum 10 leaves 0"},
		{10, 11 * usd, "fill a2 10@10000000 cum 10 leaves 0"}, // a better price comes first anyway
	} {
		d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 12*usd, 50), quote(open+hour, 1, 9*usd, 30, 10*usd, 10)))
		d.start()
		d.order(open+1, "a", limit(1, sim.Buy, 10, 10*usd))
		d.order(open+2, "b", limit(1, sim.Buy, 10, 10*usd))
		if _, refused := d.change(open+3, "a2", "a", c.qty, c.px); refused != nil {
			t.Fatal(refused)
		}
		d.want(d.advance(open+hour+1), c.want)
		d.resumed()
	}
}

func TestShortSalesNeedSharesToBorrowMarkingAndMargin(t *testing.T) {
	lend := func(s *sim.Session) {
		s.Locates = []sim.Locate{{InstrumentID: 1, Qty: 500}, {InstrumentID: 2, Qty: 100_000}}
	}
	d := newDesk(t, day(lend, quote(open, 1, 10*usd, 400, 10*usd, 1000), quote(open, 2, 10*usd, 5000, 10*usd, 5000),
		quote(open, 3, 10*usd, 50, 10*usd, 50), quote(open+hour, 1, 30*usd, 50, 30*usd, 5000)))
	d.start()
	short := func(id, qty int64) sim.NewOrder {
		o := limit(id, sim.Sell, qty, 10*usd)
		o.Short = true
		return o
	}
	d.want(d.order(open+1, "none", short(3, 1)), "order none; reject none: no shares to borrow: short sales of this instrument are not offered")
	d.want(d.order(open+1, "unmarked", limit(1, sim.Sell, 1, 10*usd)), "order unmarked; reject unmarked: sells 1 with 0 free: the account cannot be short")
	d.want(d.order(open+1, "a", short(1, 450)), "order a; ack a; fill a 400@10000000 cum 400 leaves 50")
	d.wantAccount("cash 14000000000 1:-400")
	d.want(d.order(open+2, "much", short(1, 51)), "order much; reject much: sells 51 short with 450 of 500 borrowed")
	// 14,000 of cash, 6,000 pledged for the short, 250 for what of it still works: 7,750 carry shorts of 15,500.
	d.want(d.order(open+2, "margin", short(2, 1551)), "order margin; reject margin: insufficient cash")
	d.want(d.order(open+2, "buys", limit(3, sim.Buy, 801, 10*usd)), "order buys; reject buys: insufficient cash") // 14,000 less 6,000
	d.want(d.order(open+2, "b", limit(1, sim.Buy, 100, 10*usd)), "order b; ack b; fill b 100@10000000 cum 100 leaves 0")
	d.wantAccount("cash 13000000000 1:-300")
	d.want(d.order(open+3, "long", limit(3, sim.Buy, 10, 10*usd)), "order long; ack long; fill long 10@10000000 cum 10 leaves 0")
	o := short(1, 1)
	o.InstrumentID, o.Symbol = 3, "S3"
	d.want(d.order(open+4, "marked", o), "order marked; reject marked: marked short while the account holds 10")
	// The price has tripled: what the short costs is there, pledged or not.
	d.want(d.order(open+hour+1, "cover", market(1, sim.Buy, 300)), "fill a 50@30000000 cum 450 leaves 0; order cover; ack cover; fill cover 300@30000000 cum 300 leaves 0")
	d.wantAccount("cash 5400000000 1:-50 3:10")
	for _, p := range d.e.Positions() {
		if p.InstrumentID == 1 && d.e.Value() != 5_400*usd-50*p.Mark+10*10*usd {
			t.Errorf("value %d with the short at %d", d.e.Value(), p.Mark)
		}
	}
	d.resumed()
}

func TestAShortPaysDividendsAndSplitsTheOtherWay(t *testing.T) {
	lend := func(s *sim.Session) {
		s.Locates = []sim.Locate{{InstrumentID: 1, Qty: 500}, {InstrumentID: 2, Qty: 500}}
	}
	d := newDesk(t, day(lend, auction(open, 1, 10*usd), auction(open, 2, 20*usd)))
	d.start()
	for id := int64(1); id <= 2; id++ {
		o := market(id, sim.Sell, 101)
		o.Short = true
		d.order(open+1, fmt.Sprint(id), o)
	}
	d.wantAccount("cash 13030000000 1:-101 2:-101")
	next := day(func(s *sim.Session) {
		s.Session, s.OpenNs, s.CloseNs = "2023-11-15", open+24*hour, close+24*hour
		s.Actions = []sim.Action{
			{InstrumentID: 1, Kind: "split", RatioNum: 3, RatioDen: 2},
			{InstrumentID: 2, Kind: "dividend", AmountMicro: 250_000},
			{InstrumentID: 2, Kind: "delisting", AmountMicro: 4 * usd},
		}
	}, quote(open+24*hour, 1, 6*usd, 5, 8*usd, 5))
	second := newDesk(t, next, d.log...)
	// Half a share at 7.00 is owed, 101 * 0.25 and 101 * 4.00 are paid.
	second.wantAccount(fmt.Sprintf("cash %d 1:-151", 13_030_000_000-3_500_000-25_250_000-404_000_000))
}

func TestACorrectionTakesSharesBack(t *testing.T) {
	fees := func(s *sim.Session) { s.Fees = sim.Fees{PerShareMicro: 10_000} }
	d := newDesk(t, day(fees, quote(open, 1, 9*usd, 30, 10*usd, 20), quote(open+hour, 1, 9*usd, 30, 11*usd, 35), quote(open+2*hour, 1, 20*usd, 60, 21*usd, 60)))
	d.start()
	fix := func(at, qty int64) ([]sim.Record, string) {
		t.Helper()
		records, why, err := d.e.CorrectLast(at, qty)
		return d.keep(records, err), why
	}
	if _, why := fix(open+1, 0); why != "no fill in this session" {
		t.Error(why)
	}
	d.order(open+1, "a", limit(1, sim.Buy, 50, 11*usd)) // 20 at 10
	if _, why := fix(open+2, 20); why != "the last fill is of 20: give 0 to 19" {
		t.Error(why)
	}
	records, why := fix(open+2, 15)
	if d.want(records, "correct a: trade corrected"); why != "" || records[0].Qty != 15 || records[0].Px != 10*usd || records[0].Fee != 150_000 ||
		records[0].Cum != 15 || records[0].Leaves != 35 || records[0].AvgPx != 10*usd || records[0].RefID != "US-2023-11-14-E2" || records[0].ExecID != "US-2023-11-14-E3" {
		t.Errorf("%+v", records)
	}
	d.wantAccount("cash 9849850000 1:15")
	d.want(d.advance(open+hour+1), "fill a 35@11000000 cum 50 leaves 0")
	d.want(d.order(open+hour+2, "s", limit(1, sim.Sell, 30, 9*usd)), "order s; ack s; fill s 30@9000000 cum 30 leaves 0")
	// Busted: sold shares come back, and the sell is over.
	records, _ = fix(open+hour+3, 0)
	if d.want(records, "correct s: trade busted"); records[0].Leaves != 0 || records[0].Cum != 0 || records[0].Fee != 0 {
		t.Errorf("%+v", records)
	}
	if o, _ := d.e.Order("s"); o.Status != sim.Cancelled || o.Cum != 0 || o.Fees != 0 || o.AvgPx() != 0 {
		t.Errorf("%+v", o)
	}
	d.want(d.order(open+hour+4, "s2", limit(1, sim.Sell, 50, 20*usd)), "order s2; ack s2")
	// The last fill is the buy's again; the working sell is now for more than is held, and no step is illegal for it.
	records, _ = fix(open+hour+5, 1)
	if d.want(records, "correct a: trade corrected"); records[0].Cum != 16 || records[0].Leaves != 0 {
		t.Errorf("%+v", records)
	}
	d.wantAccount("cash 9838840000 1:16") // 10,000 less 15 at 10, 1 at 11 and a cent for each of 16
	d.resumed()
	d.want(d.advance(open+2*hour+1), "fill s2 50@20000000 cum 50 leaves 0")
	d.wantAccount("cash 10838340000 1:-34") // and 50 sold at 20 less 50 cents
	d.want(d.order(open+2*hour+2, "back", market(1, sim.Buy, 34)), "order back; ack back; fill back 34@21000000 cum 34 leaves 0")
	d.resumed()
}

func TestProtectedOrdersEndWithTheConnection(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 20)))
	d.start()
	place := func(at int64, id string) { d.order(at, id, limit(1, sim.Buy, 5, usd)) }
	place(open+1, "a")
	d.want(d.keep(d.e.Disconnected(open+2)), "") // nobody had asked for it
	d.want(d.keep(d.e.Protect(true)), "protect : cancel on disconnect is on")
	d.want(d.keep(d.e.Protect(true)), "")
	place(open+3, "b")
	d.want(d.keep(d.e.Disconnected(open+4)), "cancel a: cancelled on disconnect; cancel b: cancelled on disconnect; protect : cancel on disconnect is off")
	place(open+5, "c")
	d.want(d.keep(d.e.Disconnected(open+6)), "") // it held for that connection only
	d.keep(d.e.Protect(true))
	// The venue's own death ends the connection as well.
	again := newDesk(t, d.e.Day(), d.log...)
	again.want(again.log[len(d.log):], "cancel c: cancelled on disconnect; protect : cancel on disconnect is off")
	again.resumed()
	d.want(d.keep(d.e.Protect(false)), "protect : cancel on disconnect is off")
	d.want(d.keep(d.e.Disconnected(open+7)), "")
}

// A limit inside the touch does not rest when it is IOC, and one at the touch takes what is displayed.
func TestIOCLimitsFillAtTheTouchOrAreGone(t *testing.T) {
	d := newDesk(t, day(nil, quote(open, 1, 9*usd, 30, 10*usd, 20)))
	d.start()
	ioc := func(side sim.Side, qty, px int64) sim.NewOrder {
		o := limit(1, side, qty, px)
		o.TIF = sim.IOC
		return o
	}
	d.want(d.order(open+1, "inside", ioc(sim.Buy, 5, 10*usd-1)), "order inside; ack inside; cancel inside: IOC: nothing more to fill at once")
	d.want(d.order(open+1, "part", ioc(sim.Buy, 25, 11*usd)), "order part; ack part; fill part 20@10000000 cum 20 leaves 5; cancel part: IOC: nothing more to fill at once")
	d.want(d.order(open+1, "empty", ioc(sim.Buy, 5, 11*usd)), "order empty; ack empty; cancel empty: IOC: nothing more to fill at once")
	d.want(d.order(open+1, "sell", ioc(sim.Sell, 20, 9*usd)), "order sell; ack sell; fill sell 20@9000000 cum 20 leaves 0")
	if _, refused := d.change(open+2, "late", "part", 30, 11*usd); refused == nil || refused.Reason != 0 {
		t.Errorf("an IOC order was replaced: %+v", refused)
	}
	d.resumed()
}
