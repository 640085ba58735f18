//! Fixed-point newtypes. A value that breaks its rule cannot be built, so the checks stand in one place.

/// Millionths of the currency unit in one unit.
pub const MICRO: i64 = 1_000_000;

/// The largest price taken: ten million currency units. Keeps every product inside 128 bits.
pub const MAX_PRICE: i64 = 10_000_000 * MICRO;

/// The largest quantity of one order or position: ten thousand million shares.
pub const MAX_QUANTITY: i64 = 10_000_000_000;

/// A price in millionths of the currency unit: positive and at most [`MAX_PRICE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

impl Price {
    /// `None` when `micro` is not in `1..=MAX_PRICE`.
    #[must_use]
    pub const fn new(micro: i64) -> Option<Self> {
        if micro > 0 && micro <= MAX_PRICE {
            Some(Self(micro))
        } else {
            None
        }
    }

    /// Millionths of the currency unit.
    #[must_use]
    pub const fn micro(self) -> i64 {
        self.0
    }
}

/// A number of whole shares: positive and at most [`MAX_QUANTITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    /// `None` when `shares` is not in `1..=MAX_QUANTITY`.
    #[must_use]
    pub const fn new(shares: i64) -> Option<Self> {
        if shares > 0 && shares <= MAX_QUANTITY {
            Some(Self(shares))
        } else {
            None
        }
    }

    /// Whole shares.
    #[must_use]
    pub const fn shares(self) -> i64 {
        self.0
    }

    /// Price times quantity, exact.
    #[must_use]
    pub const fn notional(self, price: Price) -> i128 {
        self.0 as i128 * price.0 as i128
    }
}

/// The largest amount of money taken, either sign: nine million million currency units.
pub const MAX_MONEY: i64 = 9_000_000_000_000 * MICRO;

/// A signed amount of money in millionths of the currency unit, at most [`MAX_MONEY`] either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// No money.
    pub const ZERO: Money = Money(0);

    /// `None` when the amount is larger than [`MAX_MONEY`] either way.
    #[must_use]
    pub const fn new(micro: i64) -> Option<Self> {
        if micro >= -MAX_MONEY && micro <= MAX_MONEY {
            Some(Self(micro))
        } else {
            None
        }
    }

    /// The nearest representable amount: reports never wrap.
    #[must_use]
    pub const fn saturating(micro: i128) -> Self {
        if micro > MAX_MONEY as i128 {
            Self(MAX_MONEY)
        } else if micro < -(MAX_MONEY as i128) {
            Self(-MAX_MONEY)
        } else {
            Self(micro as i64)
        }
    }

    /// Millionths of the currency unit.
    #[must_use]
    pub const fn micro(self) -> i64 {
        self.0
    }
}
