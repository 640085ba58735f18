//! Prices: gated against spikes, and two marks of every position that do not come from the same message.

use crate::engine::Engine;
use crate::instrument::Marks;
use crate::limits::{BP, MAX_AHEAD_NS, MAX_SPREAD_BP, PRICE_JUMP_BP};
use crate::units::MAX_PRICE;

const fn price_or_absent(price: i64) -> i64 {
    if price > 0 && price <= MAX_PRICE {
        price
    } else {
        0
    }
}

/// The middle of a quote, where it is one: uncrossed, and not so wide that neither side says what the thing is worth.
const fn middle(bid: i64, ask: i64) -> Option<i64> {
    if bid == 0 || ask < bid {
        return None;
    }
    let mid = bid + (ask - bid) / 2;
    // Prices are at most 10^13, so no product leaves 64 bits.
    if (ask - bid) * BP as i64 > mid * MAX_SPREAD_BP as i64 {
        return None;
    }
    Some(mid)
}

/// Further from `from` than a single message may go.
fn jumps(price: i64, from: i64) -> bool {
    i128::from(price.abs_diff(from)) * i128::from(BP) > i128::from(PRICE_JUMP_BP) * i128::from(from)
}

impl Engine {
    /// A quote or print on the venue's clock, everything now known of the instrument; 0 = absent. An update older than the one
    /// held, or from the future, is dropped, one that jumps waits for a second message that agrees, one without any price
    /// changes nothing. False when the instrument is unknown.
    pub fn on_price(
        &mut self,
        instrument_id: u64,
        bid: i64,
        ask: i64,
        last: i64,
        ts_ns: i64,
    ) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        let (bid, ask, last) = (
            price_or_absent(bid),
            price_or_absent(ask),
            price_or_absent(last),
        );
        let middle = middle(bid, ask);
        let mid = middle.unwrap_or(last);
        let ahead = self.now_ns != i64::MIN && ts_ns.saturating_sub(self.now_ns) > MAX_AHEAD_NS;
        if mid == 0 || ahead || !self.passes_gate(index, mid, ts_ns) {
            return true;
        }
        let gate = &mut self.book.gates[index];
        let later = ts_ns > gate.price_ts;
        (gate.reference, gate.price_ts) = (mid, ts_ns);
        self.book.change(index, |instrument| {
            let marks = if middle.is_some() {
                Marks {
                    long: bid,
                    short: ask,
                }
            } else {
                Marks::both(last)
            };
            if !instrument.priced {
                instrument.previous = match instrument.anchor(0) {
                    0 => marks,
                    anchor => Marks::both(anchor),
                };
            } else if later {
                instrument.previous = instrument.marks;
            }
            instrument.marks = marks;
            instrument.second = if last > 0 {
                Marks::both(last)
            } else {
                instrument.previous
            };
            (instrument.bid, instrument.ask, instrument.last) = (bid, ask, last);
            instrument.priced = true;
            instrument.waiting = (0, 0);
            instrument.set_mark(mid, ts_ns);
        });
        self.after_mark(index);
        true
    }

    /// Is this price to be taken now.
    fn passes_gate(&mut self, index: usize, mid: i64, ts_ns: i64) -> bool {
        let gate = &self.book.gates[index];
        let instrument = &mut self.book.instruments[index];
        let anchor = instrument.anchor(gate.reference);
        if instrument.priced && ts_ns < gate.price_ts {
            return false;
        }
        if anchor > 0 && !jumps(mid, anchor) {
            return true;
        }
        let (waiting, since) = instrument.waiting;
        if waiting > 0 && ts_ns < since {
            return false;
        }
        if waiting > 0 && ts_ns > since && !jumps(mid, waiting) {
            return true;
        }
        instrument.waiting = (mid, ts_ns);
        false
    }

    /// The venue's settlement price, on the session's own share basis (splits applied): values a position until the first
    /// market price of the session, never prices an order. False when the instrument is unknown.
    pub fn on_settlement_price(&mut self, instrument_id: u64, price: i64) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        let price = price_or_absent(price);
        let instrument = &self.book.instruments[index];
        // Told again it is no younger: a mark that nothing in the market confirms must grow old.
        if price > 0 && !instrument.priced && price != instrument.mark {
            let now_ns = self.now_ns;
            self.book.change(index, |instrument| {
                instrument.marks = Marks::both(price);
                instrument.second = Marks::both(price);
                instrument.set_mark(price, now_ns);
            });
            self.after_mark(index);
        }
        true
    }

    fn after_mark(&mut self, index: usize) {
        if self.book.instruments[index].position != 0 {
            self.settle_stops(index);
            self.refresh();
        }
    }
}
