//! The path that omsd gives an order: decided with it, journaled before it leaves, and told to the venue as
//! ExDestination (100).

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind, Frame, Legs, NewOrder, Path, Replace};
use sha2::{Digest, Sha256};

use crate::support::fix::{OnOrder, Venue, listed};
use crate::support::{BUY, Client, Rig, limit, reference};

const EX_DESTINATION: u32 = 100;

fn by(path: Path, order: NewOrder) -> NewOrder {
    NewOrder { path, ..order }
}

fn change(order_id: u64, original_id: u64, quantity: i64) -> Replace {
    Replace {
        order_id,
        original_id,
        quantity,
        limit_price: 99_000_000,
        stop_distance: 2_000_000,
        correlation: [9; 16],
    }
}

fn modified(client: &mut Client, replace: Replace) -> Path {
    let (id, original) = (replace.order_id, replace.original_id);
    client.send(Body::Replace(replace));
    let decision = client.decision(id);
    assert_eq!(decision.decision, DecisionKind::Approve);
    client.wait(|body| matches!(body, Body::Exec(exec) if exec.order_id == original && exec.reason == Reason::Replaced.code()));
    decision.path
}

/// A riskd whose reference file lists these paths.
fn listing(paths: serde_json::Value) -> (Rig, Client) {
    let mut rig = Rig::new();
    let mut reference = reference();
    reference["paths"] = paths;
    std::fs::write(rig.dir.path().join("reference.json"), reference.to_string()).unwrap();
    rig.start();
    let client = rig.trading();
    (rig, client)
}

/// The venue lost riskd's connection with a crash of it; the same orders are with another that takes its place.
fn crashed(rig: &mut Rig, orders: Vec<Vec<(u32, String)>>) {
    rig.crash();
    rig.venue.cut(true);
    let other = Venue::start();
    other.book().orders = orders;
    rig.address(other.port);
    rig.venue = other;
}

#[test]
fn the_path_is_journaled_before_it_is_told_and_the_default_is_not_told() {
    let rig = Rig::running();
    let mut client = rig.trading();
    for (id, path, told) in [
        (1, Path::First, Some("1")),
        (2, Path::Second, Some("2")),
        (3, Path::Default, None),
    ] {
        let decision = client.order(by(path, limit(id, 1, BUY, 10 + id as i64, 99)));
        assert_eq!(
            (decision.decision, decision.path),
            (DecisionKind::Approve, path)
        );
        let sent = rig.venue.expect("D", id as usize);
        assert_eq!(sent.get(EX_DESTINATION), told, "order {id}");
        let record = format!("\"strategies\":0,\"path\":{}}}", path as u8);
        assert!(rig.journal_text().contains(&record), "{record}");
    }
    assert_eq!(rig.venue.book().journaled_first, [true; 3]);
    let status = rig.status();
    for order in status["orders"].as_array().unwrap() {
        let expected = order["order_id"].as_u64().unwrap() % 3;
        assert_eq!(order["path"].as_u64(), Some(expected), "{order}");
    }
    rig.wait_log(&["\"decision\"", "\"order_id\":2", "\"path\":2"]);
}

#[test]
fn a_modification_stays_on_the_path_of_its_order() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(by(Path::Second, limit(1, 1, BUY, 100, 99)));
    client.order(limit(2, 1, BUY, 50, 99));
    client.exec(2);
    assert_eq!(modified(&mut client, change(3, 1, 150)), Path::Second);
    assert_eq!(modified(&mut client, change(4, 1, 120)), Path::Second);
    assert_eq!(modified(&mut client, change(5, 2, 60)), Path::Default);
    rig.venue.expect("G", 3);
    let told: Vec<_> = rig
        .venue
        .received("G")
        .iter()
        .map(|sent| {
            (
                sent.text(11).to_string(),
                sent.get(EX_DESTINATION).map(String::from),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("US-3".into(), Some("2".into())),
            ("US-4".into(), Some("2".into())),
            ("US-5".into(), None)
        ]
    );
}

#[test]
fn another_path_is_other_content() {
    let rig = Rig::running();
    let mut client = rig.trading();
    let first = client.order(by(Path::First, limit(1, 1, BUY, 100, 99)));
    assert_eq!(first.decision, DecisionKind::Approve);
    client.exec(1);
    for path in [Path::Second, Path::Default] {
        let other = client.order(by(path, limit(1, 1, BUY, 100, 99)));
        assert_eq!(
            (other.decision, other.reason, other.path),
            (DecisionKind::Reject, Reason::DuplicateId.code(), path)
        );
    }
    let again = client.order(by(Path::First, limit(1, 1, BUY, 100, 99)));
    assert_eq!(again, first);
    assert_eq!(rig.venue.received("D").len(), 1);
}

#[test]
fn both_paths_count_in_one_limit() {
    let rig = Rig::running();
    let mut client = rig.trading();
    // 5% of 1,000,000 at 100 is 500 shares, whichever way they go.
    let first = client.order(by(Path::First, limit(1, 1, BUY, 300, 100)));
    let second = client.order(by(Path::Second, limit(2, 1, BUY, 300, 100)));
    assert_eq!(first.approved_quantity, 300);
    assert_eq!(
        (second.decision, second.approved_quantity, second.reason),
        (DecisionKind::Reduce, 200, Reason::InstrumentLimit.code())
    );
}

