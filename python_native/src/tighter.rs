//! A deployment's limits as a mapping: what the file has that riskd is started with.

use engine::{Money, TighterLimits, TighterSpec};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reference::refuse;

fn number<T>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<T>>
where
    T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>,
{
    value
        .extract()
        .map(Some)
        .map_err(|error: PyErr| refuse(format!("tighter, {name}: {error}")))
}

/// The constants, tightened by the mapping when there is one. A name that riskd would refuse is refused here too.
pub(crate) fn limits_of(mapping: Option<&Bound<'_, PyDict>>) -> PyResult<TighterLimits> {
    let mut spec = TighterSpec::default();
    for (name, value) in mapping.into_iter().flatten() {
        let name: String = name.extract()?;
        match name.as_str() {
            "instrument_bp" => spec.instrument_bp = number(&name, &value)?,
            "sector_bp" => spec.sector_bp = number(&name, &value)?,
            "drawdown_bp" => spec.drawdown_bp = number(&name, &value)?,
            "trade_risk_bp" => spec.trade_risk_bp = number(&name, &value)?,
            "gross_bp" => spec.gross_bp = number(&name, &value)?,
            "net_bp" => spec.net_bp = number(&name, &value)?,
            "participation_bp" => spec.participation_bp = number(&name, &value)?,
            "order_quantity" => spec.order_quantity = number(&name, &value)?,
            "order_notional_micro" => {
                let micro: Option<i64> = number(&name, &value)?;
                spec.order_notional = micro.map(money).transpose()?;
            }
            "message_rate" => spec.message_rate = number(&name, &value)?,
            _ => return Err(refuse(format!("tighter: no limit is called {name:?}"))),
        }
    }
    TighterLimits::new(spec).map_err(|error| refuse(format!("tighter: {error}")))
}

fn money(micro: i64) -> PyResult<Money> {
    Money::new(micro).ok_or_else(|| {
        refuse(format!(
            "tighter: order_notional_micro {micro} is too large"
        ))
    })
}
