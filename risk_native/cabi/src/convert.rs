//! Between the structs of the contract and those of engine and desk.

use dnalyaw_desk::reference::short_hash;
use dnalyaw_desk::{Desk, Fault, ReportKind};
use dnalyaw_engine::{self as engine, RearmError, hash_prefix};

use crate::codes::{ACTION_CANCEL, ACTION_CLOSE, Failure};
use crate::layout::*;

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Refused(_) => Self::Refused,
            Fault::UnknownOrder(_) => Self::UnknownOrder,
            Fault::BadReport(_) => Self::BadReport,
            Fault::Legs(_) => Self::Legs,
            Fault::Rearm(RearmError::NotKilled) => Self::NotKilled,
            Fault::Rearm(RearmError::SameSession) => Self::SameSession,
            Fault::Shadow(_) => Self::Shadow,
        }
    }
}

impl From<&Order> for engine::OrderRequest {
    fn from(order: &Order) -> Self {
        Self {
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
}

impl From<&engine::OrderRequest> for Order {
    fn from(order: &engine::OrderRequest) -> Self {
        Self {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            quantity: order.quantity,
            limit_price: order.limit_price,
            stop_distance: order.stop_distance,
            strategies: order.strategies,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            flags: order.flags,
            reserved: [0; 4],
        }
    }
}

impl From<&Replace> for engine::ReplaceRequest {
    fn from(request: &Replace) -> Self {
        Self {
            order_id: request.order_id,
            original_id: request.original_id,
            quantity: request.quantity,
            limit_price: request.limit_price,
            stop_distance: request.stop_distance,
        }
    }
}

impl From<&Quote> for dnalyaw_desk::Quote {
    fn from(quote: &Quote) -> Self {
        Self {
            instrument_id: quote.instrument_id,
            bid: quote.bid,
            ask: quote.ask,
            last: quote.last,
            ts_ns: quote.ts_ns,
        }
    }
}

impl From<&engine::PriceView> for Quote {
    fn from(price: &engine::PriceView) -> Self {
        Self {
            instrument_id: price.instrument_id,
            bid: price.bid,
            ask: price.ask,
            last: price.last,
            ts_ns: price.ts_ns,
        }
    }
}

impl From<&Holding> for dnalyaw_desk::Holding {
    fn from(holding: &Holding) -> Self {
        Self {
            instrument_id: holding.instrument_id,
            quantity: holding.quantity,
            settlement_price: holding.settlement_price,
        }
    }
}

impl TryFrom<&Report> for dnalyaw_desk::Report {
    type Error = Failure;

    fn try_from(report: &Report) -> Result<Self, Failure> {
        Ok(Self {
            order_id: report.order_id,
            instrument_id: report.instrument_id,
            kind: ReportKind::from_u8(report.kind).ok_or(Failure::Argument)?,
            last_quantity: report.last_quantity,
            last_price: report.last_price,
            cumulative_quantity: report.cumulative_quantity,
            leaves_quantity: report.leaves_quantity,
            fee: report.fee,
        })
    }
}

impl From<&dnalyaw_desk::Outcome> for Outcome {
    fn from(outcome: &dnalyaw_desk::Outcome) -> Self {
        Self {
            position_change: outcome.position_change,
            finished: u8::from(outcome.finished),
            repeated: u8::from(outcome.repeated),
            reserved: [0; 6],
        }
    }
}

impl From<&engine::Decision> for Decision {
    fn from(decision: &engine::Decision) -> Self {
        let metrics = &decision.metrics;
        Self {
            order_id: decision.order_id,
            instrument_id: decision.instrument_id,
            requested_quantity: decision.requested_quantity,
            approved_quantity: decision.approved_quantity,
            reference_price: decision.reference_price,
            equity: decision.equity,
            instrument_worst_case: decision.instrument_worst_case,
            binding_limit: decision.binding_limit,
            limits_hash: decision.limits_hash,
            position: metrics.position,
            working_buys: metrics.working_buys,
            working_sells: metrics.working_sells,
            traded: metrics.traded,
            bid: metrics.bid,
            ask: metrics.ask,
            last: metrics.last,
            price_ts_ns: metrics.price_ts_ns,
            stop_level: metrics.stop_level,
            risk_per_share: metrics.risk_per_share,
            cash: metrics.cash,
            second_equity: metrics.second_equity,
            baseline: metrics.baseline,
            flows: metrics.flows,
            issuer_exposure: metrics.issuer_exposure,
            sector_exposure: metrics.sector_exposure,
            gross_exposure: metrics.gross_exposure,
            net_long: metrics.net_long,
            net_short: metrics.net_short,
            buying_power: metrics.buying_power,
            drawdown_bp: metrics.drawdown_bp,
            working_orders: metrics.working_orders,
            reason: decision.reason.code(),
            kind: decision.kind as u8,
            trading_state: metrics.trading_state as u8,
            session_state: metrics.session_state as u8,
            venue_up: u8::from(metrics.venue_up),
            reserved: [0; 2],
        }
    }
}

impl From<&dnalyaw_desk::Action> for Action {
    fn from(action: &dnalyaw_desk::Action) -> Self {
        match action {
            dnalyaw_desk::Action::Cancel { order_id, wire_id } => Self {
                order_id: *order_id,
                wire_id: *wire_id,
                kind: ACTION_CANCEL,
                ..Self::default()
            },
            dnalyaw_desk::Action::Close { order, decision } => Self {
                order_id: order.order_id,
                wire_id: order.order_id,
                order: order.into(),
                decision: decision.into(),
                kind: ACTION_CLOSE,
                reserved: [0; 7],
            },
        }
    }
}

impl From<&dnalyaw_desk::Settled> for Settled {
    fn from(settled: &dnalyaw_desk::Settled) -> Self {
        Self {
            count: settled.count as u64,
            wake_ns: settled.wake_ns,
            phase: settled.phase as u8,
            reserved: [0; 7],
        }
    }
}

impl From<&Desk> for State {
    fn from(desk: &Desk) -> Self {
        let (report, engine) = (desk.state(), desk.engine());
        let kill = engine.killed();
        Self {
            equity: report.equity,
            baseline: report.baseline,
            cash: report.cash,
            flows: engine.flows(),
            now_ns: desk.now_ns(),
            limits_hash: hash_prefix(&engine.limits_hash()),
            reference_hash: short_hash(&desk.reference().hash),
            last_order_id: engine.last_order_id(),
            last_own_order_id: engine.last_own_order_id(),
            open_orders: desk.open_orders() as u64,
            fired_stops: engine.fired_instruments().count() as u64,
            unreferenced: desk.unreferenced() as u64,
            session: report.session,
            drawdown_bp: report.drawdown_bp,
            kill_session: kill.map_or(0, |kill| kill.session),
            kill_reason: kill.map_or(0, |kill| kill.reason.code()),
            reason: report.reason.code(),
            trading_state: report.trading_state as u8,
            session_state: report.session_state as u8,
            venue_up: u8::from(report.venue_up),
            phase: desk.phase() as u8,
            killed: u8::from(kill.is_some()),
            reserved: [0; 3],
        }
    }
}

impl From<&engine::PositionView> for Position {
    fn from(position: &engine::PositionView) -> Self {
        Self {
            instrument_id: position.instrument_id,
            quantity: position.quantity,
            mark: position.mark,
        }
    }
}

impl From<&engine::StopView> for Stop {
    fn from(stop: &engine::StopView) -> Self {
        Self {
            instrument_id: stop.instrument_id,
            level: stop.level,
            direction: stop.direction as u8,
            fired: u8::from(stop.fired),
            reserved: [0; 6],
        }
    }
}

impl From<&dnalyaw_desk::OrderState> for OpenOrder {
    fn from(order: &dnalyaw_desk::OrderState) -> Self {
        let working = &order.working;
        Self {
            order_id: order.order_id,
            wire_id: working.order_id,
            replacement_id: working.replacement_id,
            instrument_id: working.instrument_id,
            quantity: working.quantity,
            cumulative_quantity: working.cumulative_quantity,
            reserve_price: working.reserve_price,
            limit_price: working.limit_price,
            side: working.side as u8,
            cancel_requested: u8::from(working.cancel_requested),
            fate_unknown: u8::from(working.fate_unknown),
            reserved: [0; 5],
        }
    }
}
