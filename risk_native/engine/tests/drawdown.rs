//! The baseline, two independent marks, flows, the firm's currency, and the switch that they fire.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reject};
use dnalyaw_engine::*;

const BASELINE: Baseline = Baseline {
    session: SESSION,
    equity: 1_000_000 * ONE,
};

fn fall(engine: &mut Engine, names: u64, price: i64) {
    for id in 1..=names {
        at(engine, id, price);
    }
}

/// A quote without a print, at a moment of its own.
fn quote(engine: &mut Engine, id: u64, bid: i64, ask: i64, ts_ns: i64) {
    engine.on_clock(ts_ns);
    assert!(engine.on_price(id, bid * ONE, ask * ONE, 0, ts_ns));
}

#[test]
fn the_baseline_is_set_once_and_five_percent_below_it_fires() {
    let mut engine = invested();
    assert_eq!(engine.baseline(), Some(BASELINE));
    // Twelve names lose 10: 48,000 or 4.8%.
    fall(&mut engine, 12, 90);
    assert_eq!(engine.state_report().drawdown_bp, 480);
    assert_eq!(engine.trading_state(), TradingState::Active);
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
    assert_eq!(engine.baseline(), Some(BASELINE));
}

#[test]
fn one_mark_holds_up_and_two_fire() {
    // 9,600 at 100 and 40,000 in cash, each name bid 94 in a new message without a print: the bid says 942,400, the mark
    // before it still 1,000,000.
    let mut engine = funded_with(TighterLimits::none(), 40_000, &[(1, 9_600)]);
    quote(&mut engine, 1, 94, 96, T0 + 1);
    let state = engine.state_report();
    assert_eq!(state.equity, 942_400 * ONE);
    assert_eq!(
        (state.trading_state, state.reason),
        (TradingState::ReduceOnly, Reason::Drawdown)
    );
    assert_eq!(
        decide(&mut engine, &buy(1, 3, 10, 100, 2)),
        (Reject, Reason::Drawdown, 0)
    );
    assert_eq!(decide(&mut engine, &sell(2, 1, 10)).0, Approve);
    // An amendment of the same moment is no second mark; a later message is.
    quote(&mut engine, 1, 94, 97, T0 + 1);
    assert_eq!(engine.killed(), None);
    quote(&mut engine, 1, 94, 96, T0 + 2);
    assert_eq!(
        engine.killed(),
        Some(Kill {
            session: SESSION,
            reason: Reason::Drawdown
        })
    );
}

#[test]
fn a_print_is_a_mark_of_its_own() {
    let mut engine = funded_with(TighterLimits::none(), 40_000, &[(1, 9_600)]);
    assert!(engine.on_price(1, 94 * ONE, 96 * ONE, 94 * ONE, T0 + 1));
    assert_eq!(engine.trading_state(), TradingState::Killed);
}

#[test]
fn a_short_is_marked_at_the_ask() {
    let mut engine = funded_with(TighterLimits::none(), 1_500_000, &[(1, -5_000)]);
    assert_eq!(engine.equity(), Some(1_000_000 * ONE));
    quote(&mut engine, 1, 100, 109, T0 + 1);
    assert_eq!(engine.equity(), Some(955_000 * ONE));
    quote(&mut engine, 1, 100, 110, T0 + 2);
    assert_eq!(engine.equity(), Some(950_000 * ONE));
    assert_eq!(engine.killed(), None, "the mark before it was 109");
    quote(&mut engine, 1, 100, 110, T0 + 3);
    assert!(engine.killed().is_some());
}

