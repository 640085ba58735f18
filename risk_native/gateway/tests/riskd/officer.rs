//! What a risk officer sees: the page for Prometheus, the limits in use, and a warning before one is reached.

use std::io::{Read, Write};
use std::net::TcpStream;

use dnalyaw_frames::{Body, DecisionKind};
use sha2::{Digest, Sha256};

use crate::support::{BUY, Rig, eventually, limit};

/// A riskd with the endpoint, and where it is.
pub fn watched() -> (Rig, String) {
    watched_with(Rig::new())
}

/// As `watched`, at a venue that was told something before.
pub fn watched_with(mut rig: Rig) -> (Rig, String) {
    rig.options = vec!["--metrics", "127.0.0.1:0"];
    let ready = rig.start();
    let address = ready["metrics"].as_str().expect("an address").to_string();
    (rig, address)
}

pub fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the endpoint");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: riskd\r\n\r\n")
        .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, page) = answer.split_once("\r\n\r\n").expect("head and page");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    page.to_string()
}

/// The value of the sample with this name and labels.
pub fn value(page: &str, sample: &str) -> Option<f64> {
    page.lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
        .map(|number| number.parse().expect("a number"))
}

#[test]
fn the_page_counts_decisions_by_code_and_shows_what_is_used_of_each_limit() {
    let (rig, address) = watched();
    let mut client = rig.trading();
    // 5% of a million at 100 is 500 shares: 400 are four fifths of it.
    assert_eq!(
        client.order(limit(1, 1, BUY, 400, 100)).decision,
        DecisionKind::Approve
    );
    assert_eq!(
        client.order(limit(2, 1, BUY, 900, 100)).decision,
        DecisionKind::Reduce
    );
    assert_eq!(
        client.order(limit(3, 9, BUY, 1, 100)).decision,
        DecisionKind::Reject
    );
    eventually("a page with three decisions", || {
        value(
            &scrape(&address),
            "dnalyaw_risk_check_seconds_count{region=\"US\"}",
        ) == Some(3.0)
    });
    let page = scrape(&address);
    for (sample, expected) in [
        (
            r#"dnalyaw_risk_decisions_total{region="US",decision="APPROVE",reason="NONE"}"#,
            1.0,
        ),
        (
            r#"dnalyaw_risk_decisions_total{region="US",decision="REDUCE",reason="INSTRUMENT_LIMIT"}"#,
            1.0,
        ),
        (
            r#"dnalyaw_risk_decisions_total{region="US",decision="REJECT",reason="UNKNOWN_INSTRUMENT"}"#,
            1.0,
        ),
        (
            r#"dnalyaw_risk_limit_used_ratio{region="US",limit="instrument",name="AAA.NYSE"}"#,
            1.0,
        ),
        (
            r#"dnalyaw_risk_exposure{region="US",limit="instrument",name="AAA.NYSE"}"#,
            50_000.0,
        ),
        (
            r#"dnalyaw_risk_limit_used_ratio{region="US",limit="sector",name="tech"}"#,
            0.2,
        ),
        (
            r#"dnalyaw_risk_trading_state{region="US",state="ACTIVE"}"#,
            1.0,
        ),
        (
            r#"dnalyaw_risk_trading_state{region="US",state="KILLED"}"#,
            0.0,
        ),
        (r#"dnalyaw_risk_equity{region="US"}"#, 1_000_000.0),
        (r#"dnalyaw_risk_venue_up{region="US"}"#, 1.0),
        (r#"dnalyaw_riskd_orders_in_total{region="US"}"#, 3.0),
        (r#"dnalyaw_riskd_limits_near{region="US"}"#, 1.0),
    ] {
        assert_eq!(value(&page, sample), Some(expected), "{sample}\n{page}");
    }
    assert!(value(&page, r#"dnalyaw_riskd_journal_lag_bytes{region="US"}"#).is_some());
    let found = std::fs::read_to_string(rig.dir.path().join("risk/prometheus.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found[0]["targets"][0], address.as_str());
    assert_eq!(found[0]["labels"]["region"], "US");
}

#[test]
fn a_limit_that_is_nearly_used_is_warned_of_once() {
    let (rig, address) = watched();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 390, 100));
    eventually("the exposure on the page", || {
        value(
            &scrape(&address),
            r#"dnalyaw_risk_limit_used_ratio{region="US",limit="instrument",name="AAA.NYSE"}"#,
        ) == Some(0.78)
    });
    assert!(!rig.log().contains("limit_near"), "78% is no news");
    client.order(limit(2, 1, BUY, 20, 100));
    rig.wait_log(&["limit_near", "AAA.NYSE", "\"used_bp\":8200"]);
    let order = rig.venue.expect("D", 2);
    rig.venue.report(&order, "4", "1", 0, 0, "0");
    eventually("the exposure to fall", || {
        value(
            &scrape(&address),
            r#"dnalyaw_risk_limit_used_ratio{region="US",limit="instrument",name="AAA.NYSE"}"#,
        ) == Some(0.78)
    });
    let warned = rig.log().matches("limit_near").count();
    assert_eq!(warned, 1, "78% is still near what was warned of");
    assert!(!rig.log().contains("limit_relieved"));
}

#[test]
fn risk_names_the_running_program_and_the_limits_that_every_decision_carries() {
    let (rig, _) = watched();
    let mut client = rig.trading();
    let decision = client.order(limit(1, 1, BUY, 450, 100));
    let binary = Sha256::digest(std::fs::read(env!("CARGO_BIN_EXE_riskd")).unwrap());
    let binary: String = binary.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut page = serde_json::Value::Null;
    eventually("the hash of the program", || {
        let (code, answer) = rig.call(&["risk"]);
        assert_eq!(code, Some(0), "{answer}");
        page = answer;
        page["binary_sha256"] == binary.as_str()
    });
    let hash = page["limits"]["hash"].as_str().unwrap();
    let carried: String = decision
        .limits_hash
        .to_le_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(&hash[..16], carried);
    assert_eq!(page["limits"]["constants"]["instrument_bp"], 500);
    let near = &page["near"][0];
    assert_eq!(
        (near["limit"].as_str(), near["name"].as_str()),
        (Some("instrument"), Some("AAA.NYSE"))
    );
    assert_eq!(near["used_bp"], 9_000);
    assert_eq!(page["decisions"][0]["count"], 1);
}

#[test]
fn an_endpoint_that_others_could_reach_keeps_riskd_from_starting() {
    let mut rig = Rig::new();
    rig.options = vec!["--metrics", "0.0.0.0:0"];
    let done = rig.run();
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("not an address of this machine"), "{said}");
}

#[test]
fn stress_tells_the_loss_of_the_book_as_it_stands() {
    let (rig, _) = watched();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 400, 100));
    let order = rig.venue.expect("D", 1);
    rig.venue.report(&order, "F", "1", 400, 400, "100");
    client.wait(
        |body| matches!(body, Body::Position(p) if p.instrument_id == 1 && p.quantity == 400),
    );
    let (code, answer) = rig.call(&["stress"]);
    assert_eq!(code, Some(0), "{answer}");
    let loss = |name: &str| {
        let scenarios = answer["scenarios"].as_array().expect("a list");
        let one = scenarios.iter().find(|one| one["scenario"] == name);
        one.unwrap_or_else(|| panic!("no {name} in {answer}"))["loss_micro"].clone()
    };
    // 400 shares that sell at 99.99: a tenth of it; five times a day's 1%.
    assert_eq!(loss("sector_down:tech"), 3_999_600_000_i64);
    assert_eq!(loss("gap_5_sigma"), 1_999_800_000_i64);
    assert_eq!(loss("venue_gone:NYSE"), 1_999_800_000_i64);
}
