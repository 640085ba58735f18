//! How much may be opened: every limit as an inequality in the number of shares, and solved for it where it breaks. Research
//! sizing calls the same function.

use crate::arithmetic::{floor_div, price_share_up, share_of};
use crate::book::paid_by;
use crate::limits::*;
use crate::reason::Reason;
use crate::tighter::TighterLimits;
use crate::types::Side;
use crate::units::{MAX_MONEY, MAX_QUANTITY, Money};

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
pub const fn collar_high(reference_price: i64) -> i64 {
    (reference_price as i128 * (BP + COLLAR_BP) as i128 / BP as i128) as i64
}

/// The lowest price inside the opening collar around `reference_price`, rounded up.
#[must_use]
pub const fn collar_low(reference_price: i64) -> i64 {
    let scaled = reference_price as i128 * (BP - COLLAR_BP) as i128;
    ((scaled + BP as i128 - 1) / BP as i128) as i64
}

/// The notional that `cash` pays for with the margin for fees on top, less what is reserved and pledged already.
#[must_use]
pub const fn buying_power(cash: i128, reserved_notional: i128) -> i128 {
    paid_by(cash) - reserved_notional
}

/// Money lost on one share when the trade goes wrong: the largest of the distance to the stop, a day's volatility and the
/// stressed overnight gap (0 = [`GAP_SIGMAS`] volatilities), at most the price at which it is reserved. Without a stop
/// (distance 0), or without a known volatility, that whole price.
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
    stop_distance.max(floor).min(reserve_price)
}

/// The caps in the order in which they are named; see [`crate::Reason`] for what each says.
#[derive(Debug, Clone, Copy)]
struct Cap {
    holds: bool,
    reason: Reason,
    tighter: bool,
    limit: i128,
}

/// One order's view of all the limits.
struct Caps<'a> {
    inputs: &'a SizingInputs,
    money: &'a MoneyLimits,
    limits: &'a TighterLimits,
}

