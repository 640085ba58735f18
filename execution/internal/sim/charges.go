package sim

// charges is what a fill costs in a session: the file's own fees, a fill, and the venue's schedule, a contract note. All that an
// order fills in a session is one contract note: a fill is charged what the note costs with it less what the note was charged
// before, so that roundings, least and greatest amounts hold for the note, in however many fills it came.
type charges struct {
	fees        Fees
	rates       []Rate
	stampExempt func(instrument int64) bool // set where there are rates
}

// note is what a contract note of qty shares worth notional costs.
func (c *charges) note(o *Order, qty, notional int64) (sum int64, err error) {
	for i := range c.rates {
		r := &c.rates[i]
		if r.Stamp && c.stampExempt(o.InstrumentID) {
			continue
		}
		part, err := r.Of(o.Side, qty, notional)
		if err != nil {
			return 0, err
		}
		if sum, err = add(sum, part); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// fill is what qty more shares at px cost an order, and the note's part of it. A sell never costs more than it brings.
func (c *charges) fill(o *Order, qty, px int64) (fee, note int64, err error) {
	if fee, err = c.fees.Of(o.Side, qty, px); err != nil || len(c.rates) == 0 {
		return fee, 0, err
	}
	notional, err := mul(qty, px)
	if err != nil {
		return 0, 0, err
	}
	whole, err := add(o.Notional, notional)
	if err != nil {
		return 0, 0, err
	}
	if note, err = c.note(o, o.Cum+qty, whole); err != nil {
		return 0, 0, err
	}
	note = max(note-o.NoteFees, 0)
	if o.Side == Sell {
		note = min(note, notional-fee)
	}
	fee, err = add(fee, note)
	return fee, note, err
}

// cost is what qty more shares at px take from the cash of a buy: notional and fees.
func (c *charges) cost(o *Order, qty, px int64) (int64, error) {
	if qty == 0 {
		return 0, nil
	}
	notional, err := mul(qty, px)
	if err != nil {
		return 0, err
	}
	fee, _, err := c.fill(o, qty, px)
	if err != nil {
		return 0, err
	}
	return add(notional, fee)
}

// affordable is the largest quantity up to qty whose cost is within cash.
func (c *charges) affordable(o *Order, qty, px, cash int64) int64 {
	within := func(n int64) bool {
		cost, err := c.cost(o, n, px)
		return err == nil && cost <= cash
	}
	if within(qty) {
		return qty
	}
	lo, hi := int64(0), qty // lo is affordable, hi is not
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if within(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}
