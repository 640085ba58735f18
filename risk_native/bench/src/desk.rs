//! A region's runtime under a kill: the venue, the relay before it, riskd, and the source of orders.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use dnalyaw_frames::{Body, ExecType, Legs, NewOrder, SessionState, TradingState};
use serde_json::{Value, json};

use crate::link::Link;
use crate::programs::{Control, Program};
use crate::relay::Relay;

/// Ids of the market that `dnalyaw bench risk` writes: from this one on, one after another.
pub const FIRST_ID: u64 = 1_001;
const FLAT: Duration = Duration::from_secs(60);
const CANCELLED: Duration = Duration::from_secs(10);

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct Place {
    /// The runtime directory with reference, market and register.
    pub root: PathBuf,
    /// Folder of the programs.
    pub bin: PathBuf,
    /// `YYYY-MM-DD`.
    pub session: String,
    /// `US`, `HK`.
    pub region: String,
    /// How many instruments the reference has.
    pub names: u64,
    /// The price of all of them, millionths.
    pub price: i64,
}

impl Place {
    fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }
}

/// See the module.
pub struct Desk {
    /// Where it runs.
    pub place: Place,
    /// What passes between riskd and the venue.
    pub relay: Relay,
    /// riskd's control socket.
    pub control: Control,
    next_id: u64,
    // In the order in which they are to die.
    _riskd: Program,
    _venue: Program,
}

impl Desk {
    /// Start the venue and riskd, and let the session begin.
    ///
    /// # Errors
    /// One line about what did not start.
    pub fn start(place: Place) -> Result<Desk, String> {
        let arguments = |list: &[(&str, String)]| -> Vec<String> {
            list.iter()
                .flat_map(|(name, value)| [(*name).to_owned(), value.clone()])
                .collect()
        };
        let address = place.root.join("venue/fix.addr");
        let venue = Program::start(
            &place.bin,
            &place.root,
            "simvenue",
            &arguments(&[
                ("--dir", place.path("venue")),
                ("--control", place.path("venue.sock")),
                ("--market", place.path(&format!("market/{}", place.session))),
                ("--speed", "1".into()),
                ("--open-seconds", "0".into()),
                ("--addr-file", address.display().to_string()),
            ]),
        )?;
        let listening =
            fs::read_to_string(&address).map_err(|err| format!("{}: {err}", address.display()))?;
        let relay =
            Relay::start(listening.trim().to_owned()).map_err(|err| format!("relay: {err}"))?;
        let relayed = place.root.join("relay.addr");
        write_private(&relayed, &relay.address())?;
        let riskd = Program::start(
            &place.bin,
            &place.root,
            "riskd",
            &arguments(&[
                ("--dir", place.path("risk")),
                ("--socket", place.path("risk.sock")),
                ("--control", place.path("control.sock")),
                ("--reference", place.path("reference.json")),
                ("--venue-addr-file", relayed.display().to_string()),
            ]),
        )?;
        Control::open(&place.root.join("venue.sock"))?.ask(&json!({"cmd": "start"}))?;
        let control = Control::open(&place.root.join("control.sock"))?;
        Ok(Desk {
            place,
            relay,
            control,
            next_id: 0,
            _riskd: riskd,
            _venue: venue,
        })
    }

    /// Take the line to riskd, and wait until it takes new risk.
    ///
    /// # Errors
    /// When it does not.
    pub fn link(&mut self) -> Result<Link, String> {
        // After the switch was taken back the account is asked for again, and nothing is opened until it is known.
        self.control.wait("the account, known", FLAT, |status| {
            status["trading_state"] != "HALTED" && status["equity"].as_i64() > Some(0)
        })?;
        let link = Link::open(&self.place.root.join("risk.sock"), &self.place.region)
            .map_err(|err| format!("risk.sock: {err}"))?;
        let mut last = 0;
        link.until("riskd ACTIVE in an open session", |body| {
            if let Body::Welcome(welcome) = body {
                last = welcome.last_order_id;
            }
            is_active(body)
        })?;
        self.next_id = self.next_id.max(last);
        Ok(link)
    }

