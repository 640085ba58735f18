//! What a report does between the engine and the order manager: ends, modifications, late fills, corrections.

mod common;

use common::*;
use dnalyaw_desk::{Action, CancelAnswer, Fault, ReportKind, Wants};
use dnalyaw_engine::Reason;

#[test]
fn nothing_opens_before_the_account_is_told() {
    let mut desk = closed();
    assert!(desk.wants().has(Wants::ACCOUNT));
    desk.session_state(dnalyaw_engine::SessionState::Open, T0);
    price(&mut desk, 1, 100 * ONE, T0);
    let early = desk.decide(&order(1, 1, 10), T0);
    assert_eq!(
        (early.approved_quantity, early.reason),
        (0, Reason::VenueDown)
    );
    begin(&mut desk, 1_000_000 * ONE, &[], T0);
    assert_eq!(desk.wants(), Wants::NONE);
    approved(&desk.decide(&order(2, 1, 10), T0), 10);
    assert_eq!(desk.state().baseline, 1_000_000 * ONE);
}

#[test]
fn a_fill_moves_position_and_cash_and_the_last_one_ends_the_order() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    let first = report(&mut desk, &filled(1, 40, 40, 60), T0);
    assert_eq!((first.position_change, first.finished), (40, false));
    // Told again it changes nothing.
    assert!(report(&mut desk, &filled(1, 40, 40, 60), T0).repeated);
    let last = report(&mut desk, &filled(1, 60, 100, 0), T0);
    assert_eq!((last.position_change, last.finished), (60, true));
    assert_eq!(desk.engine().position(1), 100);
    // 100 shares at 100.00 of a million.
    assert_eq!(desk.engine().cash(), Some(990_000 * ONE));
    assert_eq!((desk.open_orders(), desk.wants()), (0, Wants::NONE));
    assert_eq!(desk.cancel(1, T0), CancelAnswer::UnknownOrder);
}

#[test]
fn a_fill_nobody_told_of_asks_for_the_account() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    let gap = report(&mut desk, &filled(1, 10, 40, 60), T0);
    assert_eq!(gap.position_change, 40);
    assert!(desk.wants().has(Wants::ACCOUNT));
    assert_eq!(
        desk.report(&filled(9, 1, 1, 0), T0),
        Err(Fault::UnknownOrder(9))
    );
    let free = dnalyaw_desk::Report {
        last_price: 0,
        ..filled(1, 1, 41, 59)
    };
    assert_eq!(desk.report(&free, T0), Err(Fault::BadReport(1)));
}

#[test]
fn an_order_that_filled_whole_ends_with_its_modification_unless_more_is_left() {
    for (leaves, over) in [(0, true), (50, false)] {
        let mut desk = holding(&[]);
        approved(&desk.decide(&order(1, 1, 100), T0), 100);
        approved(&desk.replace(&modification(2, 1, 150), T0), 150);
        // The larger of both is reserved until the venue answers.
        assert_eq!(desk.engine().utilisation().gross.amount, 150 * 100 * ONE);
        let outcome = report(&mut desk, &filled(1, 100, 100, leaves), T0);
        assert_eq!(outcome.finished, over);
        let working = if over { 0 } else { 50 };
        assert_eq!(
            desk.engine().utilisation().gross.amount,
            (100 + working) * 100 * ONE
        );
        if over {
            assert!(report(&mut desk, &told(2, ReportKind::ReplaceRefused, 0), T0).repeated);
        } else {
            assert!(!report(&mut desk, &told(1, ReportKind::Replaced, 0), T0).finished);
            let last = report(&mut desk, &filled(1, 50, 150, 0), T0);
            assert!(last.finished);
        }
        assert_eq!(
            (desk.open_orders(), desk.engine().position(1)),
            (0, if over { 100 } else { 150 })
        );
    }
}

