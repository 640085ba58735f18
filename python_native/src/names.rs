//! What is a code in the engine has a name in Python.

use engine::{DecisionKind, SessionState, Side, TradingState};
use pyo3::PyResult;

use crate::reference::refuse;

pub(crate) fn side_of(name: &str) -> PyResult<Side> {
    match name {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(refuse(format!("side is {other:?}: give 'buy' or 'sell'"))),
    }
}

pub(crate) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(crate) const fn kind_name(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Approve => "APPROVE",
        DecisionKind::Reduce => "REDUCE",
        DecisionKind::Reject => "REJECT",
        DecisionKind::Flatten => "FLATTEN",
    }
}

pub(crate) const fn trading_state_name(state: TradingState) -> &'static str {
    match state {
        TradingState::Active => "ACTIVE",
        TradingState::ReduceOnly => "REDUCE_ONLY",
        TradingState::Halted => "HALTED",
        TradingState::Killed => "KILLED",
    }
}

pub(crate) const fn session_state_name(state: SessionState) -> &'static str {
    match state {
        SessionState::Unknown => "unknown",
        SessionState::PreOpen => "pre-open",
        SessionState::Open => "open",
        SessionState::Break => "break",
        SessionState::Closed => "closed",
    }
}

pub(crate) fn session_state_of(name: &str) -> PyResult<SessionState> {
    match name {
        "pre-open" => Ok(SessionState::PreOpen),
        "open" => Ok(SessionState::Open),
        "break" => Ok(SessionState::Break),
        "closed" => Ok(SessionState::Closed),
        other => Err(refuse(format!(
            "state is {other:?}: give pre-open, open, break or closed"
        ))),
    }
}
