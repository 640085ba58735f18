//! Stress scenarios from Python.

use engine::Stressed;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reference::refuse;
use crate::risk_engine::RiskEngine;

fn row<'py>(py: Python<'py>, stressed: &Stressed) -> PyResult<Bound<'py, PyDict>> {
    let breaks = stressed
        .breaks
        .iter()
        .map(|broken| {
            let dict = PyDict::new(py);
            dict.set_item("limit", broken.reason.name())?;
            dict.set_item(
                "issuer_id",
                (broken.issuer_id > 0).then_some(broken.issuer_id),
            )?;
            dict.set_item("sector", broken.sector.as_deref())?;
            dict.set_item("amount_micro", broken.amount)?;
            dict.set_item("limit_micro", broken.limit)?;
            Ok(dict)
        })
        .collect::<PyResult<Vec<_>>>()?;
    let stuck = PyDict::new(py);
    for (instrument_id, quantity) in &stressed.stuck {
        stuck.set_item(instrument_id, quantity)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("scenario", stressed.shock.name())?;
    dict.set_item("equity_micro", stressed.equity)?;
    dict.set_item("loss_micro", stressed.loss)?;
    dict.set_item("drawdown_bp", stressed.drawdown_bp)?;
    dict.set_item("kills", stressed.kills)?;
    dict.set_item("gross_micro", stressed.gross)?;
    dict.set_item("net_micro", stressed.net)?;
    dict.set_item("stuck", stuck)?;
    dict.set_item("stuck_exposure_micro", stressed.stuck_exposure)?;
    dict.set_item("breaks", breaks)?;
    Ok(dict)
}

/// The engine's book under every stress scenario. See `dnalyaw/_native/risk.pyi`.
#[pyfunction]
pub(crate) fn stress<'py>(
    py: Python<'py>,
    engine: &RiskEngine,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    engine::stress(&engine.engine, &engine.reference)
        .map_err(|error| refuse(error.to_string()))?
        .iter()
        .map(|stressed| row(py, stressed))
        .collect()
}
