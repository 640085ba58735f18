//! From one session day to the next: what goes on, what begins anew, and what a split does to a stop.

mod common;

use common::*;
use dnalyaw_desk::{Desk, Fault, Phase, Scope, Wants};
use dnalyaw_engine::{Reason, SessionState, Side, TighterLimits};
use serde_json::Value;

const NIGHT: i64 = 60_000 * SECOND;

fn tomorrow(change: impl Fn(&mut Value)) -> dnalyaw_desk::Reference {
    let mut first = row(1);
    change(&mut first);
    reference("2026-11-24", &["beta", "alpha"], &[first, row(2), row(3)])
}

/// Long 100 of the first name with a stop at 98.00, or short with one at 102.00; then the night.
fn through_the_night(direction: i64, change: impl Fn(&mut Value)) -> Desk {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(7, 1, 100 * direction), T0), 100);
    report(&mut desk, &filled(7, 100, 100, 0), T0);
    desk.open_session(tomorrow(change)).unwrap();
    desk.session_state(SessionState::Open, T0 + NIGHT);
    desk
}

fn levels(desk: &Desk) -> Vec<(u64, Side, i64)> {
    let stops = desk.engine().stops().into_iter();
    stops
        .map(|stop| (stop.instrument_id, stop.direction, stop.level))
        .collect()
}

#[test]
fn a_stop_is_rebased_by_the_split_to_the_tighter_side() {
    let split = |num: i64, den: i64| {
        move |row: &mut Value| {
            (row["split_num"], row["split_den"]) = (num.into(), den.into());
        }
    };
    // 98.00 in three new shares for one old is 32.666..., up for a long, 102.00 is 34.
    let mut desk = through_the_night(1, split(3, 1));
    assert_eq!(levels(&desk), []);
    desk.account(990_000 * ONE, [held(1, 300, 33 * ONE)], T0 + NIGHT);
    assert_eq!(levels(&desk), [(1, Side::Buy, 32_666_667)]);
    let mut desk = through_the_night(-1, split(7, 1));
    desk.account(1_010_000 * ONE, [held(1, -700, 14 * ONE)], T0 + NIGHT);
    // 102.00 / 7 = 14.571428..., down for a short.
    assert_eq!(levels(&desk), [(1, Side::Sell, 14_571_428)]);
}

#[test]
fn a_stop_that_no_night_explains_or_that_guards_nothing_is_dropped() {
    // 78.40 is 20% below 98.00.
    for (settlement, quantity, kept) in [
        (78_400_000, 100, true),
        (78_390_000, 100, false),
        (0, 100, true),
        (100 * ONE, 0, false),
        (100 * ONE, -100, false),
    ] {
        let mut desk = through_the_night(1, |_| {});
        desk.account(990_000 * ONE, [held(1, quantity, settlement)], T0 + NIGHT);
        assert_eq!(
            levels(&desk).len(),
            usize::from(kept),
            "{settlement} {quantity}"
        );
    }
}

#[test]
fn a_stop_that_has_fired_goes_on_closing_the_next_day() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    report(&mut desk, &filled(1, 100, 100, 0), T0);
    price(&mut desk, 1, 98 * ONE, T0 + 1);
    assert!(desk.engine().stops()[0].fired);
    desk.open_session(tomorrow(|_| {})).unwrap();
    desk.session_state(SessionState::Open, T0 + NIGHT);
    // Far past any night: it is on its way out all the same.
    desk.account(990_000 * ONE, [held(1, 100, 50 * ONE)], T0 + NIGHT);
    assert_eq!(close(&settle(&mut desk, T0 + NIGHT).0).1, 100);
}

