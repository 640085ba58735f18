//! The kill switch, and what it and the stops want done: orders cancelled, positions closed in slices.

use crate::engine::Engine;
use crate::instrument::Instrument;
use crate::limits::CLOSE_RETRY_NS;
use crate::orders::CANCEL_REQUESTED;
use crate::reason::Reason;
use crate::sizing::{collar_high, collar_low, wide_high, wide_low};
use crate::types::*;
use crate::units::MAX_PRICE;

/// The slice that closes a position next; 0 = nothing now.
fn slice(instrument: &Instrument, now_ns: i64) -> i64 {
    // One at a time: the next is measured by what this one left.
    if instrument.position == 0 || instrument.own_working > 0 || instrument.retry_at > now_ns {
        return 0;
    }
    let reducible = instrument.reducible(closing_side(instrument));
    if instrument.slice == 0 {
        reducible
    } else {
        reducible.min(instrument.slice)
    }
}

const fn closing_side(instrument: &Instrument) -> Side {
    if instrument.position > 0 {
        Side::Sell
    } else {
        Side::Buy
    }
}

impl Engine {
    /// Fire the kill switch: everything is cancelled and closed, and only what closes is taken until [`Engine::rearm`]. The
    /// first reason stands, but for a drawdown's: what it forbids today no earlier reason may allow.
    pub fn kill(&mut self, reason: Reason) {
        // A restart may say a restored one again before it knows the session.
        let worse = self.kill.is_some_and(|kill| {
            reason == Reason::Drawdown
                && (kill.reason != Reason::Drawdown || kill.session < self.session)
        });
        if self.kill.is_none() || worse {
            self.kill = Some(Kill {
                session: self.session,
                reason,
            });
        }
    }

    /// The fired kill switch, to be persisted as soon as it appears.
    #[must_use]
    pub const fn killed(&self) -> Option<Kill> {
        self.kill
    }

    /// Put back a persisted kill, whatever session it fired in.
    pub fn restore_kill(&mut self, kill: Kill) {
        let session = if kill.session == 0 {
            self.session
        } else {
            kill.session
        };
        self.kill = Some(Kill { session, ..kill });
    }

    /// Arm a fired switch again. The baseline stays: a drawdown that still stands fires it at once.
    ///
    /// # Errors
    /// [`RearmError::NotKilled`]; [`RearmError::SameSession`] after a drawdown, until a later session day has begun.
    pub fn rearm(&mut self) -> Result<(), RearmError> {
        let kill = self.kill.ok_or(RearmError::NotKilled)?;
        if kill.reason == Reason::Drawdown && self.session <= kill.session {
            return Err(RearmError::SameSession);
        }
        self.kill = None;
        self.refresh();
        Ok(())
    }

    /// The working orders that must be cancelled now, into `out`, which is emptied first: all that are not closing orders of the
    /// engine's own once the switch has fired, those of an instrument whose stop has fired. Each is named once (again after the
    /// venue was down). Poll after every feed.
    pub fn wanted_cancels(&mut self, out: &mut Vec<u64>) {
        out.clear();
        if !self.venue_up || (self.kill.is_none() && self.fired.is_empty()) {
            return;
        }
        let everything = self.kill.is_some();
        let mut place = self.orders.first_live();
        while let Some(order) = self.orders.slots.get_mut(place as usize) {
            place = order.live_after;
            let concerned =
                everything || self.book.instruments[order.instrument as usize].fired != 0;
            if concerned && !order.is_own() && order.marks & CANCEL_REQUESTED == 0 {
                order.marks |= CANCEL_REQUESTED;
                out.push(order.order_id);
            }
        }
        out.sort_unstable();
    }

    /// The closing orders that must be submitted with [`Engine::decide_close`] now, into `out`, which is emptied first: a slice of
    /// each position once the switch has fired, of a position whose stop has fired. Named until decided, in an open session only.
    pub fn wanted_closes(&mut self, out: &mut Vec<CloseOrder>) {
        out.clear();
        let nothing_fired = self.kill.is_none() && self.fired.is_empty();
        let cannot_trade =
            !self.venue_up || !self.positions_known || self.session_state != SessionState::Open;
        if nothing_fired || cannot_trade {
            return;
        }
        let now_ns = self.now_ns;
        let mut want = |instrument: &Instrument, reason| {
            let quantity = slice(instrument, now_ns);
            if quantity > 0 {
                out.push(CloseOrder {
                    instrument_id: instrument.id,
                    side: closing_side(instrument),
                    quantity,
                    reason,
                });
            }
        };
        if let Some(kill) = self.kill {
            for instrument in &self.book.instruments {
                want(instrument, kill.reason);
            }
            return;
        }
        for index in &self.fired {
            let instrument = &self.book.instruments[*index as usize];
            if instrument.has_fired(closing_side(instrument).opposite()) {
                want(instrument, Reason::Stopped);
            }
        }
        out.sort_unstable_by_key(|close| close.instrument_id);
    }

    /// Decide a closing slice; the engine gives it an id of its own (above [`OWN_ORDER_ID_BASE`]). The request is what to send
    /// when the decision is [`DecisionKind::Flatten`]: an immediate-or-cancel limit order at the collar, or a market order where
    /// there is no price.
    pub fn decide_close(&mut self, close: &CloseOrder, now_ns: i64) -> (OrderRequest, Decision) {
        self.on_clock(now_ns);
        self.last_own = self.last_own.max(OWN_ORDER_ID_BASE) + 1;
        let index = self.book.find(close.instrument_id);
        let limit_price = index.map_or(0, |index| self.close_limit(index, close.side));
        let order = OrderRequest {
            order_id: self.last_own,
            instrument_id: close.instrument_id,
            quantity: close.quantity,
            limit_price,
            stop_distance: 0,
            side: close.side as u8,
            order_type: if limit_price == 0 {
                TYPE_MARKET
            } else {
                TYPE_LIMIT
            },
            time_in_force: TIF_IOC,
            flags: FLAG_REDUCE_ONLY,
            strategies: 0,
        };
        let mut decision = self.judge(&order);
        if decision.accepted() {
            decision.kind = DecisionKind::Flatten;
            decision.reason = close.reason;
        } else if let Some(index) = index {
            self.back_off(index);
        }
        (
            OrderRequest {
                quantity: decision.approved_quantity,
                ..order
            },
            decision,
        )
    }

    /// The worst price inside the collar, on a price step; the wide collar around a mark that is no market price; 0 = at the
    /// market, where nothing is known.
    fn close_limit(&self, index: usize, side: Side) -> i64 {
        let instrument = &self.book.instruments[index];
        let (low, high) = match (self.book.gates[index].reference, instrument.mark) {
            (0, 0) => return 0,
            (0, mark) => (wide_low(mark), wide_high(mark)),
            (reference, _) => (collar_low(reference), collar_high(reference)),
        };
        let tick = instrument.tick;
        let price = match side {
            Side::Buy => tick.down(high.min(MAX_PRICE)),
            Side::Sell => tick.up(low),
        };
        if price <= MAX_PRICE { price } else { 0 }
    }

    /// A closing order came to nothing: the next one waits.
    pub(crate) fn back_off(&mut self, index: usize) {
        self.book.instruments[index].retry_at = self.now_ns.saturating_add(CLOSE_RETRY_NS);
    }
}
