//! A deployment's limits as a mapping: what the file has that riskd is started with.

use desk::limits;
use engine::{TighterLimits, TighterSpec};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reference::refuse;

/// The constants, tightened by the mapping when there is one. A name that riskd would refuse is refused here too.
pub(crate) fn limits_of(mapping: Option<&Bound<'_, PyDict>>) -> PyResult<TighterLimits> {
    let mut spec = TighterSpec::default();
    for (name, value) in mapping.into_iter().flatten() {
        let name: String = name.extract()?;
        let value = value
            .extract()
            .map_err(|error: PyErr| refuse(format!("tighter, {name}: {error}")))?;
        limits::set(&mut spec, &name, value).map_err(|why| refuse(format!("tighter: {why}")))?;
    }
    TighterLimits::new(spec).map_err(|error| refuse(format!("tighter: {error}")))
}
