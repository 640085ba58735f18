//! The two throttles: accepted orders of the whole engine, equal orders of one instrument.

use crate::ids::SPREAD;
use crate::limits::{REPEAT_DEPTH, REPEAT_LIMIT, THROTTLE_NS};

const _: () = assert!(REPEAT_LIMIT > 0 && REPEAT_LIMIT <= REPEAT_DEPTH);

/// Moments of the last accepted orders, as many as a trailing second may hold.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    moments: Vec<i64>,
    oldest: usize,
}

impl Rate {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            moments: vec![i64::MIN; limit.max(1) as usize],
            oldest: 0,
        }
    }

    /// True when the trailing second of `now` is full.
    #[inline]
    pub(crate) fn is_full(&self, now: i64) -> bool {
        let oldest = self.moments[self.oldest];
        oldest != i64::MIN && now.saturating_sub(oldest) < THROTTLE_NS
    }

    /// Counts an accepted order; returns what it displaced, for [`Rate::undo`].
    #[inline]
    pub(crate) fn count(&mut self, now: i64) -> i64 {
        let displaced = core::mem::replace(&mut self.moments[self.oldest], now);
        self.oldest += 1;
        if self.oldest == self.moments.len() {
            self.oldest = 0;
        }
        displaced
    }

    pub(crate) fn undo(&mut self, displaced: i64) {
        self.oldest = (self.oldest + self.moments.len() - 1) % self.moments.len();
        self.moments[self.oldest] = displaced;
    }

    /// The moments that can still hold an order up, oldest first.
    pub(crate) fn recent(&self, now: i64) -> impl Iterator<Item = i64> {
        let (later, earlier) = self.moments.split_at(self.oldest);
        earlier
            .iter()
            .chain(later)
            .copied()
            .filter(move |at| *at != i64::MIN && now.saturating_sub(*at) < THROTTLE_NS)
    }
}

/// What makes two orders equal, and when one was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub at: i64,
    pub quantity: i64,
    pub limit_price: i64,
    /// Side and type.
    pub kind: u64,
}

impl Accepted {
    const NEVER: Self = Self {
        at: i64::MIN,
        quantity: 0,
        limit_price: 0,
        kind: 0,
    };

    /// The same of equal orders, seldom the same of others.
    #[inline]
    const fn print(&self) -> u32 {
        let mixed = (self.quantity as u64 ^ self.kind << 48).wrapping_mul(SPREAD)
            ^ (self.limit_price as u64)
                .wrapping_mul(SPREAD)
                .rotate_left(23);
        (mixed >> 32) as u32
    }

    const fn equals(&self, other: &Self) -> bool {
        self.quantity == other.quantity
            && self.limit_price == other.limit_price
            && self.kind == other.kind
    }

    /// A moment that never was is not within any second.
    #[inline]
    const fn within_second(&self, now: i64) -> bool {
        now.saturating_sub(self.at) < THROTTLE_NS && self.kind != 0
    }
}

/// The last accepted opening orders of one instrument. Where the next one goes (`next`) is kept with the instrument, whose cache
/// line is read anyway.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeats {
    /// Of each order, together in one cache line: what is nowhere here is no repeat.
    prints: [u32; REPEAT_DEPTH],
    orders: [Accepted; REPEAT_DEPTH],
}

impl Repeats {
    pub(crate) const NONE: Self = Self {
        prints: [Accepted::NEVER.print(); REPEAT_DEPTH],
        orders: [Accepted::NEVER; REPEAT_DEPTH],
    };

    /// A word of the line that tells repeats, to be on its way early.
    #[inline]
    pub(crate) const fn touch(&self) -> u32 {
        self.prints[0]
    }

    /// True when as many equal orders as may be were accepted in the trailing second of `order.at`.
    #[inline]
    pub(crate) fn is_repeated(&self, order: &Accepted) -> bool {
        let print = order.print();
        let alike: u32 = self
            .prints
            .iter()
            .map(|held| u32::from(*held == print))
            .sum();
        alike as usize >= REPEAT_LIMIT && self.is_repeated_exactly(order)
    }

    #[cold]
    fn is_repeated_exactly(&self, order: &Accepted) -> bool {
        let equal = self
            .orders
            .iter()
            .filter(|held| held.equals(order) && held.within_second(order.at));
        equal.count() >= REPEAT_LIMIT
    }

    /// Counts an accepted order; returns what it displaced, for [`Repeats::undo`].
    #[inline]
    pub(crate) fn count(&mut self, next: &mut u8, order: Accepted) -> Accepted {
        let place = usize::from(*next) % REPEAT_DEPTH;
        *next = ((place + 1) % REPEAT_DEPTH) as u8;
        self.prints[place] = order.print();
        core::mem::replace(&mut self.orders[place], order)
    }

    pub(crate) fn undo(&mut self, next: &mut u8, displaced: Accepted) {
        let place = (usize::from(*next) + REPEAT_DEPTH - 1) % REPEAT_DEPTH;
        *next = place as u8;
        self.prints[place] = displaced.print();
        self.orders[place] = displaced;
    }

    pub(crate) fn recent(&self, next: u8, now: i64) -> impl Iterator<Item = Accepted> {
        (0..REPEAT_DEPTH)
            .map(move |nth| self.orders[(usize::from(next) + nth) % REPEAT_DEPTH])
            .filter(move |held| held.within_second(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_over_when_it_is_over() {
        let mut rate = Rate::new(2);
        assert!(!rate.is_full(0));
        rate.count(0);
        assert!(!rate.is_full(0));
        rate.count(10);
        assert!(rate.is_full(THROTTLE_NS - 1));
        assert!(!rate.is_full(THROTTLE_NS));
        let displaced = rate.count(THROTTLE_NS);
        assert!(rate.is_full(THROTTLE_NS + 9));
        rate.undo(displaced);
        assert!(!rate.is_full(THROTTLE_NS));
        assert_eq!(rate.recent(THROTTLE_NS - 1).collect::<Vec<_>>(), [0, 10]);
    }

    #[test]
    fn three_equal_orders_and_no_more() {
        let order = |at, quantity| Accepted {
            at,
            quantity,
            limit_price: 7,
            kind: 1,
        };
        let (mut repeats, mut next) = (Repeats::NONE, 0);
        for at in 0..3 {
            assert!(!repeats.is_repeated(&order(at, 5)));
            repeats.count(&mut next, order(at, 5));
        }
        assert!(repeats.is_repeated(&order(3, 5)));
        assert!(!repeats.is_repeated(&order(3, 6)));
        assert!(!repeats.is_repeated(&order(THROTTLE_NS, 5)));
        // Seven others later only one of the equal ones is among the last eight.
        for nth in 0..7 {
            repeats.count(&mut next, order(4, 100 + nth));
        }
        assert!(!repeats.is_repeated(&order(5, 5)));
        // Taken back, the three are there again.
        let displaced = repeats.count(&mut next, order(5, 5));
        repeats.undo(&mut next, displaced);
        assert_eq!(repeats.recent(next, 5).count(), REPEAT_DEPTH);
    }
}
