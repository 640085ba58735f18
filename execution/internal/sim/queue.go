package sim

import "fmt"

// QueueModel says how a limit order that rests is filled: behind the size that was displayed before it. The rows tell only how
// much is displayed, so two fractions stand for what they do not tell, as in Rigtorp's estimate of an order's place
// (Estimating order queue position, 2013).
//
// From row to row, what the touch shows less, all of it when the touch moves away, was traded for TradeBp of 10,000 and cancelled
// for the rest, of which CancelAheadBp of 10,000 stood before the order. What was traded first takes those before the order; what
// goes beyond them is an opportunity to fill, which is taken FillBp times of 10,000.
type QueueModel struct {
	TradeBp       int64 `json:"trade_bp"`
	CancelAheadBp int64 `json:"cancel_ahead_bp"`
	FillBp        int64 `json:"fill_bp"`
}

func (m *QueueModel) validate() error {
	if m == nil {
		return nil
	}
	for _, p := range []struct {
		name string
		bp   int64
	}{{"trade_bp", m.TradeBp}, {"cancel_ahead_bp", m.CancelAheadBp}, {"fill_bp", m.FillBp}} {
		if p.bp < 0 || p.bp > 10_000 {
			return fmt.Errorf("model.queue.%s is %d: give 0 to 10000", p.name, p.bp)
		}
	}
	return nil
}

// AuctionModel says how the client's orders share an auction's volume where its row gives one. Without a model, and where the
// row gives no size, they all fill.
type AuctionModel struct {
	ShareBp int64 `json:"share_bp"` // of the size: what the client's orders of a side get together; 0 = all of it
	ProRata bool  `json:"pro_rata"` // by their size; false = by price and time
}

func (m *AuctionModel) validate() error {
	if m != nil && (m.ShareBp < 0 || m.ShareBp > 10_000) {
		return fmt.Errorf("model.auctions.share_bp is %d: give 0 to 10000", m.ShareBp)
	}
	return nil
}

// resting is what an order has come to by waiting. Rows and records determine it.
type resting struct {
	rested   bool  // at some moment it did not cross: it waits at its own price, and fills there
	joined   bool  // its place in a queue is known
	before   int64 // displayed shares that stand before it
	grant    int64 // shares that its turn has brought it, from when a row shows it until it is filled, which is next
	grantPx  int64
	grantHow How
}

// showNext moves an instrument's book to the next event, and its waiting orders with it.
func (e *Engine) showNext(ev *Event) *book {
	b := e.book(ev.InstrumentID)
	e.next++
	e.show(b, ev)
	return b
}

func (e *Engine) show(b *book, ev *Event) {
	d := b.desk
	switch {
	case e.day.Model == nil:
		b.apply(ev)
	case d.idle():
		b.apply(ev)
		e.uncross(b)
	default:
		if e.queues != nil && e.trading(d) && !ev.Auction && !b.auction && b.quote.TsNs != 0 {
			e.serve(b, ev, Buy)
			e.serve(b, ev, Sell)
		}
		b.apply(ev)
		e.uncross(b)
		if e.queues != nil {
			for _, side := range []Side{Buy, Sell} {
				for _, o := range d.queue[side] {
					o.line(b)
				}
			}
		}
	}
	if d.position != nil && d.position.Qty < 0 {
		e.st.restate(d)
	}
	e.touched(b)
}

// trading says whether an instrument's orders may fill now.
func (e *Engine) trading(d *desk) bool { return e.st.phase == Open && !d.halted() }

// near and far are the touch on an order's own side and the one that it would cross. What the client itself has moved counts
// where it is against the order and never for it: nobody fills its own resting orders by pushing the market to them.
func (b *book) near(side Side) (px, size int64) {
	if side == Buy {
		return b.quote.Bid + max(b.bidShift, 0), b.quote.BidSize
	}
	return b.quote.Ask + min(b.askShift, 0), b.quote.AskSize
}

func (b *book) far(side Side) int64 {
	switch {
	case side == Buy && b.quote.Ask > 0:
		return b.quote.Ask + max(b.askShift, 0)
	case side == Sell && b.quote.Bid > 0:
		return max(b.quote.Bid+min(b.bidShift, 0), 0)
	}
	return 0
}

