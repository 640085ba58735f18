//! What an opening order may not do besides exceeding exposure: halts, throttles, volume, shorts, own orders on the other side.
//! Equity is 1,000,000 and every price 100.00 unless said otherwise.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

fn rejects(reason: Reason) -> (DecisionKind, Reason, i64) {
    (Reject, reason, 0)
}

/// One million in cash over a reference that was changed.
fn funded_over(change: impl Fn(&mut InstrumentReference), positions: &[(u64, i64)]) -> Engine {
    let mut reference = reference();
    reference.iter_mut().for_each(change);
    let mut engine = opened(&reference, TighterLimits::none(), 64);
    for entry in &reference {
        at(&mut engine, entry.instrument_id, 100);
    }
    hold(&mut engine, positions.iter().copied());
    let invested: i64 = positions.iter().map(|(_, quantity)| quantity * 100).sum();
    engine.on_account((1_000_000 - invested) * ONE);
    engine
}

fn short(order_id: u64, instrument_id: u64, quantity: i64, price: i64, stop: i64) -> OrderRequest {
    OrderRequest {
        side: Side::Sell as u8,
        flags: FLAG_SELL_SHORT,
        ..buy(order_id, instrument_id, quantity, price, stop)
    }
}

#[test]
fn each_thing_is_halted_on_its_own_and_closing_passes() {
    let mut engine = funded_with(TighterLimits::none(), 960_000, &[(1, 400)]);
    assert!(engine.halt_instrument(1, true));
    assert!(!engine.halt_instrument(99, true));
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 10, 100, 2)),
        rejects(Reason::InstrumentHalted)
    );
    assert_eq!(decide(&mut engine, &sell(2, 1, 10)).0, Approve);
    assert_eq!(decide(&mut engine, &buy(3, 3, 10, 100, 2)).0, Approve);
    assert!(engine.halt_instrument(1, false));

    assert!(engine.halt_venue("NYSE", true));
    assert!(!engine.halt_venue("NOWHERE", true));
    assert_eq!(
        decide(&mut engine, &buy(4, 3, 11, 100, 2)),
        rejects(Reason::VenueHalted)
    );
    assert!(engine.halt_venue("NYSE", false));

    engine.halt_strategies(0b100);
    let of = |order_id, strategies| OrderRequest {
        strategies,
        ..buy(order_id, 3, order_id as i64, 100, 2)
    };
    assert_eq!(
        decide(&mut engine, &of(5, 0b110)),
        rejects(Reason::StrategyHalted)
    );
    assert_eq!(decide(&mut engine, &of(6, 0b011)).0, Approve);
    let closing = OrderRequest {
        strategies: 0b100,
        ..sell(7, 1, 10)
    };
    assert_eq!(decide(&mut engine, &closing).0, Approve);
    engine.halt_strategies(0);
    assert_eq!(decide(&mut engine, &of(8, 0b110)).0, Approve);
}

#[test]
fn every_halt_and_hold_gives_its_own_reason_and_the_first_is_named() {
    for (halt, reason) in [
        (Halt::NotReconciled, Reason::NoAccount),
        (Halt::Unreconciled, Reason::Unreconciled),
        (Halt::Shadow, Reason::Shadow),
        (Halt::Journal, Reason::JournalFailed),
        (Halt::Operator, Reason::Halted),
    ] {
        let mut engine = funded_with(TighterLimits::none(), 960_000, &[(1, 400)]);
        engine.set_halt(Halt::Operator, true);
        engine.set_halt(halt, true);
        engine.set_hold(Hold::LinkLost, true);
        let state = engine.state_report();
        assert_eq!(
            (state.trading_state, state.reason),
            (TradingState::Halted, reason)
        );
        assert_eq!(decide(&mut engine, &buy(1, 3, 10, 100, 2)), rejects(reason));
        assert_eq!(decide(&mut engine, &sell(2, 1, 10)).0, Approve);
        engine.set_halt(Halt::Operator, false);
        engine.set_halt(halt, false);
        assert_eq!(
            decide(&mut engine, &buy(3, 3, 10, 100, 2)),
            rejects(Reason::LinkLost)
        );
        engine.set_hold(Hold::LinkLost, false);
        engine.set_hold(Hold::Operator, true);
        assert_eq!(
            decide(&mut engine, &buy(4, 3, 10, 100, 2)),
            rejects(Reason::ReduceOnly)
        );
    }
}