impl Caps<'_> {
    const COUNT: usize = 10;

    /// Does the `nth` limit hold at `shares`? Products only: no division stands on the way of an order that fits.
    #[inline(always)]
    fn at(&self, nth: usize, shares: i64, weight: i128, cost: i128) -> Cap {
        let (inputs, limits) = (self.inputs, self.limits);
        // Counts of shares stay far inside 64 bits: MAX_QUANTITY for each order that there is room for.
        let shares_ahead = inputs.held_quantity + inputs.working_quantity + shares;
        let exposure = |exposure: i128, limit: i128, reason, tighter| Cap {
            holds: exposure + weight <= limit,
            reason,
            tighter,
            limit,
        };
        match nth {
            0 => exposure(
                inputs.issuer_exposure,
                self.money.instrument,
                Reason::InstrumentLimit,
                limits.instrument_bp() < INSTRUMENT_LIMIT_BP,
            ),
            1 => exposure(
                inputs.sector_exposure,
                self.money.sector,
                Reason::SectorLimit,
                limits.sector_bp() < SECTOR_LIMIT_BP,
            ),
            2 => exposure(
                inputs.gross_exposure,
                self.money.gross,
                Reason::GrossLimit,
                limits.gross_bp() < GROSS_LIMIT_BP,
            ),
            3 => exposure(
                inputs.net_exposure,
                self.money.net,
                Reason::NetLimit,
                limits.net_bp() < NET_LIMIT_BP,
            ),
            4 => Cap {
                holds: i128::from(shares_ahead) * i128::from(inputs.risk_per_share)
                    <= self.money.risk,
                reason: Reason::TradeRisk,
                tighter: limits.trade_risk_bp() < TRADE_RISK_LIMIT_BP,
                limit: self.money.risk,
            },
            5 => Cap {
                holds: shares <= limits.order_quantity(),
                reason: Reason::MaxQuantity,
                tighter: limits.order_quantity() < ORDER_QUANTITY_LIMIT,
                limit: i128::from(limits.order_quantity()),
            },
            6 => Cap {
                holds: cost <= i128::from(limits.order_notional().micro()),
                reason: Reason::MaxNotional,
                tighter: limits.order_notional().micro() < ORDER_NOTIONAL_LIMIT,
                limit: i128::from(limits.order_notional().micro()),
            },
            7 => Cap {
                holds: inputs.volume_used + shares <= inputs.volume_limit,
                reason: Reason::Participation,
                tighter: limits.participation_bp() < PARTICIPATION_LIMIT_BP,
                limit: i128::from(inputs.volume_limit),
            },
            8 => Cap {
                holds: inputs.side == Side::Buy || shares_ahead <= inputs.locate,
                reason: Reason::NoLocate,
                tighter: false,
                limit: i128::from(inputs.locate),
            },
            _ => Cap {
                holds: match inputs.side {
                    Side::Buy => cost <= inputs.buying_power,
                    Side::Sell => {
                        cost * i128::from(SHORT_MARGIN_BP) <= inputs.buying_power * i128::from(BP)
                    }
                },
                reason: Reason::BuyingPower,
                tighter: false,
                limit: inputs.buying_power.max(0),
            },
        }
    }

    /// Which limits do not hold at `shares`, bit by bit.
    #[inline(always)]
    fn broken(&self, shares: i64) -> u32 {
        let weight = self.weight(shares);
        let cost = i128::from(shares) * i128::from(self.inputs.reserve_price);
        let mut broken = 0;
        for nth in 0..Self::COUNT {
            broken |= u32::from(!self.at(nth, shares, weight, cost).holds) << nth;
        }
        broken
    }

    #[inline(always)]
    fn weight(&self, shares: i64) -> i128 {
        let inputs = self.inputs;
        let reserved =
            inputs.working_notional + i128::from(shares) * i128::from(inputs.reserve_price);
        let marked =
            i128::from(inputs.working_quantity + shares) * i128::from(inputs.reference_price);
        reserved.max(marked)
    }

    /// The most shares at which the `nth` limit holds; negative when it does not hold at none either.
    fn solve(&self, nth: usize) -> i128 {
        let inputs = self.inputs;
        let ahead = i128::from(inputs.held_quantity) + i128::from(inputs.working_quantity);
        let exposure = |room: i128| {
            let reserved = floor_div(room - inputs.working_notional, inputs.reserve_price);
            let working = i128::from(inputs.working_quantity);
            // At today's price the working orders weigh more than at their reserves: then that can bind, else it cannot.
            if working * i128::from(inputs.reference_price) <= inputs.working_notional {
                return reserved;
            }
            reserved.min(floor_div(room, inputs.reference_price) - working)
        };
        match nth {
            0 => exposure(self.money.instrument - inputs.issuer_exposure),
            1 => exposure(self.money.sector - inputs.sector_exposure),
            2 => exposure(self.money.gross - inputs.gross_exposure),
            3 => exposure(self.money.net - inputs.net_exposure),
            4 => floor_div(self.money.risk, inputs.risk_per_share) - ahead,
            5 => i128::from(self.limits.order_quantity()),
            6 => floor_div(
                i128::from(self.limits.order_notional().micro()),
                inputs.reserve_price,
            ),
            7 => i128::from(inputs.volume_limit) - i128::from(inputs.volume_used),
            8 => i128::from(inputs.locate) - ahead,
            _ => match inputs.side {
                Side::Buy => floor_div(inputs.buying_power, inputs.reserve_price),
                Side::Sell => {
                    let margin = i128::from(inputs.reserve_price) * i128::from(SHORT_MARGIN_BP);
                    (inputs.buying_power * i128::from(BP)).div_euclid(margin)
                }
            },
        }
    }
}

/// Does all of it keep every limit: the short way of [`size`].
#[inline(always)]
pub(crate) fn fits(
    inputs: &SizingInputs,
    money: &MoneyLimits,
    limits: &TighterLimits,
    requested: i64,
) -> bool {
    let caps = Caps {
        inputs,
        money,
        limits,
    };
    caps.broken(requested) == 0
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
        let shares = caps
            .solve(nth)
            .clamp(-i128::from(filled), i128::from(requested)) as i64;
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
    match i64::try_from(amount) {
        Ok(small) => small.clamp(-MAX_MONEY, MAX_MONEY),
        Err(_) => Money::saturating(amount).micro(),
    }
}
