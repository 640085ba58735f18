//! The engine's state, its session and what is halted in it. Prices, account, decisions, reports, the kill switch and the views
//! stand in files of their own.

use std::collections::BTreeMap;

use crate::book::{Book, set_flag};
use crate::equity::Equity;
use crate::flows::Flows;
use crate::instrument::HALTED;
use crate::limits::{ENDED_ORDERS_KEPT, MAX_WORKING_ORDERS};
use crate::orders::{CANCEL_REQUESTED, Orders};
use crate::reason::Reason;
use crate::throttle::{Rate, Repeats};
use crate::tighter::{TighterLimits, hash_prefix};
use crate::types::{
    Baseline, Halt, Hold, InstrumentReference, Kill, OWN_ORDER_ID_BASE, ReferenceError,
    SessionState, is_own_order,
};
use crate::units::MICRO;

/// The pre-trade risk engine of one region's account. Pure: no I/O, no clock of its own, no randomness.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) limits: TighterLimits,
    pub(crate) hash: [u8; 32],
    pub(crate) hash_prefix: u64,
    pub(crate) book: Book,
    pub(crate) orders: Orders,
    pub(crate) rate: Rate,
    /// By instrument.
    pub(crate) repeats: Vec<Repeats>,
    /// Instruments whose stop has fired; has room for all of them.
    pub(crate) fired: Vec<u32>,
    /// Positions in instruments that the reference does not have: no limit can be computed while there is one.
    pub(crate) unreferenced: BTreeMap<u64, i64>,
    pub(crate) cash: Option<i128>,
    /// As decisions tell it; 0 = not known.
    pub(crate) told_cash: i64,
    /// What the cash pays for.
    pub(crate) paid: i128,
    pub(crate) equity: Equity,
    pub(crate) firm_rate: Option<i64>,
    pub(crate) flows: Flows,
    pub(crate) positions_known: bool,
    pub(crate) venue_up: bool,
    pub(crate) session_state: SessionState,
    pub(crate) session: u32,
    pub(crate) now_ns: i64,
    pub(crate) monotonic_ns: i64,
    pub(crate) last_id: u64,
    pub(crate) last_own: u64,
    /// Bit by bit, [`Halt`].
    pub(crate) halts: u8,
    /// Bit by bit, [`Hold`].
    pub(crate) holds: u8,
    pub(crate) halted_strategies: u64,
    pub(crate) kill: Option<Kill>,
    pub(crate) baseline: Option<Baseline>,
}

impl Engine {
    /// An engine over `reference` under the constant limits or tighter ones.
    ///
    /// # Errors
    /// When an instrument is named twice or has an impossible lot, tick, volume, locate or id.
    pub fn new(
        reference: &[InstrumentReference],
        limits: TighterLimits,
    ) -> Result<Self, ReferenceError> {
        Self::with_room(reference, limits, MAX_WORKING_ORDERS)
    }

