//! The book and the orders on which the engine is measured: 5,000 names, random order, every order really decided.

use std::hint::black_box;

use dnalyaw_engine::{
    Decision, DecisionKind, Engine, ExecKind, Execution, InstrumentReference, OrderRequest, Reason,
    SessionState, Side, TIF_DAY, TYPE_LIMIT, TYPE_MARKET, TighterLimits,
};

use serde_json::{Value, json};

use crate::numbers::Random;

/// Instruments of the reference.
pub const NAMES: u64 = 5_000;
/// Millionths in a currency unit.
pub const ONE: i64 = 1_000_000;
/// The venue's clock during the measurement.
pub const NOW: i64 = 1_763_994_600_000_000_000;
const SESSION: u32 = 20_251_124;
/// Cash before the positions are paid, in units.
const CAPITAL: i64 = 2_000_000_000;
const SECTORS: u64 = 11;
/// Passes over all names; each asks another quantity, so that of a name's last orders no three are equal.
const PASSES: u64 = 4;
/// Nanoseconds of the monotonic clock between two orders: just under the constant message rate.
const PACE: i64 = 60_000;

/// Ids as a real reference has them: neither dense nor in the order of the table.
#[must_use]
pub fn id_of(name: u64) -> u64 {
    1_000 + name * 7_919 % 1_000_003
}

/// The price of a name, in units.
fn price_of(name: u64) -> i64 {
    20 + (name % 180) as i64
}

const fn lot_of(name: u64) -> i64 {
    [1, 10, 100][name as usize % 3]
}

fn reference() -> Vec<InstrumentReference> {
    (0..NAMES)
        .map(|name| InstrumentReference {
            instrument_id: id_of(name),
            issuer_id: 1 + name,
            sector: (name % SECTORS > 0).then(|| format!("sector {}", name % SECTORS)),
            venue: "XNYS".into(),
            lot: lot_of(name),
            tick_micro: 10_000,
            tradable: true,
            restricted: false,
            volatility_bp: 120 + (name % 200) as u32,
            gap_bp: 0,
            adv: 20_000_000,
            locate: 0,
            close_micro: price_of(name) * ONE,
        })
        .collect()
}

/// An engine in an open session with `positions` longs of about 100,000 units each, every name priced.
#[must_use]
pub fn engine(positions: u64) -> Engine {
    let mut engine = Engine::new(&reference(), TighterLimits::none()).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.on_clock(NOW);
    for name in 0..NAMES {
        let price = price_of(name) * ONE;
        assert!(engine.on_price(id_of(name), price - 10_000, price + 10_000, price, NOW));
    }
    let mut cash = CAPITAL * ONE;
    engine.begin_positions();
    for held in 0..positions {
        let name = held * NAMES / positions;
        let shares = 100_000 / price_of(name) / lot_of(name) * lot_of(name);
        assert!(engine.on_position(id_of(name), shares));
        cash -= shares * price_of(name) * ONE;
    }
    engine.positions_complete();
    engine.on_account(cash);
    engine
}

/// Names in which a crowded book has sells working too; a market order to buy would trade with them.
const fn sells_rest(name: u64) -> bool {
    name % 10 == 9
}

fn order(name: u64, side: Side, lots: i64) -> OrderRequest {
    OrderRequest {
        order_id: 0,
        instrument_id: id_of(name),
        quantity: lots * lot_of(name),
        limit_price: 0,
        stop_distance: 0,
        side: side as u8,
        order_type: TYPE_MARKET,
        time_in_force: TIF_DAY,
        flags: 0,
        strategies: 1,
    }
}

fn limit(order: OrderRequest, name: u64, bp: i64) -> OrderRequest {
    OrderRequest {
        limit_price: (price_of(name) * 100 * (10_000 + bp) / 10_000) * 10_000,
        order_type: TYPE_LIMIT,
        ..order
    }
}

/// Opening orders that fit: random names, three limit orders with a stop to one market order.
#[must_use]
pub fn fitting() -> Vec<OrderRequest> {
    requests(|name, pass, random| {
        let plain = order(name, Side::Buy, 1 + pass as i64);
        let stopped = OrderRequest {
            stop_distance: price_of(name) * ONE * (2 + random.below(4) as i64) / 100,
            ..plain
        };
        if random.below(4) == 0 && !sells_rest(name) {
            stopped
        } else {
            limit(stopped, name, random.below(100) as i64 - 90)
        }
    })
}

/// Opening orders of many times what the limits leave, so that each is cut down.
#[must_use]
pub fn too_large() -> Vec<OrderRequest> {
    requests(|name, pass, random| {
        let lots = 200 * ONE / price_of(name) / lot_of(name) + pass as i64;
        limit(
            OrderRequest {
                stop_distance: price_of(name) * ONE * (2 + random.below(4) as i64) / 100,
                ..order(name, Side::Buy, lots)
            },
            name,
            random.below(100) as i64 - 90,
        )
    })
}