#[test]
fn a_restricted_name_can_only_be_closed() {
    let mut engine = funded_over(
        |entry| entry.restricted = entry.instrument_id == 1,
        &[(1, 50)],
    );
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 10, 100, 2)),
        rejects(Reason::Restricted)
    );
    assert_eq!(decide(&mut engine, &sell(2, 1, 50)).0, Approve);
}

#[test]
fn three_equal_orders_a_second() {
    let mut engine = funded();
    for id in 1..=3 {
        assert_eq!(decide(&mut engine, &buy(id, 3, 10, 100, 2)).0, Approve);
    }
    assert_eq!(
        decide(&mut engine, &buy(4, 3, 10, 100, 2)),
        rejects(Reason::RepeatedOrder)
    );
    // Another stop makes no other order; another price, quantity or instrument does.
    assert_eq!(
        decide(&mut engine, &buy(5, 3, 10, 100, 3)),
        rejects(Reason::RepeatedOrder)
    );
    assert_eq!(decide(&mut engine, &buy(6, 3, 10, 99, 2)).0, Approve);
    assert_eq!(decide(&mut engine, &buy(7, 3, 11, 100, 2)).0, Approve);
    assert_eq!(decide(&mut engine, &buy(8, 1, 10, 100, 2)).0, Approve);
    let later = engine.decide(&buy(9, 3, 10, 100, 2), T0 + SECOND - 1);
    assert_eq!(outcome(&later), rejects(Reason::RepeatedOrder));
    let later = engine.decide(&buy(10, 3, 10, 100, 2), T0 + SECOND);
    assert_eq!(outcome(&later), (Approve, Reason::None, 10));
}

#[test]
fn a_rejected_order_is_no_repeat_and_a_closing_one_neither() {
    let mut engine = funded_with(TighterLimits::none(), 960_000, &[(1, 400)]);
    for id in 1..=9 {
        assert_eq!(decide(&mut engine, &sell(id, 1, 10)).0, Approve);
    }
    assert_eq!(
        decide(&mut engine, &buy(10, 3, 10, 120, 2)),
        rejects(Reason::Collar)
    );
    for id in 11..=13 {
        assert_eq!(decide(&mut engine, &buy(id, 3, 10, 100, 2)).0, Approve);
    }
}

#[test]
fn so_many_orders_a_second_of_the_monotonic_clock() {
    let spec = TighterSpec {
        message_rate: Some(5),
        ..TighterSpec::default()
    };
    let limits = TighterLimits::new(spec).expect("tighter");
    let mut engine = funded_with(limits, 960_000, &[(1, 400)]);
    engine.on_monotonic(10);
    // Two that close count, and so do three that open; a rejected one does not.
    assert_eq!(decide(&mut engine, &sell(1, 1, 10)).0, Approve);
    assert_eq!(decide(&mut engine, &sell(2, 1, 10)).0, Approve);
    assert_eq!(decide(&mut engine, &buy(3, 3, 10, 120, 2)).0, Reject);
    for id in 4..=6 {
        assert_eq!(
            decide(&mut engine, &buy(id, 3, id as i64, 100, 2)).0,
            Approve
        );
    }
    // The venue's clock has no say in it.
    let more = engine.decide(&buy(7, 3, 7, 100, 2), T0 + 10 * SECOND);
    assert_eq!(outcome(&more), rejects(Reason::RateThrottle));
    assert_eq!(decide(&mut engine, &sell(8, 1, 10)).0, Approve);
    assert!(
        engine.request_cancel(4).is_ok(),
        "cancels are never throttled"
    );
    engine.on_monotonic(10 + SECOND - 1);
    assert_eq!(
        decide(&mut engine, &buy(9, 3, 9, 100, 2)),
        rejects(Reason::RateThrottle)
    );
    engine.on_monotonic(10 + SECOND);
    assert_eq!(decide(&mut engine, &buy(10, 3, 10, 100, 2)).0, Approve);
}

