//! One order in, one decision out, its worst case reserved when it is accepted. Nothing here allocates.

use crate::checks::{Checked, check_fields, outside_collar, outside_wide};
use crate::engine::Engine;
use crate::heap::{self, NIL};
use crate::instrument::NO_STOP;
use crate::limits::{MAX_MARK_AGE_NS, THROTTLE_NS};
use crate::orders::{Working, price_key};
use crate::reason::Reason;
use crate::sizing::{SizingInputs, collar_high, fits, size};
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

/// A working order in whose place the new one would stand: what it has reserved is free for the new one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instead {
    pub shares: i64,
    pub notional: i128,
    /// Reserved at this price at least.
    pub price: i64,
    pub filled: i64,
}

impl Instead {
    pub(crate) const NOTHING: Self = Self {
        shares: 0,
        notional: 0,
        price: 0,
        filled: 0,
    };
}

/// What accepting an order changed besides its reserve, so that a leg that was only tried can be taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accept {
    pub place: u32,
    pub rate: i64,
    pub repeat: Option<Accepted>,
    pub stop: Option<i64>,
}

impl Engine {
    /// Decide one order and, when it is accepted, reserve its worst case. `now_ns` is the venue's clock.
    ///
    /// The id counts as taken whatever the decision is, except when it is no valid id or a repeat.
    pub fn decide(&mut self, order: &OrderRequest, now_ns: i64) -> Decision {
        self.on_clock(now_ns);
        let (index, verdict) = match self.take_id(order.order_id) {
            Ok(()) => self.judge(order),
            Err(reason) => (self.book.find(order.instrument_id), Verdict::reject(reason)),
        };
        self.conclude(order, index, &verdict)
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

    #[inline]
    pub(crate) fn judge(&mut self, order: &OrderRequest) -> (Option<usize>, Verdict) {
        let checked = match check_fields(order) {
            Ok(checked) => checked,
            Err(reason) => {
                return (self.book.find(order.instrument_id), Verdict::reject(reason));
            }
        };
        let Some(index) = self.book.find(order.instrument_id) else {
            return (None, Verdict::reject(Reason::UnknownInstrument));
        };
        self.book.fetch(index);
        let verdict = self.check(index, &checked);
        if verdict.quantity > 0 {
            let accept = self.accept(index, order.order_id, &checked, verdict.quantity);
            if accept.stop.is_some() {
                self.settle_stops(index);
            }
        }
        (Some(index), verdict)
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

    const fn accepted(&self, order: &Checked) -> Accepted {
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

    /// Where an order is reserved: a limit order at its limit or today's price, whichever is more, a market order at the
    /// collar. Without any price 0: only closing orders get there, and those add no exposure.
    #[inline]
    pub(crate) fn reserve_price(&self, index: usize, limit_price: i64) -> i64 {
        let mark = self.book.instruments[index].mark;
        if limit_price == 0 {
            collar_high(mark)
        } else {
            limit_price.max(mark)
        }
    }

    /// The stop level that would hold after an order of this side with this distance.
    #[inline]
    pub(crate) fn stop_after(&self, index: usize, side: Side, distance: i64) -> i64 {
        let held = self.book.instruments[index].stop(side);
        if distance == 0 {
            return held;
        }
        let reference = self.book.gates[index].reference;
        match side {
            Side::Buy => held.max(reference - distance),
            Side::Sell if held == NO_STOP => reference + distance,
            Side::Sell => held.min(reference + distance),
        }
    }

    #[inline]
    fn risk(&self, index: usize, order: &Checked, reserve_price: i64) -> i64 {
        let instrument = &self.book.instruments[index];
        let level = self.stop_after(index, order.side, order.stop_distance);
        if level == NO_STOP || instrument.risk_floor == i64::MAX {
            return reserve_price;
        }
        let distance = order.side.signed(instrument.mark - level);
        distance.max(instrument.risk_floor).min(reserve_price)
    }

    /// Checks 20 and 21, for an order that would stand in the place of another.
    #[inline]
    pub(crate) fn check_limits(&self, index: usize, order: &Checked, instead: &Instead) -> Verdict {
        let (sums, money) = (&self.book.sums, &self.equity.money);
        let (issuer, sector) = (
            self.book.issuer_exposure(index),
            self.book.sector_exposure(index),
        );
        let net = sums.net_worst(order.side);
        let past = issuer > money.instrument
            || sector > money.sector
            || sums.gross > money.gross
            || net > money.net;
        if past {
            return self.past(issuer, sector, net);
        }
        let inputs = self.sizing(index, order, instead);
        if fits(&inputs, money, &self.limits, order.quantity) {
            return Verdict {
                risk: inputs.risk_per_share,
                ..Verdict::approve(order.quantity)
            };
        }
        self.cut(index, order, instead)
    }

    /// What fits of an order that does not fit whole.
    #[cold]
    fn cut(&self, index: usize, order: &Checked, instead: &Instead) -> Verdict {
        let inputs = self.sizing(index, order, instead);
        let (money, limits) = (&self.equity.money, &self.limits);
        let sized = size(&inputs, money, limits, order.quantity, instead.filled);
        Verdict {
            quantity: sized.quantity,
            reason: sized.reason,
            limit: Some(sized.limit),
            risk: inputs.risk_per_share,
            by_size: true,
        }
    }

    /// What the limits of an opening order rest on.
    #[inline(always)]
    fn sizing(&self, index: usize, order: &Checked, instead: &Instead) -> SizingInputs {
        let (instrument, side) = (&self.book.instruments[index], order.side);
        let resting = instrument.resting(side);
        let reserve_price = self
            .reserve_price(index, order.limit_price)
            .max(instead.price);
        let (bought, sold) = match side {
            Side::Buy => (instead.notional, 0),
            Side::Sell => (0, instead.notional),
        };
        SizingInputs {
            side,
            equity: self.equity.first,
            reference_price: instrument.mark,
            reserve_price,
            risk_per_share: self.risk(index, order, reserve_price),
            lot: instrument.lot,
            held_quantity: instrument.held(side),
            working_quantity: resting.quantity - instead.shares,
            working_notional: resting.notional - instead.notional,
            issuer_exposure: self.book.issuer_exposure(index) - resting.weight,
            sector_exposure: self.book.sector_exposure(index) - resting.weight,
            gross_exposure: self.book.sums.gross - resting.weight,
            net_exposure: self.book.sums.net_worst(side) - resting.weight,
            volume_limit: instrument.volume_limit,
            volume_used: instrument.traded + instrument.buys.quantity + instrument.sells.quantity
                - instead.shares,
            locate: instrument.locate,
            buying_power: self.power(bought, sold),
        }
    }

    /// What cash still pays for, when so much of what is reserved were not.
    #[inline]
    pub(crate) fn power(&self, bought: i128, sold: i128) -> i128 {
        let sums = &self.book.sums;
        let pledged = crate::book::pledged(sums.short_value, sums.short_reserved - sold);
        self.paid - (sums.reserved_buys - bought) - pledged
    }

    #[cold]
    fn past(&self, issuer: i128, sector: i128, net: i128) -> Verdict {
        use crate::limits::*;
        let (money, limits) = (&self.equity.money, &self.limits);
        let (reason, limit, tighter) = if issuer > money.instrument {
            let tighter = limits.instrument_bp() < INSTRUMENT_LIMIT_BP;
            (Reason::InstrumentLimit, money.instrument, tighter)
        } else if sector > money.sector {
            let tighter = limits.sector_bp() < SECTOR_LIMIT_BP;
            (Reason::SectorLimit, money.sector, tighter)
        } else if self.book.sums.gross > money.gross {
            let tighter = limits.gross_bp() < GROSS_LIMIT_BP;
            (Reason::GrossLimit, money.gross, tighter)
        } else {
            debug_assert!(net > money.net, "some limit is passed");
            (Reason::NetLimit, money.net, limits.net_bp() < NET_LIMIT_BP)
        };
        Verdict {
            limit: Some(limit),
            // Of linked legs the ones before may have brought the book here: fewer lots of all of them then pass.
            by_size: true,
            ..Verdict::reject(if tighter {
                Reason::TighterLimit
            } else {
                reason
            })
        }
    }

    /// Reserves an accepted order and counts it.
    #[inline]
    pub(crate) fn accept(
        &mut self,
        index: usize,
        order_id: u64,
        order: &Checked,
        quantity: i64,
    ) -> Accept {
        let opens = !self.book.instruments[index].closes(order.side);
        let place = self.reserve(
            index,
            Working {
                order_id,
                quantity,
                reserve_price: self.reserve_price(index, order.limit_price),
                limit_price: order.limit_price,
                strategies: order.strategies,
                side: order.side,
                flags: order.flags,
                order_type: order.order_type,
                time_in_force: order.time_in_force,
                ..Working::EMPTY
            },
        );
        let (repeat, stop) = if opens {
            self.count_opening(index, order)
        } else {
            (None, None)
        };
        Accept {
            place,
            rate: self.rate.count(self.monotonic_ns),
            repeat,
            stop,
        }
    }

    /// What an accepted opening leaves behind besides its reserve: its trace for the repeat check, and its stop.
    #[inline]
    pub(crate) fn count_opening(
        &mut self,
        index: usize,
        order: &Checked,
    ) -> (Option<Accepted>, Option<i64>) {
        let accepted = self.accepted(order);
        let level = self.stop_after(index, order.side, order.stop_distance);
        let instrument = &mut self.book.instruments[index];
        let displaced = self.repeats[index].count(&mut instrument.next_repeat, accepted);
        instrument.last_opened = self.now_ns;
        let held = core::mem::replace(instrument.stop_mut(order.side), level);
        (Some(displaced), (level != held).then_some(held))
    }

    /// Takes an order into the book.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, index: usize, order: Working) -> u32 {
        let order = Working {
            instrument: index as u32,
            key: price_key(order.side, order.limit_price),
            ..order
        };
        let place = self.orders.insert(order);
        self.book
            .resize(index, order.side, order.leaves(), order.notional());
        let instrument = &mut self.book.instruments[index];
        instrument.own_working += u32::from(order.is_own());
        let root = instrument.best_mut(order.side);
        heap::push(&mut self.orders.slots, root, place);
        place
    }
}
