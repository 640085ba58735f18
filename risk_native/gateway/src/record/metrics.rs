//! Everything a decision was made on.

use dnalyaw_engine as engine;
use serde::{Deserialize, Serialize};

/// As [`engine::Metrics`], at the moment after the decision. 0 where a value was not known; money and prices millionths.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Metrics {
    pub trading_state: u8,
    pub session_state: u8,
    pub venue_up: bool,
    pub position: i64,
    pub working_buys: i64,
    pub working_sells: i64,
    pub traded: i64,
    pub bid: i64,
    pub ask: i64,
    pub last: i64,
    pub price_ts_ns: i64,
    pub stop_level: i64,
    pub risk_per_share: i64,
    pub cash: i64,
    pub second_equity: i64,
    pub baseline: i64,
    pub flows: i64,
    pub drawdown_bp: i32,
    pub issuer_exposure: i64,
    pub sector_exposure: i64,
    pub gross_exposure: i64,
    pub net_long: i64,
    pub net_short: i64,
    pub buying_power: i64,
    pub working_orders: u32,
}

impl From<&engine::Metrics> for Metrics {
    fn from(metrics: &engine::Metrics) -> Self {
        Self {
            trading_state: metrics.trading_state as u8,
            session_state: metrics.session_state as u8,
            venue_up: metrics.venue_up,
            position: metrics.position,
            working_buys: metrics.working_buys,
            working_sells: metrics.working_sells,
            traded: metrics.traded,
            bid: metrics.bid,
            ask: metrics.ask,
            last: metrics.last,
            price_ts_ns: metrics.price_ts_ns,
            stop_level: metrics.stop_level,
            risk_per_share: metrics.risk_per_share,
            cash: metrics.cash,
            second_equity: metrics.second_equity,
            baseline: metrics.baseline,
            flows: metrics.flows,
            drawdown_bp: metrics.drawdown_bp,
            issuer_exposure: metrics.issuer_exposure,
            sector_exposure: metrics.sector_exposure,
            gross_exposure: metrics.gross_exposure,
            net_long: metrics.net_long,
            net_short: metrics.net_short,
            buying_power: metrics.buying_power,
            working_orders: metrics.working_orders,
        }
    }
}
