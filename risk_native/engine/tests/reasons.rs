//! Every reason code, raised by the smallest cause; and for each check what it does to an opening and to a reducing order.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Flatten, Reduce, Reject};
use dnalyaw_engine::*;

const LIMIT_HELD: i64 = 400;

/// 400 shares of instruments 1 and 7 and 920,000 in cash: an equity of one million.
fn holding() -> Engine {
    funded_with(
        TighterLimits::none(),
        920_000,
        &[(1, LIMIT_HELD), (7, LIMIT_HELD)],
    )
}

fn opens(engine: &mut Engine, instrument_id: u64) -> (DecisionKind, Reason, i64) {
    let id = engine.last_order_id() + 1;
    decide(engine, &buy(id, instrument_id, 10, 100, 2))
}

fn reduces(engine: &mut Engine, instrument_id: u64) -> (DecisionKind, Reason, i64) {
    let id = engine.last_order_id() + 1;
    decide(engine, &sell(id, instrument_id, 10))
}

const PASSES: (DecisionKind, Reason, i64) = (Approve, Reason::None, 10);

fn rejects(reason: Reason) -> (DecisionKind, Reason, i64) {
    (Reject, reason, 0)
}

#[test]
fn codes_are_the_contracts() {
    let contract = "0 NONE · 1 INSTRUMENT_LIMIT · 2 SECTOR_LIMIT · 3 DRAWDOWN · 4 TRADE_RISK · 10 UNKNOWN_INSTRUMENT · \
        11 NOT_TRADABLE · 12 NO_PRICE · 13 STALE_PRICE · 14 NO_ACCOUNT · 15 VENUE_DOWN · 16 SESSION_CLOSED · 17 HALTED · \
        18 REDUCE_ONLY · 19 KILLED · 20 BAD_QUANTITY · 21 BAD_LOT · 22 BAD_TICK · 23 COLLAR · 24 BUYING_POWER · \
        25 SHORT_SALE · 26 DUPLICATE_ID · 27 BAD_SIDE · 28 MALFORMED · 29 REFERENCE_MISSING · 30 JOURNAL_FAILED · \
        31 TIGHTER_LIMIT · 32 RESTRICTED · 33 INSTRUMENT_HALTED · 34 STRATEGY_HALTED · 35 VENUE_HALTED · 36 MAX_QUANTITY · \
        37 MAX_NOTIONAL · 38 GROSS_LIMIT · 39 NET_LIMIT · 40 VENUE_REJECT · 41 VENUE_NEVER_SAW · 42 CANCELLED · \
        43 EXPIRED · 44 UNKNOWN_ORDER · 45 OPERATOR · 46 PARTICIPATION · 47 RATE_THROTTLE · 48 REPEATED_ORDER · \
        49 NO_LOCATE · 50 SHORT_MARKING · 51 SELF_MATCH · 52 LINKED_LEG · 53 SHADOW · 54 UNRECONCILED · 55 LINK_LOST · \
        56 TOO_MANY_ORDERS · 57 STOPPED · 58 STALE_MARK · 59 REPLACED";
    let listed: Vec<String> = Reason::ALL
        .iter()
        .map(|reason| format!("{} {}", reason.code(), reason.name()))
        .collect();
    assert_eq!(listed.join(" · "), contract);
    for reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(*reason));
    }
    assert_eq!(Reason::from_code(5), None);
}

#[test]
fn nothing_wrong_is_approved_both_ways() {
    assert_eq!(opens(&mut holding(), 3), PASSES);
    assert_eq!(reduces(&mut holding(), 1), PASSES);
}

#[test]
fn unknown_instrument() {
    assert_eq!(
        opens(&mut holding(), 99),
        rejects(Reason::UnknownInstrument)
    );
    assert_eq!(
        reduces(&mut holding(), 99),
        rejects(Reason::UnknownInstrument)
    );
}

