//! What the venue says of an order: reserves are released or become position. The venue's cumulative quantity is what
//! counts, so a lost, repeated or overtaken report does no harm.

use crate::engine::{Engine, Finished};
use crate::order_table::Working;
use crate::reason::Reason;
use crate::types::*;
use crate::units::{MAX_MONEY, MAX_QUANTITY, Price, Quantity};

const REPEATED: ExecOutcome = ExecOutcome {
    position_change: 0,
    finished: false,
    repeated: true,
    ask_account: false,
};

fn plausible(report: &Execution) -> bool {
    let cumulative = (0..=MAX_QUANTITY).contains(&report.cumulative_quantity);
    let fee = report.fee.unsigned_abs() <= MAX_MONEY as u64;
    let fill = match report.kind {
        ExecKind::Fill => {
            Quantity::new(report.last_quantity).is_some()
                && Price::new(report.last_price).is_some()
                && report.last_quantity <= report.cumulative_quantity
        }
        _ => report.last_quantity == 0,
    };
    cumulative && fee && fill
}

const fn signed(side: Side, shares: i64) -> i64 {
    match side {
        Side::Buy => shares,
        Side::Sell => -shares,
    }
}

impl Engine {
    /// A report of the venue.
    ///
    /// # Errors
    /// See [`ExecError`]; the state is then unchanged.
    pub fn on_execution(&mut self, report: &Execution) -> Result<ExecOutcome, ExecError> {
        if !plausible(report) {
            return Err(ExecError::BadReport);
        }
        let outcome = if let Some(order) = self.orders.get(report.order_id).copied() {
            self.on_working(order, report)
        } else if let Some(done) = self.finished.get(&report.order_id).copied() {
            self.on_finished(done, report)
        } else {
            return Err(ExecError::UnknownOrder);
        };
        self.watch_drawdown();
        Ok(outcome)
    }

    fn on_working(&mut self, order: Working, report: &Execution) -> ExecOutcome {
        let index = order.instrument as usize;
        let filled = (report.cumulative_quantity - order.cumulative).max(0);
        let missed = (filled - report.last_quantity).max(0);
        let cumulative = order.cumulative + filled;
        let terminal = matches!(
            report.kind,
            ExecKind::Cancelled | ExecKind::Rejected | ExecKind::Expired
        );
        let finished = terminal || cumulative >= order.quantity;
        if filled > 0 {
            self.pay(
                index,
                order.side,
                filled,
                missed,
                report,
                order.reserve_price,
            );
        }
        // An overfill is the venue's to make; no more than what was reserved is released.
        let released = if finished { order.leaves() } else { filled };
        self.book
            .release(&order, released, signed(order.side, filled));
        if finished {
            self.orders.remove(order.order_id);
            let done = Finished {
                instrument: order.instrument,
                side: order.side,
                cumulative,
            };
            self.finished.insert(order.order_id, done);
            if terminal && order.order_id >= OWN_ORDER_ID_BASE {
                self.back_off(index);
            }
        } else if let Some(kept) = self.orders.get_mut(order.order_id) {
            kept.cumulative = cumulative;
            // A late repeat says nothing new about an order whose fate is being asked for.
            if report.kind == ExecKind::Unknown {
                kept.fate_unknown = true;
            } else if filled > 0 || report.kind == ExecKind::New {
                kept.fate_unknown = false;
            }
        }
        #[cfg(debug_assertions)]
        debug_assert!(
            self.book.resting_agrees(index, &self.orders),
            "running sums equal the orders themselves"
        );
        ExecOutcome {
            position_change: signed(order.side, filled),
            finished,
            repeated: report.kind == ExecKind::Fill && filled == 0,
            ask_account: missed > 0,
        }
    }

    /// A fill that comes after the end of its order still moved the position.
    fn on_finished(&mut self, done: Finished, report: &Execution) -> ExecOutcome {
        let filled = report.cumulative_quantity - done.cumulative;
        if filled <= 0 {
            return REPEATED;
        }
        let index = done.instrument as usize;
        let missed = (filled - report.last_quantity).max(0);
        self.pay(index, done.side, filled, missed, report, 0);
        let moved = signed(done.side, filled);
        self.book
            .change(index, |instrument| instrument.position += moved);
        self.finished.insert(
            report.order_id,
            Finished {
                cumulative: report.cumulative_quantity,
                ..done
            },
        );
        ExecOutcome {
            position_change: moved,
            finished: true,
            repeated: false,
            ask_account: true,
        }
    }

    /// Cash for `filled` shares, of which `missed` were reported in messages that never came: those at the mark, which
    /// leaves equity as it was, or at the reserve when there is no mark.
    fn pay(
        &mut self,
        index: usize,
        side: Side,
        filled: i64,
        missed: i64,
        report: &Execution,
        reserve_price: i64,
    ) {
        let Some(cash) = self.cash else {
            return;
        };
        let mark = self.book.instruments[index].mark;
        let estimate = if mark > 0 { mark } else { reserve_price };
        let known = i128::from(filled - missed) * i128::from(report.last_price);
        let amount = known + i128::from(missed) * i128::from(estimate);
        let spent = if side == Side::Buy { amount } else { -amount };
        self.cash = Some(cash - spent - i128::from(report.fee));
    }

    /// Mark a working order as being cancelled; its reserve stays until the venue reports.
    ///
    /// # Errors
    /// [`Reason::UnknownOrder`] when no working order has this id.
    pub fn request_cancel(&mut self, order_id: u64) -> Result<WorkingOrder, Reason> {
        self.orders
            .get_mut(order_id)
            .ok_or(Reason::UnknownOrder)?
            .cancel_requested = true;
        self.order(order_id).ok_or(Reason::UnknownOrder)
    }

    /// Reserve an order that was accepted before (recovery). What it has filled must already be in the position. Its id
    /// counts as taken.
    ///
    /// # Errors
    /// [`Reason::UnknownInstrument`], [`Reason::BadQuantity`], [`Reason::Malformed`] (a limit price that cannot be),
    /// [`Reason::DuplicateId`] (it works already), [`Reason::NoPrice`] (a market order in an instrument without any price: feed
    /// its settlement price first).
    pub fn adopt(&mut self, order: &AdoptedOrder) -> Result<(), Reason> {
        let index = self
            .book
            .find(order.instrument_id)
            .ok_or(Reason::UnknownInstrument)?;
        let quantity = Quantity::new(order.quantity)
            .ok_or(Reason::BadQuantity)?
            .shares();
        if order.cumulative_quantity < 0 || order.cumulative_quantity >= quantity {
            return Err(Reason::BadQuantity);
        }
        if order.order_id == 0 {
            return Err(Reason::Malformed);
        }
        if self.orders.get(order.order_id).is_some() {
            return Err(Reason::DuplicateId);
        }
        let limit_price = match order.limit_price {
            0 if self.book.instruments[index].mark == 0 => return Err(Reason::NoPrice),
            0 => None,
            price => Some(Price::new(price).ok_or(Reason::Malformed)?),
        };
        let working = Working {
            order_id: order.order_id,
            instrument: index as u32,
            side: order.side,
            quantity,
            cumulative: order.cumulative_quantity,
            reserve_price: self.reserve_price(index, limit_price),
            limit_price: order.limit_price,
            cancel_requested: false,
            fate_unknown: true,
        };
        self.orders.insert(working);
        self.book.reserve(&working);
        if order.order_id < OWN_ORDER_ID_BASE {
            self.last_id = self.last_id.max(order.order_id);
        } else {
            self.last_own = self.last_own.max(order.order_id);
        }
        Ok(())
    }
}
