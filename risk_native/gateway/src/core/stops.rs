//! Stops across restarts and sessions: what the engine holds is journaled when it changes, and put back at the start.

use std::collections::BTreeMap;

use dnalyaw_engine::Side;

use super::Core;
use super::standing::Stop;
use crate::record::Record;
use crate::reference::Instrument;
use crate::{log_error, log_info};

/// A settlement price this far past a stop of an earlier session: what lies between is a corporate action that the
/// reference does not tell of, not a market.
const IMPLAUSIBLE_PERCENT: i128 = 20;

/// Stops of earlier sessions, by instrument and direction, until the venue has told positions and settlement prices.
pub(super) type HeldStops = BTreeMap<(u64, u8), Stop>;

/// A stop of an earlier session in this session's shares, rounded to the tighter side.
fn rebased(instrument: &Instrument, direction: Side, level: i64) -> Option<i64> {
    instrument.rebased(level, direction == Side::Buy)
}

/// Whether the venue's settlement price stands past the level by more than any night explains.
fn implausible(direction: Side, level: i64, settlement_price: i64) -> bool {
    let (level, price) = (i128::from(level) * 100, i128::from(settlement_price) * 100);
    let slack = level / 100 * IMPLAUSIBLE_PERCENT;
    match direction {
        Side::Buy => price < level - slack,
        Side::Sell => price > level + slack,
    }
}

impl Core {
    /// The venue reports a position: a stop that guarded it in an earlier session guards it on.
    pub(super) fn restore_stop(
        &mut self,
        instrument_id: u64,
        quantity: i64,
        settlement_price: i64,
    ) {
        let Some(held) = &mut self.held_stops else {
            return;
        };
        let direction = if quantity > 0 { Side::Buy } else { Side::Sell };
        let Some(stop) = held
            .remove(&(instrument_id, direction as u8))
            .filter(|_| quantity != 0)
        else {
            return;
        };
        let level = i64::try_from(instrument_id)
            .ok()
            .and_then(|id| self.reference.instrument(id))
            .and_then(|instrument| rebased(instrument, direction, stop.level));
        // One that has fired is on its way out, whatever the price has become since.
        let level = level.filter(|level| {
            stop.fired || settlement_price <= 0 || !implausible(direction, *level, settlement_price)
        });
        match level {
            Some(level) => {
                self.engine
                    .restore_stop(instrument_id, direction, level, stop.fired);
                log_info!("stop_restored", {"instrument_id": instrument_id, "direction": direction as u8, "stop": level, "fired": stop.fired,
                    "session": stop.session, "was": stop.level});
            }
            None => {
                log_error!("stop_dropped", {"instrument_id": instrument_id, "direction": direction as u8, "stop": stop.level,
                    "session": stop.session, "settlement_price": settlement_price, "position": quantity,
                    "why": "the settlement price stands past it by more than a night explains; the position counts as without a stop"});
            }
        }
    }

    /// The venue has told every position: what guarded none of them guards nothing.
    pub(super) fn stops_restored(&mut self) {
        self.held_stops = None;
        self.stops_moved = true;
    }

    /// Journals what changed among the engine's stops since the last time.
    pub(super) fn write_stops(&mut self) {
        if !self
            .engine
            .fired_instruments()
            .eq(self.fired.iter().copied())
        {
            self.fired = self.engine.fired_instruments().collect();
            self.stops_moved = true;
        }
        if self.held_stops.is_some() || !std::mem::take(&mut self.stops_moved) {
            return;
        }
        let session = self.reference.session;
        let now: BTreeMap<(u64, u8), (i64, bool)> = self
            .engine
            .stops()
            .into_iter()
            .map(|stop| {
                let key = (stop.instrument_id, stop.direction as u8);
                (key, (stop.level, stop.fired))
            })
            .collect();
        let gone = self
            .standing
            .stops()
            .keys()
            .filter(|key| !now.contains_key(key))
            .map(|key| (*key, (0, false)));
        let changed = now.iter().filter(|(key, held)| {
            self.standing
                .stops()
                .get(key)
                .is_none_or(|stop| (stop.level, stop.fired) != **held || stop.session != session)
        });
        let news: Vec<((u64, u8), (i64, bool))> = gone
            .chain(changed.map(|(key, held)| (*key, *held)))
            .collect();
        let ts_ns = self.now();
        for ((instrument_id, direction), (level, fired)) in news {
            self.write(&Record::Stop {
                session,
                instrument_id,
                direction,
                level,
                fired,
                ts_ns,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_moves_a_price_and_a_corporate_action_more() {
        // A long stop at 100: 80 may be a bad night, below it is none.
        assert!(!implausible(Side::Buy, 100, 80));
        assert!(implausible(Side::Buy, 100, 79));
        assert!(!implausible(Side::Buy, 100, 1_000));
        assert!(!implausible(Side::Sell, 100, 120));
        assert!(implausible(Side::Sell, 100, 121));
        assert!(!implausible(Side::Sell, 100, 1));
    }
}
