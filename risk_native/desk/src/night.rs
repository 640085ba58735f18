//! From one session day to the next: riskd is started anew with the new day's file, and puts back what its journal says holds.

use std::collections::BTreeMap;

use dnalyaw_engine::Side;

use crate::account::Holding;
use crate::desk::{Desk, Fault, Wants, build};
use crate::reference::{Instrument, Reference};

/// A settlement price this far past a stop of an earlier session: what lies between is a corporate action that the
/// reference does not tell of, not a market.
const IMPLAUSIBLE_PERCENT: i128 = 20;

/// A stop as it was when its session ended: its level, and whether it had fired.
pub(crate) type HeldStops = BTreeMap<(u64, u8), (i64, bool)>;

/// Whether the venue's settlement price stands past the level by more than any night explains.
fn implausible(direction: Side, level: i64, settlement_price: i64) -> bool {
    let (level, price) = (i128::from(level) * 100, i128::from(settlement_price) * 100);
    let slack = level / 100 * IMPLAUSIBLE_PERCENT;
    match direction {
        Side::Buy => price < level - slack,
        Side::Sell => price > level + slack,
    }
}

impl Desk {
    /// The next session day. A thrown switch, halts and ids taken go on; stops wait for the positions that they guard; baseline,
    /// flows, prices, volumes and the account are new. Orders that are still open count as expired.
    ///
    /// # Errors
    /// [`Fault::Refused`]: the reference is not of a later session, is of another region or currency, or has an instrument that
    /// cannot be. Then everything is as it was.
    pub fn open_session(&mut self, reference: Reference) -> Result<(), Fault> {
        let before = &self.reference;
        if reference.session <= before.session {
            return Err(Fault::Refused(format!(
                "reference: its session {} is not after {}; sessions only go forward",
                reference.session, before.session
            )));
        }
        if (&reference.region, &reference.currency) != (&before.region, &before.currency) {
            return Err(Fault::Refused(format!(
                "reference: it is of {} in {}, this account is of {} in {}",
                reference.region, reference.currency, before.region, before.currency
            )));
        }
        let mut engine = build(&reference, self.limits, self.room)?;
        let old = &self.engine;
        if let Some(kill) = old.killed() {
            engine.restore_kill(kill);
        }
        self.halts.restore(&mut engine, &reference);
        engine.restore_last_order_id(old.last_order_id(), old.last_own_order_id());
        let mut held = self.held_stops.take().unwrap_or_default();
        held.extend(old.stops().into_iter().map(|stop| {
            let key = (stop.instrument_id, stop.direction as u8);
            (key, (stop.level, stop.fired))
        }));
        engine.on_clock(self.now_ns);
        self.held_stops = Some(held);
        self.open.clear();
        self.switch.begin(&reference);
        self.unreferenced = 0;
        self.wants = Wants::ACCOUNT;
        (self.engine, self.reference) = (engine, reference);
        Ok(())
    }

    /// The venue reports a position: a stop that guarded it in an earlier session guards it on, in this session's shares.
    pub(crate) fn restore_stop(&mut self, holding: &Holding) {
        let Some(held) = &mut self.held_stops else {
            return;
        };
        let direction = if holding.quantity > 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let key = (holding.instrument_id, direction as u8);
        let Some((level, fired)) = held.remove(&key).filter(|_| holding.quantity != 0) else {
            return;
        };
        let level = self
            .instrument(holding.instrument_id)
            // To the tighter side.
            .and_then(|instrument| instrument.rebased(level, direction == Side::Buy));
        let price = holding.settlement_price;
        // One that has fired is on its way out, whatever the price has become since.
        let kept =
            level.filter(|level| fired || price <= 0 || !implausible(direction, *level, price));
        if let Some(level) = kept {
            self.engine
                .restore_stop(holding.instrument_id, direction, level, fired);
        }
    }

    fn instrument(&self, instrument_id: u64) -> Option<&Instrument> {
        self.reference
            .instrument(i64::try_from(instrument_id).ok()?)
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
