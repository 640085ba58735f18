//! What follows from a thrown kill switch or a stop that was reached, step by step, as riskd does it:
//!
//! ```text
//! armed ─► cancelling ─► reconciling ─► closing ─► verifying ─► flat
//!              ▲  2 s at most                ▲  └─────┘ │         │
//!              └─────────────────────────────┴──────────┴─────────┘
//! ```
//!
//! Times are the venue's: in riskd they are the machine's, and the same where the venue does not replay.

use std::collections::{BTreeMap, VecDeque};

use dnalyaw_engine::{
    CLOSE_RETRY_NS, CloseOrder, Decision, Engine, Kill, OrderRequest, SessionState,
};

use crate::desk::{Desk, Wants};
use crate::reference::Reference;

/// How long cancels may stay unanswered before the account is looked at without them.
const TERMINAL_LIMIT_NS: i64 = 2_000_000_000;
/// Pause before a closing order that came to nothing is tried again; it doubles with every attempt up to the last.
const RETRY_FIRST_NS: i64 = 50_000_000;
const RETRY_LAST_NS: i64 = 30_000_000_000;

/// Where the switch stands.
#[repr(u8)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not thrown.
    #[default]
    Armed = 0,
    /// Everything is being cancelled.
    Cancelling = 1,
    /// The account is asked for.
    Reconciling = 2,
    /// Positions are being closed.
    Closing = 3,
    /// Nothing is left here; the account is asked for again.
    Verifying = 4,
    /// The venue's own account was flat.
    Flat = 5,
}

/// What is to be done at the venue.
#[expect(
    clippy::large_enum_variant,
    reason = "handed over one at a time, kept nowhere"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Cancel this order.
    Cancel {
        /// Its first id.
        order_id: u64,
        /// What the venue knows it by.
        wire_id: u64,
    },
    /// Send this closing order of the engine's own, where its decision was accepted; tell it in any case.
    Close {
        /// What to send.
        order: OrderRequest,
        /// `FLATTEN`, or what stood against it.
        decision: Decision,
    },
}

/// What came of one [`Desk::settle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Actions given.
    pub count: usize,
    /// Settle again at this moment, if nothing happens before; `i64::MAX` = when something happens.
    pub wake_ns: i64,
    /// Where the switch stands.
    pub phase: Phase,
}

/// A position that did not close at the first attempt.
#[derive(Debug, Clone, Copy)]
struct Stuck {
    attempts: u32,
    after_ns: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Switch {
    phase: Phase,
    since_ns: i64,
    /// Accounts that had been told when this phase began.
    accounts: u64,
    /// To be cancelled and not handed over yet.
    cancels: VecDeque<u64>,
    stuck: BTreeMap<u64, Stuck>,
    /// Something happened since the last look.
    pub(crate) moved: bool,
    wake_ns: i64,
    /// What had fired at the last look.
    seen: (Option<Kill>, usize),
    /// Room for what the engine wants done.
    wanted_cancels: Vec<u64>,
    wanted_closes: Vec<CloseOrder>,
}

fn fired(engine: &Engine) -> (Option<Kill>, usize) {
    (engine.killed(), engine.fired_instruments().count())
}

impl Switch {
    pub(crate) fn with_room(orders: usize, instruments: usize) -> Self {
        Self {
            phase: Phase::Armed,
            since_ns: i64::MIN,
            accounts: 0,
            cancels: VecDeque::new(),
            stuck: BTreeMap::new(),
            moved: true,
            wake_ns: i64::MAX,
            seen: (None, 0),
            wanted_cancels: Vec::with_capacity(orders),
            wanted_closes: Vec::with_capacity(instruments),
        }
    }

    /// Another session day begins.
    pub(crate) fn begin(&mut self, reference: &Reference) {
        self.rearm();
        let instruments = reference.instruments.len();
        self.wanted_closes.clear();
        self.wanted_closes.reserve(instruments);
    }

    /// A person took the switch back.
    pub(crate) fn rearm(&mut self) {
        self.phase = Phase::Armed;
        self.cancels.clear();
        self.stuck.clear();
        self.moved = true;
    }

    /// Looks whether prices have fired something.
    pub(crate) fn watch(&mut self, engine: &Engine) {
        if !self.moved && self.seen != fired(engine) {
            self.moved = true;
        }
    }

    /// Whether there may be something to do.
    pub(crate) fn calls(&self, engine: &Engine, now_ns: i64) -> bool {
        let thrown = !self.cancels.is_empty()
            || engine.killed().is_some()
            || engine.fired_instruments().next().is_some();
        thrown && (self.moved || now_ns >= self.wake_ns)
    }

    /// An order has to go.
    pub(crate) fn cancel(&mut self, order_id: u64) {
        self.cancels.push_back(order_id);
    }

    /// A closing order was filled whole: the next slice needs no pause.
    pub(crate) fn close_done(&mut self, instrument_id: u64) {
        self.stuck.remove(&instrument_id);
    }

    /// A closing order has ended: what it left is tried again, later each time that nothing came of it.
    pub(crate) fn close_ended(&mut self, instrument_id: u64, filled: i64, now_ns: i64) {
        let attempts = match (filled, self.stuck.get(&instrument_id)) {
            (0, Some(stuck)) => stuck.attempts.saturating_add(1),
            _ => 1,
        };
        let doubled = RETRY_FIRST_NS << (attempts.min(16) - 1);
        // After one that came to nothing the engine names the position no earlier than this either.
        let least = if filled == 0 { CLOSE_RETRY_NS } else { 0 };
        let after_ns = now_ns.saturating_add(doubled.min(RETRY_LAST_NS).max(least));
        self.stuck
            .insert(instrument_id, Stuck { attempts, after_ns });
    }

