package sim

// unlimited is the size that an auction's print leaves standing.
const unlimited = int64(-1)

// Quote is the market as the last row shows it, moved by what this venue's client has moved (see impact): what was filled
// from its sizes does not change them, as it did not change the recorded market. At an auction print, which fills everything,
// a size that the row does not give is that of the largest order. A price of 0: the side is absent.
type Quote struct {
	InstrumentID     int64
	Symbol           string
	TsNs             int64
	Bid, Ask         int64
	BidSize, AskSize int64
	Print            int64 // last auction print, 0 without one
	PrintTsNs        int64
}

// book is one instrument's market. Before its first event it shows nothing that fills: opening is only an indication.
type book struct {
	desk      *desk
	opening   *Event
	quote     Quote    // as recorded
	left      [3]int64 // by the aggressor's side: displayed size not yet taken
	auction   bool     // the quote is an auction's print
	uncrossed bool     // and what was collected for it has had its turn
	printed   [3]int64 // by the aggressor's side: the auction's volume as its row gives it
	waits     bool     // after a halt: it trades again with its next row
	changed   bool     // it is in Engine.changed
	impact
}

func newBook(first *Event) *book {
	return &book{opening: first, quote: Quote{InstrumentID: first.InstrumentID, Symbol: first.Symbol}}
}

// apply takes the next event. Each event displays its size anew, also when the prices are the same.
func (b *book) apply(ev *Event) {
	q := &b.quote
	q.TsNs, q.Bid, q.Ask, q.BidSize, q.AskSize = ev.TsNs, ev.Bid, ev.Ask, ev.BidSize, ev.AskSize
	b.left[Buy], b.left[Sell] = q.AskSize, q.BidSize
	b.auction, b.uncrossed, b.waits = ev.Auction, false, false
	if ev.Auction {
		b.printed[Buy], b.printed[Sell] = ev.AskSize, ev.BidSize
		b.left[Buy], b.left[Sell] = unlimited, unlimited
		q.Print, q.PrintTsNs = ev.Bid, ev.TsNs
		if q.BidSize == 0 {
			q.BidSize = maxQty
		}
		if q.AskSize == 0 {
			q.AskSize = maxQty
		}
	}
	b.fade(ev.TsNs)
}

// touch is the price that an aggressor on side pays and how much of it is left; 0 and 0 where there is none.
func (b *book) touch(side Side) (px, left int64) {
	if px = b.quote.Ask + b.askShift; side == Sell {
		px = b.quote.Bid + b.bidShift
	}
	if side == Buy && b.quote.Ask == 0 || side == Sell && b.quote.Bid == 0 || px <= 0 || b.waits {
		return 0, 0
	}
	return px, b.left[side]
}

// take uses up displayed size.
func (b *book) take(side Side, qty int64) {
	if b.left[side] != unlimited {
		b.left[side] -= qty
	}
}

// published is the quote with what the client has moved.
func (b *book) published() Quote {
	q := b.quote
	if b.askShift != 0 && q.Ask > 0 {
		q.Ask += b.askShift
	}
	if b.bidShift != 0 && q.Bid > 0 {
		q.Bid = max(q.Bid+b.bidShift, 0)
	}
	return q
}

// shown is the quote to publish: before the first event the opening indication.
func (b *book) shown(openNs int64) Quote {
	if b.quote.TsNs != 0 {
		return b.published()
	}
	ind := book{quote: b.quote}
	ind.apply(b.opening)
	q := ind.quote
	q.TsNs = openNs
	if q.Print != 0 {
		q.PrintTsNs = openNs
	}
	return q
}

// Mark is the price the quote puts on a position: the middle, or the one side there is, or the print.
func (q *Quote) Mark() int64 {
	switch {
	case q.Bid > 0 && q.Ask > 0:
		return q.Bid + (q.Ask-q.Bid)/2
	case q.Bid > 0:
		return q.Bid
	case q.Ask > 0:
		return q.Ask
	}
	return q.Print
}

// reaches says whether a limit accepts a price.
func (o *Order) reaches(px int64) bool {
	return o.Type == Market || o.Side == Buy && px <= o.LimitPx || o.Side == Sell && px >= o.LimitPx
}
