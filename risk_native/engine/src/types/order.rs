//! Orders and modifications as they arrive, and orders as they work.

/// Order ids from here on are the engine's own (closing orders). What arrives from outside must stay below.
pub const OWN_ORDER_ID_BASE: u64 = 1 << 62;

/// Order ids from here on are given by riskd to orders found at the venue that nobody here placed.
pub const FOREIGN_ORDER_ID_BASE: u64 = 3 << 62;

/// True for a closing order of the engine's own.
#[must_use]
pub const fn is_own_order(order_id: u64) -> bool {
    order_id >= OWN_ORDER_ID_BASE && order_id < FOREIGN_ORDER_ID_BASE
}

/// Buy or sell.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Adds shares.
    Buy = 1,
    /// Takes shares away.
    Sell = 2,
}

impl Side {
    /// From the wire's byte.
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Side> {
        match value {
            1 => Some(Side::Buy),
            2 => Some(Side::Sell),
            _ => None,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// `shares` as a change of the position.
    #[must_use]
    pub const fn signed(self, shares: i64) -> i64 {
        match self {
            Side::Buy => shares,
            Side::Sell => -shares,
        }
    }
}

/// `order_type` of a market order.
pub const TYPE_MARKET: u8 = 1;
/// `order_type` of a limit order.
pub const TYPE_LIMIT: u8 = 2;
/// `time_in_force` of a day order.
pub const TIF_DAY: u8 = 0;
/// `time_in_force` of an immediate-or-cancel order.
pub const TIF_IOC: u8 = 3;
/// Bit of `flags`: the order may only reduce.
pub const FLAG_REDUCE_ONLY: u8 = 1;
/// Bit of `flags`: the order is marked as a short sale.
pub const FLAG_SELL_SHORT: u8 = 2;

/// An order as it arrived: nothing in it is believed yet, so a bad byte gets a REJECT and not a closed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRequest {
    /// Strictly increasing, below [`OWN_ORDER_ID_BASE`].
    pub order_id: u64,
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Whole shares.
    pub quantity: i64,
    /// Millionths; 0 for a market order.
    pub limit_price: i64,
    /// Distance from entry to stop in price units (millionths); 0 = none.
    pub stop_distance: i64,
    /// 1 buy, 2 sell.
    pub side: u8,
    /// [`TYPE_MARKET`] or [`TYPE_LIMIT`].
    pub order_type: u8,
    /// [`TIF_DAY`] or [`TIF_IOC`].
    pub time_in_force: u8,
    /// [`FLAG_REDUCE_ONLY`], [`FLAG_SELL_SHORT`].
    pub flags: u8,
    /// Bit i = the reference's `strategies[i]` has a part in it.
    pub strategies: u64,
}

/// A modification as it arrived. Side, type, time in force, flags and strategies are those of the order that it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplaceRequest {
    /// The modification's own id, from the same increasing run as the orders'.
    pub order_id: u64,
    /// The working order that it changes.
    pub original_id: u64,
    /// New total quantity, what has filled included.
    pub quantity: i64,
    /// New limit; 0 for a market order.
    pub limit_price: i64,
    /// Distance to the stop; 0 = none offered.
    pub stop_distance: i64,
}

/// An order found at the venue or in the journal that must be reserved without being decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptedOrder {
    /// The order's id.
    pub order_id: u64,
    /// The order's instrument.
    pub instrument_id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Approved quantity.
    pub quantity: i64,
    /// Already filled, and already in the position.
    pub cumulative_quantity: i64,
    /// Limit, or 0 for a market order.
    pub limit_price: i64,
}

/// A working order, as the engine keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingOrder {
    /// The order's id.
    pub order_id: u64,
    /// The order's instrument.
    pub instrument_id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Approved quantity.
    pub quantity: i64,
    /// Filled so far.
    pub cumulative_quantity: i64,
    /// The price at which what is left is reserved.
    pub reserve_price: i64,
    /// Limit, or 0 for a market order.
    pub limit_price: i64,
    /// A cancel was asked for.
    pub cancel_requested: bool,
    /// The venue has not said what became of it.
    pub fate_unknown: bool,
    /// The modification that the venue has not answered; 0 = none.
    pub replacement_id: u64,
}

/// A closing order that the gateway must submit with [`crate::Engine::decide_close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseOrder {
    /// What to close.
    pub instrument_id: u64,
    /// Sell closes a long, buy covers a short.
    pub side: Side,
    /// Shares of this slice.
    pub quantity: i64,
    /// Of the kill switch, or [`crate::Reason::Stopped`].
    pub reason: crate::Reason,
}

/// Why linked legs were not decided at all. Nothing was taken, no id counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkError {
    /// Fewer than two or more than [`crate::MAX_LEGS`] legs.
    Legs(usize),
    /// The answer has not exactly one place a leg.
    Answers(usize),
}

impl core::fmt::Display for LinkError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            LinkError::Legs(count) => {
                write!(
                    f,
                    "{count} linked legs; give 2 to {}",
                    crate::limits::MAX_LEGS
                )
            }
            LinkError::Answers(count) => {
                write!(f, "room for {count} decisions; give one a leg")
            }
        }
    }
}

impl std::error::Error for LinkError {}
