//! The limits in force: the engine's constants, or tighter ones from a file.

use std::path::Path;

use dnalyaw_engine as engine;
use dnalyaw_engine::{Money, TighterLimits, TighterSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::log::hex;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    instrument_bp: Option<u32>,
    sector_bp: Option<u32>,
    drawdown_bp: Option<u32>,
    trade_risk_bp: Option<u32>,
    gross_bp: Option<u32>,
    net_bp: Option<u32>,
    participation_bp: Option<u32>,
    order_quantity: Option<i64>,
    order_notional_micro: Option<i64>,
    message_rate: Option<u32>,
}

/// The constants, tightened by the file when there is one.
///
/// # Errors
/// One line naming the file and the field that is unknown, looser than its constant, or without meaning.
pub fn load(path: Option<&Path>) -> Result<TighterLimits, String> {
    let Some(path) = path else {
        return Ok(TighterLimits::none());
    };
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|err| format!("limits {name}: {err}"))?;
    let file: File = serde_json::from_slice(&bytes).map_err(|err| {
        format!(
            "limits {name}: line {} column {}: {err}",
            err.line(),
            err.column()
        )
    })?;
    let order_notional = match file.order_notional_micro {
        None => None,
        Some(micro) => Some(Money::new(micro).ok_or_else(|| {
            format!("limits {name}: order_notional_micro {micro} is out of range")
        })?),
    };
    TighterLimits::new(TighterSpec {
        instrument_bp: file.instrument_bp,
        sector_bp: file.sector_bp,
        drawdown_bp: file.drawdown_bp,
        trade_risk_bp: file.trade_risk_bp,
        gross_bp: file.gross_bp,
        net_bp: file.net_bp,
        participation_bp: file.participation_bp,
        order_quantity: file.order_quantity,
        order_notional,
        message_rate: file.message_rate,
    })
    .map_err(|err| format!("limits {name}: {err}"))
}

/// What `riskd --limits` prints.
pub fn describe(limits: &TighterLimits) -> Value {
    json!({
        "constants": {
            "instrument_bp": engine::INSTRUMENT_LIMIT_BP,
            "sector_bp": engine::SECTOR_LIMIT_BP,
            "drawdown_bp": engine::DRAWDOWN_LIMIT_BP,
            "trade_risk_bp": engine::TRADE_RISK_LIMIT_BP,
            "gross_bp": engine::GROSS_LIMIT_BP,
            "net_bp": engine::NET_LIMIT_BP,
            "participation_bp": engine::PARTICIPATION_LIMIT_BP,
            "order_quantity": engine::ORDER_QUANTITY_LIMIT,
            "order_notional_micro": engine::ORDER_NOTIONAL_LIMIT,
            "message_rate": engine::MESSAGE_RATE_LIMIT,
            "repeat_limit": engine::REPEAT_LIMIT,
            "repeat_depth": engine::REPEAT_DEPTH,
            "collar_bp": engine::COLLAR_BP,
            "wide_collar_bp": engine::WIDE_COLLAR_BP,
            "fee_margin_bp": engine::FEE_MARGIN_BP,
            "short_margin_bp": engine::SHORT_MARGIN_BP,
            "gap_sigmas": engine::GAP_SIGMAS,
            "max_price_age_ns": engine::MAX_PRICE_AGE_NS,
            "max_mark_age_ns": engine::MAX_MARK_AGE_NS,
            "price_jump_bp": engine::PRICE_JUMP_BP,
            "close_slice_bp": engine::CLOSE_SLICE_BP,
            "close_retry_ns": engine::CLOSE_RETRY_NS,
            "max_working_orders": engine::MAX_WORKING_ORDERS,
            "max_legs": engine::MAX_LEGS,
        },
        "deployment": {
            "instrument_bp": limits.instrument_bp(),
            "sector_bp": limits.sector_bp(),
            "drawdown_bp": limits.drawdown_bp(),
            "trade_risk_bp": limits.trade_risk_bp(),
            "gross_bp": limits.gross_bp(),
            "net_bp": limits.net_bp(),
            "participation_bp": limits.participation_bp(),
            "order_quantity": limits.order_quantity(),
            "order_notional_micro": limits.order_notional().micro(),
            "message_rate": limits.message_rate(),
        },
        "hash": hex(&limits.hash()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<TighterLimits, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tighter.json");
        std::fs::write(&path, text).unwrap();
        load(Some(&path))
    }

    #[test]
    fn a_file_may_only_tighten() {
        assert_eq!(
            load_text(r#"{"instrument_bp": 300}"#)
                .unwrap()
                .instrument_bp(),
            300
        );
        for (text, named) in [
            (r#"{"instrument_bp": 501}"#, "instrument_bp"),
            (r#"{"sector_bp": 2501}"#, "sector_bp"),
            (r#"{"drawdown_bp": 501}"#, "drawdown_bp"),
            (r#"{"trade_risk_bp": 101}"#, "trade_risk_bp"),
            (r#"{"order_notional_micro": 0}"#, "order_notional"),
            (r#"{"gross_bp": 20001}"#, "gross_bp"),
            (r#"{"net_bp": 10001}"#, "net_bp"),
            (r#"{"participation_bp": 1001}"#, "participation_bp"),
            (r#"{"order_quantity": 10000001}"#, "order_quantity"),
            (r#"{"message_rate": 20001}"#, "message_rate"),
            (r#"{"instrument_pct": 1}"#, "instrument_pct"),
            ("{\n oops", "line 2"),
        ] {
            let err = load_text(text).unwrap_err();
            assert!(err.contains(named), "{text}: {err}");
        }
    }

    #[test]
    fn tightening_changes_the_hash() {
        let tight = describe(&load_text(r#"{"sector_bp": 2000}"#).unwrap());
        assert_ne!(tight["hash"], describe(&TighterLimits::none())["hash"]);
        assert_eq!(tight["constants"]["sector_bp"], 2500);
        assert_eq!(tight["deployment"]["sector_bp"], 2000);
    }
}
