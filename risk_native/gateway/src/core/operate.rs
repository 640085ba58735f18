//! A person's commands from the control socket: journaled with who and why, then done or refused.

use serde_json::{Value, json};

use super::{Core, halts, log};
use crate::control::{Command, Request};
use crate::latch::Seen;
use crate::log::Level;
use crate::record::{By, Id, Record, Scope};

/// Orders that an answer names; the count is told besides.
const NAMED: usize = 100;

impl Core {
    pub(super) fn on_control(&mut self, request: Request) {
        let Request {
            command,
            peer,
            seen,
            reply,
        } = request;
        self.counters.control_commands += 1;
        if command == (Command::Status {}) {
            // Whoever asked may have gone away.
            let _ = reply.try_send(self.status());
            return;
        }
        if command == (Command::Risk {}) {
            let _ = reply.try_send(self.risk_page());
            return;
        }
        if command == (Command::Stress {}) {
            let _ = reply.try_send(self.stress_page());
            return;
        }
        let by = By {
            uid: peer.uid,
            who: peer.to_string(),
            reason: command.reason().unwrap_or_default().to_string(),
        };
        let done = self.obey(&command, &by, seen);
        log::write(
            Level::Warn,
            "operator",
            None,
            json!({"who": by.who, "command": command, "refused": done.as_ref().err()}),
        );
        let ts_ns = self.now();
        if command.kills() || done.is_err() {
            self.write(&Record::Operator {
                by,
                command,
                refused: done.as_ref().err().cloned().unwrap_or_default(),
                ts_ns,
            });
        }
        let answer = match done {
            Ok(()) => json!({"ok": true, "kill": self.kill_status()}),
            Err(why) => json!({"ok": false, "error": why, "kill": self.kill_status()}),
        };
        let _ = reply.try_send(answer);
    }

    fn obey(&mut self, command: &Command, by: &By, seen: Seen) -> Result<(), String> {
        match command {
            Command::Status {} | Command::Risk {} | Command::Stress {} => Ok(()),
            Command::Kill { reason } | Command::Flatten { reason } => {
                self.throw(
                    dnalyaw_engine::Reason::Operator,
                    format!("{}: {reason}", by.who),
                    Id::default(),
                );
                Ok(())
            }
            Command::Rearm { .. } => self.rearm(by, seen),
            Command::Halt { scope, name, .. } => self.halt(&scope.record(name)?, true, by),
            Command::Resume { scope, name, .. } => self.halt(&scope.record(name)?, false, by),
            Command::Flow { amount_micro, .. } => {
                self.engine.expect_flow(*amount_micro);
                let ts_ns = self.now();
                self.write(&Record::Flow {
                    session: self.reference.session,
                    amount: *amount_micro,
                    by: by.clone(),
                    ts_ns,
                });
                // The venue's next cash report shows it, or does not.
                self.resync.want_cash();
                Ok(())
            }
            Command::Claim { cl_ord_id, .. } => {
                self.can_claim(cl_ord_id)?;
                let ts_ns = self.now();
                self.write(&Record::Claim {
                    cl_ord_id: cl_ord_id.clone(),
                    by: by.clone(),
                    ts_ns,
                });
                self.halt_for_foreign();
                Ok(())
            }
        }
    }

    /// Takes the switch back. The journal hears of it before the latch is cleared: a crash in between leaves it thrown.
    fn rearm(&mut self, by: &By, seen: Seen) -> Result<(), String> {
        if self.latch.fired().is_none() && self.engine.killed().is_none() {
            return Err("the kill switch is not thrown".into());
        }
        // Who asked did not know of it.
        if self.latch.seen() != seen {
            return Err(
                "the kill switch was thrown again since this was asked: look, and ask again".into(),
            );
        }
        self.engine.rearm().map_err(|err| err.to_string())?;
        let ts_ns = self.now();
        self.write(&Record::Rearm {
            session: self.reference.session,
            by: by.clone(),
            ts_ns,
        });
        self.kill = None;
        self.switch_rearmed(seen);
        Ok(())
    }

    fn halt(&mut self, scope: &Scope, on: bool, by: &By) -> Result<(), String> {
        let standing = self.standing.halts().any(|(held, _)| held == scope);
        if !on && !standing {
            return Err("it is not halted".into());
        }
        halts::set(&mut self.engine, &self.reference, &self.standing, scope, on)?;
        let ts_ns = self.now();
        self.write(&Record::Halt {
            scope: scope.clone(),
            on,
            by: by.clone(),
            ts_ns,
        });
        Ok(())
    }

    /// What a person wants to know first.
    fn status(&self) -> Value {
        let state = self.engine.state_report();
        let positions: Vec<Value> = self
            .engine
            .positions()
            .iter()
            .filter(|one| one.quantity != 0)
            .map(|one| json!({"instrument_id": one.instrument_id, "quantity": one.quantity, "mark": one.mark}))
            .collect();
        let orders: Vec<Value> = self
            .orders
            .open_from(0)
            .take(NAMED)
            .map(|entry| {
                json!({"order_id": entry.id(), "instrument_id": entry.instrument_id(), "side": entry.decision.order.side,
                    "leaves": entry.leaves(), "path": entry.decision.order.path as u8, "modification_pending": entry.replacing, "cancel_sent": entry.cancel.is_some_and(|cancel| !cancel.refused), "acknowledged": entry.acknowledged})
            })
            .collect();
        json!({
            "ok": true,
            "region": self.reference.region,
            "session": self.reference.session,
            "clock_ns": self.now(),
            "trading_state": format!("{:?}", state.trading_state).to_uppercase(),
            "reason": state.reason.name(),
            "session_state": format!("{:?}", state.session_state).to_uppercase(),
            "venue_up": state.venue_up,
            "kill": self.kill_status(),
            "positions": positions,
            "working_orders": self.orders.open_count(),
            "orders": orders,
            "unknown_orders": self.foreign_status(),
            "halts": self.standing.halts().map(|(scope, by)| json!({"scope": scope, "by": by})).collect::<Vec<_>>(),
            "flows": self.engine.flows(),
            "equity": state.equity,
            "baseline": state.baseline,
            "cash": state.cash,
            "drawdown_bp": state.drawdown_bp,
            "omsd": {"connected": self.client.is_some(), "synced": self.synced, "lost": self.line.lost,
                "silence_ms": self.client.as_ref().map(|client| u64::try_from(client.silence().as_millis()).unwrap_or(u64::MAX))},
            "cancel_on_disconnect": self.disconnect.state(),
            "journal": {"records": self.journal.len(), "head": self.journal.head(), "failed": self.journal_failed},
            "counters": self.counters,
        })
    }
}
