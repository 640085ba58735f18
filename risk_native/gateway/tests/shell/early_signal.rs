//! A signal that comes before riskd is ready.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Rig, eventually, reference};

/// Bit of SIGUSR1 in a process's mask of caught signals.
const USR1: u64 = 1 << 9;

#[test]
fn sigusr1_during_the_start_throws_the_switch() {
    let rig = Rig::new();
    let path = rig.dir.path().join("reference.json");
    std::fs::remove_file(&path).unwrap();
    // A start takes as long as it takes somebody to write this.
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let mut child = rig
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("riskd starts");
    let status = format!("/proc/{}/status", child.id());
    eventually("the signal is caught", || {
        let text = std::fs::read_to_string(&status).unwrap();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & USR1 != 0)
    });
    let killed = Command::new("kill")
        .arg("-USR1")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    let latch = dnalyaw_gateway::latch::KillLatch::open(&rig.dir.path().join("risk")).unwrap();
    eventually("the latch", || latch.fired().is_some());
    std::fs::write(&path, reference().to_string()).unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    assert!(line.contains("\"killed\":\"OPERATOR\""), "{line}");
    assert_eq!(rig.status()["kill"]["fired"], true);
    child.kill().unwrap();
    child.wait().unwrap();
}
