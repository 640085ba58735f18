//! From the journal's records to the state a process begins with.

use dnalyaw_engine::{AdoptedOrder, Baseline, Engine, Kill, Reason};

use super::orders::Orders;
use crate::log_error;
use crate::record::Record;

/// What the records add up to.
#[derive(Debug, Default)]
pub struct Replayed {
    pub(super) orders: Orders,
    pub(super) baseline: Option<Baseline>,
    pub(super) kill: Option<Kill>,
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
}

/// Replays the records and puts back into the engine what must survive a restart.
pub fn replay(records: Vec<Record>, engine: &mut Engine, session: u32) -> Replayed {
    let mut state = Replayed::default();
    for record in records {
        match record {
            Record::Baseline { session, equity } => {
                state.baseline = Some(Baseline { session, equity });
            }
            Record::Kill {
                session, reason, ..
            } => {
                state.kill = Some(Kill {
                    session,
                    reason: Reason::from_code(reason).unwrap_or(Reason::Operator),
                });
            }
            other => state.orders.replay(other),
        }
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
