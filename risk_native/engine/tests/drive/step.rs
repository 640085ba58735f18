//! A step as the generator makes it: a seed, which comes to something once the state of the moment is known.

use proptest::prelude::*;

/// One step. A failing sequence shrinks by leaving steps out.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub taken: bool,
    pub seed: u64,
}

/// A step at random.
pub fn step() -> impl Strategy<Value = Step> {
    (proptest::bool::weighted(1.0), any::<u64>().no_shrink())
        .prop_map(|(taken, seed)| Step { taken, seed })
}

/// Numbers made of a step's seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Words(u64);

impl Words {
    pub const fn new(step: &Step) -> Self {
        Self(step.seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Below `below`.
    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    /// In `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
