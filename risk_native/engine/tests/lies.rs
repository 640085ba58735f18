//! A client that lies: nothing that an order says of itself loosens a limit. Equity is 1,000,000, every price 100.00: 500 shares
//! an issuer, 10,000 at risk in a trade.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

/// The first instrument gaps by a quarter: at least 25 are at risk in each share, so 400 may be held.
fn gapping() -> Engine {
    let mut rows = reference();
    rows[0].gap_bp = 2_500;
    rows[0].locate = 10_000;
    let mut engine =
        Engine::with_room(&rows, TighterLimits::none(), 64).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.set_firm_rate(Some(ONE));
    engine.on_clock(T0);
    for row in rows {
        at(&mut engine, row.instrument_id, 100);
    }
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    engine
}

fn with_stop(stop_distance: i64) -> OrderRequest {
    OrderRequest {
        stop_distance,
        ..buy(1, 1, 1_000, 100, 0)
    }
}

#[test]
fn a_tiny_stop_risks_no_less_than_a_nights_gap() {
    for tiny in [1, 10_000, 24 * ONE, 25 * ONE] {
        assert_eq!(
            decide(&mut gapping(), &with_stop(tiny)),
            (Reduce, Reason::TradeRisk, 400),
            "{tiny}"
        );
    }
}

#[test]
fn a_huge_stop_and_none_risk_the_whole_price() {
    for huge in [0, 100 * ONE, 100 * ONE + 1, MAX_PRICE] {
        assert_eq!(
            decide(&mut gapping(), &with_stop(huge)),
            (Reduce, Reason::TradeRisk, 100),
            "{huge}"
        );
    }
}

#[test]
fn a_stop_on_the_wrong_side_does_not_exist() {
    for wrong in [-1, -100 * ONE, i64::MIN, MAX_PRICE + 1, i64::MAX] {
        assert_eq!(
            decide(&mut gapping(), &with_stop(wrong)),
            (Reject, Reason::Malformed, 0),
            "{wrong}"
        );
    }
}

#[test]
fn many_small_orders_with_tiny_stops_risk_no_more_than_one() {
    let mut engine = gapping();
    let mut bought = 0;
    for id in 1..=50 {
        let part = OrderRequest {
            order_id: id,
            quantity: id as i64,
            ..with_stop(1)
        };
        bought += engine.decide(&part, T0).approved_quantity;
    }
    assert_eq!(bought, 400);
}

#[test]
fn a_stop_only_tightens_and_is_the_engines_to_fire() {
    let mut engine = gapping();
    let tight = OrderRequest {
        quantity: 100,
        ..with_stop(5 * ONE)
    };
    assert_eq!(decide(&mut engine, &tight).0, Approve);
    for (id, distance) in [(2, 50 * ONE), (3, 0), (4, MAX_PRICE)] {
        let looser = OrderRequest {
            order_id: id,
            quantity: 1,
            ..with_stop(distance)
        };
        assert_eq!(decide(&mut engine, &looser).0, Approve);
        assert_eq!(engine.stops()[0].level, 95 * ONE);
    }
    engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    at(&mut engine, 1, 95);
    assert!(engine.stops()[0].fired);
    let mut closes = Vec::new();
    engine.wanted_closes(&mut closes);
    assert_eq!(
        closes
            .iter()
            .map(|close| (
                close.instrument_id,
                close.side,
                close.quantity,
                close.reason
            ))
            .collect::<Vec<_>>(),
        [(1, Side::Sell, 100, Reason::Stopped)]
    );
}

