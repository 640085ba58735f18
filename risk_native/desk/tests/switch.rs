//! The kill switch's course and the stops', moment by moment.

mod common;

use common::*;
use dnalyaw_desk::{Action, Desk, Phase, ReportKind, Wants};
use dnalyaw_engine::{Reason, SessionState};

/// 2^62, where the engine's own ids begin.
const OWN: u64 = 1 << 62;

fn expired(order_id: u64, cumulative: i64) -> dnalyaw_desk::Report {
    told(order_id, ReportKind::Expired, cumulative)
}

#[test]
fn a_kill_cancels_looks_closes_looks_again_and_is_flat() {
    let mut desk = holding(&[(1, 300)]);
    approved(&desk.decide(&order(1, 2, 10), T0), 10);
    approved(&desk.decide(&sale(2, 1, 100), T0), 100);
    desk.kill(T0);
    assert_eq!(desk.decide(&order(3, 2, 10), T0).reason, Reason::Killed);
    let (actions, wake) = settle(&mut desk, T0);
    let cancel = |order_id| Action::Cancel {
        order_id,
        wire_id: order_id,
    };
    assert_eq!(actions, [cancel(1), cancel(2)]);
    // Two seconds are given for the answers.
    assert_eq!((desk.phase(), wake), (Phase::Cancelling, T0 + 2 * SECOND));
    assert!(!desk.wants().has(Wants::SETTLE));
    report(&mut desk, &told(1, ReportKind::Cancelled, 0), T0);
    assert_eq!(settle(&mut desk, T0).0, []);
    // The sale filled in part before it was cancelled.
    report(&mut desk, &filled(2, 20, 20, 80), T0);
    report(&mut desk, &told(2, ReportKind::Cancelled, 20), T0);
    assert_eq!(settle(&mut desk, T0), (vec![], i64::MAX));
    assert_eq!(desk.phase(), Phase::Reconciling);
    assert!(desk.wants().has(Wants::ACCOUNT));
    begin(&mut desk, 1_002_000 * ONE, &[(1, 280)], T0);
    let (actions, _) = settle(&mut desk, T0);
    assert_eq!(desk.phase(), Phase::Closing);
    // All of it is less than 1% of a million shares a day; 5% below 100.00, on the tick.
    assert_eq!(close(&actions), (OWN + 1, 280, 95 * ONE));
    assert!(
        matches!(&actions[0], Action::Close { decision, .. } if decision.reason == Reason::Operator)
    );
    report(&mut desk, &filled(OWN + 1, 280, 280, 0), T0);
    assert_eq!(settle(&mut desk, T0).0, []);
    assert_eq!(desk.phase(), Phase::Verifying);
    begin(&mut desk, 1_030_000 * ONE, &[], T0);
    assert_eq!(settle(&mut desk, T0), (vec![], i64::MAX));
    assert_eq!(desk.phase(), Phase::Flat);
    // Nothing calls for it while nothing moves.
    price(&mut desk, 1, 101 * ONE, T0 + 1);
    assert_eq!(desk.wants(), Wants::NONE);
    desk.rearm().unwrap();
    assert_eq!(desk.phase(), Phase::Armed);
    approved(&desk.decide(&order(4, 2, 10), T0 + 1), 10);
}

#[test]
fn cancels_that_are_not_answered_hold_the_closing_up_for_two_seconds() {
    let mut desk = holding(&[(1, 300)]);
    approved(&desk.decide(&order(1, 2, 10), T0), 10);
    desk.kill(T0);
    assert_eq!(settle(&mut desk, T0).0.len(), 1);
    desk.clock(T0 + 2 * SECOND - 1);
    assert!(!desk.wants().has(Wants::SETTLE));
    desk.clock(T0 + 2 * SECOND);
    assert_eq!(settle(&mut desk, T0 + 2 * SECOND).0, []);
    assert_eq!(desk.phase(), Phase::Reconciling);
}

/// Thrown, and the account told again.
fn closing(position: i64) -> Desk {
    let mut desk = holding(&[(1, position)]);
    desk.kill(T0);
    assert_eq!(settle(&mut desk, T0).0, []);
    begin(&mut desk, 1_000_000 * ONE, &[(1, position)], T0);
    desk
}

#[test]
fn a_slice_that_came_to_nothing_is_tried_again_later_each_time() {
    let mut desk = closing(-300);
    let mut now = T0;
    // The engine waits a second in any case; 50 ms doubled is more than that from the sixth attempt on.
    for (attempt, pause_ms) in [1_000, 1_000, 1_000, 1_000, 1_000, 1_600, 3_200, 6_400]
        .into_iter()
        .enumerate()
    {
        let id = OWN + 1 + attempt as u64;
        let (actions, _) = settle(&mut desk, now);
        assert_eq!(close(&actions), (id, 300, 105 * ONE));
        report(&mut desk, &expired(id, 0), now);
        let (none, wake) = settle(&mut desk, now);
        assert_eq!((none.len(), wake), (0, now + pause_ms * 1_000_000));
        desk.clock(wake - 1);
        assert!(!desk.wants().has(Wants::SETTLE));
        desk.clock(wake);
        now = wake;
    }
    // One that filled in part is no failure: 50 ms, and the next counts from the first again.
    let id = OWN + 9;
    assert_eq!(close(&settle(&mut desk, now).0).0, id);
    report(&mut desk, &filled(id, 100, 100, 200), now);
    report(&mut desk, &expired(id, 100), now);
    let (none, wake) = settle(&mut desk, now);
    assert_eq!((none.len(), wake), (0, now + 50_000_000));
    desk.clock(wake);
    assert_eq!(
        close(&settle(&mut desk, wake).0),
        (OWN + 10, 200, 105 * ONE)
    );
}

