//! Gaps that are known in a leading open engine, each closed and each with a test of its own. Equity is 1,000,000 and every
//! price 100.00, so an issuer takes 500 shares. (A second client that goes round omsd is refused by the gateway.)

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

fn limit(order_id: u64, side: Side, quantity: i64, price_micro: i64, flags: u8) -> OrderRequest {
    OrderRequest {
        limit_price: price_micro,
        order_type: TYPE_LIMIT,
        flags,
        ..order(order_id, 1, side, quantity)
    }
}

fn change(order_id: u64, original_id: u64, quantity: i64, price: i64) -> ReplaceRequest {
    ReplaceRequest {
        order_id,
        original_id,
        quantity,
        limit_price: price * ONE,
        stop_distance: 3 * ONE,
    }
}

fn rejected(reason: Reason) -> (DecisionKind, Reason, i64) {
    (Reject, reason, 0)
}

#[test]
fn a_modification_from_small_to_huge_is_checked_as_the_order_it_would_become() {
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 10, 100, 3)),
        (Approve, Reason::None, 10)
    );
    let huge = engine.decide_replace(&change(2, 1, 1_000_000, 100), T0);
    assert_eq!(outcome(&huge), (Reduce, Reason::InstrumentLimit, 500));
    // Until the venue answers the larger of both is reserved: nothing is left for another.
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 1, 100, 3)),
        rejected(Reason::InstrumentLimit)
    );
    engine.on_replaced(1).expect("it was pending");
    assert_eq!(engine.order(2).expect("works").quantity, 500);
    // Neither a larger price nor a halted state is a way round.
    assert_eq!(
        outcome(&engine.decide_replace(&change(4, 2, 500, 106), T0)),
        rejected(Reason::Collar)
    );
    assert_eq!(
        outcome(&engine.decide_replace(&change(5, 2, 500, 104), T0)),
        rejected(Reason::InstrumentLimit)
    );
    engine.kill(Reason::Operator);
    assert_eq!(
        outcome(&engine.decide_replace(&change(6, 2, 600, 100), T0)),
        rejected(Reason::Killed)
    );
    assert_eq!(
        outcome(&engine.decide_replace(&change(7, 2, 100, 100), T0)),
        (Approve, Reason::None, 100)
    );
    assert_eq!(engine.running(), engine.recompute_from_scratch());
}

#[test]
fn a_refused_modification_gives_back_what_it_reserved() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 10, 100, 3)).0, Approve);
    assert_eq!(
        outcome(&engine.decide_replace(&change(2, 1, 500, 100), T0)),
        (Approve, Reason::None, 500)
    );
    engine.on_replace_refused(1).expect("it was pending");
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 600, 100, 3)),
        (Reduce, Reason::InstrumentLimit, 490)
    );
}

#[test]
fn a_market_order_without_a_price_is_refused() {
    let mut engine =
        Engine::with_room(&reference(), TighterLimits::none(), 8).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.set_firm_rate(Some(ONE));
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    assert_eq!(
        decide(&mut engine, &order(1, 1, Side::Buy, 1)),
        rejected(Reason::NoPrice)
    );
    // A settlement price values a position; it prices no order.
    assert!(engine.on_settlement_price(1, 100 * ONE));
    assert_eq!(
        decide(&mut engine, &order(2, 1, Side::Buy, 1)),
        rejected(Reason::NoPrice)
    );
    assert!(engine.on_price(1, 0, 0, 0, T0));
    assert_eq!(
        decide(&mut engine, &order(3, 1, Side::Buy, 1)),
        rejected(Reason::NoPrice)
    );
    at(&mut engine, 1, 100);
    assert_eq!(decide(&mut engine, &order(4, 1, Side::Buy, 1)).0, Approve);
}

