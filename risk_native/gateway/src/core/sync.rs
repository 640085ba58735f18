//! What omsd is told besides answers: the greeting, the full state on SYNC, and changes at a limited rate.

use dnalyaw_frames::{self as frames, Body};

use super::orders::Entry;
use super::resync::unknown_frame;
use super::{Core, wire};
use crate::link::{CLIENT_QUEUE, Client};
use crate::log_info;

/// A SYNC that is being answered: the orders that the session had when it was asked for, one after another.
#[derive(Debug)]
pub(super) struct Repeating {
    nonce: u64,
    orders: Vec<u64>,
    next: usize,
}

impl Core {
    pub(super) fn on_hello(&mut self, hello: &frames::Hello) {
        let region = hello.region.as_str();
        if region != self.reference.region {
            self.drop_client(format!(
                "HELLO for region '{region}', this is '{}'",
                self.reference.region
            ));
            return;
        }
        if hello.session != 0 && hello.session != self.reference.session {
            self.drop_client(format!(
                "HELLO for session {}, this is {}",
                hello.session, self.reference.session
            ));
            return;
        }
        self.greeted = true;
        if let Some(client) = &self.client {
            client.greet();
        }
        self.line_up();
        self.told_state = None;
        self.tell(Body::Welcome(self.welcome()));
    }

    pub(super) fn on_sync(&mut self, nonce: u64) {
        let orders: Vec<u64> = self
            .orders
            .of_session(self.reference.session)
            .map(Entry::id)
            .collect();
        log_info!("sync", {"orders": orders.len()});
        self.repeating.push_back(Repeating {
            nonce,
            orders,
            next: 0,
        });
        self.go_on_repeating();
    }

    /// Repeats as many orders as the client's queue has room for; a session may have more reports than it has places. What
    /// happens meanwhile is told as ever, so at the end everything told adds up to the account that ends the SYNC.
    pub(super) fn go_on_repeating(&mut self) {
        if self.client.is_none() {
            self.repeating.clear();
        }
        while let Some(mut now) = self.repeating.pop_front() {
            while let Some(&id) = now.orders.get(now.next) {
                if !self.has_room_to_repeat() {
                    self.repeating.push_front(now);
                    return;
                }
                now.next += 1;
                self.repeat_order(id);
            }
            self.end_sync(now.nonce, now.orders.len());
        }
    }

    /// Half the queue is left to what is told for the first time.
    fn has_room_to_repeat(&self) -> bool {
        let queued = self.client.as_ref().map_or(0, Client::queued);
        let waiting = usize::try_from(queued).unwrap_or(usize::MAX);
        waiting.saturating_add(self.outbox.len()) < CLIENT_QUEUE / 2
    }

    fn repeat_order(&mut self, id: u64) {
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let unknown = entry.told_unknown.then(|| unknown_frame(entry));
        for (ts_ns, body) in entry.story() {
            self.repeat(ts_ns, body);
        }
        if let Some(unknown) = unknown {
            self.tell(Body::Exec(unknown));
        }
    }

    fn end_sync(&mut self, nonce: u64, orders: usize) {
        let positions = self.engine.positions();
        let prices = self.engine.prices();
        let end = frames::SyncEnd {
            nonce,
            orders: count(orders),
            positions: count(positions.len()),
            prices: count(prices.len()),
        };
        log_info!("sync_end", {"orders": end.orders, "positions": end.positions, "prices": end.prices});
        for position in positions {
            self.tell(Body::Position(frames::Position {
                instrument_id: position.instrument_id,
                quantity: position.quantity,
                mark: position.mark,
            }));
        }
        for price in prices {
            self.tell(Body::Price(price_frame(&price)));
        }
        let state = wire::state_frame(&self.engine.state_report());
        self.told_state = Some(state.clone());
        self.tell(Body::State(state));
        self.tell(Body::SyncEnd(end));
        self.synced = true;
        self.changed_prices.clear();
        self.changed_positions.clear();
    }

    /// Tells a change of what omsd may do at once. Equity moves with every price, and so does an issuer at the edge of its
    /// limit, which the reason of an active state names: they wait for the flush.
    pub(super) fn tell_state(&mut self) {
        let state = wire::state_frame(&self.engine.state_report());
        let same = self.told_state.as_ref().is_some_and(|told| {
            told.trading_state == state.trading_state
                && told.venue_up == state.venue_up
                && told.session_state == state.session_state
                && told.session == state.session
                && (told.reason == state.reason
                    || state.trading_state == frames::TradingState::Active)
        });
        if !same && self.greeted {
            // Whoever reads that the venue is up may go by the positions: they go first.
            let comes_up =
                state.venue_up && self.told_state.as_ref().is_none_or(|told| !told.venue_up);
            if comes_up {
                self.flush_changes();
            }
            log_info!("state", {"trading_state": format!("{:?}", state.trading_state), "reason": state.reason,
                "venue_up": state.venue_up, "session_state": format!("{:?}", state.session_state),
                "counters": self.counters});
            if self.told_state.as_ref() != Some(&state) {
                self.told_state = Some(state.clone());
                self.tell(Body::State(state));
            }
        }
    }

    /// Changed prices, positions and money; each instrument once however often it moved.
    pub(super) fn flush_changes(&mut self) {
        if !self.synced || self.client.is_none() {
            self.changed_prices.clear();
            self.changed_positions.clear();
            return;
        }
        for id in std::mem::take(&mut self.changed_prices) {
            if let Some(price) = self.engine.price(id) {
                self.counters.prices_out += 1;
                self.tell(Body::Price(price_frame(&price)));
            }
        }
        for id in std::mem::take(&mut self.changed_positions) {
            let (quantity, mark) = self.position(id);
            self.tell(Body::Position(frames::Position {
                instrument_id: id,
                quantity,
                mark,
            }));
        }
        let state = wire::state_frame(&self.engine.state_report());
        if self.told_state.as_ref() != Some(&state) {
            self.told_state = Some(state.clone());
            self.tell(Body::State(state));
        }
    }
}

fn price_frame(price: &dnalyaw_engine::PriceView) -> frames::PriceUpdate {
    frames::PriceUpdate {
        instrument_id: price.instrument_id,
        bid: price.bid,
        ask: price.ask,
        last: price.last,
        ts_ns: price.ts_ns,
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
