//! A session day begins by the venue's word, not by the reference file's.

use crate::support::fix::{OnCancel, OnOrder};
use crate::support::{Rig, eventually, reference};

fn write_reference(rig: &Rig, session: &str) {
    let mut content = reference();
    content["session"] = session.into();
    std::fs::write(rig.dir.path().join("reference.json"), content.to_string()).unwrap();
}

fn baselines(rig: &Rig) -> usize {
    rig.journal_text().matches("\"kind\":\"baseline\"").count()
}

#[test]
fn the_next_days_file_unlocks_no_drawdown_while_the_venue_is_on_its_day() {
    let mut rig = Rig::new();
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 300, "100")];
        book.cash = Some("100000".into());
        book.on_cancel = OnCancel::Cancel;
        book.on_order = OnOrder::Fill;
        book.keeps_account = true;
    }
    rig.start();
    let client = rig.trading();
    // 300 shares at 100 and 100,000 in cash: 70 is 6.9% below.
    for price in [["75.00", "75.02", "75.01"], ["70.00", "70.02", "70.01"]].repeat(2) {
        rig.venue.book().clock_ns += 60_000_000_000;
        let [bid, ask, last] = price;
        rig.venue.price("X", None, "AAA", bid, ask, last);
    }
    rig.wait_log(&["\"killed\"", "DRAWDOWN"]);
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
    // 300 shares at the bid of 99.99, and 100,000 in cash.
    let baseline = rig.status()["baseline"].clone();
    assert_eq!(
        (baseline.as_i64(), baselines(&rig)),
        (Some(129_997_000_000), 1)
    );
    drop(client);
    rig.crash();
    write_reference(&rig, "2026-11-24");
    rig.venue.cut(false);
    rig.start();
    rig.wait_log(&["session_mismatch"]);
    eventually("the account is known", || rig.status()["cash"] != 0);
    let (code, why) = rig.call(&["rearm", "--reason", "a new file"]);
    assert_eq!(code, Some(1), "{why}");
    assert!(why.as_str().unwrap().contains("next session day"), "{why}");
    let status = rig.status();
    assert_eq!(status["session_state"], "UNKNOWN");
    assert_eq!(status["kill"]["session"], 20_261_123);
    assert_eq!((&status["baseline"], baselines(&rig)), (&baseline, 1));
    // The venue's own next day does it.
    rig.next_session();
    eventually("the next day", || rig.status()["session_state"] == "OPEN");
    let (code, answer) = rig.call(&["rearm", "--reason", "a new day"]);
    assert_eq!(code, Some(0), "{answer}");
}

#[test]
fn a_file_of_a_day_that_is_over_is_refused() {
    let mut rig = Rig::running();
    let client = rig.trading();
    eventually("a baseline", || baselines(&rig) == 1);
    drop(client);
    assert_eq!(rig.stop(), Some(0));
    write_reference(&rig, "2026-11-22");
    let refused = rig.run();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("session 20261122 is over, the journal has begun 20261123"),
        "{said}"
    );
    // A file of a day that the venue has not begun binds nobody to it.
    write_reference(&rig, "2026-11-25");
    rig.start();
    rig.wait_log(&["session_mismatch"]);
    rig.stop();
    write_reference(&rig, "2026-11-23");
    rig.start();
    rig.trading();
}

#[test]
fn a_venue_without_a_date_is_on_todays() {
    let today = chrono::Utc::now().date_naive();
    for (days, state) in [(0, "OPEN"), (1, "OPEN"), (-5, "UNKNOWN")] {
        let mut rig = Rig::new();
        rig.venue.book().simulated = false;
        let session = today + chrono::TimeDelta::days(days);
        write_reference(&rig, &session.format("%Y-%m-%d").to_string());
        rig.start();
        rig.wait_log(&["\"clock\"", "wall"]);
        if state == "UNKNOWN" {
            rig.wait_log(&["session_mismatch"]);
        }
        eventually(state, || rig.status()["session_state"] == state);
    }
}
