//! Prices: the gate, the reference price, and the marks of each side.

use super::Model;
use super::limits::{BP, LARGEST_PRICE, PRICE_JUMP};

/// An update that was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    pub bid: i128,
    pub ask: i128,
    pub last: i128,
    pub mid: i128,
    pub ts: i64,
}

impl Quote {
    /// What a position would fetch: a long one the bid, a short one the ask, where there is a quote.
    pub fn liquidation(&self, long: bool) -> i128 {
        if self.bid > 0 && self.ask >= self.bid {
            if long { self.bid } else { self.ask }
        } else {
            self.last
        }
    }
}

/// What is known of one instrument's price.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    /// The last update that was taken in this session.
    pub held: Option<Quote>,
    /// Liquidation marks before it, of a long and of a short position.
    pub previous: Option<(i128, i128)>,
    /// The middle of an update that jumped, and its time.
    pub waiting: Option<(i128, i64)>,
    /// Settlement price and the moment it was told.
    pub settled: Option<(i128, i64)>,
}

impl Prices {
    /// What an order is priced from; 0 = none.
    pub fn reference(&self) -> i128 {
        self.held.map_or(0, |quote| quote.mid)
    }

    /// What exposure is valued at; 0 = none.
    pub fn mark(&self) -> i128 {
        match (self.held, self.settled) {
            (Some(quote), _) => quote.mid,
            (None, Some((price, _))) => price,
            (None, None) => 0,
        }
    }

    /// When the mark was made.
    pub fn marked_at(&self) -> Option<i64> {
        match (self.held, self.settled) {
            (Some(quote), _) => Some(quote.ts),
            (None, Some((_, ts))) => Some(ts),
            (None, None) => None,
        }
    }

    /// The first mark of a position; 0 = none.
    pub fn liquidation(&self, long: bool) -> i128 {
        match (self.held, self.settled) {
            (Some(quote), _) => quote.liquidation(long),
            (None, Some((price, _))) => price,
            (None, None) => 0,
        }
    }

    /// The second mark of a position; 0 = none.
    pub fn second(&self, long: bool) -> i128 {
        match self.held {
            Some(quote) if quote.last > 0 => quote.last,
            Some(quote) => match self.previous {
                Some((bid, _)) if long => bid,
                Some((_, ask)) => ask,
                None => quote.liquidation(long),
            },
            None => self.liquidation(long),
        }
    }

    fn take(&mut self, quote: Quote) {
        match self.held {
            Some(held) if held.ts == quote.ts => {}
            Some(held) => self.previous = Some((held.liquidation(true), held.liquidation(false))),
            None => {
                let first = (quote.liquidation(true), quote.liquidation(false));
                self.previous = Some(self.settled.map_or(first, |(price, _)| (price, price)));
            }
        }
        self.held = Some(quote);
        self.waiting = None;
    }

    fn update(&mut self, quote: Quote) {
        let Some(held) = self.held else {
            return self.take(quote);
        };
        if quote.ts < held.ts {
            return;
        }
        if near(quote.mid, held.mid) {
            return self.take(quote);
        }
        match self.waiting {
            Some((_, ts)) if quote.ts < ts => {}
            Some((mid, ts)) if quote.ts > ts && near(quote.mid, mid) => self.take(quote),
            _ => self.waiting = Some((quote.mid, quote.ts)),
        }
    }
}

/// No jump from one to the other.
fn near(mid: i128, from: i128) -> bool {
    (mid - from).abs() * BP <= PRICE_JUMP * from
}

fn present(price: i64) -> i128 {
    if (1..=LARGEST_PRICE).contains(&price) {
        i128::from(price)
    } else {
        0
    }
}

impl Model {
    /// A quote or a print.
    pub fn on_price(&mut self, instrument_id: u64, bid: i64, ask: i64, last: i64, ts: i64) {
        let Some(at) = self.find(instrument_id) else {
            return;
        };
        let (bid, ask, last) = (present(bid), present(ask), present(last));
        let mid = if bid > 0 && ask >= bid {
            bid + (ask - bid) / 2
        } else {
            last
        };
        if mid > 0 {
            let quote = Quote {
                bid,
                ask,
                last,
                mid,
                ts,
            };
            self.instruments[at].prices.update(quote);
        }
        self.settle();
    }

    /// The venue's settlement price.
    pub fn on_settlement(&mut self, instrument_id: u64, price: i64) {
        let Some(at) = self.find(instrument_id) else {
            return;
        };
        let prices = &mut self.instruments[at].prices;
        if present(price) > 0 && prices.held.is_none() {
            prices.settled = Some((present(price), self.now));
        }
        self.settle();
    }
}
