//! Orders at the venue that nobody here placed: reserved, cancelled by the switch, and nothing opens until they are claimed.

use dnalyaw_engine::Reason;
use dnalyaw_frames::DecisionKind;

use crate::support::fix::{OnCancel, listed};
use crate::support::{BUY, Rig, eventually, limit};

fn working(cl_ord_id: &str) -> Vec<(u32, String)> {
    listed(cl_ord_id, "0")
}

fn rig(orders: &[&str]) -> Rig {
    let mut rig = Rig::new();
    rig.venue.book().orders = orders.iter().map(|id| working(id)).collect();
    rig.start();
    rig
}

#[test]
fn nothing_opens_until_a_person_has_claimed_every_one() {
    let mut rig = rig(&["DESK-1", "DESK-2"]);
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
    let (code, why) = rig.call(&["claim", "--cl-ord-id", "DESK-9", "--reason", "x"]);
    assert_eq!(code, Some(1));
    assert!(why.as_str().unwrap().contains("DESK-1, DESK-2"), "{why}");
    rig.call(&["claim", "--cl-ord-id", "DESK-1", "--reason", "by telephone"]);
    assert_eq!(
        client.order(limit(2, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
    rig.call(&["claim", "--cl-ord-id", "DESK-2", "--reason", "by telephone"]);
    assert_eq!(
        client.order(limit(3, 2, BUY, 1, 50)).decision,
        DecisionKind::Approve
    );
    // What they may become is inside the limits: 50,000 of the 5% are 500 shares at 100, of which they reserve 200.
    let decision = client.order(limit(4, 1, BUY, 500, 100));
    assert_eq!(
        (decision.decision, decision.approved_quantity),
        (DecisionKind::Reduce, 300)
    );
    assert_eq!(rig.status()["unknown_orders"][0]["claimed"], true);
    // A restart finds the claims again.
    drop(client);
    rig.crash();
    rig.start();
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(5, 2, BUY, 1, 50)).decision,
        DecisionKind::Approve
    );
}

#[test]
fn the_switch_cancels_what_nobody_here_placed() {
    let rig = rig(&["DESK-1"]);
    let _client = rig.trading();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.call(&["kill", "--reason", "drill"]);
    let cancel = rig.venue.expect("F", 1);
    assert_eq!(
        (cancel.text(41), cancel.text(55), cancel.text(54)),
        ("DESK-1", "AAA", "1")
    );
    rig.venue.book().orders.clear();
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
}

#[test]
fn what_fills_of_it_is_booked_at_once_and_asked_for() {
    let rig = rig(&["DESK-1"]);
    let _client = rig.trading();
    let asked = rig.venue.received("AN").len();
    let mut fill = working("DESK-1");
    fill.retain(|(tag, _)| ![39, 151, 14, 6].contains(tag));
    fill.extend(
        [
            (37, "V1"),
            (17, "X1"),
            (150, "F"),
            (39, "1"),
            (32, "30"),
            (31, "99"),
            (151, "70"),
            (14, "30"),
            (6, "99"),
        ]
        .map(|(tag, value)| (tag, value.to_string())),
    );
    rig.venue.send("8", fill);
    rig.wait_log(&["unknown_order_filled", "DESK-1"]);
    rig.venue.expect("AN", asked + 1);
}
