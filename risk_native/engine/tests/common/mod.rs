//! A small market for the tests. Money in whole currency units is written `n * ONE`.
#![allow(dead_code)]

use dnalyaw_engine::*;

pub const ONE: i64 = 1_000_000;
pub const T0: i64 = 1_763_994_600_000_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const SESSION: u32 = 20_251_124;

/// An instrument that nothing is wrong with, with a volatility and a gap of 2% and more volume than any test trades.
pub fn plain(instrument_id: u64) -> InstrumentReference {
    InstrumentReference {
        instrument_id,
        issuer_id: instrument_id,
        sector: None,
        venue: "NYSE".to_owned(),
        lot: 1,
        tick_micro: 10_000,
        tradable: true,
        restricted: false,
        volatility_bp: 200,
        gap_bp: 200,
        adv: 1_000_000,
        locate: 0,
        close_micro: 100 * ONE,
    }
}

/// Instrument 1 and 2 share issuer 10 (tech), 3 is tech, 4 and 5 have no sector, 6 has a lot of 100, 7 is not tradable,
/// 8 has no known volatility.
pub fn reference() -> Vec<InstrumentReference> {
    let one = |instrument_id, issuer_id, sector: Option<&str>, lot, tradable, volatility_bp| {
        InstrumentReference {
            instrument_id,
            issuer_id,
            sector: sector.map(str::to_owned),
            lot,
            tradable,
            volatility_bp,
            ..plain(instrument_id)
        }
    };
    vec![
        one(1, 10, Some("tech"), 1, true, 200),
        one(2, 10, Some("tech"), 1, true, 200),
        one(3, 30, Some("tech"), 1, true, 200),
        one(4, 40, None, 1, true, 200),
        one(5, 50, None, 1, true, 200),
        one(6, 60, Some("banks"), 100, true, 200),
        one(7, 70, Some("banks"), 1, false, 200),
        one(8, 80, Some("banks"), 1, true, 0),
    ]
}

/// An engine over these instruments in an open market: nothing known of the account, and no price.
pub fn opened(reference: &[InstrumentReference], limits: TighterLimits, room: usize) -> Engine {
    let mut engine = Engine::with_room(reference, limits, room).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.on_clock(T0);
    engine
}

/// Tells every position that is held.
pub fn hold(engine: &mut Engine, positions: impl IntoIterator<Item = (u64, i64)>) {
    engine.begin_positions();
    for (instrument_id, quantity) in positions {
        assert!(engine.on_position(instrument_id, quantity));
    }
    engine.positions_complete();
}

/// An engine with every instrument at 100.00 and nothing known of the account.
pub fn priced(limits: TighterLimits) -> Engine {
    let mut engine = opened(&reference(), limits, 64);
    for entry in reference() {
        at(&mut engine, entry.instrument_id, 100);
    }
    engine
}

/// A quote with bid and ask at a whole price and a print there: every mark is that price.
pub fn at(engine: &mut Engine, instrument_id: u64, price: i64) {
    let now = engine.price(instrument_id).map_or(T0, |price| price.ts_ns);
    let price = price * ONE;
    assert!(engine.on_price(instrument_id, price, price, price, now));
}

/// As [`priced`], with this cash and these positions.
pub fn funded_with(limits: TighterLimits, cash: i64, positions: &[(u64, i64)]) -> Engine {
    let mut engine = priced(limits);
    hold(&mut engine, positions.iter().copied());
    engine.on_account(cash * ONE);
    engine
}

/// One million in cash.
pub fn funded() -> Engine {
    funded_with(TighterLimits::none(), 1_000_000, &[])
}

/// 20 names of 400 shares at 100 and 200,000 in cash: equity 1,000,000 of which 80% moves with the market.
pub fn invested() -> Engine {
    let reference: Vec<InstrumentReference> = (1..=20)
        .map(|id| InstrumentReference {
            sector: Some(format!("sector {}", id % 5)),
            ..plain(id)
        })
        .collect();
    let mut engine = opened(&reference, TighterLimits::none(), 64);
    for id in 1..=20 {
        at(&mut engine, id, 100);
    }
    hold(&mut engine, (1..=20).map(|id| (id, 400)));
    engine.on_account(200_000 * ONE);
    engine
}

/// One million in cash and one name, of which 1,000 shares can be borrowed.
pub fn shortable() -> Engine {
    let row = InstrumentReference {
        locate: 1_000,
        ..plain(1)
    };
    let mut engine = opened(&[row], TighterLimits::none(), 8);
    at(&mut engine, 1, 100);
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    engine
}

pub fn order(order_id: u64, instrument_id: u64, side: Side, quantity: i64) -> OrderRequest {
    OrderRequest {
        order_id,
        instrument_id,
        quantity,
        limit_price: 0,
        stop_distance: 0,
        side: side as u8,
        order_type: TYPE_MARKET,
        time_in_force: TIF_DAY,
        flags: 0,
        strategies: 0,
    }
}

/// A buy at a limit of `price` with a stop `stop` below it.
pub fn buy(
    order_id: u64,
    instrument_id: u64,
    quantity: i64,
    price: i64,
    stop: i64,
) -> OrderRequest {
    OrderRequest {
        limit_price: price * ONE,
        stop_distance: stop * ONE,
        order_type: TYPE_LIMIT,
        ..order(order_id, instrument_id, Side::Buy, quantity)
    }
}

pub fn sell(order_id: u64, instrument_id: u64, quantity: i64) -> OrderRequest {
    order(order_id, instrument_id, Side::Sell, quantity)
}

pub fn report(order_id: u64, kind: ExecKind, cumulative: i64) -> Execution {
    Execution {
        order_id,
        kind,
        last_quantity: 0,
        last_price: 0,
        cumulative_quantity: cumulative,
        fee: 0,
    }
}

pub fn fill(order_id: u64, quantity: i64, price: i64, cumulative: i64) -> Execution {
    Execution {
        order_id,
        kind: ExecKind::Fill,
        last_quantity: quantity,
        last_price: price * ONE,
        cumulative_quantity: cumulative,
        fee: 0,
    }
}

/// What the outcome is, in short.
pub fn outcome(decision: &Decision) -> (DecisionKind, Reason, i64) {
    (decision.kind, decision.reason, decision.approved_quantity)
}

/// Decide and say what came out, with the sums checked.
pub fn decide(engine: &mut Engine, order: &OrderRequest) -> (DecisionKind, Reason, i64) {
    let decision = engine.decide(order, T0);
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    outcome(&decision)
}
