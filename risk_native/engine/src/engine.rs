//! The engine's state and its feeds. Decisions, reports, the kill switch and the views stand in files of their own.

use std::collections::BTreeMap;

use crate::book::Book;
use crate::limits::{TighterLimits, hash_prefix};
use crate::order_table::OrderTable;
use crate::reason::Reason;
use crate::types::{
    Baseline, InstrumentReference, Kill, OWN_ORDER_ID_BASE, ReferenceError, SessionState, Side,
};
use crate::units::{MAX_PRICE, MAX_QUANTITY, Money};

/// Working orders for which room is made at the start; more than that grows the table.
const ROOM_FOR_ORDERS: usize = 16_384;

/// An order that is done: kept for the session, because a report may come late.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finished {
    pub instrument: u32,
    pub side: Side,
    pub cumulative: i64,
}

/// The pre-trade risk engine of one region's account. Pure: no I/O, no clock of its own, no randomness.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) limits: TighterLimits,
    pub(crate) hash: [u8; 32],
    pub(crate) hash_prefix: u64,
    pub(crate) book: Book,
    pub(crate) orders: OrderTable,
    pub(crate) finished: BTreeMap<u64, Finished>,
    /// Positions in instruments that the reference does not have: no limit can be computed while there is one.
    pub(crate) unreferenced: BTreeMap<u64, i64>,
    pub(crate) cash: Option<i128>,
    pub(crate) positions_known: bool,
    pub(crate) venue_up: bool,
    pub(crate) session_state: SessionState,
    pub(crate) session: u32,
    pub(crate) now_ns: i64,
    pub(crate) last_id: u64,
    pub(crate) last_own: u64,
    pub(crate) halted: bool,
    pub(crate) reduce_only: bool,
    pub(crate) kill: Option<Kill>,
    pub(crate) baseline: Option<Baseline>,
}

const fn price_or_absent(price: i64) -> i64 {
    if price > 0 && price <= MAX_PRICE {
        price
    } else {
        0
    }
}

impl Engine {
    /// An engine over `reference` under the constant limits or tighter ones.
    ///
    /// # Errors
    /// When an instrument is named twice or has an impossible lot, tick or id.
    pub fn new(
        reference: &[InstrumentReference],
        limits: TighterLimits,
    ) -> Result<Self, ReferenceError> {
        Self::with_room(reference, limits, ROOM_FOR_ORDERS)
    }