#[test]
fn a_tenth_of_the_days_volume() {
    // 4,000 a day: 400 traded and working.
    let mut engine = funded_over(|entry| entry.adv = 4_000, &[(1, 100)]);
    assert_eq!(
        decide(&mut engine, &buy(1, 3, 500, 100, 2)),
        (Reduce, Reason::Participation, 400)
    );
    let decision = engine.decide(&buy(2, 3, 1, 100, 2), T0);
    assert_eq!(outcome(&decision), rejects(Reason::Participation));
    assert_eq!(decision.binding_limit, 400, "in shares");
    // 100 sold and 50 working to close count on the other side too: 250 are left.
    assert_eq!(decide(&mut engine, &sell(3, 1, 50)).0, Approve);
    engine
        .on_execution(&fill(3, 50, 100, 50))
        .expect("a sound report");
    assert_eq!(decide(&mut engine, &sell(4, 1, 50)).0, Approve);
    let bid = OrderRequest {
        limit_price: 99 * ONE,
        ..buy(5, 1, 400, 99, 2)
    };
    engine
        .on_execution(&report(4, ExecKind::Cancelled, 0))
        .expect("a sound report");
    assert_eq!(
        decide(&mut engine, &bid),
        (Reduce, Reason::Participation, 350)
    );
    assert!(engine.restore_traded(8, 399) && !engine.restore_traded(99, 1));
    assert_eq!(engine.traded(), [(1, 50), (8, 399)]);
    assert_eq!(
        decide(&mut engine, &buy(6, 8, 5, 100, 2)),
        (Reduce, Reason::Participation, 1)
    );
    // Unknown volume is none; what closes is not held up by it.
    let mut engine = funded_over(|entry| entry.adv = 0, &[(1, 100)]);
    assert_eq!(
        decide(&mut engine, &buy(1, 3, 1, 100, 2)),
        rejects(Reason::Participation)
    );
    assert_eq!(decide(&mut engine, &sell(2, 1, 100)).0, Approve);
}

#[test]
fn a_short_must_be_marked_and_located() {
    let mut engine = funded_over(
        |entry| entry.locate = if entry.instrument_id == 3 { 300 } else { 0 },
        &[(1, 100)],
    );
    assert_eq!(
        decide(&mut engine, &sell(1, 3, 10)),
        rejects(Reason::ShortSale)
    );
    assert_eq!(
        decide(&mut engine, &short(2, 4, 10, 100, 2)),
        rejects(Reason::NoLocate)
    );
    for (order, reason) in [
        (short(3, 1, 10, 100, 2), Reason::ShortMarking),
        (
            OrderRequest {
                flags: FLAG_SELL_SHORT,
                ..buy(4, 3, 10, 100, 2)
            },
            Reason::ShortMarking,
        ),
        (
            OrderRequest {
                flags: FLAG_SELL_SHORT | FLAG_REDUCE_ONLY,
                ..short(5, 3, 10, 100, 2)
            },
            Reason::ShortMarking,
        ),
    ] {
        assert_eq!(decide(&mut engine, &order), rejects(reason));
    }
    assert_eq!(decide(&mut engine, &short(6, 3, 200, 100, 2)).0, Approve);
    assert_eq!(
        decide(&mut engine, &short(7, 3, 200, 100, 2)),
        (Reduce, Reason::NoLocate, 100)
    );
    engine
        .on_execution(&fill(6, 200, 100, 200))
        .expect("a sound report");
    assert_eq!(engine.position(3), -200);
    assert_eq!(
        decide(&mut engine, &short(8, 3, 1, 100, 2)),
        rejects(Reason::NoLocate)
    );
    // Covering needs no mark and no locate, and stops at flat.
    engine
        .on_execution(&report(7, ExecKind::Cancelled, 0))
        .expect("a sound report");
    assert_eq!(
        decide(&mut engine, &buy(9, 3, 250, 100, 2)),
        (Reduce, Reason::ShortSale, 200)
    );
}