#[test]
fn not_tradable() {
    assert_eq!(opens(&mut holding(), 7), rejects(Reason::NotTradable));
    assert_eq!(reduces(&mut holding(), 7), PASSES);
}

#[test]
fn no_price() {
    let mut engine = opened(&reference(), TighterLimits::none(), 64);
    assert!(engine.on_settlement_price(1, 100 * ONE));
    assert!(engine.on_position(1, LIMIT_HELD));
    engine.positions_complete();
    engine.on_account(960_000 * ONE);
    // A settlement price is none, nor a crossed quote without a print, nor one side alone.
    assert!(engine.on_price(1, 101 * ONE, 100 * ONE, 0, T0));
    assert!(engine.on_price(1, 100 * ONE, 0, 0, T0));
    assert_eq!(opens(&mut engine, 1), rejects(Reason::NoPrice));
    assert_eq!(reduces(&mut engine.clone(), 1), PASSES);
    assert!(engine.on_price(1, 0, 0, 100 * ONE, T0));
    assert_eq!(opens(&mut engine, 1), PASSES);
    // An update without a price leaves what is held, and its age.
    assert!(engine.on_price(1, 100 * ONE, 0, 0, T0 + 900 * SECOND));
    engine.on_clock(T0 + 900 * SECOND + 1);
    assert_eq!(opens(&mut engine, 1), rejects(Reason::StalePrice));
}

#[test]
fn stale_price() {
    let mut engine = holding();
    engine.on_clock(T0 + 900 * SECOND);
    assert_eq!(opens(&mut engine, 3), PASSES);
    engine.on_clock(T0 + 900 * SECOND + 1);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::StalePrice));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    // A price from the future is not believed either.
    assert!(engine.on_price(3, 100 * ONE, 100 * ONE, 0, T0 + 1_801 * SECOND));
    assert_eq!(opens(&mut engine, 3), rejects(Reason::StalePrice));
}

#[test]
fn an_older_price_does_not_replace_a_newer_one() {
    let mut engine = holding();
    assert!(engine.on_price(1, 50 * ONE, 50 * ONE, 0, T0 - 1));
    assert_eq!(engine.price(1).expect("priced").bid, 100 * ONE);
    assert!(!engine.on_price(99, ONE, ONE, 0, T0));
}

#[test]
fn no_account() {
    // Nothing known: not even reducing, since what is held is not known.
    let mut engine = priced(TighterLimits::none());
    assert_eq!(opens(&mut engine, 1), rejects(Reason::NoAccount));
    assert_eq!(reduces(&mut engine, 1), rejects(Reason::NoAccount));
    // Positions alone: reducing only.
    assert!(engine.on_position(1, LIMIT_HELD));
    engine.positions_complete();
    assert_eq!(opens(&mut engine, 3), rejects(Reason::NoAccount));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    engine.on_account(960_000 * ONE);
    assert_eq!(opens(&mut engine, 3), PASSES);
    // A new report makes both halves unknown until both are in.
    engine.begin_positions();
    engine.on_account(960_000 * ONE);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::NoAccount));
    engine.positions_complete();
    assert_eq!(engine.positions(), []);
}

#[test]
fn no_account_while_a_held_position_has_no_mark() {
    let mut engine =
        Engine::with_room(&reference(), TighterLimits::none(), 8).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    at(&mut engine, 3, 100);
    assert!(engine.on_position(1, 10));
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    assert_eq!(engine.equity(), None);
    assert_eq!(
        decide(&mut engine, &buy(1, 3, 10, 100, 2)),
        rejects(Reason::NoAccount)
    );
    // The settlement price values it, but prices no order.
    assert!(engine.on_settlement_price(1, 90 * ONE));
    assert_eq!(engine.equity(), Some(1_000_900 * ONE));
    assert_eq!(decide(&mut engine, &buy(2, 3, 10, 100, 2)), PASSES);
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 10, 90, 2)),
        rejects(Reason::NoPrice)
    );
    assert!(!engine.on_settlement_price(99, ONE));
}