#[test]
fn flags_open_no_door() {
    // Marked short without a locate; marked short while long; marked both ways; not marked at all; bits without a meaning.
    for (instrument, flags, side, reason) in [
        (3, FLAG_SELL_SHORT, Side::Sell, Reason::NoLocate),
        (4, FLAG_SELL_SHORT, Side::Sell, Reason::ShortMarking),
        (3, FLAG_SELL_SHORT, Side::Buy, Reason::ShortMarking),
        (3, 3, Side::Sell, Reason::ShortMarking),
        (3, 0, Side::Sell, Reason::ShortSale),
        (3, FLAG_REDUCE_ONLY, Side::Sell, Reason::ReduceOnly),
        (3, FLAG_REDUCE_ONLY, Side::Buy, Reason::ReduceOnly),
        (3, 4, Side::Buy, Reason::Malformed),
        (3, 255, Side::Buy, Reason::Malformed),
    ] {
        let mut engine = funded_with(TighterLimits::none(), 990_000, &[(4, 100)]);
        let lie = OrderRequest {
            flags,
            ..order(1, instrument, side, 10)
        };
        assert_eq!(
            decide(&mut engine, &lie),
            (Reject, reason, 0),
            "{instrument} {flags}"
        );
        assert!(engine.working_orders().is_empty());
    }
}

#[test]
fn ids_of_others_change_nothing() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(10, 1, 100, 100, 3)).0, Approve);
    let before = engine.running();
    for id in [
        0,
        1,
        9,
        10,
        OWN_ORDER_ID_BASE,
        FOREIGN_ORDER_ID_BASE,
        u64::MAX,
    ] {
        let decision = engine.decide(&buy(id, 3, 100, 100, 3), T0);
        assert_eq!(decision.kind, Reject, "{id}");
        let change = ReplaceRequest {
            order_id: id,
            original_id: 10,
            quantity: 1,
            limit_price: 100 * ONE,
            stop_distance: 0,
        };
        assert_eq!(engine.decide_replace(&change, T0).kind, Reject, "{id}");
    }
    assert_eq!(engine.running(), before);
    assert_eq!(engine.last_order_id(), 10);
}

#[test]
fn an_order_that_names_no_strategy_passes_no_halt_of_one() {
    let mut engine = funded();
    engine.halt_strategies(0b100);
    for (id, strategies, passes) in [
        (1, 0b100, false),
        (2, u64::MAX, false),
        (3, 0, false),
        (4, 0b011, true),
    ] {
        let order = OrderRequest {
            strategies,
            ..buy(id, 1, 10, 100, 3)
        };
        let (kind, reason, _) = decide(&mut engine, &order);
        assert_eq!(kind == Approve, passes, "{strategies:b} {reason:?}");
        assert_eq!(reason == Reason::StrategyHalted, !passes);
    }
    engine.halt_strategies(0);
    let nameless = buy(5, 3, 10, 100, 3);
    assert_eq!(decide(&mut engine, &nameless).0, Approve);
}

#[test]
fn whatever_an_order_claims_the_book_stays_inside() {
    let claims = [0, 1, 3 * ONE, 25 * ONE, 99 * ONE, MAX_PRICE];
    let mut accepted = 0;
    for stop_distance in claims {
        for strategies in [0, 1, u64::MAX] {
            for time_in_force in [TIF_DAY, TIF_IOC] {
                for (side, flags) in [(Side::Buy, 0), (Side::Sell, FLAG_SELL_SHORT)] {
                    for limit_price in [0, 96 * ONE, 100 * ONE, 104 * ONE] {
                        let lie = OrderRequest {
                            stop_distance,
                            strategies,
                            time_in_force,
                            flags,
                            limit_price,
                            order_type: if limit_price == 0 {
                                TYPE_MARKET
                            } else {
                                TYPE_LIMIT
                            },
                            ..order(1, 1, side, 1_000)
                        };
                        let mut engine = gapping();
                        let decision = engine.decide(&lie, T0);
                        let shares = decision.approved_quantity;
                        accepted += i64::from(shares > 0);
                        // A twentieth of equity for the issuer, a hundredth at risk where a share risks at least 25.
                        assert!(decision.metrics.issuer_exposure <= 50_000 * ONE);
                        assert!(shares * 25 <= 10_000, "{lie:?}: {shares}");
                        assert!(stop_distance != 0 || shares * 100 <= 10_000);
                    }
                }
            }
        }
    }
    assert_eq!(
        accepted,
        6 * 3 * 2 * 2 * 4,
        "every one of them is cut, none refused"
    );
}