#[test]
fn a_path_that_the_reference_does_not_list_is_malformed() {
    let (rig, mut client) = listing(serde_json::json!([1]));
    let unlisted = by(Path::Second, limit(1, 1, BUY, 10, 99));
    let decision = client.order(unlisted.clone());
    assert_eq!(
        (decision.decision, decision.reason),
        (DecisionKind::Reject, Reason::Malformed.code())
    );
    assert_eq!(
        (decision.approved_quantity, decision.path),
        (0, Path::Second)
    );
    // The id is taken: what it was decided is told again, and nothing else comes under it.
    assert_eq!(client.order(unlisted), decision);
    for path in [Path::Default, Path::First, Path::Second] {
        let other = client.order(by(path, limit(1, 1, BUY, 11, 99)));
        assert_eq!(other.reason, Reason::DuplicateId.code(), "{path:?}");
    }
    // The one that is listed and the default pass.
    for (id, path) in [(2, Path::First), (3, Path::Default)] {
        let decision = client.order(by(path, limit(id, 1, BUY, 10 + id as i64, 99)));
        assert_eq!(decision.decision, DecisionKind::Approve, "{path:?}");
    }
    rig.venue.expect("D", 2);
    let sent = rig.venue.received("D");
    let sent: Vec<_> = sent
        .iter()
        .map(|order| (order.text(11), order.get(EX_DESTINATION)))
        .collect();
    assert_eq!(sent, [("US-2", Some("1")), ("US-3", None)]);
}

#[test]
fn a_leg_on_a_path_that_is_not_listed_takes_the_others_with_it() {
    let (rig, mut client) = listing(serde_json::json!([2]));
    let leg = |id, leg, path| NewOrder {
        legs: Legs::new(leg, 2).unwrap(),
        ..by(path, limit(id, 1, BUY, 10, 99))
    };
    client.send(Body::NewOrder(leg(1, 1, Path::Second)));
    client.send(Body::NewOrder(leg(2, 2, Path::First)));
    assert_eq!(client.decision(1).reason, Reason::LinkedLeg.code());
    assert_eq!(client.decision(2).reason, Reason::Malformed.code());
    let alone = client.order(by(Path::Second, limit(3, 1, BUY, 10, 99)));
    assert_eq!(alone.decision, DecisionKind::Approve);
    let sent = rig.venue.expect("D", 1);
    assert_eq!(
        (sent.text(11), sent.get(EX_DESTINATION)),
        ("US-3", Some("2"))
    );
}

#[test]
fn a_path_without_a_meaning_closes_the_line() {
    let rig = Rig::running();
    let mut client = rig.silent_client();
    let order = by(Path::Second, limit(1, 1, BUY, 10, 99));
    let mut bytes = Frame {
        seq: 2,
        ts_ns: 1,
        body: Body::NewOrder(order),
    }
    .encode();
    assert_eq!(bytes[86], 2);
    bytes[86] = 3;
    let crc = crc32fast::hash(&[&bytes[..4], &bytes[8..]].concat());
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    client.raw(&bytes);
    assert!(client.closed());
    rig.wait_log(&["path at byte 86"]);
    assert!(!rig.journal_text().contains("\"kind\":\"decision\""));
}

#[test]
fn a_restart_knows_the_path() {
    let mut rig = Rig::running();
    rig.venue.book().on_order = OnOrder::Swallow;
    let order = by(Path::First, limit(1, 1, BUY, 100, 99));
    let first = rig.trading().order(order.clone());
    rig.venue.expect("D", 1);
    crashed(&mut rig, vec![listed("US-1", "0")]);
    rig.start();
    let mut client = rig.trading();
    assert_eq!(client.order(order), first);
    assert_eq!(modified(&mut client, change(2, 1, 150)), Path::First);
    assert_eq!(rig.venue.expect("G", 1).text(EX_DESTINATION), "1");
}

/// Takes the path out of every record of the segment, as those were written that knew none; how many it was in.
/// Blanks stand in its place, so that the header's word of what is on the disk holds on.
fn without_paths(bytes: &mut [u8]) -> usize {
    let field = b",\"path\":0";
    let (mut at, mut taken) = (4096, 0);
    let mut chain = bytes[24..56].to_vec();
    loop {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if length == 0 {
            return taken;
        }
        let payload = &mut bytes[at + 8..at + 8 + length];
        while let Some(found) = payload.windows(field.len()).position(|w| w == field) {
            payload[found..found + field.len()].fill(b' ');
            taken += 1;
        }
        chain = Sha256::digest([&chain[..], payload].concat()).to_vec();
        bytes[at + 8 + length..at + 40 + length].copy_from_slice(&chain);
        let crc = crc32fast::hash(&bytes[at + 8..at + 40 + length]);
        bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
        at += 40 + length;
    }
}

#[test]
fn a_journal_from_before_there_were_paths_replays_with_the_default() {
    let mut rig = Rig::running();
    let first = rig.trading().order(limit(1, 1, BUY, 100, 99));
    rig.venue.expect("D", 1);
    crashed(&mut rig, vec![listed("US-1", "0")]);
    let mut bytes = std::fs::read(rig.journal()).unwrap();
    assert_eq!(without_paths(&mut bytes), 1);
    std::fs::write(rig.journal(), &bytes).unwrap();
    let ready = rig.start();
    assert_eq!(
        (&ready["last_order_id"], &ready["orders"]),
        (&1.into(), &1.into())
    );
    let mut client = rig.trading();
    // The same content as before is known, and goes on without a path.
    assert_eq!(client.order(limit(1, 1, BUY, 100, 99)), first);
    assert_eq!(modified(&mut client, change(2, 1, 150)), Path::Default);
    assert_eq!(rig.venue.expect("G", 1).get(EX_DESTINATION), None);
}
