//! How much may be bought: each limit solved for the quantity, in closed form. Research sizing calls the same function.

use crate::limits::{
    BP, COLLAR_BP, FEE_MARGIN_BP, INSTRUMENT_LIMIT_BP, SECTOR_LIMIT_BP, TRADE_RISK_LIMIT_BP,
    TighterLimits,
};
use crate::reason::Reason;
use crate::units::MAX_QUANTITY;

/// What the limits of one buy rest on. Money and prices in millionths; exposures are worst cases without the new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizingInputs {
    /// Equity, positive.
    pub equity: i128,
    /// The price at which positions are valued, positive.
    pub reference_price: i64,
    /// The price at which the order is reserved, at least the reference price.
    pub reserve_price: i64,
    /// Distance from entry to stop, 0 = none.
    pub stop_distance: i64,
    /// Daily volatility, basis points, 0 = unknown.
    pub volatility_bp: u32,
    /// Shares a lot, positive.
    pub lot: i64,
    /// Shares held of this instrument, not negative.
    pub held_quantity: i128,
    /// Shares of this instrument's working buys.
    pub working_quantity: i128,
    /// What those are reserved at, together.
    pub working_notional: i128,
    /// Exposure of the issuer, this instrument's position in it, its working buys not.
    pub issuer_exposure: i128,
    /// Exposure of the sector, this instrument's position in it, its working buys not.
    pub sector_exposure: i128,
    /// Notional that cash still pays for, fees' margin taken off; see [`buying_power`].
    pub buying_power: i128,
}

/// The answer: how many shares, what bound, and the value of that limit in money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    /// Whole lots, at most what was asked for; 0 when nothing fits.
    pub quantity: i64,
    /// [`Reason::None`] when all of it fits, else the limit that binds first.
    pub reason: Reason,
    /// That limit's value, or the instrument limit's when none binds.
    pub limit: i128,
}

/// `basis_points` of `amount`, rounded down; nothing of a negative amount.
#[must_use]
pub const fn share_of(amount: i128, basis_points: u32) -> i128 {
    if amount <= 0 {
        0
    } else {
        amount * basis_points as i128 / BP as i128
    }
}

/// The highest price inside the collar around `reference_price`, rounded down.
#[must_use]
pub const fn collar_high(reference_price: i64) -> i64 {
    (reference_price as i128 * (BP + COLLAR_BP) as i128 / BP as i128) as i64
}

/// The lowest price inside the collar around `reference_price`, rounded up.
#[must_use]
pub const fn collar_low(reference_price: i64) -> i64 {
    let scaled = reference_price as i128 * (BP - COLLAR_BP) as i128;
    ((scaled + BP as i128 - 1) / BP as i128) as i64
}

/// The notional that `cash` pays for with the margin for fees on top, less what is reserved already.
#[must_use]
pub const fn buying_power(cash: i128, reserved_notional: i128) -> i128 {
    // Rounded towards minus infinity, so that notional * (1 + margin) <= cash holds exactly.
    (cash * BP as i128).div_euclid((BP + FEE_MARGIN_BP) as i128) - reserved_notional
}

/// Money lost on one share when the trade goes wrong: the larger of the stop distance and a day's volatility, at most the
/// whole price. Without a stop, or without a known volatility, the whole price.
#[must_use]
pub fn risk_per_share(inputs: &SizingInputs) -> i64 {
    if inputs.stop_distance <= 0 || inputs.volatility_bp == 0 {
        return inputs.reserve_price;
    }
    let scaled = i128::from(inputs.reference_price) * i128::from(inputs.volatility_bp);
    let floor = (scaled + i128::from(BP) - 1) / i128::from(BP);
    i128::from(inputs.stop_distance)
        .max(floor)
        .min(i128::from(inputs.reserve_price)) as i64
}

/// Shares `x` for which both `working_notional + x * reserve_price` and `(working_quantity + x) * reference_price` stay
/// inside `room`: working buys count at their reserve or at today's price, whichever is more.
fn by_exposure(inputs: &SizingInputs, room: i128) -> i128 {
    let reserved = (room - inputs.working_notional).div_euclid(i128::from(inputs.reserve_price));
    let price = i128::from(inputs.reference_price);
    let marked = (room - inputs.working_quantity * price).div_euclid(price);
    reserved.min(marked)
}

/// The largest quantity of whole lots, at most `requested`, that keeps every limit.
///
/// The quantity at risk in a trade is the instrument's worst case: what is held, what works and what is asked for, so that
/// a trade cut into many orders risks no more than one.
#[must_use]
pub fn largest_quantity(inputs: &SizingInputs, limits: &TighterLimits, requested: i64) -> Sized {
    debug_assert!(
        inputs.reference_price > 0
            && inputs.reserve_price >= inputs.reference_price
            && inputs.lot > 0
    );
    let reason = |reason: Reason, basis_points: u32, constant: u32| {
        if basis_points < constant {
            Reason::TighterLimit
        } else {
            reason
        }
    };
    let instrument_limit = share_of(inputs.equity, limits.instrument_bp());
    let sector_limit = share_of(inputs.equity, limits.sector_bp());
    let risk_limit = share_of(inputs.equity, limits.trade_risk_bp());
    let at_risk = risk_limit / i128::from(risk_per_share(inputs))
        - inputs.held_quantity
        - inputs.working_quantity;
    let caps = [
        (
            by_exposure(inputs, instrument_limit - inputs.issuer_exposure),
            reason(
                Reason::InstrumentLimit,
                limits.instrument_bp(),
                INSTRUMENT_LIMIT_BP,
            ),
            instrument_limit,
        ),
        (
            by_exposure(inputs, sector_limit - inputs.sector_exposure),
            reason(Reason::SectorLimit, limits.sector_bp(), SECTOR_LIMIT_BP),
            sector_limit,
        ),
        (
            at_risk,
            reason(
                Reason::TradeRisk,
                limits.trade_risk_bp(),
                TRADE_RISK_LIMIT_BP,
            ),
            risk_limit,
        ),
        (
            inputs
                .buying_power
                .div_euclid(i128::from(inputs.reserve_price)),
            Reason::BuyingPower,
            inputs.buying_power.max(0),
        ),
        limits
            .order_notional()
            .map_or((i128::MAX, Reason::None, 0), |money| {
                let notional = i128::from(money.micro());
                (
                    notional / i128::from(inputs.reserve_price),
                    Reason::TighterLimit,
                    notional,
                )
            }),
    ];
    let mut best = (
        i128::from(requested.clamp(0, MAX_QUANTITY)),
        Reason::None,
        instrument_limit,
    );
    for cap in caps {
        if cap.0 < best.0 {
            best = cap;
        }
    }
    let lot = i128::from(inputs.lot);
    let quantity = best.0.max(0) / lot * lot;
    Sized {
        quantity: quantity as i64,
        reason: best.1,
        limit: best.2,
    }
}
