//! Working orders by id: open addressing, no allocation until more than half of the slots are taken.

use crate::types::Side;

/// A working order as the table holds it; `order_id` 0 marks an empty slot (no order has that id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Working {
    pub order_id: u64,
    pub instrument: u32,
    pub side: Side,
    pub quantity: i64,
    pub cumulative: i64,
    pub reserve_price: i64,
    pub limit_price: i64,
    pub cancel_requested: bool,
    pub fate_unknown: bool,
}

impl Working {
    pub(crate) const fn leaves(&self) -> i64 {
        self.quantity - self.cumulative
    }
}

const EMPTY: Working = Working {
    order_id: 0,
    instrument: 0,
    side: Side::Buy,
    quantity: 0,
    cumulative: 0,
    reserve_price: 0,
    limit_price: 0,
    cancel_requested: false,
    fate_unknown: false,
};

#[derive(Debug, Clone)]
pub(crate) struct OrderTable {
    slots: Vec<Working>,
    used: usize,
}

impl OrderTable {
    /// Room for `orders` working orders before the table has to grow.
    pub(crate) fn with_room(orders: usize) -> Self {
        Self {
            slots: vec![EMPTY; (2 * orders.max(1)).next_power_of_two()],
            used: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.used
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Working> {
        self.slots.iter().filter(|slot| slot.order_id != 0)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Working> {
        self.slots.iter_mut().filter(|slot| slot.order_id != 0)
    }

    fn home(&self, order_id: u64) -> usize {
        // Ids come in runs; an odd multiplier spreads a run without collisions between neighbours.
        let mixed = order_id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & (self.slots.len() - 1)
    }

    fn find(&self, order_id: u64) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(order_id);
        loop {
            match self.slots[slot].order_id {
                0 => return None,
                id if id == order_id => return Some(slot),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(crate) fn get(&self, order_id: u64) -> Option<&Working> {
        if order_id == 0 {
            return None;
        }
        self.find(order_id).map(|slot| &self.slots[slot])
    }

    pub(crate) fn get_mut(&mut self, order_id: u64) -> Option<&mut Working> {
        if order_id == 0 {
            return None;
        }
        self.find(order_id).map(|slot| &mut self.slots[slot])
    }

    /// The id must be new and not zero.
    pub(crate) fn insert(&mut self, order: Working) {
        debug_assert!(
            order.order_id != 0 && self.get(order.order_id).is_none(),
            "order ids are new"
        );
        if 2 * (self.used + 1) > self.slots.len() {
            self.grow();
        }
        self.place(order);
        self.used += 1;
    }

    fn place(&mut self, order: Working) {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(order.order_id);
        while self.slots[slot].order_id != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = order;
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; 2 * self.slots.len()];
        let old = core::mem::replace(&mut self.slots, larger);
        for order in old.into_iter().filter(|slot| slot.order_id != 0) {
            self.place(order);
        }
    }

    pub(crate) fn remove(&mut self, order_id: u64) -> Option<Working> {
        if order_id == 0 {
            return None;
        }
        let mut hole = self.find(order_id)?;
        let removed = self.slots[hole];
        let mask = self.slots.len() - 1;
        let mut slot = hole;
        // Close the gap so that no probe stops short: move back whatever may stand at the hole.
        loop {
            slot = (slot + 1) & mask;
            let candidate = self.slots[slot];
            if candidate.order_id == 0 {
                break;
            }
            let home = self.home(candidate.order_id);
            if (slot.wrapping_sub(home) & mask) >= (slot.wrapping_sub(hole) & mask) {
                self.slots[hole] = candidate;
                hole = slot;
            }
        }
        self.slots[hole] = EMPTY;
        self.used -= 1;
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{EMPTY, OrderTable, Working};

    proptest! {
        /// Against a map of the standard library, from a table so small that it wraps and grows.
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((1..40_u64, any::<bool>()), 0..200)) {
            let mut table = OrderTable::with_room(2);
            let mut map = BTreeMap::new();
            for (order_id, add) in steps {
                if add && !map.contains_key(&order_id) {
                    let order = Working { order_id, quantity: order_id as i64 * 10, ..EMPTY };
                    table.insert(order);
                    map.insert(order_id, order);
                } else if !add {
                    prop_assert_eq!(table.remove(order_id), map.remove(&order_id));
                }
                prop_assert_eq!(table.len(), map.len());
                for id in 0..40 {
                    prop_assert_eq!(table.get(id), map.get(&id));
                }
            }
            let mut listed: Vec<u64> = table.iter().map(|order| order.order_id).collect();
            listed.sort_unstable();
            prop_assert_eq!(listed, map.into_keys().collect::<Vec<_>>());
        }
    }
}
