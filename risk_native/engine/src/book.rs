//! All instruments and the running sums that every limit rests on. There are two ways to change an instrument, and the sums
//! follow both.

use std::collections::BTreeMap;

use crate::arithmetic::share_of;
use crate::ids::Places;
use crate::instrument::{
    Bounds, Gate, Instrument, Parts, RESTRICTED, TRADABLE, VENUE_HALTED, worst_case,
};
use crate::limits::{BP, CLOSE_SLICE_BP, FEE_MARGIN_BP, GAP_SIGMAS, SHORT_MARGIN_BP};
use crate::min_tree::MinTree;
use crate::tick::Tick;
use crate::types::{InstrumentReference, ReferenceError, Side};
use crate::units::{MAX_PRICE, MAX_QUANTITY};

/// The sums over the whole book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub gross: i128,
    pub net: i128,
    pub buys: i128,
    pub sells: i128,
    pub value: i128,
    pub second_value: i128,
    pub reserved_buys: i128,
    pub short_value: i128,
    pub short_reserved: i128,
    pub unmarked: usize,
}

impl Sums {
    pub(crate) fn shift(&mut self, from: &Parts, to: &Parts) {
        self.gross += to.exposure - from.exposure;
        self.net += to.net - from.net;
        self.buys += to.buys - from.buys;
        self.sells += to.sells - from.sells;
        self.value += to.value - from.value;
        self.second_value += to.second_value - from.second_value;
        self.reserved_buys += to.reserved_buys - from.reserved_buys;
        self.short_value += to.short_value - from.short_value;
        self.short_reserved += to.short_reserved - from.short_reserved;
        self.unmarked = self.unmarked + to.unmarked - from.unmarked;
    }

    /// Worst-case net exposure of the book towards this side.
    #[inline]
    pub(crate) const fn net_worst(&self, side: Side) -> i128 {
        match side {
            Side::Buy => self.net + self.buys,
            Side::Sell => -self.net + self.sells,
        }
    }
}

const fn common(mut one: i128, mut other: i128) -> i128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// What shorts worth `value` and working short sales of `reserved` bind of the cash, rounded up.
#[inline]
pub(crate) const fn pledged(value: i128, reserved: i128) -> i128 {
    // In lowest terms: the divisor is small and known, so no 128-bit division is left.
    const UNIT: i128 = common(BP as i128, SHORT_MARGIN_BP as i128);
    const HELD: i128 = (BP + SHORT_MARGIN_BP) as i128 / UNIT;
    const WORKING: i128 = SHORT_MARGIN_BP as i128 / UNIT;
    const WHOLE: i128 = BP as i128 / UNIT;
    (value * HELD + reserved * WORKING + WHOLE - 1) / WHOLE
}

/// The notional that `cash` pays for with the margin for fees on top. Rounded towards minus infinity, so that
/// notional * (1 + margin) <= cash holds exactly.
pub(crate) const fn paid_by(cash: i128) -> i128 {
    (cash * BP as i128).div_euclid((BP + FEE_MARGIN_BP) as i128)
}

#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub instruments: Vec<Instrument>,
    pub gates: Vec<Gate>,
    places: Places,
    pub issuers: Vec<i128>,
    pub sectors: Vec<i128>,
    pub issuer_ids: Vec<u64>,
    pub sector_names: Vec<Option<String>>,
    pub venues: Vec<String>,
    pub sums: Sums,
    /// At least the largest issuer and the largest sector; exact after [`Book::tighten`].
    pub issuer_bound: i128,
    pub sector_bound: i128,
    /// When the mark of each held position was taken.
    held_since: MinTree,
}

fn problem(entry: &InstrumentReference, before: Option<u64>) -> Option<&'static str> {
    if entry.instrument_id == 0 || entry.instrument_id > i64::MAX as u64 {
        Some("instrument_id must be positive and fit 63 bits")
    } else if before == Some(entry.instrument_id) {
        Some("named twice")
    } else if entry.lot <= 0 || entry.lot > MAX_QUANTITY {
        Some("lot must be positive")
    } else if entry.tick_micro < 0 {
        Some("tick_micro must not be negative")
    } else if entry.adv < 0 {
        Some("adv must not be negative")
    } else if entry.locate < 0 {
        Some("locate must not be negative")
    } else if entry.close_micro < 0 || entry.close_micro > MAX_PRICE {
        Some("close_micro must not be negative, nor above the largest price")
    } else {
        None
    }
}

