//! What stands in the journal.

mod metrics;
mod operator;
mod order;
mod snapshot;

use dnalyaw_engine::OWN_ORDER_ID_BASE;
use serde::{Deserialize, Serialize};

pub use metrics::Metrics;
pub use operator::{By, Scope};
pub use order::{DecisionRecord, ExecRecord, Id, OrderRecord, Replacement};
pub use snapshot::Part;

use crate::journal::Class;

/// One record. Times are nanoseconds of the venue's clock, money and prices millionths.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// riskd began.
    Start {
        wall_ns: i64,
        region: String,
        session: u32,
        reference_hash: String,
        limits_hash: String,
    },
    /// The one decision on an order, with the grounds it stood on.
    Decision(Box<DecisionRecord>),
    /// A NEW_ORDER whose id was taken already, or that could not have one; it changes nothing.
    Refusal(Box<DecisionRecord>),
    /// A report of the venue that changed something.
    Exec(ExecRecord),
    /// An ExecID whose content was known by another way.
    Seen { exec_id: String },
    /// A cancel asked for by omsd or by the kill switch.
    Cancel {
        order_id: u64,
        correlation: Id,
        ts_ns: i64,
    },
    /// The session's baseline equity.
    Baseline { session: u32, equity: i64 },
    /// The kill switch fired.
    Kill {
        session: u32,
        reason: u16,
        who: String,
        correlation: Id,
        ts_ns: i64,
    },
    /// Orders of a session that is over.
    Expired { order_id: u64 },
    /// After a kill: the venue's own report holds no position and no order.
    Flat { session: u32, ts_ns: i64 },
    /// A command of the control socket that has no record of its own: a kill, or one that was refused.
    Operator {
        by: By,
        command: crate::control::Command,
        /// Why it was refused; empty when it was done.
        #[serde(default)]
        refused: String,
        ts_ns: i64,
    },
    /// A person re-armed the fired kill switch.
    Rearm { session: u32, by: By, ts_ns: i64 },
    /// A person stopped something from opening, or let it open again.
    Halt {
        #[serde(flatten)]
        scope: Scope,
        on: bool,
        by: By,
        ts_ns: i64,
    },
    /// A person announced money that comes (positive) or goes.
    Flow {
        session: u32,
        amount: i64,
        by: By,
        ts_ns: i64,
    },
    /// What of the announced flows of a session the venue's cash has shown: the sum.
    Flows { session: u32, amount: i64 },
    /// A person took an order for ours that the venue works and the journal did not know.
    Claim {
        cl_ord_id: String,
        by: By,
        ts_ns: i64,
    },
    /// A claimed order is gone: its ClOrdID, should it come again, is to be claimed again.
    ClaimOver { cl_ord_id: String },
    /// The stop of an instrument and direction (1 of a long position, 2 of a short one) changed; level 0: there is none.
    Stop {
        session: u32,
        instrument_id: u64,
        direction: u8,
        level: i64,
        /// It was reached: the position is being closed.
        #[serde(default)]
        fired: bool,
        ts_ns: i64,
    },
    /// The engine's running sums were not what its orders and positions add up to.
    ShadowDifference { why: String, ts_ns: i64 },
    /// A part of a snapshot.
    Snapshot(Part),
}

impl Record {
    /// How much it matters that the journal has it when room is short.
    pub fn class(&self) -> Class {
        match self {
            Record::Decision(decision) if decision.order.order_id >= OWN_ORDER_ID_BASE => {
                Class::Reserved
            }
            // The state can be restated when there is room again.
            Record::Decision(_) | Record::Refusal(_) | Record::Snapshot(_) => Class::Opening,
            Record::Exec(_)
            | Record::Seen { .. }
            | Record::Baseline { .. }
            | Record::Expired { .. }
            | Record::Flows { .. }
            | Record::Stop { .. } => Class::Report,
            Record::Start { .. }
            | Record::Cancel { .. }
            | Record::Kill { .. }
            | Record::Flat { .. }
            | Record::Operator { .. }
            | Record::Rearm { .. }
            | Record::Halt { .. }
            | Record::Flow { .. }
            | Record::Claim { .. }
            | Record::ClaimOver { .. }
            | Record::ShadowDifference { .. } => Class::Reserved,
        }
    }
}
