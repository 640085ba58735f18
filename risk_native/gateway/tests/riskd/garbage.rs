//! A venue whose bytes make no sense: the connection may die of it, riskd and what it knows do not.

use dnalyaw_frames::{Body, DecisionKind};

use crate::support::{BUY, Rig, eventually, limit};

/// Body length and checksum as told.
fn message(length: &str, body: &str, checksum: &str) -> Vec<u8> {
    format!("8=FIX.4.4\u{1}9={length}\u{1}{body}10={checksum}\u{1}")
        .replace('|', "\u{1}")
        .into_bytes()
}

/// The message with a length and a checksum that fit.
fn fitting(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("8=FIX.4.4\u{1}9={}\u{1}", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes.extend(format!("10={:03}\u{1}", sum % 256).into_bytes());
    bytes
}

#[test]
fn garbage_from_the_venue_ends_the_connection_at_most() {
    let head = "35=8|49=SIMVENUE|56=RISKD|34=9999|52=20261123-14:30:00|";
    let garbage: Vec<Vec<u8>> = vec![
        // No FIX at all; then a tag of no digits, which makes the engine's parser panic.
        b"GET / HTTP/1.1\r\n\r\n=\x01=\x01\xFF=\x01".to_vec(),
        fitting(b"35=8\x01=\x01"),
        // A length that swallows whatever follows.
        message("99999999", head, "000"),
        // No number, and one that is none.
        fitting(b"35=8\x0149=SIMVENUE\x0156=RISKD\x0152=20261123-14:30:00\x01"),
        fitting(b"35=\xF0\x9F\x0149=SIMVENUE\x0156=RISKD\x0134=-1\x0152=20261123-14:30:00\x01"),
    ];
    let rig = Rig::running();
    let mut client = rig.trading();
    let pid = rig.pid();
    client.order(limit(1, 1, BUY, 10, 100));
    rig.venue.expect("D", 1);
    rig.venue.book().orders = vec![
        [
            (11, "US-1"),
            (39, "0"),
            (55, "AAA"),
            (48, "1"),
            (22, "8"),
            (54, "1"),
            (38, "10"),
            (151, "10"),
            (14, "0"),
            (6, "0"),
        ]
        .map(|(tag, value)| (tag, value.to_string()))
        .to_vec(),
    ];
    for bytes in &garbage {
        let before = rig.venue.logons();
        rig.venue.raw(bytes);
        // Whatever the garbage did to the connection, a new one comes of this; a number it took is told again.
        rig.venue.cut(true);
        rig.venue.come_back();
        eventually("another logon", || rig.venue.logons() > before);
        client.wait_active();
    }
    assert_eq!(rig.pid(), pid);
    let decision = client.order(limit(2, 1, BUY, 10, 100));
    assert_eq!(decision.decision, DecisionKind::Approve);
    rig.venue.expect("D", 2);
    let told = client.sync();
    assert!(
        !told
            .iter()
            .any(|body| matches!(body, Body::Position(p) if p.quantity != 0)),
        "nothing was believed"
    );
    assert_eq!(rig.metrics()["execs_unknown"].as_u64().unwrap_or(0), 0);
}