#[test]
fn a_short_needs_margin_beyond_its_proceeds() {
    // 400 short of instrument 3 at 100 and 300 more working: 60,000 + 15,000 pledged of a cash of 76,500, which pays for
    // 76,119.402985 after fees. 1,119.40 are left: 22 shorts at 50 of margin, or 11 buys.
    let build = || {
        let mut engine = funded_over(
            |entry| {
                entry.locate = 10_000;
                entry.issuer_id = entry.instrument_id;
            },
            &[(3, -400), (4, 9_635)],
        );
        assert_eq!(engine.cash(), Some((1_000_000 + 40_000 - 963_500) * ONE));
        // 300 more work at the venue.
        let adopted = AdoptedOrder {
            order_id: 1,
            instrument_id: 5,
            side: Side::Sell,
            quantity: 300,
            cumulative_quantity: 0,
            limit_price: 100 * ONE,
        };
        assert_eq!(engine.adopt(&adopted), Ok(()));
        engine
    };
    let mut engine = build();
    let decision = engine.decide(&short(2, 1, 100, 100, 2), T0);
    assert_eq!(outcome(&decision), (Reduce, Reason::BuyingPower, 22));
    assert_eq!(decision.binding_limit, 1_119_402_985);
    assert_eq!(
        decide(&mut build(), &buy(2, 1, 100, 100, 2)),
        (Reduce, Reason::BuyingPower, 11)
    );
}

#[test]
fn an_order_never_meets_an_order_of_our_own() {
    let mut engine = funded_over(|entry| entry.locate = 10_000, &[(1, 100)]);
    let offer = OrderRequest {
        limit_price: 101 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(1, 1, 50)
    };
    assert_eq!(decide(&mut engine, &offer).0, Approve);
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 10, 101, 2)),
        rejects(Reason::SelfMatch)
    );
    assert_eq!(
        decide(&mut engine, &order(3, 1, Side::Buy, 10)),
        rejects(Reason::SelfMatch)
    );
    let below = OrderRequest {
        limit_price: 100_990_000,
        ..buy(4, 1, 10, 100, 2)
    };
    assert_eq!(decide(&mut engine, &below).0, Approve);
    // A market order of ours trades with anything, until it is gone.
    assert_eq!(decide(&mut engine, &sell(5, 1, 10)).0, Approve);
    assert_eq!(
        decide(&mut engine, &buy(6, 1, 10, 95, 2)),
        rejects(Reason::SelfMatch)
    );
    engine
        .on_execution(&report(5, ExecKind::Cancelled, 0))
        .expect("a sound report");
    assert_eq!(decide(&mut engine, &buy(7, 1, 11, 95, 2)).0, Approve);
    // The other way round: a short at or below a bid of ours, of which the best counts.
    assert_eq!(decide(&mut engine, &buy(8, 3, 10, 97, 2)).0, Approve);
    assert_eq!(decide(&mut engine, &buy(9, 3, 10, 99, 2)).0, Approve);
    assert_eq!(
        decide(&mut engine, &short(10, 3, 10, 99, 2)),
        rejects(Reason::SelfMatch)
    );
    engine
        .on_execution(&report(9, ExecKind::Cancelled, 0))
        .expect("a sound report");
    assert_eq!(decide(&mut engine, &short(11, 3, 10, 98, 2)).0, Approve);
}

#[test]
fn prices_stand_on_the_exchanges_steps() {
    let mut engine = funded_over(
        |entry| {
            entry.venue = "HKEX".to_owned();
            entry.tick_micro = 0;
        },
        &[],
    );
    for (id, price, told) in [
        (1, 100_000_000, (Approve, Reason::None, 10)),
        (2, 100_050_000, rejects(Reason::BadTick)),
        (3, 100_100_000, (Approve, Reason::None, 10)),
        (4, 99_950_000, (Approve, Reason::None, 10)),
        (5, 99_990_000, rejects(Reason::BadTick)),
    ] {
        let order = OrderRequest {
            limit_price: price,
            ..buy(id, 3, 10, 100, 2)
        };
        assert_eq!(decide(&mut engine, &order), told, "{price}");
        assert_eq!(
            engine.check_basic(&order),
            if told.0 == Approve {
                Reason::None
            } else {
                told.1
            }
        );
    }
}

