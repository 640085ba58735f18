package sim

// unlimited is the size that an auction's print leaves standing.
const unlimited = int64(-1)

// Quote is the market as the last row shows it; what this venue's own client took of it does not change it, as it did
// not change the recorded market. At an auction print, which fills everything, a size that the row does not give is that
// of the largest order. A price of 0: the side is absent.
type Quote struct {
	InstrumentID     int64
	Symbol           string
	TsNs             int64
	Bid, Ask         int64
	BidSize, AskSize int64
	Print            int64 // last auction print, 0 without one
	PrintTsNs        int64
}

// book is one instrument's state. Before its first event it shows nothing that fills: opening is only an indication.
type book struct {
	opening Event
	quote   Quote
	left    [3]int64 // by the aggressor's side: displayed size not yet taken
}

func newBook(first Event) *book {
	return &book{opening: first, quote: Quote{InstrumentID: first.InstrumentID, Symbol: first.Symbol}}
}

// apply takes the next event. Each event displays its size anew, also when the prices are the same.
func (b *book) apply(ev Event) {
	q := &b.quote
	q.TsNs, q.Bid, q.Ask, q.BidSize, q.AskSize = ev.TsNs, ev.Bid, ev.Ask, ev.BidSize, ev.AskSize
	b.left[Buy], b.left[Sell] = q.AskSize, q.BidSize
	if ev.Auction {
		b.left[Buy], b.left[Sell] = unlimited, unlimited
		q.Print, q.PrintTsNs = ev.Bid, ev.TsNs
		for _, size := range []*int64{&q.BidSize, &q.AskSize} {
			if *size == 0 {
				*size = maxQty
			}
		}
	}
}

// touch is the price an aggressor on side pays and how much of it is left, at most want.
func (b *book) touch(side Side, want int64) (px, qty int64) {
	px = b.quote.Ask
	if side == Sell {
		px = b.quote.Bid
	}
	if px == 0 {
		return 0, 0
	}
	if b.left[side] == unlimited {
		return px, want
	}
	return px, min(want, b.left[side])
}

// take uses up displayed size.
func (b *book) take(side Side, qty int64) {
	if b.left[side] != unlimited {
		b.left[side] -= qty
	}
}

// shown is the quote to publish: before the first event the opening indication.
func (b *book) shown(openNs int64) Quote {
	if b.quote.TsNs == 0 {
		ind := book{quote: b.quote}
		ind.apply(b.opening)
		q := ind.quote
		q.TsNs = openNs
		if q.Print != 0 {
			q.PrintTsNs = openNs
		}
		return q
	}
	return b.quote
}

// Mark is the price the quote puts on a position: the middle, or the one side there is, or the print.
func (q Quote) Mark() int64 {
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
