//! The constants and the reason codes, for reports and for tests that hold Python to them.

use pyo3::prelude::*;
use pyo3::types::PyDict;

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The limits that nothing changes, and the hash that names them.
#[pyfunction]
pub(crate) fn limits(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    let numbers: [(&str, i64); 25] = [
        ("instrument_bp", engine::INSTRUMENT_LIMIT_BP.into()),
        ("sector_bp", engine::SECTOR_LIMIT_BP.into()),
        ("drawdown_bp", engine::DRAWDOWN_LIMIT_BP.into()),
        ("trade_risk_bp", engine::TRADE_RISK_LIMIT_BP.into()),
        ("gross_bp", engine::GROSS_LIMIT_BP.into()),
        ("net_bp", engine::NET_LIMIT_BP.into()),
        ("order_quantity", engine::ORDER_QUANTITY_LIMIT),
        ("order_notional_micro", engine::ORDER_NOTIONAL_LIMIT),
        ("participation_bp", engine::PARTICIPATION_LIMIT_BP.into()),
        ("message_rate", engine::MESSAGE_RATE_LIMIT.into()),
        ("repeat", engine::REPEAT_LIMIT as i64),
        ("collar_bp", engine::COLLAR_BP.into()),
        ("wide_collar_bp", engine::WIDE_COLLAR_BP.into()),
        ("fee_margin_bp", engine::FEE_MARGIN_BP.into()),
        ("short_margin_bp", engine::SHORT_MARGIN_BP.into()),
        ("gap_sigmas", engine::GAP_SIGMAS.into()),
        ("max_price_age_ns", engine::MAX_PRICE_AGE_NS),
        ("max_mark_age_ns", engine::MAX_MARK_AGE_NS),
        ("price_jump_bp", engine::PRICE_JUMP_BP.into()),
        ("max_spread_bp", engine::MAX_SPREAD_BP.into()),
        ("max_ahead_ns", engine::MAX_AHEAD_NS),
        ("unannounced_bp", engine::UNANNOUNCED_BP.into()),
        ("close_slice_bp", engine::CLOSE_SLICE_BP.into()),
        ("max_working_orders", engine::MAX_WORKING_ORDERS as i64),
        ("max_legs", engine::MAX_LEGS as i64),
    ];
    for (name, value) in numbers {
        dict.set_item(name, value)?;
    }
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
