//! What goes into the engine and what comes out.

use crate::reason::Reason;

/// Order ids from here on are the engine's own (closing orders of a flatten). What arrives from outside must stay below.
pub const OWN_ORDER_ID_BASE: u64 = 1 << 62;

/// One instrument of the reference file, as the gateway read it. [`crate::Engine::new`] checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentReference {
    /// Permanent id, positive.
    pub instrument_id: u64,
    /// Instruments of one issuer count together.
    pub issuer_id: u64,
    /// `None` = unknown: all of them share one bucket.
    pub sector: Option<String>,
    /// Shares a lot, positive.
    pub lot: i64,
    /// Price step in millionths; 0 = the venue's own table decides and the engine does not check.
    pub tick_micro: i64,
    /// False: only closing is possible.
    pub tradable: bool,
    /// Daily volatility in basis points, the floor of a stop's distance; 0 = unknown (the whole notional counts as risk).
    pub volatility_bp: u32,
}

/// Why a reference was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceError {
    /// The instrument at fault.
    pub instrument_id: u64,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl core::fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "reference: instrument {}: {}",
            self.instrument_id, self.problem
        )
    }
}

impl std::error::Error for ReferenceError {}

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
    /// Bit 0 = [`FLAG_REDUCE_ONLY`].
    pub flags: u8,
}

/// The four decisions.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionKind {
    /// As asked.
    Approve = 1,
    /// Less than asked: the largest whole-lot quantity within every limit.
    Reduce = 2,
    /// Nothing.
    Reject = 3,
    /// A closing order of the kill switch.
    Flatten = 4,
}

/// What was decided and on what grounds. Money and prices in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The order's id.
    pub order_id: u64,
    /// The order's instrument.
    pub instrument_id: u64,
    /// Which of the four.
    pub kind: DecisionKind,
    /// Why.
    pub reason: Reason,
    /// As asked, unchecked.
    pub requested_quantity: i64,
    /// What may be sent; 0 when rejected.
    pub approved_quantity: i64,
    /// Reference price used; 0 when there was none.
    pub reference_price: i64,
    /// Equity used; 0 when it was not known.
    pub equity: i64,
    /// Worst-case exposure of the instrument after the decision.
    pub instrument_worst_case: i64,
    /// The value of the limit that bound, or of the instrument limit when none did; 0 when equity was not known.
    pub binding_limit: i64,
    /// First eight bytes of the hash of the limits in force.
    pub limits_hash: u64,
}

impl Decision {
    /// True when something may be sent.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        self.approved_quantity > 0
    }
}

/// The venue's session state.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionState {
    /// Not told yet.
    Unknown = 0,
    /// Before the open.
    PreOpen = 1,
    /// Orders match.
    Open = 2,
    /// Lunch break or halt.
    Break = 3,
    /// After the close.
    Closed = 4,
}

/// What the engine takes at this moment.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TradingState {
    /// Everything within the limits.
    Active = 1,
    /// Only what lowers worst-case exposure.
    ReduceOnly = 2,
    /// Nothing but cancels.
    Halted = 3,
    /// The kill switch fired; reduce-only until the next session day.
    Killed = 4,
}

/// What a report of the venue says.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecKind {
    /// Acknowledged.
    New = 0,
    /// A fill; whether it is the last follows from the quantities.
    Fill = 2,
    /// Cancelled; what is left is released.
    Cancelled = 4,
    /// Rejected (or never seen by the venue); what is left is released.
    Rejected = 8,
    /// Fate unknown: the reserve stays until the venue says.
    Unknown = 9,
    /// Expired; what is left is released.
    Expired = 12,
}

/// A report on one order. `cumulative_quantity` is what counts: it makes lost, repeated and shuffled reports harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// The order's id.
    pub order_id: u64,
    /// What happened.
    pub kind: ExecKind,
    /// Shares of this fill; 0 when the report is not a fill.
    pub last_quantity: i64,
    /// Price of this fill; 0 when the report is not a fill.
    pub last_price: i64,
    /// Shares filled in the order's life so far, by the venue's count.
    pub cumulative_quantity: i64,
    /// Fees of this fill.
    pub fee: i64,
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Signed change of the position.
    pub position_change: i64,
    /// True when the order is done.
    pub finished: bool,
    /// True when the report changed nothing (a repeat, or one overtaken by a later one).
    pub repeated: bool,
    /// True when earlier fills were missed: their price was estimated, so ask the venue for cash again.
    pub ask_account: bool,
}

/// Why a report was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecError {
    /// No order with this id was accepted in this session.
    UnknownOrder,
    /// A quantity, price or fee that cannot be.
    BadReport,
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
}

/// Equity against which the session's drawdown is measured. Persist it: it is set once a session day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// `YYYYMMDD`.
    pub session: u32,
    /// Millionths, positive.
    pub equity: i64,
}

/// A fired kill switch. Persist it: it holds until the next session day, restarts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// `YYYYMMDD` of the session it belongs to; 0 = not known yet, bound to the first one announced.
    pub session: u32,
    /// [`Reason::Drawdown`] or [`Reason::Operator`].
    pub reason: Reason,
}

/// A closing order that the gateway must submit with [`crate::Engine::decide_close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseOrder {
    /// What to close.
    pub instrument_id: u64,
    /// Sell closes a long, buy covers a short.
    pub side: Side,
    /// Shares, exactly what is left to close.
    pub quantity: i64,
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Cancel these orders, then submit these closing market orders. Each is named once; poll again after reports.
    Flatten {
        /// Why the switch fired.
        reason: Reason,
        /// Ids of working orders to cancel.
        cancels: Vec<u64>,
        /// Positions to close.
        closes: Vec<CloseOrder>,
    },
}

/// The numbers of a STATE message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateReport {
    /// What is taken now.
    pub trading_state: TradingState,
    /// Why, when not active; when active, the limit that some issuer or sector is past.
    pub reason: Reason,
    /// Is there a venue session.
    pub venue_up: bool,
    /// The venue's session state.
    pub session_state: SessionState,
    /// `YYYYMMDD`, 0 = unknown.
    pub session: u32,
    /// 0 when not known.
    pub equity: i64,
    /// 0 when not set.
    pub baseline: i64,
    /// 0 when not known.
    pub cash: i64,
    /// Basis points below the baseline, rounded down; negative when above it.
    pub drawdown_bp: i32,
}

/// A position with its mark (0 = no mark).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionView {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Signed shares.
    pub quantity: i64,
    /// The price it is valued at.
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
