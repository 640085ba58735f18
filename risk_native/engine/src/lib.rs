//! The pre-trade risk engine: four constant limits, four decisions, no I/O.
//!
//! Everything is fixed point: prices and money in millionths of the currency unit (`i64`), products in 128 bits. The engine
//! keeps the worst case (positions plus any subset of working orders filling, market orders at the collar) as running
//! aggregates per instrument, issuer and sector, so that a decision costs the same however many orders rest.
#![forbid(unsafe_code)]

mod book;
mod decide;
mod engine;
mod executions;
mod kill;
mod limits;
mod max_tree;
mod order_table;
mod reason;
mod sizing;
mod types;
mod units;
mod views;

pub use book::Aggregates;
pub use engine::Engine;
pub use limits::*;
pub use reason::Reason;
pub use sizing::{
    Sized, SizingInputs, buying_power, collar_high, collar_low, largest_quantity, risk_per_share,
    share_of,
};
pub use types::*;
pub use units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MICRO, Money, Price, Quantity};