#[test]
fn ids_halts_and_the_switch_go_on_and_the_account_is_new() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(5, 1, 10), T0), 10);
    desk.halt(Scope::Strategy("alpha".into()), true).unwrap();
    desk.halt(Scope::Instrument(2), true).unwrap();
    desk.kill(T0);
    desk.open_session(tomorrow(|_| {})).unwrap();
    assert!(desk.wants().has(Wants::ACCOUNT));
    assert_eq!((desk.open_orders(), desk.phase()), (0, Phase::Armed));
    desk.session_state(SessionState::Open, T0 + NIGHT);
    assert_eq!(desk.state().equity, 0);
    begin(&mut desk, 900_000 * ONE, &[], T0 + NIGHT);
    assert_eq!(desk.state().baseline, 900_000 * ONE);
    let reason = |desk: &mut Desk, order| desk.decide(&order, T0 + NIGHT).reason;
    assert_eq!(reason(&mut desk, order(5, 1, 10)), Reason::DuplicateId);
    assert_eq!(reason(&mut desk, order(6, 1, 10)), Reason::Killed);
    desk.rearm().unwrap();
    // Its place in the file is another: bit 1 now.
    let of_alpha = dnalyaw_engine::OrderRequest {
        strategies: 2,
        ..order(7, 1, 10)
    };
    assert_eq!(reason(&mut desk, of_alpha), Reason::StrategyHalted);
    assert_eq!(reason(&mut desk, order(8, 2, 10)), Reason::InstrumentHalted);
    desk.halt(Scope::Instrument(2), false).unwrap();
    approved(&desk.decide(&order(9, 2, 10), T0 + NIGHT), 10);
}

#[test]
fn a_drawdown_is_taken_back_on_the_next_day_alone() {
    let mut desk = closed();
    desk.session_state(SessionState::Open, T0);
    begin(&mut desk, 600_000 * ONE, &[(1, 4_000)], T0);
    for at in 1..=2 {
        price(&mut desk, 1, 87_500_000, T0 + at);
    }
    assert_eq!(
        desk.rearm().unwrap_err().to_string(),
        "the kill switch fired on this session's drawdown; arm it again on the next session day"
    );
    desk.open_session(tomorrow(|_| {})).unwrap();
    // The day begins by the venue's word, not by the file.
    assert!(desk.rearm().is_err());
    desk.session_state(SessionState::PreOpen, T0 + NIGHT);
    desk.rearm().unwrap();
    assert!(matches!(desk.rearm(), Err(Fault::Rearm(_))));
}

#[test]
fn a_file_that_does_not_follow_is_refused_and_changes_nothing() {
    let mut desk = holding(&[(1, 5)]);
    let before = desk.engine().state_hash();
    for (file, says) in [
        (
            reference("2026-11-23", &[], &[row(1)]),
            "is not after 20261123",
        ),
        (
            reference("2026-11-20", &[], &[row(1)]),
            "is not after 20261123",
        ),
    ] {
        let refused = desk.open_session(file).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    let mut other = reference("2026-11-24", &[], &[row(1)]);
    other.region = "HK".into();
    let refused = desk.open_session(other).unwrap_err().to_string();
    assert!(
        refused.contains("it is of HK in USD, this account is of US in USD"),
        "{refused}"
    );
    assert_eq!(desk.engine().state_hash(), before);
    desk.check().unwrap();
}

#[test]
fn what_cannot_be_halted_is_named() {
    let mut desk = holding(&[]);
    for (scope, says) in [
        (
            Scope::Instrument(9),
            "the reference file has no instrument 9",
        ),
        (
            Scope::Venue("XLON".into()),
            "no instrument trades at 'XLON'",
        ),
        (
            Scope::Strategy("gamma".into()),
            "no strategy is called \"gamma\"; known: alpha, beta",
        ),
    ] {
        assert_eq!(desk.halt(scope, true), Err(Fault::Refused(says.into())));
    }
    desk.halt(Scope::Venue("NYSE".into()), true).unwrap();
    assert_eq!(desk.decide(&order(1, 1, 1), T0).reason, Reason::VenueHalted);
    desk.halt(Scope::Venue("NYSE".into()), false).unwrap();
    desk.halt(Scope::All, true).unwrap();
    assert_eq!(desk.decide(&order(2, 1, 1), T0).reason, Reason::Halted);
    assert_eq!(
        Desk::new(first_day(), TighterLimits::none(), None)
            .unwrap()
            .open_orders(),
        0
    );
}

#[test]
fn a_position_without_reference_stops_what_opens_and_keeps_the_switch_from_flat() {
    let mut desk = holding(&[]);
    assert_eq!(desk.account(1_000_000 * ONE, [held(99, 5, ONE)], T0), 1);
    assert_eq!(
        desk.decide(&order(1, 1, 1), T0).reason,
        Reason::ReferenceMissing
    );
    desk.kill(T0);
    settle(&mut desk, T0);
    desk.account(1_000_000 * ONE, [held(99, 5, ONE)], T0);
    settle(&mut desk, T0);
    assert_eq!(desk.phase(), Phase::Closing);
}
