//! A kill once omsd is dead: nobody is left to be refused, so the latch itself is watched.

use std::thread;
use std::time::{Duration, Instant};

use dnalyaw_mapped::Latch;
use serde_json::Value;

use crate::desk::Desk;
use crate::numbers::{Random, micros};
use crate::programs::{Program, await_file};

const PATIENCE: Duration = Duration::from_secs(20);

/// What such a kill showed.
#[derive(Debug)]
pub struct Measured {
    /// Control command written until the latch's word was set, as another process sees it: reduce-only from there on.
    pub latched_us: f64,
    /// Control command written until the first cancel came out of riskd's connection to the venue.
    pub cancel_us: f64,
    /// Control command written until riskd answered.
    pub answered_us: f64,
}

/// omsd takes the line and is killed; then the switch is thrown.
///
/// # Errors
/// What did not happen.
pub fn kill_without_omsd(desk: &mut Desk, random: &mut Random) -> Result<Measured, String> {
    omsd_comes_and_dies(desk)?;
    let path = desk.place.root.join("risk/kill.latch");
    let latch = Latch::open(&path).map_err(|err| format!("{}: {err}", path.display()))?;
    if latch.get() != 0 {
        return Err("the switch was thrown before".into());
    }
    desk.relay.clear();
    thread::sleep(Duration::from_micros(2_000 + random.below(6_000)));
    let thrown = desk.kill()?;
    let latched = loop {
        if latch.get() != 0 {
            break Instant::now();
        }
        if thrown.elapsed() > PATIENCE {
            return Err("the latch was never set".into());
        }
        // The core that this spins on may be the one that riskd waits for.
        thread::yield_now();
    };
    let answered = desk.control.answer().map(|_| Instant::now())?;
    let cancelled = desk.first_cancel()?;
    Ok(Measured {
        latched_us: micros(thrown, latched),
        cancel_us: micros(thrown, cancelled),
        answered_us: micros(thrown, answered),
    })
}

/// The real omsd takes the line, and is killed with SIGKILL once riskd has it.
///
/// # Errors
/// When it does not start, or riskd does not see it come or go.
pub fn omsd_comes_and_dies(desk: &mut Desk) -> Result<(), String> {
    let root = desk.place.root.clone();
    let path = |name: &str| root.join(name).display().to_string();
    let mut omsd = Program::start(
        &desk.place.bin,
        &root,
        "omsd",
        &[
            "--dir".into(),
            path("oms"),
            "--socket".into(),
            path("oms.sock"),
            "--risk".into(),
            path("risk.sock"),
            "--register".into(),
            path("register.jsonl"),
            "--reference".into(),
            path("reference.json"),
            "--region".into(),
            desk.place.region.clone(),
        ],
    )?;
    await_file(&root.join("oms.sock"))?;
    desk.control.wait("omsd on the line", PATIENCE, |status| {
        status["omsd"]["connected"] == Value::Bool(true)
    })?;
    omsd.kill()?;
    desk.control
        .wait("the end of omsd's line", PATIENCE, |status| {
            status["omsd"]["connected"] == Value::Bool(false)
        })?;
    // The socket file of a process that was killed stays behind.
    let _ = std::fs::remove_file(root.join("oms.sock"));
    Ok(())
}
