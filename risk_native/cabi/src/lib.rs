//! The risk engine and its desk behind a C ABI: what the backtest's binary links, and nothing else.
//!
//! `include/dnalyaw_risk.h` is the contract; a test holds it against this crate. No function unwinds into its caller, none keeps
//! a pointer that it was given, and decisions, prices and fills allocate nothing.
#![deny(unsafe_code, unsafe_op_in_unsafe_fn)]

#[allow(unsafe_code, reason = "pointers come in here and nowhere else")]
pub mod boundary;
pub mod codes;
mod convert;
pub mod layout;

pub use boundary::Handle;
