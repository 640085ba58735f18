//! From the journal's records to the state a process begins with.

use dnalyaw_engine::{AdoptedOrder, Engine};

use super::orders::Orders;
use super::restate::state_hash;
use super::standing::Standing;
use crate::log_error;
use crate::record::Record;

/// What the records add up to.
#[derive(Debug, Default)]
pub struct Replayed {
    pub(super) orders: Orders,
    pub(super) standing: Standing,
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

    /// Takes a record in, as it was taken in when it was written.
    pub fn apply(&mut self, record: Record) {
        self.standing.apply(&record);
        self.orders.replay(record);
    }

    /// A hash over everything that outlives a restart in this session.
    pub fn state_hash(&self, session: u32) -> [u8; 32] {
        state_hash(session, &self.standing, &self.orders)
    }
}

/// Replays the records and puts back into the engine what must survive a restart.
pub fn replay(records: Vec<Record>, engine: &mut Engine, session: u32) -> Replayed {
    let mut state = Replayed::default();
    for record in records {
        state.apply(record);
    }
    state.orders.begin_session(session);
    if let Some(baseline) = state.standing.baseline() {
        engine.restore_baseline(baseline);
    }
    if let Some(kill) = state.standing.kill() {
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
