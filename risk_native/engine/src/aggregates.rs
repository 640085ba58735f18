//! The running sums as a value, and the same computed from positions, marks and orders alone.

use crate::book::{Book, Sums};
use crate::instrument::{Instrument, Parts, Resting};
use crate::orders::Working;
use crate::types::{ShadowDifference, Side};

/// The sums, as they run or as computed from nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregates {
    pub(crate) issuers: Vec<i128>,
    pub(crate) sectors: Vec<i128>,
    /// By instrument: its id, buys, sells, the keys of the most aggressive of each.
    pub(crate) resting: Vec<(u64, Resting, Resting, [Option<i64>; 2])>,
    pub(crate) sums: Sums,
    pub(crate) orders: usize,
}

/// What a recomputation needs of an instrument.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub instrument: Instrument,
    pub best: [Option<i64>; 2],
}

/// A side without its orders. The bounds are not theirs alone, they remember ended ones: that none of today's lies outside is
/// what can be checked.
const fn of_nothing(side: &Resting) -> Resting {
    Resting {
        bounds: side.bounds,
        ..Resting::NONE
    }
}

impl Aggregates {
    pub(crate) fn running(book: &Book, slots: &[Working], orders: usize) -> Self {
        Self {
            issuers: book.issuers.clone(),
            sectors: book.sectors.clone(),
            resting: book
                .instruments
                .iter()
                .map(|instrument| {
                    let key = |side| {
                        slots
                            .get(instrument.best(side) as usize)
                            .map(|order| order.key)
                    };
                    (
                        instrument.id,
                        instrument.buys,
                        instrument.sells,
                        [key(Side::Buy), key(Side::Sell)],
                    )
                })
                .collect(),
            sums: book.sums,
            orders,
        }
    }

    pub(crate) fn recomputed<'a>(
        instruments: impl Iterator<Item = &'a Instrument>,
        orders: impl Iterator<Item = &'a Working>,
        issuers: usize,
        sectors: usize,
    ) -> Self {
        let mut fresh: Vec<Held> = instruments
            .map(|instrument| Held {
                instrument: Instrument {
                    buys: of_nothing(&instrument.buys),
                    sells: of_nothing(&instrument.sells),
                    ..instrument.clone()
                },
                best: [None; 2],
            })
            .collect();
        let mut count = 0;
        for order in orders {
            let held = &mut fresh[order.instrument as usize];
            let resting = held.instrument.resting_mut(order.side);
            resting.quantity += order.leaves();
            resting.notional += order.notional();
            resting.bounds = order.bounds(resting.bounds);
            let best = &mut held.best[order.side as usize - 1];
            *best = Some(best.map_or(order.rank(), |key| key.min(order.rank())));
            count += 1;
        }
        let mut result = Self {
            issuers: vec![0; issuers],
            sectors: vec![0; sectors],
            resting: Vec::with_capacity(fresh.len()),
            sums: Sums::default(),
            orders: count,
        };
        for held in &mut fresh {
            held.instrument.weigh(Side::Buy);
            held.instrument.weigh(Side::Sell);
            let parts = held.instrument.parts();
            result.sums.shift(&Parts::default(), &parts);
            result.issuers[held.instrument.issuer as usize] += parts.exposure;
            result.sectors[held.instrument.sector as usize] += parts.exposure;
            let (buys, sells) = (held.instrument.buys, held.instrument.sells);
            result
                .resting
                .push((held.instrument.id, buys, sells, held.best));
        }
        result
    }

    /// The first sum in which `self`, as it ran, differs from what was recomputed.
    pub(crate) fn compare(&self, recomputed: &Self) -> Result<(), ShadowDifference> {
        let same = |what, whose, running: i128, recomputed: i128| {
            if running == recomputed {
                Ok(())
            } else {
                Err(ShadowDifference {
                    what,
                    whose,
                    running,
                    recomputed,
                })
            }
        };
        same(
            "working orders",
            0,
            self.orders as i128,
            recomputed.orders as i128,
        )?;
        for (ran, is) in self.resting.iter().zip(&recomputed.resting) {
            for (what, ran_side, is_side) in [
                (
                    [
                        "bought",
                        "lowest buy reserve",
                        "highest buy reserve",
                        "buy notional",
                        "long worst case",
                    ],
                    ran.1,
                    is.1,
                ),
                (
                    [
                        "sold",
                        "lowest sell reserve",
                        "highest sell reserve",
                        "sell notional",
                        "short worst case",
                    ],
                    ran.2,
                    is.2,
                ),
            ] {
                same(
                    what[0],
                    ran.0,
                    ran_side.quantity.into(),
                    is_side.quantity.into(),
                )?;
                let (ran_at, is_at) = (ran_side.bounds, is_side.bounds);
                same(what[1], ran.0, ran_at.low.into(), is_at.low.into())?;
                same(what[2], ran.0, ran_at.high.into(), is_at.high.into())?;
                same(what[3], ran.0, ran_side.notional, is_side.notional)?;
                same(what[4], ran.0, ran_side.worst, is_side.worst)?;
            }
            let key = |key: Option<i64>| key.map_or(i128::MAX, i128::from);
            same("most aggressive buy", ran.0, key(ran.3[0]), key(is.3[0]))?;
            same("most aggressive sell", ran.0, key(ran.3[1]), key(is.3[1]))?;
        }
        for (nth, (ran, is)) in self.issuers.iter().zip(&recomputed.issuers).enumerate() {
            same("exposure of issuer", nth as u64, *ran, *is)?;
        }
        for (nth, (ran, is)) in self.sectors.iter().zip(&recomputed.sectors).enumerate() {
            same("exposure of sector", nth as u64, *ran, *is)?;
        }
        let (ran, is) = (&self.sums, &recomputed.sums);
        for (what, running, recomputed) in [
            ("gross exposure", ran.gross, is.gross),
            ("net exposure", ran.net, is.net),
            ("working buys", ran.buys, is.buys),
            ("working sells", ran.sells, is.sells),
            ("value", ran.value, is.value),
            (
                "value at the second marks",
                ran.second_value,
                is.second_value,
            ),
            ("reserved buys", ran.reserved_buys, is.reserved_buys),
            ("value of shorts", ran.short_value, is.short_value),
            (
                "reserved short sales",
                ran.short_reserved,
                is.short_reserved,
            ),
            (
                "positions without a mark",
                ran.unmarked as i128,
                is.unmarked as i128,
            ),
        ] {
            same(what, 0, running, recomputed)?;
        }
        Ok(())
    }
}
