//! What the venue answers, to both sides.

use dnalyaw_engine::ExecKind;
use dnalyaw_risk::layout::*;

use super::flow::{Flow, Open};

impl Flow {
    /// A report to both sides, and to the account here.
    pub(super) fn report(
        &mut self,
        id: u64,
        open: Open,
        kind: ExecKind,
        (last, price): (i64, i64),
        cumulative: i64,
    ) {
        let fee = last * 5_000;
        // Where the modification was taken already more is left than the order had.
        let whole = open
            .pending
            .filter(|_| self.dice.of(2) == 0)
            .unwrap_or(open.quantity);
        let leaves = if kind == ExecKind::Fill {
            (whole - cumulative).max(0)
        } else {
            0
        };
        let report = Report {
            order_id: id,
            instrument_id: open.instrument,
            last_quantity: last,
            last_price: price,
            cumulative_quantity: cumulative,
            leaves_quantity: leaves,
            fee: if last > 0 { fee } else { 0 },
            kind: kind as u8,
            reserved: [0; 7],
        };
        let (code, outcome) = self.door.report(&report, self.now);
        self.took(code);
        let (moved, over) = self.direct.report(
            id,
            kind,
            (last, price, report.fee),
            cumulative,
            leaves,
            self.now,
        );
        assert_eq!(
            (outcome.position_change, outcome.finished != 0),
            (moved, over),
            "{report:?}"
        );
        let change = cumulative - open.filled;
        let signed = if open.side == 1 { change } else { -change };
        *self.held.entry(open.instrument).or_insert(0) += signed;
        let price = if price > 0 {
            price
        } else {
            self.prices[&open.instrument]
        };
        self.cash -= signed * price + report.fee;
        let mut now = open;
        now.filled = cumulative;
        if over {
            self.open.remove(&id);
            self.over.push((id, now));
        } else if let Some(entry) = self.open.get_mut(&id) {
            *entry = now;
        } else if let Some(entry) = self.over.iter_mut().find(|(one, _)| *one == id) {
            entry.1 = now;
        }
    }

    pub(super) fn fill(&mut self) {
        let Some((id, open)) = self.any_open() else {
            return;
        };
        let left = open.quantity - open.filled;
        if left <= 0 {
            return;
        }
        let quantity = if self.dice.of(2) == 0 {
            left
        } else {
            self.dice.between(1, left)
        };
        let price = self.prices[&open.instrument];
        self.report(
            id,
            open,
            ExecKind::Fill,
            (quantity, price),
            open.filled + quantity,
        );
        self.did("filled");
    }

    pub(super) fn late(&mut self) {
        let Some((id, open)) = self
            .over
            .last()
            .copied()
            .filter(|(_, open)| open.filled < open.quantity)
        else {
            return;
        };
        let price = self.prices[&open.instrument];
        self.report(id, open, ExecKind::Fill, (1, price), open.filled + 1);
        self.did("late");
    }

    pub(super) fn correct(&mut self) {
        if let Some((id, open)) = self.any_open()
            && open.filled > 1
        {
            self.report(id, open, ExecKind::Corrected, (0, 0), open.filled - 1);
            self.did("corrected");
        }
    }

    pub(super) fn end(&mut self) {
        if let Some((id, open)) = self.any_open() {
            let kind =
                self.dice
                    .pick(&[ExecKind::Cancelled, ExecKind::Rejected, ExecKind::Expired]);
            self.report(id, open, kind, (0, 0), open.filled);
        }
    }

    pub(super) fn hold_up(&mut self) {
        if let Some((id, open)) = self.any_open() {
            let kind = self.dice.pick(&[ExecKind::New, ExecKind::Unknown]);
            self.report(id, open, kind, (0, 0), open.filled);
        }
    }

    pub(super) fn answer(&mut self) {
        let waiting = self.open.iter().find(|(_, open)| open.pending.is_some());
        let Some((id, mut open)) = waiting.map(|(id, open)| (*id, *open)) else {
            return;
        };
        let taken = self.dice.of(3) > 0;
        let report = Report {
            order_id: if taken || self.dice.of(2) == 0 {
                id
            } else {
                self.direct.known[&id].pending
            },
            kind: if taken { 5 } else { 65 },
            ..Report::default()
        };
        let (code, outcome) = self.door.report(&report, self.now);
        self.took(code);
        let over = self.direct.answered(id, taken, self.now);
        assert_eq!(outcome.finished != 0, over);
        if let Some(total) = open.pending.take().filter(|_| taken) {
            open.quantity = total;
        }
        self.did(if taken { "replaced" } else { "refused" });
        if over {
            self.open.remove(&id);
            self.over.push((id, open));
        } else {
            self.open.insert(id, open);
        }
    }
}