#[test]
fn a_pause_ends_at_thirty_seconds() {
    let mut desk = closing(300);
    let mut now = T0;
    let mut pause = 0;
    for attempt in 0..20 {
        let id = OWN + 1 + attempt;
        // The price stays younger than the decisions.
        price(&mut desk, 1, 100 * ONE, now);
        assert_eq!(close(&settle(&mut desk, now).0).0, id);
        report(&mut desk, &expired(id, 0), now);
        let (_, wake) = settle(&mut desk, now);
        pause = wake - now;
        now = wake;
        desk.clock(now);
    }
    assert_eq!(pause, 30 * SECOND);
}

#[test]
fn a_break_holds_the_closing_up_and_its_end_lets_it_go_on() {
    let mut desk = holding(&[(1, 300)]);
    desk.session_state(SessionState::Break, T0);
    desk.kill(T0);
    settle(&mut desk, T0);
    begin(&mut desk, 1_000_000 * ONE, &[(1, 300)], T0);
    assert_eq!(settle(&mut desk, T0), (vec![], i64::MAX));
    assert_eq!(desk.phase(), Phase::Closing);
    desk.session_state(SessionState::Open, T0 + 1);
    assert_eq!(close(&settle(&mut desk, T0 + 1).0).1, 300);
}

#[test]
fn what_finds_no_room_is_handed_over_next_time() {
    let mut desk = holding(&[]);
    for id in 1..=3 {
        approved(&desk.decide(&order(id, id, 10), T0), 10);
    }
    desk.kill(T0);
    let mut seen = Vec::new();
    for _ in 0..3 {
        assert!(desk.wants().has(Wants::SETTLE));
        let settled = desk.settle(T0, 1, |action| match action {
            Action::Cancel { order_id, .. } => seen.push(order_id),
            Action::Close { .. } => panic!("nothing is held"),
        });
        assert_eq!(settled.count, 1);
    }
    assert_eq!(seen, [1, 2, 3]);
    assert!(!desk.wants().has(Wants::SETTLE));
}

#[test]
fn a_drawdown_throws_the_switch_and_another_position_after_flat_starts_it_anew() {
    // 600,000 in cash and 400,000 in a name that loses 5% of all: 12.5% of it.
    let mut desk = closed();
    desk.session_state(SessionState::Open, T0);
    begin(&mut desk, 600_000 * ONE, &[(1, 4_000)], T0);
    let quote = |ts_ns| dnalyaw_desk::Quote {
        instrument_id: 1,
        bid: 87_500_000,
        ask: 87_500_000,
        last: 0,
        ts_ns,
    };
    desk.quotes([quote(T0 + 1)]);
    assert!(!desk.wants().has(Wants::SETTLE), "one mark has fallen");
    desk.quotes([quote(T0 + 2)]);
    assert!(desk.wants().has(Wants::SETTLE));
    assert_eq!(desk.killed().unwrap().reason, Reason::Drawdown);
    settle(&mut desk, T0 + 2);
    let again = [held(1, 4_000, 0)];
    desk.account(600_000 * ONE, again, T0 + 2);
    let (id, quantity, limit) = close(&settle(&mut desk, T0 + 2).0);
    // 5% below 87.50 is 83.125; the tick inside.
    assert_eq!((quantity, limit), (4_000, 83_130_000));
    report(&mut desk, &filled(id, 4_000, 4_000, 0), T0 + 2);
    settle(&mut desk, T0 + 2);
    desk.account(950_000 * ONE, [], T0 + 2);
    settle(&mut desk, T0 + 2);
    assert_eq!(desk.phase(), Phase::Flat);
    desk.account(950_000 * ONE, [held(2, 5, 0)], T0 + 3);
    settle(&mut desk, T0 + 3);
    assert_eq!(desk.phase(), Phase::Reconciling);
}

#[test]
fn a_stop_closes_its_position_at_once_and_nothing_else() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    report(&mut desk, &filled(1, 100, 100, 0), T0);
    approved(&desk.decide(&order(2, 1, 10), T0), 10);
    approved(&desk.decide(&order(3, 2, 10), T0), 10);
    // The stop of 98.00 is reached by both marks.
    price(&mut desk, 1, 98 * ONE, T0 + 1);
    let (actions, _) = settle(&mut desk, T0 + 1);
    assert_eq!(
        actions[0],
        Action::Cancel {
            order_id: 2,
            wire_id: 2
        }
    );
    // 5% below 98.00.
    assert_eq!(close(&actions[1..]), (OWN + 1, 100, 93_100_000));
    assert!(
        matches!(&actions[1], Action::Close { decision, .. } if decision.reason == Reason::Stopped)
    );
    assert_eq!(desk.phase(), Phase::Armed);
    report(&mut desk, &told(2, ReportKind::Cancelled, 0), T0 + 1);
    report(&mut desk, &filled(OWN + 1, 100, 100, 0), T0 + 1);
    assert_eq!(
        (desk.engine().stops().len(), desk.wants()),
        (1, Wants::NONE)
    );
    assert_eq!(desk.open_orders(), 1);
}

#[test]
fn a_stop_that_a_price_fires_after_a_look_is_seen() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    report(&mut desk, &filled(1, 100, 100, 0), T0);
    let settled = desk.settle(T0, 10, |action| panic!("{action:?}"));
    assert_eq!((settled.count, desk.wants()), (0, Wants::NONE));
    price(&mut desk, 1, 99 * ONE, T0 + 1);
    assert_eq!(desk.wants(), Wants::NONE);
    price(&mut desk, 1, 98 * ONE, T0 + 2);
    assert!(desk.wants().has(Wants::SETTLE));
}
