//! `riskd --flatten`: what a dead riskd left at the venue, with its journal, without it, and when something will not go.

use std::process::Output;

use crate::support::fix::{OnCancel, OnOrder};
use crate::support::{BUY, Rig, limit};

/// A riskd that died with 300 AAA and 40 BBB held and an order working.
fn dead() -> Rig {
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
    client.exec(1);
    rig.crash();
    let mut book = rig.venue.book();
    book.on_order = OnOrder::Fill;
    book.orders = vec![working("US-1", "BBB", "2", "10", "50")];
    book.orders.push(working("DESK-7", "AAA", "1", "5", "99"));
    drop(book);
    rig
}

fn working(
    id: &str,
    symbol: &str,
    instrument: &str,
    quantity: &str,
    price: &str,
) -> Vec<(u32, String)> {
    [
        (11, id),
        (39, "0"),
        (48, instrument),
        (22, "8"),
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

fn flatten(rig: &Rig, patience: &str) -> Output {
    let path = rig.dir.path();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_riskd"))
        .arg("--flatten")
        .arg("--dir")
        .arg(path.join("risk"))
        .arg("--reference")
        .arg(path.join("reference.json"))
        .arg("--venue-addr-file")
        .arg(path.join("fix.addr"))
        .args(["--reason", "riskd is dead", "--patience-s", patience])
        .output()
        .expect("riskd runs");
    std::fs::write(path.join("riskd.log"), &output.stderr).expect("written");
    output
}

/// The venue no longer lists an order that it cancelled.
fn cancels(rig: &Rig) {
    let venue = rig.venue.clone();
    std::thread::spawn(move || {
        venue.expect("F", 2);
        venue.book().orders.clear();
    });
}

fn expect_flat(rig: &Rig, output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", rig.log());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "{\"flat\":true}"
    );
    let cancelled: Vec<String> = rig
        .venue
        .received("F")
        .iter()
        .map(|cancel| cancel.text(41).to_string())
        .collect();
    assert!(
        cancelled.contains(&"US-1".to_string()) && cancelled.contains(&"DESK-7".to_string()),
        "{cancelled:?}"
    );
    assert!(
        rig.venue
            .book()
            .positions
            .iter()
            .all(|position| position.2 == 0)
    );
}

#[test]
fn a_dead_riskds_account_is_flattened_orders_of_others_too() {
    let rig = dead();
    cancels(&rig);
    let output = flatten(&rig, "20");
    expect_flat(&rig, &output);
    // Whoever starts riskd after that finds it killed.
    let mut rig = rig;
    rig.start();
    assert_eq!(rig.status()["kill"]["fired"], true);
    assert!(
        rig.status()["kill"]["who"]
            .as_str()
            .unwrap()
            .contains("riskd is dead")
    );
}

#[test]
fn a_broken_journal_does_not_stop_it_and_stays_as_it_is() {
    let rig = dead();
    let first = rig.journal();
    let mut bytes = std::fs::read(&first).unwrap();
    let record = bytes
        .windows(8)
        .position(|eight| eight == b"{\"kind\":")
        .expect("a record");
    bytes[record + 12] ^= 0x40;
    std::fs::write(&first, &bytes).unwrap();
    cancels(&rig);
    let output = flatten(&rig, "20");
    expect_flat(&rig, &output);
    assert!(rig.log().contains("flatten_without"));
    assert_eq!(std::fs::read(&first).unwrap(), bytes);
    // Its closing orders cannot have a name that the broken journal gave.
    let close = rig.venue.expect("D", 2);
    let number: u64 = close
        .text(11)
        .strip_prefix("US-K")
        .unwrap()
        .parse()
        .unwrap();
    assert!(number > 1_000_000_000_000, "{number}");
}

#[test]
fn what_is_left_is_named_with_status_one() {
    let rig = dead();
    rig.venue.book().on_order = OnOrder::Reject;
    cancels(&rig);
    let output = flatten(&rig, "4");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().expect("a line");
    assert!(
        last.contains("not flat after 4 s") && last.contains("\"quantity\":300"),
        "{last}"
    );
}

#[test]
fn a_riskd_that_runs_is_left_to_its_own_switch() {
    let mut rig = dead();
    rig.start();
    let output = flatten(&rig, "4");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("another riskd serves it") && said.contains("riskd kill"),
        "{said}"
    );
}
