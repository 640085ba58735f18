use pyo3::prelude::*;

/// The compiled parts of Dnalyaw, in one extension module.
#[pymodule]
fn _native(_m: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
