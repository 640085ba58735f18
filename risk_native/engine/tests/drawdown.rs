//! The kill switch, the baseline it is measured from, and what a restart may not forget.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Flatten, Reject};
use dnalyaw_engine::*;

/// 20 names of 400 shares at 100 and 200,000 in cash: equity 1,000,000 of which 80% moves with the market.
fn invested() -> Engine {
    let reference: Vec<InstrumentReference> = (1..=20)
        .map(|id| InstrumentReference {
            instrument_id: id,
            issuer_id: id,
            sector: Some(format!("sector {}", id % 5)),
            lot: 1,
            tick_micro: 10_000,
            tradable: true,
            volatility_bp: 200,
        })
        .collect();
    let mut engine =
        Engine::with_room(&reference, TighterLimits::none(), 64).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.on_clock(T0);
    engine.begin_positions();
    for id in 1..=20 {
        at(&mut engine, id, 100);
        assert!(engine.on_position(id, 400));
    }
    engine.positions_complete();
    engine.on_account(200_000 * ONE);
    engine
}

fn fall(engine: &mut Engine, names: u64, price: i64) {
    for id in 1..=names {
        at(engine, id, price);
    }
}

#[test]
fn the_baseline_is_set_once_and_five_percent_below_it_fires() {
    let mut engine = invested();
    assert_eq!(
        engine.baseline(),
        Some(Baseline {
            session: SESSION,
            equity: 1_000_000 * ONE
        })
    );
    // Twelve names lose 10: 48,000 or 4.8%.
    fall(&mut engine, 12, 90);
    assert_eq!(engine.state_report().drawdown_bp, 480);
    assert_eq!(engine.trading_state(), TradingState::Active);
    assert_eq!(engine.poll_action(), Action::None);
    // One more loses 5: 50,000, exactly 5%.
    at(&mut engine, 13, 95);
    let state = engine.state_report();
    assert_eq!(
        (state.trading_state, state.reason),
        (TradingState::Killed, Reason::Drawdown)
    );
    assert_eq!(
        (state.drawdown_bp, state.equity, state.baseline),
        (500, 950_000 * ONE, 1_000_000 * ONE)
    );
    // It holds when prices come back, and a rise moved no baseline.
    fall(&mut engine, 13, 120);
    assert_eq!(engine.trading_state(), TradingState::Killed);
    assert_eq!(
        engine.baseline(),
        Some(Baseline {
            session: SESSION,
            equity: 1_000_000 * ONE
        })
    );
}

#[test]
fn flatten_cancels_everything_then_closes_everything() {
    let mut engine = invested();
    assert_eq!(decide(&mut engine, &buy(1, 1, 50, 100, 2)).0, Approve);
    assert_eq!(decide(&mut engine, &sell(2, 2, 150)).0, Approve);
    fall(&mut engine, 20, 90);
    let Action::Flatten {
        reason,
        cancels,
        closes,
    } = engine.poll_action()
    else {
        panic!("the switch fired");
    };
    assert_eq!((reason, cancels), (Reason::Drawdown, vec![1, 2]));
    assert_eq!(closes.len(), 20);
    assert_eq!(
        closes[0],
        CloseOrder {
            instrument_id: 1,
            side: Side::Sell,
            quantity: 400
        }
    );
    // 150 of instrument 2 are still being sold by an order whose cancel is not confirmed.
    assert_eq!(
        closes[1],
        CloseOrder {
            instrument_id: 2,
            side: Side::Sell,
            quantity: 250
        }
    );
    for close in &closes {
        let (request, decision) = engine.decide_close(close, T0);
        assert_eq!(
            outcome(&decision),
            (Flatten, Reason::Drawdown, close.quantity)
        );
        assert_eq!(
            (request.quantity, request.flags),
            (close.quantity, FLAG_REDUCE_ONLY)
        );
    }
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    assert_eq!(engine.poll_action(), Action::None, "each is named once");

    // The cancel of 2 comes back: the rest of it is closed as well. A late fill of 1 is closed too.
    engine
        .on_execution(&report(2, ExecKind::Cancelled, 0))
        .expect("a sound report");
    engine
        .on_execution(&fill(1, 50, 90, 50))
        .expect("a sound report");
    let Action::Flatten {
        cancels, closes, ..
    } = engine.poll_action()
    else {
        panic!("more to close");
    };
    assert_eq!(cancels, []);
    assert_eq!(
        closes,
        [
            CloseOrder {
                instrument_id: 1,
                side: Side::Sell,
                quantity: 50
            },
            CloseOrder {
                instrument_id: 2,
                side: Side::Sell,
                quantity: 150
            },
        ]
    );
    for close in &closes {
        engine.decide_close(close, T0);
    }
    // Everything fills: flat, nothing left to do, opening is still refused.
    for order in engine.working_orders() {
        engine
            .on_execution(&fill(order.order_id, order.quantity, 90, order.quantity))
            .expect("a sound report");
    }
    assert_eq!(
        (engine.positions(), engine.working_orders()),
        (vec![], vec![])
    );
    assert_eq!(engine.poll_action(), Action::None);
    assert_eq!(
        decide(&mut engine, &buy(9, 1, 1, 90, 2)),
        (Reject, Reason::Killed, 0)
    );
}