/// The place of `key` among those seen, a new one at the end.
fn place_of<K: Ord>(places: &mut BTreeMap<K, u32>, key: K) -> u32 {
    let next = places.len() as u32;
    *places.entry(key).or_insert(next)
}

impl Book {
    pub(crate) fn new(
        reference: &[InstrumentReference],
        participation_bp: u32,
    ) -> Result<Self, ReferenceError> {
        let mut sorted: Vec<&InstrumentReference> = reference.iter().collect();
        sorted.sort_by_key(|entry| entry.instrument_id);
        let (mut issuers, mut sectors, mut venues) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut instruments: Vec<Instrument> = Vec::with_capacity(sorted.len());
        let mut gates = Vec::with_capacity(sorted.len());
        for entry in sorted {
            if let Some(problem) = problem(entry, instruments.last().map(|last| last.id)) {
                return Err(ReferenceError {
                    instrument_id: entry.instrument_id,
                    problem,
                });
            }
            let tick = Tick::new(entry.tick_micro, &entry.venue);
            let flags = if entry.tradable { TRADABLE } else { 0 }
                | if entry.restricted { RESTRICTED } else { 0 };
            gates.push(Gate::new(entry.instrument_id, entry.lot, tick, flags));
            let volatility = u64::from(entry.volatility_bp);
            let gap = match entry.gap_bp {
                0 => volatility * u64::from(GAP_SIGMAS),
                known => u64::from(known),
            };
            let volume = i128::from(entry.adv);
            let slice = share_of(volume, CLOSE_SLICE_BP) as i64;
            instruments.push(Instrument {
                issuer: place_of(&mut issuers, entry.issuer_id),
                sector: place_of(&mut sectors, entry.sector.as_deref()),
                venue: place_of(&mut venues, entry.venue.as_str()),
                lot: entry.lot,
                volume_limit: share_of(volume, participation_bp) as i64,
                slice: if entry.adv == 0 {
                    0
                } else {
                    (slice - slice % entry.lot).max(entry.lot)
                },
                locate: entry.locate,
                close: entry.close_micro,
                floor_bp: if volatility == 0 {
                    0
                } else {
                    volatility.max(gap)
                },
                ..Instrument::unknown(entry.instrument_id, tick)
            });
        }
        let ids: Vec<u64> = instruments.iter().map(|instrument| instrument.id).collect();
        Ok(Self {
            places: Places::new(&ids),
            issuers: vec![0; issuers.len()],
            sectors: vec![0; sectors.len()],
            issuer_ids: in_place_order(issuers),
            sector_names: in_place_order(sectors)
                .into_iter()
                .map(|name| name.map(str::to_owned))
                .collect(),
            venues: in_place_order(venues)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            held_since: MinTree::new(instruments.len()),
            instruments,
            gates,
            sums: Sums::default(),
            issuer_bound: 0,
            sector_bound: 0,
        })
    }

    #[inline]
    pub(crate) fn find(&self, instrument_id: u64) -> Option<usize> {
        self.places
            .find(instrument_id, |place| self.gates[place].id)
    }

    /// Any change of position, prices or working orders.
    pub(crate) fn change(&mut self, index: usize, change: impl FnOnce(&mut Instrument)) {
        let instrument = &mut self.instruments[index];
        let before = instrument.parts();
        change(instrument);
        instrument.weigh(Side::Buy);
        instrument.weigh(Side::Sell);
        let after = instrument.parts();
        let held_since = instrument.held_since();
        self.held_since.set(index, held_since);
        self.sums.shift(&before, &after);
        self.expose(index, after.exposure - before.exposure);
    }

