package tca

import (
	"fmt"
	"slices"
)

// Report is what a parent cost, at every level.
type Report struct {
	Parent     ParentRow
	Children   []ChildRow    // in the order of the parent's children
	Strategies []StrategyRow // by name
}

// Analyse measures one parent that has ended. The market is asked for its interval and its close.
func Analyse(p Parent, m Market) (Report, error) {
	if err := p.Validate(); err != nil {
		return Report{}, err
	}
	b, err := readBenchmarks(p, m)
	if err != nil {
		return Report{}, err
	}
	var r Report
	for _, c := range p.Children {
		row, err := childRow(p, c, b)
		if err != nil {
			return Report{}, fmt.Errorf("tca: parent %d: child %d: %w", p.ID, c.ID, err)
		}
		r.Children = append(r.Children, row)
	}
	if r.Parent, err = parentRow(p, b, p.Side.Sign(), r.Children); err != nil {
		return Report{}, fmt.Errorf("tca: parent %d: %w", p.ID, err)
	}
	r.Strategies = strategyRows(p, r.Parent)
	return r, nil
}

// benchmarks are the prices that a parent is held against.
type benchmarks struct {
	decision, arrival, close, vwap, twap point
	base                                 point // arrival, or the decision's price where that is unknown
	volume                               int64
}

func readBenchmarks(p Parent, m Market) (benchmarks, error) {
	b := benchmarks{decision: price(p.DecisionPx), arrival: p.Arrival.twiceMid()}
	if b.base = b.arrival; !b.arrival.known {
		b.base = b.decision
	}
	px, ok, err := m.Close(p.InstrumentID, p.Session)
	switch {
	case err != nil:
		return b, fmt.Errorf("tca: parent %d: reading the close of session %d: %w", p.ID, p.Session, err)
	case ok && (px < 1 || px > maxPx):
		return b, fmt.Errorf("tca: parent %d: the close of session %d is %d: give 1 to %d", p.ID, p.Session, px, int64(maxPx))
	case ok:
		b.close = price(px)
	}
	if b.vwap, b.volume, err = vwap(p, m); err != nil {
		return b, err
	}
	b.twap, err = twap(p, m)
	return b, err
}

// doubled are sums in half millionths.
type doubled struct{ timing, impact, spread, unsplit wide }

// fill adds one fill's way from the base over the mid at the sending and the mid at the fill to its price. A step is
// named when both its ends are known and follow each other; a longer one is unsplit.
func (d *doubled) fill(signed int64, base, arrival, sent, mid point, px int64) {
	type stop struct {
		at   point
		into *wide
	}
	prev, whole := base, arrival.known
	for _, s := range []stop{{sent, &d.timing}, {mid, &d.impact}, {price(px), &d.spread}} {
		if !s.at.known {
			whole = false
			continue
		}
		step := times(signed, s.at.twice-prev.twice)
		switch {
		case !prev.known: // nothing to measure from
		case whole:
			*s.into = s.into.plus(step)
		default:
			d.unsplit = d.unsplit.plus(step)
		}
		prev, whole = s.at, true
	}
}

