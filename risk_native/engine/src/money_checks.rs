//! Checks 20 and 21: what the limits leave of an opening order.

use crate::checks::Checked;
use crate::decide::Verdict;
use crate::engine::Engine;
use crate::instrument::NO_STOP;
use crate::reason::Reason;
use crate::sizing::{SizingInputs, collar_high, collar_low, fits, size};
use crate::types::Side;

/// A working order in whose place the new one would stand: what it has reserved is free for the new one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instead {
    pub shares: i64,
    pub notional: i128,
    /// Reserved at this price at least.
    pub price: i64,
    pub filled: i64,
}

impl Instead {
    pub(crate) const NOTHING: Self = Self {
        shares: 0,
        notional: 0,
        price: 0,
        filled: 0,
    };
}

impl Engine {
    /// Where an order is reserved: a limit order at its limit or today's price, whichever is more, a market order at the
    /// collar. Without any price 0: only closing orders get there, and those add no exposure.
    #[inline]
    pub(crate) fn reserve_price(&self, index: usize, limit_price: i64) -> i64 {
        let mark = self.book.instruments[index].mark;
        if limit_price == 0 {
            collar_high(mark)
        } else {
            limit_price.max(mark)
        }
    }

    /// The stop level that would hold after an order of this side with this distance.
    #[inline]
    pub(crate) fn stop_after(&self, index: usize, side: Side, distance: i64) -> i64 {
        let held = self.book.instruments[index].stop(side);
        if distance == 0 {
            return held;
        }
        let reference = self.book.gates[index].reference;
        match side {
            Side::Buy => held.max(reference - distance),
            Side::Sell if held == NO_STOP => reference + distance,
            Side::Sell => held.min(reference + distance),
        }
    }

    #[inline]
    fn risk(&self, index: usize, order: &Checked, reserve_price: i64) -> i64 {
        let instrument = &self.book.instruments[index];
        let level = self.stop_after(index, order.side, order.stop_distance);
        if level == NO_STOP || instrument.risk_floor == i64::MAX {
            return reserve_price;
        }
        // From the worst price at which it may be entered.
        let distance = match (order.side, order.limit_price) {
            (Side::Buy, _) => reserve_price - level,
            (Side::Sell, 0) => level - collar_low(instrument.mark),
            (Side::Sell, limit) => level - limit.min(instrument.mark),
        };
        distance.max(instrument.risk_floor).min(reserve_price)
    }

    /// Checks 20 and 21, for an order that would stand in the place of another.
    #[inline]
    pub(crate) fn check_limits(&self, index: usize, order: &Checked, instead: &Instead) -> Verdict {
        let (sums, money) = (&self.book.sums, &self.equity.money);
        let (issuer, sector) = (
            self.book.issuer_exposure(index),
            self.book.sector_exposure(index),
        );
        let net = sums.net_worst(order.side);
        // By how much the exposure that is nearest to its limit is past it.
        let past = (issuer - money.instrument)
            .max(sector - money.sector)
            .max(sums.gross - money.gross)
            .max(net - money.net);
        if past > 0 {
            return self.past(issuer, sector, net);
        }
        let instrument = &self.book.instruments[index];
        let weight = instrument.resting(order.side).weight(instrument.mark);
        let inputs = self.sizing(index, order, instead, weight);
        let room = weight - past;
        if fits(&inputs, money, &self.limits, order.quantity, room) {
            return Verdict {
                risk: inputs.risk_per_share,
                ..Verdict::approve(order.quantity)
            };
        }
        self.cut(index, order, instead, weight)
    }

    /// What fits of an order that does not fit whole.
    #[cold]
    fn cut(&self, index: usize, order: &Checked, instead: &Instead, weight: i128) -> Verdict {
        let inputs = self.sizing(index, order, instead, weight);
        let (money, limits) = (&self.equity.money, &self.limits);
        let sized = size(&inputs, money, limits, order.quantity, instead.filled);
        Verdict {
            quantity: sized.quantity,
            reason: sized.reason,
            limit: Some(sized.limit),
            risk: inputs.risk_per_share,
            by_size: true,
        }
    }

    /// What the limits of an opening order rest on; `weight` is that of its side's working orders.
    #[inline(always)]
    fn sizing(
        &self,
        index: usize,
        order: &Checked,
        instead: &Instead,
        weight: i128,
    ) -> SizingInputs {
        let (instrument, side) = (&self.book.instruments[index], order.side);
        let resting = instrument.resting(side);
        let reserve_price = self
            .reserve_price(index, order.limit_price)
            .max(instead.price);
        let (bought, sold) = match side {
            Side::Buy => (instead.notional, 0),
            Side::Sell => (0, instead.notional),
        };
        SizingInputs {
            side,
            equity: self.equity.first,
            reference_price: instrument.mark,
            reserve_price,
            risk_per_share: self.risk(index, order, reserve_price),
            lot: instrument.lot,
            held_quantity: instrument.held(side),
            working_quantity: resting.quantity - instead.shares,
            working_notional: resting.notional - instead.notional,
            working_low: resting.bounds.low,
            working_high: resting.bounds.high,
            issuer_exposure: self.book.issuer_exposure(index) - weight,
            sector_exposure: self.book.sector_exposure(index) - weight,
            gross_exposure: self.book.sums.gross - weight,
            net_exposure: self.book.sums.net_worst(side) - weight,
            volume_limit: instrument.volume_limit,
            volume_used: instrument.traded + instrument.buys.quantity + instrument.sells.quantity
                - instead.shares,
            locate: instrument.locate,
            buying_power: self.power(bought, sold),
        }
    }

    /// What cash still pays for, when so much of what is reserved were not.
    #[inline]
    pub(crate) fn power(&self, bought: i128, sold: i128) -> i128 {
        let sums = &self.book.sums;
        let pledged = crate::book::pledged(sums.short_value, sums.short_reserved - sold);
        self.paid - (sums.reserved_buys - bought) - pledged
    }

    #[cold]
    fn past(&self, issuer: i128, sector: i128, net: i128) -> Verdict {
        use crate::limits::*;
        let (money, limits) = (&self.equity.money, &self.limits);
        let (reason, limit, tighter) = if issuer > money.instrument {
            let tighter = limits.instrument_bp() < INSTRUMENT_LIMIT_BP;
            (Reason::InstrumentLimit, money.instrument, tighter)
        } else if sector > money.sector {
            let tighter = limits.sector_bp() < SECTOR_LIMIT_BP;
            (Reason::SectorLimit, money.sector, tighter)
        } else if self.book.sums.gross > money.gross {
            let tighter = limits.gross_bp() < GROSS_LIMIT_BP;
            (Reason::GrossLimit, money.gross, tighter)
        } else {
            debug_assert!(net > money.net, "some limit is passed");
            (Reason::NetLimit, money.net, limits.net_bp() < NET_LIMIT_BP)
        };
        Verdict {
            limit: Some(limit),
            // Of linked legs the ones before may have brought the book here: fewer lots of all of them then pass.
            by_size: true,
            ..Verdict::reject(if tighter {
                Reason::TighterLimit
            } else {
                reason
            })
        }
    }
}
