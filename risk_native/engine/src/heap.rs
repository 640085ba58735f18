//! Resting prices of one side of one instrument: a pairing heap threaded through the order slab, most aggressive order at the
//! root (Fredman, Sedgewick, Sleator, Tarjan 1986). The best price is read at once, an order joins in constant time and leaves
//! in logarithmic amortised time, and no memory is asked for.

use crate::orders::Working;

/// No order.
pub(crate) const NIL: u32 = u32::MAX;

/// Joins two heaps and returns the root; neither may be empty.
fn join(slots: &mut [Working], one: u32, other: u32) -> u32 {
    let (root, below) = if slots[other as usize].key < slots[one as usize].key {
        (other, one)
    } else {
        (one, other)
    };
    let first = slots[root as usize].child;
    slots[below as usize].sibling = first;
    slots[below as usize].back = root;
    if first != NIL {
        slots[first as usize].back = below;
    }
    slots[root as usize].child = below;
    slots[root as usize].sibling = NIL;
    slots[root as usize].back = NIL;
    root
}

/// Joins a chain of siblings: in pairs from the left, then the pairs from the right.
fn join_all(slots: &mut [Working], first: u32) -> u32 {
    let (mut rest, mut pairs) = (first, NIL);
    while rest != NIL {
        let one = rest;
        let other = slots[one as usize].sibling;
        if other == NIL {
            slots[one as usize].sibling = pairs;
            pairs = one;
            break;
        }
        rest = slots[other as usize].sibling;
        let pair = join(slots, one, other);
        slots[pair as usize].sibling = pairs;
        pairs = pair;
    }
    let mut root = NIL;
    while pairs != NIL {
        let next = slots[pairs as usize].sibling;
        slots[pairs as usize].sibling = NIL;
        root = if root == NIL {
            pairs
        } else {
            join(slots, root, pairs)
        };
        pairs = next;
    }
    if root != NIL {
        slots[root as usize].back = NIL;
    }
    root
}

/// Adds an order, whose key is set, to the heap at `root`.
#[inline]
pub(crate) fn push(slots: &mut [Working], root: &mut u32, place: u32) {
    let order = &mut slots[place as usize];
    (order.child, order.sibling, order.back) = (NIL, NIL, NIL);
    *root = if *root == NIL {
        place
    } else {
        join(slots, *root, place)
    };
}

/// Takes an order out of the heap at `root`.
#[inline]
pub(crate) fn remove(slots: &mut [Working], root: &mut u32, place: u32) {
    let (child, sibling, back) = {
        let order = &mut slots[place as usize];
        let links = (order.child, order.sibling, order.back);
        (order.child, order.sibling, order.back) = (NIL, NIL, NIL);
        links
    };
    if *root == place {
        *root = if child == NIL {
            NIL
        } else {
            join_all(slots, child)
        };
        return;
    }
    let before = &mut slots[back as usize];
    if before.child == place {
        before.child = sibling;
    } else {
        before.sibling = sibling;
    }
    if sibling != NIL {
        slots[sibling as usize].back = back;
    }
    if child != NIL {
        let below = join_all(slots, child);
        *root = join(slots, *root, below);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a sorted list.
        #[test]
        fn the_root_is_always_the_smallest(steps in proptest::collection::vec((0..64_usize, -20..20_i64), 1..400)) {
            let mut slots = vec![Working::EMPTY; 64];
            let mut root = NIL;
            let mut inside: Vec<usize> = Vec::new();
            for (place, key) in steps {
                if let Some(at) = inside.iter().position(|held| *held == place) {
                    remove(&mut slots, &mut root, place as u32);
                    inside.swap_remove(at);
                } else {
                    slots[place].key = key;
                    push(&mut slots, &mut root, place as u32);
                    inside.push(place);
                }
                let smallest = inside.iter().map(|held| slots[*held].key).min();
                let found = (root != NIL).then(|| slots[root as usize].key);
                prop_assert_eq!(found, smallest);
            }
            while let Some(place) = inside.pop() {
                remove(&mut slots, &mut root, place as u32);
            }
            prop_assert_eq!(root, NIL);
        }
    }
}