fn requests(one: impl Fn(u64, u64, &mut Random) -> OrderRequest) -> Vec<OrderRequest> {
    let mut random = Random::new(7);
    let mut names: Vec<u64> = (0..NAMES).collect();
    let mut all = Vec::with_capacity((NAMES * PASSES) as usize);
    for pass in 0..PASSES {
        random.shuffle(&mut names);
        all.extend(names.iter().map(|name| one(*name, pass, &mut random)));
    }
    all
}

/// The names and the first `count` of `orders`, for whoever else is to decide them.
#[must_use]
pub fn described(orders: &[OrderRequest], count: usize) -> Value {
    let names: Vec<Value> = (0..NAMES)
        .map(|name| json!({"instrument_id": id_of(name), "lot": lot_of(name), "price": price_of(name) * ONE}))
        .collect();
    let orders: Vec<Value> = orders
        .iter()
        .take(count)
        .map(|order| json!({"instrument_id": order.instrument_id, "quantity": order.quantity, "limit_price": order.limit_price}))
        .collect();
    json!({"names": names, "orders": orders})
}

/// An engine and the orders it is asked, with the ids and clocks that a session gives them.
pub struct Desk {
    pub engine: Engine,
    orders: Vec<OrderRequest>,
    cursor: usize,
    order_id: u64,
    monotonic: i64,
}

impl Desk {
    /// Asks `orders` of `engine`, round and round.
    #[must_use]
    pub fn new(engine: Engine, orders: Vec<OrderRequest>) -> Self {
        Self {
            engine,
            orders,
            cursor: 0,
            order_id: 0,
            monotonic: 0,
        }
    }

    /// The place of the next order, which has an id of its own now. Orders are not copied: what is timed is the engine.
    #[inline]
    pub fn advance(&mut self) -> usize {
        let place = self.cursor;
        self.cursor = if place + 1 == self.orders.len() {
            0
        } else {
            place + 1
        };
        self.order_id += 1;
        self.orders[place].order_id = self.order_id;
        place
    }

    /// The order at a place.
    #[inline]
    #[must_use]
    pub fn order(&self, place: usize) -> &OrderRequest {
        &self.orders[place]
    }

    /// The checks that need no money, of the next order.
    #[inline]
    pub fn basic(&mut self) -> Reason {
        let place = self.advance();
        self.engine.check_basic(black_box(&self.orders[place]))
    }

    /// Decide an order as riskd does: the clock of the message rate, then the decision.
    #[inline]
    pub fn decide(&mut self, place: usize) -> Decision {
        self.monotonic += PACE;
        self.engine.on_monotonic(self.monotonic);
        self.engine.decide(black_box(&self.orders[place]), NOW)
    }

    /// The venue's report that ends an order with nothing filled: what it reserved is released.
    #[inline]
    pub fn release(&mut self, place: usize) -> bool {
        self.engine
            .on_execution(&Execution {
                order_id: self.orders[place].order_id,
                kind: ExecKind::Cancelled,
                last_quantity: 0,
                last_price: 0,
                cumulative_quantity: 0,
                fee: 0,
            })
            .is_ok_and(|outcome| outcome.finished)
    }

    /// One whole life: decide, reserve, release.
    #[inline]
    pub fn cycle(&mut self) -> bool {
        let place = self.advance();
        black_box(&self.decide(place));
        self.release(place)
    }

    /// Leave `count` orders working, most of them buys below the market, some sells above it that close what is held.
    ///
    /// # Panics
    /// When the engine does not approve one of them: the measurement would not be of what it says.
    pub fn rest(&mut self, count: u64) {
        let mut random = Random::new(11);
        for number in 0..count {
            let (name, round) = (number % NAMES, (number / NAMES) as i64);
            let resting = if round % 10 == 9 && sells_rest(name) {
                limit(
                    order(name, Side::Sell, 1),
                    name,
                    100 + random.below(200) as i64,
                )
            } else {
                limit(order(name, Side::Buy, 1), name, -400 + round * 10)
            };
            self.order_id += 1;
            let asked = OrderRequest {
                order_id: self.order_id,
                ..resting
            };
            self.monotonic += PACE;
            self.engine.on_monotonic(self.monotonic);
            let decision = self.engine.decide(&asked, NOW);
            assert_eq!(
                decision.kind,
                DecisionKind::Approve,
                "resting order {number}: {decision:?}"
            );
        }
    }

    /// Every order of the list once, each of them decided as `kind` and released.
    ///
    /// # Panics
    /// When one is not.
    pub fn prove(&mut self, kind: DecisionKind) {
        for _ in 0..self.orders.len() {
            let place = self.advance();
            let decision = self.decide(place);
            assert_eq!(decision.kind, kind, "{:?}: {decision:?}", self.order(place));
            assert!(self.release(place), "{decision:?}");
        }
    }
}
