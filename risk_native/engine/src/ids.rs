//! From permanent instrument ids to places in the book: open addressing, built once.

const EMPTY: u64 = u64::MAX;

/// Odd, with its bits well mixed (the golden ratio): neighbours in value are far apart after it.
pub(crate) const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a slot holds; never [`EMPTY`], since the topmost bit stays clear.
#[inline]
const fn entry(id: u64, place: u32) -> u64 {
    // Bits that do not tell the slot.
    let of_id = id.wrapping_mul(SPREAD) << 16 >> 33;
    of_id << 32 | place as u64
}

/// Places, and of each id so much that a slot which is another's is passed without reading what stands at its place. Whoever asks
/// compares the id that stands there, which is read next anyway.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// Upper half: of the id; lower half: its place.
    slots: Vec<u64>,
    shift: u32,
}

impl Places {
    /// `ids` are distinct; an id's place is its position in the slice.
    pub(crate) fn new(ids: &[u64]) -> Self {
        // At most half of the slots are taken; more would cost cache lines that others need.
        let size = (2 * ids.len().max(1)).next_power_of_two();
        let mut places = Self {
            slots: vec![EMPTY; size],
            shift: 64 - size.trailing_zeros(),
        };
        for (place, id) in ids.iter().enumerate() {
            let mut slot = places.home(*id);
            while places.slots[slot] != EMPTY {
                slot = (slot + 1) & (size - 1);
            }
            places.slots[slot] = entry(*id, place as u32);
        }
        places
    }

    #[inline]
    fn home(&self, id: u64) -> usize {
        (id.wrapping_mul(SPREAD) >> self.shift) as usize
    }

    /// The place whose id is `id`, as told by `id_at`.
    #[inline]
    pub(crate) fn find(&self, id: u64, id_at: impl Fn(usize) -> u64) -> Option<usize> {
        let wanted = entry(id, 0) >> 32;
        let mut slot = self.home(id);
        loop {
            let held = self.slots[slot];
            if held >> 32 == wanted {
                let place = held as u32 as usize;
                if id_at(place) == id {
                    return Some(place);
                }
            } else if held == EMPTY {
                return None;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Places;

    proptest! {
        #[test]
        fn every_id_is_found_and_no_other(ids in proptest::collection::btree_set(1..u64::MAX, 0..300), other in any::<u64>()) {
            let list: Vec<u64> = ids.iter().copied().collect();
            let places = Places::new(&list);
            for (place, id) in list.iter().enumerate() {
                prop_assert_eq!(places.find(*id, |at| list[at]), Some(place));
            }
            let known: BTreeSet<u64> = ids;
            prop_assert_eq!(places.find(other, |at| list[at]).is_some(), known.contains(&other));
        }
    }
}
