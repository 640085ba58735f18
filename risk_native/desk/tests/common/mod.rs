//! One account at a desk: a million in cash, names at 100.00. Money in whole units is written `n * ONE`.
#![allow(dead_code)]

use dnalyaw_desk::{Action, Desk, Holding, Outcome, Quote, Reference, Report, ReportKind, Wants};
use dnalyaw_engine::{
    Decision, FLAG_SELL_SHORT, OrderRequest, ReplaceRequest, SessionState, TIF_DAY, TYPE_LIMIT,
    TighterLimits,
};
use serde_json::{Value, json};

pub const ONE: i64 = 1_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const T0: i64 = 1_795_012_200_000_000_000;

/// A name that nothing is wrong with.
pub fn row(id: u64) -> Value {
    json!({"instrument_id": id, "issuer_id": id, "label": format!("N{id}.NYSE"), "symbol": format!("N{id}"), "sector": null,
        "lot": 1, "tick_micro": 10_000, "currency": "USD", "tradable": true, "volatility_bp": 200, "gap_bp": 200,
        "adv": 1_000_000, "locate": 1_000, "close_micro": 100 * ONE})
}

pub fn reference(session: &str, strategies: &[&str], rows: &[Value]) -> Reference {
    let file = json!({"region": "US", "session": session, "currency": "USD", "generated_at": null, "strategies": strategies,
        "instruments": rows});
    Reference::parse(file.to_string().as_bytes()).unwrap()
}

/// Names 1 to 3 on the first day.
pub fn first_day() -> Reference {
    reference("2026-11-23", &["alpha", "beta"], &[row(1), row(2), row(3)])
}

/// A desk whose account nobody has told.
pub fn closed() -> Desk {
    Desk::new(first_day(), TighterLimits::none(), Some(64)).unwrap()
}

/// Open, with these positions, at 100.00.
pub fn holding(positions: &[(u64, i64)]) -> Desk {
    let mut desk = closed();
    desk.session_state(SessionState::Open, T0);
    begin(&mut desk, 1_000_000 * ONE, positions, T0);
    desk
}

/// Tells the account, and a price of 100.00 of each of three names.
pub fn begin(desk: &mut Desk, cash: i64, positions: &[(u64, i64)], now_ns: i64) {
    let held = positions
        .iter()
        .map(|(id, quantity)| held(*id, *quantity, 100 * ONE));
    assert_eq!(desk.account(cash, held, now_ns), 0);
    for id in 1..=3 {
        price(desk, id, 100 * ONE, now_ns);
    }
}

pub fn held(instrument_id: u64, quantity: i64, settlement_price: i64) -> Holding {
    Holding {
        instrument_id,
        quantity,
        settlement_price,
    }
}

pub fn price(desk: &mut Desk, instrument_id: u64, price: i64, ts_ns: i64) {
    let quote = Quote {
        instrument_id,
        bid: price,
        ask: price,
        last: price,
        ts_ns,
    };
    assert_eq!(desk.quotes([quote]), 0);
}

/// A limit order at 100.00 with a stop two units away; below 0 it sells short.
pub fn order(order_id: u64, instrument_id: u64, quantity: i64) -> OrderRequest {
    OrderRequest {
        order_id,
        instrument_id,
        quantity: quantity.abs(),
        limit_price: 100 * ONE,
        stop_distance: 2 * ONE,
        side: if quantity > 0 { 1 } else { 2 },
        order_type: TYPE_LIMIT,
        time_in_force: TIF_DAY,
        flags: if quantity > 0 { 0 } else { FLAG_SELL_SHORT },
        strategies: 1,
    }
}

/// A sale of what is held, at 100.00.
pub fn sale(order_id: u64, instrument_id: u64, quantity: i64) -> OrderRequest {
    OrderRequest {
        side: 2,
        stop_distance: 0,
        ..order(order_id, instrument_id, quantity)
    }
}

pub fn modification(order_id: u64, original_id: u64, quantity: i64) -> ReplaceRequest {
    ReplaceRequest {
        order_id,
        original_id,
        quantity,
        limit_price: 100 * ONE,
        stop_distance: 2 * ONE,
    }
}

#[track_caller]
pub fn approved(decision: &Decision, quantity: i64) {
    assert_eq!(decision.approved_quantity, quantity, "{decision:?}");
}

pub fn told(order_id: u64, kind: ReportKind, cumulative_quantity: i64) -> Report {
    Report {
        order_id,
        instrument_id: 1,
        kind,
        last_quantity: 0,
        last_price: 0,
        cumulative_quantity,
        leaves_quantity: 0,
        fee: 0,
    }
}

/// So many more shares at 100.00, and what is left then.
pub fn filled(order_id: u64, quantity: i64, cumulative: i64, leaves: i64) -> Report {
    Report {
        last_quantity: quantity,
        last_price: 100 * ONE,
        leaves_quantity: leaves,
        ..told(order_id, ReportKind::Fill, cumulative)
    }
}

#[track_caller]
pub fn report(desk: &mut Desk, report: &Report, now_ns: i64) -> Outcome {
    desk.report(report, now_ns).unwrap()
}

/// What is to be done now, and when to look again.
pub fn settle(desk: &mut Desk, now_ns: i64) -> (Vec<Action>, i64) {
    assert!(desk.wants().has(Wants::SETTLE));
    let mut actions = Vec::new();
    let settled = desk.settle(now_ns, 10, |action| actions.push(action));
    assert_eq!(settled.count, actions.len());
    (actions, settled.wake_ns)
}

/// The only one, a closing order: its id, quantity and limit.
#[track_caller]
pub fn close(actions: &[Action]) -> (u64, i64, i64) {
    match actions {
        [Action::Close { order, decision }] => {
            assert_eq!(order.quantity, decision.approved_quantity);
            (order.order_id, order.quantity, order.limit_price)
        }
        other => panic!("not one closing order: {other:?}"),
    }
}
