//! Rows of the reference file, as Python holds them.

use engine::InstrumentReference;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pub(crate) fn refuse(message: String) -> PyErr {
    PyValueError::new_err(message)
}

/// A field of a row; `None` where it is absent.
fn field<'py, T>(entry: &Bound<'py, PyDict>, row: usize, name: &str) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    entry
        .get_item(name)?
        .map(|value| {
            value
                .extract()
                .map_err(|error: PyErr| refuse(format!("reference row {row}, {name}: {error}")))
        })
        .transpose()
}

/// One row. What the reference file may leave out has the same default here.
pub(crate) fn instrument(row: usize, entry: &Bound<'_, PyDict>) -> PyResult<InstrumentReference> {
    macro_rules! required {
        ($name:literal) => {
            field(entry, row, $name)?
                .ok_or_else(|| refuse(format!("reference row {row} has no '{}'", $name)))?
        };
    }
    let label: Option<String> = field(entry, row, "label")?;
    let venue: Option<String> = field(entry, row, "venue")?;
    // A label is TICKER.VENUE, parsed from the right.
    let of_label = || Some(label?.rsplit_once('.')?.1.to_owned());
    Ok(InstrumentReference {
        instrument_id: required!("instrument_id"),
        issuer_id: required!("issuer_id"),
        sector: required!("sector"),
        venue: venue.or_else(of_label).unwrap_or_default(),
        lot: required!("lot"),
        tick_micro: required!("tick_micro"),
        tradable: required!("tradable"),
        restricted: field(entry, row, "restricted")?.unwrap_or(false),
        volatility_bp: required!("volatility_bp"),
        gap_bp: field(entry, row, "gap_bp")?.unwrap_or(0),
        adv: required!("adv"),
        locate: field(entry, row, "locate")?.unwrap_or(0),
        close_micro: field(entry, row, "close_micro")?.unwrap_or(0),
    })
}
