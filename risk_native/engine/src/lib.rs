//! The pre-trade risk engine: four constant limits, four decisions, no I/O.
//!
//! Everything is fixed point: prices and money in millionths of the currency unit (`i64`), products in 128 bits. The engine
//! keeps the worst case (positions plus any subset of working orders filling, market orders at the collar) as running
//! aggregates per instrument, issuer and sector, so that a decision costs the same however many orders rest.
#![forbid(unsafe_code)]

mod engine;
mod limits;
mod reason;
mod types;
mod units;

pub use engine::Engine;
pub use limits::*;
pub use reason::Reason;
pub use types::*;
pub use units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MICRO, Money, Price, Quantity};