#[test]
fn venue_down() {
    let mut engine = holding();
    engine.on_venue(false);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::VenueDown));
    assert_eq!(reduces(&mut engine, 1), rejects(Reason::VenueDown));
}

#[test]
fn session_closed_and_break() {
    for state in [
        SessionState::Unknown,
        SessionState::PreOpen,
        SessionState::Closed,
    ] {
        let mut engine = holding();
        engine.on_session(state, SESSION);
        assert_eq!(opens(&mut engine, 3), rejects(Reason::SessionClosed));
        assert_eq!(reduces(&mut engine, 1), rejects(Reason::SessionClosed));
    }
    let mut engine = holding();
    engine.on_session(SessionState::Break, SESSION);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::Halted));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    // A session of the past is not believed.
    engine.on_session(SessionState::Open, SESSION - 1);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::SessionClosed));
}

#[test]
fn halted() {
    let mut engine = holding();
    engine.set_halt(Halt::Operator, true);
    assert_eq!(engine.trading_state(), TradingState::Halted);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::Halted));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    engine.set_halt(Halt::Operator, false);
    assert_eq!(opens(&mut engine, 3), PASSES);
}

#[test]
fn reduce_only_by_state_and_by_flag() {
    let mut engine = holding();
    engine.set_hold(Hold::Operator, true);
    assert_eq!(engine.trading_state(), TradingState::ReduceOnly);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::ReduceOnly));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    engine.set_hold(Hold::Operator, false);
    let flagged = OrderRequest {
        flags: FLAG_REDUCE_ONLY,
        ..buy(50, 3, 10, 100, 2)
    };
    assert_eq!(decide(&mut engine, &flagged), rejects(Reason::ReduceOnly));
    let flagged = OrderRequest {
        flags: FLAG_REDUCE_ONLY,
        ..sell(51, 1, 1_000)
    };
    assert_eq!(
        decide(&mut engine, &flagged),
        (Reduce, Reason::ReduceOnly, LIMIT_HELD - 10)
    );
}

#[test]
fn killed_by_the_operator() {
    let mut engine = holding();
    engine.kill(Reason::Operator);
    let state = engine.state_report();
    assert_eq!(
        (state.trading_state, state.reason),
        (TradingState::Killed, Reason::Operator)
    );
    assert_eq!(opens(&mut engine, 3), rejects(Reason::Killed));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    // Nothing that is typed lifts it, and a halt does not keep closing orders in.
    engine.set_hold(Hold::Operator, false);
    engine.set_halt(Halt::Operator, true);
    assert_eq!(reduces(&mut engine, 1), PASSES);
}

#[test]
fn bad_quantity_lot_tick_side() {
    let mut engine = holding();
    for quantity in [0, -1, i64::MIN, MAX_QUANTITY + 1, i64::MAX] {
        let id = engine.last_order_id() + 1;
        assert_eq!(
            decide(&mut engine, &buy(id, 1, quantity, 100, 2)),
            rejects(Reason::BadQuantity)
        );
    }
    assert_eq!(
        decide(&mut engine, &buy(10, 6, 150, 100, 2)),
        rejects(Reason::BadLot)
    );
    let off_tick = OrderRequest {
        limit_price: 100_005_000,
        ..buy(11, 1, 10, 100, 2)
    };
    assert_eq!(decide(&mut engine, &off_tick), rejects(Reason::BadTick));
    for side in [0, 3, 255] {
        let id = engine.last_order_id() + 1;
        assert_eq!(
            decide(
                &mut engine,
                &OrderRequest {
                    side,
                    ..buy(id, 1, 10, 100, 2)
                }
            ),
            rejects(Reason::BadSide)
        );
    }
}

