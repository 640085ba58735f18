//! The pre-trade risk engine: constant limits, four decisions, no I/O. `docs/risk-engine.md` is its specification.
//!
//! Everything is fixed point: prices and money in millionths of the currency unit (`i64`), products in 128 bits. The engine
//! keeps the worst case (positions plus any subset of working orders filling, market orders at the collar) as running
//! aggregates per instrument, issuer, sector and book, so that a decision costs the same however many orders rest. Nothing is
//! allocated after construction, views aside.
#![forbid(unsafe_code)]

mod accept;
mod account;
mod aggregates;
mod arithmetic;
mod book;
mod caps;
mod checks;
mod conclude;
mod decide;
mod engine;
mod equity;
mod executions;
mod flows;
mod heap;
mod ids;
mod instrument;
mod kill;
mod limits;
mod linked;
mod min_tree;
mod money_checks;
mod order_index;
mod orders;
mod prices;
mod reason;
mod recovery;
mod replace;
mod shadow;
mod sizing;
mod state_hash;
mod stops;
mod stress;
mod throttle;
mod tick;
mod tighter;
mod types;
mod units;
mod utilisation;
mod views;

pub use aggregates::Aggregates;
pub use arithmetic::share_of;
pub use engine::Engine;
pub use limits::*;
pub use reason::Reason;
pub use shadow::Shadow;
pub use sizing::{
    Sized, SizingInputs, buying_power, collar_high, collar_low, largest_quantity, risk_per_share,
};
pub use stress::{Break, SECTOR_DOWN_BP, Shock, Stressed, UnknownEquity, stress};
pub use tighter::*;
pub use types::*;
pub use units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MICRO, Money, Price, Quantity};