#[test]
fn a_limit_far_through_the_market_is_refused() {
    let cent = 10_000;
    for (side, flags, price, far) in [
        (Side::Buy, 0, 105 * ONE, cent),
        (Side::Sell, FLAG_SELL_SHORT, 95 * ONE, -cent),
    ] {
        // The last price inside the collar is taken or refused for another reason, one cent further is not.
        let mut engine = funded();
        let (_, reason, _) = decide(&mut engine, &limit(1, side, 1, price, flags));
        assert_ne!(reason, Reason::Collar);
        assert_eq!(
            decide(&mut engine, &limit(2, side, 1, price + far, flags)),
            rejected(Reason::Collar)
        );
        assert_eq!(
            decide(&mut engine, &limit(3, side, 1, price + 50 * far, flags)),
            rejected(Reason::Collar)
        );
    }
    // A market order would trade at the touch, however near the middle is.
    let mut engine = funded();
    assert!(engine.on_price(1, 90 * ONE, 110 * ONE, 100 * ONE, T0));
    assert_eq!(
        decide(&mut engine, &order(4, 1, Side::Buy, 1)),
        rejected(Reason::Collar)
    );
    // What closes has a wide collar, but has one.
    let mut engine = funded_with(TighterLimits::none(), 990_000, &[(1, 100)]);
    assert_eq!(
        decide(&mut engine, &limit(1, Side::Sell, 1, 80 * ONE - cent, 0)),
        rejected(Reason::Collar)
    );
    assert_eq!(
        decide(&mut engine, &limit(2, Side::Sell, 1, 80 * ONE, 0)),
        (Approve, Reason::None, 1)
    );
}

#[test]
fn the_same_order_a_thousand_times_passes_three_times_a_second() {
    let mut engine = funded();
    let outcomes: Vec<_> = (1..=1_000)
        .map(|id| decide(&mut engine, &buy(id, 1, 1, 100, 3)))
        .collect();
    assert!(outcomes[..3].iter().all(|outcome| outcome.0 == Approve));
    assert!(
        outcomes[3..]
            .iter()
            .all(|outcome| *outcome == rejected(Reason::RepeatedOrder))
    );
    assert_eq!(engine.position(1), 0);
    assert_eq!(engine.working_orders().len(), 3);
    // A cancel is never held up, and the venue's next second takes three more.
    assert!(engine.request_cancel(1).is_ok());
    let later = engine.decide(&buy(1_001, 1, 1, 100, 3), T0 + SECOND);
    assert_eq!(outcome(&later), (Approve, Reason::None, 1));
}

#[test]
fn twenty_thousand_orders_a_second_and_no_more() {
    let mut engine =
        Engine::with_room(&reference(), TighterLimits::none(), 30_000).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.set_firm_rate(Some(ONE));
    engine.on_clock(T0);
    engine.on_monotonic(5 * SECOND);
    for row in reference() {
        at(&mut engine, row.instrument_id, 100);
    }
    assert!(engine.on_position(3, 100));
    engine.positions_complete();
    engine.on_account(1_000_000_000 * ONE);
    for id in 1..=20_000 {
        let quantity = id as i64 % 8 + 1;
        let decision = engine.decide(&buy(id, 1, quantity, 100, 3), T0);
        assert_eq!(
            outcome(&decision),
            (Approve, Reason::None, quantity),
            "{id}"
        );
    }
    assert_eq!(
        decide(&mut engine, &buy(20_001, 4, 1, 100, 3)),
        rejected(Reason::RateThrottle)
    );
    // Neither what closes nor a cancel waits.
    assert_eq!(
        decide(&mut engine, &sell(20_002, 3, 100)),
        (Approve, Reason::None, 100)
    );
    assert!(engine.request_cancel(7).is_ok());
    engine.on_monotonic(6 * SECOND - 1);
    assert_eq!(
        decide(&mut engine, &buy(20_003, 4, 1, 100, 3)),
        rejected(Reason::RateThrottle)
    );
    engine.on_monotonic(6 * SECOND);
    assert_eq!(decide(&mut engine, &buy(20_004, 4, 1, 100, 3)).0, Approve);
}

