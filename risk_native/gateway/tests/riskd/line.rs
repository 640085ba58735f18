//! The line to omsd: lost by silence or by its end, and what that brings by setting; and riskd's own end.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind};

use crate::support::fix::{OnCancel, OnOrder};
use crate::support::{BUY, Client, Rig, eventually, limit};

fn rig(options: &[&'static str]) -> Rig {
    let mut rig = Rig::new();
    rig.options = options.to_vec();
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 300, "100")];
        book.on_cancel = OnCancel::Cancel;
        book.keeps_account = true;
    }
    rig.start();
    rig
}

fn working(rig: &Rig) -> Client {
    let mut client = rig.trading();
    client.order(limit(1, 2, BUY, 10, 50));
    rig.venue.expect("D", 1);
    client
}

fn lost(rig: &Rig) -> bool {
    rig.status()["omsd"]["lost"] == true
}

#[test]
fn a_closed_line_means_reduce_only_until_it_is_back() {
    let rig = rig(&[]);
    assert!(!lost(&rig), "never connected is not lost");
    let client = working(&rig);
    assert!(!lost(&rig));
    drop(client);
    rig.wait_log(&["oms_line_lost", "its socket is closed", "reduce-only"]);
    assert_eq!(rig.status()["trading_state"], "REDUCEONLY");
    assert!(rig.venue.received("F").is_empty());
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(2, 2, BUY, 1, 50)).decision,
        DecisionKind::Approve
    );
}

#[test]
fn a_silent_line_is_lost_and_speaks_again() {
    let rig = rig(&["--link-timeout-ms", "1000"]);
    let mut client = rig.silent_client();
    rig.wait_log(&["oms_line_lost", "it was silent"]);
    eventually("reduce-only", || {
        rig.status()["trading_state"] == "REDUCEONLY"
    });
    client.send(Body::Heartbeat);
    rig.wait_log(&["oms_line_back"]);
}

#[test]
fn a_beating_line_is_not_lost() {
    let rig = rig(&["--link-timeout-ms", "1000"]);
    let _client = working(&rig);
    // Two rounds of what would have been silence, by what riskd itself says of it.
    let mut heard = 0;
    let mut before = 0;
    while heard < 5 {
        let silence = rig.status()["omsd"]["silence_ms"]
            .as_u64()
            .expect("a client");
        heard += u64::from(silence < before);
        before = silence;
    }
    assert!(!lost(&rig));
    assert!(!rig.log().contains("oms_line_lost"));
}

#[test]
fn by_setting_the_working_orders_are_cancelled_and_nothing_is_closed() {
    let rig = rig(&["--on-link-loss", "cancel"]);
    drop(working(&rig));
    assert_eq!(rig.venue.expect("F", 1).text(41), "US-1");
    eventually("cancelled", || rig.status()["working_orders"] == 0);
    assert_eq!(rig.status()["kill"]["fired"], false);
    assert_eq!(rig.venue.received("D").len(), 1);
}

#[test]
fn by_setting_a_lost_line_throws_the_switch() {
    let rig = rig(&["--on-link-loss", "flatten"]);
    let client = working(&rig);
    rig.venue.book().on_order = OnOrder::Fill;
    drop(client);
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
    assert_eq!(rig.venue.book().positions[0].2, 0);
    let mut client = rig.trading();
    let refused = client.order(limit(2, 1, BUY, 1, 100));
    assert_eq!(refused.reason, Reason::Killed.code(), "back is not armed");
}

#[test]
fn cancel_on_disconnect_is_asked_after_every_logon_and_its_answer_is_told() {
    let mut rig = Rig::new();
    rig.options = vec!["--cancel-on-disconnect"];
    rig.venue.book().cancel_on_disconnect = Some(true);
    rig.start();
    let asked = rig.venue.expect("BE", 1);
    assert_eq!(
        (asked.text(924), asked.text(553), asked.text(8013)),
        ("4", "US", "Y")
    );
    eventually("granted", || {
        rig.status()["cancel_on_disconnect"] == "granted"
    });
    rig.venue.book().cancel_on_disconnect = Some(false);
    rig.venue.cut(false);
    rig.venue.expect("BE", 2);
    rig.wait_log(&["cancel_on_disconnect", "not offered"]);
    assert_eq!(rig.status()["cancel_on_disconnect"], "refused");
}

#[test]
fn nobody_is_asked_for_what_was_not_wanted() {
    let rig = Rig::running();
    let _client = rig.trading();
    assert!(rig.venue.received("BE").is_empty());
    assert_eq!(rig.status()["cancel_on_disconnect"], "off");
}
