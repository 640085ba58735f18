//! Sizing in research goes through the engine's own function.

use engine::{
    MAX_MONEY, MAX_QUANTITY, PARTICIPATION_LIMIT_BP, Price, Quantity, SizingInputs, TighterLimits,
    buying_power, collar_high, risk_per_share, share_of,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::names::side_of;

fn price(name: &str, micro: i64) -> PyResult<i64> {
    Price::new(micro).map(Price::micro).ok_or_else(|| {
        PyValueError::new_err(format!(
            "{name} is {micro}: give a positive price of at most {} millionths",
            engine::MAX_PRICE
        ))
    })
}

fn not_negative(name: &str, value: i64) -> PyResult<i128> {
    if (0..=MAX_MONEY).contains(&value) {
        Ok(i128::from(value))
    } else {
        Err(PyValueError::new_err(format!(
            "{name} is {value}: give a number from 0 to {MAX_MONEY}"
        )))
    }
}

fn shares(name: &str, count: i64) -> PyResult<i64> {
    if (0..=MAX_QUANTITY).contains(&count) {
        Ok(count)
    } else {
        Err(PyValueError::new_err(format!(
            "{name} is {count}: give 0 to {MAX_QUANTITY} shares"
        )))
    }
}

/// The largest whole-lot quantity that one opening order may have, and the name of the limit that binds (`NONE` when all of
/// `requested` fits). See `dnalyaw/_native/risk.pyi`.
#[pyfunction]
#[pyo3(signature = (
    equity_micro, price_micro, stop_distance_micro, lot, *, adv, side = "buy", daily_volatility_bp = 0, gap_bp = 0,
    issuer_exposure_micro = 0, sector_exposure_micro = 0, gross_exposure_micro = 0, net_exposure_micro = 0,
    held_quantity = 0, traded_quantity = 0, locate = 0, cash_micro = None, limit_price_micro = None, requested = None
))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn largest_quantity(
    equity_micro: i64,
    price_micro: i64,
    stop_distance_micro: i64,
    lot: i64,
    adv: i64,
    side: &str,
    daily_volatility_bp: u32,
    gap_bp: u32,
    issuer_exposure_micro: i64,
    sector_exposure_micro: i64,
    gross_exposure_micro: i64,
    net_exposure_micro: i64,
    held_quantity: i64,
    traded_quantity: i64,
    locate: i64,
    cash_micro: Option<i64>,
    limit_price_micro: Option<i64>,
    requested: Option<i64>,
) -> PyResult<(i64, &'static str)> {
    let reference_price = price("price_micro", price_micro)?;
    let reserve_price = match limit_price_micro {
        Some(limit) => price("limit_price_micro", limit)?.max(reference_price),
        None => collar_high(reference_price),
    };
    if Quantity::new(lot).is_none() {
        return Err(PyValueError::new_err(format!(
            "lot is {lot}: give the positive number of shares in a lot"
        )));
    }
    not_negative("stop_distance_micro", stop_distance_micro)?;
    let cash = cash_micro
        .map(|cash| not_negative("cash_micro", cash))
        .transpose()?;
    // A net exposure the other way makes room.
    not_negative("net_exposure_micro", net_exposure_micro.saturating_abs())?;
    let requested = match requested {
        None => MAX_QUANTITY,
        Some(wanted) => shares("requested", wanted)?,
    };
    let inputs = SizingInputs {
        side: side_of(side)?,
        equity: not_negative("equity_micro", equity_micro)?,
        reference_price,
        reserve_price,
        risk_per_share: risk_per_share(
            reference_price,
            reserve_price,
            stop_distance_micro,
            daily_volatility_bp,
            gap_bp,
        ),
        lot,
        held_quantity: shares("held_quantity", held_quantity)?,
        working_quantity: 0,
        working_notional: 0,
        working_low: i64::MAX,
        working_high: 0,
        issuer_exposure: not_negative("issuer_exposure_micro", issuer_exposure_micro)?,
        sector_exposure: not_negative("sector_exposure_micro", sector_exposure_micro)?,
        gross_exposure: not_negative("gross_exposure_micro", gross_exposure_micro)?,
        net_exposure: i128::from(net_exposure_micro),
        volume_limit: share_of(not_negative("adv", adv)?, PARTICIPATION_LIMIT_BP) as i64,
        volume_used: shares("traded_quantity", traded_quantity)?,
        locate: shares("locate", locate)?,
        // Without cash nothing but the limits on equity binds.
        buying_power: cash.map_or(i128::from(MAX_MONEY), |cash| buying_power(cash, 0)),
    };
    let sized = engine::largest_quantity(&inputs, &TighterLimits::none(), requested);
    Ok((sized.quantity, sized.reason.name()))
}
