//! Modifications: decided as the order that would stand in the old one's place, with both reserved until the venue answers.

use crate::checks::{Checked, check_fields, outside_wide};
use crate::decide::Verdict;
use crate::engine::Engine;
use crate::money_checks::Instead;
use crate::orders::{CANCEL_REQUESTED, Replacement, Working, price_key};
use crate::reason::Reason;
use crate::types::*;

/// The modification as an order of its own would be written.
const fn as_order(request: &ReplaceRequest, old: &Working, instrument_id: u64) -> OrderRequest {
    OrderRequest {
        order_id: request.order_id,
        instrument_id,
        quantity: request.quantity,
        limit_price: request.limit_price,
        stop_distance: request.stop_distance,
        side: old.side as u8,
        order_type: old.order_type,
        time_in_force: old.time_in_force,
        flags: old.flags,
        strategies: old.strategies,
    }
}

impl Engine {
    /// Decide a modification and, when it is accepted, reserve for either answer of the venue. `now_ns` is the venue's clock. The
    /// approved quantity is the new total. The id counts as taken whatever the decision is, except when it is no valid id or a
    /// repeat.
    pub fn decide_replace(&mut self, request: &ReplaceRequest, now_ns: i64) -> Decision {
        self.on_clock(now_ns);
        let taken = self.take_id(request.order_id);
        let place = self.orders.working(request.original_id);
        let old = place.map_or(Working::EMPTY, |place| self.orders.slots[place as usize]);
        let index = place.map(|_| old.instrument as usize);
        let instrument_id = index.map_or(0, |index| self.book.instruments[index].id);
        let order = match place {
            Some(_) => as_order(request, &old, instrument_id),
            // Of an order that is not there only the numbers can be checked.
            None => OrderRequest {
                side: Side::Buy as u8,
                order_type: if request.limit_price == 0 {
                    TYPE_MARKET
                } else {
                    TYPE_LIMIT
                },
                ..as_order(request, &old, 0)
            },
        };
        let verdict = match taken.and_then(|()| check_fields(&order)) {
            Err(reason) => Verdict::reject(reason),
            Ok(checked) => match place.filter(|_| Self::may_change(request, &old)) {
                Some(place) => self.judge_replace(place, &old, &checked),
                None => Verdict::reject(Reason::UnknownOrder),
            },
        };
        if verdict.quantity > 0
            && let Some(place) = place
        {
            self.await_replacement(place, &old, request, verdict.quantity);
        }
        self.conclude(&order, index, &verdict)
    }

    fn may_change(request: &ReplaceRequest, old: &Working) -> bool {
        request.original_id < OWN_ORDER_ID_BASE
            && old.order_id == request.original_id
            && old.replacement.order_id == 0
            && old.marks & CANCEL_REQUESTED == 0
    }

    fn judge_replace(&mut self, place: u32, old: &Working, order: &Checked) -> Verdict {
        let index = old.instrument as usize;
        if order.quantity <= old.cumulative {
            return Verdict::reject(Reason::BadQuantity);
        }
        let verdict = self.check_replace(index, old, order);
        let opens = !self.book.instruments[index].closes(order.side);
        if verdict.quantity > 0 {
            self.rate.count(self.monotonic_ns);
            if opens {
                if self.raises(index, old, order) {
                    self.count_opening(index, order);
                } else if self.book.gates[index].reference > 0 {
                    let level = self.stop_after(index, order.side, order.stop_distance);
                    *self.book.instruments[index].stop_mut(order.side) = level;
                }
                self.settle_stops(index);
            }
        }
        debug_assert!(
            self.orders.slots[place as usize].order_id == old.order_id,
            "the order stays where it is"
        );
        verdict
    }

    /// Asks for more shares or for a dearer reserve than what works, or would open more aggressively.
    fn raises(&self, index: usize, old: &Working, order: &Checked) -> bool {
        let dearer = order.limit_price > old.limit_price
            && self.reserve_price(index, order.limit_price) > old.reserve_price;
        let opens = !self.book.instruments[index].closes(order.side);
        let key = |price| price_key(order.side, price);
        let keener = opens && key(order.limit_price) < key(old.limit_price);
        order.quantity > old.quantity || dearer || keener
    }

    fn check_replace(&self, index: usize, old: &Working, order: &Checked) -> Verdict {
        let (gate, instrument) = (&self.book.gates[index], &self.book.instruments[index]);
        if !gate.is_on_tick(order.limit_price) {
            return Verdict::reject(Reason::BadTick);
        }
        let closes = instrument.closes(order.side);
        let open = order.quantity - old.cumulative;
        // What could be closed if the old order were not there.
        let reducible = if closes && self.positions_known {
            -instrument.held(order.side) - (instrument.resting(order.side).quantity - old.leaves())
        } else {
            0
        };
        if !gate.is_whole(order.quantity) && open != reducible {
            return Verdict::reject(Reason::BadLot);
        }
        if let Some(reason) = self.closed() {
            return Verdict::reject(reason);
        }
        if !self.positions_known {
            return Verdict::reject(Reason::NoAccount);
        }
        if !self.raises(index, old, order) {
            return self.check_lowering(index, old, order, closes);
        }
        if closes {
            return self.check_raised_closing(index, old, order, reducible.max(0));
        }
        if let Some(reason) = self.check_opening(index, order) {
            return Verdict::reject(reason);
        }
        self.check_raised_opening(index, old, order)
    }