    /// An order under the next id.
    pub fn order(&mut self, name: u64, quantity: i64, limit: Option<i64>) -> NewOrder {
        self.next_id += 1;
        NewOrder {
            order_id: self.next_id,
            instrument_id: FIRST_ID + name % self.place.names,
            quantity,
            limit_price: limit.unwrap_or(0),
            stop_distance: 0,
            correlation: self
                .next_id
                .to_le_bytes()
                .repeat(2)
                .try_into()
                .unwrap_or_default(),
            side: 1,
            order_type: if limit.is_some() { 2 } else { 1 },
            time_in_force: 0,
            flags: 0,
            legs: Legs::ALONE,
            path: dnalyaw_frames::Path::Default,
            strategies: 0,
        }
    }

    /// Send `orders` and wait until the venue has said `wanted` of each.
    ///
    /// # Errors
    /// When it has not, or riskd refuses one.
    pub fn place(
        &mut self,
        link: &Link,
        orders: Vec<NewOrder>,
        wanted: ExecType,
    ) -> Result<(), String> {
        let (first, count) = (orders[0].order_id, orders.len());
        let mut refused = None;
        for order in orders {
            link.order(order).map_err(|err| format!("link: {err}"))?;
        }
        let mut done = 0;
        link.until(&format!("{wanted:?} of {count} orders"), |body| {
            match body {
                Body::Decision(decision)
                    if decision.order_id >= first
                        && decision.approved_quantity < decision.requested_quantity =>
                {
                    refused = Some(format!(
                        "riskd did not approve what was to be measured: {decision:?}"
                    ));
                }
                Body::Exec(exec) if exec.order_id >= first && exec.exec_type == wanted => done += 1,
                _ => {}
            }
            done == count || refused.is_some()
        })?;
        refused.map_or(Ok(()), Err)
    }

    /// The kill's command; the moment just before it was written.
    ///
    /// # Errors
    /// What the socket says.
    pub fn kill(&mut self) -> Result<Instant, String> {
        self.control
            .send(&json!({"cmd": "kill", "reason": "measurement"}))
    }

    /// When the first cancel came out of riskd's connection to the venue.
    ///
    /// # Errors
    /// When none does.
    pub fn first_cancel(&self) -> Result<Instant, String> {
        let begun = Instant::now();
        loop {
            if let Some(first) = self.relay.seen().cancels.first() {
                return Ok(*first);
            }
            if begun.elapsed() > CANCELLED {
                return Err("no cancel reached the venue's side".into());
            }
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Wait until riskd says that the venue's own report is flat; the moment at which it was asked.
    ///
    /// # Errors
    /// When it does not say so.
    pub fn await_flat(&mut self) -> Result<Instant, String> {
        self.control
            .wait("flat", FLAT, |status| phase(status) == "flat")
    }

    /// Take the switch back.
    ///
    /// # Errors
    /// When riskd refuses.
    pub fn rearm(&mut self) -> Result<(), String> {
        self.control
            .ask(&json!({"cmd": "rearm", "reason": "measured"}))
            .map(|_| ())
    }
}

fn phase(status: &Value) -> &str {
    status["kill"]["phase"].as_str().unwrap_or("")
}

/// Whether a message says that new risk is taken now.
#[must_use]
pub fn is_active(body: &Body) -> bool {
    matches!(body, Body::State(state) if state.venue_up && state.trading_state == TradingState::Active && state.session_state == SessionState::Open)
}

/// riskd refuses an address that others can read.
fn write_private(path: &Path, text: &str) -> Result<(), String> {
    use std::io::Write;
    fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{text}"))
        .map_err(|err| format!("{}: {err}", path.display()))
}
