//! Stops: levels that only tighten, fire by two marks and close the position in slices.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Flatten, Reduce, Reject};
use dnalyaw_engine::*;

fn levels(engine: &Engine) -> Vec<(u64, Side, i64, bool)> {
    engine
        .stops()
        .iter()
        .map(|stop| (stop.instrument_id, stop.direction, stop.level, stop.fired))
        .collect()
}

fn quote(engine: &mut Engine, id: u64, bid: i64, ask: i64, ts_ns: i64) {
    engine.on_clock(ts_ns);
    assert!(engine.on_price(id, bid * ONE, ask * ONE, 0, ts_ns));
}

fn cancels(engine: &mut Engine) -> Vec<u64> {
    let mut out = vec![7];
    engine.wanted_cancels(&mut out);
    out
}

fn closes(engine: &mut Engine) -> Vec<CloseOrder> {
    let mut out = Vec::new();
    engine.wanted_closes(&mut out);
    out
}

/// 100 shares of instrument 1 bought at 100 with a stop at 96.
fn stopped_at_96() -> Engine {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 100, 4)).0, Approve);
    engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    assert_eq!(levels(&engine), [(1, Side::Buy, 96 * ONE, false)]);
    engine
}

#[test]
fn a_level_only_tightens() {
    let mut engine = stopped_at_96();
    for (id, distance, level) in [(2, 10, 96), (3, 3, 97), (4, 0, 97)] {
        let order = buy(id, 1, 1, 100, distance);
        assert_eq!(decide(&mut engine, &order).0, Approve);
        assert_eq!(levels(&engine), [(1, Side::Buy, level * ONE, false)]);
    }
    assert!(engine.restore_stop(1, Side::Buy, 90 * ONE, false));
    assert!(!engine.restore_stop(99, Side::Buy, 90 * ONE, false));
    assert_eq!(levels(&engine), [(1, Side::Buy, 97 * ONE, false)]);
}

#[test]
fn risk_is_measured_to_the_level_that_holds() {
    // 100 at risk of 4 each; a wish for 1 tightens to 99 and is measured with the floor of 2: 5,000 - 100, then 5% of equity.
    let mut engine = stopped_at_96();
    let wide = engine.decide(&buy(2, 1, 1_000, 100, 40), T0);
    assert_eq!(
        wide.metrics.risk_per_share,
        4 * ONE,
        "the held level, not the wish"
    );
    let tiny = engine.decide(&buy(3, 3, 10, 100, 0), T0);
    assert_eq!(tiny.metrics.risk_per_share, 100 * ONE);
    let tiny = OrderRequest {
        stop_distance: 1,
        ..buy(4, 3, 10, 100, 1)
    };
    let tiny = engine.decide(&tiny, T0);
    assert_eq!(
        tiny.metrics.risk_per_share,
        2 * ONE,
        "a tiny stop buys no risk"
    );
    assert_eq!(tiny.metrics.stop_level, 100 * ONE - 1);
}

#[test]
fn a_level_goes_with_what_it_guards() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 100, 4)).0, Approve);
    assert_eq!(levels(&engine).len(), 1, "a working order is guarded");
    engine
        .on_execution(&report(1, ExecKind::Cancelled, 0))
        .expect("a sound report");
    assert_eq!(levels(&engine), []);
    let mut engine = stopped_at_96();
    assert_eq!(decide(&mut engine, &sell(2, 1, 100)).0, Approve);
    assert_eq!(levels(&engine).len(), 1);
    engine
        .on_execution(&fill(2, 100, 100, 100))
        .expect("a sound report");
    assert_eq!(levels(&engine), []);
    // One that is put back before the account is known waits for it.
    let mut engine = priced(TighterLimits::none());
    assert!(
        engine.restore_stop(1, Side::Buy, 96 * ONE, false)
            && engine.restore_stop(3, Side::Buy, ONE, false)
    );
    engine.begin_positions();
    assert!(engine.on_position(1, 50));
    assert_eq!(levels(&engine).len(), 2);
    engine.positions_complete();
    assert_eq!(levels(&engine), [(1, Side::Buy, 96 * ONE, false)]);
}

#[test]
fn one_that_had_fired_goes_on_closing_when_it_is_put_back() {
    // The market has come back to 100, above the level: only that it fired says that the rest must be sold.
    let mut engine = priced(TighterLimits::none());
    assert!(engine.restore_stop(1, Side::Buy, 96 * ONE, true));
    assert!(engine.restore_stop(3, Side::Buy, 96 * ONE, true));
    engine.begin_positions();
    assert!(engine.on_position(1, 50));
    engine.positions_complete();
    assert_eq!(levels(&engine), [(1, Side::Buy, 96 * ONE, true)]);
    assert_eq!(engine.fired_instruments().collect::<Vec<_>>(), [1]);
    let wanted = closes(&mut engine);
    assert_eq!(wanted.len(), 1);
    assert_eq!(
        (wanted[0].instrument_id, wanted[0].side, wanted[0].quantity),
        (1, Side::Sell, 50)
    );
}

