//! Trading state, sessions, clocks, halts, and the switch.

use dnalyaw_engine::{AdoptedOrder, Kill, Reason, SessionState};

use super::decide::reserve_price;
use super::gates::unless;
use super::limits::{LARGEST_PRICE, LARGEST_QUANTITY};
use super::size::share;
use super::{Model, OWN_IDS, Order, codes};

/// Halts in the order in which they are named.
const HALTS: [u16; 5] = [
    codes::NO_ACCOUNT,
    codes::UNRECONCILED,
    codes::SHADOW,
    codes::JOURNAL_FAILED,
    codes::HALTED,
];

impl Model {
    /// Why nothing opens: the first halt that stands.
    pub fn halt_reason(&self) -> Option<u16> {
        HALTS.into_iter().find(|code| self.halts.contains(code))
    }

    /// Why only what reduces is taken.
    pub fn hold_reason(&self) -> Option<u16> {
        if self.holds.contains(&codes::LINK_LOST) {
            return Some(codes::LINK_LOST);
        }
        if self.stale_mark(self.now) {
            return Some(codes::STALE_MARK);
        }
        let (first, second) = self.fallen_by();
        if first || second {
            return Some(codes::DRAWDOWN);
        }
        if self.holds.contains(&codes::REDUCE_ONLY) {
            return Some(codes::REDUCE_ONLY);
        }
        None
    }

    /// 1 active, 2 reduce-only, 3 halted, 4 killed; and why.
    pub fn state(&self) -> (u8, u16) {
        if let Some(kill) = self.kill {
            return (4, kill.reason.code());
        }
        if let Some(code) = self.halt_reason() {
            return (3, code);
        }
        if !self.unreferenced.is_empty() {
            return (3, codes::REFERENCE_MISSING);
        }
        if let Some(code) = self.hold_reason() {
            return (2, code);
        }
        (1, self.broken_by_prices())
    }

    /// The limit that some issuer or some sector is past.
    fn broken_by_prices(&self) -> u16 {
        let Some(equity) = self.equity() else {
            return codes::NONE;
        };
        let worst = self.worst_of_all();
        let all = 0..self.instruments.len();
        let past = |exposure: Option<i128>, bp| exposure.is_some_and(|sum| sum > share(equity, bp));
        let issuer = all.clone().map(|at| self.issuer_exposure(&worst, at)).max();
        if past(issuer, self.limits.instrument.value) {
            return codes::INSTRUMENT_LIMIT;
        }
        let sector = all.map(|at| self.sector_exposure(&worst, at)).max();
        if past(sector, self.limits.sector.value) {
            return codes::SECTOR_LIMIT;
        }
        codes::NONE
    }

    /// The venue's session. A later date is a new day; an earlier one is not believed.
    pub fn on_session(&mut self, state: SessionState, session: u32) {
        if session < self.session {
            self.session_state = SessionState::Unknown;
            return;
        }
        if session > self.session {
            if self.session != 0 {
                self.new_day();
            }
            self.session = session;
            if self.baseline.is_some_and(|held| held.session != session) {
                self.baseline = None;
            }
            if let Some(kill) = self.kill.filter(|kill| kill.session == 0) {
                self.kill = Some(Kill { session, ..kill });
            }
        }
        self.session_state = state;
        self.settle();
    }

    fn new_day(&mut self) {
        self.finished.clear();
        self.renamed.clear();
        self.begin_positions();
        self.expected_cash = None;
        self.unexplained = [0, 0];
        self.unannounced = 0;
        self.announced = 0;
        self.flows = 0;
        for instrument in &mut self.instruments {
            instrument.prices = instrument.prices.next_day();
            instrument.traded = 0;
            instrument.retry_at = i64::MIN;
        }
    }

    /// The line to the venue. When it comes back no cancel is known to have left.
    pub fn on_venue(&mut self, up: bool) {
        if up && !self.venue_up {
            for order in &mut self.orders {
                order.cancel_requested = false;
            }
        }
        self.venue_up = up;
    }

    /// The venue's clock; never back.
    pub fn on_clock(&mut self, now: i64) {
        self.now = self.now.max(now);
        self.settle();
    }

    /// The machine's own clock; never back.
    pub fn on_monotonic(&mut self, now: i64) {
        self.monotonic = self.monotonic.max(now);
    }

    /// A halt by the code of its reason.
    pub fn set_halt(&mut self, code: u16, on: bool) {
        if on {
            self.halts.insert(code);
        } else {
            self.halts.remove(&code);
        }
    }

    /// A hold by the code of its reason.
    pub fn set_hold(&mut self, code: u16, on: bool) {
        if on {
            self.holds.insert(code);
        } else {
            self.holds.remove(&code);
        }
    }

    /// False when unknown.
    pub fn halt_instrument(&mut self, instrument_id: u64, on: bool) -> bool {
        let Some(at) = self.find(instrument_id) else {
            return false;
        };
        self.instruments[at].halted = on;
        true
    }

    /// False when no instrument trades there.
    pub fn halt_venue(&mut self, venue: &str, on: bool) -> bool {
        let known = self.instruments.iter().any(|one| one.row.venue == venue);
        if known && on {
            self.halted_venues.insert(venue.to_owned());
        } else {
            self.halted_venues.remove(venue);
        }
        known
    }

    /// An order found at the venue: reserved, with a fate that the venue has yet to tell.
    pub fn adopt(&mut self, found: &AdoptedOrder) -> Result<(), u16> {
        let at = self
            .find(found.instrument_id)
            .ok_or(codes::UNKNOWN_INSTRUMENT)?;
        let whole = (1..=LARGEST_QUANTITY).contains(&found.quantity)
            && (0..found.quantity).contains(&found.cumulative_quantity);
        unless(!whole, codes::BAD_QUANTITY)?;
        unless(found.order_id == 0, codes::MALFORMED)?;
        unless(self.order(found.order_id).is_some(), codes::DUPLICATE_ID)?;
        let mark = self.instruments[at].prices.mark();
        unless(found.limit_price == 0 && mark == 0, codes::NO_PRICE)?;
        unless(
            !(0..=LARGEST_PRICE).contains(&found.limit_price),
            codes::MALFORMED,
        )?;
        unless(self.orders.len() >= self.room, codes::TOO_MANY_ORDERS)?;
        let limit = i128::from(found.limit_price);
        let reserve = reserve_price(limit, mark);
        self.span_mut(at, found.side).include(reserve);
        self.orders.push(Order {
            id: found.order_id,
            at,
            side: found.side,
            order_type: if limit == 0 { 1 } else { 2 },
            flags: 0,
            strategies: 0,
            quantity: i128::from(found.quantity),
            filled: i128::from(found.cumulative_quantity),
            limit,
            reserve,
            cancel_requested: false,
            unknown: true,
            change: None,
        });
        if found.order_id < OWN_IDS {
            self.last_id = self.last_id.max(found.order_id);
        } else if Self::is_own(found.order_id) {
            self.last_own = self.last_own.max(found.order_id);
        }
        self.settle();
        Ok(())
    }

    /// A person arms the switch again: not in the session of a drawdown.
    pub fn rearm(&mut self) -> bool {
        let Some(kill) = self.kill else {
            return false;
        };
        if kill.reason == Reason::Drawdown && kill.session >= self.session {
            return false;
        }
        self.kill = None;
        self.settle();
        true
    }
}
