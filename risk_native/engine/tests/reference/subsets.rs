//! The plainest judge of all: every subset of the working orders, filled, and what is then held counted at today's price.

use super::Model;
use super::size::share;

/// More than this many orders are not tried: there are too many subsets.
pub const MOST_ORDERS: usize = 10;

impl Model {
    /// After an opening order in this instrument was accepted: whichever of the working orders fill, is its issuer and
    /// its sector inside the limit? `None` when there are too many to try.
    pub fn every_subset_is_inside(&self, at: usize) -> Option<bool> {
        if self.orders.len() > MOST_ORDERS {
            return None;
        }
        let equity = self.equity()?;
        let row = &self.instruments[at].row;
        for chosen in 0..(1_u32 << self.orders.len()) {
            let mut held: Vec<i128> = self.instruments.iter().map(|one| one.position).collect();
            for (place, order) in self.orders.iter().enumerate() {
                if chosen & (1 << place) != 0 {
                    let sign = if order.side == dnalyaw_engine::Side::Buy {
                        1
                    } else {
                        -1
                    };
                    held[order.at] += sign * order.open();
                }
            }
            let mut issuer = 0;
            let mut sector = 0;
            for (place, other) in self.instruments.iter().enumerate() {
                let amount = held[place].abs() * other.prices.mark();
                if other.row.issuer_id == row.issuer_id {
                    issuer += amount;
                }
                if other.row.sector == row.sector {
                    sector += amount;
                }
            }
            if issuer > share(equity, self.limits.instrument.value)
                || sector > share(equity, self.limits.sector.value)
            {
                return Some(false);
            }
        }
        Some(true)
    }
}
