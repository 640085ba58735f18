//! Positions, working quantities and prices, and the running sums that every limit rests on.

use std::collections::BTreeMap;

use crate::max_tree::MaxTree;
use crate::order_table::{OrderTable, Working};
use crate::types::{InstrumentReference, ReferenceError, Side};
use crate::units::MAX_QUANTITY;

/// Quantity and reserved notional of the working orders of one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resting {
    pub quantity: i128,
    pub notional: i128,
}

#[derive(Debug, Clone)]
pub(crate) struct Instrument {
    pub id: u64,
    pub issuer: u32,
    pub sector: u32,
    pub lot: i64,
    pub tick: i64,
    pub tradable: bool,
    pub volatility_bp: u32,
    pub bid: i64,
    pub ask: i64,
    pub last: i64,
    /// Of the last market price; meaningful when `priced`.
    pub price_ts: i64,
    pub priced: bool,
    /// What an order is priced from: the middle of an uncrossed quote, else the last print; 0 = none.
    pub reference: i64,
    /// What a position is valued at: the last reference price, before it the settlement price; 0 = none.
    pub mark: i64,
    pub position: i64,
    /// Named in the position report that is being received.
    pub reported: bool,
    pub buys: Resting,
    pub sells: Resting,
    /// A closing order failed: do not send another before this moment.
    pub retry_at: i64,
}

/// Worst case in money, each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exposure {
    pub long: i128,
    pub short: i128,
}

impl Exposure {
    pub(crate) const fn gross(self) -> i128 {
        self.long + self.short
    }

    fn shift(&mut self, from: Exposure, to: Exposure) {
        self.long += to.long - from.long;
        self.short += to.short - from.short;
    }
}

/// Worst case towards one side: `held` shares (negative = held the other way) and every working order of that side filled.
/// Working orders count at their reserve or at the mark, whichever is more.
fn worst_case(held: i128, mark: i128, resting: Resting) -> i128 {
    if held >= 0 {
        return held * mark + resting.notional.max(resting.quantity * mark);
    }
    let over = resting.quantity + held;
    if over <= 0 {
        return 0;
    }
    let share = over.saturating_mul(resting.notional);
    let reserved = share / resting.quantity + i128::from(share % resting.quantity != 0);
    reserved.max(over * mark)
}

impl Instrument {
    pub(crate) fn exposure(&self) -> Exposure {
        let (held, mark) = (i128::from(self.position), i128::from(self.mark));
        Exposure {
            long: worst_case(held, mark, self.buys),
            short: worst_case(-held, mark, self.sells),
        }
    }

    pub(crate) fn value(&self) -> i128 {
        i128::from(self.position) * i128::from(self.mark)
    }

    const fn unmarked(&self) -> bool {
        self.position != 0 && self.mark == 0
    }

    pub(crate) fn resting_mut(&mut self, side: Side) -> &mut Resting {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    /// How much an order of this side can trade and only lower the worst case.
    pub(crate) fn reducible(&self, side: Side) -> i64 {
        let room = match side {
            Side::Sell => i128::from(self.position) - self.sells.quantity,
            Side::Buy => -i128::from(self.position) - self.buys.quantity,
        };
        room.clamp(0, i128::from(MAX_QUANTITY)) as i64
    }
}

/// The sums, as they run or as computed from nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregates {
    pub(crate) issuers: Vec<Exposure>,
    pub(crate) sectors: Vec<Exposure>,
    pub(crate) resting: Vec<(Resting, Resting)>,
    pub(crate) value: i128,
    pub(crate) unmarked: usize,
    pub(crate) reserved_buys: i128,
    pub(crate) largest_issuer: i128,
    pub(crate) largest_sector: i128,
}

#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub instruments: Vec<Instrument>,
    ids: Vec<u64>,
    issuers: Vec<Exposure>,
    sectors: Vec<Exposure>,
    issuer_tree: MaxTree,
    sector_tree: MaxTree,
    value: i128,
    unmarked: usize,
    reserved_buys: i128,
}