#[test]
fn a_jump_waits_for_a_second_message() {
    let mut engine = funded_with(TighterLimits::none(), 40_000, &[(1, 9_600)]);
    let equity = engine.equity();
    // 20% is taken, more waits, wherever it goes; what agrees with the old price clears it.
    quote(&mut engine, 1, 79, 79, T0 + 1);
    assert_eq!(engine.equity(), equity);
    quote(&mut engine, 1, 100, 100, T0 + 2);
    quote(&mut engine, 1, 79, 79, T0 + 3);
    quote(&mut engine, 1, 60, 60, T0 + 4);
    assert_eq!(engine.equity(), equity, "60 does not agree with 79");
    // The same message again is not a second one.
    quote(&mut engine, 1, 60, 60, T0 + 4);
    assert_eq!(engine.equity(), equity);
    quote(&mut engine, 1, 62, 62, T0 + 5);
    assert_eq!(engine.equity(), Some((40_000 + 9_600 * 62) * ONE));
    quote(&mut engine, 1, 74, 74, T0 + 6);
    assert_eq!(engine.equity(), Some((40_000 + 9_600 * 74) * ONE));
}

#[test]
fn the_firms_currency_counts() {
    let mut engine = invested();
    // A rate that is not known: no new risk, and no drawdown measured.
    engine.set_firm_rate(None);
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 1, 100, 2)),
        (Reject, Reason::NoAccount, 0)
    );
    // The account's currency falls by 5% against the firm's.
    engine.set_firm_rate(Some(950_001));
    assert_eq!(engine.killed(), None);
    assert_eq!(engine.state_report().drawdown_bp, 499);
    engine.set_firm_rate(Some(950_000));
    assert!(engine.killed().is_some());
    // A baseline in the firm's currency: 1,000,000 at 0.128.
    let mut hong_kong =
        Engine::with_room(&reference(), TighterLimits::none(), 8).expect("a sound reference");
    hong_kong.set_firm_rate(Some(128_000));
    hong_kong.on_session(SessionState::Open, SESSION);
    hong_kong.positions_complete();
    hong_kong.on_account(1_000_000 * ONE);
    assert_eq!(
        hong_kong.baseline(),
        Some(Baseline {
            session: SESSION,
            equity: 128_000 * ONE
        })
    );
    assert_eq!(hong_kong.state_report().drawdown_bp, 0);
}

#[test]
fn stale_marks_mean_reduce_only() {
    let mut engine = invested();
    engine.on_clock(T0 + 1_800 * SECOND);
    for id in 1..=19 {
        assert!(engine.on_price(id, 100 * ONE, 100 * ONE, 100 * ONE, T0 + 1_800 * SECOND));
    }
    assert_eq!(engine.trading_state(), TradingState::Active);
    engine.on_clock(T0 + 1_800 * SECOND + 1);
    assert_eq!(
        engine.state_report().reason,
        Reason::StaleMark,
        "of the twentieth"
    );
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 1, 100, 2)),
        (Reject, Reason::StaleMark, 0)
    );
    assert_eq!(decide(&mut engine, &sell(2, 20, 400)).0, Approve);
    engine
        .on_execution(&fill(2, 400, 100, 400))
        .expect("a sound report");
    assert_eq!(engine.trading_state(), TradingState::Active, "not held");
}

