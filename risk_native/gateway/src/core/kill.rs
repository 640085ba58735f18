//! What follows from a thrown kill switch, step by step, and what does not come to an end.
//!
//! ```text
//! armed ─► cancelling ─► reconciling ─► closing ─► verifying ─► flat
//!              ▲  2 s at most  │            ▲  └─────┘ │
//!              └── venue away ─┴────────────┴──────────┘
//! ```
//!
//! Cancels leave at once, before and without the journal: a cancel only ever lowers exposure. Closing begins when the
//! venue has told orders and positions again. Flat is what the venue's own report says, never what was computed here. The
//! switch stays thrown until a person takes it back.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use dnalyaw_engine::{Reason, SessionState, is_own_order};
use serde_json::{Value, json};

use super::{Core, log};
use crate::latch::Seen;
use crate::log::Level;
use crate::record::{Id, Record};
use crate::{log_error, log_info, log_warn};

/// How long cancels may stay unanswered before the venue is asked what became of the orders.
const TERMINAL_LIMIT: Duration = Duration::from_secs(2);
/// A cancel without an answer is sent again after this long.
const CANCEL_AGAIN: Duration = Duration::from_secs(5);
/// Pause before a closing order that came to nothing is tried again; it doubles with every attempt up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// Attempts after which a position that does not close is an alarm, and again after as many.
const ALARM_EVERY: u32 = 5;
/// A thrown switch that has not made the account flat for this long is an alarm, and again after as long.
const OVERDUE: Duration = Duration::from_secs(30);
/// Commands that may wait for the venue's thread: cancels of a large book are handed over in portions.
const ROOM: u64 = 2048;

/// Where the switch stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Armed,
    Cancelling,
    Reconciling,
    Closing,
    Verifying,
    Flat,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Cancelling => "cancelling",
            Self::Reconciling => "reconciling",
            Self::Closing => "closing",
            Self::Verifying => "verifying",
            Self::Flat => "flat",
        }
    }
}

/// A position that did not close at the first attempt.
#[derive(Clone, Debug)]
struct Stuck {
    attempts: u32,
    after: Instant,
    why: String,
}

/// See the module.
#[derive(Debug)]
pub(super) struct KillSwitch {
    phase: Phase,
    since: Instant,
    pub who: String,
    pub correlation: Id,
    /// To be cancelled and not yet handed to the venue.
    cancels: VecDeque<u64>,
    /// Asked for on this connection, or among those.
    asked: HashSet<u64>,
    /// The connection that this was.
    epoch: Option<u64>,
    /// Something may work that was not asked for.
    look: bool,
    /// When all that works was asked for last.
    looked_at: Instant,
    /// Instruments of which a stop has fired, while the switch is armed.
    fired: Vec<u64>,
    /// Since when the switch is thrown and the account was not seen flat, and when that was said last.
    unflat: Option<Instant>,
    said_at: Instant,
    stuck: BTreeMap<u64, Stuck>,
    waiting: &'static str,
}

impl KillSwitch {
    pub fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Armed,
            since: now,
            who: "riskd".into(),
            correlation: Id::default(),
            cancels: VecDeque::new(),
            asked: HashSet::new(),
            epoch: None,
            look: false,
            looked_at: now,
            fired: Vec::new(),
            unflat: None,
            said_at: now,
            stuck: BTreeMap::new(),
            waiting: "",
        }
    }

    fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            log::write(
                Level::Error,
                "kill_phase",
                Some(&self.correlation.0),
                json!({"from": self.phase.name(), "to": phase.name()}),
            );
            self.phase = phase;
            self.waiting = "";
        }
        self.since = Instant::now();
    }

    /// Something works at the venue that was not there at the last look.
    pub fn look_again(&mut self) {
        self.look = true;
    }

    /// Whether it takes longer to be flat than it should.
    fn is_overdue(&self, now: Instant) -> bool {
        self.unflat
            .is_some_and(|since| now.saturating_duration_since(since) >= OVERDUE)
    }

    /// For how long the account has not been flat, when it is time to say so. Whatever the phase: what waits for a session that
    /// does not open, holds a position that nobody here can close or goes in circles gives no other sign.
    fn overdue(&mut self, now: Instant) -> Option<Duration> {
        if matches!(self.phase, Phase::Armed | Phase::Flat) {
            self.unflat = None;
            return None;
        }
        let since = *self.unflat.get_or_insert_with(|| {
            self.said_at = now;
            now
        });
        if !self.is_overdue(now) || now.saturating_duration_since(self.said_at) < OVERDUE {
            return None;
        }
        self.said_at = now;
        Some(now.saturating_duration_since(since))
    }

    /// The venue's own account was seen flat, and nothing has come since.
    pub fn flat(&self) -> bool {
        self.phase == Phase::Flat
    }

    /// Positions that alarms are about.
    fn alarms(&self) -> u64 {
        self.stuck
            .values()
            .filter(|one| one.attempts >= ALARM_EVERY)
            .count() as u64
    }
}

