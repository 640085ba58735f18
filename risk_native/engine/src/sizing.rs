//! How much may be opened: every limit as an inequality in the number of shares, and solved for it where it breaks. Research
//! sizing calls the same function.

use crate::arithmetic::{price_share_up, share_of};
use crate::book::paid_by;
use crate::caps::Caps;
use crate::limits::*;
use crate::reason::Reason;
use crate::tighter::TighterLimits;
use crate::types::Side;
use crate::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, Money};

/// What the limits of one opening order rest on. Money and prices in millionths; exposures are worst cases without the new
/// order and without the working orders of its side in its instrument, which are added by `working_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizingInputs {
    /// Buy opens a long, sell a short.
    pub side: Side,
    /// Equity, positive.
    pub equity: i128,
    /// The price at which exposure is measured, positive.
    pub reference_price: i64,
    /// The price at which the order is reserved, at least the reference price.
    pub reserve_price: i64,
    /// Money lost on a share when the trade goes wrong: see [`risk_per_share`].
    pub risk_per_share: i64,
    /// Shares a lot, positive.
    pub lot: i64,
    /// Shares held of this instrument in this direction, not negative.
    pub held_quantity: i64,
    /// Shares of this instrument's working orders of this side.
    pub working_quantity: i64,
    /// What those are reserved at, together.
    pub working_notional: i128,
    /// The lowest and the highest price at which any of them was reserved, `i64::MAX` and 0 when there is none.
    pub working_low: i64,
    /// See `working_low`.
    pub working_high: i64,
    /// Exposure of the issuer.
    pub issuer_exposure: i128,
    /// Exposure of the sector.
    pub sector_exposure: i128,
    /// Exposure of the book.
    pub gross_exposure: i128,
    /// Net worst case of the book in the order's direction.
    pub net_exposure: i128,
    /// Shares of the day's volume that may be traded and working altogether.
    pub volume_limit: i64,
    /// Shares traded today and working, both sides.
    pub volume_used: i64,
    /// Shares that may be short; of no meaning to a buy.
    pub locate: i64,
    /// Notional that cash still pays for; see [`buying_power`].
    pub buying_power: i128,
}

impl SizingInputs {
    /// An order of an account that holds nothing, where only equity binds: fill in what else does.
    #[must_use]
    pub const fn alone(
        side: Side,
        equity: i128,
        price: i64,
        risk_per_share: i64,
        lot: i64,
    ) -> Self {
        Self {
            side,
            equity,
            reference_price: price,
            reserve_price: price,
            risk_per_share,
            lot,
            held_quantity: 0,
            working_quantity: 0,
            working_notional: 0,
            working_low: i64::MAX,
            working_high: 0,
            issuer_exposure: 0,
            sector_exposure: 0,
            gross_exposure: 0,
            net_exposure: 0,
            volume_limit: i64::MAX,
            volume_used: 0,
            locate: i64::MAX,
            buying_power: MAX_MONEY as i128,
        }
    }
}

/// The answer: how many shares, what bound, and the value of that limit in its own unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    /// Whole lots, at most what was asked for; 0 when nothing fits.
    pub quantity: i64,
    /// [`Reason::None`] when all of it fits, else the first limit that one more lot breaks.
    pub reason: Reason,
    /// That limit's value, or the instrument limit's when none binds.
    pub limit: i128,
}

/// The limits that are shares of equity, in money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MoneyLimits {
    pub instrument: i128,
    pub sector: i128,
    pub gross: i128,
    pub net: i128,
    pub risk: i128,
}

impl MoneyLimits {
    pub(crate) fn of(equity: i128, limits: &TighterLimits) -> Self {
        Self {
            instrument: share_of(equity, limits.instrument_bp()),
            sector: share_of(equity, limits.sector_bp()),
            gross: share_of(equity, limits.gross_bp()),
            net: share_of(equity, limits.net_bp()),
            risk: share_of(equity, limits.trade_risk_bp()),
        }
    }
}

/// The highest price inside the opening collar around `reference_price`, rounded down.
#[must_use]
#[inline]
pub const fn collar_high(reference_price: i64) -> i64 {
    if reference_price <= MAX_PRICE && reference_price >= 0 {
        return reference_price * (BP + COLLAR_BP) as i64 / BP as i64;
    }
    (reference_price as i128 * (BP + COLLAR_BP) as i128 / BP as i128) as i64
}

/// The lowest price inside the opening collar around `reference_price`, rounded up.
#[must_use]
pub const fn collar_low(reference_price: i64) -> i64 {
    let scaled = reference_price as i128 * (BP - COLLAR_BP) as i128;
    ((scaled + BP as i128 - 1) / BP as i128) as i64
}

/// The highest price inside the closing collar, rounded down.
pub(crate) const fn wide_high(around: i64) -> i64 {
    (around as i128 * (BP + WIDE_COLLAR_BP) as i128 / BP as i128) as i64
}

/// The lowest price inside the closing collar, rounded up.
pub(crate) const fn wide_low(around: i64) -> i64 {
    let scaled = around as i128 * (BP - WIDE_COLLAR_BP) as i128;
    ((scaled + BP as i128 - 1) / BP as i128) as i64
}

/// The notional that `cash` pays for with the margin for fees on top, less what is reserved and pledged already.
#[must_use]
pub const fn buying_power(cash: i128, reserved_notional: i128) -> i128 {
    paid_by(cash) - reserved_notional
}

