//! The gate before a session's first price, quotes that are none, stamps from the future, and what a settlement price may do.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reject};
use dnalyaw_engine::*;

/// One name with this close and nothing else known; 1,000,000 in cash and `held` shares.
fn opening(close: i64, held: i64) -> Engine {
    let row = InstrumentReference {
        close_micro: close * ONE,
        locate: 1_000_000,
        ..plain(1)
    };
    let mut engine = opened(&[row], TighterLimits::none(), 8);
    hold(&mut engine, [(1, held)]);
    engine.on_account(1_000_000 * ONE);
    engine
}

fn price(engine: &mut Engine, bid: i64, ask: i64, last: i64, ts: i64) {
    assert!(engine.on_price(1, bid, ask, last, ts));
}

#[test]
fn the_first_price_of_a_session_is_held_against_the_last_close() {
    let mut engine = opening(100, 0);
    // A hundredth of it: whoever sold at that price by the limits would be short five times the equity.
    price(&mut engine, 990_000, 1_010_000, ONE, T0);
    let short = OrderRequest {
        limit_price: ONE,
        order_type: TYPE_LIMIT,
        flags: FLAG_SELL_SHORT,
        ..order(1, 1, Side::Sell, 50_000)
    };
    assert_eq!(decide(&mut engine, &short), (Reject, Reason::NoPrice, 0));
    // A price near the close clears it and is taken at once.
    price(&mut engine, 0, 0, 81 * ONE, T0 + 1);
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 10, 81, 2)),
        (Approve, Reason::None, 10)
    );
}

#[test]
fn without_a_close_two_messages_must_agree() {
    let mut engine = opening(0, 0);
    price(&mut engine, 0, 0, 100 * ONE, T0);
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 10, 100, 2)),
        (Reject, Reason::NoPrice, 0)
    );
    price(&mut engine, 0, 0, 100 * ONE, T0);
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 10, 100, 2)),
        (Reject, Reason::NoPrice, 0),
        "the same message again is not a second one"
    );
    price(&mut engine, 0, 0, 119 * ONE, T0 + 1);
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 10, 119, 2)),
        (Approve, Reason::None, 10)
    );
}

#[test]
fn one_wrong_first_message_fires_no_switch() {
    let mut engine = opening(100, -500);
    assert!(engine.on_settlement_price(1, 100 * ONE));
    assert_eq!(engine.equity(), Some(950_000 * ONE));
    // Quote and print of one message, ten times too high.
    price(&mut engine, 999 * ONE, 1_001 * ONE, 1_000 * ONE, T0);
    assert_eq!(engine.killed(), None);
    assert_eq!(engine.equity(), Some(950_000 * ONE));
}

#[test]
fn the_close_is_the_mark_before_the_first_quote() {
    let mut engine = opening(100, 500);
    engine.restore_stop(1, Side::Buy, 95 * ONE, false);
    // Both sides of one quote are below the stop; the second mark is still the close.
    price(&mut engine, 90 * ONE, 91 * ONE, 0, T0);
    assert!(!engine.stops()[0].fired);
    price(&mut engine, 90 * ONE, 91 * ONE, 0, T0 + 1);
    assert!(engine.stops()[0].fired);
}

#[test]
fn a_settlement_price_fires_no_stop_and_grows_old() {
    let mut engine = opening(100, 500);
    engine.restore_stop(1, Side::Buy, 95 * ONE, false);
    assert!(engine.on_settlement_price(1, 94 * ONE));
    assert!(!engine.stops()[0].fired, "no market has opened");
    // Told again every ten minutes it is no younger.
    for minutes in 1..=4 {
        engine.on_clock(T0 + minutes * 10 * 60 * SECOND);
        assert!(engine.on_settlement_price(1, 94 * ONE));
    }
    assert_eq!(engine.state_report().reason, Reason::StaleMark);
}

#[test]
fn a_running_engine_holds_the_next_day_against_its_own_last_price() {
    let mut engine = opening(100, 0);
    price(&mut engine, 0, 0, 119 * ONE, T0);
    engine.on_session(SessionState::Open, SESSION + 1);
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    price(&mut engine, 0, 0, 142 * ONE, T0 + 1);
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 10, 142, 2)),
        (Approve, Reason::None, 10)
    );
}

#[test]
fn a_quote_too_wide_to_say_anything_marks_nothing() {
    let mut engine = opening(100, 9_000);
    price(&mut engine, 100 * ONE, 100 * ONE, 0, T0);
    let equity = engine.equity();
    // The stubs of an empty book, twice: their middle is where the price was.
    for later in 1..=2 {
        price(&mut engine, 10_000, 199_990_000, 0, T0 + later);
    }
    assert_eq!(engine.equity(), equity);
    // With a print the print counts.
    price(&mut engine, 10_000, 199_990_000, 99 * ONE, T0 + 3);
    assert_eq!(engine.equity(), Some((1_000_000 + 9_000 * 99) * ONE));
    // A tenth of the middle is the widest: 95.00 to 105.00.
    price(&mut engine, 95 * ONE, 105 * ONE, 0, T0 + 4);
    assert_eq!(engine.equity(), Some((1_000_000 + 9_000 * 95) * ONE));
    price(&mut engine, 94_990_000, 105 * ONE, 0, T0 + 5);
    assert_eq!(engine.equity(), Some((1_000_000 + 9_000 * 95) * ONE));
}

#[test]
fn a_stamp_from_the_future_is_dropped() {
    let mut engine = opening(100, 0);
    price(&mut engine, 0, 0, 100 * ONE, T0 + 5 * SECOND + 1);
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 1, 100, 2)),
        (Reject, Reason::NoPrice, 0)
    );
    price(&mut engine, 0, 0, 100 * ONE, T0 + 5 * SECOND);
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 1, 100, 2)),
        (Approve, Reason::None, 1)
    );
}
