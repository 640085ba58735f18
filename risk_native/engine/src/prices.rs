//! Prices: gated against spikes, and two marks of every position that do not come from the same message.

use crate::engine::Engine;
use crate::instrument::Marks;
use crate::limits::{BP, PRICE_JUMP_BP};
use crate::units::MAX_PRICE;

const fn price_or_absent(price: i64) -> i64 {
    if price > 0 && price <= MAX_PRICE {
        price
    } else {
        0
    }
}

/// Further from `from` than a single message may go.
fn jumps(price: i64, from: i64) -> bool {
    i128::from(price.abs_diff(from)) * i128::from(BP) > i128::from(PRICE_JUMP_BP) * i128::from(from)
}

impl Engine {
    /// A quote or print on the venue's clock, everything now known of the instrument; 0 = absent. An update older than the one
    /// held is dropped, one that jumps waits for a second message that agrees, one without any price changes nothing. False when
    /// the instrument is unknown.
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
        let uncrossed = bid > 0 && ask >= bid;
        let mid = if uncrossed {
            bid + (ask - bid) / 2
        } else {
            last
        };
        if mid == 0 || !self.passes_gate(index, mid, ts_ns) {
            return true;
        }
        let gate = &mut self.book.gates[index];
        let later = ts_ns > gate.price_ts;
        (gate.reference, gate.price_ts) = (mid, ts_ns);
        self.book.change(index, |instrument| {
            let marks = if uncrossed {
                Marks {
                    long: bid,
                    short: ask,
                }
            } else {
                Marks::both(last)
            };
            if !instrument.priced {
                // Before the first price of a session the settlement price stands in the marks, where there is one.
                instrument.previous = if instrument.mark > 0 {
                    instrument.marks
                } else {
                    marks
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
        if !instrument.priced {
            return true;
        }
        if ts_ns < gate.price_ts {
            return false;
        }
        if !jumps(mid, gate.reference) {
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
        if price > 0 && !self.book.instruments[index].priced {
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
