//! `dnalyaw._native`: the risk engine for research and backtests, the same code that decides in production.
#![forbid(unsafe_code)]

mod constants;
mod risk_engine;
mod sizing;

use pyo3::prelude::*;

/// The compiled parts of Dnalyaw: the constant limits, the sizing function and the risk engine.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::constants::{limits, reasons};
    #[pymodule_export]
    use crate::risk_engine::RiskEngine;
    #[pymodule_export]
    use crate::sizing::largest_quantity;
}