#[test]
fn a_switch_holds_until_a_person_arms_it() {
    let mut engine = invested();
    assert_eq!(engine.rearm(), Err(RearmError::NotKilled));
    fall(&mut engine, 20, 90);
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
    engine.on_session(SessionState::Closed, SESSION);
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
    // A new session day alone changes nothing.
    engine.on_session(SessionState::PreOpen, SESSION + 1);
    assert_eq!(
        engine.killed(),
        Some(Kill {
            session: SESSION,
            reason: Reason::Drawdown
        })
    );
    assert_eq!((engine.baseline(), engine.equity()), (None, None));
    assert_eq!(engine.rearm(), Ok(()));
    assert_eq!(engine.killed(), None);
    // The next baseline waits for the new account and new marks.
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
fn arming_again_moves_no_baseline() {
    let mut engine = invested();
    engine.kill(Reason::Operator);
    engine.kill(Reason::LinkLost);
    assert_eq!(
        engine.killed().map(|kill| kill.reason),
        Some(Reason::Operator),
        "the first reason stands"
    );
    fall(&mut engine, 20, 90);
    assert_eq!(
        engine.killed().map(|kill| kill.reason),
        Some(Reason::Drawdown),
        "but for a drawdown's"
    );
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
    assert_eq!(engine.baseline(), Some(BASELINE));
}

#[test]
fn a_restart_forgets_neither_baseline_nor_kill() {
    let mut after =
        Engine::with_room(&[plain(1)], TighterLimits::none(), 8).expect("a sound reference");
    after.restore_baseline(BASELINE);
    after.on_session(SessionState::Open, SESSION);
    after.on_venue(true);
    after.positions_complete();
    // 940,000 of a million in the morning: the fall happened while it was down.
    after.on_account(940_000 * ONE);
    assert_eq!(after.baseline(), Some(BASELINE));
    let fired = Some(Kill {
        session: SESSION,
        reason: Reason::Drawdown,
    });
    assert_eq!(after.killed(), fired);

    let mut again = invested();
    let old = Kill {
        session: SESSION - 1,
        reason: Reason::Drawdown,
    };
    again.restore_kill(old);
    assert_eq!(again.killed(), Some(old), "of another day, and not armed");
    assert_eq!(again.rearm(), Ok(()));
    again.restore_baseline(Baseline {
        session: SESSION - 1,
        equity: ONE,
    });
    assert_eq!(again.baseline(), Some(BASELINE));
}

#[test]
fn a_kill_before_the_session_is_known_belongs_to_the_first_one() {
    let mut engine =
        Engine::with_room(&reference(), TighterLimits::none(), 8).expect("a sound reference");
    engine.kill(Reason::Drawdown);
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
    engine.on_session(SessionState::Open, SESSION);
    assert_eq!(
        engine.killed(),
        Some(Kill {
            session: SESSION,
            reason: Reason::Drawdown
        })
    );
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
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
    let limits = TighterLimits::new(spec).expect("tighter");
    let mut engine = funded_with(limits, 960_000, &[(1, 400)]);
    at(&mut engine, 1, 80);
    at(&mut engine, 1, 76);
    assert_eq!(engine.trading_state(), TradingState::Active);
    at(&mut engine, 1, 75);
    assert_eq!(engine.trading_state(), TradingState::Killed);
}

#[test]
fn a_drawdown_under_another_kill_forbids_the_day() {
    let mut engine = invested();
    // A person kills at -4%; on the way out it falls through 5% and ends at -4.9%.
    fall(&mut engine, 10, 90);
    engine.kill(Reason::Operator);
    fall(&mut engine, 13, 90);
    fall(&mut engine, 1, 98);
    assert_eq!(engine.state_report().drawdown_bp, 488);
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
    // Latched into the next day, a second one forbids that day as well.
    engine.on_session(SessionState::Open, SESSION + 1);
    assert_eq!(
        engine.killed().map(|kill| kill.session),
        Some(SESSION),
        "the day it fired"
    );
    for id in 1..=20 {
        at(&mut engine, id, 90);
    }
    hold(&mut engine, (1..=20).map(|id| (id, 400)));
    engine.on_account(200_000 * ONE);
    fall(&mut engine, 20, 80);
    assert_eq!(engine.rearm(), Err(RearmError::SameSession));
    engine.on_session(SessionState::Open, SESSION + 2);
    assert_eq!(engine.rearm(), Ok(()));
}

#[test]
fn a_position_that_nobody_can_value_does_not_blind_the_switch() {
    let mut engine = invested();
    // A spin-off that the reference does not have.
    assert!(!engine.on_position(900, 10));
    assert_eq!(engine.equity(), None);
    let report = engine.state_report();
    assert_eq!(
        (report.trading_state, report.reason),
        (TradingState::Halted, Reason::ReferenceMissing)
    );
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 1, 100, 2)),
        (Reject, Reason::ReferenceMissing, 0)
    );
    fall(&mut engine, 12, 90);
    assert_eq!(engine.killed(), None);
    at(&mut engine, 13, 95);
    assert_eq!(
        engine.killed().map(|kill| kill.reason),
        Some(Reason::Drawdown)
    );
}