#[test]
fn it_fires_when_both_marks_have_reached_it() {
    let mut engine = stopped_at_96();
    // A resting offer far away would hold up the exit; a bid of another name has nothing to do with it.
    let offer = OrderRequest {
        limit_price: 110 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(2, 1, 60)
    };
    assert_eq!(decide(&mut engine, &offer).0, Approve);
    assert_eq!(decide(&mut engine, &buy(3, 3, 10, 100, 0)).0, Approve);
    quote(&mut engine, 1, 96, 98, T0 + 1);
    assert_eq!(
        levels(&engine),
        [(1, Side::Buy, 96 * ONE, false)],
        "the mark before was 100"
    );
    assert_eq!(
        (cancels(&mut engine), closes(&mut engine)),
        (vec![], vec![])
    );
    quote(&mut engine, 1, 95, 97, T0 + 2);
    assert_eq!(levels(&engine), [(1, Side::Buy, 96 * ONE, true)]);
    assert_eq!(cancels(&mut engine), [2]);
    assert_eq!(cancels(&mut engine), [], "named once");
    let close = CloseOrder {
        instrument_id: 1,
        side: Side::Sell,
        quantity: 40,
        reason: Reason::Stopped,
    };
    assert_eq!(closes(&mut engine), [close], "60 are still being sold");
    let (request, decision) = engine.decide_close(&close, T0 + 2);
    assert_eq!(outcome(&decision), (Flatten, Reason::Stopped, 40));
    // 5% below the middle of 96, on a cent.
    assert_eq!(
        (
            request.limit_price,
            request.order_type,
            request.time_in_force
        ),
        (91_200_000, TYPE_LIMIT, TIF_IOC)
    );
    assert_eq!(closes(&mut engine), [], "one slice at a time");
    let own = request.order_id;
    engine
        .on_execution(&fill(own, 40, 95, 40))
        .expect("a sound report");
    engine
        .on_execution(&report(2, ExecKind::Cancelled, 0))
        .expect("a sound report");
    // Nothing is added, also when the price comes back.
    quote(&mut engine, 1, 100, 100, T0 + 3);
    let more = engine.decide(&buy(4, 1, 1, 95, 2), T0 + 3);
    assert_eq!(outcome(&more), (Reject, Reason::Stopped, 0));
    let close = closes(&mut engine)[0];
    assert_eq!(close.quantity, 60);
    let (request, _) = engine.decide_close(&close, T0 + 3);
    engine
        .on_execution(&fill(request.order_id, 60, 95, 60))
        .expect("a sound report");
    assert_eq!((engine.position(1), levels(&engine)), (0, vec![]));
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    let again = engine.decide(&buy(5, 1, 1, 100, 2), T0 + 3);
    assert_eq!(outcome(&again), (Approve, Reason::None, 1));
}

#[test]
fn an_opening_at_a_reached_level_is_refused_before_it_fires() {
    let mut engine = stopped_at_96();
    quote(&mut engine, 1, 95, 97, T0 + 1);
    let more = engine.decide(&buy(2, 1, 1, 96, 2), T0 + 1);
    assert_eq!(outcome(&more), (Reject, Reason::Stopped, 0));
    let other = engine.decide(&buy(3, 2, 1, 100, 2), T0 + 1);
    assert_eq!(outcome(&other), (Approve, Reason::None, 1));
}

#[test]
fn a_short_has_its_stop_above() {
    let mut engine = shortable();
    let short = OrderRequest {
        side: Side::Sell as u8,
        flags: FLAG_SELL_SHORT,
        ..buy(1, 1, 600, 100, 40)
    };
    // 10,000 / 40.
    assert_eq!(
        decide(&mut engine, &short),
        (Reduce, Reason::TradeRisk, 250)
    );
    assert_eq!(levels(&engine), [(1, Side::Sell, 140 * ONE, false)]);
    engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    let tighter = OrderRequest {
        order_id: 2,
        quantity: 1,
        stop_distance: 5 * ONE,
        ..short
    };
    assert_eq!(decide(&mut engine, &tighter).0, Approve);
    assert_eq!(levels(&engine), [(1, Side::Sell, 105 * ONE, false)]);
    quote(&mut engine, 1, 104, 106, T0 + 1);
    quote(&mut engine, 1, 104, 105, T0 + 2);
    assert_eq!(levels(&engine), [(1, Side::Sell, 105 * ONE, true)]);
    assert_eq!(cancels(&mut engine), [1, 2]);
    let close = closes(&mut engine)[0];
    assert_eq!((close.side, close.quantity), (Side::Buy, 100));
    let (request, _) = engine.decide_close(&close, T0 + 2);
    // 5% above 104.50 is 109.725, on a cent 109.72.
    assert_eq!(request.limit_price, 109_720_000);
}

