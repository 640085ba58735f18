//! What a fired switch and a fired stop want: cancels, then closing slices.

use dnalyaw_engine::{SessionState, Side};

use super::decide::reserve_price;
use super::gates::tick;
use super::limits::{BP, CLOSE_RETRY, CLOSE_SLICE, COLLAR, WIDE_COLLAR};
use super::{FOREIGN_IDS, Model, OWN_IDS, Order, ceil_div, codes};

/// A slice to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    pub at: usize,
    pub side: Side,
    pub quantity: i128,
    pub code: u16,
}

impl Model {
    /// Is an order one of the engine's own closing orders?
    pub const fn is_own(id: u64) -> bool {
        id >= OWN_IDS && id < FOREIGN_IDS
    }

    /// The orders to cancel now, by id.
    pub fn wanted_cancels(&mut self) -> Vec<u64> {
        let mut wanted = Vec::new();
        if !self.venue_up {
            return wanted;
        }
        for place in 0..self.orders.len() {
            let order = &self.orders[place];
            let held = &self.instruments[order.at];
            let stopped = held.long_stop.fired || held.short_stop.fired;
            let meant = self.kill.is_some() || stopped;
            if meant && !Self::is_own(order.id) && !order.cancel_requested {
                wanted.push(order.id);
                self.orders[place].cancel_requested = true;
            }
        }
        wanted.sort_unstable();
        wanted
    }

    /// The slices to send now, by instrument.
    pub fn wanted_closes(&self) -> Vec<Close> {
        let mut wanted = Vec::new();
        let open = self.session_state == SessionState::Open;
        if !self.venue_up || !open || !self.positions_known {
            return wanted;
        }
        for (at, instrument) in self.instruments.iter().enumerate() {
            let direction = if instrument.position > 0 {
                Side::Buy
            } else {
                Side::Sell
            };
            let side = if instrument.position > 0 {
                Side::Sell
            } else {
                Side::Buy
            };
            let code = match self.kill {
                Some(kill) => kill.reason.code(),
                None if self.stop(at, direction).fired => codes::STOPPED,
                None => continue,
            };
            let reducible = self.reducible(at, side);
            let closing = self
                .orders
                .iter()
                .any(|order| order.at == at && Self::is_own(order.id));
            if reducible == 0 || closing || instrument.retry_at > self.now {
                continue;
            }
            wanted.push(Close {
                at,
                side,
                quantity: reducible.min(self.slice(at)),
                code,
            });
        }
        wanted
    }

    /// A slice of the engine's own: at the collar towards the market, at the wide one from a mark that is no price of this
    /// session, at the market without either. Its limit and quantity.
    pub fn decide_close(&mut self, close: &Close) -> (i128, i128) {
        let prices = &self.instruments[close.at].prices;
        let (reference, mark) = (prices.reference(), prices.mark());
        let (from, away) = match reference {
            0 => (mark, WIDE_COLLAR),
            price => (price, COLLAR),
        };
        let limit = match (from, close.side) {
            (0, _) => 0,
            (price, Side::Sell) => self.inside(close.at, price * (BP - away), true),
            (price, Side::Buy) => self.inside(close.at, price * (BP + away), false),
        };
        let quantity = if self.orders.len() >= self.room {
            0
        } else {
            close.quantity.min(self.reducible(close.at, close.side))
        };
        self.last_own = self.last_own.max(OWN_IDS) + 1;
        if quantity == 0 {
            self.instruments[close.at].retry_at = self.now.saturating_add(CLOSE_RETRY);
        } else {
            let reserve = reserve_price(limit, mark);
            self.span_mut(close.at, close.side).include(reserve);
            self.count_accepted();
            self.orders.push(Order {
                id: self.last_own,
                at: close.at,
                side: close.side,
                order_type: if limit == 0 { 1 } else { 2 },
                flags: 1,
                strategies: 0,
                quantity,
                filled: 0,
                limit,
                reserve,
                cancel_requested: false,
                unknown: false,
                change: None,
            });
        }
        self.settle();
        (limit, quantity)
    }

    /// The last whole tick inside the collar; `scaled` is ten thousand times the collar's end.
    fn inside(&self, at: usize, scaled: i128, up: bool) -> i128 {
        let end = if up {
            ceil_div(scaled, BP)
        } else {
            scaled / BP
        };
        let row = &self.instruments[at].row;
        let step = i128::from(tick(row, end as i64)).max(1);
        if up {
            ceil_div(end, step) * step
        } else {
            end / step * step
        }
    }

    /// The most of one slice: a hundredth of a day's volume in whole lots, at least a lot; without a known volume all.
    fn slice(&self, at: usize) -> i128 {
        let row = &self.instruments[at].row;
        let lot = i128::from(row.lot);
        match i128::from(row.adv) {
            0 => i128::MAX,
            adv => (adv * CLOSE_SLICE / BP / lot * lot).max(lot),
        }
    }
}