impl Core {
    /// Looks at the latch: whoever set it, the switch is thrown now.
    pub(super) fn obey_latch(&mut self) {
        if self.switch.phase == Phase::Armed
            && let Some(reason) = self.latch.fired()
        {
            // A restart finds it set; then the journal knows more than the word.
            let thrower = self.latch.who();
            let who = self.killed_before.take().unwrap_or(thrower.who);
            self.throw(reason, who, Id(thrower.correlation));
        }
    }

    /// Throws the switch: the latch, the engine, and the first cancels, in this order. Everything else comes after them.
    pub(super) fn throw(&mut self, reason: Reason, who: String, correlation: Id) {
        if self.switch.phase != Phase::Armed {
            self.latch.fire(reason, &who);
            return;
        }
        self.latch.hold(reason, &who);
        (self.switch.who, self.switch.correlation) = (who, correlation);
        self.engine.kill(reason);
        self.switch.look_again();
        self.want_cancels();
        log::write(
            Level::Error,
            "kill_switch",
            Some(&correlation.0),
            json!({"who": self.switch.who, "reason": reason.name()}),
        );
        self.switch.enter(Phase::Cancelling);
    }

    /// Brings the switch one step on, and says so when it gets nowhere.
    pub(super) fn drive_kill(&mut self) {
        self.step();
        let now = Instant::now();
        if let Some(since) = self.switch.overdue(now) {
            log_warn!("kill_not_flat", {"phase": self.switch.phase.name(), "for_s": since.as_secs(), "waiting": self.switch.waiting,
                "session_state": format!("{:?}", self.engine.state_report().session_state), "left": self.left()});
        }
        let overdue = u64::from(self.switch.is_overdue(now));
        self.counters.kill_stuck = self.switch.alarms().max(overdue);
    }

    /// One step, as far as what is known allows.
    fn step(&mut self) {
        if self.engine.killed().is_none() {
            self.drive_stops();
            return;
        }
        if self.switch.phase == Phase::Armed {
            // The engine fired it, or a journal said so: the latch holds it for every thread.
            let reason = self
                .engine
                .killed()
                .map_or(Reason::Operator, |kill| kill.reason);
            let who = self
                .killed_before
                .take()
                .unwrap_or_else(|| reason.name().to_lowercase());
            self.throw(reason, who, Id::default());
        }
        if self.epoch.is_none() {
            // What happened meanwhile is unknown: from the beginning, once the venue is back.
            if self.switch.phase != Phase::Cancelling {
                self.switch.enter(Phase::Cancelling);
            }
            self.switch.since = Instant::now();
            self.wait("the venue is away");
            return;
        }
        self.want_cancels();
        match self.switch.phase {
            Phase::Armed => {}
            Phase::Cancelling => {
                let over = self.switch.cancels.is_empty() && self.others_open().is_empty();
                if over || self.switch.since.elapsed() >= TERMINAL_LIMIT {
                    self.switch.enter(Phase::Reconciling);
                    self.begin_resync();
                }
            }
            Phase::Reconciling => {
                if self.reconciled_since(self.switch.since) {
                    self.switch.enter(Phase::Closing);
                    self.close_positions();
                }
            }
            Phase::Closing => self.close_positions(),
            Phase::Verifying => {
                // The round's cash too, so that whoever re-arms finds the account known; flat it is without.
                let whole = self.resync.is_done() || self.switch.since.elapsed() >= TERMINAL_LIMIT;
                if whole && self.reconciled_since(self.switch.since) {
                    self.verify();
                }
            }
            Phase::Flat => {
                if !self.is_flat() {
                    log_error!("kill_not_flat_any_more", {"left": self.left()});
                    self.switch.enter(Phase::Cancelling);
                }
            }
        }
    }

