//! The constants and the reason codes, for reports and for tests that hold Python to them.

use pyo3::prelude::*;
use pyo3::types::PyDict;

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The limits that nothing changes, in basis points, and the hash that names them.
#[pyfunction]
pub(crate) fn limits(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("instrument_bp", engine::INSTRUMENT_LIMIT_BP)?;
    dict.set_item("sector_bp", engine::SECTOR_LIMIT_BP)?;
    dict.set_item("drawdown_bp", engine::DRAWDOWN_LIMIT_BP)?;
    dict.set_item("trade_risk_bp", engine::TRADE_RISK_LIMIT_BP)?;
    dict.set_item("collar_bp", engine::COLLAR_BP)?;
    dict.set_item("fee_margin_bp", engine::FEE_MARGIN_BP)?;
    dict.set_item("max_price_age_ns", engine::MAX_PRICE_AGE_NS)?;
    dict.set_item("hash", hex(&engine::limits_hash()))?;
    Ok(dict)
}

/// Every reason code: code, name, explanation, what it does to an opening and to a reducing order.
#[pyfunction]
pub(crate) fn reasons(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    engine::Reason::ALL
        .iter()
        .map(|reason| {
            let dict = PyDict::new(py);
            dict.set_item("code", reason.code())?;
            dict.set_item("name", reason.name())?;
            dict.set_item("explanation", reason.explanation())?;
            dict.set_item("opening", reason.on_opening())?;
            dict.set_item("reducing", reason.on_reducing())?;
            Ok(dict)
        })
        .collect()
}
