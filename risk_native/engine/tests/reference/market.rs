//! Prices: the gate, the reference price, and the marks of each side.

use super::Model;
use super::limits::{BP, LARGEST_PRICE, MAX_AHEAD, MAX_SPREAD, PRICE_JUMP};

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
        if counts(self.bid, self.ask) {
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
    /// The last close: of the reference file, or of the day before.
    pub close: Option<i128>,
}

impl Prices {
    /// Before any price: only the last close is known, 0 = not even that.
    pub fn after_close(close: i128) -> Self {
        Self {
            close: (close > 0).then_some(close),
            ..Self::default()
        }
    }

    /// A new day: what the day before ended at is all that is left of it.
    pub fn next_day(&self) -> Self {
        Self {
            close: self.held.map(|quote| quote.mid).or(self.close),
            ..Self::default()
        }
    }

    /// What the next price is held against.
    fn anchor(&self) -> Option<i128> {
        let settled = self.settled.map(|(price, _)| price);
        self.held.map(|quote| quote.mid).or(settled).or(self.close)
    }

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
                self.previous = Some(self.anchor().map_or(first, |price| (price, price)));
            }
        }
        self.held = Some(quote);
        self.waiting = None;
    }

    fn update(&mut self, quote: Quote) {
        if self.held.is_some_and(|held| quote.ts < held.ts) {
            return;
        }
        if self.anchor().is_some_and(|anchor| near(quote.mid, anchor)) {
            return self.take(quote);
        }
        match self.waiting {
            Some((_, ts)) if quote.ts < ts => {}
            Some((mid, ts)) if quote.ts > ts && near(quote.mid, mid) => self.take(quote),
            _ => self.waiting = Some((quote.mid, quote.ts)),
        }
    }
}

/// Is there a quote, and is it one that means something?
pub fn counts(bid: i128, ask: i128) -> bool {
    let spread = ask - bid;
    bid > 0 && spread >= 0 && spread * BP <= MAX_SPREAD * (bid + spread / 2)
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
        // Before the first word of the clock nothing can be ahead of it.
        let ahead = i128::from(ts) - i128::from(self.now) > MAX_AHEAD;
        if ahead && self.now != i64::MIN {
            return;
        }
        let (bid, ask, last) = (present(bid), present(ask), present(last));
        let mid = if counts(bid, ask) {
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
        let news = prices
            .settled
            .is_none_or(|(told, _)| told != present(price));
        if present(price) > 0 && prices.held.is_none() && news {
            prices.settled = Some((present(price), self.now));
        }
        self.settle();
    }
}
