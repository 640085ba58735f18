//! The kill switch's course: latch, cancels, closing, flat by the venue's own account, and thrown until taken back.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind, TradingState};

use crate::support::fix::{OnCancel, OnOrder};
use crate::support::{BUY, Client, Rig, eventually, limit};

/// 300 AAA and 40 BBB held, one order working, and a venue that answers cancels and keeps the account.
fn holding() -> (Rig, Client) {
    let mut rig = Rig::new();
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 300, "100"), (2, "BBB", 40, "50")];
        book.on_cancel = OnCancel::Cancel;
        book.keeps_account = true;
    }
    rig.start();
    let mut client = rig.trading();
    client.order(limit(1, 2, BUY, 10, 50));
    rig.venue.expect("D", 1);
    rig.venue.book().on_order = OnOrder::Fill;
    (rig, client)
}

fn phase(rig: &Rig) -> String {
    rig.status()["kill"]["phase"]
        .as_str()
        .expect("a phase")
        .to_string()
}

fn wait_flat(rig: &Rig) {
    eventually("flat", || phase(rig) == "flat");
    let shares: Vec<i64> = rig.venue.book().positions.iter().map(|one| one.2).collect();
    assert!(shares.iter().all(|shares| *shares == 0), "{shares:?}");
}

#[test]
fn a_command_cancels_closes_and_verifies_by_the_venues_own_account() {
    let (rig, _client) = holding();
    let asked = rig.venue.received("AN").len();
    let (code, _) = rig.call(&["kill", "--reason", "drill"]);
    assert_eq!(code, Some(0));
    wait_flat(&rig);
    // The cancel came first; before closing and before calling it flat the venue was asked for positions again.
    let kinds: Vec<String> = rig
        .venue
        .kinds()
        .into_iter()
        .filter(|kind| ["D", "F", "AN"].contains(&kind.as_str()))
        .skip(1 + asked)
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("F"), "{kinds:?}");
    let first_close = kinds.iter().position(|kind| kind == "D").expect("closes");
    assert!(
        kinds[..first_close].contains(&"AN".to_string()),
        "{kinds:?}"
    );
    let last_close = kinds.iter().rposition(|kind| kind == "D").expect("closes");
    assert!(kinds[last_close..].contains(&"AN".to_string()), "{kinds:?}");
    eventually("journaled", || {
        rig.journal_text().contains("\"kind\":\"flat\"")
    });
}

#[test]
fn it_needs_neither_omsd_nor_a_client_that_reads() {
    let (rig, client) = holding();
    // A client that asks for everything again and again and reads nothing.
    let mut blocked = client;
    for _ in 0..200 {
        if !blocked.try_send(Body::Sync(dnalyaw_frames::Sync { nonce: 9 })) {
            break;
        }
    }
    rig.call(&["kill", "--reason", "omsd hangs"]);
    wait_flat(&rig);
    drop(blocked);
    assert_eq!(rig.status()["omsd"]["connected"], false);
}

#[test]
fn it_stays_thrown_when_riskd_is_killed_and_when_the_journal_never_heard_of_it() {
    let (mut rig, client) = holding();
    drop(client);
    rig.call(&["kill", "--reason", "drill"]);
    wait_flat(&rig);
    rig.crash();
    rig.start();
    // While the switch asks for the account positions are not known, and that is refused first.
    wait_flat(&rig);
    let mut client = rig.trading();
    let refused = client.order(limit(2, 1, BUY, 10, 100));
    assert_eq!(
        (refused.decision, refused.reason),
        (DecisionKind::Reject, Reason::Killed.code())
    );
    let status = rig.status();
    assert_eq!(status["kill"]["fired"], true);
    assert!(
        status["kill"]["who"].as_str().unwrap().contains("drill"),
        "{status}"
    );
    drop(client);
    // The latch alone, as after a crash between it and the journal.
    rig.crash();
    std::fs::remove_file(rig.dir.path().join("risk/kill.latch")).unwrap();
    let latch = dnalyaw_gateway::latch::KillLatch::open(&rig.dir.path().join("risk")).unwrap();
    assert_eq!(latch.fired(), None);
    rig.start();
    eventually("the journal's kill sets the latch", || {
        latch.fired().is_some()
    });
}

