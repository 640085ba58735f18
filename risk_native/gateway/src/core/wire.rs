//! Between the engine's types, the journal's and the frames'.

use dnalyaw_engine as engine;
use dnalyaw_frames as frames;
use sha2::{Digest, Sha256};

use crate::record::{DecisionRecord, ExecRecord};

/// Whether nothing can follow a report of this type.
pub fn is_final(exec_type: u8) -> bool {
    matches!(
        frames::ExecType::from_u8(exec_type),
        Some(
            frames::ExecType::Fill
                | frames::ExecType::Cancelled
                | frames::ExecType::Rejected
                | frames::ExecType::Expired
        )
    )
}

/// The ExecID as frames carry it.
pub fn exec_hash(exec_id: &str) -> u64 {
    crate::reference::short_hash(&Sha256::digest(exec_id.as_bytes()).into())
}

pub fn exec_frame(exec: &ExecRecord, decision: &DecisionRecord, replayed: bool) -> frames::Exec {
    frames::Exec {
        order_id: exec.order_id,
        instrument_id: decision.order.instrument_id,
        last_quantity: exec.last_quantity,
        last_price: exec.last_price,
        cumulative_quantity: exec.cumulative_quantity,
        leaves_quantity: exec.leaves_quantity,
        fee: exec.fee,
        exec_id: exec_hash(&exec.exec_id),
        exec_type: frames::ExecType::from_u8(exec.exec_type).unwrap_or(frames::ExecType::Unknown),
        side: decision.order.side,
        reason: exec.reason,
        replayed,
        bid: exec.bid,
        ask: exec.ask,
    }
}

pub fn state_frame(report: &engine::StateReport) -> frames::State {
    frames::State {
        trading_state: trading_state(report.trading_state),
        venue_up: report.venue_up,
        session_state: frames::SessionState::from_u8(report.session_state as u8)
            .unwrap_or(frames::SessionState::Unknown),
        session: report.session,
        equity: report.equity,
        baseline: report.baseline,
        cash: report.cash,
        drawdown_bp: report.drawdown_bp,
        reason: report.reason.code(),
    }
}

pub fn trading_state(state: engine::TradingState) -> frames::TradingState {
    match state {
        engine::TradingState::Active => frames::TradingState::Active,
        engine::TradingState::ReduceOnly => frames::TradingState::ReduceOnly,
        engine::TradingState::Halted => frames::TradingState::Halted,
        engine::TradingState::Killed => frames::TradingState::Killed,
    }
}
