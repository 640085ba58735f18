//! What holds besides the orders, record by record: the same code builds it at the start and keeps it while riskd runs.

use std::collections::BTreeMap;

use dnalyaw_engine::{Baseline, Kill, Reason};

use crate::record::{By, Part, Record, Scope};

/// The sum of all records that are not about orders.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    baseline: Option<Baseline>,
    /// The record of the kill that was not re-armed.
    kill: Option<Record>,
    /// What a person halted and did not lift, by whom and why, and when.
    halts: BTreeMap<Scope, (By, i64)>,
    /// Levels by instrument and direction, with the session in which each was set.
    stops: BTreeMap<(u64, u8), Stop>,
    /// The flow that was announced last and that the venue's cash has not shown.
    announced: Option<Announced>,
    /// What it has shown, by session.
    flows: (u32, i64),
    /// The session that riskd began last.
    session: u32,
    /// Orders of the venue that a person took for ours, in this session and while they work.
    claims: BTreeMap<String, (By, i64)>,
}

#[derive(Clone, Debug)]
struct Announced {
    session: u32,
    amount: i64,
    by: By,
    ts_ns: i64,
}

/// A stop as it was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    pub session: u32,
    pub level: i64,
    /// It was reached, and the position has not been closed yet.
    pub fired: bool,
    ts_ns: i64,
}

