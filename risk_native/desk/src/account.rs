//! One simulated account under an engine: what a venue would tell of it, told by whoever simulates the venue.

use dnalyaw_engine::{Decision, Engine, ExecKind, Execution, OrderRequest, Reason, WorkingOrder};

/// Everything now known of one instrument's market. Prices in millionths, 0 = absent; a side without shares is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quote {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Best bid.
    pub bid: i64,
    /// Best offer.
    pub ask: i64,
    /// Last trade or auction print.
    pub last: i64,
    /// The venue's clock at the update, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
}

/// A position as the venue reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holding {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Signed shares.
    pub quantity: i64,
    /// Last price by the venue, on the session's share basis, millionths; 0 = it tells none.
    pub settlement_price: i64,
}

/// Why a report on a working order cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFault {
    /// No order works under this id.
    NotWorking(u64),
    /// More shares than are left.
    TooMany {
        /// The order.
        order_id: u64,
        /// Shares of the fill.
        quantity: i64,
        /// Shares that are left.
        left: i64,
    },
}

impl core::fmt::Display for OrderFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotWorking(order_id) => write!(f, "no working order has the id {order_id}"),
            Self::TooMany {
                order_id,
                quantity,
                left,
            } => write!(
                f,
                "order {order_id}: a fill of {quantity} is more than the {left} that are left"
            ),
        }
    }
}

impl std::error::Error for OrderFault {}

/// An account that starts flat and reconciled, at a venue that is there.
pub fn open(engine: &mut Engine, firm_rate: Option<i64>) {
    engine.on_venue(true);
    engine.positions_complete();
    engine.set_firm_rate(firm_rate);
}

/// Takes a price; a replayed clock moves with it. False when the reference does not have the instrument.
pub fn price(engine: &mut Engine, quote: &Quote) -> bool {
    engine.on_clock(quote.ts_ns);
    let Quote {
        instrument_id,
        bid,
        ask,
        last,
        ts_ns,
    } = *quote;
    engine.on_price(instrument_id, bid, ask, last, ts_ns)
}

fn working(engine: &Engine, order_id: u64) -> Result<WorkingOrder, OrderFault> {
    engine
        .order(order_id)
        .ok_or(OrderFault::NotWorking(order_id))
}

/// The report of `quantity` more shares of a working order.
///
/// # Errors
/// See [`OrderFault`].
pub fn fill(
    engine: &Engine,
    order_id: u64,
    quantity: i64,
    price: i64,
    fee: i64,
) -> Result<Execution, OrderFault> {
    let order = working(engine, order_id)?;
    let left = order.quantity - order.cumulative_quantity;
    if quantity > left {
        return Err(OrderFault::TooMany {
            order_id,
            quantity,
            left,
        });
    }
    Ok(Execution {
        order_id,
        kind: ExecKind::Fill,
        last_quantity: quantity,
        last_price: price,
        cumulative_quantity: order.cumulative_quantity.saturating_add(quantity),
        fee,
    })
}

/// The report that what is left of a working order is cancelled.
///
/// # Errors
/// See [`OrderFault`].
pub fn cancelled(engine: &Engine, order_id: u64) -> Result<Execution, OrderFault> {
    let order = working(engine, order_id)?;
    Ok(told(
        order_id,
        ExecKind::Cancelled,
        order.cumulative_quantity,
    ))
}

/// A report that tells no fill.
#[must_use]
pub const fn told(order_id: u64, kind: ExecKind, cumulative_quantity: i64) -> Execution {
    Execution {
        order_id,
        kind,
        last_quantity: 0,
        last_price: 0,
        cumulative_quantity,
        fee: 0,
    }
}

/// What a fired switch or a fired stop wants done at this moment, all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flatten {
    /// Of the switch, or [`Reason::Stopped`].
    pub reason: Reason,
    /// Ids of the orders to be cancelled.
    pub cancels: Vec<u64>,
    /// Closing orders, decided.
    pub closes: Vec<(OrderRequest, Decision)>,
}

/// Takes what a fired switch or a fired stop wants done now; its closing orders count as decided. `None` when nothing is wanted.
pub fn flatten(engine: &mut Engine, now_ns: i64) -> Option<Flatten> {
    let (mut cancels, mut closes) = (Vec::new(), Vec::new());
    engine.on_clock(now_ns);
    engine.wanted_cancels(&mut cancels);
    engine.wanted_closes(&mut closes);
    if cancels.is_empty() && closes.is_empty() {
        return None;
    }
    let closes = closes
        .iter()
        .map(|close| engine.decide_close(close, now_ns))
        .collect();
    Some(Flatten {
        // Without a fired switch it is a stop that wants it.
        reason: engine.killed().map_or(Reason::Stopped, |kill| kill.reason),
        cancels,
        closes,
    })
}
