//! Worst case: positions plus any subset of the working orders, added up from the lists at every question.

use dnalyaw_engine::Side;

use super::{Model, Order};

/// Shares and reserved notional of one side's working orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Working {
    pub quantity: i128,
    pub notional: i128,
}

impl Working {
    fn add(&mut self, order: &Order) {
        self.quantity += order.open();
        self.notional += order.open() * order.reserved_at();
    }
}

/// Worst cases of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    pub long: i128,
    pub short: i128,
    /// `B` and `S`: what works on each side, at most.
    pub buys: i128,
    pub sells: i128,
    /// Signed value of the position.
    pub value: i128,
}

/// Lowest and highest price at which an order of one side was reserved since none of that side worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span(Option<(i128, i128)>);

impl Span {
    /// An order is reserved at this price.
    pub fn include(&mut self, price: i128) {
        let (low, high) = self.0.unwrap_or((price, price));
        self.0 = Some((low.min(price), high.max(price)));
    }

    /// No share is worth more than this.
    fn dearest(&self, mark: i128) -> i128 {
        self.0.map_or(mark, |(_, high)| high.max(mark))
    }

    /// What works within this span is worth at most this.
    fn amount(&self, working: Working, mark: i128) -> i128 {
        let uplift = self.0.map_or(0, |(low, _)| (mark - low).max(0));
        let lifted = working.notional + working.quantity * uplift;
        lifted.min(working.quantity * self.dearest(mark))
    }
}

fn one_way(position: i128, mark: i128, working: Working, span: Span) -> i128 {
    if position >= 0 {
        return position * mark + span.amount(working, mark);
    }
    let over = working.quantity + position;
    over.max(0) * span.dearest(mark)
}

/// What a list of orders of one side comes to.
pub fn add_up<'a>(orders: impl Iterator<Item = &'a Order>) -> Working {
    let mut sum = Working::default();
    for order in orders {
        sum.add(order);
    }
    sum
}

impl Model {
    /// What works on one side of one instrument.
    pub fn working(&self, at: usize, side: Side) -> Working {
        add_up(
            self.orders
                .iter()
                .filter(|order| order.at == at && order.side == side),
        )
    }

    /// Where nothing of a side works any more, nothing is remembered of what did.
    pub fn forget_spans(&mut self) {
        for at in 0..self.instruments.len() {
            for side in [Side::Buy, Side::Sell] {
                let mut orders = self.orders.iter();
                if !orders.any(|order| order.at == at && order.side == side) {
                    *self.span_mut(at, side) = Span::default();
                }
            }
        }
    }

    pub fn span_mut(&mut self, at: usize, side: Side) -> &mut Span {
        let instrument = &mut self.instruments[at];
        match side {
            Side::Buy => &mut instrument.buys,
            Side::Sell => &mut instrument.sells,
        }
    }

    /// Worst cases of one instrument.
    pub fn worst(&self, at: usize) -> Worst {
        self.worst_with(
            at,
            self.working(at, Side::Buy),
            self.working(at, Side::Sell),
        )
    }

    fn worst_with(&self, at: usize, buy: Working, sell: Working) -> Worst {
        let instrument = &self.instruments[at];
        let (position, mark) = (instrument.position, instrument.prices.mark());
        Worst {
            long: one_way(position, mark, buy, instrument.buys),
            short: one_way(-position, mark, sell, instrument.sells),
            buys: instrument.buys.amount(buy, mark),
            sells: instrument.sells.amount(sell, mark),
            value: position * mark,
        }
    }

    /// Of all instruments, in the order of the list.
    pub fn worst_of_all(&self) -> Vec<Worst> {
        // One pass over the orders: most of them would be looked at in vain for every name and side.
        let mut working = vec![(Working::default(), Working::default()); self.instruments.len()];
        for order in &self.orders {
            match order.side {
                Side::Buy => working[order.at].0.add(order),
                Side::Sell => working[order.at].1.add(order),
            }
        }
        let all = working.into_iter().enumerate();
        all.map(|(at, (buy, sell))| self.worst_with(at, buy, sell))
            .collect()
    }

    /// Exposure of the issuer of this instrument.
    pub fn issuer_exposure(&self, worst: &[Worst], at: usize) -> i128 {
        let issuer = self.instruments[at].row.issuer_id;
        self.sum_where(worst, |other| {
            self.instruments[other].row.issuer_id == issuer
        })
    }

    /// Exposure of the sector of this instrument; all unknown sectors are one.
    pub fn sector_exposure(&self, worst: &[Worst], at: usize) -> i128 {
        let sector = self.instruments[at].sector;
        self.sum_where(worst, |other| self.instruments[other].sector == sector)
    }

    /// Exposure of the book.
    pub fn gross_exposure(&self, worst: &[Worst]) -> i128 {
        self.sum_where(worst, |_| true)
    }

    fn sum_where(&self, worst: &[Worst], chosen: impl Fn(usize) -> bool) -> i128 {
        let mut sum = 0;
        for (at, one) in worst.iter().enumerate() {
            if chosen(at) {
                sum += one.long + one.short;
            }
        }
        sum
    }

    /// Net exposure if everything on this side fills.
    pub fn net_exposure(&self, worst: &[Worst], side: Side) -> i128 {
        let value: i128 = worst.iter().map(|one| one.value).sum();
        match side {
            Side::Buy => value + worst.iter().map(|one| one.buys).sum::<i128>(),
            Side::Sell => -value + worst.iter().map(|one| one.sells).sum::<i128>(),
        }
    }

    /// Shares of this side that would close: the position, once it is known, less what is closing it already.
    pub fn reducible(&self, at: usize, side: Side) -> i128 {
        let position = self.instruments[at].position;
        if !self.positions_known || !closes(position, side) {
            return 0;
        }
        (position.abs() - self.working(at, side).quantity).max(0)
    }
}

/// Would an order of this side bring the position towards zero?
pub fn closes(position: i128, side: Side) -> bool {
    match side {
        Side::Sell => position > 0,
        Side::Buy => position < 0,
    }
}