#[test]
fn a_latch_that_was_set_before_the_crash_is_obeyed_after_it() {
    let (mut rig, client) = holding();
    drop(client);
    rig.crash();
    let latch = dnalyaw_gateway::latch::KillLatch::open(&rig.dir.path().join("risk")).unwrap();
    assert!(latch.fire(Reason::Operator, "test"));
    assert!(!rig.journal_text().contains("\"kind\":\"kill\""));
    let ready = rig.start();
    assert_eq!(ready["killed"], "OPERATOR");
    wait_flat(&rig);
    eventually("journaled", || {
        rig.journal_text().contains("\"kind\":\"kill\"")
    });
}

#[test]
fn a_venue_that_reports_a_position_after_all_is_not_flat() {
    let (rig, _client) = holding();
    // The fills are reported and the account still says that 7 are there, as if another had traded.
    rig.venue.book().keeps_account = false;
    rig.venue.book().positions = vec![(1, "AAA", 7, "100")];
    rig.call(&["kill", "--reason", "drill"]);
    rig.venue.expect("D", 4);
    assert_ne!(phase(&rig), "flat");
    rig.venue.book().positions = vec![];
    eventually("flat", || phase(&rig) == "flat");
}

#[test]
fn a_closed_session_is_waited_for_and_said() {
    let (rig, _client) = holding();
    rig.venue.book().session_state = "1";
    rig.venue.tell_session();
    eventually("the break is known", || {
        rig.status()["session_state"] == "BREAK"
    });
    rig.call(&["kill", "--reason", "drill"]);
    rig.venue.expect("F", 1);
    rig.wait_log(&["kill_waits", "break"]);
    assert_eq!(rig.venue.received("D").len(), 1);
    rig.venue.book().session_state = "2";
    rig.venue.tell_session();
    wait_flat(&rig);
}

#[test]
fn orders_decided_before_the_switch_and_not_yet_sent_stay_here() {
    let (rig, mut client) = holding();
    let latch = dnalyaw_gateway::latch::KillLatch::open(&rig.dir.path().join("risk")).unwrap();
    // The word alone, as the control thread sets it: nobody has told the core.
    latch.fire(Reason::Operator, "test");
    let refused = client.order(limit(2, 1, BUY, 10, 100));
    assert_eq!(refused.reason, Reason::Killed.code());
    client.wait(|body| matches!(body, Body::State(s) if s.trading_state == TradingState::Killed));
    wait_flat(&rig);
    let opened: Vec<_> = rig
        .venue
        .received("D")
        .into_iter()
        .filter(|order| order.text(54) == "1")
        .collect();
    assert_eq!(opened.len(), 1, "only the order from before: {opened:?}");
}
#[test]
fn what_does_not_close_is_tried_again_and_said_loudly() {
    let (rig, _client) = holding();
    rig.venue.book().on_order = OnOrder::Reject;
    rig.call(&["kill", "--reason", "drill"]);
    // The engine waits a second of the venue's clock between attempts.
    eventually("five attempts", || {
        rig.venue.book().clock_ns += 2_000_000_000;
        rig.venue.tell_session();
        rig.log().contains("kill_does_not_close")
    });
    rig.wait_log(&["kill_does_not_close", "\"attempts\":5", "VENUE_REJECT"]);
    let left = rig.status()["kill"]["left"].clone();
    assert_eq!(left["positions"][0]["quantity"], 300);
    assert!(
        left["positions"][0]["attempts"].as_u64().unwrap() >= 1,
        "{left}"
    );
    eventually("the metric", || {
        rig.metrics()["kill_stuck"].as_u64().unwrap_or(0) >= 1
    });
    rig.venue.book().on_order = OnOrder::Fill;
    eventually("flat", || {
        rig.venue.book().clock_ns += 2_000_000_000;
        rig.venue.tell_session();
        phase(&rig) == "flat"
    });
    eventually("the metric is back", || rig.metrics()["kill_stuck"] == 0);
}
