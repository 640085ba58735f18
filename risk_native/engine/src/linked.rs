//! Linked legs: decided as one, scaled together, none of them working unless all are.

use crate::accept::Accept;
use crate::checks::{Checked, check_fields};
use crate::decide::Verdict;
use crate::engine::Engine;
use crate::heap;
use crate::limits::MAX_LEGS;
use crate::reason::Reason;
use crate::types::{Decision, LinkError, OrderRequest};

/// A leg whose fields make sense.
#[derive(Clone, Copy)]
struct Leg {
    index: usize,
    order: Checked,
    lots: i64,
}

/// What trying all legs at one size came to.
enum Tried {
    Fits,
    /// Less may fit.
    TooLarge(Verdict),
    /// No size will do: the leg and its verdict.
    Fails(usize, Verdict),
}

impl Leg {
    /// Its quantity when the longest leg has `size` of `whole` lots.
    fn quantity(&self, size: i64, whole: i64, lot: i64) -> i64 {
        if size == whole {
            return self.order.requested;
        }
        let lots = i128::from(self.lots) * i128::from(size) / i128::from(whole);
        ((lots as i64).max(1) * lot).min(self.order.requested)
    }
}

impl Engine {
    /// Decide orders that belong together: all at the largest common scale that every limit allows, or none. `out` gets a
    /// decision a leg. Every id counts as taken, as in [`Engine::decide`].
    ///
    /// # Errors
    /// See [`LinkError`]; then nothing was decided and no id is taken.
    pub fn decide_linked(
        &mut self,
        legs: &[OrderRequest],
        now_ns: i64,
        out: &mut [Decision],
    ) -> Result<(), LinkError> {
        if !(2..=MAX_LEGS).contains(&legs.len()) {
            return Err(LinkError::Legs(legs.len()));
        }
        if out.len() != legs.len() {
            return Err(LinkError::Answers(out.len()));
        }
        self.on_clock(now_ns);
        let mut checked = [None; MAX_LEGS];
        let mut fault = None;
        for (nth, order) in legs.iter().enumerate() {
            // Every id is taken, also behind a leg that fails.
            match self
                .take_id(order.order_id)
                .and_then(|()| self.read_leg(order))
            {
                Ok(leg) => checked[nth] = Some(leg),
                Err(reason) if fault.is_none() => fault = Some((nth, Verdict::reject(reason))),
                Err(_) => {}
            }
        }
        if let Some((nth, verdict)) = fault {
            self.refuse_legs(legs, out, Some(nth), &verdict);
            return Ok(());
        }
        let mut tried = [Leg::NONE; MAX_LEGS];
        for (leg, read) in tried.iter_mut().zip(checked) {
            *leg = read.unwrap_or(Leg::NONE);
        }
        self.decide_legs(legs, &tried[..legs.len()], out);
        Ok(())
    }

    fn read_leg(&self, order: &OrderRequest) -> Result<Leg, Reason> {
        let checked = check_fields(order)?;
        let index = self
            .book
            .find(order.instrument_id)
            .ok_or(Reason::UnknownInstrument)?;
        let lot = self.book.instruments[index].lot;
        Ok(Leg {
            index,
            order: checked,
            lots: checked.quantity / lot + i64::from(checked.quantity % lot != 0),
        })
    }

    fn decide_legs(&mut self, orders: &[OrderRequest], legs: &[Leg], out: &mut [Decision]) {
        let whole = legs.iter().map(|leg| leg.lots).max().unwrap_or(1);
        let mut bound = match self.try_legs(legs, whole, whole) {
            Tried::Fits => {
                self.take_legs(orders, legs, (whole, whole), None, out);
                return;
            }
            Tried::Fails(nth, verdict) => {
                self.refuse_legs(orders, out, Some(nth), &verdict);
                return;
            }
            Tried::TooLarge(verdict) => verdict,
        };
        // More never fits where less does not: search for the edge.
        let (mut fits, mut breaks) = (0, whole);
        while breaks - fits > 1 {
            let size = fits + (breaks - fits) / 2;
            match self.try_legs(legs, size, whole) {
                Tried::Fits => fits = size,
                Tried::TooLarge(verdict) => (breaks, bound) = (size, verdict),
                Tried::Fails(nth, verdict) => {
                    self.refuse_legs(orders, out, Some(nth), &verdict);
                    return;
                }
            }
        }
        if fits == 0 {
            self.refuse_legs(orders, out, None, &bound);
        } else {
            self.take_legs(orders, legs, (fits, whole), Some(&bound), out);
        }
    }

