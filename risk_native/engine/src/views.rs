//! What others may read of the engine.

use crate::engine::Engine;
use crate::orders::{CANCEL_REQUESTED, FATE_UNKNOWN, Working};
use crate::reason::Reason;
use crate::sizing::reported;
use crate::tighter::TighterLimits;
use crate::types::*;

impl Engine {
    /// Last order id taken from outside.
    #[must_use]
    pub const fn last_order_id(&self) -> u64 {
        self.last_id
    }

    /// Last order id of the engine's own; 0 = none.
    #[must_use]
    pub const fn last_own_order_id(&self) -> u64 {
        self.last_own
    }

    /// What is taken now. An issuer or a sector that prices alone have carried past its limit takes only what reduces it; the
    /// others trade on, so the state stays active.
    #[must_use]
    pub fn trading_state(&self) -> TradingState {
        self.state_without_limits().0
    }

    fn state_and_reason(&self) -> (TradingState, Reason) {
        let (state, reason) = self.state_without_limits();
        if state != TradingState::Active || !self.equity.known {
            return (state, reason);
        }
        let (book, money) = (&self.book, &self.equity.money);
        // The bounds are never below the truth: only when they are past a limit is it worth looking.
        if book.issuer_bound > money.instrument && book.largest_issuer() > money.instrument {
            (state, Reason::InstrumentLimit)
        } else if book.sector_bound > money.sector && book.largest_sector() > money.sector {
            (state, Reason::SectorLimit)
        } else {
            (state, reason)
        }
    }

    /// The numbers of a STATE message.
    #[must_use]
    pub fn state_report(&self) -> StateReport {
        let (trading_state, reason) = self.state_and_reason();
        StateReport {
            trading_state,
            reason,
            venue_up: self.venue_up,
            session_state: self.session_state,
            session: self.session,
            equity: reported(self.equity.first),
            baseline: self.baseline.map_or(0, |baseline| baseline.equity),
            cash: self.cash().unwrap_or(0),
            drawdown_bp: self.equity.drawdown_bp,
        }
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> &TighterLimits {
        &self.limits
    }

    /// SHA-256 of the limits in force.
    #[must_use]
    pub const fn limits_hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Equity at the liquidation marks, when cash, positions and the marks of all positions are known.
    #[must_use]
    pub fn equity(&self) -> Option<i64> {
        self.equity_exact().map(reported)
    }

    /// Cash, when known.
    #[must_use]
    pub fn cash(&self) -> Option<i64> {
        self.cash.map(reported)
    }

    pub(crate) fn view(&self, order: &Working) -> WorkingOrder {
        WorkingOrder {
            order_id: order.order_id,
            instrument_id: self.book.instruments[order.instrument as usize].id,
            side: order.side,
            quantity: order.quantity,
            cumulative_quantity: order.cumulative,
            reserve_price: order.reserve_price,
            limit_price: order.limit_price,
            cancel_requested: order.marks & CANCEL_REQUESTED != 0,
            fate_unknown: order.marks & FATE_UNKNOWN != 0,
            replacement_id: order.replacement.order_id,
        }
    }

    /// A working order, by its id or by that of a modification that is pending.
    #[must_use]
    pub fn order(&self, order_id: u64) -> Option<WorkingOrder> {
        self.orders
            .working(order_id)
            .map(|place| self.view(&self.orders.slots[place as usize]))
    }

    /// All working orders, by id.
    #[must_use]
    pub fn working_orders(&self) -> Vec<WorkingOrder> {
        let mut orders: Vec<WorkingOrder> =
            self.orders.live().map(|order| self.view(order)).collect();
        orders.sort_unstable_by_key(|order| order.order_id);
        orders
    }

    /// All positions that are not zero, by instrument.
    #[must_use]
    pub fn positions(&self) -> Vec<PositionView> {
        let held = self
            .book
            .instruments
            .iter()
            .filter(|instrument| instrument.position != 0);
        held.map(|instrument| PositionView {
            instrument_id: instrument.id,
            quantity: instrument.position,
            mark: instrument.mark,
        })
        .collect()
    }

    /// Signed shares held; 0 of an unknown instrument.
    #[must_use]
    pub fn position(&self, instrument_id: u64) -> i64 {
        self.book
            .find(instrument_id)
            .map_or(0, |index| self.book.instruments[index].position)
    }

    /// Shares traded today, both sides, of every instrument that traded.
    #[must_use]
    pub fn traded(&self) -> Vec<(u64, i64)> {
        let traded = self
            .book
            .instruments
            .iter()
            .filter(|instrument| instrument.traded > 0);
        traded
            .map(|instrument| (instrument.id, instrument.traded))
            .collect()
    }

    /// The prices of one instrument; `None` when it is unknown or has none.
    #[must_use]
    pub fn price(&self, instrument_id: u64) -> Option<PriceView> {
        let index = self.book.find(instrument_id)?;
        let instrument = &self.book.instruments[index];
        instrument.priced.then_some(PriceView {
            instrument_id,
            bid: instrument.bid,
            ask: instrument.ask,
            last: instrument.last,
            ts_ns: self.book.gates[index].price_ts,
        })
    }

    /// The prices of all instruments that have one, by instrument.
    #[must_use]
    pub fn prices(&self) -> Vec<PriceView> {
        self.book
            .instruments
            .iter()
            .filter_map(|instrument| self.price(instrument.id))
            .collect()
    }
}
