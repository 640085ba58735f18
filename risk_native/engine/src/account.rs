//! The venue's account: cash and positions.

use crate::book::paid_by;
use crate::engine::Engine;
use crate::sizing::reported;
use crate::units::MAX_QUANTITY;

/// The largest firm rate taken: a million of the firm's units for one of the account's.
const MAX_FIRM_RATE: i64 = 1_000_000_000_000;

impl Engine {
    /// Cash by the venue's account report (millionths). Fills after it move it until the next report.
    pub fn on_account(&mut self, cash: i64) {
        let cash = i128::from(reported(i128::from(cash)));
        self.explain_cash(cash);
        self.set_cash(Some(cash));
        self.refresh();
    }

    pub(crate) fn set_cash(&mut self, cash: Option<i128>) {
        self.cash = cash;
        self.told_cash = reported(cash.unwrap_or(0));
        self.paid = cash.map_or(0, paid_by);
    }

    /// Money that leaves the account for a fill.
    pub(crate) fn spend(&mut self, amount: i128) {
        if let Some(cash) = self.cash {
            self.set_cash(Some(cash - amount));
        }
        if let Some(expected) = &mut self.flows.expected {
            *expected -= amount;
        }
    }

    /// What one unit of the account's currency is worth in the firm's, millionths; `None` (or nothing positive) = not known:
    /// nothing may be opened.
    pub fn set_firm_rate(&mut self, rate: Option<i64>) {
        self.firm_rate = rate.filter(|rate| (1..=MAX_FIRM_RATE).contains(rate));
        self.refresh();
    }

    /// A new full report of the account begins: until positions are complete and cash has come, neither is believed, so that
    /// no drawdown is measured between the two halves.
    pub fn begin_positions(&mut self) {
        self.positions_known = false;
        self.set_cash(None);
        for instrument in &mut self.book.instruments {
            instrument.reported = false;
        }
        self.unreferenced.clear();
        self.refresh();
    }

    /// A position by the venue's report, absolute. False when the reference does not have the instrument or the quantity is
    /// impossible: then no new risk is taken while it stands.
    pub fn on_position(&mut self, instrument_id: u64, quantity: i64) -> bool {
        let found = self
            .book
            .find(instrument_id)
            .filter(|_| quantity.unsigned_abs() <= MAX_QUANTITY as u64);
        let Some(index) = found else {
            if quantity == 0 {
                self.unreferenced.remove(&instrument_id);
            } else {
                self.unreferenced.insert(instrument_id, quantity);
            }
            self.refresh();
            return false;
        };
        self.unreferenced.remove(&instrument_id);
        self.take_position(index, quantity);
        self.book.instruments[index].reported = true;
        self.settle_stops(index);
        self.refresh();
        true
    }

    /// A position by the venue's word. Where it is not what was held here somebody traded elsewhere, and the cash of that is no
    /// flow.
    fn take_position(&mut self, index: usize, quantity: i64) {
        let instrument = &self.book.instruments[index];
        let traded = i128::from(quantity) - i128::from(instrument.position);
        let paid = traded * i128::from(instrument.mark);
        if let Some(expected) = &mut self.flows.expected {
            *expected -= paid;
        }
        self.book
            .change(index, |instrument| instrument.position = quantity);
    }

    /// The venue has reported every position: what was not named since [`Engine::begin_positions`] is zero.
    pub fn positions_complete(&mut self) {
        self.positions_known = true;
        for index in 0..self.book.instruments.len() {
            if !self.book.instruments[index].reported {
                self.take_position(index, 0);
            }
            self.settle_stops(index);
        }
        self.refresh();
    }

    /// Put back what an instrument traded today, both sides. False when it is unknown.
    pub fn restore_traded(&mut self, instrument_id: u64, quantity: i64) -> bool {
        let Some(index) = self.book.find(instrument_id) else {
            return false;
        };
        self.book.instruments[index].traded = quantity.max(0);
        true
    }
}
