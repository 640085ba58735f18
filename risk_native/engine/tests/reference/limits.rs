//! The constants, restated by number, and a deployment's tighter values.

use dnalyaw_engine::TighterSpec;

pub const ONE: i64 = 1_000_000;
pub const BP: i128 = 10_000;
pub const COLLAR: i128 = 500;
pub const WIDE_COLLAR: i128 = 2_000;
pub const FEE_MARGIN: i128 = 50;
pub const SHORT_MARGIN: i128 = 5_000;
pub const GAP_SIGMAS: i128 = 5;
pub const PRICE_JUMP: i128 = 2_000;
pub const CLOSE_SLICE: i128 = 100;
pub const MAX_SPREAD: i128 = 1_000;
pub const MAX_AHEAD: i128 = 5_000_000_000;
/// Money that nobody announced counts above this many basis points of the baseline, and a flow is known to one.
pub const UNANNOUNCED: i128 = 10;
pub const PRICE_AGE: i128 = 900_000_000_000;
pub const MARK_AGE: i128 = 1_800_000_000_000;
pub const REPEATS: usize = 3;
pub const REMEMBERED: usize = 8;
pub const SECOND: i128 = 1_000_000_000;
pub const CLOSE_RETRY: i64 = 1_000_000_000;
pub const LARGEST_PRICE: i64 = 10_000_000 * ONE;
pub const LARGEST_QUANTITY: i64 = 10_000_000_000;
pub const LARGEST_MONEY: i128 = 9_000_000_000_000 * ONE as i128;

/// A limit in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub value: i128,
    /// Smaller than the constant.
    pub tighter: bool,
}

/// All limits in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub instrument: Limit,
    pub sector: Limit,
    pub drawdown: Limit,
    pub trade_risk: Limit,
    pub gross: Limit,
    pub net: Limit,
    pub participation: Limit,
    pub quantity: Limit,
    pub notional: Limit,
    pub rate: Limit,
}

fn limit(asked: Option<i128>, constant: i128) -> Limit {
    let value = asked.unwrap_or(constant);
    Limit {
        value,
        tighter: value < constant,
    }
}

impl Limits {
    /// What a deployment's wishes make of the constants.
    pub fn of(spec: &TighterSpec) -> Self {
        let bp = |asked: Option<u32>, constant| limit(asked.map(i128::from), constant);
        Self {
            instrument: bp(spec.instrument_bp, 500),
            sector: bp(spec.sector_bp, 2_500),
            drawdown: bp(spec.drawdown_bp, 500),
            trade_risk: bp(spec.trade_risk_bp, 100),
            gross: bp(spec.gross_bp, 20_000),
            net: bp(spec.net_bp, 10_000),
            participation: bp(spec.participation_bp, 1_000),
            quantity: limit(spec.order_quantity.map(i128::from), 10_000_000),
            notional: limit(
                spec.order_notional.map(|money| i128::from(money.micro())),
                500_000_000 * i128::from(ONE),
            ),
            rate: bp(spec.message_rate, 20_000),
        }
    }
}
