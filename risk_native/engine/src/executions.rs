//! What the venue says of an order: reserves are released or become position. The venue's cumulative quantity is what
//! counts, so a lost, repeated or overtaken report does no harm.

use crate::engine::Engine;
use crate::heap;
use crate::orders::{CANCEL_REQUESTED, FATE_UNKNOWN, Found, Working};
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

const fn ends(kind: ExecKind) -> bool {
    matches!(
        kind,
        ExecKind::Cancelled | ExecKind::Rejected | ExecKind::Expired
    )
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
        let place = match self.orders.resolve(report.order_id) {
            None => return Err(ExecError::UnknownOrder),
            Some(Found::Ended(place)) => return Ok(self.on_ended(place, report)),
            Some(Found::Working(place)) => place,
        };
        let order = &self.orders.slots[place as usize];
        if ends(report.kind)
            && report.cumulative_quantity <= order.cumulative
            && order.replacement.order_id == 0
        {
            return Ok(self.on_end(place));
        }
        let order = *order;
        let refuses_modification =
            report.kind == ExecKind::Rejected && order.replacement.order_id == report.order_id;
        if refuses_modification {
            let finished = self.drop_modification(place);
            return Ok(ExecOutcome {
                finished,
                repeated: false,
                ..REPEATED
            });
        }
        Ok(self.on_working(place, &order, report))
    }

    /// The order's end without a fill that was not known: what is left is released.
    #[inline]
    fn on_end(&mut self, place: u32) -> ExecOutcome {
        let order = &self.orders.slots[place as usize];
        let (index, side) = (order.instrument as usize, order.side);
        let fruitless = order.cumulative == 0 && order.is_own();
        let (leaves, notional) = (order.leaves(), order.notional());
        let bounds = self.book.instruments[index].resting(side).bounds;
        self.book.resize(index, side, -leaves, -notional, bounds);
        self.end_order(place);
        if fruitless {
            self.back_off(index);
        }
        self.settle_released(index, side);
        #[cfg(debug_assertions)]
        self.assert_resting(index);
        ExecOutcome {
            finished: true,
            repeated: false,
            ..REPEATED
        }
    }

    fn on_working(&mut self, place: u32, order: &Working, report: &Execution) -> ExecOutcome {
        let index = order.instrument as usize;
        let corrected = report.kind == ExecKind::Corrected;
        let moved = report.cumulative_quantity - order.cumulative;
        let filled = if corrected { moved } else { moved.max(0) };
        let cumulative = order.cumulative + filled;
        if filled != 0 {
            self.pay(index, order.side, filled, report, order.price());
        }
        let now = {
            let kept = &mut self.orders.slots[place as usize];
            kept.cumulative = cumulative;
            // A late repeat says nothing new about an order whose fate is being asked for.
            if report.kind == ExecKind::Unknown {
                kept.marks |= FATE_UNKNOWN;
            } else if filled != 0 || report.kind == ExecKind::New {
                kept.marks &= !FATE_UNKNOWN;
            }
            *kept
        };
        let whole = order.quantity.max(order.replacement.quantity);
        let finished = ends(report.kind) || cumulative >= whole;
        let (leaves, notional) = if finished {
            (0, 0)
        } else {
            (now.leaves(), now.notional())
        };
        self.settle_order(
            index,
            order.side,
            leaves - order.leaves(),
            notional - order.notional(),
            filled,
        );
        if finished {
            self.end_order(place);
            if ends(report.kind) && cumulative == 0 && order.is_own() {
                self.back_off(index);
            }
        }
        self.settle_stops(index);
        if filled != 0 {
            self.refresh();
        }
        #[cfg(debug_assertions)]
        self.assert_resting(index);
        ExecOutcome {
            position_change: order.side.signed(filled),
            finished,
            repeated: report.kind == ExecKind::Fill && filled == 0,
            ask_account: filled > report.last_quantity || (corrected && filled != 0),
        }
    }

    /// The reserve changes by so much, and `filled` shares became position (negative: were taken back).
    fn settle_order(&mut self, index: usize, side: Side, shares: i64, notional: i128, filled: i64) {
        if filled == 0 {
            if shares != 0 || notional != 0 {
                let bounds = self.book.instruments[index].resting(side).bounds;
                self.book.resize(index, side, shares, notional, bounds);
            }
            return;
        }
        self.book.change(index, |instrument| {
            let resting = instrument.resting_mut(side);
            resting.quantity += shares;
            resting.notional += notional;
            instrument.position += side.signed(filled);
            instrument.traded = instrument.traded.saturating_add(filled).max(0);
        });
    }

    /// Takes a working order, whose reserve is released, out of the book.
    #[inline]
    fn end_order(&mut self, place: u32) {
        let order = &self.orders.slots[place as usize];
        let instrument = &mut self.book.instruments[order.instrument as usize];
        instrument.own_working -= u32::from(order.is_own());
        let root = instrument.best_mut(order.side);
        heap::remove(&mut self.orders.slots, root, place);
        self.orders.end(place);
    }

    /// A fill that comes after the end of its order still moved the position.
    fn on_ended(&mut self, place: u32, report: &Execution) -> ExecOutcome {
        let order = self.orders.ended[place as usize];
        let filled = report.cumulative_quantity - order.cumulative;
        if filled == 0 || (filled < 0 && report.kind != ExecKind::Corrected) {
            return REPEATED;
        }
        let index = order.instrument as usize;
        self.pay(index, order.side, filled, report, order.reserve_price);
        self.settle_order(index, order.side, 0, 0, filled);
        self.orders.ended[place as usize].cumulative = report.cumulative_quantity;
        self.settle_stops(index);
        self.refresh();
        ExecOutcome {
            position_change: order.side.signed(filled),
            finished: true,
            repeated: false,
            ask_account: true,
        }
    }

    /// Cash for `filled` shares (negative: taken back), of which those that the report does not price are taken at the mark,
    /// which leaves equity as it was, or at the reserve when there is no mark.
    fn pay(
        &mut self,
        index: usize,
        side: Side,
        filled: i64,
        report: &Execution,
        reserve_price: i64,
    ) {
        let mark = self.book.instruments[index].mark;
        let estimate = if mark > 0 { mark } else { reserve_price };
        let priced = report.last_quantity.min(filled.max(0));
        let amount = i128::from(priced) * i128::from(report.last_price)
            + i128::from(filled - priced) * i128::from(estimate);
        let spent = if side == Side::Buy { amount } else { -amount };
        self.spend(spent + i128::from(report.fee));
    }

    /// Mark a working order as being cancelled; its reserve stays until the venue reports.
    ///
    /// # Errors
    /// [`Reason::UnknownOrder`] when no working order has this id.
    pub fn request_cancel(&mut self, order_id: u64) -> Result<WorkingOrder, Reason> {
        let place = self.orders.working(order_id).ok_or(Reason::UnknownOrder)?;
        let order = &mut self.orders.slots[place as usize];
        order.marks |= CANCEL_REQUESTED;
        let order = *order;
        Ok(self.view(&order))
    }

    /// The venue refused to cancel: the order works on, and may be modified or cancelled again. Nothing when it does not work.
    pub fn cancel_refused(&mut self, order_id: u64) {
        if let Some(place) = self.orders.working(order_id) {
            self.orders.slots[place as usize].marks &= !CANCEL_REQUESTED;
        }
    }

    /// A pending modification is off: the old order stands, or is done (true) when it has filled meanwhile.
    pub(crate) fn drop_modification(&mut self, place: u32) -> bool {
        let before = self.orders.slots[place as usize];
        self.orders.drop_replacement(place);
        self.after_modification(place, &before)
    }

    /// Reserve, rank and end (true) of an order whose terms have just changed.
    pub(crate) fn after_modification(&mut self, place: u32, before: &Working) -> bool {
        let index = before.instrument as usize;
        let now = self.orders.slots[place as usize];
        let finished = now.cumulative >= now.quantity;
        let (leaves, notional) = if finished {
            (0, 0)
        } else {
            (now.leaves(), now.notional())
        };
        let held = self.book.instruments[index].resting(before.side).bounds;
        self.book.resize(
            index,
            before.side,
            leaves - before.leaves(),
            notional - before.notional(),
            now.bounds(held),
        );
        if finished {
            self.end_order(place);
        } else {
            self.rank(place);
        }
        self.settle_stops(index);
        #[cfg(debug_assertions)]
        self.assert_resting(index);
        finished
    }

    /// Puts an order where its price belongs among its side's.
    pub(crate) fn rank(&mut self, place: u32) {
        let order = self.orders.slots[place as usize];
        let key = order.rank();
        if key == order.key {
            return;
        }
        let root = self.book.instruments[order.instrument as usize].best_mut(order.side);
        heap::remove(&mut self.orders.slots, root, place);
        self.orders.slots[place as usize].key = key;
        heap::push(&mut self.orders.slots, root, place);
    }

    /// The sums of one instrument against the orders themselves, while those are few: debug builds must stay usable.
    #[cfg(debug_assertions)]
    pub(crate) fn assert_resting(&self, index: usize) {
        const FEW: usize = 64;
        if self.orders.len() > FEW {
            return;
        }
        for side in [Side::Buy, Side::Sell] {
            let (mut quantity, mut notional, mut best) = (0, 0, None);
            let of_side =
                |order: &&Working| order.instrument as usize == index && order.side == side;
            for order in self.orders.live().filter(of_side) {
                quantity += order.leaves();
                notional += order.notional();
                best = best.min(Some(order.rank())).or(Some(order.rank()));
            }
            let instrument = &self.book.instruments[index];
            let resting = instrument.resting(side);
            debug_assert_eq!(
                (resting.quantity, resting.notional),
                (quantity, notional),
                "running sums equal the orders themselves"
            );
            let root = self.orders.slots.get(instrument.best(side) as usize);
            debug_assert_eq!(
                root.map(|order| order.key),
                best,
                "the most aggressive order stands at the root"
            );
        }
    }
}