/// Money lost on one share of a buy when the trade goes wrong: the largest of the distance from the worst entry to the stop
/// (which stands `stop_distance` from the reference price), a day's volatility and the stressed overnight gap
/// (0 = [`GAP_SIGMAS`] volatilities), at most the price at which it is reserved. Without a stop (distance 0), or without a known
/// volatility, that whole price.
#[must_use]
pub fn risk_per_share(
    reference_price: i64,
    reserve_price: i64,
    stop_distance: i64,
    volatility_bp: u32,
    gap_bp: u32,
) -> i64 {
    if stop_distance <= 0 || volatility_bp == 0 {
        return reserve_price;
    }
    let volatility = u64::from(volatility_bp);
    let gap = match gap_bp {
        0 => volatility * u64::from(GAP_SIGMAS),
        known => u64::from(known),
    };
    let floor = price_share_up(reference_price, volatility.max(gap));
    let distance = stop_distance.saturating_add((reserve_price - reference_price).max(0));
    distance.max(floor).min(reserve_price)
}

/// Does all of it keep every limit: the short way of [`size`]. For `room` see [`Caps::all_hold`].
#[inline(always)]
pub(crate) fn fits(
    inputs: &SizingInputs,
    money: &MoneyLimits,
    limits: &TighterLimits,
    requested: i64,
    room: i128,
) -> bool {
    let caps = Caps {
        inputs,
        money,
        limits,
    };
    caps.all_hold(requested, room)
}

/// The largest quantity, at most `requested`, that keeps every limit and makes whole lots together with the `filled` shares
/// that stand before it.
pub(crate) fn size(
    inputs: &SizingInputs,
    money: &MoneyLimits,
    limits: &TighterLimits,
    requested: i64,
    filled: i64,
) -> Sized {
    debug_assert!(
        inputs.reference_price > 0
            && inputs.reserve_price >= inputs.reference_price
            && inputs.risk_per_share > 0
            && inputs.lot > 0,
        "an order is sized at a price"
    );
    let caps = Caps {
        inputs,
        money,
        limits,
    };
    let broken = caps.broken(requested);
    if broken == 0 {
        return Sized {
            quantity: requested,
            reason: Reason::None,
            limit: money.instrument,
        };
    }
    cut(&caps, broken, requested, filled)
}

/// Solves the limits that broke; those that hold at all of it hold at less.
fn cut(caps: &Caps<'_>, mut broken: u32, requested: i64, filled: i64) -> Sized {
    let lot = caps.inputs.lot;
    let mut best: Option<(i64, usize)> = None;
    while broken != 0 {
        let nth = broken.trailing_zeros() as usize;
        broken &= broken - 1;
        // What stands already is not for the limits to take back: those that leave nothing are broken by the first lot alike.
        let shares = caps.solve(nth).clamp(0, i128::from(requested)) as i64;
        let lots = if lot == 1 {
            shares + filled
        } else {
            (shares + filled) / lot
        };
        if best.is_none_or(|(fewest, _)| lots < fewest) {
            best = Some((lots, nth));
        }
    }
    let (lots, nth) = best.unwrap_or((0, 0));
    let cap = caps.at(nth, requested, 0, 0);
    Sized {
        quantity: (lots * lot - filled).max(0),
        reason: if cap.tighter {
            Reason::TighterLimit
        } else {
            cap.reason
        },
        limit: cap.limit,
    }
}

/// The largest quantity of whole lots, at most `requested`, that keeps every limit.
///
/// The quantity at risk in a trade is the instrument's worst case: what is held, what works and what is asked for, so that
/// a trade cut into many orders risks no more than one.
#[must_use]
pub fn largest_quantity(inputs: &SizingInputs, limits: &TighterLimits, requested: i64) -> Sized {
    let money = MoneyLimits::of(inputs.equity, limits);
    let requested = requested.clamp(0, MAX_QUANTITY);
    let sized = size(inputs, &money, limits, requested, 0);
    Sized {
        quantity: sized.quantity - sized.quantity % inputs.lot,
        ..sized
    }
}

/// Clamped for reports.
#[inline]
pub(crate) fn reported(amount: i128) -> i64 {
    const MOST: i128 = MAX_MONEY as i128;
    if (-MOST..=MOST).contains(&amount) {
        amount as i64
    } else {
        clamped(amount)
    }
}

#[cold]
fn clamped(amount: i128) -> i64 {
    Money::saturating(amount).micro()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_limits_that_leave_no_lot_beside_what_has_filled_the_first_is_named() {
        // 11 have filled and 19 more are asked for in lots of 5: trade risk leaves 2, buying power less than nothing.
        let limits = TighterLimits::none();
        let inputs = SizingInputs {
            held_quantity: 8,
            buying_power: -5_000_000_000,
            ..SizingInputs::alone(Side::Buy, 100_000_000_000, 100_000_000, 100_000_000, 5)
        };
        let money = MoneyLimits::of(inputs.equity, &limits);
        let sized = size(&inputs, &money, &limits, 19, 11);
        assert_eq!((sized.quantity, sized.reason), (0, Reason::TradeRisk));
        let alone = size(&inputs, &money, &limits, 20, 0);
        assert_eq!((alone.quantity, alone.reason), (0, Reason::TradeRisk));
    }
}