    fn enter(&mut self, phase: Phase, now_ns: i64, accounts: u64) {
        (self.phase, self.since_ns, self.accounts) = (phase, now_ns, accounts);
    }

    fn wake_at(&mut self, at_ns: i64) {
        self.wake_ns = self.wake_ns.min(at_ns);
    }
}

impl Desk {
    /// Goes as many steps as what is known allows, and hands over at most `room` of what is to be done now. Call it when
    /// [`Wants::SETTLE`] is wanted.
    pub fn settle(&mut self, now_ns: i64, room: usize, mut put: impl FnMut(Action)) -> Settled {
        self.clock(now_ns);
        (self.switch.moved, self.switch.wake_ns) = (false, i64::MAX);
        let mut left = room;
        loop {
            let phase = self.switch.phase;
            self.step(&mut left, &mut put);
            if self.switch.phase == phase {
                break;
            }
        }
        self.switch.seen = fired(&self.engine);
        Settled {
            count: room - left,
            wake_ns: self.switch.wake_ns,
            phase: self.switch.phase,
        }
    }

    /// Where the switch stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.switch.phase
    }

    fn step(&mut self, left: &mut usize, put: &mut impl FnMut(Action)) {
        if self.engine.killed().is_none() {
            self.hand_over_cancels(left, put);
            self.hand_over_closes(left, put);
            return;
        }
        if self.switch.phase == Phase::Armed {
            self.enter(Phase::Cancelling);
        }
        self.hand_over_cancels(left, put);
        let told = self.accounts > self.switch.accounts;
        match self.switch.phase {
            Phase::Armed => {}
            Phase::Cancelling => {
                let end_ns = self.switch.since_ns.saturating_add(TERMINAL_LIMIT_NS);
                let over = self.switch.cancels.is_empty() && self.open.only_own();
                if over || self.now_ns >= end_ns {
                    self.ask_account(Phase::Reconciling);
                } else {
                    self.switch.wake_at(end_ns);
                }
            }
            Phase::Reconciling if told => self.enter(Phase::Closing),
            Phase::Closing if self.is_flat() => self.ask_account(Phase::Verifying),
            Phase::Closing => {
                if self.engine.state_report().session_state == SessionState::Open {
                    self.hand_over_closes(left, put);
                }
            }
            Phase::Verifying if told => {
                let next = if self.is_flat() {
                    Phase::Flat
                } else {
                    Phase::Closing
                };
                self.enter(next);
            }
            Phase::Flat if !self.is_flat() => self.enter(Phase::Cancelling),
            Phase::Reconciling | Phase::Verifying | Phase::Flat => {}
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.switch.enter(phase, self.now_ns, self.accounts);
    }

    fn ask_account(&mut self, phase: Phase) {
        self.enter(phase);
        self.wants.add(Wants::ACCOUNT);
    }

    fn is_flat(&self) -> bool {
        self.open.is_empty() && self.unreferenced == 0 && self.engine.positions().is_empty()
    }

    fn hand_over_cancels(&mut self, left: &mut usize, put: &mut impl FnMut(Action)) {
        let switch = &mut self.switch;
        self.engine.wanted_cancels(&mut switch.wanted_cancels);
        for wire_id in &switch.wanted_cancels {
            switch.cancels.push_back(self.open.first_id(*wire_id));
        }
        while *left > 0 {
            let Some(order_id) = switch.cancels.pop_front() else {
                return;
            };
            let Some(entry) = self.open.get_mut(order_id) else {
                continue;
            };
            // What is on its way already is answered too.
            if std::mem::replace(&mut entry.cancelling, true) {
                continue;
            }
            let wire_id = entry.wire_id;
            let known = self.engine.request_cancel(wire_id);
            debug_assert!(known.is_ok(), "the engine reserves every open order");
            put(Action::Cancel { order_id, wire_id });
            *left -= 1;
        }
        switch.moved |= !switch.cancels.is_empty();
    }

    fn hand_over_closes(&mut self, left: &mut usize, put: &mut impl FnMut(Action)) {
        let mut wanted = std::mem::take(&mut self.switch.wanted_closes);
        self.engine.wanted_closes(&mut wanted);
        for close in &wanted {
            if *left == 0 {
                self.switch.moved = true;
                break;
            }
            if self
                .switch
                .stuck
                .get(&close.instrument_id)
                .is_some_and(|stuck| stuck.after_ns > self.now_ns)
            {
                continue;
            }
            let (order, decision) = self.engine.decide_close(close, self.now_ns);
            if decision.accepted() {
                self.open.insert(&order);
            } else {
                self.switch.close_ended(close.instrument_id, 0, self.now_ns);
            }
            put(Action::Close { order, decision });
            *left -= 1;
        }
        self.switch.wanted_closes = wanted;
        let now_ns = self.now_ns;
        let next = self.switch.stuck.values().map(|stuck| stuck.after_ns);
        if let Some(at_ns) = next.filter(|at_ns| *at_ns > now_ns).min() {
            self.switch.wake_at(at_ns);
        }
    }
}