#[test]
fn an_opening_order_in_reduce_only_is_refused() {
    for (hold, reason) in [
        (Hold::Operator, Reason::ReduceOnly),
        (Hold::LinkLost, Reason::LinkLost),
    ] {
        let mut engine = funded_with(TighterLimits::none(), 990_000, &[(1, 100)]);
        engine.set_hold(hold, true);
        assert_eq!(decide(&mut engine, &buy(1, 1, 1, 100, 3)), rejected(reason));
        let short = OrderRequest {
            flags: FLAG_SELL_SHORT,
            ..sell(2, 3, 1)
        };
        assert_eq!(decide(&mut engine, &short), rejected(reason));
        assert_eq!(
            decide(&mut engine, &sell(3, 1, 100)),
            (Approve, Reason::None, 100)
        );
        engine.set_hold(hold, false);
        assert_eq!(decide(&mut engine, &buy(4, 3, 1, 100, 3)).0, Approve);
    }
    // The order's own flag holds in an active state, too.
    let flagged = OrderRequest {
        flags: FLAG_REDUCE_ONLY,
        ..buy(1, 1, 1, 100, 3)
    };
    assert_eq!(
        decide(&mut funded(), &flagged),
        rejected(Reason::ReduceOnly)
    );
}

#[test]
fn a_closing_order_larger_than_the_position_is_cut_to_flat() {
    for (flags, reason) in [
        (0, Reason::ShortSale),
        (FLAG_REDUCE_ONLY, Reason::ReduceOnly),
    ] {
        let mut engine = funded_with(TighterLimits::none(), 990_000, &[(1, 100), (3, -100)]);
        let close = |order_id, instrument_id, side, quantity| OrderRequest {
            flags,
            ..order(order_id, instrument_id, side, quantity)
        };
        assert_eq!(
            decide(&mut engine, &close(1, 1, Side::Sell, 60)),
            (Approve, Reason::None, 60)
        );
        // What closes already counts.
        assert_eq!(
            decide(&mut engine, &close(2, 1, Side::Sell, 150)),
            (Reduce, reason, 40)
        );
        assert_eq!(
            decide(&mut engine, &close(3, 1, Side::Sell, 1)),
            rejected(reason)
        );
        assert_eq!(
            decide(&mut engine, &close(4, 3, Side::Buy, 101)),
            (Reduce, reason, 100)
        );
        // Everything fills: flat, on neither side beyond it.
        for (order_id, quantity) in [(1, 60), (2, 40), (4, 100)] {
            let all = fill(order_id, quantity, 100, quantity);
            engine.on_execution(&all).expect("a sound report");
        }
        assert_eq!((engine.position(1), engine.position(3)), (0, 0));
    }
}

#[test]
fn nothing_opens_while_the_account_is_not_known() {
    let opening = |id| buy(id, 1, 1, 100, 3);
    let mut engine = priced(TighterLimits::none());
    // Neither positions nor cash.
    assert_eq!(
        decide(&mut engine, &opening(1)),
        rejected(Reason::NoAccount)
    );
    assert_eq!(
        decide(&mut engine, &sell(2, 1, 1)),
        rejected(Reason::NoAccount)
    );
    // Half of a report is none.
    engine.begin_positions();
    assert!(engine.on_position(1, 100));
    assert_eq!(
        decide(&mut engine, &sell(3, 1, 1)),
        rejected(Reason::NoAccount)
    );
    // Positions without cash: what closes passes.
    engine.positions_complete();
    assert_eq!(
        decide(&mut engine, &opening(4)),
        rejected(Reason::NoAccount)
    );
    assert_eq!(
        decide(&mut engine, &sell(5, 1, 1)),
        (Approve, Reason::None, 1)
    );
    engine.on_account(990_000 * ONE);
    assert_eq!(
        decide(&mut engine, &opening(6)).0,
        Reject,
        "a sell is working"
    );
    assert_eq!(decide(&mut engine, &buy(7, 3, 1, 100, 3)).0, Approve);
    // A rate that is not known, a name that the reference does not have, a reconnect.
    engine.set_firm_rate(None);
    assert_eq!(
        decide(&mut engine, &buy(8, 3, 1, 100, 3)),
        rejected(Reason::NoAccount)
    );
    engine.set_firm_rate(Some(ONE));
    assert!(!engine.on_position(99, 1));
    assert_eq!(
        decide(&mut engine, &buy(9, 3, 1, 100, 3)),
        rejected(Reason::ReferenceMissing)
    );
    engine.begin_positions();
    assert_eq!(
        decide(&mut engine, &buy(10, 3, 1, 100, 3)),
        rejected(Reason::NoAccount)
    );
}
