//! Corners in which the engine and the reference implementation once differed, worked by hand. Equity is 1,000,000 and every
//! price 100.00.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

fn replace(order_id: u64, original_id: u64, quantity: i64, price: i64) -> ReplaceRequest {
    ReplaceRequest {
        order_id,
        original_id,
        quantity,
        limit_price: price * ONE,
        stop_distance: 0,
    }
}

fn linked(engine: &mut Engine, legs: &[OrderRequest]) -> Vec<(DecisionKind, Reason, i64)> {
    let nothing = engine.decide(&order(0, 1, Side::Buy, 1), T0);
    let mut out = vec![nothing; legs.len()];
    engine
        .decide_linked(legs, T0, &mut out)
        .expect("legs and answers");
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    out.iter().map(outcome).collect()
}

#[test]
fn a_leg_shorter_than_a_lot_never_grows_to_one() {
    // 600 shares of the first do not fit; 40 of the second are no lot of 100 and must not become one when the first shrinks.
    let legs = [buy(1, 1, 600, 100, 3), buy(2, 6, 40, 100, 3)];
    assert_eq!(
        linked(&mut funded(), &legs),
        [(Reject, Reason::LinkedLeg, 0), (Reject, Reason::BadLot, 0)]
    );
}

#[test]
fn an_odd_lot_that_closes_scales_to_no_more_than_it_asked_for() {
    // 140 shares of a lot of 100 leave whole, as two lots; with the first leg at 500 of 600 they are floor(2 x 500 / 600).
    let mut engine = funded_with(TighterLimits::none(), 986_000, &[(6, 140)]);
    let legs = [buy(1, 1, 600, 100, 3), sell(2, 6, 140)];
    assert_eq!(
        linked(&mut engine, &legs),
        [
            (Reduce, Reason::InstrumentLimit, 500),
            (Reduce, Reason::InstrumentLimit, 100)
        ]
    );
}

#[test]
fn legs_shrink_until_the_ones_before_leave_the_book_inside() {
    // A covering buy passes in any size, but counts in the book's net. At 1% of equity, 10,000, and with the book long by
    // 1,000, covering all of 100 shares alone would carry net past its limit.
    let limits = TighterLimits::new(TighterSpec {
        net_bp: Some(100),
        ..TighterSpec::default()
    })
    .expect("tighter");
    let mut engine = funded_with(limits, 999_000, &[(1, -100), (3, 110)]);
    let cover = buy(1, 1, 100, 100, 3);
    let open = buy(2, 4, 400, 100, 3);
    // n of 400 lots: the cover takes floor(n / 4) and the opening n, together at most 9,000 / 100 = 90 shares: 18 and 72.
    assert_eq!(
        linked(&mut engine, &[cover, open]),
        [
            (Reduce, Reason::TighterLimit, 18),
            (Reduce, Reason::TighterLimit, 72)
        ]
    );
}

#[test]
fn a_modification_that_lowers_may_tighten_the_stop() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 100, 10)).0, Approve);
    let tighter = ReplaceRequest {
        stop_distance: 4 * ONE,
        ..replace(2, 1, 100, 100)
    };
    assert_eq!(
        outcome(&engine.decide_replace(&tighter, T0)),
        (Approve, Reason::None, 100)
    );
    let stops = engine.stops();
    assert_eq!(
        (stops.len(), stops[0].level, stops[0].direction),
        (1, 96 * ONE, Side::Buy)
    );
    engine.on_replaced(1).expect("it was pending");
    // Wider it does not get.
    let wider = ReplaceRequest {
        stop_distance: 30 * ONE,
        ..replace(3, 2, 100, 100)
    };
    assert_eq!(engine.decide_replace(&wider, T0).kind, Approve);
    assert_eq!(engine.stops()[0].level, 96 * ONE);
}

#[test]
fn a_closing_modification_is_not_cut_below_what_is_open() {
    // A lot of 100: 250 are held and an order to sell 250 works (all that can be closed is always whole).
    let mut engine = funded_with(TighterLimits::none(), 975_000, &[(6, 250)]);
    let closing = OrderRequest {
        limit_price: 100 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(1, 6, 250)
    };
    assert_eq!(decide(&mut engine, &closing), (Approve, Reason::None, 250));
    // 400 cannot be closed; two whole lots would be less than what is open.
    assert_eq!(
        outcome(&engine.decide_replace(&replace(2, 1, 400, 100), T0)),
        (Reduce, Reason::ShortSale, 250)
    );
}

#[test]
fn a_second_mark_at_the_limit_holds_up_from_the_moment_of_the_baseline() {
    // 1,000 shares are settled at 90: the second mark of the session's first price of 100 is 90, a tenth of the equity lower.
    let mut engine = opened(&reference(), TighterLimits::none(), 8);
    assert!(engine.on_settlement_price(1, 90 * ONE));
    assert!(engine.on_price(1, 100 * ONE, 100 * ONE, 0, T0));
    engine.begin_positions();
    assert!(engine.on_position(1, 1_000));
    engine.positions_complete();
    engine.on_account(0);
    let state = engine.state_report();
    assert_eq!(state.baseline, 100_000 * ONE);
    assert_eq!(
        (state.trading_state, state.reason),
        (TradingState::ReduceOnly, Reason::Drawdown)
    );
    assert_eq!(engine.killed(), None);
}

#[test]
fn a_correction_after_the_end_is_priced_also_before_the_first_mark_of_a_session() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 100, 3)).0, Approve);
    engine.on_session(SessionState::Open, SESSION + 1);
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    for kind in [ExecKind::Cancelled, ExecKind::Corrected] {
        let cumulative = if kind == ExecKind::Corrected { 30 } else { 0 };
        let done = engine
            .on_execution(&report(1, kind, cumulative))
            .expect("a sound report");
        assert_eq!(done.ask_account, kind == ExecKind::Corrected);
    }
    // 30 at the reserve of 100.
    assert_eq!(engine.cash(), Some(997_000 * ONE));
}

#[test]
fn a_flow_before_the_baseline_is_in_it_already() {
    // 40,000 leave before the first equity of the day is known: they are not there, and no loss may hide behind them.
    let mut engine = priced(TighterLimits::none());
    engine.on_account(1_000_000 * ONE);
    engine.expect_flow(-40_000 * ONE);
    engine.on_account(960_000 * ONE);
    engine.positions_complete();
    assert_eq!(engine.state_report().baseline, 960_000 * ONE);
    assert_eq!(engine.flows(), 0);
    // 5% of the baseline are 48,000.
    engine.on_account(912_001 * ONE);
    assert_eq!(engine.killed(), None);
    engine.on_account(912_000 * ONE);
    assert_eq!(
        engine.killed().map(|kill| kill.reason),
        Some(Reason::Drawdown)
    );
}

#[test]
fn a_millionth_past_a_limit_is_past_it() {
    // 20 millionths less of equity: an issuer's 5% are 49,999.999999, and 500 shares at 100 are a millionth more.
    for asked in [500, 600] {
        let mut engine = funded();
        engine.on_account(1_000_000 * ONE - 20);
        assert_eq!(
            decide(&mut engine, &buy(1, 1, asked, 100, 3)),
            (Reduce, Reason::InstrumentLimit, 499)
        );
    }
}
