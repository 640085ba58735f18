//! Modifications on the wire: the ClOrdID chain, what the venue answers, and what omsd hears.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind, ExecType, Replace};

use crate::support::fix::{OnCancel, OnOrder, OnReplace, listed};
use crate::support::{BUY, Client, Rig, SELL, eventually, limit};

fn change(order_id: u64, original_id: u64, quantity: i64, price: i64) -> Replace {
    Replace {
        order_id,
        original_id,
        quantity,
        limit_price: price * 1_000_000,
        stop_distance: 2_000_000,
        correlation: [9; 16],
    }
}

fn working() -> (Rig, Client) {
    let rig = Rig::running();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 99));
    rig.venue.expect("D", 1);
    client.exec(1);
    (rig, client)
}

fn replaced(client: &mut Client, replace: Replace) -> dnalyaw_frames::Exec {
    let id = replace.order_id;
    client.send(Body::Replace(replace));
    assert_eq!(client.decision(id).decision, DecisionKind::Approve);
    client.exec(1)
}

#[test]
fn the_chain_of_ids_goes_on_and_the_order_keeps_its_own() {
    let (rig, mut client) = working();
    let exec = replaced(&mut client, change(2, 1, 150, 99));
    let sent = rig.venue.expect("G", 1);
    assert_eq!(
        (sent.text(11), sent.text(41), sent.text(38), sent.text(44)),
        ("US-2", "US-1", "150", "99")
    );
    assert_eq!(
        (exec.exec_type, exec.leaves_quantity, exec.reason),
        (ExecType::Replaced, 150, Reason::Replaced.code())
    );
    replaced(&mut client, change(3, 1, 120, 98));
    let sent = rig.venue.expect("G", 2);
    assert_eq!((sent.text(11), sent.text(41)), ("US-3", "US-2"));
    // A fill that names the new id is the order's, of its new quantity.
    let mut fill = sent.clone();
    fill.fields.retain(|(tag, _)| *tag != 41);
    rig.venue.report(&fill, "F", "1", 20, 20, "98");
    let exec = client.exec(1);
    assert_eq!(
        (exec.exec_type, exec.last_quantity, exec.leaves_quantity),
        (ExecType::Partial, 20, 100)
    );
    client.send(Body::Cancel(dnalyaw_frames::Cancel {
        order_id: 1,
        correlation: [9; 16],
    }));
    let cancel = rig.venue.expect("F", 1);
    assert_eq!((cancel.text(41), cancel.text(38)), ("US-3", "120"));
    assert_eq!(client.exec(1).exec_type, ExecType::Cancelled);
}

#[test]
fn a_modification_from_small_to_huge_is_cut_like_an_order() {
    let (rig, mut client) = working();
    client.send(Body::Replace(change(2, 1, 1_000_000, 99)));
    let decision = client.decision(2);
    assert_eq!(decision.decision, DecisionKind::Reduce);
    // 5% of a million is 500 shares at 100, the mark.
    assert_eq!(decision.approved_quantity, 500);
    assert_eq!(rig.venue.expect("G", 1).text(38), "500");
}

#[test]
fn what_the_venue_refuses_leaves_the_order_as_it_was() {
    let (rig, mut client) = working();
    rig.venue.book().on_replace = OnReplace::Reject;
    client.send(Body::Replace(change(2, 1, 400, 99)));
    assert_eq!(client.decision(2).decision, DecisionKind::Approve);
    client.wait(|body| matches!(body, Body::Refused(r) if r.order_id == 2 && r.reason == Reason::VenueReject.code()));
    // 400 are free again.
    assert_eq!(
        client.order(limit(3, 1, BUY, 400, 99)).decision,
        DecisionKind::Approve
    );
    // Told again when it is asked again, and by a SYNC.
    client.send(Body::Replace(change(2, 1, 400, 99)));
    assert_eq!(client.decision(2).decision, DecisionKind::Approve);
    client.wait(|body| matches!(body, Body::Refused(r) if r.order_id == 2));
    let bodies = client.sync();
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::Refused(r) if r.order_id == 2))
    );
    assert_eq!(rig.venue.received("G").len(), 1);
}

#[test]
fn a_fill_of_all_that_was_asked_first_ends_no_order_of_which_more_is_left() {
    let (rig, mut client) = working();
    rig.venue.book().on_replace = OnReplace::Swallow;
    client.send(Body::Replace(change(2, 1, 200, 99)));
    assert_eq!(client.decision(2).decision, DecisionKind::Approve);
    let sent = rig.venue.expect("G", 1);
    // The venue took it; its answer is late, and the fill of the first hundred is not.
    let mut fill = sent.clone();
    fill.fields.retain(|(tag, _)| *tag != 41);
    rig.venue.report(&fill, "F", "1", 100, 100, "99");
    assert_eq!(client.exec(1).exec_type, ExecType::Partial);
    let orders = rig.status()["orders"].clone();
    assert_eq!(orders[0]["order_id"], 1, "{orders}");
    // A hundred of five hundred are held and a hundred more reserved.
    let more = client.order(limit(3, 1, BUY, 500, 99));
    assert_eq!(
        (more.decision, more.approved_quantity),
        (DecisionKind::Reduce, 300)
    );
}

/// An order for 100, a modification to 300, and a riskd that did not live to hear what the venue made of it.
fn crashed_before_the_answer() -> Rig {
    let (mut rig, mut client) = working();
    rig.venue.book().on_replace = OnReplace::Swallow;
    client.send(Body::Replace(change(2, 1, 300, 99)));
    client.decision(2);
    rig.venue.expect("G", 1);
    drop(client);
    rig.crash();
    rig
}

