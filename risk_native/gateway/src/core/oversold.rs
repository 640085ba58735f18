//! Closing orders that have nothing left to close: a fill that was told late, or a trade that was taken back, changed the position
//! they were decided on. What is too much of them would open the other way, and nobody has decided that.

use dnalyaw_engine::{FLAG_REDUCE_ONLY, FLAG_SELL_SHORT, Side, is_own_order};

use super::Core;
use super::orders::Entry;
use crate::log_warn;
use crate::record::Id;

/// Whether it was accepted to close and for nothing else: a sale that is not marked short, or one that says so itself.
fn only_closes(entry: &Entry, side: Side) -> bool {
    let flags = entry.decision.order.flags;
    let sale = side == Side::Sell && flags & FLAG_SELL_SHORT == 0;
    entry.side() == side && (sale || flags & FLAG_REDUCE_ONLY != 0)
}

impl Core {
    /// After the position of this order's instrument changed by anything but the fill of an order that works: cancels of what
    /// closes as much as has nothing to close any more, the latest first. Closing orders of riskd's own are immediate ones.
    pub(super) fn cancel_oversold(&mut self, id: u64) {
        let Some(instrument_id) = self.orders.get(id).map(Entry::instrument_id) else {
            return;
        };
        let position = self.engine.position(instrument_id);
        for (side, held) in [(Side::Sell, position), (Side::Buy, -position)] {
            let mut closing: Vec<(u64, i64)> = self
                .orders
                .open_from(0)
                .filter(|entry| entry.instrument_id() == instrument_id && only_closes(entry, side))
                .map(|entry| (entry.id(), entry.leaves()))
                .collect();
            closing.sort_unstable();
            let mut over = closing.iter().map(|(_, leaves)| leaves).sum::<i64>() - held.max(0);
            for (id, leaves) in closing.into_iter().rev() {
                if over <= 0 {
                    break;
                }
                over -= leaves;
                if !is_own_order(id) {
                    log_warn!("nothing_left_to_close", {"order_id": id, "instrument_id": instrument_id, "position": position,
                        "what": "a late fill or a correction took the position; what would open the other way is cancelled"});
                    self.cancel(id, Id::default());
                }
            }
        }
    }
}
