//! What can happen to both, engine and reference.

use dnalyaw_engine::{AdoptedOrder, Execution, OrderRequest, ReplaceRequest, SessionState};

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Event {
    Order(OrderRequest),
    Linked(Vec<OrderRequest>),
    Replace(ReplaceRequest),
    Replaced(u64),
    ReplaceRefused(u64),
    Report(Execution),
    Cancel(u64),
    Adopt(AdoptedOrder),
    Price {
        instrument: u64,
        bid: i64,
        ask: i64,
        last: i64,
        ts: i64,
    },
    Settlement(u64, i64),
    Clock(i64),
    Monotonic(i64),
    Session(SessionState, u32),
    Venue(bool),
    /// The positions that are named, and whether the report is brought to its end.
    Positions(Vec<(u64, i64)>, bool),
    Position(u64, i64),
    Account(i64),
    Flow(i64),
    FirmRate(Option<i64>),
    Halt(u16, bool),
    Hold(u16, bool),
    HaltInstrument(u64, bool),
    HaltVenue(&'static str, bool),
    HaltStrategies(u64),
    Kill,
    Rearm,
    /// Ask what is wanted and do it.
    Poll,
}