#[test]
fn an_odd_lot_can_leave_whole() {
    let mut engine = funded_with(TighterLimits::none(), 970_000, &[(6, 250)]);
    assert_eq!(
        decide(&mut engine, &sell(1, 6, 50)),
        rejects(Reason::BadLot)
    );
    assert_eq!(
        decide(&mut engine, &sell(2, 6, 200)),
        (Approve, Reason::None, 200)
    );
    assert_eq!(
        decide(&mut engine, &sell(3, 6, 100)),
        (Reduce, Reason::ShortSale, 50)
    );
    let mut engine = funded_with(TighterLimits::none(), 970_000, &[(6, 250)]);
    assert_eq!(
        decide(&mut engine, &sell(1, 6, 250)),
        (Approve, Reason::None, 250)
    );
    let mut engine = funded_with(TighterLimits::none(), 970_000, &[(6, 250)]);
    assert_eq!(
        decide(&mut engine, &sell(1, 6, 300)),
        (Reduce, Reason::ShortSale, 200)
    );
}

#[test]
fn collar() {
    let mut engine = holding();
    assert_eq!(decide(&mut engine, &buy(1, 3, 10, 105, 6)), PASSES);
    let above = OrderRequest {
        limit_price: 105_010_000,
        ..buy(2, 3, 10, 105, 6)
    };
    assert_eq!(decide(&mut engine, &above), rejects(Reason::Collar));
    assert_eq!(decide(&mut engine, &buy(3, 3, 10, 95, 6)), PASSES);
    let below = OrderRequest {
        limit_price: 94_990_000,
        ..buy(4, 3, 10, 95, 6)
    };
    assert_eq!(decide(&mut engine, &below), rejects(Reason::Collar));
    // What closes gets out at up to 20% away.
    for (id, price, told) in [
        (5, 80_000_000, PASSES),
        (6, 79_990_000, rejects(Reason::Collar)),
        (7, 120_000_000, PASSES),
        (8, 120_010_000, rejects(Reason::Collar)),
    ] {
        let far = OrderRequest {
            limit_price: price,
            order_type: TYPE_LIMIT,
            ..sell(id, 1, 10)
        };
        assert_eq!(decide(&mut engine, &far), told, "{price}");
    }
    // An offer beyond the collar: a market order would pay more than was reserved for it.
    assert!(engine.on_price(4, 90 * ONE, 110 * ONE, 100 * ONE, T0));
    assert_eq!(
        decide(&mut engine, &order(9, 4, Side::Buy, 10)),
        rejects(Reason::Collar)
    );
}

#[test]
fn short_sale() {
    let mut engine = holding();
    assert_eq!(
        decide(&mut engine, &sell(1, 3, 10)),
        rejects(Reason::ShortSale)
    );
    assert_eq!(
        decide(&mut engine, &sell(2, 1, 500)),
        (Reduce, Reason::ShortSale, LIMIT_HELD)
    );
    assert_eq!(
        decide(&mut engine, &sell(3, 1, 1)),
        rejects(Reason::ShortSale)
    );
    // A buy that only works cannot be sold yet.
    assert_eq!(decide(&mut engine, &buy(4, 3, 10, 100, 2)), PASSES);
    assert_eq!(
        decide(&mut engine, &sell(5, 3, 10)),
        rejects(Reason::ShortSale)
    );
}

#[test]
fn a_short_that_the_venue_reports_can_only_be_covered() {
    let mut engine = funded_with(TighterLimits::none(), 1_010_000, &[(1, -100)]);
    assert_eq!(engine.equity(), Some(1_000_000 * ONE));
    assert_eq!(
        decide(&mut engine, &sell(1, 1, 10)),
        rejects(Reason::ShortSale)
    );
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 150, 100, 2)),
        (Reduce, Reason::ShortSale, 100)
    );
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 1, 100, 2)),
        rejects(Reason::ShortSale)
    );
    engine
        .on_execution(&fill(2, 100, 100, 100))
        .expect("a sound report");
    assert_eq!(engine.positions(), []);
    assert_eq!(decide(&mut engine, &buy(4, 1, 10, 100, 2)), PASSES);
}

