//! A decision as a dict, and many decisions as columns: one table of fields for both.

use engine::Decision;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::names::{kind_name, session_state_name, trading_state_name};

/// A number of a decision.
type Field = (&'static str, fn(&Decision) -> i64);

/// Every number of a decision, by the name that Python knows it under. Codes of the wire where a dict has names.
pub(crate) const FIELDS: &[Field] = &[
    ("order_id", |d| d.order_id as i64),
    ("instrument_id", |d| d.instrument_id as i64),
    ("decision", |d| d.kind as i64),
    ("reason", |d| i64::from(d.reason.code())),
    ("requested_quantity", |d| d.requested_quantity),
    ("approved_quantity", |d| d.approved_quantity),
    ("reference_price_micro", |d| d.reference_price),
    ("equity_micro", |d| d.equity),
    ("instrument_worst_case_micro", |d| d.instrument_worst_case),
    ("binding_limit", |d| d.binding_limit),
    // The bits of an unsigned number: the first eight bytes of the hash.
    ("limits_hash", |d| d.limits_hash as i64),
    ("trading_state", |d| d.metrics.trading_state as i64),
    ("session_state", |d| d.metrics.session_state as i64),
    ("venue_up", |d| i64::from(d.metrics.venue_up)),
    ("position", |d| d.metrics.position),
    ("working_buys", |d| d.metrics.working_buys),
    ("working_sells", |d| d.metrics.working_sells),
    ("traded", |d| d.metrics.traded),
    ("bid_micro", |d| d.metrics.bid),
    ("ask_micro", |d| d.metrics.ask),
    ("last_micro", |d| d.metrics.last),
    ("price_ts_ns", |d| d.metrics.price_ts_ns),
    ("stop_level_micro", |d| d.metrics.stop_level),
    ("risk_per_share_micro", |d| d.metrics.risk_per_share),
    ("cash_micro", |d| d.metrics.cash),
    ("second_equity_micro", |d| d.metrics.second_equity),
    ("baseline_micro", |d| d.metrics.baseline),
    ("flows_micro", |d| d.metrics.flows),
    ("drawdown_bp", |d| i64::from(d.metrics.drawdown_bp)),
    ("issuer_exposure_micro", |d| d.metrics.issuer_exposure),
    ("sector_exposure_micro", |d| d.metrics.sector_exposure),
    ("gross_exposure_micro", |d| d.metrics.gross_exposure),
    ("net_long_micro", |d| d.metrics.net_long),
    ("net_short_micro", |d| d.metrics.net_short),
    ("buying_power_micro", |d| d.metrics.buying_power),
    ("working_orders", |d| i64::from(d.metrics.working_orders)),
];

/// One decision, names where there are names.
pub(crate) fn decision_dict<'py>(
    py: Python<'py>,
    decision: &Decision,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in FIELDS {
        dict.set_item(name, value(decision))?;
    }
    let metrics = &decision.metrics;
    dict.set_item("order_id", decision.order_id)?;
    dict.set_item("instrument_id", decision.instrument_id)?;
    dict.set_item("limits_hash", decision.limits_hash)?;
    dict.set_item("decision", kind_name(decision.kind))?;
    dict.set_item("reason", decision.reason.name())?;
    dict.set_item("trading_state", trading_state_name(metrics.trading_state))?;
    dict.set_item("session_state", session_state_name(metrics.session_state))?;
    dict.set_item("venue_up", metrics.venue_up)?;
    Ok(dict)
}