impl Book {
    pub(crate) fn new(reference: &[InstrumentReference]) -> Result<Self, ReferenceError> {
        let mut sorted: Vec<&InstrumentReference> = reference.iter().collect();
        sorted.sort_by_key(|entry| entry.instrument_id);
        let mut issuers: BTreeMap<u64, u32> = BTreeMap::new();
        let mut sectors: BTreeMap<Option<&str>, u32> = BTreeMap::new();
        let mut instruments: Vec<Instrument> = Vec::with_capacity(sorted.len());
        for entry in sorted {
            let problem = if entry.instrument_id == 0 || entry.instrument_id > i64::MAX as u64 {
                Some("instrument_id must be positive and fit 63 bits")
            } else if instruments
                .last()
                .is_some_and(|last| last.id == entry.instrument_id)
            {
                Some("named twice")
            } else if entry.lot <= 0 || entry.lot > MAX_QUANTITY {
                Some("lot must be positive")
            } else if entry.tick_micro < 0 {
                Some("tick_micro must not be negative")
            } else {
                None
            };
            if let Some(problem) = problem {
                return Err(ReferenceError {
                    instrument_id: entry.instrument_id,
                    problem,
                });
            }
            let next = issuers.len() as u32;
            let issuer = *issuers.entry(entry.issuer_id).or_insert(next);
            let next = sectors.len() as u32;
            let sector = *sectors.entry(entry.sector.as_deref()).or_insert(next);
            instruments.push(Instrument {
                id: entry.instrument_id,
                issuer,
                sector,
                lot: entry.lot,
                tick: entry.tick_micro,
                tradable: entry.tradable,
                volatility_bp: entry.volatility_bp,
                bid: 0,
                ask: 0,
                last: 0,
                price_ts: 0,
                priced: false,
                reference: 0,
                mark: 0,
                position: 0,
                reported: false,
                buys: Resting::default(),
                sells: Resting::default(),
                retry_at: i64::MIN,
            });
        }
        Ok(Self {
            ids: instruments.iter().map(|instrument| instrument.id).collect(),
            issuer_tree: MaxTree::new(issuers.len()),
            sector_tree: MaxTree::new(sectors.len()),
            issuers: vec![Exposure::default(); issuers.len()],
            sectors: vec![Exposure::default(); sectors.len()],
            instruments,
            value: 0,
            unmarked: 0,
            reserved_buys: 0,
        })
    }

    pub(crate) fn find(&self, instrument_id: u64) -> Option<usize> {
        self.ids.binary_search(&instrument_id).ok()
    }

    /// The one way to change an instrument: the sums follow.
    pub(crate) fn change(&mut self, index: usize, change: impl FnOnce(&mut Instrument)) {
        let instrument = &mut self.instruments[index];
        let (exposure, value, unmarked, reserved) = (
            instrument.exposure(),
            instrument.value(),
            instrument.unmarked(),
            instrument.buys.notional,
        );
        change(instrument);
        let after = instrument.exposure();
        self.value += instrument.value() - value;
        self.reserved_buys += instrument.buys.notional - reserved;
        self.unmarked = self.unmarked + usize::from(instrument.unmarked()) - usize::from(unmarked);
        if after != exposure {
            let (issuer, sector) = (instrument.issuer as usize, instrument.sector as usize);
            self.issuers[issuer].shift(exposure, after);
            self.sectors[sector].shift(exposure, after);
            self.issuer_tree.set(issuer, self.issuers[issuer].gross());
            self.sector_tree.set(sector, self.sectors[sector].gross());
        }
    }

    pub(crate) fn reserve(&mut self, order: &Working) {
        let (leaves, notional) = (
            i128::from(order.leaves()),
            i128::from(order.leaves()) * i128::from(order.reserve_price),
        );
        self.change(order.instrument as usize, |instrument| {
            let resting = instrument.resting_mut(order.side);
            resting.quantity += leaves;
            resting.notional += notional;
        });
    }

