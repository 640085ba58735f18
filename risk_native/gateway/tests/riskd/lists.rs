//! What the venue's list of orders says, and when it is believed: a whole one only, and then also against what the journal says.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind};

use crate::support::fix::{OnCancel, OnOrder, Total, Venue, listed};
use crate::support::{BUY, Client, Rig, eventually, limit};

/// A riskd that let `US-1` go and crashed, and a venue that has never answered it.
fn crashed() -> Rig {
    let mut rig = Rig::running();
    rig.venue.book().on_order = OnOrder::Swallow;
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 99));
    rig.venue.expect("D", 1);
    rig.crash();
    rig.venue.cut(true);
    rig.venue = Venue::start();
    rig.address(rig.venue.port);
    rig
}

fn working_then(rig: &Rig, orders: Vec<Vec<(u32, String)>>) {
    let mut book = rig.venue.book();
    book.orders = orders;
    book.total = Total::True;
    drop(book);
    eventually("the venue is up", || rig.status()["venue_up"] == true);
    assert!(!rig.log().contains("venue_never_saw"), "{}", rig.log());
    eventually("US-1 goes on", || {
        rig.status()["orders"][0]["acknowledged"] == true
    });
}

#[test]
fn a_line_that_comes_twice_does_not_stand_for_one_that_is_missing() {
    let mut rig = crashed();
    {
        let mut book = rig.venue.book();
        book.orders = vec![listed("DESK-1", "0"), listed("DESK-1", "0")];
        book.total = Total::Is(2);
    }
    rig.start();
    rig.venue.expect("AF", 1);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(rig.status()["venue_up"], false);
    working_then(&rig, vec![listed("DESK-1", "0"), listed("US-1", "0")]);
}

#[test]
fn the_last_line_is_believed_only_where_no_total_is_told() {
    let mut rig = crashed();
    {
        let mut book = rig.venue.book();
        book.orders = vec![listed("DESK-1", "0")];
        book.total = Total::Is(2);
    }
    rig.start();
    rig.venue.expect("AF", 1);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(rig.status()["venue_up"], false);
    working_then(&rig, vec![listed("DESK-1", "0"), listed("US-1", "0")]);
    // Without a total the last line is all there is.
    rig.venue.book().total = Total::Untold;
    rig.venue.cut(false);
    eventually("away", || rig.status()["counters"]["venue_downs"] == 1);
    eventually("up again", || rig.status()["venue_up"] == true);
}