#[test]
fn the_switch_closes_in_slices_of_a_hundredth_of_the_volume() {
    let reference = [
        InstrumentReference {
            adv: 12_345,
            lot: 50,
            ..plain(1)
        },
        InstrumentReference { adv: 0, ..plain(2) },
        InstrumentReference {
            adv: 10,
            lot: 50,
            ..plain(3)
        },
    ];
    let mut engine = opened(&reference, TighterLimits::none(), 8);
    hold(&mut engine, [(1, 260), (2, -70), (3, 30)]);
    engine.kill(Reason::Operator);
    // 123 shares are two lots; all of an unknown volume; at least a lot, which is more than is held.
    let wanted: Vec<_> = closes(&mut engine)
        .iter()
        .map(|close| (close.instrument_id, close.side, close.quantity))
        .collect();
    assert_eq!(
        wanted,
        [
            (1, Side::Sell, 100),
            (2, Side::Buy, 70),
            (3, Side::Sell, 30)
        ]
    );
    // Without a price at the market.
    let close = closes(&mut engine)[0];
    let (request, decision) = engine.decide_close(&close, T0);
    assert_eq!((request.order_type, request.limit_price), (TYPE_MARKET, 0));
    assert_eq!(outcome(&decision), (Flatten, Reason::Operator, 100));
    let of_one = |engine: &mut Engine| {
        closes(engine)
            .iter()
            .find(|close| close.instrument_id == 1)
            .map(|close| close.quantity)
    };
    assert_eq!(of_one(&mut engine), None);
    // Ended with a fill: the next at once. Without one: after a second.
    engine
        .on_execution(&fill(request.order_id, 60, 100, 60))
        .expect("a sound report");
    engine
        .on_execution(&report(request.order_id, ExecKind::Expired, 60))
        .expect("a sound report");
    assert_eq!(of_one(&mut engine), Some(100));
    let (request, _) = engine.decide_close(&close, T0);
    engine
        .on_execution(&report(request.order_id, ExecKind::Expired, 0))
        .expect("a sound report");
    assert_eq!(of_one(&mut engine), None);
    engine.on_clock(T0 + SECOND);
    assert_eq!(of_one(&mut engine), Some(100));
    for state in [SessionState::Break, SessionState::Closed] {
        engine.on_session(state, SESSION);
        assert_eq!(closes(&mut engine), []);
    }
    engine.on_session(SessionState::Open, SESSION);
    engine.on_venue(false);
    assert_eq!(closes(&mut engine), []);
}

#[test]
fn the_switch_cancels_everything_but_its_own_and_names_each_once() {
    let mut engine = funded_with(TighterLimits::none(), 950_000, &[(1, 500)]);
    assert_eq!(decide(&mut engine, &buy(1, 3, 50, 100, 2)).0, Approve);
    assert_eq!(decide(&mut engine, &sell(2, 1, 150)).0, Approve);
    let foreign = AdoptedOrder {
        order_id: FOREIGN_ORDER_ID_BASE + 9,
        instrument_id: 3,
        side: Side::Buy,
        quantity: 5,
        cumulative_quantity: 0,
        limit_price: 90 * ONE,
    };
    assert_eq!(engine.adopt(&foreign), Ok(()));
    assert_eq!(engine.last_own_order_id(), 0);
    engine.kill(Reason::Operator);
    assert_eq!(cancels(&mut engine), [1, 2, FOREIGN_ORDER_ID_BASE + 9]);
    assert_eq!(cancels(&mut engine), []);
    let close = closes(&mut engine)[0];
    assert_eq!(close.quantity, 350, "150 are still being sold");
    let (request, _) = engine.decide_close(&close, T0);
    assert_eq!(request.order_id, OWN_ORDER_ID_BASE + 1);
    // A cancel asked for before the line broke may never have left; the engine's own orders are not among them.
    engine.on_venue(false);
    assert_eq!(cancels(&mut engine), []);
    engine.on_venue(true);
    assert_eq!(cancels(&mut engine), [1, 2, FOREIGN_ORDER_ID_BASE + 9]);
    // A late fill is closed as well.
    engine
        .on_execution(&fill(1, 50, 100, 50))
        .expect("a sound report");
    assert!(
        closes(&mut engine)
            .iter()
            .any(|close| (close.instrument_id, close.quantity) == (3, 50))
    );
    assert_eq!(engine.running(), engine.recompute_from_scratch());
}
