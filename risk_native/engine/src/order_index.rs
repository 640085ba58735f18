//! From order ids to where the orders stand: open addressing of fixed size.
//!
//! Ids increase, so short runs of neighbours in value stay together here: what a new order needs was fetched with the one
//! before it. The runs are spread, so that neither many ids nor gaps between them pile up.

use crate::ids::SPREAD;

/// Ids that share all but so many low bits stay neighbours: long enough that a run of ids seldom starts on cold memory, short
/// enough that two runs in one place cost little.
const RUN_BITS: u32 = 6;

#[derive(Debug, Clone)]
pub(crate) struct OrderIndex {
    /// Upper half: what is left of the id; lower half: where the order stands, plus one. 0 = empty.
    entries: Vec<u64>,
}

#[inline]
fn tag(order_id: u64) -> u64 {
    let run = (order_id >> RUN_BITS).wrapping_mul(SPREAD) >> (32 + RUN_BITS);
    run << RUN_BITS | order_id & ((1 << RUN_BITS) - 1)
}

impl OrderIndex {
    /// Room for `ids`, with as much space again.
    pub(crate) fn new(ids: usize) -> Self {
        Self {
            entries: vec![0; (2 * ids.max(1)).next_power_of_two()],
        }
    }

    #[inline]
    fn home(&self, tag: u64) -> usize {
        tag as usize & (self.entries.len() - 1)
    }

    /// The slot of an id; `is_it` tells whether the order that stands there has it.
    #[inline]
    fn slot(&self, order_id: u64, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let tag = tag(order_id);
        let mut slot = self.home(tag);
        loop {
            let entry = self.entries[slot];
            if entry == 0 {
                return None;
            }
            if entry >> 32 == tag && is_it(entry as u32 - 1) {
                return Some(slot);
            }
            slot = (slot + 1) & (self.entries.len() - 1);
        }
    }

    /// Where the order with this id stands.
    #[inline]
    pub(crate) fn find(&self, order_id: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.slot(order_id, is_it)
            .map(|slot| self.entries[slot] as u32 - 1)
    }

    /// A word of the line that follows an id's slot, to be on its way early: who puts it in was there with the id before, who
    /// takes it out looks at the next slot too.
    #[inline]
    pub(crate) fn touch(&self, order_id: u64) -> u64 {
        self.entries[(self.home(tag(order_id)) + 1) & (self.entries.len() - 1)]
    }

    /// The id must be new.
    #[inline]
    pub(crate) fn insert(&mut self, order_id: u64, place: u32) {
        let tag = tag(order_id);
        let mut slot = self.home(tag);
        while self.entries[slot] != 0 {
            slot = (slot + 1) & (self.entries.len() - 1);
        }
        self.entries[slot] = tag << 32 | u64::from(place + 1);
    }

    /// The id must stand there with this place.
    #[inline]
    pub(crate) fn remove(&mut self, order_id: u64, place: u32) {
        // Where two ids look alike with one place, so do their entries: either may go.
        let tag = tag(order_id);
        let wanted = tag << 32 | u64::from(place + 1);
        let mask = self.entries.len() - 1;
        let mut hole = self.home(tag);
        while self.entries[hole] != wanted {
            if self.entries[hole] == 0 {
                debug_assert!(false, "an order is in the index");
                return;
            }
            hole = (hole + 1) & mask;
        }
        let mut slot = hole;
        // Close the gap so that no probe stops short: move back whatever may stand at the hole.
        loop {
            slot = (slot + 1) & mask;
            let candidate = self.entries[slot];
            if candidate == 0 {
                break;
            }
            let home = self.home(candidate >> 32);
            if (slot.wrapping_sub(home) & mask) >= (slot.wrapping_sub(hole) & mask) {
                self.entries[hole] = candidate;
                hole = slot;
            }
        }
        self.entries[hole] = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::OrderIndex;

    proptest! {
        /// Against a map of the standard library, in an index so small that it wraps; ids in runs, and ids that share their
        /// low bits.
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0..20_u64, any::<bool>(), any::<bool>()), 0..200)) {
            let mut index = OrderIndex::new(40);
            let mut map: BTreeMap<u64, u32> = BTreeMap::new();
            let mut ids: Vec<u64> = Vec::new();
            for (number, strided, add) in steps {
                let id = if strided { (number + 1) << 32 } else { number + 1 };
                if add && !map.contains_key(&id) {
                    let place = ids.len() as u32;
                    ids.push(id);
                    index.insert(id, place);
                    map.insert(id, place);
                } else if !add && let Some(place) = map.remove(&id) {
                    index.remove(id, place);
                }
                for number in 1..=20 {
                    for id in [number, number << 32] {
                        let found = index.find(id, |place| ids[place as usize] == id);
                        prop_assert_eq!(found, map.get(&id).copied());
                    }
                }
            }
        }
    }

    /// Entries that a probe has to step over, for ids with a fixed gap.
    fn longest_probe(gap: u64) -> usize {
        let ids: Vec<u64> = (1..=10_000).map(|number| number * gap).collect();
        let mut index = OrderIndex::new(ids.len());
        for (place, id) in ids.iter().enumerate() {
            index.insert(*id, place as u32);
        }
        let mut longest = 0;
        for id in &ids {
            let steps = std::cell::Cell::new(0);
            let slot = index.slot(*id, |place| {
                steps.set(steps.get() + 1);
                ids[place as usize] == *id
            });
            let home = index.home(super::tag(*id));
            let away = slot.expect("inside").wrapping_sub(home) & (index.entries.len() - 1);
            longest = longest.max(away);
        }
        longest
    }

    #[test]
    fn gaps_of_any_size_do_not_pile_up() {
        for gap in [
            2,
            3,
            1_000,
            1 << 16,
            1 << 20,
            1 << 32,
            1 << 44,
            1_000_000_007,
        ] {
            assert!(longest_probe(gap) < 512, "{gap}: {}", longest_probe(gap));
        }
    }
}
