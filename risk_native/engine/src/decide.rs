//! One order in, one decision out, its worst case reserved when it is accepted. Nothing here allocates.

use crate::checks::{Checked, check_fields, outside_collar, outside_wide};
use crate::engine::Engine;
use crate::heap::NIL;
use crate::instrument::NO_STOP;
use crate::limits::{MAX_MARK_AGE_NS, THROTTLE_NS};
use crate::money_checks::Instead;
use crate::orders::price_key;
use crate::reason::Reason;
use crate::throttle::Accepted;
use crate::types::*;

/// What the checks came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub quantity: i64,
    pub reason: Reason,
    /// The value of the limit that bound, where one did.
    pub limit: Option<i128>,
    /// Money at risk in a share, where the order was sized.
    pub risk: i64,
    /// Less would have passed, or less does.
    pub by_size: bool,
}

impl Verdict {
    pub(crate) const fn reject(reason: Reason) -> Self {
        Self {
            quantity: 0,
            reason,
            limit: None,
            risk: 0,
            by_size: false,
        }
    }

    pub(crate) const fn approve(quantity: i64) -> Self {
        Self {
            quantity,
            ..Self::reject(Reason::None)
        }
    }
}

impl Engine {
    /// Decide one order and, when it is accepted, reserve its worst case. `now_ns` is the venue's clock.
    ///
    /// The id counts as taken whatever the decision is, except when it is no valid id or a repeat.
    pub fn decide(&mut self, order: &OrderRequest, now_ns: i64) -> Decision {
        self.on_clock(now_ns);
        match self.take_id(order.order_id) {
            Ok(()) => self.judge(order),
            Err(reason) => self.refuse(order, reason),
        }
    }

    /// An order that was stopped before its instrument was looked at.
    #[cold]
    fn refuse(&self, order: &OrderRequest, reason: Reason) -> Decision {
        let index = self.book.find(order.instrument_id);
        self.conclude(order, index, &Verdict::reject(reason))
    }

    /// Check 1.
    #[inline]
    pub(crate) fn take_id(&mut self, order_id: u64) -> Result<(), Reason> {
        if order_id == 0 || order_id >= OWN_ORDER_ID_BASE {
            return Err(Reason::Malformed);
        }
        if order_id <= self.last_id {
            return Err(Reason::DuplicateId);
        }
        self.last_id = order_id;
        Ok(())
    }

    /// Checks 2 to 21, and what an accepted order leaves behind. The verdict is told where it stands: copied on its way up it
    /// would be read before it has left the store buffer.
    #[inline]
    pub(crate) fn judge(&mut self, order: &OrderRequest) -> Decision {
        let checked = match check_fields(order) {
            Ok(checked) => checked,
            Err(reason) => return self.refuse(order, reason),
        };
        let Some(index) = self.book.find(order.instrument_id) else {
            return self.refuse(order, Reason::UnknownInstrument);
        };
        self.fetch(index, order.order_id);
        let verdict = self.check(index, &checked);
        if verdict.quantity > 0 {
            let accept = self.accept(index, order.order_id, &checked, verdict.quantity);
            if accept.stop.is_some() {
                self.settle_offered(index, checked.side);
            }
        }
        self.conclude(order, Some(index), &verdict)
    }

    /// Reads a word of every cache line that a decision on this instrument needs, so that they are on their way together instead
    /// of one after another.
    #[inline(always)]
    fn fetch(&self, index: usize, order_id: u64) {
        let instrument = &self.book.instruments[index];
        let own = instrument.buys.quantity ^ instrument.sells.quantity ^ instrument.lot;
        let repeats = i64::from(self.repeats[index].touch());
        let issuer = self.book.issuer_exposure(index) as i64 ^ self.orders.touch(order_id) as i64;
        // The order beside which a new one of its side is to stand.
        let neighbour = self.orders.slots.get(instrument.best_buy as usize);
        core::hint::black_box(own ^ repeats ^ issuer ^ neighbour.map_or(0, |order| order.key));
    }

    /// Checks 4 to 21.
    #[inline]
    pub(crate) fn check(&self, index: usize, order: &Checked) -> Verdict {
        let (gate, instrument) = (&self.book.gates[index], &self.book.instruments[index]);
        if !gate.is_on_tick(order.limit_price) {
            return Verdict::reject(Reason::BadTick);
        }
        let closes = instrument.closes(order.side);
        let reducible = if closes && self.positions_known {
            instrument.reducible(order.side)
        } else {
            0
        };
        // An odd lot left by a corporate action must be able to leave.
        if !gate.is_whole(order.requested) && order.requested != reducible {
            return Verdict::reject(Reason::BadLot);
        }
        if let Some(reason) = self.closed() {
            return Verdict::reject(reason);
        }
        if !self.positions_known {
            return Verdict::reject(Reason::NoAccount);
        }
        if self.orders.is_full() {
            return Verdict::reject(Reason::TooManyOrders);
        }
        if closes {
            return self.check_closing(index, order, reducible);
        }
        if let Some(reason) = self.check_opening(index, order) {
            return Verdict::reject(reason);
        }
        self.check_limits(index, order, &Instead::NOTHING)
    }

