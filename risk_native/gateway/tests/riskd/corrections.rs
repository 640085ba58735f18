//! Trades that the venue corrected: what omsd is told of, fill by fill.

use dnalyaw_frames::{Body, Exec, ExecType};

use crate::support::fix::Message;
use crate::support::{BUY, Client, Rig, limit};

/// 100 bought: 60 at 99.00 as F1 and 40 at 100.01 as F2, for half a unit each.
fn bought() -> (Rig, Client, Message) {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 101));
    let order = rig.venue.expect("D", 1);
    rig.venue.report_as("F1", &order, "F", "1", 60, 60, "99");
    rig.venue
        .report_as("F2", &order, "F", "2", 40, 100, "100.01");
    while client.exec(1).exec_type != ExecType::Fill {}
    (rig, client, order)
}

/// Change, price and fees (millionths), and what has filled by it.
fn told(exec: &Exec) -> (ExecType, i64, i64, i64, i64) {
    (
        exec.exec_type,
        exec.last_quantity,
        exec.last_price,
        exec.fee,
        exec.cumulative_quantity,
    )
}

#[test]
fn a_change_has_the_price_of_the_fill_and_not_of_the_average() {
    let (rig, mut client, order) = bought();
    // 60 at 99 and 10 at 100.01 are 99.144285... each, which no price can say.
    rig.venue
        .correct(("C1", "F2"), &order, 10, "100.01", "0.125", 70, "99.144286");
    assert_eq!(
        told(&client.exec(1)),
        (ExecType::Corrected, -30, 100_010_000, -375_000, 70)
    );
}

#[test]
fn a_second_correction_counts_from_the_first() {
    let (mut rig, mut client, order) = bought();
    rig.venue
        .correct(("C1", "F2"), &order, 30, "100.01", "0.4", 90, "99.336667");
    assert_eq!(
        told(&client.exec(1)),
        (ExecType::Corrected, -10, 100_010_000, -100_000, 90)
    );
    drop(client);
    // The journal knows which fill was corrected.
    rig.crash();
    rig.start();
    let mut client = rig.trading();
    // By the fill's name, and by that of the correction before.
    rig.venue
        .correct(("C2", "F2"), &order, 20, "100.01", "0.3", 80, "99.2525");
    assert_eq!(
        told(&client.exec(1)),
        (ExecType::Corrected, -10, 100_010_000, -100_000, 80)
    );
    rig.venue
        .correct(("C3", "C2"), &order, 0, "100.01", "0", 60, "99");
    assert_eq!(
        told(&client.exec(1)),
        (ExecType::Corrected, -20, 100_010_000, -300_000, 60)
    );
}

#[test]
fn another_price_is_the_fill_taken_back_and_the_fill_at_the_new_one() {
    let (rig, mut client, order) = bought();
    rig.venue
        .correct(("C1", "F1"), &order, 60, "98.5", "0.25", 100, "99.104");
    let (back, again) = (client.exec(1), client.exec(1));
    assert_eq!(
        (told(&back), told(&again)),
        (
            (ExecType::Corrected, -60, 99_000_000, -500_000, 40),
            (ExecType::Corrected, 60, 98_500_000, 250_000, 100)
        )
    );
    assert_ne!(back.exec_id, again.exec_id);
    // Told again by the venue it is nothing new; a SYNC repeats both.
    rig.venue
        .correct(("C1", "F1"), &order, 60, "98.5", "0.25", 100, "99.104");
    // From the new price on, in both.
    rig.venue
        .correct(("C2", "F1"), &order, 50, "98", "0.2", 90, "98.893333");
    let next = (client.exec(1), client.exec(1));
    assert_eq!(
        (told(&next.0), told(&next.1)),
        (
            (ExecType::Corrected, -60, 98_500_000, -250_000, 40),
            (ExecType::Corrected, 50, 98_000_000, 200_000, 90)
        )
    );
    let corrected: Vec<Exec> = client
        .sync()
        .into_iter()
        .filter_map(|body| match body {
            Body::Exec(exec) if exec.exec_type == ExecType::Corrected => Some(exec),
            _ => None,
        })
        .collect();
    // 60 at 99, 40 at 100.01, and what became of the first: 50 at 98.
    let paid: i64 = corrected
        .iter()
        .map(|exec| exec.last_quantity * exec.last_price)
        .sum();
    assert_eq!(corrected.len(), 4);
    assert_eq!(paid, (50 * 98 - 60 * 99) * 1_000_000);
}
