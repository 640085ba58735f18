//! One name under a move: what equity loses, and the worst case that is left.

use std::collections::{BTreeMap, HashMap};

use crate::engine::Engine;
use crate::instrument::{Resting, worst_case};
use crate::limits::{BP, GAP_SIGMAS};
use crate::sizing::{collar_high, collar_low};
use crate::types::{InstrumentReference, Side, WorkingOrder};

/// One name of the book: what is held and what works.
pub(super) struct Name<'a> {
    pub reference: &'a InstrumentReference,
    pub position: i64,
    mark: i64,
    /// The price at which the position would be sold or covered.
    liquidation: i64,
    orders: Vec<WorkingOrder>,
}

/// Exposure of a name after a move.
#[derive(Default, Clone, Copy)]
pub(super) struct Exposure {
    /// Worst case, both ways.
    pub gross: i128,
    /// Signed value of the position.
    pub value: i128,
    /// Working buys at their reserve or at the price, whichever is more.
    pub buys: i128,
    /// Working sells likewise.
    pub sells: i128,
}

impl Name<'_> {
    /// Basis points of an adverse gap: volatilities, or the reference's own gap, or everything where neither is known.
    fn gap_bp(&self) -> i64 {
        let of_volatility = i64::from(self.reference.volatility_bp) * i64::from(GAP_SIGMAS);
        match (of_volatility, self.reference.gap_bp) {
            (0, 0) => i64::from(BP),
            (0, gap) => i64::from(gap),
            (sigmas, _) => sigmas,
        }
    }

    /// What equity gains when prices move by `basis_points` and every working order fills that makes it worse.
    pub fn change(&self, basis_points: i64) -> i128 {
        let moved = |price: i64| i128::from(price) * i128::from(basis_points);
        // In units of price over basis points; rounded once, down.
        let held = i128::from(self.position) * moved(self.liquidation);
        let mark = i128::from(self.mark) * i128::from(BP) + moved(self.mark);
        let filled: i128 = self
            .orders
            .iter()
            .map(|order| {
                let left = i128::from(order.quantity - order.cumulative_quantity);
                let paid = i128::from(worst_fill(order, self.mark)) * i128::from(BP);
                let gain = match order.side {
                    Side::Buy => mark - paid,
                    Side::Sell => paid - mark,
                };
                left * gain.min(0)
            })
            .sum();
        (held + filled).div_euclid(i128::from(BP))
    }

    /// The move, against the position and its orders, that costs most: down by at most everything, or up.
    pub fn worst_gap(&self) -> i64 {
        let gap = self.gap_bp();
        let down = -gap.min(i64::from(BP));
        if self.change(down) <= self.change(gap) {
            down
        } else {
            gap
        }
    }

    pub fn exposure(&self, basis_points: i64) -> Exposure {
        let scaled = i128::from(self.mark) * i128::from(i64::from(BP) + basis_points);
        let mark = scaled.div_euclid(i128::from(BP)) + i128::from(scaled % i128::from(BP) != 0);
        let mark = mark.clamp(0, i128::from(i64::MAX)) as i64;
        let mut working = [Resting::NONE; 2];
        for order in &self.orders {
            let left = order.quantity - order.cumulative_quantity;
            let reserve = if order.limit_price > 0 {
                order.limit_price.max(mark)
            } else {
                collar_high(mark)
            };
            let side = &mut working[usize::from(order.side == Side::Sell)];
            side.quantity += left;
            side.bounds = side.bounds.with(reserve);
            side.notional += i128::from(left) * i128::from(reserve);
        }
        let [buys, sells] = working;
        Exposure {
            gross: worst_case(self.position, mark, &buys)
                + worst_case(-self.position, mark, &sells),
            value: i128::from(self.position) * i128::from(mark),
            buys: buys.weight(mark),
            sells: sells.weight(mark),
        }
    }
}

/// The worst price at which an order can fill.
fn worst_fill(order: &WorkingOrder, mark: i64) -> i64 {
    match (order.limit_price, order.side) {
        (0, Side::Buy) => collar_high(mark),
        (0, Side::Sell) => collar_low(mark),
        (limit, _) => limit,
    }
}

/// The names that are held or have orders, by instrument.
pub(super) fn book<'a>(engine: &Engine, reference: &'a [InstrumentReference]) -> Vec<Name<'a>> {
    let known: HashMap<u64, &InstrumentReference> = reference
        .iter()
        .map(|instrument| (instrument.instrument_id, instrument))
        .collect();
    let mut held: BTreeMap<u64, (i64, Vec<WorkingOrder>)> = BTreeMap::new();
    for position in engine.positions() {
        held.entry(position.instrument_id).or_default().0 = position.quantity;
    }
    for order in engine.working_orders() {
        held.entry(order.instrument_id).or_default().1.push(order);
    }
    held.into_iter()
        .filter_map(|(id, (position, orders))| {
            // What the reference lacks leaves equity unknown, and nothing is stressed then.
            let reference = *known.get(&id)?;
            let instrument = &engine.book.instruments[engine.book.find(id)?];
            Some(Name {
                reference,
                position,
                mark: instrument.mark,
                liquidation: if position > 0 {
                    instrument.marks.long
                } else {
                    instrument.marks.short
                },
                orders,
            })
        })
        .collect()
}
