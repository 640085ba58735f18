//! What others may read of the book.

use crate::reason::Reason;
use crate::types::Side;

/// A position with its mark (0 = no mark).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionView {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Signed shares.
    pub quantity: i64,
    /// The price at which exposure is measured.
    pub mark: i64,
}

/// The prices the engine holds of one instrument (0 = absent).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceView {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Best bid.
    pub bid: i64,
    /// Best offer.
    pub ask: i64,
    /// Last trade or auction print.
    pub last: i64,
    /// The venue's clock at the update.
    pub ts_ns: i64,
}

/// A stop that the engine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopView {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// [`Side::Buy`]: of a long; [`Side::Sell`]: of a short.
    pub direction: Side,
    /// Price in millionths.
    pub level: i64,
    /// Both marks have reached it: the position is being closed.
    pub fired: bool,
}

/// What one limit is used for. Money in millionths; a share of 10,000 is the whole limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// How much of it.
    pub amount: i64,
    /// The limit; 0 while equity is not known.
    pub limit: i64,
    /// Basis points of the limit, rounded up; `i32::MAX` of no limit at all.
    pub share_bp: i32,
}

/// What one issuer uses of its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUse {
    /// The reference's issuer id.
    pub issuer_id: u64,
    /// How much.
    pub used: Used,
}

/// What one sector uses of its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectorUse {
    /// `None`: the bucket of the unknown ones.
    pub sector: Option<String>,
    /// How much.
    pub used: Used,
}

/// Exposures and their share of each limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utilisation {
    /// The largest issuers, largest first, at most ten; none without exposure.
    pub issuers: Vec<IssuerUse>,
    /// The largest sectors, likewise.
    pub sectors: Vec<SectorUse>,
    /// Gross exposure of the book.
    pub gross: Used,
    /// Net exposure of the book, the larger way.
    pub net: Used,
    /// Fall below the baseline in the firm's currency (0 when above it), and the fall that fires the kill switch.
    pub drawdown: Used,
    /// What cash pays for altogether (the limit), and what of it is taken.
    pub buying_power: Used,
    /// Orders working, and room for orders.
    pub orders: Used,
}

/// Where the running sums differ from a recomputation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowDifference {
    /// Which sum.
    pub what: &'static str,
    /// Whose: an instrument's id; of issuers and sectors their place, in the order in which the instruments by id name them; 0 of
    /// the book.
    pub whose: u64,
    /// As it ran.
    pub running: i128,
    /// As recomputed.
    pub recomputed: i128,
}

impl core::fmt::Display for ShadowDifference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{} of {}: {} as it ran, {} from positions, marks and orders ({})",
            self.what,
            self.whose,
            self.running,
            self.recomputed,
            Reason::Shadow.name()
        )
    }
}

impl std::error::Error for ShadowDifference {}
