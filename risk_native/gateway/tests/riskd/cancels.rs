//! Cancels that the venue refuses or does not answer: the order works on, and can be cancelled again.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, Cancel, DecisionKind, ExecType, Replace};

use crate::support::fix::{OnCancel, Total, listed};
use crate::support::{BUY, Client, Rig, SELL, eventually, limit, reference};

fn working() -> (Rig, Client) {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 99));
    rig.venue.expect("D", 1);
    client.exec(1);
    rig.venue.book().orders = vec![listed("US-1", "0")];
    (rig, client)
}

fn cancel(client: &mut Client) {
    client.send(Body::Cancel(Cancel {
        order_id: 1,
        correlation: [9; 16],
    }));
}

#[test]
fn after_a_refusal_the_next_one_leaves_and_the_order_can_be_modified() {
    let (rig, mut client) = working();
    rig.venue.book().on_cancel = OnCancel::Refuse;
    cancel(&mut client);
    let refused = client.wait(|body| matches!(body, Body::Refused(r) if r.order_id == 1));
    // The order is known and works on: omsd must not give it up for lost.
    assert!(
        matches!(&refused, Body::Refused(r) if r.reason == Reason::VenueReject.code()),
        "{refused:?}"
    );
    assert_eq!(rig.status()["orders"][0]["cancel_sent"], false);
    client.send(Body::Replace(Replace {
        order_id: 2,
        original_id: 1,
        quantity: 90,
        limit_price: 99_000_000,
        stop_distance: 2_000_000,
        correlation: [9; 16],
    }));
    assert_eq!(client.decision(2).decision, DecisionKind::Approve);
    client.exec(1);
    rig.venue.book().orders.clear();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    cancel(&mut client);
    assert_eq!(rig.venue.expect("F", 2).text(41), "US-2");
    while client.exec(1).exec_type != ExecType::Cancelled {}
}

#[test]
fn one_without_an_answer_is_sent_again_after_five_seconds_and_not_before() {
    let (rig, mut client) = working();
    cancel(&mut client);
    rig.venue.expect("F", 1);
    cancel(&mut client);
    cancel(&mut client);
    client.sync();
    assert_eq!(rig.venue.received("F").len(), 1);
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.venue.expect("F", 2);
    while client.exec(1).exec_type != ExecType::Cancelled {}
}

#[test]
fn the_switch_cancels_what_refused_a_cancel_before_it_was_thrown() {
    let (rig, mut client) = working();
    rig.venue.book().on_cancel = OnCancel::Refuse;
    cancel(&mut client);
    client.wait(|body| matches!(body, Body::Refused(r) if r.order_id == 1));
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.call(&["kill", "--reason", "drill"]);
    assert_eq!(rig.venue.expect("F", 2).text(41), "US-1");
    rig.venue.book().orders.clear();
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
}

#[test]
fn the_switch_cancels_what_awaits_the_answer_to_a_cancel_that_was_lost() {
    let (rig, mut client) = working();
    cancel(&mut client);
    rig.venue.expect("F", 1);
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.call(&["kill", "--reason", "drill"]);
    // At once, not when five seconds are over.
    rig.venue.expect("F", 2);
    while client.exec(1).exec_type != ExecType::Cancelled {}
}

#[test]
fn the_switch_cancels_known_orders_while_no_list_comes() {
    let (rig, mut client) = working();
    rig.venue.book().total = Total::NoAnswer;
    let before = rig.venue.logons();
    rig.venue.cut(false);
    eventually("another logon", || rig.venue.logons() > before);
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.call(&["kill", "--reason", "drill"]);
    assert_eq!(rig.venue.expect("F", 1).text(41), "US-1");
    while client.exec(1).exec_type != ExecType::Cancelled {}
}

#[test]
fn the_switch_cancels_on_every_connection_anew() {
    let (rig, _client) = working();
    rig.call(&["kill", "--reason", "drill"]);
    rig.venue.expect("F", 1);
    rig.venue.book().total = Total::NoAnswer;
    let before = rig.venue.logons();
    rig.venue.cut(false);
    eventually("another logon", || rig.venue.logons() > before);
    rig.venue.expect("F", 2);
}

#[test]
fn the_switch_cancels_an_unknown_order_that_could_not_be_reserved() {
    let mut rig = Rig::new();
    let mut order = listed("DESK-1", "0");
    // Its symbol alone names the instrument, and the reference file has none of that name.
    order.retain(|(tag, _)| ![48, 22].contains(tag));
    order[2].1 = "ZZZ".into();
    rig.venue.book().orders = vec![order];
    rig.start();
    let _client = rig.trading();
    assert_eq!(rig.status()["unknown_orders"][0]["reserved"], false);
    rig.call(&["kill", "--reason", "drill"]);
    let cancel = rig.venue.expect("F", 1);
    assert_eq!((cancel.text(41), cancel.text(55)), ("DESK-1", "ZZZ"));
}

#[test]
fn an_order_of_ours_that_cannot_be_reserved_blocks_and_is_cancelled() {
    let (mut rig, client) = working();
    drop(client);
    rig.crash();
    // The reference file has lost the order's instrument.
    let mut file = reference();
    file["instruments"].as_array_mut().unwrap().remove(0);
    std::fs::write(rig.dir.path().join("reference.json"), file.to_string()).unwrap();
    rig.venue.book().prices.remove(0);
    rig.start();
    rig.wait_log(&["order_not_reserved", "UNKNOWN_INSTRUMENT"]);
    let mut client = rig.client();
    eventually("the venue is up", || rig.status()["venue_up"] == true);
    eventually("no other reason is left", || {
        rig.status()["reason"] == "UNRECONCILED"
    });
    assert_eq!(
        client.order(limit(2, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
    rig.call(&["kill", "--reason", "drill"]);
    let cancel = rig.venue.expect("F", 1);
    assert_eq!((cancel.text(41), cancel.text(55)), ("US-1", "AAA"));
}

#[test]
fn a_sale_whose_shares_a_late_fill_sold_is_taken_back() {
    let mut rig = Rig::new();
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 100, "100")];
        book.on_cancel = OnCancel::Cancel;
    }
    rig.start();
    let mut client = rig.trading();
    client.order(limit(1, 1, SELL, 100, 101));
    let first = rig.venue.expect("D", 1);
    client.exec(1);
    rig.venue.report(&first, "4", "4", 0, 0, "0");
    assert_eq!(client.exec(1).exec_type, ExecType::Cancelled);
    // Its shares are free, and another sale of them is taken.
    let second = client.order(limit(2, 1, SELL, 100, 102));
    assert_eq!(second.decision, DecisionKind::Approve);
    rig.venue.expect("D", 2);
    client.exec(2);
    // But the first had been filled before it was cancelled.
    rig.venue.report(&first, "F", "2", 100, 100, "101");
    let cancelled = rig.venue.expect("F", 1);
    assert_eq!(cancelled.text(41), "US-2");
    client.wait(|body| {
        matches!(body, Body::Exec(exec) if exec.order_id == 2 && exec.exec_type == ExecType::Cancelled)
    });
}
