//! `dnalyaw._native`: the risk engine for research and backtests, the same code that decides in production.
#![forbid(unsafe_code)]

mod batch;
mod constants;
mod control;
mod decision;
mod names;
mod orders;
mod position;
mod reference;
mod risk_engine;
mod sizing;
mod stress;
mod tighter;
mod views;

use pyo3::prelude::*;

/// The compiled parts of Dnalyaw.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    /// Risk: the constant limits, the sizing functions and the engine itself.
    #[pymodule]
    mod risk {
        #[pymodule_export]
        use crate::constants::{limits, reasons};
        #[pymodule_export]
        use crate::position::{half_kelly, size_position};
        #[pymodule_export]
        use crate::risk_engine::RiskEngine;
        #[pymodule_export]
        use crate::sizing::largest_quantity;
        #[pymodule_export]
        use crate::stress::stress;
    }

    /// Makes `import dnalyaw._native.risk` work: an extension module is no package in which to look for a file.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let risk = module.getattr("risk")?;
        let name = "dnalyaw._native.risk";
        risk.setattr("__name__", name)?;
        module
            .py()
            .import("sys")?
            .getattr("modules")?
            .set_item(name, risk)
    }
}
