//! What may be read of the engine.

use engine::Used;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::names::trading_state_name;
use crate::risk_engine::RiskEngine;

fn used<'py>(py: Python<'py>, used: &Used) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("amount", used.amount)?;
    dict.set_item("limit", used.limit)?;
    dict.set_item("share_bp", used.share_bp)?;
    Ok(dict)
}

#[pymethods]
impl RiskEngine {
    /// Trading state, reason, session, equity, baseline, cash (millionths; None = not known) and drawdown.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = self.engine.state_report();
        let dict = PyDict::new(py);
        dict.set_item("trading_state", trading_state_name(report.trading_state))?;
        dict.set_item("reason", report.reason.name())?;
        dict.set_item("session", report.session)?;
        dict.set_item("equity_micro", self.engine.equity())?;
        dict.set_item(
            "baseline_micro",
            self.engine.baseline().map(|baseline| baseline.equity),
        )?;
        dict.set_item("cash_micro", self.engine.cash())?;
        dict.set_item("flows_micro", self.engine.flows())?;
        dict.set_item("drawdown_bp", report.drawdown_bp)?;
        Ok(dict)
    }

    /// Signed shares by instrument, zeros left out.
    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for position in self.engine.positions() {
            dict.set_item(position.instrument_id, position.quantity)?;
        }
        Ok(dict)
    }

    /// Shares that still work, by order id.
    fn working<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for order in self.engine.working_orders() {
            dict.set_item(order.order_id, order.quantity - order.cumulative_quantity)?;
        }
        Ok(dict)
    }

    /// Exposures and their share of each limit.
    fn utilisation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let use_of = self.engine.utilisation();
        let issuers = use_of
            .issuers
            .iter()
            .map(|one| {
                let dict = used(py, &one.used)?;
                dict.set_item("issuer_id", one.issuer_id)?;
                Ok(dict)
            })
            .collect::<PyResult<Vec<_>>>()?;
        let sectors = use_of
            .sectors
            .iter()
            .map(|one| {
                let dict = used(py, &one.used)?;
                dict.set_item("sector", one.sector.as_deref())?;
                Ok(dict)
            })
            .collect::<PyResult<Vec<_>>>()?;
        let dict = PyDict::new(py);
        dict.set_item("issuers", issuers)?;
        dict.set_item("sectors", sectors)?;
        dict.set_item("gross", used(py, &use_of.gross)?)?;
        dict.set_item("net", used(py, &use_of.net)?)?;
        dict.set_item("drawdown", used(py, &use_of.drawdown)?)?;
        dict.set_item("buying_power", used(py, &use_of.buying_power)?)?;
        dict.set_item("orders", used(py, &use_of.orders)?)?;
        Ok(dict)
    }
}
