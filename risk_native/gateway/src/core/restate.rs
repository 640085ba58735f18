//! Snapshots: the state restated in the journal, a little with every batch.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::Core;
use super::orders::Orders;
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
    let begin = Record::Snapshot(Part::Begin {
        number,
        session,
        last_order_id: orders.last_id(),
        last_own_order_id: orders.last_own_id(),
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
        done: !entry.open(),
    });
    let execs = entry.execs.iter().map(|exec| {
        Record::Snapshot(Part::State {
            record: Box::new(Record::Exec(exec.clone())),
        })
    });
    std::iter::once(head).chain(execs).collect()
}

/// A hash over everything that a snapshot of this session would hold: equal for a state that was restated and one that
/// was replayed from the beginning.
pub fn state_hash(session: u32, standing: &Standing, orders: &Orders) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut take = |records: Vec<Record>| {
        for record in records {
            // Records hold no map and no number that JSON could not carry.
            hasher.update(serde_json::to_vec(&record).expect("a record is JSON"));
        }
    };
    take(beginning(0, session, standing, orders));
    for id in orders.current(session) {
        take(order(orders, id));
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
