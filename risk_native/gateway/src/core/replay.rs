//! From the journal's records to the state a process begins with.

use std::collections::BTreeMap;

use dnalyaw_engine::{AdoptedOrder, Baseline, Engine, Kill, Reason};

use super::orders::Orders;
use crate::log_error;
use crate::record::{By, Record, Scope};

/// What the records add up to.
#[derive(Debug, Default)]
pub struct Replayed {
    pub(super) orders: Orders,
    pub(super) baseline: Option<Baseline>,
    pub(super) kill: Option<Kill>,
    pub(super) killed_by: Option<String>,
    /// What a person halted and did not lift, by whom and why.
    pub(super) halts: BTreeMap<Scope, By>,
    /// Levels by instrument and direction, with the session in which each was set.
    pub(super) stops: BTreeMap<(u64, u8), (u32, i64)>,
    /// Announced in a session, and shown by the venue's cash in it.
    pub(super) announced: (u32, i64),
    pub(super) flows: (u32, i64),
    /// Orders of the venue that a person took for ours.
    pub(super) claims: BTreeMap<String, By>,
}

impl Replayed {
    /// Orders ever decided, orders open, last id taken.
    pub fn counts(&self) -> (usize, u64, u64) {
        (
            self.orders.len(),
            self.orders.open_count(),
            self.orders.last_id(),
        )
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Baseline { session, equity } => {
                self.baseline = Some(Baseline { session, equity });
            }
            Record::Kill {
                session,
                reason,
                who,
                ..
            } => {
                self.killed_by = Some(who);
                self.kill = Some(Kill {
                    session,
                    reason: Reason::from_code(reason).unwrap_or(Reason::Operator),
                });
            }
            Record::Rearm { .. } => (self.kill, self.killed_by) = (None, None),
            Record::Halt { scope, on, by, .. } => {
                if on {
                    self.halts.insert(scope, by);
                } else {
                    self.halts.remove(&scope);
                }
            }
            Record::ShadowDifference { why, .. } => {
                let by = By {
                    who: "shadow".into(),
                    reason: why,
                    uid: 0,
                };
                self.halts.insert(Scope::Shadow, by);
            }
            Record::Stop {
                session,
                instrument_id,
                direction,
                level,
                ..
            } => {
                if level > 0 {
                    self.stops
                        .insert((instrument_id, direction), (session, level));
                } else {
                    self.stops.remove(&(instrument_id, direction));
                }
            }
            Record::Flow {
                session, amount, ..
            } => {
                if self.announced.0 != session {
                    self.announced = (session, 0);
                }
                self.announced.1 = self.announced.1.saturating_add(amount);
            }
            Record::Flows { session, amount } => self.flows = (session, amount),
            Record::Claim { cl_ord_id, by, .. } => {
                self.claims.insert(cl_ord_id, by);
            }
            other => self.orders.replay(other),
        }
    }
}

/// Replays the records and puts back into the engine what must survive a restart.
pub fn replay(records: Vec<Record>, engine: &mut Engine, session: u32) -> Replayed {
    let mut state = Replayed::default();
    for record in records {
        state.apply(record);
    }
    if let Some(baseline) = state.baseline {
        engine.restore_baseline(baseline);
    }
    if let Some(kill) = state.kill {
        engine.restore_kill(kill);
    }
    engine.restore_last_order_id(state.orders.last_id(), state.orders.last_own_id());
    for id in state.orders.open_ids() {
        let Some(entry) = state.orders.get(id) else {
            continue;
        };
        // An order of a session that is over holds nothing; the first mass status closes its file.
        if entry.decision.session != session {
            continue;
        }
        let adopted = AdoptedOrder {
            order_id: id,
            instrument_id: entry.instrument_id(),
            side: entry.side(),
            quantity: entry.decision.approved_quantity,
            cumulative_quantity: entry.filled,
            limit_price: entry.decision.order.limit_price,
        };
        // A market order is reserved at a price, and the venue has not told one yet.
        engine.on_settlement_price(entry.instrument_id(), entry.decision.reference_price);
        if let Err(reason) = engine.adopt(&adopted) {
            log_error!("order_not_reserved", {"order_id": id, "reason": reason.name()});
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(reason: &str) -> By {
        By {
            uid: 1000,
            who: "ops".into(),
            reason: reason.into(),
        }
    }

    fn applied(records: Vec<Record>) -> Replayed {
        let mut state = Replayed::default();
        for record in records {
            let text = serde_json::to_string(&record).unwrap();
            state.apply(serde_json::from_str(&text).unwrap());
        }
        state
    }

    #[test]
    fn what_a_person_did_is_found_again_until_it_is_undone() {
        let halt = |scope: Scope, on| Record::Halt {
            scope,
            on,
            by: by("feed looks wrong"),
            ts_ns: 1,
        };
        let pairs = Scope::Strategy {
            strategy: "pairs".into(),
        };
        let state = applied(vec![
            halt(pairs.clone(), true),
            halt(Scope::Instrument { instrument_id: 7 }, true),
            halt(
                Scope::Venue {
                    venue: "NYSE".into(),
                },
                true,
            ),
            halt(Scope::Instrument { instrument_id: 7 }, false),
            Record::ShadowDifference {
                why: "gross 3 is 2".into(),
                ts_ns: 2,
            },
            Record::Claim {
                cl_ord_id: "US-9".into(),
                by: by("ours, by telephone"),
                ts_ns: 3,
            },
        ]);
        let scopes: Vec<_> = state.halts.keys().cloned().collect();
        let venue = Scope::Venue {
            venue: "NYSE".into(),
        };
        assert_eq!(scopes, [pairs, venue, Scope::Shadow]);
        assert_eq!(state.halts[&Scope::Shadow].reason, "gross 3 is 2");
        assert_eq!(state.claims["US-9"].reason, "ours, by telephone");
    }

    #[test]
    fn a_kill_holds_until_it_is_rearmed_and_flows_are_of_their_session() {
        let kill = Record::Kill {
            session: 20_261_123,
            reason: Reason::Drawdown.code(),
            who: "drawdown".into(),
            correlation: Default::default(),
            ts_ns: 1,
        };
        let flow = |session, amount| Record::Flow {
            session,
            amount,
            by: by("monthly"),
            ts_ns: 2,
        };
        assert_eq!(
            applied(vec![kill.clone()]).kill.unwrap().reason,
            Reason::Drawdown
        );
        let state = applied(vec![
            kill,
            flow(20_261_123, 100),
            flow(20_261_124, 5),
            flow(20_261_124, -7),
            Record::Flows {
                session: 20_261_124,
                amount: 5,
            },
            Record::Rearm {
                session: 20_261_124,
                by: by("the cause is found"),
                ts_ns: 3,
            },
        ]);
        assert_eq!(state.kill, None);
        assert_eq!(state.announced, (20_261_124, -2));
        assert_eq!(state.flows, (20_261_124, 5));
    }

    #[test]
    fn a_stop_is_the_last_level_told_of_its_direction() {
        let stop = |direction, level| Record::Stop {
            session: 20_261_123,
            instrument_id: 4,
            direction,
            level,
            ts_ns: 1,
        };
        let state = applied(vec![stop(1, 90), stop(2, 120), stop(1, 95), stop(2, 0)]);
        let held: Vec<_> = state.stops.into_iter().collect();
        assert_eq!(held, [((4, 1), (20_261_123, 95))]);
    }
}
