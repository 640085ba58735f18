//! What a risk officer looks at: how much of each limit is used, a warning before one is reached, the page for Prometheus
//! and the answer to the control socket's `risk`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use dnalyaw_engine::{
    Engine, InstrumentReference, Reason, Stressed, Used, Utilisation, hash_prefix,
};
use serde_json::{Value, json};

use super::Core;
use crate::log::hex;
use crate::record::DecisionRecord;
use crate::scrape::{Histogram, Published};
use crate::{binary, limits, log_info, log_warn};

/// A limit is near from here on, and near no more below the second: it is not said again at every tick around the first.
const NEAR_BP: i32 = 8_000;
const RELIEVED_BP: i32 = 7_500;

/// One line of the table of limits.
pub(super) struct Line {
    pub limit: &'static str,
    pub name: String,
    pub used: Used,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Officer {
    published: Arc<Mutex<Published>>,
    decisions: BTreeMap<(u8, u16), u64>,
    checks: Histogram,
    near: BTreeSet<(&'static str, String)>,
}

impl Officer {
    pub fn new(published: Arc<Mutex<Published>>) -> Self {
        Self {
            published,
            ..Self::default()
        }
    }

    /// A check was made, and took so long.
    pub fn checked(&mut self, ns: u128) {
        self.checks.observe(u64::try_from(ns).unwrap_or(u64::MAX));
    }

    pub fn decided(&mut self, record: &DecisionRecord) {
        *self
            .decisions
            .entry((record.decision, record.reason))
            .or_default() += 1;
    }
}

/// Every limit with what is used of it; of issuers and sectors the largest.
pub(super) fn lines(engine: &Engine, name_of: impl Fn(u64) -> String) -> Vec<Line> {
    let Utilisation {
        issuers,
        sectors,
        gross,
        net,
        drawdown,
        buying_power,
        orders,
    } = engine.utilisation();
    let of_book = |limit, used| Line {
        limit,
        name: String::new(),
        used,
    };
    let mut lines: Vec<Line> = issuers
        .into_iter()
        .map(|one| Line {
            limit: "instrument",
            name: name_of(one.issuer_id),
            used: one.used,
        })
        .collect();
    lines.extend(sectors.into_iter().map(|one| Line {
        limit: "sector",
        name: one.sector.unwrap_or_else(|| "unknown".into()),
        used: one.used,
    }));
    lines.extend([
        of_book("gross", gross),
        of_book("net", net),
        of_book("drawdown", drawdown),
        of_book("buying_power", buying_power),
        of_book("orders", orders),
    ]);
    lines
}

impl Core {
    /// Labels of the issuer's instruments, the first of several.
    fn issuer_name(&self, issuer_id: u64) -> String {
        let mut labels = self
            .reference
            .instruments
            .iter()
            .filter(|one| one.issuer_id.unsigned_abs() == issuer_id)
            .map(|one| one.label.as_str());
        match (labels.next(), labels.count()) {
            (Some(label), 0) => label.to_string(),
            (Some(label), more) => format!("{label} +{more}"),
            (None, _) => format!("issuer {issuer_id}"),
        }
    }

    /// Once a second: warns of what is near its limit and hands the numbers to the endpoint.
    pub(super) fn publish(&mut self) {
        let lines = lines(&self.engine, |issuer| self.issuer_name(issuer));
        self.warn(&lines);
        let page = Published {
            region: self.reference.region.clone(),
            state: Some(self.engine.state_report()),
            counters: self.counters.clone(),
            decisions: self.officer.decisions.clone(),
            checks: self.officer.checks.clone(),
            limits: lines
                .into_iter()
                .map(|line| (line.limit, line.name, line.used))
                .collect(),
            limits_hash: hash_prefix(&self.engine.limits_hash()),
        };
        // A reader that died while it held the page left a page that is replaced here.
        *self
            .officer
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = page;
    }

    fn warn(&mut self, lines: &[Line]) {
        let mut near = BTreeSet::new();
        for line in lines {
            let key = (line.limit, line.name.clone());
            let before = self.officer.near.contains(&key);
            let share = line.used.share_bp;
            if share >= NEAR_BP && !before {
                log_warn!("limit_near", {"limit": line.limit, "name": line.name, "used_bp": share,
                    "amount": line.used.amount, "of": line.used.limit});
            }
            if share >= NEAR_BP || (before && share >= RELIEVED_BP) {
                near.insert(key);
            }
        }
        for (limit, name) in self.officer.near.difference(&near) {
            log_info!("limit_relieved", {"limit": limit, "name": name});
        }
        self.counters.limits_near = near.len() as u64;
        self.officer.near = near;
    }

    /// The answer to `stress`: computed here and now, a few milliseconds for a book of a thousand names.
    pub(super) fn stress_page(&self) -> Value {
        let reference: Vec<InstrumentReference> = self
            .reference
            .instruments
            .iter()
            .map(InstrumentReference::from)
            .collect();
        let scenarios = match dnalyaw_engine::stress(&self.engine, &reference) {
            Ok(scenarios) => scenarios,
            Err(err) => return json!({"ok": false, "error": err.to_string()}),
        };
        let rows: Vec<Value> = scenarios.iter().map(|one| self.stressed(one)).collect();
        json!({"ok": true, "region": self.reference.region, "session": self.reference.session, "scenarios": rows})
    }

    fn stressed(&self, one: &Stressed) -> Value {
        let mut broken: Vec<String> = one
            .breaks
            .iter()
            .map(|limit| {
                let whose = match &limit.sector {
                    Some(sector) => format!(" {sector}"),
                    None if limit.issuer_id > 0 => {
                        format!(" {}", self.issuer_name(limit.issuer_id))
                    }
                    None => String::new(),
                };
                format!("{}{whose}", limit.reason.name())
            })
            .collect();
        if one.kills {
            broken.push("KILL SWITCH".into());
        }
        json!({"scenario": one.shock.name(), "equity_micro": one.equity, "loss_micro": one.loss, "drawdown_bp": one.drawdown_bp,
            "kills": one.kills, "gross_micro": one.gross, "net_micro": one.net, "stuck_names": one.stuck.len(),
            "stuck_exposure_micro": one.stuck_exposure, "broken": broken})
    }

    /// The answer to `risk`.
    pub(super) fn risk_page(&self) -> Value {
        let state = self.engine.state_report();
        let in_force = limits::describe(self.engine.limits());
        let lines = lines(&self.engine, |issuer| self.issuer_name(issuer));
        let used: Vec<Value> = lines
            .iter()
            .map(|line| {
                json!({"limit": line.limit, "name": line.name, "amount": line.used.amount, "of": line.used.limit,
                    "used_bp": line.used.share_bp})
            })
            .collect();
        let near: Vec<Value> = lines
            .iter()
            .filter(|line| line.used.share_bp >= NEAR_BP)
            .map(|line| json!({"limit": line.limit, "name": line.name, "used_bp": line.used.share_bp}))
            .collect();
        json!({
            "ok": true,
            "region": self.reference.region,
            "session": self.reference.session,
            "currency": self.reference.currency,
            "as_of_ns": self.now(),
            "binary_sha256": binary::sha256(),
            "reference_sha256": hex(&self.reference.hash),
            "limits": in_force,
            "state": {
                "trading_state": format!("{:?}", state.trading_state).to_uppercase(),
                "reason": state.reason.name(),
                "venue_up": state.venue_up,
                "equity_micro": self.engine.equity(),
                "baseline_micro": self.engine.baseline().map(|baseline| baseline.equity),
                "cash_micro": self.engine.cash(),
                "drawdown_bp": state.drawdown_bp,
            },
            "positions": self.engine.positions().len(),
            "working_orders": self.orders.open_count(),
            "used": used,
            "near": near,
            "decisions": self.officer.decisions.iter().map(|((kind, reason), count)| {
                let reason = Reason::from_code(*reason).map_or("?", Reason::name);
                json!({"decision": crate::scrape::decision_name(*kind), "reason": reason, "count": count})
            }).collect::<Vec<_>>(),
        })
    }
}
