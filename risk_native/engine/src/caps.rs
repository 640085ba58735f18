//! Every limit of an opening order as an inequality in the number of shares, and solved for it.

use crate::arithmetic::floor_div;
use crate::instrument::Bounds;
use crate::limits::*;
use crate::reason::Reason;
use crate::sizing::{MoneyLimits, SizingInputs};
use crate::tighter::TighterLimits;
use crate::types::Side;

/// The caps in the order in which they are named; see [`crate::Reason`] for what each says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cap {
    pub holds: bool,
    pub reason: Reason,
    pub tighter: bool,
    pub limit: i128,
}

/// One order's view of all the limits.
pub(crate) struct Caps<'a> {
    pub inputs: &'a SizingInputs,
    pub money: &'a MoneyLimits,
    pub limits: &'a TighterLimits,
}

impl Caps<'_> {
    const COUNT: usize = 10;
    /// The first of them.
    const EXPOSURES: usize = 4;

    /// Does the `nth` limit hold at `shares`? Products only: no division stands on the way of an order that fits.
    #[inline(always)]
    pub(crate) fn at(&self, nth: usize, shares: i64, weight: i128, cost: i128) -> Cap {
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
    pub(crate) fn broken(&self, shares: i64) -> u32 {
        let weight = self.weight(shares);
        let cost = i128::from(shares) * i128::from(self.inputs.reserve_price);
        let mut broken = 0;
        for nth in 0..Self::COUNT {
            broken |= u32::from(!self.at(nth, shares, weight, cost).holds) << nth;
        }
        broken
    }

    /// Does every limit hold at `shares`: as [`Caps::broken`], without saying which. `room` is the weight that the tightest of
    /// the four exposures leaves to the side's working orders and these.
    #[inline(always)]
    pub(crate) fn all_hold(&self, shares: i64, room: i128) -> bool {
        let weight = self.weight(shares);
        let cost = i128::from(shares) * i128::from(self.inputs.reserve_price);
        debug_assert_eq!(
            weight <= room,
            (0..Self::EXPOSURES).all(|nth| self.at(nth, shares, weight, cost).holds),
            "the room is what all exposures leave"
        );
        weight <= room
            && (Self::EXPOSURES..Self::COUNT).all(|nth| self.at(nth, shares, weight, cost).holds)
    }

    #[inline(always)]
    pub(crate) fn weight(&self, shares: i64) -> i128 {
        let inputs = self.inputs;
        let reserved =
            inputs.working_notional + i128::from(shares) * i128::from(inputs.reserve_price);
        self.bounds().weight(
            inputs.working_quantity + shares,
            reserved,
            inputs.reference_price,
        )
    }

    /// With the order itself, whose reserve is not below the mark.
    #[inline(always)]
    const fn bounds(&self) -> Bounds {
        let inputs = self.inputs;
        Bounds {
            low: inputs.working_low,
            high: if inputs.working_high > inputs.reserve_price {
                inputs.working_high
            } else {
                inputs.reserve_price
            },
        }
    }

    /// The most shares at which the `nth` limit holds; negative when it does not hold at none either.
    pub(crate) fn solve(&self, nth: usize) -> i128 {
        let inputs = self.inputs;
        let ahead = i128::from(inputs.held_quantity) + i128::from(inputs.working_quantity);
        let exposure = |room: i128| {
            // Either of the two bounds on the weight is enough.
            let (bounds, mark) = (self.bounds(), inputs.reference_price);
            let uplift = (mark - bounds.low).max(0);
            let working = i128::from(inputs.working_quantity);
            let left = room - inputs.working_notional - working * i128::from(uplift);
            let lifted = floor_div(left, inputs.reserve_price + uplift);
            lifted.max(floor_div(room, mark.max(bounds.high)) - working)
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
