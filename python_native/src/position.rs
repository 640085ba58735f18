//! Position sizing from Python: the crate that research and the runtime's targets share.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sizing::{KellyConfig, Policy, Position};

use crate::names::side_of;
use crate::tighter::limits_of;

fn refuse(error: sizing::SizingError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Gross multiplier of a strategy from its out-of-sample returns. See `dnalyaw/_native/risk.pyi`.
#[pyfunction]
#[pyo3(signature = (returns, *, fraction = 0.5, min_sessions = 126, floor = 0.25, cap = 1.0))]
pub(crate) fn half_kelly<'py>(
    py: Python<'py>,
    returns: PyBuffer<f64>,
    fraction: f64,
    min_sessions: usize,
    floor: f64,
    cap: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let config = KellyConfig {
        fraction,
        min_sessions,
        floor,
        cap,
    };
    let kelly = sizing::half_kelly(&returns.to_vec(py)?, &config).map_err(refuse)?;
    let dict = PyDict::new(py);
    dict.set_item("gross", kelly.gross)?;
    dict.set_item("full", kelly.full)?;
    dict.set_item("shrinkage", kelly.shrinkage)?;
    dict.set_item("t_statistic", kelly.t_statistic)?;
    dict.set_item("sessions", kelly.sessions)?;
    dict.set_item("reason", kelly.basis.name())?;
    Ok(dict)
}

// The defaults stand as numbers in the signature, so that Python can show them.
const _: () = assert!(
    Policy::STANDARD.risk_fraction == 0.01
        && Policy::STANDARD.volatility_budget == 0.0025
        && Policy::STANDARD.participation == 0.10
        && Policy::STANDARD.days_to_exit == 5.0
);

/// The position that every constraint allows, and what set it. See `dnalyaw/_native/risk.pyi`.
#[pyfunction]
#[pyo3(signature = (
    *, equity, capital, weight, kelly, price, stop_distance, volatility_bp, lot, adv, side = "buy", gap_bp = 0, held = 0,
    traded = 0, locate = 0, issuer_exposure = 0.0, sector_exposure = 0.0, gross_exposure = 0.0, net_exposure = 0.0,
    cash = None, risk_fraction = 0.01, volatility_budget = 0.0025,
    participation = 0.10, days_to_exit = 5.0, tighter = None
))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn size_position<'py>(
    py: Python<'py>,
    equity: f64,
    capital: f64,
    weight: f64,
    kelly: f64,
    price: f64,
    stop_distance: f64,
    volatility_bp: u32,
    lot: i64,
    adv: i64,
    side: &str,
    gap_bp: u32,
    held: i64,
    traded: i64,
    locate: i64,
    issuer_exposure: f64,
    sector_exposure: f64,
    gross_exposure: f64,
    net_exposure: f64,
    cash: Option<f64>,
    risk_fraction: f64,
    volatility_budget: f64,
    participation: f64,
    days_to_exit: f64,
    tighter: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let position = Position {
        side: side_of(side)?,
        equity,
        capital,
        weight,
        kelly,
        price,
        stop_distance,
        volatility_bp,
        gap_bp,
        lot,
        adv,
        held,
        traded,
        locate,
        issuer_exposure,
        sector_exposure,
        gross_exposure,
        net_exposure,
        cash,
    };
    let policy = Policy {
        risk_fraction,
        volatility_budget,
        participation,
        days_to_exit,
    };
    let sized = sizing::size_position(&position, &policy, &limits_of(tighter)?).map_err(refuse)?;
    let caps = PyDict::new(py);
    for (constraint, quantity) in sized.caps {
        caps.set_item(constraint.name(), quantity)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("weight", sized.weight)?;
    dict.set_item("quantity", sized.quantity)?;
    dict.set_item("constraint", sized.constraint.name())?;
    dict.set_item("kelly_weight", sized.kelly_weight)?;
    dict.set_item("most", sized.most)?;
    dict.set_item("risk_fraction", sized.risk_fraction)?;
    dict.set_item("caps", caps)?;
    Ok(dict)
}
