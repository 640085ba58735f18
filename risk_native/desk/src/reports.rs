//! What the venue says of an order, taken as riskd's core takes it.

use dnalyaw_engine::{ExecError, ExecKind, ExecOutcome, Execution, Side, is_own_order};

use crate::account::told;
use crate::desk::{Desk, Fault, Wants};

/// What a report says. Codes of EXEC frames; the two refusals, which have none, from 64 on.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportKind {
    /// Acknowledged.
    New = 0,
    /// A fill; whether it is the last follows from the quantities.
    Fill = 2,
    /// Cancelled.
    Cancelled = 4,
    /// The venue took the modification.
    Replaced = 5,
    /// Rejected.
    Rejected = 8,
    /// Fate unknown.
    Unknown = 9,
    /// Expired.
    Expired = 12,
    /// Trades were busted or corrected: the cumulative quantity is what it says.
    Corrected = 13,
    /// The venue refused to cancel.
    CancelRefused = 64,
    /// The venue refused the modification.
    ReplaceRefused = 65,
}

impl ReportKind {
    /// From the code; 1, a partial fill, is a fill.
    #[must_use]
    pub const fn from_u8(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::New,
            1 | 2 => Self::Fill,
            4 => Self::Cancelled,
            5 => Self::Replaced,
            8 => Self::Rejected,
            9 => Self::Unknown,
            12 => Self::Expired,
            13 => Self::Corrected,
            64 => Self::CancelRefused,
            65 => Self::ReplaceRefused,
            _ => return None,
        })
    }
}

/// A report on one order. What it does not tell is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The order's first id, or that of a modification that the venue took last or has not answered.
    pub order_id: u64,
    /// The order's instrument.
    pub instrument_id: u64,
    /// What happened.
    pub kind: ReportKind,
    /// Shares of this fill.
    pub last_quantity: i64,
    /// Price of this fill, millionths.
    pub last_price: i64,
    /// Shares filled so far, by the venue's count.
    pub cumulative_quantity: i64,
    /// Shares that still work, by the venue's count.
    pub leaves_quantity: i64,
    /// Fees of this fill, millionths.
    pub fee: i64,
}

/// What a report did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Signed change of the position.
    pub position_change: i64,
    /// The order is done.
    pub finished: bool,
    /// It changed nothing: a repeat, or one that a later report overtook.
    pub repeated: bool,
}

const REPEATED: Outcome = Outcome {
    position_change: 0,
    finished: false,
    repeated: true,
};

impl From<ExecOutcome> for Outcome {
    fn from(outcome: ExecOutcome) -> Self {
        Self {
            position_change: outcome.position_change,
            finished: outcome.finished,
            repeated: outcome.repeated,
        }
    }
}

impl Desk {
    /// A report of the venue.
    ///
    /// # Errors
    /// [`Fault::UnknownOrder`], [`Fault::BadReport`].
    pub fn report(&mut self, report: &Report, now_ns: i64) -> Result<Outcome, Fault> {
        self.clock(now_ns);
        self.switch.moved = true;
        let report = &Report {
            order_id: self.open.first_id(report.order_id),
            ..*report
        };
        match report.kind {
            ReportKind::Fill => self.on_fill(report),
            ReportKind::Cancelled => self.on_end(report, ExecKind::Cancelled),
            ReportKind::Rejected => self.on_end(report, ExecKind::Rejected),
            ReportKind::Expired => self.on_end(report, ExecKind::Expired),
            ReportKind::Corrected => self.on_corrected(report),
            ReportKind::New => self.on_working(report, ExecKind::New),
            ReportKind::Unknown => self.on_working(report, ExecKind::Unknown),
            ReportKind::Replaced => self.on_replaced(report.order_id),
            ReportKind::ReplaceRefused => self.on_replace_refused(report.order_id),
            ReportKind::CancelRefused => Ok(self.on_cancel_refused(report.order_id)),
        }
    }

    fn apply(&mut self, report: &Report, kind: ExecKind) -> Result<Outcome, Fault> {
        let applied = self.engine.on_execution(&Execution {
            order_id: self.open.wire_id(report.order_id),
            kind,
            last_quantity: report.last_quantity,
            last_price: report.last_price,
            cumulative_quantity: report.cumulative_quantity,
            fee: report.fee,
        });
        match applied {
            Ok(outcome) => {
                if outcome.ask_account {
                    self.wants.add(Wants::CASH);
                }
                Ok(outcome.into())
            }
            Err(error) => {
                self.wants.add(Wants::ACCOUNT);
                Err(match error {
                    ExecError::UnknownOrder => Fault::UnknownOrder(report.order_id),
                    ExecError::BadReport => Fault::BadReport(report.order_id),
                })
            }
        }
    }

    fn on_fill(&mut self, report: &Report) -> Result<Outcome, Fault> {
        let Some(before) = self.engine.order(self.open.wire_id(report.order_id)) else {
            // It came after the order's end, and took what others were to close.
            let outcome = self.apply(report, ExecKind::Fill)?;
            self.cancel_oversold(report.instrument_id);
            return Ok(outcome);
        };
        let new = report.cumulative_quantity - before.cumulative_quantity;
        if new <= 0 {
            // Its shares are booked already.
            return Ok(REPEATED);
        }
        let outcome = self.apply(report, ExecKind::Fill)?;
        if new > report.last_quantity {
            // A fill that nobody told: positions and cash are the venue's to say.
            self.wants.add(Wants::ACCOUNT);
        }
        // The last fill of an order is its end, unless the venue says that more is left: then it has taken a modification whose
        // answer is still on its way.
        let answered = before.replacement_id == 0 || report.leaves_quantity <= 0;
        let whole = report.cumulative_quantity >= before.quantity && answered;
        if outcome.finished || whole {
            self.ended(report, true);
        }
        Ok(Outcome {
            finished: outcome.finished || whole,
            ..outcome
        })
    }

