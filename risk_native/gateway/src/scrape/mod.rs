//! What Prometheus scrapes: the numbers that the core publishes once a second, as text over HTTP.

mod histogram;
mod http;
mod text;

use std::collections::BTreeMap;

use dnalyaw_engine::{Reason, StateReport, TradingState, Used};
use serde_json::Value;

pub use histogram::Histogram;
pub use http::serve;
use text::{Kind, Page};

use crate::metrics::{Counters, GAUGES};

/// A copy of the core's numbers.
#[derive(Clone, Debug, Default)]
pub struct Published {
    pub region: String,
    /// `None` until the core has published.
    pub state: Option<StateReport>,
    pub counters: Counters,
    /// By decision and reason code.
    pub decisions: BTreeMap<(u8, u16), u64>,
    pub checks: Histogram,
    /// Limit, whose, and what is used of it.
    pub limits: Vec<(&'static str, String, Used)>,
    pub limits_hash: u64,
}

/// A decision's name from its number on the wire.
#[must_use]
pub const fn decision_name(kind: u8) -> &'static str {
    match kind {
        1 => "APPROVE",
        2 => "REDUCE",
        3 => "REJECT",
        4 => "FLATTEN",
        _ => "?",
    }
}

const MICRO: f64 = 1e6;

impl Published {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = Page::default();
        let region = || vec![("region", self.region.clone())];
        page.metric(
            "dnalyaw_risk_limits",
            "Which limits are in force: the first eight bytes of their hash. Always 1.",
            Kind::Gauge,
            [(
                with(
                    region(),
                    "hash",
                    format!("{:016x}", self.limits_hash.swap_bytes()),
                ),
                1.0,
            )],
        );
        if let Some(state) = &self.state {
            self.state(&mut page, state);
        }
        page.metric(
            "dnalyaw_risk_decisions_total",
            "Orders decided, by decision and reason.",
            Kind::Counter,
            self.decisions.iter().map(|((kind, reason), count)| {
                let reason = Reason::from_code(*reason).map_or("?", Reason::name);
                let labels = with(region(), "decision", decision_name(*kind).into());
                (with(labels, "reason", reason.into()), *count as f64)
            }),
        );
        self.usage(&mut page);
        page.histogram(
            "dnalyaw_risk_check_seconds",
            "How long the engine took for an order or a modification; of linked legs, for all of them.",
            &region(),
            &self.checks,
        );
        self.counters(&mut page);
        page.finish()
    }

    fn state(&self, page: &mut Page, state: &StateReport) {
        let region = || vec![("region", self.region.clone())];
        let states = [
            ("ACTIVE", TradingState::Active),
            ("REDUCE_ONLY", TradingState::ReduceOnly),
            ("HALTED", TradingState::Halted),
            ("KILLED", TradingState::Killed),
        ];
        page.metric(
            "dnalyaw_risk_trading_state",
            "1 for the trading state that holds.",
            Kind::Gauge,
            states.map(|(name, one)| {
                let holds = f64::from(u8::from(state.trading_state == one));
                (with(region(), "state", name.into()), holds)
            }),
        );
        for (name, help, value) in [
            (
                "dnalyaw_risk_session_state",
                "0 unknown, 1 pre-open, 2 open, 3 break, 4 closed.",
                f64::from(state.session_state as u8),
            ),
            (
                "dnalyaw_risk_venue_up",
                "1 while there is a session with the venue.",
                f64::from(u8::from(state.venue_up)),
            ),
            (
                "dnalyaw_risk_equity",
                "Equity in the account's currency; 0 while unknown.",
                state.equity as f64 / MICRO,
            ),
            (
                "dnalyaw_risk_baseline",
                "Baseline of the session's drawdown, firm's currency; 0 while unset.",
                state.baseline as f64 / MICRO,
            ),
            (
                "dnalyaw_risk_cash",
                "Cash by the venue; 0 while unknown.",
                state.cash as f64 / MICRO,
            ),
            (
                "dnalyaw_risk_drawdown_ratio",
                "Fall below the baseline.",
                f64::from(state.drawdown_bp) / 1e4,
            ),
        ] {
            page.metric(name, help, Kind::Gauge, [(region(), value)]);
        }
    }

    fn usage(&self, page: &mut Page) {
        let labels = |limit: &str, name: &str| {
            vec![
                ("region", self.region.clone()),
                ("limit", limit.to_string()),
                ("name", name.to_string()),
            ]
        };
        page.metric(
            "dnalyaw_risk_limit_used_ratio",
            "Share of a limit that is used; of issuers and sectors the largest.",
            Kind::Gauge,
            self.limits
                .iter()
                .map(|(limit, name, used)| (labels(limit, name), f64::from(used.share_bp) / 1e4)),
        );
        let scale = |limit: &str| if limit == "orders" { 1.0 } else { MICRO };
        page.metric(
            "dnalyaw_risk_exposure",
            "What is used of a limit, in the account's currency (orders: a number).",
            Kind::Gauge,
            self.limits.iter().map(|(limit, name, used)| {
                (labels(limit, name), used.amount as f64 / scale(limit))
            }),
        );
    }

    /// Every counter by its own name, so that a new one is never forgotten here.
    fn counters(&self, page: &mut Page) {
        let Ok(Value::Object(counters)) = serde_json::to_value(&self.counters) else {
            return;
        };
        for (name, value) in counters {
            let gauge = GAUGES.contains(&name.as_str());
            let (full, kind) = if gauge {
                (format!("dnalyaw_riskd_{name}"), Kind::Gauge)
            } else {
                (format!("dnalyaw_riskd_{name}_total"), Kind::Counter)
            };
            let help = format!("riskd's {}.", name.replace('_', " "));
            let labels = vec![("region", self.region.clone())];
            page.metric(
                &full,
                &help,
                kind,
                [(labels, value.as_f64().unwrap_or(0.0))],
            );
        }
    }
}

fn with(
    mut labels: Vec<(&'static str, String)>,
    name: &'static str,
    value: String,
) -> Vec<(&'static str, String)> {
    labels.push((name, value));
    labels
}