#[test]
fn a_closing_order_that_fails_is_sent_again_after_a_wait() {
    let mut engine = funded_with(TighterLimits::none(), 960_000, &[(1, 400)]);
    engine.kill(Reason::Operator);
    let close = CloseOrder {
        instrument_id: 1,
        side: Side::Sell,
        quantity: 400,
    };
    let named = Action::Flatten {
        reason: Reason::Operator,
        cancels: vec![],
        closes: vec![close],
    };
    assert_eq!(engine.poll_action(), named);
    let (request, _) = engine.decide_close(&close, T0);
    engine
        .on_execution(&report(request.order_id, ExecKind::Rejected, 0))
        .expect("a sound report");
    assert_eq!(engine.poll_action(), Action::None);
    engine.on_clock(T0 + 60 * SECOND);
    assert_eq!(engine.poll_action(), named);
    // Nothing can be sent while the venue is down or the session is closed; then it is named again.
    engine.on_venue(false);
    assert_eq!(engine.poll_action(), Action::None);
    engine.on_venue(true);
    engine.on_session(SessionState::Closed, SESSION);
    assert_eq!(engine.poll_action(), Action::None);
    engine.on_session(SessionState::Open, SESSION);
    assert_eq!(engine.poll_action(), named);
}

#[test]
fn cancels_are_asked_for_again_after_the_line_broke() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 10, 100, 2)).0, Approve);
    engine.kill(Reason::Operator);
    let named = Action::Flatten {
        reason: Reason::Operator,
        cancels: vec![1],
        closes: vec![],
    };
    assert_eq!(engine.poll_action(), named);
    assert_eq!(engine.poll_action(), Action::None);
    engine.on_venue(false);
    engine.on_venue(true);
    assert_eq!(engine.poll_action(), named);
}

#[test]
fn the_next_session_day_starts_anew_and_the_same_day_does_not() {
    let mut engine = invested();
    fall(&mut engine, 20, 90);
    assert_eq!(engine.trading_state(), TradingState::Killed);
    engine.on_session(SessionState::Closed, SESSION);
    engine.on_session(SessionState::Open, SESSION);
    assert_eq!(engine.trading_state(), TradingState::Killed);
    // A split overnight: until the new account and new marks are in, nothing is measured.
    engine.on_session(SessionState::PreOpen, SESSION + 1);
    assert_eq!(
        (engine.killed(), engine.baseline(), engine.equity()),
        (None, None, None)
    );
    engine.begin_positions();
    assert!(engine.on_position(1, 800));
    engine.positions_complete();
    engine.on_account(960_000 * ONE);
    assert_eq!(engine.baseline(), None);
    assert!(engine.on_settlement_price(1, 50 * ONE));
    assert_eq!(
        engine.baseline(),
        Some(Baseline {
            session: SESSION + 1,
            equity: 1_000_000 * ONE
        })
    );
    assert_eq!(engine.trading_state(), TradingState::Active);
}