impl Standing {
    /// Takes a record in. Those about orders change nothing.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Start { session, .. } | Record::Snapshot(Part::Begin { session, .. }) => {
                self.begin_session(*session);
            }
            Record::Baseline { session, equity } => {
                self.baseline = Some(Baseline {
                    session: *session,
                    equity: *equity,
                });
            }
            Record::Kill { .. } => self.kill = Some(record.clone()),
            Record::Rearm { .. } => self.kill = None,
            Record::Halt {
                scope,
                on,
                by,
                ts_ns,
            } => {
                if *on {
                    self.halts.insert(scope.clone(), (by.clone(), *ts_ns));
                } else {
                    self.halts.remove(scope);
                }
            }
            Record::ShadowDifference { why, ts_ns } => {
                let by = By {
                    who: "shadow".into(),
                    reason: why.clone(),
                    uid: 0,
                };
                self.halts.insert(Scope::Shadow, (by, *ts_ns));
            }
            Record::Stop {
                session,
                instrument_id,
                direction,
                level,
                fired,
                ts_ns,
            } => {
                let key = (*instrument_id, *direction);
                if *level > 0 {
                    let stop = Stop {
                        session: *session,
                        level: *level,
                        fired: *fired,
                        ts_ns: *ts_ns,
                    };
                    self.stops.insert(key, stop);
                } else {
                    self.stops.remove(&key);
                }
            }
            // A later announcement takes an earlier one's place; 0 withdraws it.
            Record::Flow {
                session,
                amount,
                by,
                ts_ns,
            } => {
                self.announced = (*amount != 0).then(|| Announced {
                    session: *session,
                    amount: *amount,
                    by: by.clone(),
                    ts_ns: *ts_ns,
                });
            }
            Record::Flows { session, amount } => {
                self.flows = (*session, *amount);
                self.announced = None;
            }
            Record::Claim {
                cl_ord_id,
                by,
                ts_ns,
            } => {
                self.claims.insert(cl_ord_id.clone(), (by.clone(), *ts_ns));
            }
            Record::ClaimOver { cl_ord_id } => {
                self.claims.remove(cl_ord_id);
            }
            Record::Snapshot(Part::State { record }) => self.apply(record),
            _ => {}
        }
    }

    /// A claim is of an order of its session.
    fn begin_session(&mut self, session: u32) {
        if session != std::mem::replace(&mut self.session, session) {
            self.claims.clear();
        }
    }

    /// Records that add up to this.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        if let Some(Baseline { session, equity }) = self.baseline {
            records.push(Record::Baseline { session, equity });
        }
        records.extend(self.kill.clone());
        records.extend(self.halts.iter().map(|(scope, (by, ts_ns))| Record::Halt {
            scope: scope.clone(),
            on: true,
            by: by.clone(),
            ts_ns: *ts_ns,
        }));
        let stops = self.stops.iter();
        records.extend(
            stops.map(|((instrument_id, direction), stop)| Record::Stop {
                session: stop.session,
                instrument_id: *instrument_id,
                direction: *direction,
                level: stop.level,
                fired: stop.fired,
                ts_ns: stop.ts_ns,
            }),
        );
        if self.flows.1 != 0 {
            records.push(Record::Flows {
                session: self.flows.0,
                amount: self.flows.1,
            });
        }
        // Behind the sum, which ends what was announced before it.
        records.extend(self.announcement());
        let claims = self.claims.iter();
        records.extend(claims.map(|(cl_ord_id, (by, ts_ns))| Record::Claim {
            cl_ord_id: cl_ord_id.clone(),
            by: by.clone(),
            ts_ns: *ts_ns,
        }));
        records
    }

    pub fn baseline(&self) -> Option<Baseline> {
        self.baseline
    }

    /// The kill that holds.
    pub fn kill(&self) -> Option<Kill> {
        match &self.kill {
            Some(Record::Kill {
                session, reason, ..
            }) => Some(Kill {
                session: *session,
                reason: Reason::from_code(*reason).unwrap_or(Reason::Operator),
            }),
            _ => None,
        }
    }

    /// Who threw the switch that holds.
    pub fn killed_by(&self) -> Option<&str> {
        match &self.kill {
            Some(Record::Kill { who, .. }) => Some(who),
            _ => None,
        }
    }

    /// What is halted, by whom and why.
    pub fn halts(&self) -> impl Iterator<Item = (&Scope, &By)> {
        self.halts.iter().map(|(scope, (by, _))| (scope, by))
    }

    /// Stops by instrument and direction.
    pub fn stops(&self) -> &BTreeMap<(u64, u8), Stop> {
        &self.stops
    }

    /// The record of a flow that was announced and not shown yet.
    pub fn announcement(&self) -> Option<Record> {
        self.announced.as_ref().map(|flow| Record::Flow {
            session: flow.session,
            amount: flow.amount,
            by: flow.by.clone(),
            ts_ns: flow.ts_ns,
        })
    }

    /// What the venue's cash has shown of the announced flows of this session.
    pub fn flows(&self, session: u32) -> i64 {
        let (own, amount) = self.flows;
        if own == session { amount } else { 0 }
    }

    /// What was announced in this session and not shown yet.
    pub fn announced(&self, session: u32) -> Option<i64> {
        let flow = self.announced.as_ref()?;
        (flow.session == session).then_some(flow.amount)
    }

    /// Orders of the venue that a person took for ours.
    pub fn claims(&self) -> impl Iterator<Item = &String> {
        self.claims.keys()
    }

    /// Whether a person took this order of the venue for ours.
    pub fn claimed(&self, cl_ord_id: &str) -> bool {
        self.claims.contains_key(cl_ord_id)
    }
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

    /// What the records add up to, by way of the text that stands in the journal; and the same from its own restatement.
    fn applied(records: &[Record]) -> Standing {
        let mut state = Standing::default();
        for record in records {
            let text = serde_json::to_string(record).unwrap();
            state.apply(&serde_json::from_str(&text).unwrap());
        }
        let mut again = Standing::default();
        for record in state.records() {
            again.apply(&Record::Snapshot(Part::State {
                record: Box::new(record),
            }));
        }
        assert_eq!(again.records(), state.records());
        again
    }

    #[test]
    fn what_a_person_did_is_found_again_until_it_is_undone() {
        let halt = |scope: &Scope, on| Record::Halt {
            scope: scope.clone(),
            on,
            by: by("feed looks wrong"),
            ts_ns: 1,
        };
        let pairs = Scope::Strategy {
            strategy: "pairs".into(),
        };
        let venue = Scope::Venue {
            venue: "NYSE".into(),
        };
        let instrument = Scope::Instrument { instrument_id: 7 };
        let state = applied(&[
            halt(&pairs, true),
            halt(&instrument, true),
            halt(&venue, true),
            halt(&Scope::All, true),
            halt(&instrument, false),
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
        let scopes: Vec<_> = state.halts().map(|(scope, _)| scope.clone()).collect();
        assert_eq!(scopes, [Scope::All, pairs, venue, Scope::Shadow]);
        let shadow = state.halts().last().unwrap().1;
        assert_eq!(shadow.reason, "gross 3 is 2");
        assert!(state.claimed("US-9") && !state.claimed("US-8"));
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
        let killed = applied(std::slice::from_ref(&kill));
        assert_eq!(killed.kill().unwrap().reason, Reason::Drawdown);
        assert_eq!(killed.killed_by(), Some("drawdown"));
        let state = applied(&[
            kill,
            flow(20_261_123, 100),
            flow(20_261_124, 5),
            Record::Flows {
                session: 20_261_124,
                amount: 5,
            },
            flow(20_261_124, -7),
            flow(20_261_124, -8),
            Record::Rearm {
                session: 20_261_124,
                by: by("the cause is found"),
                ts_ns: 3,
            },
        ]);
        assert_eq!(state.kill(), None);
        assert_eq!(state.flows(20_261_124), 5);
        assert_eq!(state.announced(20_261_124), Some(-8));
        assert_eq!(state.flows(20_261_125), 0);
        assert_eq!(state.announced(20_261_125), None);
        assert_eq!(applied(&[flow(1, 9), flow(1, 0)]).announced(1), None);
    }

    #[test]
    fn a_stop_is_the_last_level_told_of_its_direction() {
        let stop = |direction, level| Record::Stop {
            session: 20_261_123,
            instrument_id: 4,
            direction,
            level,
            fired: false,
            ts_ns: 1,
        };
        let state = applied(&[stop(1, 90), stop(2, 120), stop(1, 95), stop(2, 0)]);
        let held: Vec<_> = state
            .stops()
            .iter()
            .map(|(key, s)| (*key, s.level))
            .collect();
        assert_eq!(held, [((4, 1), 95)]);
    }

    #[test]
    fn a_stop_that_fired_is_found_fired_and_one_of_an_older_journal_is_not() {
        let fired = Record::Stop {
            session: 20_261_123,
            instrument_id: 4,
            direction: 1,
            level: 90,
            fired: true,
            ts_ns: 1,
        };
        let state = applied(std::slice::from_ref(&fired));
        assert!(state.stops()[&(4, 1)].fired);
        let mut old = serde_json::to_value(&fired).unwrap();
        old.as_object_mut().unwrap().remove("fired");
        let old: Record = serde_json::from_value(old).unwrap();
        assert!(!applied(&[fired, old]).stops()[&(4, 1)].fired);
    }

    #[test]
    fn a_claim_ends_with_its_order_and_with_the_session() {
        let start = |session| Record::Start {
            wall_ns: 1,
            region: "US".into(),
            session,
            reference_hash: String::new(),
            limits_hash: String::new(),
        };
        let claim = |id: &str| Record::Claim {
            cl_ord_id: id.into(),
            by: by("ours"),
            ts_ns: 1,
        };
        let over = Record::ClaimOver {
            cl_ord_id: "A".into(),
        };
        let mut state = Standing::default();
        for record in [start(1), claim("A"), claim("B"), start(1), over] {
            state.apply(&record);
        }
        assert!(!state.claimed("A") && state.claimed("B"));
        state.apply(&start(2));
        assert!(!state.claimed("B"));
    }
}