    /// Working orders of one side grow or shrink, within `bounds` from now on; position and prices stay. The short way through
    /// [`Book::change`].
    #[inline]
    pub(crate) fn resize(
        &mut self,
        index: usize,
        side: Side,
        shares: i64,
        notional: i128,
        bounds: Bounds,
    ) {
        let instrument = &mut self.instruments[index];
        let (held, mark) = (instrument.held(side), instrument.mark);
        let resting = instrument.resting_mut(side);
        let before = resting.weight(mark);
        resting.quantity += shares;
        resting.notional += notional;
        debug_assert!(
            resting.quantity >= 0 && resting.notional >= 0,
            "no more is released than was reserved"
        );
        resting.bounds = if resting.quantity == 0 {
            Bounds::NONE
        } else {
            bounds
        };
        let heavier = resting.weight(mark) - before;
        let worse = if held >= 0 {
            // The position's part of the worst case stays.
            heavier
        } else {
            worst_case(held, mark, resting) - resting.worst
        };
        resting.worst += worse;
        match side {
            Side::Buy => {
                self.sums.buys += heavier;
                self.sums.reserved_buys += notional;
            }
            Side::Sell => {
                self.sums.sells += heavier;
                if instrument.position <= 0 {
                    self.sums.short_reserved += notional;
                }
            }
        }
        self.sums.gross += worse;
        self.expose(index, worse);
    }

    #[inline]
    fn expose(&mut self, index: usize, more: i128) {
        let instrument = &self.instruments[index];
        let issuer = &mut self.issuers[instrument.issuer as usize];
        *issuer += more;
        self.issuer_bound = self.issuer_bound.max(*issuer);
        let sector = &mut self.sectors[instrument.sector as usize];
        *sector += more;
        self.sector_bound = self.sector_bound.max(*sector);
    }

    /// Makes the bounds exact again.
    pub(crate) fn tighten(&mut self) {
        (self.issuer_bound, self.sector_bound) = (self.largest_issuer(), self.largest_sector());
    }

    pub(crate) fn largest_issuer(&self) -> i128 {
        self.issuers.iter().copied().max().unwrap_or(0)
    }

    pub(crate) fn largest_sector(&self) -> i128 {
        self.sectors.iter().copied().max().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn issuer_exposure(&self, index: usize) -> i128 {
        self.issuers[self.instruments[index].issuer as usize]
    }

    #[inline]
    pub(crate) fn sector_exposure(&self, index: usize) -> i128 {
        self.sectors[self.instruments[index].sector as usize]
    }

    /// The oldest moment at which the mark of a held position was taken; `i64::MAX` when nothing is held.
    #[inline]
    pub(crate) fn oldest_mark(&self) -> i64 {
        self.held_since.min()
    }

    /// False when no instrument trades there.
    pub(crate) fn halt_venue(&mut self, venue: &str, on: bool) -> bool {
        let Some(place) = self.venues.iter().position(|name| name == venue) else {
            return false;
        };
        for (instrument, gate) in self.instruments.iter().zip(&mut self.gates) {
            if instrument.venue as usize == place {
                set_flag(&mut gate.flags, VENUE_HALTED, on);
            }
        }
        true
    }
}

pub(crate) const fn set_flag(flags: &mut u8, flag: u8, on: bool) {
    *flags = if on { *flags | flag } else { *flags & !flag };
}

fn in_place_order<K>(places: BTreeMap<K, u32>) -> Vec<K> {
    let mut pairs: Vec<(u32, K)> = places
        .into_iter()
        .map(|(key, place)| (place, key))
        .collect();
    pairs.sort_unstable_by_key(|(place, _)| *place);
    pairs.into_iter().map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shorts_pledge_by_hand() {
        // 150 of a short's 100, 50 of a working short's 100; halves are rounded up.
        assert_eq!(pledged(100, 0), 150);
        assert_eq!(pledged(0, 100), 50);
        assert_eq!(pledged(1, 0), 2);
        assert_eq!(pledged(1, 1), 2);
        assert_eq!(pledged(0, 0), 0);
    }

    #[test]
    fn cash_pays_for_a_little_less_than_itself() {
        assert_eq!(paid_by(20_100), 20_000);
        assert_eq!(paid_by(20_099), 19_999);
        assert_eq!(paid_by(-20_100), -20_000);
        assert_eq!(paid_by(-1), -1);
    }
}
