//! Snapshots: the state restated in the journal, a little with every batch.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::Core;
use super::orders::{Entry, Orders};
use super::standing::Standing;
use crate::log_info;
use crate::record::{Part, Record};

/// Orders restated with one batch: some hundred microseconds of the core's time.
const ORDERS_A_BATCH: usize = 64;

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct Restating {
    number: u64,
    /// Orders not restated yet. Newer ones stand behind the beginning anyway.
    orders: VecDeque<u64>,
}

/// What begins a snapshot of this session, orders apart.
fn beginning(number: u64, session: u32, standing: &Standing, orders: &Orders) -> Vec<Record> {
    let (last_order_id, last_own_order_id) = orders.journaled_ids();
    let begin = Record::Snapshot(Part::Begin {
        number,
        session,
        last_order_id,
        last_own_order_id,
    });
    let state = |record| {
        Record::Snapshot(Part::State {
            record: Box::new(record),
        })
    };
    let seen = orders
        .remembered()
        .map(|exec_id| Record::Seen {
            exec_id: exec_id.clone(),
        })
        .map(state);
    std::iter::once(begin)
        .chain(standing.records().into_iter().map(state))
        .chain(seen)
        .collect()
}

/// An order and its reports.
fn order(orders: &Orders, id: u64) -> Vec<Record> {
    let Some(entry) = orders.get(id) else {
        return Vec::new();
    };
    let head = Record::Snapshot(Part::Order {
        decision: Box::new(entry.decision.clone()),
        cancel: entry.cancel.map(|cancel| cancel.correlation),
        replacing: entry.replacing,
        done: !entry.open(),
    });
    let execs = entry.execs.iter().map(|exec| {
        Record::Snapshot(Part::State {
            record: Box::new(Record::Exec(exec.clone())),
        })
    });
    std::iter::once(head).chain(execs).collect()
}

/// A hash over everything that outlives a restart in this session: equal for a state that was restated and one that was
/// replayed from the beginning.
pub fn state_hash(session: u32, standing: &Standing, orders: &Orders) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let rest = (
        standing.records(),
        orders.remembered().collect::<Vec<_>>(),
        orders.journaled_ids(),
    );
    // Records hold no map and no number that JSON could not carry.
    hasher.update(serde_json::to_vec(&rest).expect("records are JSON"));
    for id in orders.current(session) {
        hasher.update(orders.get(id).map(Entry::digest).unwrap_or_default());
    }
    hasher.finalize().into()
}

impl Core {
    /// Goes on with a snapshot, or begins one that is due.
    pub(super) fn restate(&mut self) {
        if self.restating.is_none() {
            let Some(number) = self.journal.snapshot_due() else {
                return;
            };
            let session = self.reference.session;
            let begun = beginning(number, session, &self.standing, &self.orders);
            if !self.restated(begun) {
                return;
            }
            self.restating = Some(Restating {
                number,
                orders: self.orders.current(session).collect(),
            });
        }
        for _ in 0..ORDERS_A_BATCH {
            let Some(restating) = &mut self.restating else {
                return;
            };
            let number = restating.number;
            let Some(id) = restating.orders.pop_front() else {
                self.restating = None;
                if self.restated(vec![Record::Snapshot(Part::End { number })]) {
                    log_info!("snapshot", {"number": number, "journal_records": self.journal.len()});
                }
                return;
            };
            let parts = order(&self.orders, id);
            if !self.restated(parts) {
                self.restating = None;
            }
        }
    }

