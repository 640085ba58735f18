//! What the two sides decided, number by number.

use dnalyaw_engine::{self as engine, OrderRequest};
use dnalyaw_risk::layout::{Decision, Order};

/// Field by field, not through the crate's own conversion.
pub(super) fn same(ours: &Decision, theirs: &engine::Decision) {
    let m = &theirs.metrics;
    let fields = [
        (ours.order_id as i64, theirs.order_id as i64),
        (ours.instrument_id as i64, theirs.instrument_id as i64),
        (ours.requested_quantity, theirs.requested_quantity),
        (ours.approved_quantity, theirs.approved_quantity),
        (ours.reference_price, theirs.reference_price),
        (ours.equity, theirs.equity),
        (ours.instrument_worst_case, theirs.instrument_worst_case),
        (ours.binding_limit, theirs.binding_limit),
        (ours.limits_hash as i64, theirs.limits_hash as i64),
        (ours.position, m.position),
        (ours.working_buys, m.working_buys),
        (ours.working_sells, m.working_sells),
        (ours.traded, m.traded),
        (ours.bid, m.bid),
        (ours.ask, m.ask),
        (ours.last, m.last),
        (ours.price_ts_ns, m.price_ts_ns),
        (ours.stop_level, m.stop_level),
        (ours.risk_per_share, m.risk_per_share),
        (ours.cash, m.cash),
        (ours.second_equity, m.second_equity),
        (ours.baseline, m.baseline),
        (ours.flows, m.flows),
        (ours.issuer_exposure, m.issuer_exposure),
        (ours.sector_exposure, m.sector_exposure),
        (ours.gross_exposure, m.gross_exposure),
        (ours.net_long, m.net_long),
        (ours.net_short, m.net_short),
        (ours.buying_power, m.buying_power),
        (ours.drawdown_bp.into(), m.drawdown_bp.into()),
        (ours.working_orders.into(), m.working_orders.into()),
        (ours.reason.into(), theirs.reason.code().into()),
        (ours.kind.into(), theirs.kind as i64),
        (ours.trading_state.into(), m.trading_state as i64),
        (ours.session_state.into(), m.session_state as i64),
        (ours.venue_up.into(), m.venue_up.into()),
    ];
    for (at, (ours, theirs)) in fields.into_iter().enumerate() {
        assert_eq!(ours, theirs, "field {at} of {theirs:?}");
    }
}

/// The order as the engine takes it.
pub(super) fn request(order: &Order) -> OrderRequest {
    OrderRequest {
        order_id: order.order_id,
        instrument_id: order.instrument_id,
        quantity: order.quantity,
        limit_price: order.limit_price,
        stop_distance: order.stop_distance,
        side: order.side,
        order_type: order.order_type,
        time_in_force: order.time_in_force,
        flags: order.flags,
        strategies: order.strategies,
    }
}