    /// Checks the legs one after another, each with those before it reserved, and takes all of it back.
    fn try_legs(&mut self, legs: &[Leg], size: i64, whole: i64) -> Tried {
        let mut accepts = [None; MAX_LEGS];
        let mut tried = Tried::Fits;
        for (nth, leg) in legs.iter().enumerate() {
            let lot = self.book.instruments[leg.index].lot;
            let quantity = leg.quantity(size, whole, lot);
            let order = Checked {
                quantity,
                ..leg.order
            };
            let verdict = self.check(leg.index, &order);
            if verdict.quantity < quantity {
                tried = if verdict.by_size {
                    Tried::TooLarge(verdict)
                } else {
                    Tried::Fails(nth, verdict)
                };
                break;
            }
            accepts[nth] =
                Some(self.accept(leg.index, Self::TRIED_ID - nth as u64, &order, quantity));
        }
        self.take_all_back(legs, &accepts);
        tried
    }

    /// No order has this id or one of the few below it: a leg that is only tried is never looked up.
    const TRIED_ID: u64 = u64::MAX;

    fn take_all_back(&mut self, legs: &[Leg], accepts: &[Option<Accept>]) {
        for (leg, accept) in legs.iter().zip(accepts).rev() {
            if let Some(accept) = accept {
                self.take_back(leg, accept);
            }
        }
    }

    fn take_back(&mut self, leg: &Leg, accept: &Accept) {
        let order = self.orders.slots[accept.place as usize];
        let instrument = &mut self.book.instruments[leg.index];
        let root = instrument.best_mut(order.side);
        heap::remove(&mut self.orders.slots, root, accept.place);
        self.orders.forget(accept.place);
        self.book.resize(
            leg.index,
            order.side,
            -order.leaves(),
            -order.notional(),
            accept.bounds,
        );
        self.rate.undo(accept.rate);
        if let Some(displaced) = accept.repeat {
            let next = &mut self.book.instruments[leg.index].next_repeat;
            self.repeats[leg.index].undo(next, displaced);
        }
        if let Some(level) = accept.stop {
            *self.book.instruments[leg.index].stop_mut(order.side) = level;
        }
    }

    /// All legs at the size that fits; `bound` is what stands in the way of more.
    fn take_legs(
        &mut self,
        orders: &[OrderRequest],
        legs: &[Leg],
        (size, whole): (i64, i64),
        bound: Option<&Verdict>,
        out: &mut [Decision],
    ) {
        let mut accepts = [None; MAX_LEGS];
        for (nth, leg) in legs.iter().enumerate() {
            let lot = self.book.instruments[leg.index].lot;
            let quantity = leg.quantity(size, whole, lot);
            let order = Checked {
                quantity,
                ..leg.order
            };
            let verdict = self.check(leg.index, &order);
            if verdict.quantity != quantity {
                // No other order came between: what was tried is what is taken. Were it not so, none would be.
                debug_assert!(false, "a leg that fitted when it was tried still does");
                self.take_all_back(legs, &accepts);
                self.refuse_legs(orders, out, Some(nth), &verdict);
                return;
            }
            accepts[nth] = Some(self.accept(leg.index, orders[nth].order_id, &order, quantity));
            let told = Verdict {
                reason: bound.map_or(Reason::None, |bound| bound.reason),
                limit: bound.and_then(|bound| bound.limit),
                ..verdict
            };
            out[nth] = self.conclude(&orders[nth], Some(leg.index), &told);
            if bound.is_some() {
                // They scale together: a leg that is too short to scale is reduced like the others.
                out[nth].kind = crate::types::DecisionKind::Reduce;
            }
        }
        // Only now: a stop that one leg's offer fires is no reason to refuse the next, which is decided as one with it.
        for leg in legs {
            self.settle_stops(leg.index);
        }
    }

    /// None of the legs: the one at fault by its own reason, the others because of it; all by the same where it is size.
    fn refuse_legs(
        &mut self,
        orders: &[OrderRequest],
        out: &mut [Decision],
        at_fault: Option<usize>,
        verdict: &Verdict,
    ) {
        let verdict = Verdict {
            quantity: 0,
            ..*verdict
        };
        for (nth, order) in orders.iter().enumerate() {
            let told = if at_fault.is_none_or(|fault| fault == nth) {
                verdict
            } else {
                Verdict::reject(Reason::LinkedLeg)
            };
            let index = self.book.find(order.instrument_id);
            out[nth] = self.conclude(order, index, &told);
        }
    }
}

impl Leg {
    const NONE: Self = Self {
        index: 0,
        order: Checked {
            side: crate::types::Side::Buy,
            quantity: 0,
            requested: 0,
            limit_price: 0,
            stop_distance: 0,
            strategies: 0,
            flags: 0,
            order_type: 0,
            time_in_force: 0,
        },
        lots: 1,
    };
}
