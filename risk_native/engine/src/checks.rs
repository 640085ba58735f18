//! The checks that need no money: fields, instrument, steps, states, price. Each is small enough to stand on the way of every
//! order.

use crate::engine::Engine;
use crate::instrument::{Gate, HALTED, RESTRICTED, TABLE, TRADABLE, VENUE_HALTED};
use crate::limits::{BP, COLLAR_BP, MAX_PRICE_AGE_NS, WIDE_COLLAR_BP};
use crate::reason::Reason;
use crate::types::*;
use crate::units::{MAX_PRICE, MAX_QUANTITY};

/// A request whose fields make sense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    pub side: Side,
    /// What is decided about; of a linked leg it may be less than was asked.
    pub quantity: i64,
    /// As asked.
    pub requested: i64,
    /// 0 = market.
    pub limit_price: i64,
    pub stop_distance: i64,
    pub strategies: u64,
    pub flags: u8,
    pub order_type: u8,
    pub time_in_force: u8,
}

impl Checked {
    pub(crate) const fn is_marked_short(&self) -> bool {
        self.flags & FLAG_SELL_SHORT != 0
    }

    pub(crate) const fn is_reduce_only(&self) -> bool {
        self.flags & FLAG_REDUCE_ONLY != 0
    }
}

#[inline]
pub(crate) fn check_fields(order: &OrderRequest) -> Result<Checked, Reason> {
    let price_fits_type = match order.order_type {
        TYPE_MARKET => order.limit_price == 0,
        TYPE_LIMIT => order.limit_price > 0 && order.limit_price <= MAX_PRICE,
        _ => false,
    };
    if !price_fits_type
        || !matches!(order.time_in_force, TIF_DAY | TIF_IOC)
        || order.flags & !(FLAG_REDUCE_ONLY | FLAG_SELL_SHORT) != 0
        || !(0..=MAX_PRICE).contains(&order.stop_distance)
    {
        return Err(Reason::Malformed);
    }
    let side = Side::from_u8(order.side).ok_or(Reason::BadSide)?;
    if !(1..=MAX_QUANTITY).contains(&order.quantity) {
        return Err(Reason::BadQuantity);
    }
    let marked_short = order.flags & FLAG_SELL_SHORT != 0;
    if marked_short && (side == Side::Buy || order.flags & FLAG_REDUCE_ONLY != 0) {
        return Err(Reason::ShortMarking);
    }
    Ok(Checked {
        side,
        quantity: order.quantity,
        requested: order.quantity,
        limit_price: order.limit_price,
        stop_distance: order.stop_distance,
        strategies: order.strategies,
        flags: order.flags,
        order_type: order.order_type,
        time_in_force: order.time_in_force,
    })
}

/// Outside so many basis points of `around`, exactly.
#[inline]
const fn outside(price: i64, around: i64, basis_points: u32) -> bool {
    // Prices are at most 10^13, so no product leaves 64 bits.
    let scaled = price * BP as i64;
    scaled > around * (BP + basis_points) as i64 || scaled < around * (BP - basis_points) as i64
}

/// An order's limit outside the wide collar; a market order and an instrument without any price are not checked.
#[inline]
pub(crate) const fn outside_wide(limit_price: i64, around: i64) -> bool {
    limit_price > 0 && around > 0 && outside(limit_price, around, WIDE_COLLAR_BP)
}

/// An opening order's limit, or the touch that a market order would trade at (0 = none), outside the collar.
#[inline]
pub(crate) const fn outside_collar(limit_price: i64, touch: i64, reference: i64) -> bool {
    let price = if limit_price > 0 { limit_price } else { touch };
    price > 0 && outside(price, reference, COLLAR_BP)
}