    /// Takes what is to be cancelled, and hands over as much as there is room for: what the engine names, and of what works here
    /// and at the venue all that was not asked for on this connection. The engine does not name an order whose cancel was
    /// asked for before, nor one that it does not know.
    fn want_cancels(&mut self) {
        let mut wanted = std::mem::take(&mut self.wanted_cancels);
        self.engine.wanted_cancels(&mut wanted);
        if self.switch.epoch != self.epoch {
            self.switch.epoch = self.epoch;
            self.switch.asked.clear();
            self.switch.cancels.clear();
            self.switch.look = true;
        }
        let killed = self.engine.killed().is_some();
        if !killed
            && !self
                .engine
                .fired_instruments()
                .eq(self.switch.fired.iter().copied())
        {
            self.switch.fired = self.engine.fired_instruments().collect();
            self.switch.look = true;
        }
        if killed || !self.switch.fired.is_empty() {
            self.queue_cancels(&wanted);
        } else {
            self.switch.cancels.clear();
            self.switch.asked.clear();
        }
        self.wanted_cancels = wanted;
        if self.epoch.is_none() {
            return;
        }
        let correlation = self.switch.correlation;
        while self.venue.queued() < ROOM {
            let Some(id) = self.switch.cancels.pop_front() else {
                break;
            };
            self.cancel_first(id, correlation);
        }
    }

    fn queue_cancels(&mut self, wanted: &[u64]) {
        for id in wanted {
            let id = self.orders.original(*id);
            if self.switch.asked.insert(id) {
                self.switch.cancels.push_back(id);
            }
        }
        // Unanswered, refused or never on its way: whatever still works is asked for again.
        let again =
            self.switch.cancels.is_empty() && self.switch.looked_at.elapsed() >= CANCEL_AGAIN;
        if !again && !std::mem::take(&mut self.switch.look) {
            return;
        }
        for id in self.concerned() {
            if self.switch.asked.insert(id) || again {
                self.switch.cancels.push_back(id);
            }
        }
        self.switch.look = false;
        self.switch.looked_at = Instant::now();
    }

    /// Open orders that must go: of the thrown switch all, of stops that have fired those in their instruments.
    fn concerned(&self) -> Vec<u64> {
        if self.engine.killed().is_some() {
            return self.others_open();
        }
        let fired = &self.switch.fired;
        let ours = self
            .orders
            .open_from(0)
            .filter(|entry| !is_own_order(entry.id()) && fired.contains(&entry.instrument_id()));
        ours.map(super::orders::Entry::id)
            .chain(self.foreign.ids_in(fired))
            .collect()
    }

    /// Open orders that are not closing orders of the switch's own.
    fn others_open(&self) -> Vec<u64> {
        let ours = self.orders.open_ids().into_iter();
        ours.filter(|id| !is_own_order(*id))
            .chain(self.foreign.ids())
            .collect()
    }

    fn close_positions(&mut self) {
        if self.is_flat() {
            self.switch.enter(Phase::Verifying);
            self.begin_resync();
            return;
        }
        match self.engine.state_report().session_state {
            SessionState::Open => {}
            SessionState::Break => return self.wait("the venue's session is in a break"),
            _ => return self.wait("the venue's session is not open"),
        }
        self.switch.waiting = "";
        self.send_closes();
    }

    /// Sends the closing orders that the engine wants: of the thrown switch, or of a stop that was reached.
    fn send_closes(&mut self) {
        let mut wanted = std::mem::take(&mut self.wanted_closes);
        self.engine.wanted_closes(&mut wanted);
        let now = Instant::now();
        let correlation = self.switch.correlation;
        for close in &wanted {
            let ready = self
                .switch
                .stuck
                .get(&close.instrument_id)
                .is_none_or(|stuck| stuck.after <= now);
            if ready {
                self.close_position(close, correlation);
            }
        }
        self.wanted_closes = wanted;
    }

    /// While the switch is armed: a stop that was reached cancels its direction's orders and closes its position.
    fn drive_stops(&mut self) {
        if self.epoch.is_some() {
            self.want_cancels();
            self.send_closes();
        }
    }

    /// A person took the switch back.
    pub(super) fn switch_rearmed(&mut self, seen: Seen) {
        let who = std::mem::take(&mut self.switch.who);
        log_info!("kill_rearmed", {"thrown_by": who});
        if !self.latch.clear(seen) {
            log_error!("kill_thrown_again", {"who": self.latch.who().who, "why": "while it was taken back"});
        }
        self.switch = KillSwitch::new(Instant::now());
        self.killed_before = None;
        // It may have gone on without what it takes to open.
        self.resync.want_what_was_left_out();
    }

    /// A closing order was filled whole: the next slice needs no pause.
    pub(super) fn close_done(&mut self, instrument_id: u64) {
        self.switch.stuck.remove(&instrument_id);
    }