    /// What adds nothing passes in every state, at a price that is not absurd and does not meet an order of our own. Only what
    /// lowers nothing either is held to the message rate.
    fn check_lowering(
        &self,
        index: usize,
        old: &Working,
        order: &Checked,
        closes: bool,
    ) -> Verdict {
        if outside_wide(order.limit_price, self.wide_anchor(index)) {
            return Verdict::reject(Reason::Collar);
        }
        if !closes && self.crosses_own(index, order.side, order.limit_price) {
            return Verdict::reject(Reason::SelfMatch);
        }
        if !closes && order.quantity >= old.quantity && self.rate.is_full(self.monotonic_ns) {
            return Verdict::reject(Reason::RateThrottle);
        }
        Verdict::approve(order.quantity)
    }

    fn check_raised_closing(
        &self,
        index: usize,
        old: &Working,
        order: &Checked,
        reducible: i64,
    ) -> Verdict {
        let open = Checked {
            quantity: order.quantity - old.cumulative,
            ..*order
        };
        let verdict = self.check_closing(index, &open, reducible);
        // Whole lots, but never less than what is open where that much can be closed.
        let kept = old.leaves().min(open.quantity);
        let quantity = match verdict.quantity {
            0 => 0,
            cut if cut >= kept => cut + old.cumulative,
            _ if kept <= reducible => kept + old.cumulative,
            _ => 0,
        };
        Verdict {
            quantity,
            ..verdict
        }
    }

    fn check_raised_opening(&self, index: usize, old: &Working, order: &Checked) -> Verdict {
        let (asked, works) = (order.quantity - old.cumulative, old.leaves());
        let instead = Instead {
            shares: works,
            notional: old.notional(),
            price: old.price(),
            filled: old.cumulative,
        };
        // Until the venue answers the larger of the two is reserved.
        let larger = Checked {
            quantity: asked.max(works),
            ..*order
        };
        let verdict = self.check_limits(index, &larger, &instead);
        let quantity = if verdict.quantity < works {
            0
        } else {
            verdict.quantity.min(asked) + old.cumulative
        };
        Verdict {
            quantity,
            ..verdict
        }
    }

    fn await_replacement(
        &mut self,
        place: u32,
        old: &Working,
        request: &ReplaceRequest,
        quantity: i64,
    ) {
        let index = old.instrument as usize;
        let reserve_price = self.reserve_price(index, request.limit_price);
        // Not dearer than the old one where the limit is not: the mark alone has risen, and the worst case follows it anyway.
        let reserve_price = if request.limit_price <= old.limit_price {
            reserve_price.min(old.reserve_price)
        } else {
            reserve_price
        };
        self.orders.add_replacement(
            place,
            Replacement {
                order_id: request.order_id,
                quantity,
                limit_price: request.limit_price,
                reserve_price,
            },
        );
        self.after_modification(place, old);
    }

    /// The venue took the modification: the order goes on under the modification's id.
    ///
    /// # Errors
    /// [`Reason::UnknownOrder`] when no modification of this order is pending.
    pub fn on_replaced(&mut self, original_id: u64) -> Result<(), Reason> {
        let place = self.pending(original_id)?;
        let before = self.orders.slots[place as usize];
        self.orders.rename(place);
        let order = &mut self.orders.slots[place as usize];
        order.quantity = before.replacement.quantity;
        order.limit_price = before.replacement.limit_price;
        order.reserve_price = before.replacement.reserve_price;
        order.marks &= !crate::orders::FATE_UNKNOWN;
        self.after_modification(place, &before);
        Ok(())
    }

    /// The venue refused the modification: the old order stands.
    ///
    /// # Errors
    /// [`Reason::UnknownOrder`] when no modification of this order is pending.
    pub fn on_replace_refused(&mut self, original_id: u64) -> Result<(), Reason> {
        let place = self.pending(original_id)?;
        self.drop_modification(place);
        Ok(())
    }

    fn pending(&self, original_id: u64) -> Result<u32, Reason> {
        self.orders
            .working(original_id)
            .filter(|place| {
                let order = &self.orders.slots[*place as usize];
                order.order_id == original_id && order.replacement.order_id != 0
            })
            .ok_or(Reason::UnknownOrder)
    }
}
