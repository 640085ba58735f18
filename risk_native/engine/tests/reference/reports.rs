//! What the venue says of an order.

use dnalyaw_engine::{ExecKind, Execution, Side};

use super::limits::{CLOSE_RETRY, LARGEST_MONEY, LARGEST_PRICE, LARGEST_QUANTITY};
use super::{Finished, Model, Order};

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub position_change: i128,
    pub finished: bool,
    pub repeated: bool,
    pub ask_account: bool,
}

/// Why it did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Unknown,
    Bad,
}

fn possible(report: &Execution) -> bool {
    let cumulative = (0..=LARGEST_QUANTITY).contains(&report.cumulative_quantity);
    let fee = i128::from(report.fee).abs() <= LARGEST_MONEY;
    let fill = match report.kind {
        ExecKind::Fill => {
            (1..=LARGEST_QUANTITY).contains(&report.last_quantity)
                && (1..=LARGEST_PRICE).contains(&report.last_price)
                && report.last_quantity <= report.cumulative_quantity
        }
        _ => report.last_quantity == 0,
    };
    cumulative && fee && fill
}

const fn signed(side: Side, shares: i128) -> i128 {
    match side {
        Side::Buy => shares,
        Side::Sell => -shares,
    }
}

impl Model {
    /// A report of the venue.
    pub fn on_execution(&mut self, report: &Execution) -> Result<Outcome, Refused> {
        if !possible(report) {
            return Err(Refused::Bad);
        }
        let told = i128::from(report.cumulative_quantity);
        let id = self.called_now(report.order_id);
        let working = self.orders.iter().position(|one| one.id == id);
        let done = self.finished.iter().position(|one| one.id == id);
        let (at, side, before, reserve) = match (working, done) {
            (Some(place), _) => {
                let order = &self.orders[place];
                (order.at, order.side, order.filled, order.reserved_at())
            }
            (None, Some(place)) => {
                let order = &self.finished[place];
                (order.at, order.side, order.filled, order.reserve)
            }
            (None, None) => return Err(Refused::Unknown),
        };
        let corrected = report.kind == ExecKind::Corrected;
        let after = if corrected { told } else { told.max(before) };
        let moved = after - before;
        self.book(at, side, moved, reserve, report);
        let missed = report.kind == ExecKind::Fill && moved > i128::from(report.last_quantity);
        let unpriced = report.kind != ExecKind::Fill && moved != 0;
        let mut outcome = Outcome {
            position_change: signed(side, moved),
            finished: false,
            repeated: false,
            ask_account: missed || unpriced,
        };
        if let Some(place) = working {
            let order = &mut self.orders[place];
            order.filled = after;
            // A late repeat says nothing of an order whose fate is being asked for.
            let repeats = matches!(report.kind, ExecKind::Fill | ExecKind::Corrected);
            if !repeats || moved != 0 {
                order.unknown = report.kind == ExecKind::Unknown;
            }
            let ends = matches!(
                report.kind,
                ExecKind::Cancelled | ExecKind::Rejected | ExecKind::Expired
            );
            outcome.finished = ends || order.open() == 0;
            outcome.repeated = !outcome.finished && report.kind == ExecKind::Fill && moved == 0;
            if outcome.finished {
                let order = self.orders.remove(place);
                self.end(&order);
            }
        } else if let Some(place) = done {
            self.finished[place].filled = after;
            // A report that changes nothing says that and no more.
            outcome.finished = moved != 0;
            outcome.repeated = moved == 0;
            outcome.ask_account = moved != 0;
        }
        self.settle();
        Ok(outcome)
    }

    /// Place of the order that works under this id or may soon.
    pub fn working_under(&self, id: u64) -> Option<usize> {
        self.orders.iter().position(|order| {
            order.id == id || order.change.as_ref().is_some_and(|change| change.id == id)
        })
    }

    /// A cancel was asked for. False when no such order works.
    pub fn request_cancel(&mut self, id: u64) -> bool {
        let place = self.working_under(id);
        if let Some(place) = place {
            self.orders[place].cancel_requested = true;
        }
        place.is_some()
    }

    /// The id that an order goes by today, of any that it had or may get.
    pub fn called_now(&self, id: u64) -> u64 {
        let place = self.working_under(id);
        let mut id = place.map_or(id, |place| self.orders[place].id);
        while let Some(next) = self.renamed.get(&id) {
            id = *next;
        }
        id
    }

    /// An order is done. A closing order of the engine's own that did nothing makes the next one wait.
    pub fn end(&mut self, order: &Order) {
        if Self::is_own(order.id) && order.filled == 0 {
            self.instruments[order.at].retry_at = self.now.saturating_add(CLOSE_RETRY);
        }
        self.finished.push(Finished {
            id: order.id,
            at: order.at,
            side: order.side,
            filled: order.filled,
            reserve: order.reserve,
        });
    }

    /// Position and cash move. What was missed is taken at the mark, or at the reserve where there is
    /// none, until the venue tells the cash.
    fn book(&mut self, at: usize, side: Side, moved: i128, reserve: i128, report: &Execution) {
        if moved == 0 {
            return;
        }
        let told = if report.kind == ExecKind::Fill {
            i128::from(report.last_quantity).min(moved)
        } else {
            0
        };
        let mark = match self.instruments[at].prices.mark() {
            0 => reserve,
            mark => mark,
        };
        let amount = told * i128::from(report.last_price) + (moved - told) * mark;
        let instrument = &mut self.instruments[at];
        instrument.position += signed(side, moved);
        instrument.traded = (instrument.traded + moved).max(0);
        let paid = signed(side, amount) + i128::from(report.fee);
        self.cash = self.cash.map(|cash| cash - paid);
        self.expected_cash = self.expected_cash.map(|cash| cash - paid);
    }
}