    /// A closing order has ended: what it left is tried again, later each time that nothing came of it.
    pub(super) fn close_ended(&mut self, instrument_id: u64, filled: i64, why: &str) {
        let attempts = match (filled, self.switch.stuck.get(&instrument_id)) {
            (0, Some(stuck)) => stuck.attempts + 1,
            _ => 1,
        };
        let pause = RETRY_FIRST
            .saturating_mul(1 << attempts.min(16).saturating_sub(1))
            .min(RETRY_LAST);
        if attempts % ALARM_EVERY == 0 {
            log_error!("kill_does_not_close", {"instrument_id": instrument_id, "attempts": attempts, "why": why,
                "position": self.position(instrument_id).0, "next_ms": u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)});
        }
        self.switch.stuck.insert(
            instrument_id,
            Stuck {
                attempts,
                after: Instant::now() + pause,
                why: why.to_string(),
            },
        );
    }

    /// The venue has told orders and positions again since nothing was left here.
    fn verify(&mut self) {
        if !self.is_flat() {
            self.switch.enter(Phase::Closing);
            return;
        }
        self.switch.enter(Phase::Flat);
        self.switch.stuck.clear();
        let ts_ns = self.now();
        self.write(&Record::Flat {
            session: self.reference.session,
            ts_ns,
        });
        log_info!("flat", {"session": self.reference.session, "equity": self.engine.equity(), "who": self.switch.who});
    }

    fn is_flat(&self) -> bool {
        self.orders.open_count() == 0
            && self.foreign.is_empty()
            && self.resync.unreferenced().is_empty()
            && self.engine.positions().iter().all(|one| one.quantity == 0)
    }

    /// What keeps the account from being flat.
    pub(super) fn left(&self) -> Value {
        let positions: Vec<Value> = self
            .engine
            .positions()
            .iter()
            .filter(|one| one.quantity != 0)
            .map(|one| {
                let stuck = self.switch.stuck.get(&one.instrument_id);
                json!({"instrument_id": one.instrument_id, "quantity": one.quantity,
                    "attempts": stuck.map_or(0, |stuck| stuck.attempts), "why": stuck.map_or("", |stuck| stuck.why.as_str())})
            })
            .collect();
        let orders: Vec<u64> = self.orders.open_ids().into_iter().take(100).collect();
        json!({"positions": positions, "orders": orders, "open_orders": self.orders.open_count(),
            "unknown_orders": self.foreign_status(), "without_reference": self.resync.unreferenced()})
    }

    /// Says once what is waited for.
    fn wait(&mut self, what: &'static str) {
        if self.switch.waiting != what {
            self.switch.waiting = what;
            log_error!("kill_waits", {"for": what, "phase": self.switch.phase.name(), "left": self.left()});
        }
    }

    /// The switch as `status` shows it.
    pub(super) fn kill_status(&self) -> Value {
        let kill = self.engine.killed();
        json!({"fired": kill.is_some(), "latched": self.latch.fired().is_some(),
            "reason": kill.map_or("", |kill| kill.reason.name()), "session": kill.map_or(0, |kill| kill.session),
            "who": if kill.is_some() { self.switch.who.as_str() } else { "" },
            "phase": self.switch.phase.name(), "phase_ms": u64::try_from(self.switch.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            "waiting": self.switch.waiting, "alarms": self.switch.alarms(),
            "left": if kill.is_some() && self.switch.phase != Phase::Flat { self.left() } else { Value::Null }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_does_not_come_to_flat_says_so_every_half_minute_in_any_phase() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut switch = KillSwitch::new(begun);
        assert_eq!(switch.overdue(at(100)), None, "armed");
        switch.phase = Phase::Cancelling;
        assert_eq!(switch.overdue(at(200)), None);
        switch.phase = Phase::Closing;
        assert_eq!(switch.overdue(at(229)), None);
        assert!(!switch.is_overdue(at(229)));
        // In circles between two phases is no progress.
        switch.phase = Phase::Verifying;
        assert_eq!(switch.overdue(at(230)), Some(Duration::from_secs(30)));
        assert_eq!(switch.overdue(at(259)), None);
        assert!(switch.is_overdue(at(259)));
        assert_eq!(switch.overdue(at(260)), Some(Duration::from_secs(60)));
        switch.phase = Phase::Flat;
        assert_eq!(switch.overdue(at(300)), None);
        assert!(!switch.is_overdue(at(300)));
    }
}