    /// As [`Engine::new`], with room for `orders` working orders, at most [`MAX_WORKING_ORDERS`], and accordingly less memory
    /// of ended ones.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn with_room(
        reference: &[InstrumentReference],
        limits: TighterLimits,
        orders: usize,
    ) -> Result<Self, ReferenceError> {
        let hash = limits.hash();
        let book = Book::new(reference, limits.participation_bp())?;
        let room = orders.clamp(1, MAX_WORKING_ORDERS);
        Ok(Self {
            limits,
            hash,
            hash_prefix: hash_prefix(&hash),
            orders: Orders::new(
                room,
                ENDED_ORDERS_KEPT.min(room.saturating_mul(16).max(1_024)),
            ),
            rate: Rate::new(limits.message_rate()),
            repeats: vec![Repeats::NONE; book.instruments.len()],
            fired: Vec::with_capacity(book.instruments.len()),
            book,
            unreferenced: BTreeMap::new(),
            cash: None,
            told_cash: 0,
            paid: 0,
            equity: Equity::default(),
            firm_rate: Some(MICRO),
            flows: Flows::default(),
            positions_known: false,
            venue_up: false,
            session_state: SessionState::Unknown,
            session: 0,
            now_ns: i64::MIN,
            monotonic_ns: 0,
            last_id: 0,
            last_own: 0,
            halts: 0,
            holds: 0,
            halted_strategies: 0,
            kill: None,
            baseline: None,
        })
    }

    /// The venue's session state and date. A later date starts a new session day: baseline, flows, volumes, prices and account
    /// are new; a fired kill switch stays. An earlier date is refused by taking the state as unknown.
    pub fn on_session(&mut self, state: SessionState, session: u32) {
        if session < self.session {
            self.session_state = SessionState::Unknown;
            return;
        }
        if session > self.session {
            if self.session != 0 {
                self.start_session_day();
            }
            self.session = session;
            if self
                .baseline
                .is_some_and(|baseline| baseline.session != session)
            {
                self.baseline = None;
            }
            if self.flows.session != session {
                self.flows = Flows {
                    // Before the first session day nothing is forgotten that was told already.
                    expected: self.flows.expected,
                    announced: self.flows.announced,
                    ..Flows::of(session)
                };
            }
            if let Some(kill) = &mut self.kill
                && kill.session == 0
            {
                kill.session = session;
            }
        }
        self.session_state = state;
        self.refresh();
    }

    /// Yesterday's marks are on yesterday's share basis, and yesterday's account lacks the night's corporate actions.
    fn start_session_day(&mut self) {
        self.orders.forget_ended();
        self.begin_positions();
        self.flows.start_day();
        for index in 0..self.book.instruments.len() {
            let gate = &mut self.book.gates[index];
            let last_reference = core::mem::take(&mut gate.reference);
            gate.price_ts = 0;
            self.book.change(index, |instrument| {
                if last_reference > 0 {
                    instrument.close = last_reference;
                }
                instrument.forget_prices();
                instrument.traded = 0;
                instrument.retry_at = i64::MIN;
            });
        }
    }

    /// The venue session is up or down.
    pub fn on_venue(&mut self, up: bool) {
        if up && !self.venue_up {
            // A cancel asked for before the line broke may never have left.
            let mut place = self.orders.first_live();
            while let Some(order) = self.orders.slots.get_mut(place as usize) {
                order.marks &= !CANCEL_REQUESTED;
                place = order.live_after;
            }
        }
        self.venue_up = up;
    }

    /// The venue's clock. It never goes back.
    #[inline]
    pub fn on_clock(&mut self, now_ns: i64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// The machine's monotonic clock, for the message rate alone. It never goes back.
    #[inline]
    pub fn on_monotonic(&mut self, ns: i64) {
        self.monotonic_ns = self.monotonic_ns.max(ns);
    }

    /// Something must be mended before anything is opened, or is mended. What closes passes.
    pub const fn set_halt(&mut self, halt: Halt, on: bool) {
        set_flag(&mut self.halts, 1 << halt as u8, on);
    }

    /// Take only what reduces, or everything again. Cannot lift a kill.
    pub const fn set_hold(&mut self, hold: Hold, on: bool) {
        set_flag(&mut self.holds, 1 << hold as u8, on);
    }

    /// Halt one instrument, or lift that. False when it is unknown.
    pub fn halt_instrument(&mut self, instrument_id: u64, on: bool) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        set_flag(&mut self.book.gates[index].flags, HALTED, on);
        true
    }

    /// Halt every instrument of a venue, or lift that. False when no instrument trades there.
    pub fn halt_venue(&mut self, venue: &str, on: bool) -> bool {
        self.book.halt_venue(venue, on)
    }

    /// The strategies that are halted from now on, bit by bit.
    pub const fn halt_strategies(&mut self, mask: u64) {
        self.halted_strategies = mask;
    }

    /// Put back the last order ids taken (the outside's and the engine's own; 0 = none). Never lowers them.
    pub fn restore_last_order_id(&mut self, last: u64, last_own: u64) {
        self.last_id = self.last_id.max(last.min(OWN_ORDER_ID_BASE - 1));
        if is_own_order(last_own) {
            self.last_own = self.last_own.max(last_own);
        }
    }

    /// The first halt that stands.
    pub(crate) fn halt(&self) -> Option<Reason> {
        Halt::ALL
            .into_iter()
            .find(|halt| self.halts & (1 << *halt as u8) != 0)
            .map(Halt::reason)
    }

    pub(crate) const fn is_held(&self, hold: Hold) -> bool {
        self.holds & (1 << hold as u8) != 0
    }
}
