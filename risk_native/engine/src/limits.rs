//! The constants. No flag, file, environment variable or message changes them; a deployment may only be tighter
//! ([`crate::TighterLimits`]).

use crate::units::MICRO;

/// Basis points in one.
pub const BP: u32 = 10_000;

/// Worst case of all instruments of one issuer, of equity: 5%.
pub const INSTRUMENT_LIMIT_BP: u32 = 500;
/// Worst case of one sector, of equity: 25%. Instruments of unknown sector share one bucket.
pub const SECTOR_LIMIT_BP: u32 = 2_500;
/// Fall of equity below the session's baseline at which the kill switch fires: 5%.
pub const DRAWDOWN_LIMIT_BP: u32 = 500;
/// Equity at risk in one trade: 1%.
pub const TRADE_RISK_LIMIT_BP: u32 = 100;
/// Worst-case gross exposure of the book, of equity: twice.
pub const GROSS_LIMIT_BP: u32 = 20_000;
/// Worst-case net exposure of the book, either way, of equity: once.
pub const NET_LIMIT_BP: u32 = 10_000;
/// Shares of one opening order.
pub const ORDER_QUANTITY_LIMIT: i64 = 10_000_000;
/// Notional of one opening order at its reserve price, millionths.
pub const ORDER_NOTIONAL_LIMIT: i64 = 500_000_000 * MICRO;
/// Traded today and working, both sides, of average daily volume: 10%.
pub const PARTICIPATION_LIMIT_BP: u32 = 1_000;
/// Accepted orders in any trailing second of the monotonic clock.
pub const MESSAGE_RATE_LIMIT: u32 = 20_000;
/// Equal accepted opening orders of one instrument in any trailing second of the venue's clock.
pub const REPEAT_LIMIT: usize = 3;
/// Among so many of the instrument's last accepted opening orders the equal ones are counted.
pub const REPEAT_DEPTH: usize = 8;
/// How far an opening order's limit price may stand from the reference price, and where a market order is assumed to
/// fill: 5%.
pub const COLLAR_BP: u32 = 500;
/// The same for what closes: 20%.
pub const WIDE_COLLAR_BP: u32 = 2_000;
/// Margin on top of the notional that a buy reserves for fees: 0.5%.
pub const FEE_MARGIN_BP: u32 = 50;
/// Margin that a short needs beyond its proceeds: 50%.
pub const SHORT_MARGIN_BP: u32 = 5_000;
/// Stressed overnight gap where the reference gives none, in daily volatilities.
pub const GAP_SIGMAS: u32 = 5;
/// How old, on the venue's clock, the price behind an opening order may be: 15 minutes.
pub const MAX_PRICE_AGE_NS: i64 = 15 * 60 * 1_000_000_000;
/// How old the mark of a held position may be while anything is opened: 30 minutes.
pub const MAX_MARK_AGE_NS: i64 = 30 * 60 * 1_000_000_000;
/// A jump of the reference price larger than this needs a second message: 20%.
pub const PRICE_JUMP_BP: u32 = 2_000;
/// A quote wider than this share of its mid is none: 10%.
pub const MAX_SPREAD_BP: u32 = 1_000;
/// How far ahead of the venue's clock a price may be stamped: 5 seconds.
pub const MAX_AHEAD_NS: i64 = 5 * 1_000_000_000;
/// Cash beyond what was expected that counts as a flow nobody announced, of the baseline: 0.1%.
pub const UNANNOUNCED_BP: u32 = 10;
/// One closing slice of the engine's own, of average daily volume: 1%.
pub const CLOSE_SLICE_BP: u32 = 100;
/// How long the next slice waits after one that was refused or ended without a fill, on the venue's clock.
pub const CLOSE_RETRY_NS: i64 = 1_000_000_000;
/// Room of the order table; allocated at the start.
pub const MAX_WORKING_ORDERS: usize = 131_072;
/// Ended orders that are remembered for reports that come late; the oldest is forgotten first.
pub const ENDED_ORDERS_KEPT: usize = 32_768;
/// Legs of one linked order.
pub const MAX_LEGS: usize = 16;
/// The trailing second of both throttles.
pub const THROTTLE_NS: i64 = 1_000_000_000;

const _: () = assert!(
    COLLAR_BP < BP && WIDE_COLLAR_BP < BP,
    "the collar's lower side must stay positive"
);