#[test]
fn a_line_that_cannot_be_read_may_be_of_any_order() {
    let mut rig = crashed();
    {
        let mut unreadable = listed("US-1", "0");
        unreadable[7].1 = "nonsense".into();
        let mut book = rig.venue.book();
        book.orders = vec![unreadable, listed("DESK-1", "0")];
        book.total = Total::Untold;
    }
    rig.start();
    rig.wait_log(&["resync_wanted", "Price"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(rig.status()["venue_up"], false);
    working_then(&rig, vec![listed("DESK-1", "0"), listed("US-1", "0")]);
}

/// `US-1` was taken for never seen, and a client that knows.
fn never_seen() -> (Rig, Client) {
    let mut rig = crashed();
    rig.start();
    let mut client = rig.trading();
    rig.wait_log(&["venue_never_saw", "US-1"]);
    assert_eq!(
        client.order(limit(2, 2, BUY, 1, 50)).decision,
        DecisionKind::Approve
    );
    rig.venue.expect("D", 1);
    rig.venue.book().orders = vec![listed("US-1", "0"), of_two()];
    (rig, client)
}

fn of_two() -> Vec<(u32, String)> {
    let mut two = listed("US-2", "0");
    for (tag, value) in &mut two {
        match *tag {
            48 => *value = "2".into(),
            55 => *value = "BBB".into(),
            38 | 151 => *value = "1".into(),
            44 => *value = "50".into(),
            _ => {}
        }
    }
    two
}

fn list_again(rig: &Rig, client: &mut Client) {
    let before = rig.venue.logons();
    rig.venue.cut(false);
    eventually("another logon", || rig.venue.logons() > before);
    client.wait(|body| matches!(body, Body::State(s) if s.venue_up));
    client.wait_active();
}

#[test]
fn an_order_that_is_over_here_and_works_there_is_reserved_and_blocks_until_it_is_claimed() {
    let (rig, mut client) = never_seen();
    list_again(&rig, &mut client);
    assert_eq!(
        client.order(limit(3, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
    assert_eq!(rig.status()["unknown_orders"][0]["cl_ord_id"], "US-1");
    let (code, _) = rig.call(&["claim", "--cl-ord-id", "US-1", "--reason", "ours after all"]);
    assert_eq!(code, Some(0));
    // Of the 500 shares that 5% of a million buy at 100 it holds 100.
    let decision = client.order(limit(4, 1, BUY, 500, 100));
    assert_eq!(
        (decision.decision, decision.approved_quantity),
        (DecisionKind::Reduce, 400)
    );
    rig.venue.book().on_cancel = OnCancel::Cancel;
    rig.call(&["kill", "--reason", "drill"]);
    eventually("its cancel", || {
        let cancels = rig.venue.received("F");
        cancels.iter().any(|cancel| cancel.text(41) == "US-1")
    });
}

#[test]
fn a_fill_of_it_counts_once() {
    let (rig, mut client) = never_seen();
    list_again(&rig, &mut client);
    let filled = |status: &str, exec: &str| {
        let mut report = listed("US-1", status);
        report.retain(|(tag, _)| ![151, 14, 6].contains(tag));
        report.extend(
            [
                (37, "V1"),
                (17, exec),
                (150, "F"),
                (32, "30"),
                (31, "99"),
                (151, "70"),
                (14, "30"),
                (6, "99"),
            ]
            .map(|(tag, value)| (tag, value.to_string())),
        );
        report
    };
    {
        let mut book = rig.venue.book();
        let mut status = filled("1", "S");
        status.retain(|(tag, _)| ![37, 17, 150, 32, 31].contains(tag));
        book.orders = vec![status, of_two()];
        book.positions = vec![(1, "AAA", 30, "99")];
        book.cash = Some("997030".into());
    }
    let asked = rig.venue.received("AN").len();
    rig.venue.send("8", filled("1", "X1"));
    rig.venue.expect("AN", asked + 1);
    client.wait_active();
    // Both of one answer: while a round of questions is open there is no cash.
    eventually("thirty, once", || {
        let status = rig.status();
        status["positions"][0]["quantity"] == 30 && status["cash"] == 997_030_000_000_i64
    });
}

#[test]
fn a_report_that_it_works_is_enough_where_the_venue_never_ended_it() {
    let (rig, mut client) = never_seen();
    let mut report = listed("US-1", "0");
    report.extend([(37, "V1".into()), (17, "X1".into()), (150, "0".to_string())]);
    rig.venue.send("8", report);
    rig.wait_log(&["order_works_on", "US-1"]);
    assert_eq!(
        client.order(limit(3, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
}

#[test]
fn a_claim_is_of_the_order_and_not_of_its_name() {
    let (rig, mut client) = never_seen();
    list_again(&rig, &mut client);
    rig.call(&["claim", "--cl-ord-id", "US-1", "--reason", "ours after all"]);
    assert_eq!(
        client.order(limit(3, 2, BUY, 1, 50)).decision,
        DecisionKind::Approve
    );
    rig.venue.book().orders.remove(0);
    rig.wait_log(&["unknown_order_gone", "US-1"]);
    rig.venue.book().orders = vec![listed("US-1", "0"), of_two()];
    list_again(&rig, &mut client);
    assert_eq!(
        client.order(limit(4, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
}

#[test]
fn an_id_that_the_venue_has_and_the_journal_does_not_is_taken() {
    let mut rig = Rig::new();
    rig.venue.book().orders = vec![listed("US-17", "0")];
    rig.start();
    let mut client = rig.trading();
    let refused = client.order(limit(17, 2, BUY, 1, 50));
    assert_eq!(refused.reason, Reason::DuplicateId.code());
    assert_eq!(
        client.order(limit(18, 2, BUY, 1, 50)).reason,
        Reason::Unreconciled.code()
    );
    assert!(rig.venue.received("D").is_empty());
    assert_eq!(rig.status()["unknown_orders"][0]["cl_ord_id"], "US-17");
}

#[test]
fn whatever_is_not_over_works() {
    for (status, leaves, blocks) in [
        ("9", "0", true),
        ("7", "100", true),
        ("3", "100", true),
        ("5", "100", true),
        // Nothing is left: it cannot come back.
        ("3", "0", false),
        ("B", "0", false),
        ("4", "0", false),
        ("C", "0", false),
    ] {
        let mut rig = Rig::new();
        let mut order = listed("DESK-1", status);
        order[8].1 = leaves.into();
        rig.venue.book().orders = vec![order];
        rig.start();
        let decision = rig.trading().order(limit(1, 2, BUY, 1, 50));
        let blocked = decision.reason == Reason::Unreconciled.code();
        assert_eq!(blocked, blocks, "status {status}, {leaves} left");
    }
}

#[test]
fn a_list_that_never_comes_whole_does_not_keep_the_switch_from_closing() {
    let mut rig = Rig::new();
    {
        // Half a share of a desk's: nothing here can read it, and the venue names it as long as the day lasts.
        let mut unreadable = listed("DESK-1", "4");
        unreadable[6].1 = "10.5".into();
        let mut book = rig.venue.book();
        book.orders = vec![unreadable];
        book.positions = vec![(1, "AAA", 100, "100")];
    }
    rig.start();
    rig.wait_log(&["resync_wanted", "OrderQty"]);
    assert_eq!(rig.status()["venue_up"], false);
    assert_eq!(rig.call(&["kill", "--reason", "drill"]).0, Some(0));
    let close = rig.venue.expect("D", 1);
    assert_eq!(
        (
            close.text(11),
            close.text(54),
            close.text(38),
            close.text(59)
        ),
        ("US-K1", "2", "100", "3")
    );
    // It is flat by the account alone, and what it takes to open is still not known.
    rig.venue.book().positions = vec![(1, "AAA", 0, "100")];
    rig.venue.report(&close, "F", "2", 100, 100, "99");
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
    assert_eq!(rig.call(&["rearm", "--reason", "drilled"]).0, Some(0));
    rig.wait_log(&["kill_rearmed"]);
    assert_eq!(rig.status()["trading_state"], "HALTED");
    rig.venue.book().orders.clear();
    rig.trading();
}
