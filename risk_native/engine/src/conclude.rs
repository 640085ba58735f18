//! From a verdict to the decision that is told, with what it was made on.

use crate::decide::Verdict;
use crate::engine::Engine;
use crate::instrument::{Instrument, NO_STOP};
use crate::reason::Reason;
use crate::sizing::reported;
use crate::tick::Tick;
use crate::types::*;

/// Stands for an instrument that is not in the reference.
static NOWHERE: Instrument = Instrument::unknown(0, Tick::Unknown);

impl Engine {
    #[inline]
    pub(crate) fn conclude(
        &self,
        order: &OrderRequest,
        index: Option<usize>,
        verdict: &Verdict,
    ) -> Decision {
        let kind = if verdict.quantity == 0 {
            DecisionKind::Reject
        } else if verdict.quantity < order.quantity {
            DecisionKind::Reduce
        } else {
            DecisionKind::Approve
        };
        let equity = &self.equity;
        let limit = verdict.limit.unwrap_or(equity.money.instrument);
        let instrument = index.map_or(&NOWHERE, |index| &self.book.instruments[index]);
        let (reference_price, price_ts) = index.map_or((0, 0), |index| {
            let gate = &self.book.gates[index];
            (gate.reference, gate.price_ts)
        });
        Decision {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            kind,
            reason: verdict.reason,
            requested_quantity: order.quantity,
            approved_quantity: verdict.quantity,
            reference_price,
            equity: reported(equity.first),
            instrument_worst_case: reported(instrument.exposure()),
            binding_limit: reported(limit),
            limits_hash: self.hash_prefix,
            metrics: Metrics {
                price_ts_ns: price_ts,
                ..self.metrics(instrument, index.is_some(), order.side, verdict.risk)
            },
        }
    }

    #[inline(always)]
    fn metrics(&self, instrument: &Instrument, known: bool, side: u8, risk: i64) -> Metrics {
        let sums = &self.book.sums;
        let stop = match Side::from_u8(side) {
            Some(side) => instrument.stop(side),
            None => NO_STOP,
        };
        let exposure = |of: &[i128], place: u32| {
            if known {
                reported(of[place as usize])
            } else {
                0
            }
        };
        Metrics {
            trading_state: self.state_without_limits().0,
            session_state: self.session_state,
            venue_up: self.venue_up,
            position: instrument.position,
            working_buys: instrument.buys.quantity,
            working_sells: instrument.sells.quantity,
            traded: instrument.traded,
            bid: instrument.bid,
            ask: instrument.ask,
            last: instrument.last,
            price_ts_ns: 0,
            stop_level: if stop == NO_STOP { 0 } else { stop },
            risk_per_share: risk,
            cash: reported(self.cash.unwrap_or(0)),
            second_equity: reported(self.equity.second),
            baseline: self.baseline.map_or(0, |baseline| baseline.equity),
            flows: self.flows.1,
            drawdown_bp: self.equity.drawdown_bp,
            issuer_exposure: exposure(&self.book.issuers, instrument.issuer),
            sector_exposure: exposure(&self.book.sectors, instrument.sector),
            gross_exposure: reported(sums.gross),
            net_long: reported(sums.net_worst(Side::Buy)),
            net_short: reported(sums.net_worst(Side::Sell)),
            buying_power: reported(self.power(0, 0)),
            working_orders: self.orders.len() as u32,
        }
    }

    /// What is taken now and why, the limits that prices broke left aside: they hold up single names only.
    #[inline]
    pub(crate) fn state_without_limits(&self) -> (TradingState, Reason) {
        if let Some(kill) = self.kill {
            return (TradingState::Killed, kill.reason);
        }
        if let Some(reason) = self.halt() {
            return (TradingState::Halted, reason);
        }
        let reason = if self.is_held(Hold::LinkLost) {
            Reason::LinkLost
        } else if self.has_stale_mark() {
            Reason::StaleMark
        } else if self.equity.fallen != (false, false) {
            Reason::Drawdown
        } else if self.is_held(Hold::Operator) {
            Reason::ReduceOnly
        } else {
            return (TradingState::Active, Reason::None);
        };
        (TradingState::ReduceOnly, reason)
    }
}