#[test]
fn an_order_keeps_its_first_id_here_and_goes_by_its_modifications_there() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    approved(&desk.replace(&modification(2, 1, 120), T0), 120);
    report(&mut desk, &told(1, ReportKind::Replaced, 0), T0);
    approved(&desk.replace(&modification(3, 1, 130), T0), 130);
    // The venue names the modification that it refuses.
    report(&mut desk, &told(3, ReportKind::ReplaceRefused, 0), T0);
    let orders = desk.orders();
    assert_eq!((orders[0].order_id, orders[0].working.order_id), (1, 2));
    assert_eq!(orders[0].working.quantity, 120);
    assert_eq!(desk.cancel(1, T0), CancelAnswer::Send { wire_id: 2 });
    assert_eq!(desk.cancel(1, T0), CancelAnswer::OnItsWay);
    report(&mut desk, &told(1, ReportKind::CancelRefused, 0), T0);
    assert_eq!(desk.cancel(1, T0), CancelAnswer::Send { wire_id: 2 });
    // An end that names what the venue knows it by.
    assert!(report(&mut desk, &told(2, ReportKind::Cancelled, 0), T0).finished);
    assert_eq!(desk.open_orders(), 0);
}

#[test]
fn a_late_fill_cancels_the_latest_sale_that_has_nothing_left_to_close() {
    let mut desk = holding(&[(1, 100)]);
    approved(&desk.decide(&sale(1, 1, 40), T0), 40);
    assert!(report(&mut desk, &told(1, ReportKind::Cancelled, 0), T0).finished);
    approved(&desk.decide(&sale(2, 1, 30), T0), 30);
    approved(&desk.decide(&sale(3, 1, 70), T0), 70);
    // The first sold 40 before it was cancelled: 60 are held, 100 on sale.
    let late = report(&mut desk, &filled(1, 40, 40, 0), T0);
    assert_eq!(late.position_change, -40);
    assert!(desk.wants().has(Wants::CASH) && desk.wants().has(Wants::SETTLE));
    let (actions, _) = settle(&mut desk, T0);
    assert_eq!(
        actions,
        [Action::Cancel {
            order_id: 3,
            wire_id: 3
        }]
    );
    assert_eq!(desk.cancel(3, T0), CancelAnswer::OnItsWay);
    desk.cash(1_004_000 * ONE, T0);
    assert_eq!(desk.wants(), Wants::NONE);
}

#[test]
fn a_bust_takes_shares_back_and_asks_for_the_account() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    report(&mut desk, &filled(1, 100, 100, 0), T0);
    approved(&desk.decide(&sale(2, 1, 100), T0), 100);
    let bust = report(&mut desk, &told(1, ReportKind::Corrected, 30), T0);
    assert_eq!(bust.position_change, -70);
    assert!(desk.wants().has(Wants::ACCOUNT));
    // 30 are held and 100 on sale.
    assert_eq!(settle(&mut desk, T0).0.len(), 1);
    begin(&mut desk, 997_000 * ONE, &[(1, 30)], T0);
    assert_eq!(desk.wants(), Wants::NONE);
}

#[test]
fn a_fate_that_is_unknown_keeps_its_reserve() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    report(&mut desk, &told(1, ReportKind::Unknown, 0), T0);
    assert!(desk.orders()[0].working.fate_unknown);
    assert_eq!(desk.engine().utilisation().gross.amount, 100 * 100 * ONE);
    report(&mut desk, &told(1, ReportKind::New, 0), T0);
    assert!(!desk.orders()[0].working.fate_unknown);
    assert!(report(&mut desk, &told(1, ReportKind::Rejected, 0), T0).finished);
    assert_eq!(desk.engine().utilisation().gross.amount, 0);
    // Of an order that is over it says nothing.
    assert!(report(&mut desk, &told(1, ReportKind::New, 0), T0).repeated);
}

#[test]
fn an_order_open_in_a_closed_session_asks_for_cash() {
    let mut desk = holding(&[]);
    approved(&desk.decide(&order(1, 1, 100), T0), 100);
    desk.session_state(dnalyaw_engine::SessionState::Closed, T0);
    assert!(desk.wants().has(Wants::CASH));
}
