//! A histogram of durations with fixed bounds: observing is two comparisons and an addition, without a lock.

/// Upper bounds in nanoseconds, ascending.
pub const BOUNDS_NS: [u64; 14] = [
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Durations counted by bucket; the last bucket holds what is above every bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BOUNDS_NS.len() + 1],
    sum_ns: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&mut self, ns: u64) {
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < ns);
        self.buckets[bucket] += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// `(upper bound in seconds, observations at or below it)`, as Prometheus wants them; infinity is [`Histogram::count`].
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let mut below = 0;
        BOUNDS_NS.iter().zip(&self.buckets).map(move |(bound, n)| {
            below += n;
            (*bound as f64 / 1e9, below)
        })
    }

    /// Observations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Sum of all durations in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS_NS, Histogram};

    #[test]
    fn a_bound_belongs_to_its_own_bucket_and_what_is_above_all_is_only_counted() {
        let mut histogram = Histogram::default();
        for ns in [50, 51, 100, 200_000_000] {
            histogram.observe(ns);
        }
        let below: Vec<u64> = histogram.cumulative().map(|(_, n)| n).collect();
        assert_eq!(below[..2], [1, 3]);
        assert_eq!(below[BOUNDS_NS.len() - 1], 3);
        assert_eq!(histogram.count(), 4);
        assert!((histogram.sum_seconds() - 0.200_000_201).abs() < 1e-12);
    }
}
