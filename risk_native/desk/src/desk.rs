//! The desk: one account, one engine, one session day after another.

use dnalyaw_engine::{
    Engine, Halt, InstrumentReference, Kill, MAX_WORKING_ORDERS, RearmError, SessionState,
    StateReport, TighterLimits,
};

use crate::account::{self, Holding, Quote};
use crate::halts::Halts;
use crate::night::HeldStops;
use crate::open::OpenOrders;
use crate::reference::Reference;
use crate::switch::Switch;

/// What a desk wants of whoever simulates the venue, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants(u8);

impl Wants {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Call [`Desk::settle`]: there may be something to cancel or to close.
    pub const SETTLE: Self = Self(1);
    /// Tell the account's cash: money was estimated.
    pub const CASH: Self = Self(2);
    /// Tell the whole account, positions and cash.
    pub const ACCOUNT: Self = Self(4);

    /// As a number.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` is wanted.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    const fn clear(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

/// Why a desk did not do what it was told. Nothing was changed unless it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A file or a name: one line about what is wrong with it.
    Refused(String),
    /// No order goes by this id, or it ended so long ago that it is forgotten. The account is asked for.
    UnknownOrder(u64),
    /// A quantity, price or fee that no report can have. The account is asked for.
    BadReport(u64),
    /// Fewer than two or more than [`dnalyaw_engine::MAX_LEGS`] legs, or not a decision for each.
    Legs(usize),
    /// The switch was not armed again.
    Rearm(RearmError),
    /// The engine's running sums differ from a recomputation: nothing that it decided since can be believed.
    Shadow(String),
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::UnknownOrder(id) => write!(
                f,
                "order {id}: no order goes by this id, or it ended long ago; tell the account"
            ),
            Self::BadReport(id) => write!(
                f,
                "order {id}: quantity, price or fee of the report cannot be; tell the account"
            ),
            Self::Legs(count) => write!(
                f,
                "{count} linked legs; give 2 to {} and a decision for each",
                dnalyaw_engine::MAX_LEGS
            ),
            Self::Rearm(why) => why.fmt(f),
            Self::Shadow(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Fault {}

/// See the crate.
#[derive(Debug)]
pub struct Desk {
    pub(crate) reference: Reference,
    pub(crate) limits: TighterLimits,
    pub(crate) room: usize,
    pub(crate) engine: Engine,
    pub(crate) open: OpenOrders,
    pub(crate) halts: Halts,
    /// Stops of earlier sessions, until the venue has told positions.
    pub(crate) held_stops: Option<HeldStops>,
    /// Positions that the venue told in instruments that the reference does not have.
    pub(crate) unreferenced: usize,
    pub(crate) switch: Switch,
    pub(crate) now_ns: i64,
    pub(crate) wants: Wants,
    /// How often the whole account was told.
    pub(crate) accounts: u64,
}

/// An engine over the reference as riskd starts one: nothing opens until the account is told.
pub(crate) fn build(
    reference: &Reference,
    limits: TighterLimits,
    room: usize,
) -> Result<Engine, Fault> {
    let rows: Vec<InstrumentReference> = reference
        .instruments
        .iter()
        .map(InstrumentReference::from)
        .collect();
    let mut engine = Engine::with_room(&rows, limits, room)
        .map_err(|err| Fault::Refused(format!("reference: {err}")))?;
    engine.set_firm_rate(reference.firm_rate);
    engine.restore_flows(reference.session, 0);
    engine.set_halt(Halt::NotReconciled, true);
    Ok(engine)
}

impl Desk {
    /// A desk for the reference's session. `room` is for how many working orders there is room, at most and by default
    /// [`MAX_WORKING_ORDERS`], riskd's own: less takes less memory and refuses the order that finds none (`TOO_MANY_ORDERS`).
    ///
    /// # Errors
    /// [`Fault::Refused`]: the reference has an instrument that cannot be.
    pub fn new(
        reference: Reference,
        limits: TighterLimits,
        room: Option<usize>,
    ) -> Result<Self, Fault> {
        let room = room
            .unwrap_or(MAX_WORKING_ORDERS)
            .clamp(1, MAX_WORKING_ORDERS);
        let engine = build(&reference, limits, room)?;
        Ok(Self {
            switch: Switch::with_room(room, reference.instruments.len()),
            reference,
            limits,
            room,
            engine,
            open: OpenOrders::with_room(room),
            halts: Halts::default(),
            held_stops: None,
            unreferenced: 0,
            now_ns: i64::MIN,
            wants: Wants::ACCOUNT,
            accounts: 0,
        })
    }

    /// The venue's clock. It never goes back.
    pub fn clock(&mut self, now_ns: i64) {
        if now_ns > self.now_ns {
            self.now_ns = now_ns;
            self.engine.on_clock(now_ns);
        }
    }

    /// The venue's session state.
    pub fn session_state(&mut self, state: SessionState, now_ns: i64) {
        self.clock(now_ns);
        self.engine.on_session(state, self.reference.session);
        if state == SessionState::Closed && !self.open.is_empty() {
            // Nothing works in a closed session: the report of an end is missing, and may have had a fill.
            self.wants.add(Wants::CASH);
        }
        self.switch.moved = true;
    }

    /// Prices in the order in which they came; the clock moves with them. Gives how many were of instruments that the reference
    /// does not have: nothing reads those.
    pub fn quotes(&mut self, quotes: impl IntoIterator<Item = Quote>) -> u64 {
        let mut unknown = 0;
        for quote in quotes {
            self.now_ns = self.now_ns.max(quote.ts_ns);
            unknown += u64::from(!account::price(&mut self.engine, &quote));
        }
        self.switch.watch(&self.engine);
        unknown
    }

    /// The whole account by the venue: cash, and every position that is not zero. Stops of an earlier session guard on what they
    /// guarded. Gives how many positions are in instruments that the reference does not have: no new risk while there is one.
    pub fn account(
        &mut self,
        cash: i64,
        holdings: impl IntoIterator<Item = Holding>,
        now_ns: i64,
    ) -> usize {
        self.clock(now_ns);
        self.engine.begin_positions();
        self.unreferenced = 0;
        for holding in holdings {
            // The mark first: a position without one leaves equity unknown.
            if holding.settlement_price > 0 {
                self.engine
                    .on_settlement_price(holding.instrument_id, holding.settlement_price);
            }
            self.restore_stop(&holding);
            let known = self
                .engine
                .on_position(holding.instrument_id, holding.quantity);
            self.unreferenced += usize::from(!known && holding.quantity != 0);
        }
        self.engine.positions_complete();
        self.held_stops = None;
        self.engine.on_venue(true);
        self.engine.on_account(cash);
        self.engine.set_halt(Halt::NotReconciled, false);
        self.wants.clear(Wants::ACCOUNT);
        self.wants.clear(Wants::CASH);
        self.accounts += 1;
        self.switch.moved = true;
        self.unreferenced
    }

    /// The account's cash by the venue, every fill that was reported in it.
    pub fn cash(&mut self, cash: i64, now_ns: i64) {
        self.clock(now_ns);
        self.engine.on_account(cash);
        self.wants.clear(Wants::CASH);
        self.switch.moved = true;
    }

    /// What is wanted now.
    #[must_use]
    pub fn wants(&self) -> Wants {
        let mut wants = self.wants;
        if self.switch.calls(&self.engine, self.now_ns) {
            wants.add(Wants::SETTLE);
        }
        wants
    }

    /// The numbers of a STATE message.
    #[must_use]
    pub fn state(&self) -> StateReport {
        self.engine.state_report()
    }

    /// The fired kill switch.
    #[must_use]
    pub fn killed(&self) -> Option<Kill> {
        self.engine.killed()
    }

    /// The engine, to be read.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The reference in force.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The venue's clock; 0 before it was told.
    #[must_use]
    pub fn now_ns(&self) -> i64 {
        self.now_ns.max(0)
    }

    /// How many positions are in instruments that the reference does not have.
    #[must_use]
    pub fn unreferenced(&self) -> usize {
        self.unreferenced
    }

    /// The running sums against positions, marks and orders, as riskd's shadow holds them against each other every second.
    ///
    /// # Errors
    /// [`Fault::Shadow`] names the first sum that ran otherwise.
    pub fn check(&self) -> Result<(), Fault> {
        self.engine
            .shadow()
            .check()
            .map_err(|difference| Fault::Shadow(difference.to_string()))
    }
}
