//! What an operator does, and what the engine wants done: halts, the kill switch, stops.

use desk::account;
use engine::{Halt, Hold, Reason, Side};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::decision::decision_dict;
use crate::names::{side_name, side_of};
use crate::reference::refuse;
use crate::risk_engine::RiskEngine;

#[pymethods]
impl RiskEngine {
    /// The operator's halt: nothing opens, closing passes.
    fn halt(&mut self, halted: bool) {
        self.engine.set_halt(Halt::Operator, halted);
    }

    /// The operator's reduce-only.
    fn reduce_only(&mut self, held: bool) {
        self.engine.set_hold(Hold::Operator, held);
    }

    /// Halts one instrument, or lets it go on.
    fn halt_instrument(&mut self, instrument_id: u64, halted: bool) -> PyResult<()> {
        if self.engine.halt_instrument(instrument_id, halted) {
            return Ok(());
        }
        Err(refuse(format!(
            "instrument {instrument_id} is not in the reference"
        )))
    }

    /// Halts every instrument of a venue, or lets them go on.
    fn halt_venue(&mut self, venue: &str, halted: bool) -> PyResult<()> {
        if self.engine.halt_venue(venue, halted) {
            return Ok(());
        }
        Err(refuse(format!(
            "no instrument of the reference trades at {venue:?}"
        )))
    }

    /// Exactly these strategies are halted.
    fn halt_strategies(&mut self, names: Vec<String>) -> PyResult<()> {
        let mask = self.mask(&names)?;
        self.engine.halt_strategies(mask);
        Ok(())
    }

    /// The operator's kill switch.
    fn kill(&mut self) {
        self.engine.kill(Reason::Operator);
    }

    /// Arms a fired switch again; after a drawdown not in the same session.
    fn rearm(&mut self) -> PyResult<()> {
        self.engine
            .rearm()
            .map_err(|error| refuse(error.to_string()))
    }

    /// What a fired switch or a fired stop wants done now, or None: ids to cancel and closing orders, which count as decided.
    fn flatten<'py>(
        &mut self,
        py: Python<'py>,
        now_ns: i64,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(wanted) = account::flatten(&mut self.engine, now_ns) else {
            return Ok(None);
        };
        let closes = wanted
            .closes
            .iter()
            .map(|(order, decision)| {
                let dict = decision_dict(py, decision)?;
                dict.set_item("side", Side::from_u8(order.side).map(side_name))?;
                dict.set_item("limit_price_micro", order.limit_price)?;
                Ok(dict)
            })
            .collect::<PyResult<Vec<_>>>()?;
        let dict = PyDict::new(py);
        dict.set_item("reason", wanted.reason.name())?;
        dict.set_item("cancels", wanted.cancels)?;
        dict.set_item("closes", closes)?;
        Ok(Some(dict))
    }

    /// Every stop that is held.
    fn stops<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.engine
            .stops()
            .iter()
            .map(|stop| {
                let dict = PyDict::new(py);
                dict.set_item("instrument_id", stop.instrument_id)?;
                dict.set_item("side", side_name(stop.direction))?;
                dict.set_item("level_micro", stop.level)?;
                dict.set_item("fired", stop.fired)?;
                Ok(dict)
            })
            .collect()
    }

    /// A stop that was held before: `side` is the one that opened the position.
    fn restore_stop(&mut self, instrument_id: u64, side: &str, level_micro: i64) -> PyResult<()> {
        if self
            .engine
            .restore_stop(instrument_id, side_of(side)?, level_micro, false)
        {
            return Ok(());
        }
        Err(refuse(format!(
            "stop at {level_micro} of instrument {instrument_id}: not in the reference, or no price"
        )))
    }

    /// Shares of an instrument that were traded today already.
    fn restore_traded(&mut self, instrument_id: u64, quantity: i64) -> PyResult<()> {
        if self.engine.restore_traded(instrument_id, quantity) {
            return Ok(());
        }
        Err(refuse(format!(
            "{quantity} shares traded of instrument {instrument_id}: not in the reference, or negative"
        )))
    }
}
