//! Exact integer arithmetic: divisions that take the short way where the numbers allow, and divisibility without dividing.

use crate::limits::BP;

/// `value / by` rounded towards minus infinity; `by` is positive.
#[inline]
pub(crate) fn floor_div(value: i128, by: i64) -> i128 {
    debug_assert!(by > 0, "divisors are positive");
    // A 64-bit division takes a tenth of the time of a 128-bit one, and money nearly always fits.
    match i64::try_from(value) {
        Ok(small) => i128::from(small.div_euclid(by)),
        Err(_) => value.div_euclid(i128::from(by)),
    }
}

/// `basis_points` of `amount`, rounded down; nothing of a negative amount.
#[must_use]
#[inline]
pub fn share_of(amount: i128, basis_points: u32) -> i128 {
    if amount <= 0 {
        return 0;
    }
    match u64::try_from(amount) {
        // Split so that neither product leaves 64 bits; exact, because the parts are.
        Ok(small) if small <= 1 << 62 => {
            let (whole, rest) = (small / u64::from(BP), small % u64::from(BP));
            i128::from(whole) * i128::from(basis_points)
                + i128::from(rest * u64::from(basis_points) / u64::from(BP))
        }
        _ => amount * i128::from(basis_points) / i128::from(BP),
    }
}

/// `basis_points` of a price, rounded up.
pub(crate) fn price_share_up(price: i64, basis_points: u64) -> i64 {
    let scaled = price as u128 * u128::from(basis_points);
    scaled.div_ceil(u128::from(BP)).min(i64::MAX as u128) as i64
}

/// Tells multiples of a fixed positive number by one multiplication (Granlund and Montgomery 1994; Warren, Hacker's Delight,
/// section 10-17): `n` is a multiple of `2^k * odd` when `n / odd` modulo 2^64, rotated right by `k`, is at most
/// `(2^64 - 1) / (2^k * odd)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Multiples {
    pub inverse: u64,
    pub most: u64,
    pub shift: u32,
}

impl Multiples {
    /// Every number passes.
    pub(crate) const ANY: Self = Self {
        inverse: 1,
        most: u64::MAX,
        shift: 0,
    };

    pub(crate) const fn of(number: u64) -> Self {
        debug_assert!(number > 0, "a step is positive");
        let shift = number.trailing_zeros();
        let odd = number >> shift;
        // Newton's iteration doubles the correct bits: 3, 6, 12, 24, 48, 96.
        let mut inverse = odd;
        let mut round = 0;
        while round < 5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
            round += 1;
        }
        Self {
            inverse,
            most: u64::MAX / number,
            shift,
        }
    }

    #[inline]
    pub(crate) const fn has(self, number: u64) -> bool {
        number.wrapping_mul(self.inverse).rotate_right(self.shift) <= self.most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn multiples_are_what_leaves_no_rest(step in 1..=1_000_000_000_000_u64, times in 0..10_000_u64, off in 0..3_u64) {
            let number = step * times + off;
            prop_assert_eq!(Multiples::of(step).has(number), number % step == 0);
            prop_assert!(Multiples::ANY.has(number));
        }

        #[test]
        fn small_steps_too(step in 1..=64_u64, number in any::<u64>()) {
            prop_assert_eq!(Multiples::of(step).has(number), number % step == 0);
        }

        #[test]
        fn shares_are_exact(amount in any::<i64>(), scale in 1..1_000_i128, basis_points in 0..=20_000_u32) {
            for amount in [i128::from(amount), i128::from(amount) * scale * 1_000_000] {
                let plain = if amount <= 0 { 0 } else { amount * i128::from(basis_points) / 10_000 };
                prop_assert_eq!(share_of(amount, basis_points), plain);
            }
        }

        #[test]
        fn division_rounds_down(value in any::<i64>(), scale in 1..1_000_000_000_i128, by in 1..i64::MAX) {
            for value in [i128::from(value), i128::from(value) * scale] {
                let quotient = floor_div(value, by);
                let rest = value - quotient * i128::from(by);
                prop_assert!((0..i128::from(by)).contains(&rest));
            }
        }
    }

    #[test]
    fn a_price_share_rounds_up() {
        assert_eq!(price_share_up(100, 1), 1);
        assert_eq!(price_share_up(10_000, 250), 250);
        assert_eq!(price_share_up(i64::MAX, u64::from(u32::MAX)), i64::MAX);
    }
}
