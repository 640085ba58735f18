//! Stops: a level per instrument and direction that only tightens, and fires when two marks have reached it.

use crate::engine::Engine;
use crate::instrument::{Instrument, NO_STOP};
use crate::types::{Side, StopView};

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

impl Instrument {
    pub(crate) const fn has_fired(&self, side: Side) -> bool {
        self.fired & side as u8 != 0
    }

    /// A position of this direction, or orders that may make one.
    #[inline]
    fn needs_stop(&self, side: Side) -> bool {
        self.held(side) + self.resting(side).quantity > 0
    }

    /// Both marks of the position have reached its stop, in a market that has opened.
    #[inline]
    fn reaches_stop(&self, side: Side) -> bool {
        let level = self.stop(side);
        if level == NO_STOP || self.held(side) <= 0 || !self.priced {
            return false;
        }
        match side {
            Side::Buy => self.marks.long.max(self.second.long) <= level,
            Side::Sell => self.marks.short.min(self.second.short) >= level,
        }
    }
}

impl Engine {
    /// After whatever may move position, marks or level: drops a level that guards nothing, fires one that was reached.
    #[inline]
    pub(crate) fn settle_stops(&mut self, index: usize) {
        if self.positions_known && self.book.instruments[index].has_stop() {
            self.settle_held_stops(index);
        }
    }

    /// As [`Engine::settle_stops`] after an order of this side was accepted: a level that was settled then can only have become
    /// one that is reached.
    #[inline]
    pub(crate) fn settle_offered(&mut self, index: usize, side: Side) {
        if self.book.instruments[index].reaches_stop(side) {
            self.settle_stops(index);
        }
    }

    /// As [`Engine::settle_stops`] after working orders of this side became fewer: only this side's level can have lost what it
    /// guards.
    #[inline]
    pub(crate) fn settle_released(&mut self, index: usize, side: Side) {
        let instrument = &mut self.book.instruments[index];
        if instrument.stop(side) == NO_STOP || instrument.needs_stop(side) {
            return;
        }
        if instrument.fired != 0 {
            self.settle_stops(index);
        } else if self.positions_known {
            *instrument.stop_mut(side) = NO_STOP;
        }
    }

    #[cold]
    fn settle_held_stops(&mut self, index: usize) {
        let instrument = &mut self.book.instruments[index];
        let before = instrument.fired;
        for side in SIDES {
            if instrument.stop(side) == NO_STOP {
                continue;
            }
            if !instrument.needs_stop(side) {
                *instrument.stop_mut(side) = NO_STOP;
                instrument.fired &= !(side as u8);
            } else if instrument.reaches_stop(side) {
                instrument.fired |= side as u8;
            }
        }
        let after = instrument.fired;
        if before == 0 && after != 0 {
            debug_assert!(
                self.fired.len() < self.fired.capacity(),
                "there is room for every instrument"
            );
            self.fired.push(index as u32);
        } else if before != 0 && after == 0 {
            self.fired.retain(|held| *held as usize != index);
        }
    }

    /// The stops that are held, by instrument; to be persisted when they change.
    #[must_use]
    pub fn stops(&self) -> Vec<StopView> {
        let held = self
            .book
            .instruments
            .iter()
            .filter(|instrument| instrument.has_stop());
        held.flat_map(|instrument| {
            SIDES.into_iter().filter_map(|direction| {
                let level = instrument.stop(direction);
                (level != NO_STOP).then(|| StopView {
                    instrument_id: instrument.id,
                    direction,
                    level,
                    fired: instrument.has_fired(direction),
                })
            })
        })
        .collect()
    }

    /// The instruments of which a stop has fired.
    pub fn fired_instruments(&self) -> impl Iterator<Item = u64> + '_ {
        self.fired
            .iter()
            .map(|index| self.book.instruments[*index as usize].id)
    }

    /// Put back a stop, before positions are known; it only tightens, and one that has fired goes on until its position is closed.
    /// False when the instrument is unknown.
    pub fn restore_stop(
        &mut self,
        instrument_id: u64,
        direction: Side,
        level: i64,
        fired: bool,
    ) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        let instrument = &mut self.book.instruments[index];
        let stop = instrument.stop_mut(direction);
        *stop = match direction {
            Side::Sell if *stop != NO_STOP => level.min(*stop),
            _ => level.max(*stop),
        };
        if fired && instrument.stop(direction) != NO_STOP {
            if instrument.fired == 0 {
                self.fired.push(index as u32);
            }
            instrument.fired |= direction as u8;
        }
        self.settle_stops(index);
        true
    }
}