#[test]
fn gross_and_net_bind_the_whole_book() {
    // 60 issuers in 60 sectors, 20 of them held at just below their 5%.
    let reference: Vec<InstrumentReference> = (1..=60)
        .map(|id| InstrumentReference {
            sector: Some(format!("sector {id}")),
            locate: 10_000,
            ..plain(id)
        })
        .collect();
    let mut engine =
        Engine::with_room(&reference, TighterLimits::none(), 128).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.begin_positions();
    for id in 1..=60 {
        at(&mut engine, id, 100);
        // 20 longs of 49,900: 998,000 net.
        assert!(engine.on_position(id, if id <= 20 { 499 } else { 0 }));
    }
    engine.positions_complete();
    // 2,000 in cash, of which 1,990.04 buy something after fees: 19 shares.
    engine.on_account(2_000 * ONE);
    assert_eq!(
        decide(&mut engine, &buy(1, 30, 30, 100, 2)),
        (Reduce, Reason::BuyingPower, 19)
    );
    let sized = largest_quantity(
        &SizingInputs {
            net_exposure: i128::from(998_000 * ONE),
            gross_exposure: i128::from(1_999_000 * ONE),
            ..SizingInputs::alone(Side::Buy, i128::from(1_000_000 * ONE), 100 * ONE, ONE, 1)
        },
        &TighterLimits::none(),
        100,
    );
    assert_eq!((sized.quantity, sized.reason), (10, Reason::GrossLimit));
    let sized = largest_quantity(
        &SizingInputs {
            net_exposure: i128::from(998_000 * ONE),
            gross_exposure: i128::from(1_998_000 * ONE),
            ..SizingInputs::alone(Side::Buy, i128::from(1_000_000 * ONE), 100 * ONE, ONE, 1)
        },
        &TighterLimits::none(),
        100,
    );
    // Both stop at 20: the earlier is named.
    assert_eq!((sized.quantity, sized.reason), (20, Reason::GrossLimit));
    // A short counts in the book's gross and against its net; 90.04 of cash are margin for one.
    let decision = engine.decide(&short(2, 40, 5, 100, 2), T0);
    assert_eq!(outcome(&decision), (Reduce, Reason::BuyingPower, 1));
    assert_eq!(decision.metrics.net_short, (-998_000 + 100) * ONE);
    assert_eq!(decision.metrics.net_long, (998_000 + 1_900) * ONE);
    assert_eq!(
        decision.metrics.gross_exposure,
        (998_000 + 1_900 + 100) * ONE
    );
}

#[test]
fn an_order_has_a_size() {
    let spec = TighterSpec {
        order_quantity: Some(30),
        ..TighterSpec::default()
    };
    let limits = TighterLimits::new(spec).expect("tighter");
    assert_eq!(
        decide(
            &mut funded_with(limits, 1_000_000, &[]),
            &buy(1, 3, 40, 100, 2)
        ),
        (Reduce, Reason::TighterLimit, 30)
    );
    // A price of one cent and ten thousand million in equity: 10,000,000 shares, whatever fits.
    let mut engine = Engine::with_room(
        &[InstrumentReference {
            adv: i64::MAX / 20_000,
            close_micro: 10_000,
            ..plain(1)
        }],
        TighterLimits::none(),
        8,
    )
    .expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    assert!(engine.on_price(1, 10_000, 10_000, 10_000, T0));
    engine.positions_complete();
    engine.on_account(9_000_000_000_000 * ONE);
    engine.on_clock(T0);
    let order = OrderRequest {
        limit_price: 10_000,
        stop_distance: 1_000,
        ..buy(1, 1, 20_000_000, 1, 1)
    };
    assert_eq!(
        decide(&mut engine, &order),
        (Reduce, Reason::MaxQuantity, 10_000_000)
    );
    // At 1,000 a share 500,000 are the 500,000,000.
    let mut engine = Engine::with_room(
        &[InstrumentReference {
            adv: i64::MAX / 20_000,
            close_micro: 1_000 * ONE,
            ..plain(1)
        }],
        TighterLimits::none(),
        8,
    )
    .expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    assert!(engine.on_price(1, 1_000 * ONE, 1_000 * ONE, 1_000 * ONE, T0));
    engine.positions_complete();
    engine.on_account(9_000_000_000_000 * ONE);
    engine.on_clock(T0);
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 600_000, 1_000, 10)),
        (Reduce, Reason::MaxNotional, 500_000)
    );
}
