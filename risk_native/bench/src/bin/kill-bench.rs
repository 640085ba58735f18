//! How long a kill takes, against the real programs: `kill-bench ROOT BIN SESSION REGION NAMES PRICE KILLS FLATTENINGS`.
//!
//! The last line of stdout is one JSON object; progress goes to stderr.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use dnalyaw_bench::dead::{kill_without_omsd, omsd_comes_and_dies};
use dnalyaw_bench::desk::{Desk, Place, is_active};
use dnalyaw_bench::floor;
use dnalyaw_bench::link::Link;
use dnalyaw_bench::numbers::{Random, micros, summary};
use dnalyaw_frames::{Body, ExecType};
use serde_json::{Value, json};

/// Orders at rest when the switch is thrown; each wants a cancel.
const RESTING: u64 = 20;
/// Refused for the switch (`docs/reasons.md`).
const KILLED: u16 = 19;
const FLOOR_ROUNDS: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("kill-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<Value, String> {
    let [root, bin, session, region, names, price, kills, flattenings] = arguments else {
        return Err(
            "usage: kill-bench ROOT BIN SESSION REGION NAMES PRICE KILLS FLATTENINGS".into(),
        );
    };
    let number = |text: &String| {
        text.parse::<u64>()
            .map_err(|err| format!("{text:?}: {err}"))
    };
    let place = Place {
        root: PathBuf::from(root),
        bin: PathBuf::from(bin),
        session: session.clone(),
        region: region.clone(),
        names: number(names)?,
        price: i64::try_from(number(price)?).map_err(|err| err.to_string())?,
    };
    let floors = json!({
        "unix_round_trip_us": floors(floor::round_trips)?,
        "hops_us": floors(floor::hops)?,
    });
    let mut desk = Desk::start(place)?;
    // In this order: the venue repeats every order of the session when riskd asks what became of them, so the time until the
    // account is seen flat grows with the orders before it.
    let flat = flattenings_of(&mut desk, number(flattenings)?)?;
    let latency = latencies(&mut desk, number(kills)?)?;
    Ok(json!({"floors": floors, "latency": latency, "flat": flat}))
}

fn floors(measure: fn(usize, Duration) -> std::io::Result<Vec<f64>>) -> Result<Value, String> {
    measure(FLOOR_ROUNDS, PAUSE)
        .map(|times| summary(&times))
        .map_err(|err| format!("floor: {err}"))
}

/// What one kill showed.
struct Measured {
    /// Control command written until a probe's refusal came back.
    refused_us: f64,
    /// Control command written until the first cancel came out of riskd's connection to the venue.
    cancel_us: f64,
    /// Control command written until riskd answered.
    answered_us: f64,
}

fn latencies(desk: &mut Desk, kills: u64) -> Result<Value, String> {
    let mut link = desk.link()?;
    let mut random = Random::new(17);
    let mut probes = Vec::new();
    let mut busy = Vec::new();
    let mut quiet = Vec::new();
    let mut dead = Vec::new();
    for number in 0..kills {
        rest(desk, &link, &mut random)?;
        // Of four kills one comes in the middle of a stream of orders, one to a quiet riskd, two once omsd is dead.
        match number % 4 {
            0 => busy.push(one(desk, &link, &mut random, Some(&mut probes))?),
            2 => quiet.push(one(desk, &link, &mut random, None)?),
            _ => {
                drop(link);
                dead.push(kill_without_omsd(desk, &mut random)?);
                desk.await_flat()?;
                desk.rearm()?;
                link = desk.link()?;
                continue;
            }
        }
        desk.await_flat()?;
        link.drain();
        desk.rearm()?;
        link.until("riskd ACTIVE after the switch was taken back", is_active)?;
        if number % 48 == 0 {
            eprintln!("  kill {} of {kills}", number + 1);
        }
    }
    let alive: Vec<&Measured> = busy.iter().chain(&quiet).collect();
    let cancels: Vec<f64> = alive
        .iter()
        .map(|one| one.cancel_us)
        .chain(dead.iter().map(|one| one.cancel_us))
        .collect();
    let answers: Vec<f64> = alive
        .iter()
        .map(|one| one.answered_us)
        .chain(dead.iter().map(|one| one.answered_us))
        .collect();
    Ok(json!({
        "kill_to_reduce_only_us": summary(&each(&alive, |one| one.refused_us)),
        "kill_to_latch_us": summary(&each(&dead, |one| one.latched_us)),
        "kill_to_first_cancel_us": summary(&cancels),
        "kill_to_first_cancel_busy_us": summary(&each(&busy, |one| one.cancel_us)),
        "kill_to_first_cancel_quiet_us": summary(&each(&quiet, |one| one.cancel_us)),
        "kill_to_first_cancel_omsd_dead_us": summary(&each(&dead, |one| one.cancel_us)),
        "kill_to_answer_us": summary(&answers),
        "order_round_trip_us": summary(&probes),
        "resting_orders": RESTING,
    }))
}