    /// As [`Engine::new`], with room for `orders` working orders before the first allocation.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn with_room(
        reference: &[InstrumentReference],
        limits: TighterLimits,
        orders: usize,
    ) -> Result<Self, ReferenceError> {
        let hash = limits.hash();
        Ok(Self {
            limits,
            hash,
            hash_prefix: hash_prefix(&hash),
            book: Book::new(reference)?,
            orders: OrderTable::with_room(orders),
            finished: BTreeMap::new(),
            unreferenced: BTreeMap::new(),
            cash: None,
            positions_known: false,
            venue_up: false,
            session_state: SessionState::Unknown,
            session: 0,
            now_ns: i64::MIN,
            last_id: 0,
            last_own: 0,
            halted: false,
            reduce_only: false,
            kill: None,
            baseline: None,
        })
    }

    /// A quote or print on the venue's clock, everything now known of the instrument; 0 = absent. An update older than the
    /// one held is dropped. False when the instrument is unknown.
    pub fn on_price(
        &mut self,
        instrument_id: u64,
        bid: i64,
        ask: i64,
        last: i64,
        ts_ns: i64,
    ) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        let held = &self.book.instruments[index];
        if held.priced && ts_ns < held.price_ts {
            return true;
        }
        let (bid, ask, last) = (
            price_or_absent(bid),
            price_or_absent(ask),
            price_or_absent(last),
        );
        let reference = if bid > 0 && ask >= bid {
            bid + (ask - bid) / 2
        } else {
            last
        };
        self.book.change(index, |instrument| {
            (instrument.bid, instrument.ask, instrument.last) = (bid, ask, last);
            (instrument.price_ts, instrument.priced) = (ts_ns, true);
            instrument.reference = reference;
            if reference > 0 {
                instrument.mark = reference;
            }
        });
        self.watch_drawdown();
        true
    }

    /// The venue's settlement price, on the session's own share basis (splits applied): values a position until the first
    /// market price of the session, never prices an order. False when the instrument is unknown.
    pub fn on_settlement_price(&mut self, instrument_id: u64, price: i64) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        if price_or_absent(price) > 0 && self.book.instruments[index].reference == 0 {
            self.book
                .change(index, |instrument| instrument.mark = price);
            self.watch_drawdown();
        }
        true
    }

    /// Cash by the venue's account report (millionths). Fills after it move it until the next report.
    pub fn on_account(&mut self, cash: i64) {
        self.cash = Some(i128::from(Money::saturating(i128::from(cash)).micro()));
        self.watch_drawdown();
    }

    /// A new full report of the account begins: until positions are complete and cash has come, neither is believed, so that
    /// no drawdown is measured between the two halves.
    pub fn begin_positions(&mut self) {
        self.positions_known = false;
        self.cash = None;
        for index in 0..self.book.instruments.len() {
            self.book.instruments[index].reported = false;
        }
        self.unreferenced.clear();
    }

    /// A position by the venue's report, absolute. False when the reference does not have the instrument or the quantity is
    /// impossible: then no new risk is taken while it stands.
    pub fn on_position(&mut self, instrument_id: u64, quantity: i64) -> bool {
        let found = self
            .book
            .find(instrument_id)
            .filter(|_| quantity.unsigned_abs() <= MAX_QUANTITY as u64);
        let Some(index) = found else {
            if quantity == 0 {
                self.unreferenced.remove(&instrument_id);
            } else {
                self.unreferenced.insert(instrument_id, quantity);
            }
            return false;
        };
        self.unreferenced.remove(&instrument_id);
        self.book.change(index, |instrument| {
            instrument.position = quantity;
            instrument.reported = true;
        });
        self.watch_drawdown();
        true
    }

    /// The venue has reported every position: what was not named since [`Engine::begin_positions`] is zero.
    pub fn positions_complete(&mut self) {
        for index in 0..self.book.instruments.len() {
            if !self.book.instruments[index].reported {
                self.book
                    .change(index, |instrument| instrument.position = 0);
            }
        }
        self.positions_known = true;
        self.watch_drawdown();
    }

    /// The venue's session state and date. A later date starts a new session day: baseline, kill switch, prices and account
    /// are new. An earlier date is refused by taking the state as unknown.
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
            self.kill = match self.kill {
                Some(kill) if kill.session == 0 || kill.session >= session => {
                    Some(Kill { session, ..kill })
                }
                _ => None,
            };
        }
        self.session_state = state;
        self.watch_drawdown();
    }

    /// Yesterday's marks are on yesterday's share basis, and yesterday's account lacks the night's corporate actions.
    fn start_session_day(&mut self) {
        self.finished.clear();
        self.begin_positions();
        for index in 0..self.book.instruments.len() {
            self.book.change(index, |instrument| {
                (instrument.bid, instrument.ask, instrument.last) = (0, 0, 0);
                (instrument.price_ts, instrument.priced) = (0, false);
                (instrument.reference, instrument.mark) = (0, 0);
                instrument.retry_at = i64::MIN;
            });
        }
    }

    /// The venue session is up or down.
    pub fn on_venue(&mut self, up: bool) {
        if up && !self.venue_up {
            // A cancel asked for before the line broke may never have left.
            for order in self.orders.iter_mut() {
                order.cancel_requested = false;
            }
        }
        self.venue_up = up;
    }

    /// The venue's clock. It never goes back.
    pub fn on_clock(&mut self, now_ns: i64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// Take only what reduces, or everything again. Cannot lift a kill.
    pub const fn set_reduce_only(&mut self, on: bool) {
        self.reduce_only = on;
    }

    /// Take nothing but cancels, or everything again. A kill goes before it: closing orders still leave.
    pub const fn set_halted(&mut self, on: bool) {
        self.halted = on;
    }

    /// Put back the last order ids taken (the outside's and the engine's own; 0 = none). Never lowers them.
    pub fn restore_last_order_id(&mut self, last: u64, last_own: u64) {
        self.last_id = self.last_id.max(last.min(OWN_ORDER_ID_BASE - 1));
        self.last_own = self.last_own.max(last_own);
    }

    pub(crate) fn equity_exact(&self) -> Option<i128> {
        match (self.cash, self.book.value()) {
            (Some(cash), Some(value)) if self.positions_known && self.unreferenced.is_empty() => {
                Some(cash + value)
            }
            _ => None,
        }
    }

    /// The limit that some issuer or sector is past. Prices carried it there: no order is accepted that would.
    pub(crate) fn outside(&self, equity: i128) -> Option<Reason> {
        let (issuer, sector) = (self.book.largest_issuer(), self.book.largest_sector());
        self.past(equity, issuer, sector).map(|(reason, _)| reason)
    }

    /// The limit that this instrument's own issuer or sector is past, and its value: nothing may be added to them. Issuers
    /// and sectors that an order does not touch have no say in it.
    pub(crate) fn outside_around(&self, index: usize, equity: i128) -> Option<(Reason, i128)> {
        let issuer = self.book.issuer_exposure(index);
        self.past(equity, issuer, self.book.sector_exposure(index))
    }

    fn past(&self, equity: i128, issuer: i128, sector: i128) -> Option<(Reason, i128)> {
        use crate::sizing::share_of;
        let issuer_limit = share_of(equity, self.limits.instrument_bp());
        if issuer > issuer_limit {
            return Some((Reason::InstrumentLimit, issuer_limit));
        }
        let sector_limit = share_of(equity, self.limits.sector_bp());
        (sector > sector_limit).then_some((Reason::SectorLimit, sector_limit))
    }
}
