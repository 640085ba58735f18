//! The plainest judge of all: every subset of the working orders, filled, and what is then held counted at what it cost.

use dnalyaw_engine::Side;

use super::size::share;
use super::{Model, Order};

/// More orders than this of one instrument are not tried: there are too many subsets.
pub const MOST_ORDERS: usize = 10;

/// What one instrument comes to at most, whichever of its orders fill.
#[derive(Debug, Clone, Copy)]
struct Most {
    /// Long or short.
    amount: i128,
    /// Long, less than nothing when it can only be short; and the other way.
    long: i128,
    short: i128,
}

impl Model {
    /// What is left of a position and of these fills, dearest first: the shares that are held are the dearest of those
    /// that made them.
    fn worth(held: i128, mark: i128, filled: &[(&Order, i128)]) -> i128 {
        let side = if held > 0 { Side::Buy } else { Side::Sell };
        let (mut left, mut worth) = (held.abs(), 0);
        for (order, price) in filled.iter().filter(|(order, _)| order.side == side) {
            let shares = left.min(order.open());
            worth += shares * price;
            left -= shares;
        }
        worth + left * mark
    }

    /// Every subset of an instrument's orders. `None` when there are too many.
    fn most(&self, at: usize) -> Option<Most> {
        let instrument = &self.instruments[at];
        let mark = instrument.prices.mark();
        // A fill is worth what it may cost at most, or the mark where that is more.
        let mut orders: Vec<(&Order, i128)> = self
            .orders
            .iter()
            .filter(|order| order.at == at)
            .map(|order| (order, order.reserved_at().max(mark)))
            .collect();
        orders.sort_by_key(|(_, price)| -price);
        if orders.len() > MOST_ORDERS {
            return None;
        }
        let mut most: Option<Most> = None;
        for chosen in 0..(1_u32 << orders.len()) {
            let filled: Vec<(&Order, i128)> = (0..orders.len())
                .filter(|place| chosen & (1 << place) != 0)
                .map(|place| orders[place])
                .collect();
            let held = filled.iter().fold(instrument.position, |held, (order, _)| {
                held + match order.side {
                    Side::Buy => order.open(),
                    Side::Sell => -order.open(),
                }
            });
            let amount = Self::worth(held, mark, &filled);
            let long = amount * held.signum();
            let before = most.unwrap_or(Most {
                amount,
                long,
                short: -long,
            });
            most = Some(Most {
                amount: before.amount.max(amount),
                long: before.long.max(long),
                short: before.short.max(-long),
            });
        }
        most
    }

    /// After an opening order of this instrument and side was accepted: whichever of the working orders fill, are its
    /// issuer, its sector and the book inside the limits? What one instrument's orders do is no matter to another's, so
    /// the largest sum over all subsets is the sum of the largest. `None` when there are too many to try.
    pub fn every_subset_is_inside(&self, at: usize, side: Side) -> Option<bool> {
        let equity = self.equity()?;
        let row = &self.instruments[at].row;
        let (mut issuer, mut sector, mut gross, mut net) = (0, 0, 0, 0);
        for (place, other) in self.instruments.iter().enumerate() {
            let most = self.most(place)?;
            gross += most.amount;
            net += match side {
                Side::Buy => most.long,
                Side::Sell => most.short,
            };
            if other.row.issuer_id == row.issuer_id {
                issuer += most.amount;
            }
            if other.row.sector == row.sector {
                sector += most.amount;
            }
        }
        let limits = &self.limits;
        Some(
            issuer <= share(equity, limits.instrument.value)
                && sector <= share(equity, limits.sector.value)
                && gross <= share(equity, limits.gross.value)
                && net <= share(equity, limits.net.value),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::{Limits, ONE};
    use super::*;

    fn order(side: Side, quantity: i128, reserve: i128) -> Order {
        Order {
            id: 1,
            at: 0,
            side,
            order_type: 2,
            flags: 0,
            strategies: 0,
            quantity,
            filled: 0,
            limit: reserve,
            reserve,
            cancel_requested: false,
            unknown: false,
            change: None,
        }
    }

    /// Equity 10,000 at a price of 100: five shares of an issuer are its limit.
    #[test]
    fn an_order_counts_at_its_reserve_and_never_below_the_mark() {
        let one = i128::from(ONE);
        let world = &crate::drive::world::worlds()[0];
        let mut model = Model::new(&world.rows, Limits::of(&world.spec), 16);
        model.positions_known = true;
        model.cash = Some(10_000 * one);
        model.instruments[0].prices.settled = Some((100 * one, 0));
        // 3 at 100 and 2 at 90, which are worth 100; against them 4 at 110, which is less than 500.
        model.orders = vec![
            order(Side::Buy, 3, 100 * one),
            order(Side::Buy, 2, 90 * one),
            order(Side::Sell, 4, 110 * one),
        ];
        assert_eq!(model.every_subset_is_inside(0, Side::Buy), Some(true));
        // Two shares that may cost a millionth too much, or a third one.
        model.orders[1] = order(Side::Buy, 2, 100 * one + 1);
        assert_eq!(model.every_subset_is_inside(0, Side::Buy), Some(false));
        model.orders[1] = order(Side::Buy, 3, 90 * one);
        assert_eq!(model.every_subset_is_inside(0, Side::Buy), Some(false));
    }

    /// What covers a short is the cheapest of what was bought: what is then long is the dearest.
    #[test]
    fn what_is_left_is_the_dearest() {
        let (dear, cheap) = (order(Side::Buy, 10, 110), order(Side::Buy, 10, 100));
        let filled = [(&dear, 110), (&cheap, 100)];
        // 5 short and 20 bought: 10 at 110 and 5 at 100. 2 long at 90 and 20 bought.
        assert_eq!(Model::worth(15, 90, &filled), 1_600);
        assert_eq!(Model::worth(22, 90, &filled), 2_280);
    }
}