#[test]
fn duplicate_ids() {
    let mut engine = holding();
    assert_eq!(decide(&mut engine, &buy(5, 3, 10, 100, 2)), PASSES);
    assert_eq!(
        decide(&mut engine, &buy(5, 3, 10, 100, 2)),
        rejects(Reason::DuplicateId)
    );
    assert_eq!(
        decide(&mut engine, &buy(4, 3, 10, 100, 2)),
        rejects(Reason::DuplicateId)
    );
    // A rejected id is taken as well.
    assert_eq!(
        decide(&mut engine, &buy(6, 99, 10, 100, 2)),
        rejects(Reason::UnknownInstrument)
    );
    assert_eq!(
        decide(&mut engine, &buy(6, 3, 10, 100, 2)),
        rejects(Reason::DuplicateId)
    );
    assert_eq!(engine.last_order_id(), 6);
    engine.restore_last_order_id(100, 0);
    engine.restore_last_order_id(7, 0);
    assert_eq!(engine.last_order_id(), 100);
}

#[test]
fn malformed() {
    let mut engine = holding();
    let good = buy(1, 3, 10, 100, 2);
    for bad in [
        OrderRequest {
            order_id: 0,
            ..good
        },
        OrderRequest {
            order_id: OWN_ORDER_ID_BASE,
            ..good
        },
        OrderRequest {
            order_id: u64::MAX,
            ..good
        },
        OrderRequest {
            order_id: 1,
            order_type: 3,
            ..good
        },
        OrderRequest {
            order_id: 2,
            order_type: 0,
            ..good
        },
        OrderRequest {
            order_id: 3,
            time_in_force: 1,
            ..good
        },
        OrderRequest {
            order_id: 4,
            flags: 4,
            ..good
        },
        OrderRequest {
            order_id: 5,
            limit_price: 0,
            ..good
        },
        OrderRequest {
            order_id: 6,
            limit_price: -1,
            ..good
        },
        OrderRequest {
            order_id: 7,
            limit_price: MAX_PRICE + 1,
            ..good
        },
        OrderRequest {
            order_id: 8,
            stop_distance: -1,
            ..good
        },
        OrderRequest {
            order_id: 9,
            order_type: TYPE_MARKET,
            ..good
        },
    ] {
        assert_eq!(
            decide(&mut engine, &bad),
            rejects(Reason::Malformed),
            "{bad:?}"
        );
    }
    assert_eq!(engine.last_order_id(), 9);
}

#[test]
fn reference_missing() {
    let mut engine = holding();
    assert!(!engine.on_position(99, 5));
    assert_eq!(engine.equity(), None);
    assert_eq!(opens(&mut engine, 3), rejects(Reason::ReferenceMissing));
    assert_eq!(reduces(&mut engine, 1), PASSES);
    assert!(!engine.on_position(99, 0));
    assert_eq!(opens(&mut engine, 3), PASSES);
    // A quantity that cannot be is no position.
    assert!(!engine.on_position(3, i64::MIN));
    assert_eq!(opens(&mut engine, 3), rejects(Reason::ReferenceMissing));
    assert!(engine.on_position(3, 0));
    assert_eq!(opens(&mut engine, 3), PASSES);
}

#[test]
fn unknown_order_and_operator_flatten() {
    let mut engine = holding();
    assert_eq!(engine.request_cancel(1), Err(Reason::UnknownOrder));
    assert_eq!(engine.request_cancel(0), Err(Reason::UnknownOrder));
    engine.kill(Reason::Operator);
    let close = CloseOrder {
        instrument_id: 1,
        side: Side::Sell,
        quantity: 400,
        reason: Reason::Operator,
    };
    let (request, decision) = engine.decide_close(&close, T0);
    assert_eq!(outcome(&decision), (Flatten, Reason::Operator, 400));
    assert_eq!(
        (request.order_id, request.quantity),
        (OWN_ORDER_ID_BASE + 1, 400)
    );
}
