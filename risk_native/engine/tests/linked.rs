//! Linked legs: decided as one, scaled together. Equity is 1,000,000 and every price 100.00 unless said otherwise.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

fn linked(engine: &mut Engine, legs: &[OrderRequest]) -> Vec<(DecisionKind, Reason, i64)> {
    let blank = engine.clone().decide(
        &OrderRequest {
            order_id: 0,
            ..legs[0]
        },
        T0,
    );
    let mut out = vec![blank; legs.len()];
    engine
        .decide_linked(legs, T0, &mut out)
        .expect("legs and answers agree");
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    assert!(engine.shadow().check().is_ok());
    out.iter().map(outcome).collect()
}

#[test]
fn legs_that_fit_are_approved_together() {
    let mut engine = funded();
    assert_eq!(
        linked(
            &mut engine,
            &[buy(1, 1, 100, 100, 2), buy(2, 3, 50, 100, 2)]
        ),
        [(Approve, Reason::None, 100), (Approve, Reason::None, 50)]
    );
    assert_eq!(engine.working_orders().len(), 2);
    assert_eq!(engine.last_order_id(), 2);
}

#[test]
fn a_pair_scales_together() {
    // 1,000 and 500: the first fits 500 of its 1,000, so the second gets half as well.
    let mut engine = funded();
    assert_eq!(
        linked(
            &mut engine,
            &[buy(1, 1, 1_000, 100, 2), buy(2, 3, 500, 100, 2)]
        ),
        [
            (Reduce, Reason::InstrumentLimit, 500),
            (Reduce, Reason::InstrumentLimit, 250)
        ]
    );
    // Also when the second is what binds: 100 shares without a stop of a wish for 200.
    let mut engine = funded();
    assert_eq!(
        linked(
            &mut engine,
            &[buy(1, 1, 300, 100, 2), buy(2, 8, 200, 100, 2)]
        ),
        [
            (Reduce, Reason::TradeRisk, 151),
            (Reduce, Reason::TradeRisk, 100)
        ]
    );
}

#[test]
fn legs_of_one_issuer_share_its_limit() {
    // 400 and 400 of one issuer that takes 500: 250 each.
    let mut engine = funded();
    assert_eq!(
        linked(
            &mut engine,
            &[buy(1, 1, 400, 100, 2), buy(2, 2, 400, 100, 2)]
        ),
        [
            (Reduce, Reason::InstrumentLimit, 250),
            (Reduce, Reason::InstrumentLimit, 250)
        ]
    );
    let held: i64 = engine
        .working_orders()
        .iter()
        .map(|order| order.quantity)
        .sum();
    assert_eq!(held, 500);
}

#[test]
fn one_bad_leg_rejects_all_and_leaves_no_trace() {
    let mut engine = funded();
    let before = engine.running();
    assert_eq!(
        linked(
            &mut engine,
            &[
                buy(1, 1, 100, 100, 2),
                buy(2, 7, 100, 100, 2),
                buy(3, 3, 100, 100, 2)
            ]
        ),
        [
            (Reject, Reason::LinkedLeg, 0),
            (Reject, Reason::NotTradable, 0),
            (Reject, Reason::LinkedLeg, 0)
        ]
    );
    assert_eq!(engine.running(), before);
    assert_eq!(engine.stops(), []);
    assert_eq!(engine.last_order_id(), 3, "the ids are taken");
    // Neither throttle remembers what was only tried.
    for id in 4..=6 {
        assert_eq!(decide(&mut engine, &buy(id, 1, 100, 100, 2)).0, Approve);
    }
    // An id that was taken is a fault like any other; so is a side that is none.
    assert_eq!(
        linked(&mut engine, &[buy(7, 3, 1, 100, 2), buy(6, 4, 1, 100, 2)]),
        [
            (Reject, Reason::LinkedLeg, 0),
            (Reject, Reason::DuplicateId, 0)
        ]
    );
}

#[test]
fn nothing_fits_by_the_reason_of_the_smallest_step() {
    let mut engine = funded_with(TighterLimits::none(), 950_000, &[(1, 500)]);
    assert_eq!(
        linked(&mut engine, &[buy(1, 3, 10, 100, 2), buy(2, 1, 10, 100, 2)]),
        [
            (Reject, Reason::InstrumentLimit, 0),
            (Reject, Reason::InstrumentLimit, 0)
        ]
    );
}

#[test]
fn legs_may_not_trade_with_each_other() {
    let mut engine = funded_with(TighterLimits::none(), 990_000, &[(1, 100)]);
    let offer = OrderRequest {
        limit_price: 100 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(1, 1, 10)
    };
    assert_eq!(
        linked(&mut engine, &[offer, buy(2, 1, 10, 100, 2)]),
        [
            (Reject, Reason::LinkedLeg, 0),
            (Reject, Reason::SelfMatch, 0)
        ]
    );
}

#[test]
fn a_number_of_legs_that_cannot_be_is_refused_without_a_decision() {
    let mut engine = funded();
    let leg = buy(1, 1, 1, 100, 2);
    let blank = engine.clone().decide(&leg, T0);
    let mut out = [blank; 17];
    assert_eq!(
        engine.decide_linked(&[leg], T0, &mut out[..1]),
        Err(LinkError::Legs(1))
    );
    assert_eq!(
        engine.decide_linked(&[leg; 17], T0, &mut out),
        Err(LinkError::Legs(17))
    );
    assert_eq!(
        engine.decide_linked(&[leg; 2], T0, &mut out[..3]),
        Err(LinkError::Answers(3))
    );
    assert_eq!(engine.last_order_id(), 0);
}

#[test]
fn a_stop_that_one_leg_fires_does_not_refuse_the_next() {
    // Bid and last are 97 and the middle is 99: a stop at 98 is not reached by the reference, and is by both marks.
    let mut engine = funded_with(TighterLimits::none(), 990_000, &[(4, 100)]);
    let now = engine.price(4).map_or(T0, |price| price.ts_ns);
    assert!(engine.on_price(4, 97 * ONE, 101 * ONE, 97 * ONE, now));
    assert_eq!(
        linked(&mut engine, &[buy(1, 4, 10, 99, 1), buy(2, 4, 20, 99, 1)]),
        [(Approve, Reason::None, 10), (Approve, Reason::None, 20)]
    );
    let [stop] = engine.stops()[..] else {
        panic!("one stop: {:?}", engine.stops());
    };
    assert_eq!((stop.level, stop.fired), (98 * ONE, true));
    // From now on it is fired.
    assert_eq!(
        decide(&mut engine, &buy(3, 4, 10, 98, 1)),
        (Reject, Reason::Stopped, 0)
    );
}
