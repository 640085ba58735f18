//! Starts that must fail say so in one line, and the others end well.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::support::{Rig, reference};

fn refused(output: &Output, named: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let last = said.trim_end().lines().last().unwrap_or("");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    for word in named {
        assert!(last.contains(word), "'{word}' in: {last}");
    }
}

#[test]
fn limits_are_printed_as_json() {
    let output = Command::new(env!("CARGO_BIN_EXE_riskd"))
        .arg("--limits")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let limits: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(limits["constants"]["instrument_bp"], 500);
    assert_eq!(limits["constants"]["sector_bp"], 2500);
    assert_eq!(limits["constants"]["drawdown_bp"], 500);
    assert_eq!(limits["constants"]["trade_risk_bp"], 100);
    assert_eq!(limits["hash"].as_str().unwrap().len(), 64);
}

#[test]
fn an_unknown_option_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_riskd"))
        .arg("--instrument-limit")
        .output()
        .unwrap();
    refused(&output, &["--instrument-limit"]);
}

#[test]
fn a_second_instance_on_one_directory_is_refused() {
    let rig = Rig::running();
    refused(&rig.run(), &["another riskd", "--dir"]);
    // The first one noticed nothing.
    rig.client();
}

#[test]
fn a_bad_reference_names_the_instrument() {
    let rig = Rig::new();
    let mut bad = reference();
    bad["instruments"][1]["lot"] = 0.into();
    std::fs::write(rig.dir.path().join("reference.json"), bad.to_string()).unwrap();
    refused(&rig.run(), &["reference.json", "BBB.NYSE", "lot"]);
    std::fs::write(rig.dir.path().join("reference.json"), "{\n\n[").unwrap();
    refused(&rig.run(), &["reference.json", "line 3"]);
}

#[test]
fn an_address_that_others_can_read_is_refused() {
    let rig = Rig::new();
    let path = rig.dir.path().join("fix.addr");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&rig.run(), &["fix.addr", "chmod 600"]);
}

#[test]
fn looser_limits_are_refused() {
    let rig = Rig::new();
    let path = rig.dir.path().join("tighter.json");
    std::fs::write(&path, r#"{"instrument_bp": 600}"#).unwrap();
    let output = rig.command().arg("--tighter").arg(&path).output().unwrap();
    refused(&output, &["tighter.json", "instrument_bp", "500"]);
}

#[test]
fn sigterm_ends_it_with_zero_and_the_socket_goes() {
    let mut rig = Rig::running();
    rig.trading();
    assert_eq!(rig.stop(), Some(0));
    assert!(!rig.socket().exists());
    let ready = rig.start();
    assert_eq!(ready["region"], "US");
    assert_eq!(ready["session"], 20_261_123);
}

#[test]
fn without_a_venue_riskd_serves_and_refuses() {
    let mut rig = Rig::new();
    std::fs::remove_file(rig.dir.path().join("fix.addr")).unwrap();
    rig.start();
    let mut client = rig.client();
    let decision = client.order(crate::support::limit(1, 1, crate::support::BUY, 10, 100));
    assert_eq!(decision.reason, dnalyaw_engine::Reason::VenueDown.code());
    // The file may come later.
    rig.address(rig.venue.port);
    client.wait_active();
}
