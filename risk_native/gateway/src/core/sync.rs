//! What omsd is told besides answers: the greeting, the full state on SYNC, and changes at a limited rate.

use dnalyaw_frames::{self as frames, Body};

use super::resync::unknown_frame;
use super::{Core, wire};
use crate::log_info;

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
        let orders: Vec<_> = self
            .orders
            .of_session(self.reference.session)
            .map(|entry| {
                let unknown = entry.told_unknown.then(|| unknown_frame(entry));
                (entry.story(), unknown)
            })
            .collect();
        let positions = self.engine.positions();
        let prices = self.engine.prices();
        let end = frames::SyncEnd {
            nonce,
            orders: count(orders.len()),
            positions: count(positions.len()),
            prices: count(prices.len()),
        };
        log_info!("sync", {"orders": end.orders, "positions": end.positions, "prices": end.prices});
        for (story, unknown) in orders {
            for (ts_ns, body) in story {
                self.repeat(ts_ns, body);
            }
            if let Some(unknown) = unknown {
                self.tell(Body::Exec(unknown));
            }
        }
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
