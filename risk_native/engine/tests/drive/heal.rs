//! Back to where orders pass: without it most of a sequence would be spent halted, killed or closed.

use dnalyaw_engine::{ExecKind, SessionState};

use super::event::Event;
use super::step::Words;
use super::{Pair, prices, venue};
use crate::reference::codes;
use crate::reference::limits::ONE;

/// All halts, by the codes of their reasons.
pub const HALTS: [u16; 5] = [
    codes::NO_ACCOUNT,
    codes::UNRECONCILED,
    codes::SHADOW,
    codes::JOURNAL_FAILED,
    codes::HALTED,
];
/// All holds.
pub const HOLDS: [u16; 2] = [codes::LINK_LOST, codes::REDUCE_ONLY];

impl Pair {
    /// Everything back to where orders pass: halts lifted, the line up, the account told anew, prices fresh. Where the
    /// switch may not be armed in this session, the next one begins.
    pub fn heal(&mut self, words: &mut Words) -> Vec<Event> {
        let mut events = vec![Event::Venue(true)];
        let model = &self.model;
        // Only what stands is lifted: everything that happens is compared, and this would be most of it.
        for halt in HALTS.into_iter().filter(|halt| model.halts.contains(halt)) {
            events.push(Event::Halt(halt, false));
        }
        for hold in HOLDS.into_iter().filter(|hold| model.holds.contains(hold)) {
            events.push(Event::Hold(hold, false));
        }
        for halted in model.instruments.iter().filter(|one| one.halted) {
            events.push(Event::HaltInstrument(halted.row.instrument_id, false));
        }
        for venue in ["XNYS", "HKEX"] {
            if model.halted_venues.contains(venue) {
                events.push(Event::HaltVenue(venue, false));
            }
        }
        events.push(Event::HaltStrategies(0));
        events.push(Event::FirmRate(Some(ONE)));
        let killed = self.model.kill.is_some();
        let anew = killed || words.once_in(8);
        if anew {
            self.venue.mail.clear();
            for order in self.model.orders.clone() {
                let last = venue::plain(order.id, ExecKind::Expired, order.filled as i64);
                events.push(Event::Report(last));
            }
            for order in &mut self.venue.orders {
                order.done = true;
            }
            self.venue.positions = self.world.positions.iter().copied().collect();
            self.venue.cash = self.world.cash;
        }
        let day = self.day + u32::from(anew);
        events.push(Event::Session(SessionState::Open, day));
        for (place, price) in self.world.prices.clone().into_iter().enumerate() {
            let id = place as u64 + 1;
            if anew {
                if words.once_in(2) {
                    let far = words.once_in(8);
                    events.push(Event::Settlement(id, if far { price / 2 } else { price }));
                }
                if words.once_in(12) {
                    continue;
                }
                events.extend(prices::at(id, price, self.now));
            } else {
                let held = self.model.instruments[place].prices.mark() as i64;
                let price = if held > 0 { held } else { price };
                events.extend(prices::at(id, price, self.now));
            }
        }
        let held = self
            .venue
            .positions
            .iter()
            .map(|(id, n)| (*id, *n))
            .collect();
        events.push(Event::Positions(held, true));
        // Before the day's first report of the cash, and so little that a basis point of the cash is more.
        if words.once_in(6) {
            let little = self.world.cash / 12_000;
            events.push(Event::Flow(words.between(-little, little)));
        }
        events.push(Event::Account(self.venue.cash));
        if killed && words.once_in(6) {
            // The switch stands into a day with a drawdown of its own.
            self.venue.cash -= self.world.cash / 10;
            events.push(Event::Account(self.venue.cash));
        }
        if killed {
            events.push(Event::Rearm);
        }
        events
    }
}