func childRow(p Parent, c Child, b benchmarks) (ChildRow, error) {
	qty, fees, money := c.filled()
	row := ChildRow{
		Kind: "child", Schema: SchemaVersion, ParentID: p.ID, Scheduled: p.Scheduled, ChildID: c.ID, Session: p.Session, InstrumentID: p.InstrumentID, Currency: p.Currency,
		Side: p.Side.String(), Path: c.Path, Venue: c.Venue, Style: c.Style, LimitPx: c.LimitPx, Experiment: c.Experiment, Stratum: c.Stratum,
		Block: c.Block, Slot: c.Slot, Route: c.Route, SentNs: c.SentNs, DoneNs: c.DoneNs, SentBid: c.Sent.Bid, SentAsk: c.Sent.Ask,
		Qty: c.Qty, Filled: qty, Fills: len(c.Fills), Missing: []string{},
	}
	if c.AckNs != 0 {
		row.AckNs = &c.AckNs
	}
	sign, sent := p.Side.Sign(), c.Sent.twiceMid()
	if !sent.known {
		row.Missing = append(row.Missing, "sent_quote")
	}
	var d doubled
	blind := false
	for _, f := range c.Fills {
		d.fill(sign*f.Qty, b.base, b.arrival, sent, f.Quote.twiceMid(), f.Px)
		blind = blind || !f.Quote.twiceMid().known
		if row.FirstFillNs == nil || f.TsNs < *row.FirstFillNs {
			row.FirstFillNs = &f.TsNs
		}
	}
	if blind {
		row.Missing = append(row.Missing, "fill_quote")
	}
	var n narrowing
	row.Execution = Execution{n.half(d.timing), n.half(d.impact), n.half(d.spread), n.half(d.unsplit), n.whole(fees)}
	row.TradedMicro = n.whole(money)
	done := c.Done.twiceMid()
	if qty < c.Qty && !done.known {
		row.Missing = append(row.Missing, "done_quote")
	}
	if sent.known && (qty == c.Qty || done.known) {
		cost := money.plus(money).minus(times(qty, sent.twice)).plus(times(c.Qty-qty, done.twice-sent.twice))
		if sign < 0 {
			cost = cost.neg()
		}
		row.Cost = n.ref(n.half(cost.plus(fees).plus(fees)))
	}
	if sent.known {
		row.NotionalMicro = n.ref(n.half(times(c.Qty, sent.twice)))
	}
	row.CostBp = basisPoints(row.Cost, row.NotionalMicro)
	return row, n.err
}

func parentRow(p Parent, b benchmarks, sign int64, children []ChildRow) (ParentRow, error) {
	row := ParentRow{
		Kind: "parent", Schema: SchemaVersion, ParentID: p.ID, Scheduled: p.Scheduled, Session: p.Session, Correlation: p.Correlation, InstrumentID: p.InstrumentID,
		Currency: p.Currency, Algorithm: p.Algorithm, Side: p.Side.String(), Qty: p.Qty, Children: len(p.Children), DecisionNs: p.DecisionNs,
		ArrivalNs: p.ArrivalNs, EndNs: p.EndNs, ArrivalBid: p.Arrival.Bid, ArrivalAsk: p.Arrival.Ask, VWAPVolume: b.volume,
	}
	var n narrowing
	var money, fees wide
	for _, c := range p.Children {
		q, f, m := c.filled()
		row.Filled, row.Fills, fees, money = row.Filled+q, row.Fills+len(c.Fills), fees.plus(f), money.plus(m)
	}
	for _, c := range children {
		e := &row.Execution
		e.Timing, e.Impact, e.Spread = n.sum(e.Timing, c.Timing), n.sum(e.Impact, c.Impact), n.sum(e.Spread, c.Spread)
		e.Unsplit, e.Fees = n.sum(e.Unsplit, c.Unsplit), n.sum(e.Fees, c.Fees)
	}
	row.TradedMicro = n.whole(money)
	row.DecisionPx, row.VWAPPx, row.TWAPPx, row.ClosePx = b.decision.px(), b.vwap.px(), b.twap.px(), b.close.px()
	if row.Filled > 0 && money.hi >= 0 {
		row.AveragePx = n.ref(n.over(money, row.Filled))
	}
	if b.decision.known && b.arrival.known {
		row.Delay = n.ref(n.half(times(sign*p.Qty, b.arrival.twice-b.decision.twice)))
	}
	open := p.Qty - row.Filled
	switch {
	case open == 0:
		row.Opportunity = new(int64)
	case b.base.known && b.close.known:
		row.Opportunity = n.ref(n.half(times(sign*open, b.close.twice-b.base.twice)))
	}
	if b.decision.known && row.Opportunity != nil {
		// Twice the shortfall, from the fills and the two prices alone: what was paid against what the decision had in mind.
		total := money.plus(money).minus(times(row.Filled, b.decision.twice))
		if open > 0 {
			total = total.plus(times(open, b.close.twice-b.decision.twice))
		}
		if sign < 0 {
			total = total.neg()
		}
		row.Shortfall = n.ref(n.half(total.plus(fees).plus(fees)))
		row.Residual = n.ref(n.residual(*row.Shortfall, row.Delay, row.Opportunity, row.Execution))
	}
	row.VsArrival, row.VsArrivalBp = n.against(b.arrival, money, row.Filled, sign)
	row.VsVWAP, row.VsVWAPBp = n.against(b.vwap, money, row.Filled, sign)
	row.VsTWAP, row.VsTWAPBp = n.against(b.twap, money, row.Filled, sign)
	row.VsClose, row.VsCloseBp = n.against(b.close, money, row.Filled, sign)
	switch {
	case b.decision.known:
		row.NotionalMicro = n.ref(n.half(times(p.Qty, b.decision.twice)))
	case b.arrival.known:
		row.NotionalMicro = n.ref(n.half(times(p.Qty, b.arrival.twice)))
	}
	if b.decision.known {
		row.ShortfallBp = basisPoints(row.Shortfall, row.NotionalMicro)
	}
	row.Missing = b.missing(children)
	return row, n.err
}

