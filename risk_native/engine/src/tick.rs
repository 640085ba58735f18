//! Price steps: a fixed one, or HKEX's spread table by price.

use crate::arithmetic::Multiples;

/// HKEX's spread table from 4 August 2025: upper end of each band, which belongs to it, and its step; millionths of a dollar.
const HKEX_BANDS: [(i64, i64); 12] = [
    (250_000, 1_000),
    (500_000, 5_000),
    (10_000_000, 10_000),
    (20_000_000, 10_000),
    (50_000_000, 20_000),
    (100_000_000, 50_000),
    (200_000_000, 100_000),
    (500_000_000, 200_000),
    (1_000_000_000, 500_000),
    (2_000_000_000, 1_000_000),
    (5_000_000_000, 2_000_000),
    (i64::MAX, 5_000_000),
];

/// The venue whose table is known.
pub(crate) const TABLE_VENUE: &str = "HKEX";

/// An instrument's price steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tick {
    /// Not known: every price passes.
    Unknown,
    /// One step at every price.
    Fixed(i64),
    /// [`HKEX_BANDS`].
    Table,
}

/// The step at `price` on the table.
pub(crate) fn table_step(price: i64) -> i64 {
    HKEX_BANDS
        .iter()
        .find(|(end, _)| price <= *end)
        .map_or(1, |(_, step)| *step)
}

impl Tick {
    pub(crate) fn new(tick_micro: i64, venue: &str) -> Self {
        if tick_micro > 0 {
            Tick::Fixed(tick_micro)
        } else if venue == TABLE_VENUE {
            Tick::Table
        } else {
            Tick::Unknown
        }
    }

    /// The test of a fixed step; the table is looked up besides.
    pub(crate) const fn multiples(self) -> Multiples {
        match self {
            Tick::Fixed(step) => Multiples::of(step as u64),
            Tick::Unknown | Tick::Table => Multiples::ANY,
        }
    }

    fn step(self, price: i64) -> i64 {
        match self {
            Tick::Unknown => 1,
            Tick::Fixed(step) => step,
            Tick::Table => table_step(price),
        }
    }

    /// The highest valid price at or below `price`; 0 when there is none.
    pub(crate) fn down(self, price: i64) -> i64 {
        price - price % self.step(price)
    }

    /// The lowest valid price at or above `price`.
    pub(crate) fn up(self, price: i64) -> i64 {
        let below = self.down(price);
        if below == price {
            price
        } else {
            below.saturating_add(self.step(price))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_by_hand() {
        for (price, step) in [
            (250_000, 1_000),
            (250_001, 5_000),
            (10_000_000, 10_000),
            (20_000_001, 20_000),
            (388_000_000, 200_000),
            (9_000_000_000, 5_000_000),
        ] {
            assert_eq!(table_step(price), step, "{price}");
        }
    }

    #[test]
    fn rounding_goes_to_the_side_asked_for() {
        assert_eq!(Tick::Fixed(10_000).down(105_009_999), 105_000_000);
        assert_eq!(Tick::Fixed(10_000).up(94_990_001), 95_000_000);
        assert_eq!(Tick::Fixed(10_000).up(95_000_000), 95_000_000);
        assert_eq!(Tick::Fixed(10_000).down(9_999), 0);
        assert_eq!(Tick::Table.up(388_100_000), 388_200_000);
        assert_eq!(Tick::Table.down(388_100_000), 388_000_000);
        assert_eq!(Tick::Unknown.up(7), 7);
        assert_eq!(Tick::new(0, "HKEX"), Tick::Table);
        assert_eq!(Tick::new(0, "NYSE"), Tick::Unknown);
    }
}
