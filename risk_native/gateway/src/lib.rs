//! riskd: the pre-trade risk gateway. It decides every order, journals the decision before anything leaves, and alone
//! holds the venue session and the kill switch.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod binary;
pub mod config;
pub mod control;
pub mod core;
pub mod journal;
pub mod latch;
pub mod limits;
pub mod link;
pub mod live;
pub mod log;
pub mod metrics;
pub mod record;
/// The reference file's reader, which a backtest in a process of its own reads with as well.
pub use dnalyaw_reference as reference;
pub mod scrape;
pub mod second_wire;
pub mod server;
pub mod venue;
pub mod verify;
