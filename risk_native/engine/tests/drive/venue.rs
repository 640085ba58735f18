//! The venue of the sequences: it fills, cancels, corrects and replaces, and its reports lie in the mail until they are
//! delivered, in any order, twice or never.

use dnalyaw_engine::{ExecKind, Execution, Side};

use super::step::Words;

/// An order as the venue has it.
#[derive(Debug, Clone)]
pub struct Listed {
    pub id: u64,
    pub instrument: u64,
    pub side: Side,
    pub quantity: i64,
    pub filled: i64,
    pub done: bool,
}

/// A report on its way.
#[derive(Debug, Clone, Copy)]
pub enum Mail {
    Report(Execution),
    Replaced(u64),
    Refused(u64),
}

/// Orders, the account behind them, and the mail.
#[derive(Debug, Clone, Default)]
pub struct Venue {
    pub orders: Vec<Listed>,
    pub mail: Vec<Mail>,
    pub cash: i64,
    pub positions: std::collections::BTreeMap<u64, i64>,
}

/// A report without a fill.
pub const fn plain(order_id: u64, kind: ExecKind, cumulative: i64) -> Execution {
    Execution {
        order_id,
        kind,
        last_quantity: 0,
        last_price: 0,
        cumulative_quantity: cumulative,
        fee: 0,
    }
}

impl Venue {
    /// An order that is not done, at random.
    pub fn any_open(&self, words: &mut Words) -> Option<usize> {
        let open: Vec<usize> = (0..self.orders.len())
            .filter(|place| !self.orders[*place].done)
            .collect();
        (!open.is_empty()).then(|| words.pick(&open))
    }

    fn book(&mut self, place: usize, quantity: i64, price: i64, fee: i64) {
        let order = &self.orders[place];
        let signed = if order.side == Side::Buy {
            quantity
        } else {
            -quantity
        };
        *self.positions.entry(order.instrument).or_insert(0) += signed;
        self.cash -= signed * price + fee;
    }

    /// An order trades: all of it, a part, and once in a while more than was asked for.
    pub fn trade(&mut self, place: usize, price: i64, words: &mut Words) {
        let order = &self.orders[place];
        let left = order.quantity - order.filled;
        let quantity = match words.below(8) {
            0..=3 => left,
            4..=6 => words.between(1, left.max(1)),
            _ => left + i64::from(words.once_in(4)),
        }
        .max(1);
        let fee = words.between(0, 900_000);
        self.book(place, quantity, price, fee);
        let order = &mut self.orders[place];
        order.filled += quantity;
        order.done = order.filled >= order.quantity;
        let report = Execution {
            order_id: order.id,
            kind: ExecKind::Fill,
            last_quantity: quantity,
            last_price: price,
            cumulative_quantity: order.filled,
            fee,
        };
        self.mail.push(Mail::Report(report));
    }

    /// An order ends without filling further, or its fate cannot be told.
    pub fn end(&mut self, place: usize, kind: ExecKind) {
        let order = &mut self.orders[place];
        order.done = kind != ExecKind::Unknown && kind != ExecKind::New;
        let report = plain(order.id, kind, order.filled);
        self.mail.push(Mail::Report(report));
    }

    /// A trade is taken back, or was larger than told.
    pub fn correct(&mut self, place: usize, price: i64, words: &mut Words) {
        let order = &self.orders[place];
        let filled = words.between(0, order.quantity);
        let change = filled - order.filled;
        self.book(place, change, price, 0);
        let order = &mut self.orders[place];
        order.filled = filled;
        let report = plain(order.id, ExecKind::Corrected, filled);
        self.mail.push(Mail::Report(report));
    }
}
