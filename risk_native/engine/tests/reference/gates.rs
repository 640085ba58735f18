//! The checks before size, in their order; each returns the code of the first that fails.

use dnalyaw_engine::{OrderRequest, SessionState, Side};

use super::exposure::closes;
use super::limits::{
    BP, COLLAR, LARGEST_PRICE, LARGEST_QUANTITY, PRICE_AGE, REMEMBERED, REPEATS, SECOND,
};
use super::size::share;
use super::stops::reached;
use super::{Model, Order, codes, side_of};

/// Whether something may go on, or the code that says why not.
pub type Checked = Result<(), u16>;

pub fn unless(broken: bool, code: u16) -> Checked {
    if broken { Err(code) } else { Ok(()) }
}

/// HKEX's spread table: a band's upper end and its step, in thousandths of a dollar.
const SPREADS: [(i64, i64); 11] = [
    (250, 1),
    (500, 5),
    (10_000, 10),
    (20_000, 10),
    (50_000, 20),
    (100_000, 50),
    (200_000, 100),
    (500_000, 200),
    (1_000_000, 500),
    (2_000_000, 1_000),
    (5_000_000, 2_000),
];

/// The price step, or 0 when nobody knows it.
pub fn tick(row: &dnalyaw_engine::InstrumentReference, price: i64) -> i64 {
    if row.tick_micro != 0 {
        return row.tick_micro;
    }
    if row.venue != "HKEX" {
        return 0;
    }
    let band = SPREADS.iter().find(|(end, _)| price <= end * 1_000);
    band.map_or(5_000, |(_, step)| *step) * 1_000
}

/// Is `price` further than `bp` from `from`?
pub fn outside(price: i128, from: i128, bp: i128) -> bool {
    (price - from).abs() * BP > bp * from
}

/// Less than a second ago?
fn lately(then: i64, now: i64) -> bool {
    i128::from(now) - i128::from(then) < SECOND
}

impl Model {
    /// 1: the id. What passes is taken.
    pub fn check_id(&mut self, id: u64) -> Checked {
        unless(id == 0 || id >= 1 << 62, codes::MALFORMED)?;
        unless(id <= self.last_id, codes::DUPLICATE_ID)?;
        self.last_id = id;
        Ok(())
    }

    /// 2: the fields.
    pub fn check_fields(&self, order: &OrderRequest) -> Checked {
        let priced = match order.order_type {
            1 => order.limit_price == 0,
            2 => (1..=LARGEST_PRICE).contains(&order.limit_price),
            _ => false,
        };
        let in_force = order.time_in_force == 0 || order.time_in_force == 3;
        let stop = (0..=LARGEST_PRICE).contains(&order.stop_distance);
        unless(
            !priced || !in_force || order.flags > 3 || !stop,
            codes::MALFORMED,
        )?;
        let Some(side) = side_of(order) else {
            return Err(codes::BAD_SIDE);
        };
        unless(
            !(1..=LARGEST_QUANTITY).contains(&order.quantity),
            codes::BAD_QUANTITY,
        )?;
        let short = order.flags & 2 != 0;
        unless(
            short && (side == Side::Buy || order.flags & 1 != 0),
            codes::SHORT_MARKING,
        )
    }

    /// 4 and 5: tick and lot. `closable` shares are always whole.
    pub fn check_steps(&self, at: usize, limit: i64, quantity: i64, closable: i128) -> Checked {
        let row = &self.instruments[at].row;
        let step = tick(row, limit);
        unless(limit > 0 && step > 0 && limit % step != 0, codes::BAD_TICK)?;
        unless(
            quantity % row.lot != 0 && i128::from(quantity) != closable,
            codes::BAD_LOT,
        )
    }

    /// 6 to 8: is there somebody to send it to, and do we know what we hold?
    pub fn check_reach(&self) -> Checked {
        unless(!self.venue_up, codes::VENUE_DOWN)?;
        let trading = matches!(self.session_state, SessionState::Open | SessionState::Break);
        unless(!trading, codes::SESSION_CLOSED)?;
        unless(!self.positions_known, codes::NO_ACCOUNT)
    }

    /// 12 and 13: the trading state, then the instrument's own.
    pub fn check_states(&self, at: usize, strategies: u64) -> Checked {
        unless(self.kill.is_some(), codes::KILLED)?;
        if let Some(code) = self.halt_reason() {
            return Err(code);
        }
        for hold in [codes::LINK_LOST, codes::REDUCE_ONLY] {
            unless(self.holds.contains(&hold), hold)?;
        }
        unless(self.session_state == SessionState::Break, codes::HALTED)?;
        let instrument = &self.instruments[at];
        unless(!instrument.row.tradable, codes::NOT_TRADABLE)?;
        unless(instrument.row.restricted, codes::RESTRICTED)?;
        unless(instrument.halted, codes::INSTRUMENT_HALTED)?;
        unless(
            self.halted_venues.contains(&instrument.row.venue),
            codes::VENUE_HALTED,
        )?;
        // An order that names none may be anyone's.
        let meant = self.halted_strategies & strategies != 0
            || (strategies == 0 && self.halted_strategies != 0);
        unless(meant, codes::STRATEGY_HALTED)?;
        unless(!self.unreferenced.is_empty(), codes::REFERENCE_MISSING)
    }

