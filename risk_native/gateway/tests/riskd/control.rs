//! The control socket: who is served, what is understood, what is journaled.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::{BUY, Rig, eventually, limit};

fn ask(rig: &Rig, lines: &[&str]) -> Vec<Value> {
    let mut stream = UnixStream::connect(rig.control()).expect("the control socket");
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    lines
        .iter()
        .map(|line| {
            stream.write_all(line.as_bytes()).expect("sent");
            stream.write_all(b"\n").expect("sent");
            let mut answer = String::new();
            reader.read_line(&mut answer).expect("an answer");
            serde_json::from_str(&answer).expect("JSON")
        })
        .collect()
}

#[test]
fn the_socket_is_its_owners_alone_and_goes_with_riskd() {
    let mut rig = Rig::running();
    let mode = std::fs::metadata(rig.control())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(rig.stop(), Some(0));
    assert!(!rig.control().exists());
    let (code, why) = rig.call(&["status"]);
    assert_eq!(code, Some(1));
    assert!(why.as_str().unwrap().contains("is riskd running?"), "{why}");
}

#[test]
fn one_line_one_answer_whatever_the_line() {
    let rig = Rig::running();
    let answers = ask(
        &rig,
        &[
            "nonsense",
            r#"{"cmd":"kill"}"#,
            r#"{"cmd":"limits","gross_bp":30000}"#,
            r#"{"cmd":"status"}"#,
        ],
    );
    for answer in &answers[..3] {
        assert_eq!(answer["ok"], false);
        assert!(answer["error"].is_string());
    }
    assert_eq!(answers[3]["ok"], true);
    assert_eq!(answers[3]["kill"]["fired"], false);
    // A line without an end is not waited for for ever, and costs its connection alone.
    let mut stream = UnixStream::connect(rig.control()).unwrap();
    stream.write_all(&[b'x'; 5000]).unwrap();
    let mut answer = String::new();
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut answer).unwrap();
    assert!(answer.contains("a line ends within"), "{answer}");
    assert_eq!(ask(&rig, &[r#"{"cmd":"status"}"#])[0]["ok"], true);
}

#[test]
fn status_tells_what_is_held_and_what_works() {
    let mut rig = Rig::new();
    rig.venue.book().positions = vec![(1, "AAA", 300, "100")];
    rig.start();
    let mut client = rig.trading();
    client.order(limit(1, 2, BUY, 10, 50));
    rig.venue.expect("D", 1);
    let status = rig.status();
    assert_eq!(
        status["positions"],
        json!([{"instrument_id": 1, "quantity": 300, "mark": 100_000_000}])
    );
    assert_eq!(status["working_orders"], 1);
    assert_eq!(status["orders"][0]["order_id"], 1);
    assert_eq!(status["orders"][0]["leaves"], 10);
    assert_eq!(status["venue_up"], true);
    assert_eq!(status["omsd"]["connected"], true);
    assert_eq!(status["trading_state"], "ACTIVE");
    assert_eq!(status["kill"]["phase"], "armed");
}

#[test]
fn a_callers_silence_keeps_nobody_else_waiting() {
    let rig = Rig::running();
    let _silent: Vec<_> = (0..5)
        .map(|_| UnixStream::connect(rig.control()).unwrap())
        .collect();
    assert_eq!(ask(&rig, &[r#"{"cmd":"status"}"#])[0]["ok"], true);
}

#[test]
fn who_killed_and_why_is_in_the_journal_and_the_log() {
    let rig = Rig::running();
    let (code, answer) = rig.call(&["kill", "--reason", "the feed looks wrong"]);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(answer["kill"]["latched"], true);
    let uid = rustix::process::getuid().as_raw();
    rig.wait_log(&[
        "\"operator\"",
        "the feed looks wrong",
        &format!("uid {uid}"),
    ]);
    eventually("the journal has it", || {
        let text = rig.journal_text();
        text.contains("\"kind\":\"operator\"")
            && text.contains("\"kind\":\"kill\"")
            && text.contains(&format!("uid {uid}"))
    });
}
