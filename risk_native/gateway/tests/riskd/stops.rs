//! riskd fires a position's stop itself, goes on after a crash, and touches no other instrument.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind};

use crate::support::fix::{Message, OnCancel, OnOrder};
use crate::support::{BUY, Client, Rig, eventually, limit};

/// 100 AAA bought at 100 with a stop two units below, and 10 BBB asked for at 49; the venue keeps the account and lists what works.
fn guarded() -> (Rig, Client) {
    let rig = Rig::running();
    {
        let mut book = rig.venue.book();
        book.keeps_account = true;
        book.positions = vec![(1, "AAA", 0, "100")];
        book.on_order = OnOrder::Fill;
    }
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 1, BUY, 100, 100)).decision,
        DecisionKind::Approve
    );
    while client.exec(1).last_quantity == 0 {}
    rig.venue.book().on_order = OnOrder::Ack;
    client.order(limit(2, 2, BUY, 10, 49));
    client.exec(2);
    client.order(limit(3, 1, BUY, 1, 99));
    client.exec(3);
    rig.venue.book().cash = Some("990000".into());
    rig.venue.book().orders = ["US-2", "US-3"].map(listed).to_vec();
    (rig, client)
}

fn listed(id: &str) -> Vec<(u32, String)> {
    let (symbol, quantity, price) = if id == "US-2" {
        ("BBB", "10", "49")
    } else {
        ("AAA", "1", "99")
    };
    [
        (11, id),
        (39, "0"),
        (55, symbol),
        (54, "1"),
        (38, quantity),
        (44, price),
        (151, quantity),
        (14, "0"),
        (6, "0"),
    ]
    .map(|(tag, value)| (tag, value.to_string()))
    .to_vec()
}

/// Two quotes below the level: the marks of both have reached it.
fn fall(rig: &Rig) {
    for (bid, ask) in [("97", "97.02"), ("96.98", "97")] {
        rig.venue.book().clock_ns += 1_000_000_000;
        rig.venue.price("X", None, "AAA", bid, ask, bid);
    }
}

fn sells(rig: &Rig) -> Vec<Message> {
    let orders = rig.venue.received("D").into_iter();
    orders.filter(|order| order.text(54) == "2").collect()
}

#[test]
fn a_level_that_both_marks_reach_sells_the_position_and_says_why() {
    let (rig, mut client) = guarded();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.venue.book().on_order = OnOrder::Fill;
    fall(&rig);
    eventually("the exit", || !sells(&rig).is_empty());
    let exit = &sells(&rig)[0];
    assert!(exit.text(11).starts_with("US-K"), "{exit:?}");
    assert_eq!(
        (exit.text(55), exit.text(38), exit.text(59), exit.text(40)),
        ("AAA", "100", "3", "2")
    );
    let told = client
        .wait(|body| matches!(body, Body::Decision(d) if d.decision == DecisionKind::Flatten));
    assert!(
        matches!(&told, Body::Decision(d) if d.reason == Reason::Stopped.code()),
        "{told:?}"
    );
    let text = rig.journal_text();
    let own = (1_u64 << 62) + 1;
    let decision = text
        .split("{\"kind\":\"decision\"")
        .find(|record| record.contains(&format!("\"order_id\":{own},")))
        .expect("journaled");
    let code = Reason::Stopped.code();
    assert!(
        decision.contains("\"decision\":4") && decision.contains(&format!("\"reason\":{code},")),
        "{decision}"
    );
    assert!(text.contains("\"fired\":true"));
    eventually("sold", || {
        rig.status()["positions"] == serde_json::json!([])
    });
}

#[test]
fn a_stop_that_had_fired_sells_on_after_a_crash_though_the_price_came_back() {
    let (mut rig, client) = guarded();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    // The exit is refused, so that nothing is sold when riskd dies.
    rig.venue.book().on_order = OnOrder::Reject;
    fall(&rig);
    eventually("the exit", || !sells(&rig).is_empty());
    eventually("journaled", || {
        rig.journal_text().contains("\"fired\":true")
    });
    drop(client);
    rig.crash();
    rig.venue.book().orders = vec![listed("US-2")];
    rig.venue.book().on_order = OnOrder::Fill;
    rig.venue.book().clock_ns += 60_000_000_000;
    let before = sells(&rig).len();
    rig.start();
    eventually("the exit goes on", || sells(&rig).len() > before);
    assert_eq!(sells(&rig)[before].text(38), "100");
    eventually("sold", || {
        rig.status()["positions"] == serde_json::json!([])
    });
}

#[test]
fn its_cancels_are_of_its_instrument_however_long_the_exit_takes() {
    let (rig, _client) = guarded();
    // Neither cancels nor exits come to anything.
    rig.venue.book().on_order = OnOrder::Reject;
    fall(&rig);
    let first = rig.venue.expect("F", 1);
    assert_eq!(first.text(41), "US-3");
    // It is asked for again after five seconds without an answer; the order in BBB is not.
    rig.venue.expect("F", 3);
    let cancels = rig.venue.received("F");
    assert!(
        cancels.iter().all(|cancel| cancel.text(41) == "US-3"),
        "{cancels:?}"
    );
}
