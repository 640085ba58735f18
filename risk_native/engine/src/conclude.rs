//! From a verdict to the decision that is told, with what it was made on.

use crate::decide::Verdict;
use crate::engine::Engine;
use crate::instrument::NO_STOP;
use crate::reason::Reason;
use crate::sizing::reported;
use crate::types::*;

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
        let (reference_price, worst_case) = index.map_or((0, 0), |index| {
            (
                self.book.gates[index].reference,
                self.book.instruments[index].exposure(),
            )
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
            instrument_worst_case: reported(worst_case),
            binding_limit: reported(limit),
            limits_hash: self.hash_prefix,
            metrics: self.metrics(index, order.side, verdict.risk),
        }
    }

    #[inline]
    fn metrics(&self, index: Option<usize>, side: u8, risk_per_share: i64) -> Metrics {
        let sums = &self.book.sums;
        let here = index.map(|index| &self.book.instruments[index]);
        let stop = match (here, Side::from_u8(side)) {
            (Some(instrument), Some(side)) => instrument.stop(side),
            _ => NO_STOP,
        };
        Metrics {
            trading_state: self.state_without_limits().0,
            session_state: self.session_state,
            venue_up: self.venue_up,
            position: here.map_or(0, |instrument| instrument.position),
            working_buys: here.map_or(0, |instrument| instrument.buys.quantity),
            working_sells: here.map_or(0, |instrument| instrument.sells.quantity),
            traded: here.map_or(0, |instrument| instrument.traded),
            bid: here.map_or(0, |instrument| instrument.bid),
            ask: here.map_or(0, |instrument| instrument.ask),
            last: here.map_or(0, |instrument| instrument.last),
            price_ts_ns: index.map_or(0, |index| self.book.gates[index].price_ts),
            stop_level: if stop == NO_STOP { 0 } else { stop },
            risk_per_share,
            cash: reported(self.cash.unwrap_or(0)),
            second_equity: reported(self.equity.second),
            baseline: self.baseline.map_or(0, |baseline| baseline.equity),
            flows: self.flows.1,
            drawdown_bp: self.equity.drawdown_bp,
            issuer_exposure: index.map_or(0, |index| reported(self.book.issuer_exposure(index))),
            sector_exposure: index.map_or(0, |index| reported(self.book.sector_exposure(index))),
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
