//! A decision and what it was made on.

use crate::reason::Reason;
use crate::types::{OrderRequest, SessionState, TradingState};

/// The four decisions.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionKind {
    /// As asked.
    Approve = 1,
    /// Less than asked: the largest whole-lot quantity within every limit.
    Reduce = 2,
    /// Nothing.
    Reject = 3,
    /// A closing order of the engine's own.
    Flatten = 4,
}

/// What was decided and on what grounds. Money and prices in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The order's id.
    pub order_id: u64,
    /// The order's instrument; 0 when a modification names no working order.
    pub instrument_id: u64,
    /// Which of the four.
    pub kind: DecisionKind,
    /// Why.
    pub reason: Reason,
    /// As asked, unchecked.
    pub requested_quantity: i64,
    /// What may be sent (of a modification the new total); 0 when rejected.
    pub approved_quantity: i64,
    /// Reference price used; 0 when there was none.
    pub reference_price: i64,
    /// Equity used; 0 when it was not known.
    pub equity: i64,
    /// Worst-case exposure of the instrument after the decision.
    pub instrument_worst_case: i64,
    /// The value of the limit that bound, in its own unit, or of the instrument limit when none did; 0 when equity was not
    /// known.
    pub binding_limit: i64,
    /// First eight bytes of the hash of the limits in force.
    pub limits_hash: u64,
    /// What else it was made on.
    pub metrics: Metrics,
}

impl Decision {
    /// A rejection that rests on nothing: of an order that was not decided, and what an answer holds before it is given.
    #[must_use]
    pub const fn undecided(order: &OrderRequest, reason: Reason) -> Self {
        Self {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            kind: DecisionKind::Reject,
            reason,
            requested_quantity: order.quantity,
            approved_quantity: 0,
            reference_price: 0,
            equity: 0,
            instrument_worst_case: 0,
            binding_limit: 0,
            limits_hash: 0,
            metrics: Metrics::NOTHING,
        }
    }

    /// True when something may be sent.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        self.approved_quantity > 0
    }
}

/// Everything a decision was made on, at the moment after it. 0 where a value is not known. Money and prices in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    /// What was taken then.
    pub trading_state: TradingState,
    /// The venue's session state.
    pub session_state: SessionState,
    /// Was there a venue session.
    pub venue_up: bool,
    /// Signed shares held.
    pub position: i64,
    /// Shares of the instrument's working buys.
    pub working_buys: i64,
    /// Shares of the instrument's working sells.
    pub working_sells: i64,
    /// Shares of the instrument traded today, both sides.
    pub traded: i64,
    /// Best bid.
    pub bid: i64,
    /// Best offer.
    pub ask: i64,
    /// Last print.
    pub last: i64,
    /// The venue's clock at the price.
    pub price_ts_ns: i64,
    /// The held stop level of the order's direction.
    pub stop_level: i64,
    /// Money at risk in one share; 0 when the order was not sized.
    pub risk_per_share: i64,
    /// Cash.
    pub cash: i64,
    /// Equity at the second marks.
    pub second_equity: i64,
    /// Baseline of the session, in the firm's currency.
    pub baseline: i64,
    /// External flows of the session.
    pub flows: i64,
    /// Drawdown by the first equity, basis points.
    pub drawdown_bp: i32,
    /// Worst case of the issuer.
    pub issuer_exposure: i64,
    /// Worst case of the sector.
    pub sector_exposure: i64,
    /// Worst-case gross exposure of the book.
    pub gross_exposure: i64,
    /// Worst-case net exposure of the book if every working buy fills.
    pub net_long: i64,
    /// Worst-case net exposure of the book the other way, if every working sell fills.
    pub net_short: i64,
    /// What cash still pays for.
    pub buying_power: i64,
    /// Orders working.
    pub working_orders: u32,
}

impl Metrics {
    /// Nothing is known.
    pub const NOTHING: Self = Self {
        trading_state: TradingState::Halted,
        session_state: SessionState::Unknown,
        venue_up: false,
        position: 0,
        working_buys: 0,
        working_sells: 0,
        traded: 0,
        bid: 0,
        ask: 0,
        last: 0,
        price_ts_ns: 0,
        stop_level: 0,
        risk_per_share: 0,
        cash: 0,
        second_equity: 0,
        baseline: 0,
        flows: 0,
        drawdown_bp: 0,
        issuer_exposure: 0,
        sector_exposure: 0,
        gross_exposure: 0,
        net_long: 0,
        net_short: 0,
        buying_power: 0,
        working_orders: 0,
    };
}