#[test]
fn an_answer_lost_with_riskd_is_found_in_the_mass_status() {
    let mut rig = crashed_before_the_answer();
    let status = [
        (11, "US-2"),
        (41, "US-1"),
        (39, "0"),
        (55, "AAA"),
        (54, "1"),
        (38, "300"),
        (44, "99"),
        (151, "300"),
        (14, "0"),
        (6, "0"),
    ];
    rig.venue.book().orders = vec![status.map(|(tag, value)| (tag, value.to_string())).to_vec()];
    rig.start();
    let mut client = rig.trading();
    let exec = client
        .sync()
        .into_iter()
        .find_map(|body| match body {
            Body::Exec(exec) if exec.exec_type == ExecType::Replaced => Some(exec),
            _ => None,
        })
        .expect("the modification held");
    assert_eq!((exec.order_id, exec.leaves_quantity), (1, 300));
    // 300 of 500 are reserved.
    let decision = client.order(limit(3, 1, BUY, 500, 99));
    assert_eq!(decision.approved_quantity, 200);
}

/// 300 AAA held and 100 of them offered; the offer was raised to 200, the venue took that, and riskd died before it heard.
fn taken_unheard() -> (Rig, Client) {
    let mut rig = Rig::new();
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 300, "100")];
        book.on_replace = OnReplace::Swallow;
        book.on_cancel = OnCancel::Cancel;
        book.keeps_account = true;
    }
    rig.start();
    let mut client = rig.trading();
    client.order(limit(1, 1, SELL, 100, 101));
    client.exec(1);
    client.send(Body::Replace(change(2, 1, 200, 101)));
    assert_eq!(client.decision(2).decision, DecisionKind::Approve);
    rig.venue.expect("G", 1);
    drop(client);
    rig.crash();
    rig.venue.book().orders = vec![offer(0)];
    rig.start();
    let client = rig.trading();
    (rig, client)
}

fn offer(filled: i64) -> Vec<(u32, String)> {
    vec![
        (11, "US-2".into()),
        (41, "US-1".into()),
        (39, if filled > 0 { "1" } else { "0" }.into()),
        (55, "AAA".into()),
        (54, "2".into()),
        (38, "200".into()),
        (44, "101".into()),
        (151, (200 - filled).to_string()),
        (14, filled.to_string()),
        (6, if filled > 0 { "101" } else { "0" }.into()),
    ]
}

/// The report on the offer by its present id.
fn tell(rig: &Rig, exec_type: &str, status: &str, last: i64, cumulative: i64) {
    let mut order = rig.venue.received("G")[0].clone();
    order.fields.retain(|(tag, _)| *tag != 41);
    rig.venue
        .report(&order, exec_type, status, last, cumulative, "101");
}

#[test]
fn what_the_venue_took_around_a_restart_holds_no_more_than_it_does() {
    let (rig, mut client) = taken_unheard();
    // 200 of 300 are being sold.
    let rest = client.order(limit(3, 1, SELL, 300, 101));
    assert_eq!(
        (rest.decision, rest.approved_quantity),
        (DecisionKind::Reduce, 100)
    );
    rig.venue.expect("D", 2);
    tell(&rig, "F", "1", 50, 50);
    while client.exec(1).last_quantity != 50 {}
    tell(&rig, "F", "2", 150, 200);
    assert_eq!(client.exec(1).exec_type, ExecType::Fill);
    // 100 held, 100 of them being sold: nothing is left to sell, and no phantom keeps the rest.
    client.send(Body::Cancel(dnalyaw_frames::Cancel {
        order_id: 3,
        correlation: [9; 16],
    }));
    while client.exec(3).exec_type != ExecType::Cancelled {}
    assert_eq!(
        client.order(limit(4, 1, SELL, 100, 101)).decision,
        DecisionKind::Approve
    );
}

#[test]
fn a_cancel_after_the_restart_releases_all_of_it() {
    let (rig, mut client) = taken_unheard();
    client.send(Body::Cancel(dnalyaw_frames::Cancel {
        order_id: 1,
        correlation: [9; 16],
    }));
    let cancel = rig.venue.expect("F", 1);
    assert_eq!((cancel.text(41), cancel.text(38)), ("US-2", "200"));
    while client.exec(1).exec_type != ExecType::Cancelled {}
    assert_eq!(
        client.order(limit(3, 1, SELL, 300, 101)).decision,
        DecisionKind::Approve
    );
}

#[test]
fn the_switch_closes_all_of_the_position_after_the_restart() {
    let (rig, _client) = taken_unheard();
    rig.venue.book().on_order = OnOrder::Fill;
    rig.venue.book().orders.clear();
    rig.call(&["kill", "--reason", "drill"]);
    assert_eq!(rig.venue.expect("F", 1).text(41), "US-2");
    assert_eq!(rig.venue.expect("D", 2).text(38), "300");
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
}

#[test]
fn an_order_that_fills_whole_leaves_no_reserve_of_a_refused_modification() {
    let mut rig = crashed_before_the_answer();
    rig.venue.book().orders = vec![listed("US-1", "0")];
    rig.start();
    let mut client = rig.trading();
    let order = rig.venue.received("D")[0].clone();
    rig.venue.report(&order, "F", "2", 100, 100, "99");
    while client.exec(1).exec_type != ExecType::Fill {}
    // 100 held of 500; the 200 more that were asked for are not.
    let decision = client.order(limit(3, 1, BUY, 400, 99));
    assert_eq!(decision.decision, DecisionKind::Approve);
}

#[test]
fn a_modification_of_nothing_is_rejected() {
    let (rig, mut client) = working();
    for (id, original) in [(2, 77), (3, 2)] {
        client.send(Body::Replace(change(id, original, 10, 99)));
        assert_eq!(client.decision(id).reason, Reason::UnknownOrder.code());
    }
    assert!(rig.venue.received("G").is_empty());
}