fn each<T>(list: &[T], value: impl Fn(&T) -> f64) -> Vec<f64> {
    list.iter().map(value).collect()
}

/// Orders that stay working: buys four per cent below the market, each at a price of its own.
fn rest(desk: &mut Desk, link: &Link, random: &mut Random) -> Result<(), String> {
    let orders = (0..RESTING)
        .map(|number| {
            let price = far_below(desk, number);
            desk.order(random.below(desk.place.names), 10, Some(price))
        })
        .collect();
    desk.place(link, orders, ExecType::New)
}

fn far_below(desk: &Desk, number: u64) -> i64 {
    desk.place.price / 100 * 96 + (number % 100) as i64 * 10_000
}

/// Throw the switch once. With `probes` orders are sent one after another all the while; without, one follows the kill.
fn one(
    desk: &mut Desk,
    link: &Link,
    random: &mut Random,
    mut probes: Option<&mut Vec<f64>>,
) -> Result<Measured, String> {
    desk.relay.clear();
    let mut thrown = None;
    let throw_at = Instant::now() + Duration::from_micros(2_000 + random.below(6_000));
    let refused_at = loop {
        if thrown.is_none() {
            if probes.is_none() {
                thread::sleep(throw_at.saturating_duration_since(Instant::now()));
            }
            if Instant::now() >= throw_at {
                thrown = Some(desk.kill()?);
            }
        }
        let price = far_below(desk, random.below(100));
        let order = desk.order(random.below(desk.place.names), 10, Some(price));
        let order_id = order.order_id;
        let sent = Instant::now();
        link.order(order).map_err(|err| format!("link: {err}"))?;
        let mut reason = 0;
        let (decided, _) = link.until("a probe's decision", |body| match body {
            Body::Decision(decision) if decision.order_id == order_id => {
                reason = decision.reason;
                true
            }
            _ => false,
        })?;
        match (reason, thrown) {
            (KILLED, Some(_)) => break decided,
            (0, None) => {
                if let Some(probes) = probes.as_deref_mut() {
                    probes.push(micros(sent, decided));
                }
            }
            // Decided while the command was on its way.
            (0, Some(_)) => {}
            other => return Err(format!("a probe got reason {other:?}")),
        }
    };
    let answered = desk.control.answer().map(|_| Instant::now())?;
    let thrown = thrown.ok_or("the switch was never thrown")?;
    let first = desk.first_cancel()?;
    Ok(Measured {
        refused_us: micros(thrown, refused_at),
        cancel_us: micros(thrown, first),
        answered_us: micros(thrown, answered),
    })
}

/// A position in every name, omsd at the line and then killed, the switch thrown, until the venue's own report is flat.
fn flattenings_of(desk: &mut Desk, count: u64) -> Result<Value, String> {
    let (mut flat, mut filled, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        let link = desk.link()?;
        let names = desk.place.names;
        let shares = 15_000 * 1_000_000 / desk.place.price;
        let orders = (0..names)
            .map(|name| desk.order(name, shares, None))
            .collect();
        desk.place(&link, orders, ExecType::Fill)?;
        rest(desk, &link, &mut Random::new(number))?;
        drop(link);
        omsd_comes_and_dies(desk)?;
        desk.relay.clear();
        let thrown = desk.kill()?;
        desk.control.answer()?;
        let seen_flat = desk.await_flat()?;
        let seen = desk.relay.seen();
        let fills = seen.fills.len() as u64;
        if fills < names {
            return Err(format!("{fills} fills were seen for {names} positions"));
        }
        flat.push(micros(thrown, seen_flat) / 1_000.0);
        filled.push(
            seen.fills
                .last()
                .map_or(f64::NAN, |last| micros(thrown, *last) / 1_000.0),
        );
        cancelled.push(
            seen.cancels
                .last()
                .map_or(f64::NAN, |last| micros(thrown, *last) / 1_000.0),
        );
        desk.rearm()?;
        eprintln!(
            "  flat {} of {count}: {:.0} ms",
            number + 1,
            flat.last().unwrap_or(&0.0)
        );
    }
    Ok(json!({
        "kill_to_flat_ms": summary(&flat),
        "kill_to_last_fill_ms": summary(&filled),
        "kill_to_last_cancel_ms": summary(&cancelled),
        "positions": desk.place.names,
    }))
}
