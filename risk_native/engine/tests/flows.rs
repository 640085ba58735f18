//! Money from outside: announced, unannounced, and what looks like it.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::Approve;
use dnalyaw_engine::*;

#[test]
fn flows_count_once_announced_and_shown() {
    let mut engine = invested();
    // 100,000 leave. Unannounced that is a fall of 10%.
    engine.expect_flow(-100_000 * ONE);
    engine.on_account(200_000 * ONE);
    assert_eq!(engine.flows(), 0);
    // Off by 10, inside a basis point of the cash that was expected: 20.
    engine.on_account(100_010 * ONE);
    assert_eq!(engine.flows(), -100_000 * ONE);
    assert_eq!(engine.killed(), None);
    assert_eq!(
        engine.state_report().drawdown_bp,
        -1,
        "the ten, rounded down"
    );
    // It is not counted again.
    engine.on_account(10 * ONE);
    assert!(engine.killed().is_some());

    let mut engine = invested();
    engine.expect_flow(-100_000 * ONE);
    engine.on_account(99_979 * ONE);
    assert_eq!(engine.flows(), 0);
    assert!(
        engine.killed().is_some(),
        "a flow that does not fit is none"
    );

    // A fill between announcement and report moves what is expected.
    let mut engine = invested();
    engine.expect_flow(50_000 * ONE);
    assert_eq!(decide(&mut engine, &sell(1, 1, 100)).0, Approve);
    engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    engine.on_account(260_000 * ONE);
    assert_eq!(engine.flows(), 50_000 * ONE);
    assert_eq!(engine.state_report().drawdown_bp, 0);
    let mut again = invested();
    again.restore_flows(SESSION, 50_000 * ONE);
    again.restore_flows(SESSION - 1, 7);
    assert_eq!(again.flows(), 50_000 * ONE);
    again.on_session(SessionState::PreOpen, SESSION + 1);
    assert_eq!(again.flows(), 0);
}

#[test]
fn money_that_came_unannounced_is_no_gain() {
    let mut engine = invested();
    // 100,000 come. One report may be ahead of a fill, two are not.
    engine.on_account(300_000 * ONE);
    assert_eq!(
        (engine.flows(), engine.state_report().drawdown_bp),
        (0, -1_000)
    );
    engine.on_account(300_000 * ONE);
    assert_eq!(engine.flows(), 100_000 * ONE);
    assert_eq!(engine.state_report().drawdown_bp, 0);
    // So 5% of the baseline is lost at 1,050,000 and not at 950,000.
    for id in 1..=12 {
        at(&mut engine, id, 90);
    }
    assert_eq!(engine.killed(), None);
    at(&mut engine, 13, 95);
    assert_eq!(
        engine.killed().map(|kill| kill.reason),
        Some(Reason::Drawdown)
    );
}

#[test]
fn what_is_announced_late_takes_the_place_of_what_was_found() {
    let mut engine = invested();
    engine.on_account(300_000 * ONE);
    engine.on_account(300_000 * ONE);
    engine.expect_flow(100_000 * ONE);
    engine.on_account(300_000 * ONE);
    assert_eq!(
        (engine.flows(), engine.announced_flow()),
        (100_000 * ONE, 0)
    );
    engine.on_account(300_000 * ONE);
    assert_eq!(engine.flows(), 100_000 * ONE, "not twice");
    // A wire that left before it was announced.
    engine.on_account(270_000 * ONE);
    assert_eq!(engine.state_report().drawdown_bp, 300);
    engine.expect_flow(-30_000 * ONE);
    engine.on_account(270_000 * ONE);
    assert_eq!(engine.flows(), 70_000 * ONE);
    assert_eq!(engine.state_report().drawdown_bp, 0);
}

#[test]
fn a_sale_whose_report_is_late_is_no_flow_for_long() {
    let mut engine = invested();
    assert_eq!(decide(&mut engine, &sell(1, 1, 100)).0, Approve);
    // Its 10,000 are in the cash of two reports before it is told.
    engine.on_account(210_000 * ONE);
    engine.on_account(210_000 * ONE);
    assert_eq!(engine.flows(), 10_000 * ONE);
    engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    engine.on_account(210_000 * ONE);
    assert_eq!(engine.flows(), 0);
    assert_eq!(engine.state_report().drawdown_bp, 0);
    assert_eq!(engine.killed(), None);
}

#[test]
fn a_sale_that_somebody_else_made_is_no_flow() {
    let mut engine = invested();
    // 400 at 100, sold at another desk: the account alone tells.
    engine.begin_positions();
    for id in 1..=20 {
        assert!(engine.on_position(id, if id == 1 { 0 } else { 400 }));
    }
    engine.positions_complete();
    for _ in 0..3 {
        engine.on_account(240_000 * ONE);
    }
    assert_eq!(engine.flows(), 0);
    assert_eq!(engine.state_report().drawdown_bp, 0);
    assert_eq!(engine.killed(), None);
    // Left out of the report altogether it is the same: two names, 8% of the baseline.
    engine.begin_positions();
    for id in 4..=20 {
        assert!(engine.on_position(id, 400));
    }
    engine.positions_complete();
    for _ in 0..3 {
        engine.on_account(320_000 * ONE);
    }
    assert_eq!((engine.flows(), engine.killed()), (0, None));
}

#[test]
fn a_tenth_of_a_percent_is_interest_and_not_a_flow() {
    let mut engine = invested();
    for _ in 0..2 {
        engine.on_account(201_000 * ONE);
    }
    assert_eq!(engine.flows(), 0);
    for _ in 0..2 {
        engine.on_account(201_001 * ONE);
    }
    assert_eq!(engine.flows(), 1_001 * ONE);
}
