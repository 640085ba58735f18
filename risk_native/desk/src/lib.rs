//! The risk engine in the process of a simulation: what riskd's core does between its sockets and the engine, without the
//! sockets, the journal and the threads. Pure: no I/O, no clock of its own.
//!
//! [`Desk`] takes what happens as riskd's core takes it, and wants the same done: it is what a backtest decides with. Where it
//! differs from riskd is said in `docs/risk-in-process.md`. The functions of [`account`], [`day`], [`limits`] and [`strategies`]
//! drive an engine without a desk around it, as a notebook does.
#![forbid(unsafe_code)]

pub mod account;
pub mod day;
mod desk;
mod halts;
mod ids;
pub mod limits;
mod night;
mod open;
mod reports;
pub mod strategies;
mod switch;
mod verbs;

pub use dnalyaw_reference as reference;

pub use account::{Holding, Quote};
pub use desk::{Desk, Fault, Wants};
pub use halts::Scope;
pub use reference::Reference;
pub use reports::{Outcome, Report, ReportKind};
pub use switch::{Action, Phase, Settled};
pub use verbs::{CancelAnswer, OrderState};