    fn on_end(&mut self, report: &Report, kind: ExecKind) -> Result<Outcome, Fault> {
        let Some(before) = self.engine.order(self.open.wire_id(report.order_id)) else {
            // An end that was told before; what it tells of fills is taken all the same.
            let outcome = self.apply(report, kind)?;
            self.cancel_oversold(report.instrument_id);
            return Ok(outcome);
        };
        let outcome = self.apply(report, kind)?;
        if report.cumulative_quantity > before.cumulative_quantity {
            self.wants.add(Wants::ACCOUNT);
        }
        self.ended(report, false);
        Ok(Outcome {
            finished: true,
            ..outcome
        })
    }

    /// The cumulative quantity is what it says, also downwards. What it cost, the account tells.
    fn on_corrected(&mut self, report: &Report) -> Result<Outcome, Fault> {
        self.wants.add(Wants::ACCOUNT);
        let outcome = self.apply(report, ExecKind::Corrected)?;
        if outcome.finished && self.open.get(report.order_id).is_some() {
            self.ended(report, true);
        }
        self.cancel_oversold(report.instrument_id);
        Ok(outcome)
    }

    /// It works, or nobody knows. Of an order that is over it says nothing.
    fn on_working(&mut self, report: &Report, kind: ExecKind) -> Result<Outcome, Fault> {
        if self.open.get(report.order_id).is_none() {
            return Ok(REPEATED);
        }
        let outcome = self.apply(report, kind)?;
        if outcome.finished {
            self.ended(report, true);
        }
        Ok(outcome)
    }

    /// The order goes on under its modification's id.
    fn on_replaced(&mut self, order_id: u64) -> Result<Outcome, Fault> {
        let Some(entry) = self.open.get(order_id).copied() else {
            return Err(Fault::UnknownOrder(order_id));
        };
        if entry.replacing == 0 {
            return Ok(REPEATED);
        }
        self.engine
            .on_replaced(entry.wire_id)
            .map_err(|_| Fault::UnknownOrder(order_id))?;
        self.open.replaced(order_id, true);
        Ok(self.after_modification(order_id))
    }

    /// The order stands as it was.
    fn on_replace_refused(&mut self, order_id: u64) -> Result<Outcome, Fault> {
        let Some(entry) = self.open.get(order_id).filter(|entry| entry.replacing != 0) else {
            // It went with the order.
            return Ok(REPEATED);
        };
        self.engine
            .on_replace_refused(entry.wire_id)
            .map_err(|_| Fault::UnknownOrder(order_id))?;
        self.open.replaced(order_id, false);
        Ok(self.after_modification(order_id))
    }

    /// An order that has filled meanwhile is done.
    fn after_modification(&mut self, order_id: u64) -> Outcome {
        let finished = self.engine.order(self.open.wire_id(order_id)).is_none();
        if finished {
            self.open.remove(order_id);
        }
        Outcome {
            finished,
            ..Outcome::default()
        }
    }

    fn on_cancel_refused(&mut self, order_id: u64) -> Outcome {
        let Some(entry) = self.open.get_mut(order_id) else {
            return REPEATED;
        };
        entry.cancelling = false;
        let wire_id = entry.wire_id;
        self.engine.cancel_refused(wire_id);
        Outcome::default()
    }

    /// What is over for the venue is over for the engine, even if that had more of it reserved for a modification.
    fn ended(&mut self, report: &Report, filled: bool) {
        let wire_id = self.open.wire_id(report.order_id);
        if self.engine.order(wire_id).is_some() {
            let release = told(wire_id, ExecKind::Cancelled, report.cumulative_quantity);
            let released = self.engine.on_execution(&release);
            debug_assert!(released.is_ok(), "an order that works can be released");
        }
        let Some(entry) = self.open.remove(report.order_id) else {
            return;
        };
        if is_own_order(report.order_id) {
            let instrument_id = entry.instrument_id;
            if filled {
                self.switch.close_done(instrument_id);
            } else {
                self.switch
                    .close_ended(instrument_id, report.cumulative_quantity, self.now_ns);
            }
        }
    }

    /// After a position changed by anything but the fill of an order that works: cancels of what closes as much as has nothing
    /// to close any more, the latest first. It would open the other way, and nobody has decided that.
    fn cancel_oversold(&mut self, instrument_id: u64) {
        let position = self.engine.position(instrument_id);
        for (side, held) in [(Side::Sell, position), (Side::Buy, -position)] {
            let closing = self.open.iter().filter(|(_, entry)| {
                entry.instrument_id == instrument_id && entry.only_closes(side)
            });
            let mut closing: Vec<(u64, i64)> = closing
                .filter_map(|(id, entry)| {
                    let order = self.engine.order(entry.wire_id)?;
                    Some((id, order.quantity - order.cumulative_quantity))
                })
                .collect();
            closing.sort_unstable();
            let mut over = closing.iter().map(|(_, leaves)| leaves).sum::<i64>() - held.max(0);
            for (id, leaves) in closing.into_iter().rev() {
                if over <= 0 {
                    break;
                }
                over -= leaves;
                // Those of the engine's own are immediate ones.
                if !is_own_order(id) {
                    self.switch.cancel(id);
                }
            }
        }
    }
}