    /// An order was accepted: it counts for a second.
    pub fn count_accepted(&mut self) {
        let now = self.monotonic;
        self.accepted.retain(|then| lately(*then, now));
        self.accepted.push(now);
    }

    /// 14: too many orders at all.
    pub fn check_rate(&self) -> Checked {
        let sent = self.accepted.iter();
        let sent = sent.filter(|then| lately(**then, self.monotonic)).count();
        unless(sent as i128 >= self.limits.rate.value, codes::RATE_THROTTLE)
    }

    /// 14: too many orders at all, or too often the same.
    pub fn check_throttles(&self, at: usize, order: &OrderRequest, now: i64) -> Checked {
        self.check_rate()?;
        let seen = &self.instruments[at].seen;
        let last = &seen[seen.len().saturating_sub(REMEMBERED)..];
        let equal = last.iter().filter(|seen| {
            lately(seen.ts, now)
                && seen.side == order.side
                && seen.order_type == order.order_type
                && seen.quantity == order.quantity
                && seen.limit == order.limit_price
        });
        unless(equal.count() >= REPEATS, codes::REPEATED_ORDER)
    }

    /// 15 and 16: a fresh price, and an order near it.
    pub fn check_price(&self, at: usize, side: Side, limit: i128, now: i64) -> Checked {
        let Some(quote) = self.instruments[at].prices.held else {
            return Err(codes::NO_PRICE);
        };
        let age = (i128::from(now) - i128::from(quote.ts)).abs();
        unless(age > PRICE_AGE, codes::STALE_PRICE)?;
        let touch = if side == Side::Buy {
            quote.ask
        } else {
            quote.bid
        };
        let meets = if limit > 0 { limit } else { touch };
        unless(
            meets > 0 && outside(meets, quote.mid, COLLAR),
            codes::COLLAR,
        )
    }

    /// 17: what the limits are measured by. The equity.
    pub fn check_account(&self, now: i64) -> Result<i128, u16> {
        let equity = self.equity().ok_or(codes::NO_ACCOUNT)?;
        let known = self.baseline.is_some() && self.firm_rate.is_some();
        unless(!known, codes::NO_ACCOUNT)?;
        unless(self.stale_mark(now), codes::STALE_MARK)?;
        let (first, second) = self.fallen_by();
        unless(first || second, codes::DRAWDOWN)?;
        Ok(equity)
    }

    /// 18: could it trade with an order of our own?
    pub fn check_self_match(&self, at: usize, side: Side, limit: i128) -> Checked {
        let meets = |order: &Order| {
            let changed = order.change.as_ref().map(|change| change.limit);
            [Some(order.limit), changed]
                .into_iter()
                .flatten()
                .any(|theirs| {
                    limit == 0
                        || theirs == 0
                        || match side {
                            Side::Buy => limit >= theirs,
                            Side::Sell => limit <= theirs,
                        }
                })
        };
        let other = self.orders.iter();
        let mut other = other.filter(|order| order.at == at && order.side != side);
        unless(other.any(meets), codes::SELF_MATCH)
    }

    /// 19: would it open where the stop has been reached?
    pub fn check_stop(&self, at: usize, side: Side) -> Checked {
        let reference = self.instruments[at].prices.reference();
        let held = self.stop(at, side);
        let past = held
            .level
            .is_some_and(|level| reached(reference, level, side));
        unless(past || held.fired, codes::STOPPED)
    }

    /// 20: is a limit broken already? Its code and value.
    pub fn check_past(&self, at: usize, side: Side, equity: i128) -> Result<(), (u16, i128)> {
        use super::size::Cap;
        let worst = self.worst_of_all();
        let limits = &self.limits;
        for (cap, exposure, bp) in [
            (
                Cap::Instrument,
                self.issuer_exposure(&worst, at),
                limits.instrument.value,
            ),
            (
                Cap::Sector,
                self.sector_exposure(&worst, at),
                limits.sector.value,
            ),
            (Cap::Gross, self.gross_exposure(&worst), limits.gross.value),
            (Cap::Net, self.net_exposure(&worst, side), limits.net.value),
        ] {
            let limit = share(equity, bp);
            if exposure > limit {
                return Err((self.code_of(cap), limit));
            }
        }
        Ok(())
    }

    /// Does this side close what is held?
    pub fn is_closing(&self, at: usize, side: Side) -> bool {
        closes(self.instruments[at].position, side)
    }
}
