//! How much of each limit is used.

use crate::engine::Engine;
use crate::limits::BP;
use crate::sizing::reported;
use crate::types::{IssuerUse, SectorUse, Side, Used, Utilisation};

/// How many issuers and sectors are named.
const NAMED: usize = 10;

fn used(amount: i128, limit: i128) -> Used {
    let share = if amount <= 0 {
        0
    } else if limit <= 0 {
        i128::MAX
    } else {
        let scaled = amount.saturating_mul(i128::from(BP));
        scaled / limit + i128::from(scaled % limit != 0)
    };
    Used {
        amount: reported(amount),
        limit: reported(limit),
        share_bp: share.min(i128::from(i32::MAX)) as i32,
    }
}

/// The places of the largest exposures, largest first; of equal ones the earlier.
fn largest(exposures: &[i128]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..exposures.len())
        .filter(|place| exposures[*place] > 0)
        .collect();
    places.sort_by_key(|place| core::cmp::Reverse(exposures[*place]));
    places.truncate(NAMED);
    places
}

impl Engine {
    /// Exposures and their share of each limit.
    #[must_use]
    pub fn utilisation(&self) -> Utilisation {
        let (book, money) = (&self.book, &self.equity.money);
        let issuers = largest(&book.issuers).into_iter().map(|place| IssuerUse {
            issuer_id: book.issuer_ids[place],
            used: used(book.issuers[place], money.instrument),
        });
        let sectors = largest(&book.sectors).into_iter().map(|place| SectorUse {
            sector: book.sector_names[place].clone(),
            used: used(book.sectors[place], money.sector),
        });
        let net = book
            .sums
            .net_worst(Side::Buy)
            .max(book.sums.net_worst(Side::Sell));
        let (fall, at) = self.drawdown().unwrap_or((0, 0));
        let (power, left) = (self.paid.max(0), self.power(0, 0));
        Utilisation {
            issuers: issuers.collect(),
            sectors: sectors.collect(),
            gross: used(book.sums.gross, money.gross),
            net: used(net, money.net),
            drawdown: used(fall.max(0), at),
            buying_power: used(power - left.min(power), power),
            orders: used(self.orders.len() as i128, self.orders.room() as i128),
        }
    }
}
