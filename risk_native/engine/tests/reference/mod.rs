//! A second implementation of `docs/risk-engine.md`, written from that page alone: the judge of the engine.
//!
//! It shares no arithmetic with what it judges. Everything lies in plain lists, every sum is added up anew at every
//! question, and the largest quantity is found by trying one lot more. Only the types that go in are the engine's own;
//! reasons are numbers, as in the contracts.
#![allow(dead_code)]

pub mod account;
pub mod closing;
pub mod codes;
pub mod decide;
pub mod exposure;
pub mod gates;
pub mod limits;
pub mod linked;
pub mod market;
pub mod replace;
pub mod reports;
pub mod session;
pub mod size;
pub mod stops;
pub mod subsets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dnalyaw_engine::{Baseline, InstrumentReference, Kill, OrderRequest, SessionState, Side};

use exposure::Span;
use limits::Limits;
use market::Prices;

/// Ids from here on are the engine's own.
pub const OWN_IDS: u64 = 1 << 62;
/// Ids from here on are of orders that were found at the venue and belong to nobody here.
pub const FOREIGN_IDS: u64 = 3 << 62;

/// An order that the venue has or may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: u64,
    /// Place of its instrument in the list.
    pub at: usize,
    pub side: Side,
    pub order_type: u8,
    pub flags: u8,
    pub strategies: u64,
    pub quantity: i128,
    pub filled: i128,
    /// 0 = a market order.
    pub limit: i128,
    /// At which what is open is reserved.
    pub reserve: i128,
    pub cancel_requested: bool,
    pub unknown: bool,
    /// What it becomes if the venue agrees.
    pub change: Option<Change>,
}

/// A modification that the venue has not answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub id: u64,
    pub quantity: i128,
    pub limit: i128,
    pub reserve: i128,
}

impl Order {
    /// Shares that may still fill: of the order as it is and as it may become, the larger.
    pub fn open(&self) -> i128 {
        let after = self.change.as_ref().map_or(0, |change| change.quantity);
        (self.quantity.max(after) - self.filled).max(0)
    }

    /// The price at which they are reserved.
    pub fn reserved_at(&self) -> i128 {
        let after = self.change.as_ref().map_or(0, |change| change.reserve);
        self.reserve.max(after)
    }
}

/// An order that is done; a report of it may still come.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    pub id: u64,
    pub at: usize,
    pub side: Side,
    pub filled: i128,
    pub reserve: i128,
}

/// An accepted opening order, as the throttle remembers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub ts: i64,
    pub side: u8,
    pub order_type: u8,
    pub quantity: i64,
    pub limit: i64,
}

/// One instrument and everything known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    pub row: Arc<InstrumentReference>,
    /// Place of the first instrument of its sector; all unknown sectors are one.
    pub sector: usize,
    pub prices: Prices,
    pub position: i128,
    pub reported: bool,
    /// Shares filled in this session, both sides.
    pub traded: i128,
    /// Between which prices the orders of a side were reserved.
    pub buys: Span,
    pub sells: Span,
    pub long_stop: stops::Stop,
    pub short_stop: stops::Stop,
    pub halted: bool,
    pub seen: Vec<Seen>,
    /// No closing order of the engine's own before this moment.
    pub retry_at: i64,
}

/// The whole state, in lists.
#[derive(Debug, Clone)]
pub struct Model {
    pub limits: Limits,
    pub room: usize,
    pub instruments: Vec<Instrument>,
    pub orders: Vec<Order>,
    pub finished: Vec<Finished>,
    /// Ids that orders had before they were replaced, and what they are called since.
    pub renamed: BTreeMap<u64, u64>,
    pub unreferenced: BTreeMap<u64, i64>,
    pub cash: Option<i128>,
    pub expected_cash: Option<i128>,
    /// What the last two cash reports were above the expected cash, the older one first.
    pub unexplained: [i128; 2],
    /// What came without a word, by the last report.
    pub unannounced: i128,
    pub announced: i128,
    /// Announced and shown.
    pub flows: i128,
    pub firm_rate: Option<i128>,
    pub positions_known: bool,
    pub venue_up: bool,
    pub session: u32,
    pub session_state: SessionState,
    pub now: i64,
    pub monotonic: i64,
    /// Monotonic moments of accepted orders.
    pub accepted: Vec<i64>,
    pub halts: BTreeSet<u16>,
    pub holds: BTreeSet<u16>,
    pub halted_venues: BTreeSet<String>,
    pub halted_strategies: u64,
    pub kill: Option<Kill>,
    pub baseline: Option<Baseline>,
    pub last_id: u64,
    pub last_own: u64,
}

impl Model {
    /// Nothing known but the reference and the limits.
    pub fn new(rows: &[InstrumentReference], limits: Limits, room: usize) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.instrument_id);
        let sectors: Vec<_> = rows.iter().map(|row| row.sector.clone()).collect();
        let first = |sector: &Option<String>| sectors.iter().position(|one| one == sector);
        let instruments = rows.into_iter().map(|row| Instrument {
            sector: first(&row.sector).expect("in the list"),
            prices: Prices::after_close(i128::from(row.close_micro)),
            row: Arc::new(row),
            position: 0,
            reported: false,
            traded: 0,
            buys: Span::default(),
            sells: Span::default(),
            long_stop: stops::Stop::default(),
            short_stop: stops::Stop::default(),
            halted: false,
            seen: Vec::new(),
            retry_at: i64::MIN,
        });
        Self {
            limits,
            room,
            instruments: instruments.collect(),
            orders: Vec::new(),
            finished: Vec::new(),
            renamed: BTreeMap::new(),
            unreferenced: BTreeMap::new(),
            cash: None,
            expected_cash: None,
            unexplained: [0, 0],
            unannounced: 0,
            announced: 0,
            flows: 0,
            firm_rate: None,
            positions_known: false,
            venue_up: false,
            session: 0,
            session_state: SessionState::Unknown,
            now: i64::MIN,
            monotonic: 0,
            accepted: Vec::new(),
            halts: BTreeSet::new(),
            holds: BTreeSet::new(),
            halted_venues: BTreeSet::new(),
            halted_strategies: 0,
            kill: None,
            baseline: None,
            last_id: 0,
            last_own: 0,
        }
    }

    /// Place of an instrument in the list.
    pub fn find(&self, instrument_id: u64) -> Option<usize> {
        self.instruments
            .iter()
            .position(|instrument| instrument.row.instrument_id == instrument_id)
    }

    /// A working order.
    pub fn order(&self, id: u64) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// Everything that follows from what just happened and needs no message: the baseline, the kill switch, the stops.
    pub fn settle(&mut self) {
        self.forget_spans();
        self.watch_drawdown();
        self.watch_stops();
    }
}

/// The number of the side on the wire.
pub const fn side_of(request: &OrderRequest) -> Option<Side> {
    match request.side {
        1 => Some(Side::Buy),
        2 => Some(Side::Sell),
        _ => None,
    }
}

/// `a / b`, rounded up, of what is not negative.
pub const fn ceil_div(a: i128, b: i128) -> i128 {
    (a + b - 1) / b
}
