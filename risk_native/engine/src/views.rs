//! What others may read of the engine.

use sha2::{Digest, Sha256};

use crate::book::Aggregates;
use crate::engine::Engine;
use crate::limits::{BP, TighterLimits};
use crate::order_table::Working;
use crate::reason::Reason;
use crate::types::*;
use crate::units::Money;

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

    /// What is taken now. A kill goes before a halt, a halt before reduce-only. An issuer or a sector that prices alone have
    /// carried past its limit takes only what reduces it; the others trade on, so the state stays active.
    #[must_use]
    pub fn trading_state(&self) -> TradingState {
        self.state_and_reason().0
    }

    fn state_and_reason(&self) -> (TradingState, Reason) {
        if let Some(kill) = self.kill {
            return (TradingState::Killed, kill.reason);
        }
        if self.halted {
            return (TradingState::Halted, Reason::Halted);
        }
        if self.reduce_only {
            return (TradingState::ReduceOnly, Reason::ReduceOnly);
        }
        let outside = self.equity_exact().and_then(|equity| self.outside(equity));
        (TradingState::Active, outside.unwrap_or(Reason::None))
    }

    /// The numbers of a STATE message.
    #[must_use]
    pub fn state_report(&self) -> StateReport {
        let (trading_state, reason) = self.state_and_reason();
        let equity = self.equity_exact();
        let drawdown_bp = match (self.baseline, equity) {
            (Some(baseline), Some(equity)) => {
                let start = i128::from(baseline.equity);
                let basis_points = ((start - equity) * i128::from(BP)).div_euclid(start);
                basis_points.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32
            }
            _ => 0,
        };
        StateReport {
            trading_state,
            reason,
            venue_up: self.venue_up,
            session_state: self.session_state,
            session: self.session,
            equity: equity.map_or(0, |equity| Money::saturating(equity).micro()),
            baseline: self.baseline.map_or(0, |baseline| baseline.equity),
            cash: self.cash().unwrap_or(0),
            drawdown_bp,
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

    /// Equity, when cash, positions and the marks of all positions are known.
    #[must_use]
    pub fn equity(&self) -> Option<i64> {
        self.equity_exact()
            .map(|equity| Money::saturating(equity).micro())
    }

    /// Cash, when known.
    #[must_use]
    pub fn cash(&self) -> Option<i64> {
        self.cash.map(|cash| Money::saturating(cash).micro())
    }

    fn view(&self, order: &Working) -> WorkingOrder {
        WorkingOrder {
            order_id: order.order_id,
            instrument_id: self.book.instruments[order.instrument as usize].id,
            side: order.side,
            quantity: order.quantity,
            cumulative_quantity: order.cumulative,
            reserve_price: order.reserve_price,
            limit_price: order.limit_price,
            cancel_requested: order.cancel_requested,
            fate_unknown: order.fate_unknown,
        }
    }

    /// A working order.
    #[must_use]
    pub fn order(&self, order_id: u64) -> Option<WorkingOrder> {
        self.orders.get(order_id).map(|order| self.view(order))
    }

    /// All working orders, by id.
    #[must_use]
    pub fn working_orders(&self) -> Vec<WorkingOrder> {
        let mut orders: Vec<WorkingOrder> =
            self.orders.iter().map(|order| self.view(order)).collect();
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

    /// The prices of one instrument; `None` when it is unknown or has none.
    #[must_use]
    pub fn price(&self, instrument_id: u64) -> Option<PriceView> {
        let instrument = &self.book.instruments[self.book.find(instrument_id)?];
        instrument.priced.then_some(PriceView {
            instrument_id,
            bid: instrument.bid,
            ask: instrument.ask,
            last: instrument.last,
            ts_ns: instrument.price_ts,
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

    /// The running sums.
    #[must_use]
    pub fn running(&self) -> Aggregates {
        self.book.running()
    }

    /// The same sums, computed from positions, marks and working orders alone. Equal to [`Engine::running`], always.
    #[must_use]
    pub fn recompute_from_scratch(&self) -> Aggregates {
        self.book.recomputed(&self.orders)
    }

    /// SHA-256 of the whole state in a fixed order: two engines fed alike agree, live or replayed.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut put = |value: i128| hash.update(value.to_le_bytes());
        put(i128::from(self.hash_prefix));
        for instrument in &self.book.instruments {
            put(i128::from(instrument.id));
            for value in [
                instrument.bid,
                instrument.ask,
                instrument.last,
                instrument.price_ts,
                i64::from(instrument.priced),
                instrument.mark,
                instrument.position,
                instrument.retry_at,
            ] {
                put(i128::from(value));
            }
        }
        put(self.orders.len() as i128);
        for order in self.working_orders() {
            put(i128::from(order.order_id));
            put(i128::from(order.instrument_id));
            let flags = i64::from(order.cancel_requested) + 2 * i64::from(order.fate_unknown);
            for value in [
                order.side as i64,
                order.quantity,
                order.cumulative_quantity,
                order.reserve_price,
                order.limit_price,
                flags,
            ] {
                put(i128::from(value));
            }
        }
        put(self.finished.len() as i128);
        for (order_id, done) in &self.finished {
            put(i128::from(*order_id));
            put(i128::from(done.cumulative));
        }
        put(self.unreferenced.len() as i128);
        for (instrument_id, quantity) in &self.unreferenced {
            put(i128::from(*instrument_id));
            put(i128::from(*quantity));
        }
        put(self.cash.unwrap_or(i128::MIN));
        put(i128::from(self.last_id));
        put(i128::from(self.last_own));
        put(i128::from(self.now_ns));
        let kill = self.kill.map_or((0, 0), |kill| {
            (i64::from(kill.session), i64::from(kill.reason.code()))
        });
        let baseline = self.baseline.map_or((0, 0), |baseline| {
            (i64::from(baseline.session), baseline.equity)
        });
        for value in [
            i64::from(self.positions_known),
            i64::from(self.venue_up),
            self.session_state as i64,
            i64::from(self.session),
            i64::from(self.halted),
            i64::from(self.reduce_only),
            i64::from(self.kill.is_some()),
            kill.0,
            kill.1,
            baseline.0,
            baseline.1,
        ] {
            put(i128::from(value));
        }
        hash.finalize().into()
    }
}
