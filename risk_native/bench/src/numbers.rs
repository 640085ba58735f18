//! Repeatable random numbers, and what is said of a list of measurements.

use std::time::Instant;

use serde_json::{Value, json};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Microseconds between two moments.
#[must_use]
pub fn micros(from: Instant, to: Instant) -> f64 {
    (to - from).as_nanos() as f64 / 1_000.0
}

/// Nearest-rank percentile of a sorted list, `share` in 0..=1.
#[must_use]
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// `n`, `p50`, `p99` and the extremes, rounded to a tenth; null of an empty list.
#[must_use]
pub fn summary(values: &[f64]) -> Value {
    if values.is_empty() {
        return Value::Null;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    json!({
        "n": sorted.len(),
        "min": tenth(sorted[0]),
        "p50": tenth(percentile(&sorted, 0.5)),
        "p99": tenth(percentile(&sorted, 0.99)),
        "max": tenth(sorted[sorted.len() - 1]),
    })
}
