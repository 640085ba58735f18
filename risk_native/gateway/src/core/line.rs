//! The line to omsd: what happens when it is lost, by setting, and that it is back.
//!
//! Lost is a line whose socket closed or that was silent for longer than agreed; omsd sends a heartbeat twice a second. A
//! riskd that never had a client has lost nothing.

use std::time::Duration;

use dnalyaw_engine::{Hold, OWN_ORDER_ID_BASE, Reason};

use super::Core;
use crate::config::LinkLoss;
use crate::record::Id;
use crate::{log_error, log_info};

/// See the module.
#[derive(Debug)]
pub(super) struct Line {
    policy: LinkLoss,
    timeout: Duration,
    /// A client said HELLO since the start.
    had: bool,
    pub lost: bool,
}

impl Line {
    pub fn new(policy: LinkLoss, timeout: Duration) -> Self {
        Self {
            policy,
            timeout,
            had: false,
            lost: false,
        }
    }
}

impl Core {
    /// omsd greeted: the line is there.
    pub(super) fn line_up(&mut self) {
        self.line.had = true;
        self.line_back();
    }

    /// Looks whether the line is still there.
    pub(super) fn watch_line(&mut self) {
        if !self.line.had {
            return;
        }
        let silence = match &self.client {
            Some(client) if self.greeted => client.silence(),
            // A connection that has not greeted is no line.
            _ => return self.line_lost("its socket is closed".into()),
        };
        if silence >= self.line.timeout {
            self.line_lost(format!("it was silent for {} ms", silence.as_millis()));
        } else {
            self.line_back();
        }
    }

    /// It speaks: whatever comes is decided with the line there.
    pub(super) fn line_back(&mut self) {
        if std::mem::replace(&mut self.line.lost, false) {
            log_info!("oms_line_back", {"state": "no longer reduce-only for it"});
            self.engine.set_hold(Hold::LinkLost, false);
        }
    }

    fn line_lost(&mut self, why: String) {
        if std::mem::replace(&mut self.line.lost, true) {
            return;
        }
        self.counters.line_losses += 1;
        log_error!("oms_line_lost", {"why": why, "policy": self.line.policy.name(), "working_orders": self.orders.open_count()});
        // Whatever the policy: no new risk while nobody steers.
        self.engine.set_hold(Hold::LinkLost, true);
        match self.line.policy {
            LinkLoss::ReduceOnly => {}
            LinkLoss::Cancel => {
                for id in self.orders.open_ids() {
                    if id < OWN_ORDER_ID_BASE {
                        self.cancel(id, Id::default());
                    }
                }
            }
            LinkLoss::Flatten => {
                self.throw(
                    Reason::LinkLost,
                    format!("omsd's line was lost: {why}"),
                    Id::default(),
                );
            }
        }
    }
}
