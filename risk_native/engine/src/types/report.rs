//! What the venue reports of an order, and what that did.

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
    /// Trades were busted or corrected: the cumulative quantity is what it says, also when that is less.
    Corrected = 13,
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
    /// True when money was estimated, so ask the venue for cash again.
    pub ask_account: bool,
}

/// Why a report was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecError {
    /// No order with this id was accepted in this session, or it ended so long ago that it is forgotten: ask the venue.
    UnknownOrder,
    /// A quantity, price or fee that cannot be.
    BadReport,
}