// serve gives the resting orders of a side what a row says to have traded at their touch since the row before.
func (e *Engine) serve(b *book, ev *Event, side Side) {
	touch, size := b.near(side)
	was, now, nowSize, down := b.quote.Bid, ev.Bid, ev.BidSize, ev.Bid < b.quote.Bid
	if side == Sell {
		was, now, nowSize, down = b.quote.Ask, ev.Ask, ev.AskSize, ev.Ask > b.quote.Ask || ev.Ask == 0
	}
	if was == 0 {
		return
	}
	gone := int64(0)
	switch {
	case down:
		gone = size
	case now == was:
		gone = max(size-nowSize, 0)
	}
	if gone == 0 {
		return
	}
	m := e.queues
	traded := scaleBp(gone, m.TradeBp)
	passed := traded + scaleBp(gone-traded, m.CancelAheadBp)
	used := int64(0)
	for _, o := range b.desk.queue[side] {
		if o.Type != Limit || !o.rested || !o.joined || !o.atTouch(touch) {
			continue
		}
		if open := min(traded-used-o.before, o.Leaves()); open > 0 && chance(e.day.Seed, "fill", o.ClOrdID, int64(e.next), m.FillBp) {
			o.grant, o.grantPx, o.grantHow = open, o.LimitPx, HowQueue
			used += open
		}
		o.before = max(o.before-passed, 0)
	}
}

// atTouch says whether an order stands at a touch of its own side or in front of it.
func (o *Order) atTouch(touch int64) bool {
	return o.Side == Buy && o.LimitPx >= touch || o.Side == Sell && o.LimitPx <= touch
}

// line notes where an order stands in the market that is shown.
func (o *Order) line(b *book) {
	if o.Type != Limit || b.quote.TsNs == 0 {
		return
	}
	if far := b.far(o.Side); far > 0 && !o.reaches(far) {
		o.rested = true
	}
	touch, size := b.near(o.Side)
	switch {
	case b.auction || touch == 0 || !o.atTouch(touch):
	case !o.joined:
		// It joins behind what is displayed; in front of the touch nothing is before it.
		o.joined = true
		if o.LimitPx == touch {
			o.before = size
		}
	case o.LimitPx == touch:
		o.before = min(o.before, size)
	default:
		o.before = 0
	}
}

// uncross gives the orders that an auction finds their part of it, once: all of it at the print. Where its row gives a volume and
// the model says how it is shared, no more than that is left standing.
func (e *Engine) uncross(b *book) {
	if !b.auction || b.uncrossed || !e.trading(b.desk) {
		return
	}
	b.uncrossed = true
	for _, side := range []Side{Buy, Sell} {
		if m := e.day.Model.Auctions; m != nil && b.printed[side] > 0 {
			b.left[side] = m.share(b.printed[side])
		}
		e.uncrossSide(b, side)
	}
}

func (m *AuctionModel) share(size int64) int64 {
	if m.ShareBp == 0 {
		return size
	}
	return scaleBp(size, m.ShareBp)
}

func (e *Engine) uncrossSide(b *book, side Side) {
	px, demand := b.quote.Print, int64(0)
	queue := b.desk.queue[side]
	for _, o := range queue {
		if o.reaches(px) {
			demand += o.Leaves()
		}
	}
	pool := demand
	if b.left[side] != unlimited {
		pool = min(pool, b.left[side])
		b.left[side] -= pool
	}
	if pool == 0 {
		return
	}
	left := pool
	if m := e.day.Model.Auctions; m != nil && m.ProRata {
		for _, o := range queue {
			if o.reaches(px) {
				part, err := mulDiv(o.Leaves(), pool, demand, false)
				if err != nil {
					part = 0 // not with quantities up to maxQty
				}
				o.grant, o.grantPx, o.grantHow = part, px, HowAuction
				left -= part
			}
		}
	}
	for _, o := range queue { // by price and time, and so what no whole share could be made of
		if left > 0 && o.reaches(px) {
			more := min(o.Leaves()-o.grant, left)
			o.grant, o.grantPx, o.grantHow = o.grant+more, px, HowAuction
			left -= more
		}
	}
}

// scaleBp is v times bp of 10,000, rounded down. v is a displayed size.
func scaleBp(v, bp int64) int64 {
	out, err := mulDiv(v, bp, 10_000, false)
	if err != nil {
		return 0
	}
	return out
}