// missing names what could not be measured, of the parent and of its children, each once.
func (b benchmarks) missing(children []ChildRow) []string {
	out := []string{}
	for _, m := range []struct {
		name string
		is   point
	}{{"decision_px", b.decision}, {"arrival_quote", b.arrival}, {"vwap", b.vwap}, {"twap", b.twap}, {"close", b.close}} {
		if !m.is.known {
			out = append(out, m.name)
		}
	}
	for _, name := range []string{"sent_quote", "fill_quote", "done_quote"} {
		if slices.ContainsFunc(children, func(c ChildRow) bool { return slices.Contains(c.Missing, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// px is the price itself; nothing where it is unknown. Only prices in whole millionths are asked.
func (p point) px() *int64 {
	if !p.known {
		return nil
	}
	px := p.twice / 2
	return &px
}

// narrowing collects the first overflow of a row's amounts.
type narrowing struct{ err error }

func (n *narrowing) keep(v int64, err error) int64 {
	if err != nil && n.err == nil {
		n.err = err
	}
	return v
}

func (n *narrowing) half(w wide) int64           { return n.keep(w.half()) }
func (n *narrowing) whole(w wide) int64          { return n.keep(w.narrow()) }
func (n *narrowing) over(w wide, by int64) int64 { return n.keep(w.over(by)) }
func (n *narrowing) sum(v ...int64) int64 {
	var w wide
	for _, x := range v {
		w = w.plus(times(x, 1))
	}
	return n.whole(w)
}

// residual is what a shortfall has more than its parts.
func (n *narrowing) residual(shortfall int64, delay, opportunity *int64, e Execution) int64 {
	return n.sum(shortfall, -value(delay), -value(opportunity), -e.Timing, -e.Impact, -e.Spread, -e.Unsplit, -e.Fees)
}

func (n *narrowing) ref(v int64) *int64 { return &v }

// against is the money by which the fills are worse than a benchmark, and its basis points of the fills at the benchmark.
func (n *narrowing) against(b point, money wide, filled, sign int64) (*int64, *float64) {
	if !b.known || filled == 0 {
		return nil, nil
	}
	at := times(filled, b.twice)
	d := money.plus(money).minus(at)
	if sign < 0 {
		d = d.neg()
	}
	cost, weight := n.half(d), n.half(at)
	return &cost, basisPoints(&cost, &weight)
}

func value(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

// basisPoints is cost over weight in basis points; nothing where either is.
func basisPoints(cost, weight *int64) *float64 {
	if cost == nil || weight == nil || *weight <= 0 {
		return nil
	}
	bp := float64(*cost) / float64(*weight) * 1e4
	return &bp
}