    /// Parts are no news: nothing but the journal hears of them.
    fn restated(&mut self, parts: Vec<Record>) -> bool {
        parts
            .iter()
            .all(|part| self.journal.append(part, part.class()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::Replayed;
    use crate::record::{
        By, DecisionRecord, ExecRecord, Id, Metrics, OrderRecord, Replacement, Scope,
    };

    const SESSION: u32 = 20_261_123;

    fn decision(id: u64, replaces: Option<u64>, approved: i64, session: u32) -> Record {
        Record::Decision(Box::new(DecisionRecord {
            ts_ns: i64::try_from(id).unwrap(),
            wall_ns: 1,
            session,
            order: OrderRecord {
                order_id: id,
                instrument_id: 1 + id % 3,
                quantity: 100,
                limit_price: 5_000_000,
                stop_distance: 0,
                side: 1,
                order_type: 2,
                time_in_force: 0,
                flags: 0,
                strategies: id % 4,
                path: dnalyaw_frames::Path::from_u8(u8::try_from(id % 3).unwrap()).unwrap(),
            },
            replaces,
            correlation: Id([7; 16]),
            decision: if approved > 0 { 1 } else { 3 },
            reason: 0,
            approved_quantity: approved,
            reference_price: 5_000_000,
            equity: 1,
            worst_case: 2,
            binding_limit: 3,
            limits_hash: 4,
            metrics: Metrics::default(),
        }))
    }

    fn exec(order_id: u64, n: u64, exec_type: u8, last: i64, cumulative: i64) -> ExecRecord {
        ExecRecord {
            order_id,
            ts_ns: i64::try_from(n).unwrap(),
            exec_id: format!("E{n}"),
            exec_type,
            last_quantity: last,
            last_price: 5_000_000,
            cumulative_quantity: cumulative,
            leaves_quantity: 0,
            fee: 10,
            reason: 0,
            bid: 0,
            ask: 0,
            synthesised: false,
            replacement: None,
            corrects: None,
        }
    }

    /// The record of the `n`th thing that happens, of a kind and about an order that the numbers choose.
    fn happens(state: &Replayed, n: u64, kind: u8, which: usize) -> Record {
        let orders: Vec<u64> = state.orders.open_ids();
        let next = state.orders.last_id() + 1;
        let Some(id) = orders.get(which % orders.len().max(1)).copied() else {
            return decision(next, None, 100, SESSION);
        };
        let entry = state.orders.get(id).unwrap();
        let filled = entry.filled;
        match kind {
            0 | 1 => decision(next, None, if which % 4 == 0 { 0 } else { 100 }, SESSION),
            2 => Record::Exec(exec(id, n, 0, 0, filled)),
            3 | 4 if filled < 90 => Record::Exec(exec(id, n, 1, 10, filled + 10)),
            3 | 4 => Record::Exec(exec(id, n, 2, entry.leaves(), filled + entry.leaves())),
            5 => Record::Exec(exec(id, n, 4, 0, filled)),
            6 => Record::Cancel {
                order_id: id,
                correlation: Id([9; 16]),
                ts_ns: 1,
            },
            7 => Record::Seen {
                exec_id: format!("S{n}"),
            },
            8 => Record::Expired { order_id: id },
            9 if entry.replacing.is_none() => decision(next, Some(id), 80, SESSION),
            9 => Record::Exec(exec(entry.replacing.unwrap(), n, 8, 0, 0)),
            10 if entry.replacing.is_some() => {
                let taken = Replacement {
                    order_id: entry.replacing.unwrap(),
                    quantity: 120,
                    limit_price: 6_000_000,
                };
                Record::Exec(ExecRecord {
                    replacement: Some(taken),
                    corrects: None,
                    ..exec(id, n, 5, 0, filled)
                })
            }
            10 => Record::Exec(exec(id, n, 13, -5, (filled - 5).max(0))),
            11 => Record::Halt {
                scope: Scope::Instrument {
                    instrument_id: n % 4,
                },
                on: which % 2 == 0,
                by: By::default(),
                ts_ns: 1,
            },
            12 => Record::Stop {
                session: SESSION,
                instrument_id: n % 3,
                direction: 1,
                level: i64::try_from(n % 2).unwrap() * 50,
                fired: which % 2 == 0,
                ts_ns: 1,
            },
            13 => Record::Flow {
                session: SESSION,
                amount: i64::try_from(n).unwrap(),
                by: By::default(),
                ts_ns: 1,
            },
            14 => Record::Flows {
                session: SESSION,
                amount: i64::try_from(n).unwrap(),
            },
            _ => Record::Claim {
                cl_ord_id: format!("US-{n}"),
                by: By::default(),
                ts_ns: 1,
            },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// However much happens before a snapshot, and between its parts: whoever reads from its beginning comes to the
        /// state of whoever lived through everything.
        #[test]
        fn a_snapshot_that_is_written_while_things_happen_restates_all_of_them(
            before in proptest::collection::vec((0_u8..16, 0_usize..50), 0..80),
            during in proptest::collection::vec((0_u8..16, 0_usize..50), 0..60),
            slow in 1_usize..4,
        ) {
            let mut live = Replayed::default();
            let mut n = 0;
            live.apply(Record::Start { wall_ns: 0, region: "US".into(), session: SESSION,
                reference_hash: String::new(), limits_hash: String::new() });
            // One of an earlier session that is open still.
            live.apply(decision(1, None, 100, SESSION - 1));
            for (kind, which) in before {
                n += 1;
                let record = happens(&live, n, kind, which);
                live.apply(record);
            }
            let mut journal = beginning(1, SESSION, &live.standing, &live.orders);
            let mut ids: VecDeque<u64> = live.orders.current(SESSION).collect();
            for (kind, which) in during {
                n += 1;
                let record = happens(&live, n, kind, which);
                journal.push(record.clone());
                live.apply(record);
                if n % slow as u64 == 0 && let Some(id) = ids.pop_front() {
                    journal.extend(order(&live.orders, id));
                }
            }
            for id in ids {
                journal.extend(order(&live.orders, id));
            }
            journal.push(Record::Snapshot(Part::End { number: 1 }));
            let mut again = Replayed::default();
            for record in journal {
                let text = serde_json::to_string(&record).unwrap();
                again.apply(serde_json::from_str(&text).unwrap());
            }
            for id in live.orders.current(SESSION) {
                let of = |state: &Replayed| state.orders.get(id).map(|one| String::from_utf8(one.digest()).unwrap());
                prop_assert_eq!(of(&again), of(&live));
            }
            prop_assert_eq!(again.orders.open_ids(), live.orders.open_ids());
            prop_assert_eq!(again.standing.records(), live.standing.records());
            let seen = |state: &Replayed| state.orders.remembered().cloned().collect::<Vec<_>>();
            prop_assert_eq!(seen(&again), seen(&live));
            prop_assert_eq!(again.orders.traded(SESSION), live.orders.traded(SESSION));
            prop_assert_eq!(again.state_hash(SESSION), live.state_hash(SESSION));
            prop_assert_eq!(again.orders.last_id(), live.orders.last_id());
        }
    }
}