/// Why nothing of this instrument may be opened.
#[inline]
const fn instrument_state(gate: &Gate) -> Option<Reason> {
    // One comparison for all that is well.
    if gate.flags & !TABLE == TRADABLE {
        return None;
    }
    Some(if gate.flags & TRADABLE == 0 {
        Reason::NotTradable
    } else if gate.flags & RESTRICTED != 0 {
        Reason::Restricted
    } else if gate.flags & HALTED != 0 {
        Reason::InstrumentHalted
    } else {
        debug_assert!(gate.flags & VENUE_HALTED != 0, "the one flag that is left");
        Reason::VenueHalted
    })
}

impl Engine {
    /// Why nothing at all can be sent: checks 6 and 7.
    #[inline]
    pub(crate) const fn closed(&self) -> Option<Reason> {
        if !self.venue_up {
            return Some(Reason::VenueDown);
        }
        match self.session_state {
            SessionState::Open | SessionState::Break => None,
            _ => Some(Reason::SessionClosed),
        }
    }

    /// Why nothing may be opened, whatever the instrument: check 12.
    #[inline]
    pub(crate) fn barred(&self) -> Option<Reason> {
        if self.kill.is_some() {
            return Some(Reason::Killed);
        }
        if self.halts != 0 {
            return self.halt();
        }
        if self.holds != 0 {
            return Some(if self.is_held(Hold::LinkLost) {
                Reason::LinkLost
            } else {
                Reason::ReduceOnly
            });
        }
        (self.session_state == SessionState::Break).then_some(Reason::Halted)
    }

    /// Why nothing of this instrument may be opened for these strategies: check 13.
    #[inline]
    pub(crate) fn barred_here(&self, index: usize, strategies: u64) -> Option<Reason> {
        if let Some(reason) = instrument_state(&self.book.gates[index]) {
            return Some(reason);
        }
        // An order that names no strategy may be anyone's.
        let strategies = if strategies == 0 {
            u64::MAX
        } else {
            strategies
        };
        if strategies & self.halted_strategies != 0 {
            return Some(Reason::StrategyHalted);
        }
        (!self.unreferenced.is_empty()).then_some(Reason::ReferenceMissing)
    }

    /// Check 15.
    #[inline]
    pub(crate) fn unpriced(&self, gate: &Gate) -> Option<Reason> {
        if gate.reference == 0 {
            return Some(Reason::NoPrice);
        }
        // A price from the future is as wrong as an old one.
        (self.now_ns.abs_diff(gate.price_ts) > MAX_PRICE_AGE_NS as u64)
            .then_some(Reason::StalePrice)
    }

    /// Checks 2 to 7, 12, 13, 15 and 16 for an order that opens, without deciding anything: state, instrument, lot, tick,
    /// quantity and collar. `Reason::None` does not mean that the order would be accepted: no limit was looked at.
    #[inline]
    #[must_use]
    pub fn check_basic(&self, order: &OrderRequest) -> Reason {
        let checked = match check_fields(order) {
            Ok(checked) => checked,
            Err(reason) => return reason,
        };
        let Some(index) = self.book.find(order.instrument_id) else {
            return Reason::UnknownInstrument;
        };
        let gate = &self.book.gates[index];
        if !gate.is_on_tick(checked.limit_price) {
            return Reason::BadTick;
        }
        if !gate.is_whole(checked.quantity) {
            return Reason::BadLot;
        }
        if let Some(reason) = self
            .closed()
            .or_else(|| self.barred())
            .or_else(|| self.barred_here(index, checked.strategies))
            .or_else(|| self.unpriced(gate))
        {
            return reason;
        }
        let touch = if checked.limit_price == 0 {
            self.touch(index, checked.side)
        } else {
            0
        };
        if outside_collar(checked.limit_price, touch, gate.reference) {
            return Reason::Collar;
        }
        Reason::None
    }

    /// What a market order of this side would trade at first; 0 = nothing is known.
    #[inline]
    pub(crate) fn touch(&self, index: usize, side: Side) -> i64 {
        let instrument = &self.book.instruments[index];
        match side {
            Side::Buy => instrument.ask,
            Side::Sell => instrument.bid,
        }
    }
}