    /// `shares` of the order's leaves are no longer working; `moved` (signed) of them became position.
    pub(crate) fn release(&mut self, order: &Working, shares: i64, moved: i64) {
        self.change(order.instrument as usize, |instrument| {
            let resting = instrument.resting_mut(order.side);
            resting.quantity -= i128::from(shares);
            resting.notional -= i128::from(shares) * i128::from(order.reserve_price);
            instrument.position += moved;
        });
    }

    pub(crate) fn issuer_exposure(&self, index: usize) -> i128 {
        self.issuers[self.instruments[index].issuer as usize].gross()
    }

    pub(crate) fn sector_exposure(&self, index: usize) -> i128 {
        self.sectors[self.instruments[index].sector as usize].gross()
    }

    pub(crate) fn largest_issuer(&self) -> i128 {
        self.issuer_tree.max()
    }

    pub(crate) fn largest_sector(&self) -> i128 {
        self.sector_tree.max()
    }

    pub(crate) const fn reserved_buys(&self) -> i128 {
        self.reserved_buys
    }

    /// Value of all positions; `None` while one of them has no mark.
    pub(crate) fn value(&self) -> Option<i128> {
        (self.unmarked == 0).then_some(self.value)
    }

    pub(crate) fn running(&self) -> Aggregates {
        Aggregates {
            issuers: self.issuers.clone(),
            sectors: self.sectors.clone(),
            resting: self
                .instruments
                .iter()
                .map(|instrument| (instrument.buys, instrument.sells))
                .collect(),
            value: self.value,
            unmarked: self.unmarked,
            reserved_buys: self.reserved_buys,
            largest_issuer: self.largest_issuer(),
            largest_sector: self.largest_sector(),
        }
    }

    /// The same sums from positions, marks and the orders themselves.
    pub(crate) fn recomputed(&self, orders: &OrderTable) -> Aggregates {
        let mut fresh = self.instruments.clone();
        for instrument in &mut fresh {
            (instrument.buys, instrument.sells) = (Resting::default(), Resting::default());
        }
        for order in orders.iter() {
            let resting = fresh[order.instrument as usize].resting_mut(order.side);
            resting.quantity += i128::from(order.leaves());
            resting.notional += i128::from(order.leaves()) * i128::from(order.reserve_price);
        }
        let mut issuers = vec![Exposure::default(); self.issuers.len()];
        let mut sectors = vec![Exposure::default(); self.sectors.len()];
        for instrument in &fresh {
            issuers[instrument.issuer as usize].shift(Exposure::default(), instrument.exposure());
            sectors[instrument.sector as usize].shift(Exposure::default(), instrument.exposure());
        }
        let largest = |exposures: &[Exposure]| {
            exposures
                .iter()
                .map(|exposure| exposure.gross())
                .max()
                .unwrap_or(0)
        };
        Aggregates {
            resting: fresh
                .iter()
                .map(|instrument| (instrument.buys, instrument.sells))
                .collect(),
            value: fresh.iter().map(Instrument::value).sum(),
            unmarked: fresh
                .iter()
                .filter(|instrument| instrument.unmarked())
                .count(),
            reserved_buys: fresh
                .iter()
                .map(|instrument| instrument.buys.notional)
                .sum(),
            largest_issuer: largest(&issuers),
            largest_sector: largest(&sectors),
            issuers,
            sectors,
        }
    }

    /// The sums of one instrument against the orders themselves, without allocating.
    #[cfg(debug_assertions)]
    pub(crate) fn resting_agrees(&self, index: usize, orders: &OrderTable) -> bool {
        let (mut buys, mut sells) = (Resting::default(), Resting::default());
        for order in orders
            .iter()
            .filter(|order| order.instrument as usize == index)
        {
            let resting = if order.side == Side::Buy {
                &mut buys
            } else {
                &mut sells
            };
            resting.quantity += i128::from(order.leaves());
            resting.notional += i128::from(order.leaves()) * i128::from(order.reserve_price);
        }
        (buys, sells) == (self.instruments[index].buys, self.instruments[index].sells)
    }
}
