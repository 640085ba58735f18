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

/// What is known of an instrument outside of it; nothing of one that is not in the reference.
#[derive(Default)]
struct Known {
    reference_price: i64,
    price_ts: i64,
    issuer: i128,
    sector: i128,
}

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
        let (instrument, known) = match index {
            Some(index) => {
                let (instrument, gate) = (&self.book.instruments[index], &self.book.gates[index]);
                let known = Known {
                    reference_price: gate.reference,
                    price_ts: gate.price_ts,
                    issuer: self.book.issuers[instrument.issuer as usize],
                    sector: self.book.sectors[instrument.sector as usize],
                };
                (instrument, known)
            }
            None => (&NOWHERE, Known::default()),
        };
        let (equity, sums) = (&self.equity, &self.book.sums);
        let stop = match Side::from_u8(order.side) {
            Some(side) => instrument.stop(side),
            None => NO_STOP,
        };
        Decision {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            kind,
            reason: verdict.reason,
            requested_quantity: order.quantity,
            approved_quantity: verdict.quantity,
            reference_price: known.reference_price,
            equity: equity.told.first,
            instrument_worst_case: reported(instrument.exposure()),
            binding_limit: match verdict.limit {
                Some(limit) => reported(limit),
                None => equity.told.instrument_limit,
            },
            limits_hash: self.hash_prefix,
            metrics: Metrics {
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
                price_ts_ns: known.price_ts,
                stop_level: if stop == NO_STOP { 0 } else { stop },
                risk_per_share: verdict.risk,
                cash: self.told_cash,
                second_equity: equity.told.second,
                baseline: self.baseline.map_or(0, |baseline| baseline.equity),
                flows: self.flows(),
                drawdown_bp: equity.drawdown_bp,
                issuer_exposure: reported(known.issuer),
                sector_exposure: reported(known.sector),
                gross_exposure: reported(sums.gross),
                net_long: reported(sums.net_worst(Side::Buy)),
                net_short: reported(sums.net_worst(Side::Sell)),
                buying_power: reported(self.power(0, 0)),
                working_orders: self.orders.len() as u32,
            },
        }
    }

    /// What is taken now and why, the limits that prices broke left aside: they hold up single names only.
    #[inline]
    pub(crate) fn state_without_limits(&self) -> (TradingState, Reason) {
        let well = self.kill.is_none()
            && self.halts == 0
            && self.holds == 0
            && self.unreferenced.is_empty();
        if well && !self.has_stale_mark() && self.equity.fallen == (false, false) {
            return (TradingState::Active, Reason::None);
        }
        self.state_that_hinders()
    }

    #[cold]
    fn state_that_hinders(&self) -> (TradingState, Reason) {
        if let Some(kill) = self.kill {
            return (TradingState::Killed, kill.reason);
        }
        if let Some(reason) = self.halt() {
            return (TradingState::Halted, reason);
        }
        if !self.unreferenced.is_empty() {
            return (TradingState::Halted, Reason::ReferenceMissing);
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
