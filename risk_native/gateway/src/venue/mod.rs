//! The venue's side: typed commands out, typed events in, FIX 4.4 in between.
//!
//! Nothing is ever queued for a venue that is not there. A command belongs to one connection (its *epoch*); what a dead
//! connection has not sent is dropped, and the mass status of the next one says what became of it.

mod address;
#[cfg(test)]
mod fuzz;
mod inbound;
mod number;
mod outbound;
mod sequence;
mod session;
mod socket;
#[cfg(test)]
mod stalled;
mod trace;

pub use address::read_address;
pub use sequence::Sequences;
pub use session::{Venue, VenueConfig};

use dnalyaw_engine::{FLAG_SELL_SHORT, Reason, Side};
use dnalyaw_frames::Path;

/// Nothing but this target may replace the wall clock by a replayed one.
pub const SIMULATED_TARGET: &str = "SIMVENUE";

/// FIX Side (54): a short sale is marked as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueSide {
    Buy,
    Sell,
    SellShort,
}

impl VenueSide {
    /// Of an order with these flags.
    pub fn of(side: Side, flags: u8) -> Self {
        match side {
            Side::Buy => Self::Buy,
            Side::Sell if flags & FLAG_SELL_SHORT != 0 => Self::SellShort,
            Side::Sell => Self::Sell,
        }
    }
}

/// What the core asks of the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    NewOrder {
        cl_ord_id: String,
        instrument_id: u64,
        symbol: String,
        side: VenueSide,
        quantity: i64,
        /// `None` for a market order.
        limit_price: Option<i64>,
        immediate_or_cancel: bool,
        /// Which way to the market.
        path: Path,
        /// Decided with the kill switch thrown, so that it can only reduce: the latch does not hold it up.
        cleared: bool,
        ts_ns: i64,
    },
    Cancel {
        cl_ord_id: String,
        orig_cl_ord_id: String,
        instrument_id: u64,
        symbol: String,
        side: VenueSide,
        quantity: i64,
        ts_ns: i64,
    },
    Replace {
        cl_ord_id: String,
        orig_cl_ord_id: String,
        instrument_id: u64,
        symbol: String,
        side: VenueSide,
        /// The new total.
        quantity: i64,
        limit_price: Option<i64>,
        immediate_or_cancel: bool,
        /// The order's.
        path: Path,
        /// As of a new order.
        cleared: bool,
        ts_ns: i64,
    },
    MassStatus {
        request_id: String,
    },
    Positions {
        request_id: String,
        session: u32,
        ts_ns: i64,
    },
    Collateral {
        request_id: String,
    },
    MarketData {
        request_id: String,
        symbols: Vec<String>,
    },
    /// Asks the venue to cancel every working order when this connection ends.
    CancelOnDisconnect {
        request_id: String,
    },
}

impl Command {
    /// Whether it creates exposure, so that losing it leaves a fate to find out.
    pub fn is_order(&self) -> bool {
        matches!(self, Command::NewOrder { .. } | Command::Replace { .. })
    }

    /// The order that may be kept back: by a thrown kill switch, or because it is late. Cancels never are, nor what closes
    /// under a thrown switch.
    pub fn may_be_withheld(&self) -> Option<&str> {
        match self {
            Command::NewOrder {
                cl_ord_id,
                cleared: false,
                ..
            }
            | Command::Replace {
                cl_ord_id,
                cleared: false,
                ..
            } => Some(cl_ord_id),
            _ => None,
        }
    }
}

/// One report on one order. Prices and money in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionReport {
    /// The order's own ClOrdID, whichever tag carried it.
    pub cl_ord_id: String,
    /// ClOrdID (11) as it stands: of a cancel's or a modification's report, the request's own.
    pub own_cl_ord_id: String,
    pub exec_id: String,
    /// In a mass status: the ExecID of the order's last fill.
    pub exec_ref_id: String,
    /// SecurityID, where it is a number.
    pub instrument_id: Option<u64>,
    pub symbol: String,
    /// FIX Side (54).
    pub side: u8,
    /// FIX Price (44) of a limit order, else 0.
    pub limit_price: i64,
    /// FIX ExecType (150).
    pub exec_type: u8,
    /// FIX OrdStatus (39).
    pub ord_status: u8,
    pub order_quantity: i64,
    pub last_quantity: i64,
    pub last_price: i64,
    pub cumulative_quantity: i64,
    pub leaves_quantity: i64,
    pub average_price: i64,
    /// Of this fill; in a mass status, of the order.
    pub fee: i64,
    pub ts_ns: i64,
    pub text: String,
    /// Reports of a mass status: the request, their total, and whether this is the last.
    pub mass_status: Option<MassStatusPart>,
}

/// A cancel or a modification that the venue refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelRefusal {
    /// The request's own ClOrdID.
    pub cl_ord_id: String,
    /// It was a modification.
    pub replace: bool,
    pub orig_cl_ord_id: String,
    pub ord_status: u8,
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MassStatusPart {
    pub request_id: String,
    pub total: i64,
    pub last: bool,
}

/// One price of one instrument in a market data message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceEntry {
    pub instrument_id: u64,
    pub kind: EntryKind,
    /// 0 when the side is gone.
    pub price: i64,
    pub ts_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Bid,
    Ask,
    Last,
}

/// A state of the venue's trading session, as `h` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionReport {
    pub state: dnalyaw_engine::SessionState,
    /// `Some((session, clock))` when the text says SIMULATED; whether to believe it is the core's decision.
    pub simulated: Option<(u32, i64)>,
}

/// What the venue told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Logged on; commands of this epoch are sent from now on.
    Up {
        epoch: u64,
    },
    /// The connection of this epoch is over.
    Down {
        epoch: u64,
        why: String,
    },
    /// An order that did not leave: the kill switch was thrown after its decision (KILLED), or the venue took nothing for
    /// too long (VENUE_DOWN).
    Withheld {
        cl_ord_id: String,
        reason: Reason,
    },
    Execution(ExecutionReport),
    CancelRejected(CancelRefusal),
    PositionsTotal {
        request_id: String,
        total: i64,
    },
    Position {
        request_id: String,
        instrument_id: u64,
        quantity: i64,
        settlement_price: i64,
    },
    Collateral {
        request_id: String,
        cash: i64,
        currency: String,
    },
    /// The venue's answer about cancelling when the connection ends.
    CancelOnDisconnect {
        request_id: String,
        granted: bool,
        text: String,
    },
    /// A snapshot replaces everything known of its instruments.
    Prices {
        snapshot: bool,
        entries: Vec<PriceEntry>,
    },
    Session(SessionReport),
    /// A message that should mean something and cannot be read: what it said must be asked again.
    Unreadable {
        msg_type: String,
        why: String,
    },
    /// The venue refused a message as such (3 or j).
    Refused {
        msg_type: String,
        text: String,
    },
}

/// An event with the place it took in the venue's stream: the core marks it as done once it is journaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub event: Event,
    /// Numbering of the stream (changes at a reset) and MsgSeqNum; `None` for what is not a message.
    pub place: Option<(u64, u64)>,
}
