//! A whole day's orders at once, prices merged in by time.

use dnalyaw_engine::{Decision, Engine, OrderRequest};

use crate::account::{Quote, price};

/// Prices in the order in which they came, told to an engine up to a moment at a time.
#[derive(Debug)]
pub struct Prices {
    quotes: Vec<Quote>,
    next: usize,
}

impl Prices {
    /// Prices that ascend in time.
    #[must_use]
    pub const fn new(quotes: Vec<Quote>) -> Self {
        Self { quotes, next: 0 }
    }

    /// Tells the engine what is known up to and including a moment.
    pub fn apply(&mut self, engine: &mut Engine, until_ns: i64) {
        while let Some(quote) = self
            .quotes
            .get(self.next)
            .filter(|quote| quote.ts_ns <= until_ns)
        {
            let taken = price(engine, quote);
            debug_assert!(taken, "every instrument was looked up before");
            self.next += 1;
        }
    }
}

/// An order and its moments: the venue's clock, and the monotonic one by which messages are counted.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// The order.
    pub order: OrderRequest,
    /// The venue's clock.
    pub ts_ns: i64,
    /// The monotonic clock.
    pub monotonic_ns: i64,
}

/// Decides every order in turn, each after the prices up to its moment, and then tells the prices that are left.
pub fn decide(engine: &mut Engine, orders: &[Timed], mut prices: Prices) -> Vec<Decision> {
    let decided = orders
        .iter()
        .map(|timed| {
            prices.apply(engine, timed.ts_ns);
            engine.on_monotonic(timed.monotonic_ns);
            engine.decide(&timed.order, timed.ts_ns)
        })
        .collect();
    prices.apply(engine, i64::MAX);
    decided
}
