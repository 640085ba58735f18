//! The engine's limits, asked of the engine's own function.

use engine::{
    MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MICRO, Reason, Side, SizingInputs, TighterLimits,
    buying_power, largest_quantity, risk_per_share,
};

use crate::error::{SizingError, checked};
use crate::position::Position;

fn micro(
    name: &'static str,
    amount: f64,
    most: i64,
    wanted: &'static str,
) -> Result<i64, SizingError> {
    let scaled = (amount * MICRO as f64).round();
    checked(name, amount, scaled.abs() <= most as f64, wanted)?;
    Ok(scaled as i64)
}

fn money(name: &'static str, amount: f64) -> Result<i128, SizingError> {
    micro(
        name,
        amount,
        MAX_MONEY,
        "an amount that the engine can count",
    )
    .map(i128::from)
}

/// The largest whole-lot quantity that the engine would let through, and its reason.
///
/// Counted at the price itself: at what price the order is worked is not decided here.
pub(crate) fn engine_cap(position: &Position) -> Result<(i64, Reason), SizingError> {
    let too_dear = "a price that the engine can count";
    let price = micro("price", position.price, MAX_PRICE, too_dear)?.max(1);
    // A stop must not vanish in rounding: 0 means no stop, the whole notional at risk.
    let stop_distance = if position.stop_distance > 0.0 {
        micro("stop_distance", position.stop_distance, MAX_PRICE, too_dear)?.max(1)
    } else {
        0
    };
    let risk = risk_per_share(
        price,
        price,
        stop_distance,
        position.volatility_bp,
        position.gap_bp,
    );
    let equity = money("equity", position.equity)?;
    let inputs = SizingInputs {
        held_quantity: position.held,
        issuer_exposure: money("issuer_exposure", position.issuer_exposure)?,
        sector_exposure: money("sector_exposure", position.sector_exposure)?,
        buying_power: match position.cash {
            Some(cash) => buying_power(money("cash", cash)?, 0),
            // Without cash nothing but the limits on equity binds.
            None => i128::from(MAX_MONEY),
        },
        ..SizingInputs::alone(Side::Buy, equity, price, risk, position.lot)
    };
    let sized = largest_quantity(&inputs, &TighterLimits::none(), MAX_QUANTITY);
    Ok((sized.quantity, sized.reason))
}
