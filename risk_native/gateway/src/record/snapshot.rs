//! The parts of a snapshot.

use serde::{Deserialize, Serialize};

use super::{DecisionRecord, Id, Record};
use crate::journal::Bound;

/// The state that still matters, restated so that a start need not read what came before. Between `Begin` and `End`
/// other records may stand: an order's parts hold what was true of it when they were written, and what follows goes on
/// from there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    Begin {
        number: u64,
        session: u32,
        last_order_id: u64,
        last_own_order_id: u64,
    },
    /// One thing, as a record of its own kind would have said it.
    State {
        record: Box<Record>,
    },
    /// An order without its reports, which follow as `State`.
    Order {
        decision: Box<DecisionRecord>,
        /// The correlation of a cancel that was asked for.
        cancel: Option<Id>,
        /// The modification that the venue has not answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replacing: Option<u64>,
        /// Nothing can come of it any more, whatever its reports say.
        done: bool,
    },
    End {
        number: u64,
    },
}

impl crate::journal::Entry for Record {
    fn bound(&self) -> Bound {
        match self {
            Record::Snapshot(Part::Begin { number, .. }) => Bound::Begin(*number),
            Record::Snapshot(Part::End { number }) => Bound::End(*number),
            Record::Snapshot(_) => Bound::Part,
            _ => Bound::Outside,
        }
    }
}