    /// Check 10: what closes is taken up to what there is to close, since it cannot raise any worst case.
    pub(crate) fn check_closing(&self, index: usize, order: &Checked, reducible: i64) -> Verdict {
        if order.is_marked_short() {
            return Verdict::reject(Reason::ShortMarking);
        }
        if outside_wide(order.limit_price, self.wide_anchor(index)) {
            return Verdict::reject(Reason::Collar);
        }
        if order.quantity <= reducible {
            return Verdict::approve(order.quantity);
        }
        let lot = self.book.instruments[index].lot;
        let whole = reducible - reducible % lot;
        Verdict {
            // Less than a lot is left: all of it may go.
            quantity: if whole > 0 { whole } else { reducible },
            reason: if order.is_reduce_only() {
                Reason::ReduceOnly
            } else {
                Reason::ShortSale
            },
            by_size: true,
            ..Verdict::reject(Reason::None)
        }
    }

    /// What the wide collar is drawn around; 0 = nothing is known.
    pub(crate) fn wide_anchor(&self, index: usize) -> i64 {
        match self.book.gates[index].reference {
            0 => self.book.instruments[index].mark,
            reference => reference,
        }
    }

    /// Checks 11 to 19: why nothing of this order may be opened.
    #[inline]
    pub(crate) fn check_opening(&self, index: usize, order: &Checked) -> Option<Reason> {
        if order.is_reduce_only() {
            return Some(Reason::ReduceOnly);
        }
        if order.side == Side::Sell && !order.is_marked_short() {
            return Some(Reason::ShortSale);
        }
        if let Some(reason) = self
            .barred()
            .or_else(|| self.barred_here(index, order.strategies))
        {
            return Some(reason);
        }
        if self.rate.is_full(self.monotonic_ns) {
            return Some(Reason::RateThrottle);
        }
        let (gate, instrument) = (&self.book.gates[index], &self.book.instruments[index]);
        let accepted = self.accepted(order);
        if self.may_repeat(instrument.last_opened) && self.repeats[index].is_repeated(&accepted) {
            return Some(Reason::RepeatedOrder);
        }
        if let Some(reason) = self.unpriced(gate) {
            return Some(reason);
        }
        let touch = self.touch(index, order.side);
        if outside_collar(order.limit_price, touch, gate.reference) {
            return Some(Reason::Collar);
        }
        if !self.equity.known || self.baseline.is_none() || self.firm_rate.is_none() {
            return Some(Reason::NoAccount);
        }
        if self.has_stale_mark() {
            return Some(Reason::StaleMark);
        }
        if self.equity.fallen.0 || self.equity.fallen.1 {
            return Some(Reason::Drawdown);
        }
        if self.crosses_own(index, order.side, order.limit_price) {
            return Some(Reason::SelfMatch);
        }
        let stop = instrument.stop(order.side);
        let reached = match order.side {
            Side::Buy => gate.reference <= stop,
            Side::Sell => stop != NO_STOP && gate.reference >= stop,
        };
        (reached || instrument.has_fired(order.side)).then_some(Reason::Stopped)
    }

    #[inline]
    const fn may_repeat(&self, last_opened: i64) -> bool {
        last_opened != i64::MIN && self.now_ns.saturating_sub(last_opened) < THROTTLE_NS
    }

    pub(crate) const fn accepted(&self, order: &Checked) -> Accepted {
        Accepted {
            at: self.now_ns,
            quantity: order.requested,
            limit_price: order.limit_price,
            kind: (order.side as u64) << 8 | order.order_type as u64,
        }
    }

    /// The mark of a held position is too old to believe.
    #[inline]
    pub(crate) fn has_stale_mark(&self) -> bool {
        let oldest = self.book.oldest_mark();
        oldest != i64::MAX && self.now_ns.saturating_sub(oldest) > MAX_MARK_AGE_NS
    }

    /// Check 18: could it trade with an order of our own.
    #[inline]
    pub(crate) fn crosses_own(&self, index: usize, side: Side, limit_price: i64) -> bool {
        let best = self.book.instruments[index].best(side.opposite());
        best != NIL
            && self.orders.slots[best as usize]
                .key
                .saturating_add(price_key(side, limit_price))
                <= 0
    }
}