#[test]
fn a_report_on_an_order_of_yesterday_moves_nothing_today() {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 10, 100, 2)).0, Approve);
    engine
        .on_execution(&report(1, ExecKind::Expired, 0))
        .expect("a sound report");
    engine.on_session(SessionState::Open, SESSION + 1);
    assert_eq!(
        engine.on_execution(&fill(1, 10, 100, 10)),
        Err(ExecError::UnknownOrder)
    );
    assert_eq!(engine.positions(), []);
}

#[test]
fn a_restart_forgets_neither_baseline_nor_kill() {
    let before = invested();
    let mut after = Engine::with_room(
        &(1..=1)
            .map(|id| InstrumentReference {
                instrument_id: id,
                issuer_id: id,
                sector: None,
                lot: 1,
                tick_micro: 0,
                tradable: true,
                volatility_bp: 200,
            })
            .collect::<Vec<_>>(),
        TighterLimits::none(),
        8,
    )
    .expect("a sound reference");
    after.restore_baseline(before.baseline().expect("set"));
    after.on_session(SessionState::Open, SESSION);
    after.on_venue(true);
    after.positions_complete();
    // 940,000 of a million in the morning: the fall happened while it was down.
    after.on_account(940_000 * ONE);
    assert_eq!(
        after.baseline(),
        Some(Baseline {
            session: SESSION,
            equity: 1_000_000 * ONE
        })
    );
    assert_eq!(
        after.killed(),
        Some(Kill {
            session: SESSION,
            reason: Reason::Drawdown
        })
    );

    let mut again = invested();
    again.restore_kill(Kill {
        session: SESSION - 1,
        reason: Reason::Operator,
    });
    assert_eq!(again.killed(), None, "of another day");
    again.restore_kill(Kill {
        session: SESSION,
        reason: Reason::Operator,
    });
    assert_eq!(again.trading_state(), TradingState::Killed);
    again.restore_baseline(Baseline {
        session: SESSION - 1,
        equity: ONE,
    });
    assert_eq!(
        again.baseline(),
        Some(Baseline {
            session: SESSION,
            equity: 1_000_000 * ONE
        })
    );
}

#[test]
fn a_kill_before_the_session_is_known_belongs_to_the_first_one() {
    let mut engine =
        Engine::with_room(&reference(), TighterLimits::none(), 8).expect("a sound reference");
    engine.kill(Reason::Operator);
    engine.on_session(SessionState::Open, SESSION);
    assert_eq!(
        engine.killed(),
        Some(Kill {
            session: SESSION,
            reason: Reason::Operator
        })
    );
    engine.on_session(SessionState::PreOpen, SESSION + 1);
    assert_eq!(engine.killed(), None);
}

#[test]
fn half_an_account_report_fires_nothing() {
    let mut engine = invested();
    // Sold four names while away: their shares are gone first, the cash for them comes after.
    engine.begin_positions();
    for id in 5..=20 {
        assert!(engine.on_position(id, 400));
    }
    engine.positions_complete();
    assert_eq!(engine.trading_state(), TradingState::Active);
    engine.on_account(360_000 * ONE);
    assert_eq!(engine.trading_state(), TradingState::Active);
    assert_eq!(engine.equity(), Some(1_000_000 * ONE));
}

#[test]
fn a_tighter_drawdown_fires_earlier() {
    let spec = TighterSpec {
        drawdown_bp: Some(100),
        ..TighterSpec::default()
    };
    let mut engine = funded_with(
        TighterLimits::new(spec).expect("tighter"),
        960_000,
        &[(1, 400)],
    );
    at(&mut engine, 1, 76);
    assert_eq!(engine.trading_state(), TradingState::Active);
    at(&mut engine, 1, 75);
    assert_eq!(engine.trading_state(), TradingState::Killed);
}
