//! Maps by order id. Ids are given one after another, so one multiplication spreads them; there is nobody to guard against.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from order ids that is asked for on every report.
pub(crate) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// Fibonacci hashing of one number.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte) ^ self.0.rotate_left(8));
        }
    }

    fn write_u64(&mut self, id: u64) {
        let spread = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The map takes its place from the low bits and a tag from the high ones.
        self.0 = spread ^ (spread >> 32);
    }
}
