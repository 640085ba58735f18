//! The engine's limits, asked of the engine's own function.

use engine::{
    MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MICRO, PARTICIPATION_LIMIT_BP, Reason, SizingInputs,
    TighterLimits, buying_power, largest_quantity, risk_per_share, share_of,
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

fn shares(name: &'static str, count: i64) -> Result<i64, SizingError> {
    checked(
        name,
        count as f64,
        count <= MAX_QUANTITY,
        "a number of shares that the engine can count",
    )?;
    Ok(count)
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
    let inputs = SizingInputs {
        side: position.side,
        equity: money("equity", position.equity)?,
        reference_price: price,
        reserve_price: price,
        risk_per_share: risk_per_share(
            price,
            price,
            stop_distance,
            position.volatility_bp,
            position.gap_bp,
        ),
        lot: position.lot,
        held_quantity: shares("held", position.held)?,
        working_quantity: 0,
        working_notional: 0,
        working_low: i64::MAX,
        working_high: 0,
        issuer_exposure: money("issuer_exposure", position.issuer_exposure)?,
        sector_exposure: money("sector_exposure", position.sector_exposure)?,
        gross_exposure: money("gross_exposure", position.gross_exposure)?,
        net_exposure: money("net_exposure", position.net_exposure)?,
        volume_limit: share_of(i128::from(position.adv), PARTICIPATION_LIMIT_BP)
            .min(i128::from(i64::MAX)) as i64,
        volume_used: shares("traded", position.traded)?,
        locate: position.locate,
        buying_power: match position.cash {
            Some(cash) => buying_power(money("cash", cash)?, 0),
            // Without cash nothing but the limits on equity binds.
            None => i128::from(MAX_MONEY),
        },
    };
    let sized = largest_quantity(&inputs, &TighterLimits::none(), MAX_QUANTITY);
    Ok((sized.quantity, sized.reason))
}
