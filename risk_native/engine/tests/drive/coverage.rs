//! What the sequences came to: a generator that never reaches a check tests nothing of it.

use std::collections::BTreeMap;

use crate::reference::size::Cap;

/// How often each thing was seen.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Decision kind (1 approve, 2 reduce, 3 reject, 4 flatten) and reason code of orders that stand alone.
    pub orders: BTreeMap<(u8, u16), u64>,
    pub linked: BTreeMap<(u8, u16), u64>,
    pub replaces: BTreeMap<(u8, u16), u64>,
    /// Caps that cut an order to something.
    pub caps: BTreeMap<Cap, u64>,
    /// Anything else by name.
    pub events: BTreeMap<&'static str, u64>,
    pub states: BTreeMap<(u8, u16), u64>,
    pub steps: u64,
    pub sequences: u64,
}

impl Coverage {
    pub fn event(&mut self, name: &'static str) {
        *self.events.entry(name).or_insert(0) += 1;
    }

    /// Both together.
    pub fn merge(&mut self, other: Coverage) {
        fn add<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
            for (key, count) in from {
                *to.entry(key).or_insert(0) += count;
            }
        }
        add(&mut self.orders, other.orders);
        add(&mut self.linked, other.linked);
        add(&mut self.replaces, other.replaces);
        add(&mut self.caps, other.caps);
        add(&mut self.events, other.events);
        add(&mut self.states, other.states);
        self.steps += other.steps;
        self.sequences += other.sequences;
    }
}
