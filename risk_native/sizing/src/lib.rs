//! How much: position sizing as one function, for research and for the targets that the runtime trades.
//!
//! The engine decides in fixed point whether an order may leave; this crate answers the question before it, in floating
//! point: how large a position should be wanted at all. The answer is the smallest of what half-Kelly leaves of the wish,
//! what one trade may lose at its stop (R-multiple), what its volatility may add, what its market can absorb and let go
//! again, and what the engine's own limits allow; it names the one that set it.
#![forbid(unsafe_code)]

mod constraint;
mod engine_limits;
mod error;
mod kelly;
mod lots;
mod position;

pub use constraint::Constraint;
pub use error::SizingError;
pub use kelly::{Kelly, KellyBasis, KellyConfig, half_kelly};
pub use position::{CAPS, Policy, Position, Sizing, size_position};
