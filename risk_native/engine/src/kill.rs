//! The kill switch: the day's drawdown or an operator fires it; everything is cancelled and closed, and only what reduces
//! is taken until the next session day.

use crate::engine::Engine;
use crate::limits::BP;
use crate::reason::Reason;
use crate::types::*;
use crate::units::Money;

/// How long after a closing order failed the next one is sent, on the venue's clock.
const RETRY_NS: i64 = 60 * 1_000_000_000;

impl Engine {
    /// Called after whatever may move equity: sets the session's baseline once, fires the switch at the limit.
    pub(crate) fn watch_drawdown(&mut self) {
        if self.session == 0 {
            return;
        }
        let Some(equity) = self.equity_exact() else {
            return;
        };
        let Some(baseline) = self.baseline else {
            if equity > 0 {
                self.baseline = Some(Baseline {
                    session: self.session,
                    equity: Money::saturating(equity).micro(),
                });
            }
            return;
        };
        let start = i128::from(baseline.equity);
        let fallen =
            (start - equity) * i128::from(BP) >= start * i128::from(self.limits.drawdown_bp());
        if fallen && self.kill.is_none() {
            self.kill = Some(Kill {
                session: self.session,
                reason: Reason::Drawdown,
            });
        }
    }

    /// Fire the kill switch: flatten, then reduce-only until the next session day. The first reason stands.
    pub fn kill(&mut self, reason: Reason) {
        if self.kill.is_none() {
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

    /// Put back a persisted kill before the first feed. One of an earlier session than the current is over.
    pub fn restore_kill(&mut self, kill: Kill) {
        if kill.session == 0 || kill.session >= self.session {
            self.kill = Some(kill);
        }
    }

    /// The session's baseline, to be persisted as soon as it appears.
    #[must_use]
    pub const fn baseline(&self) -> Option<Baseline> {
        self.baseline
    }

    /// Put back a persisted baseline before the first feed; it counts only for its own session.
    pub fn restore_baseline(&mut self, baseline: Baseline) {
        let its_session = self.session == 0 || baseline.session == self.session;
        if its_session && baseline.equity > 0 {
            self.baseline = Some(baseline);
            self.watch_drawdown();
        }
    }

    pub(crate) fn back_off(&mut self, index: usize) {
        self.book.instruments[index].retry_at = self.now_ns.saturating_add(RETRY_NS);
    }

    /// What must be done now. After the kill switch fired: cancel every working order that is not itself a closing order,
    /// then close what is left of each position. Each cancel is named once (again after the venue was down); a close is named
    /// until [`Engine::decide_close`] reserved it, and again when it failed and the wait is over. Poll after every feed.
    pub fn poll_action(&mut self) -> Action {
        let Some(kill) = self.kill else {
            return Action::None;
        };
        if !self.venue_up {
            return Action::None;
        }
        let mut cancels: Vec<u64> = Vec::new();
        for order in self.orders.iter_mut() {
            if order.order_id < OWN_ORDER_ID_BASE && !order.cancel_requested {
                order.cancel_requested = true;
                cancels.push(order.order_id);
            }
        }
        cancels.sort_unstable();
        let can_trade = matches!(self.session_state, SessionState::Open | SessionState::Break);
        let mut closes = Vec::new();
        if can_trade && self.positions_known {
            for instrument in &self.book.instruments {
                if instrument.position == 0 || instrument.retry_at > self.now_ns {
                    continue;
                }
                let side = if instrument.position > 0 {
                    Side::Sell
                } else {
                    Side::Buy
                };
                let quantity = instrument.reducible(side);
                if quantity > 0 {
                    closes.push(CloseOrder {
                        instrument_id: instrument.id,
                        side,
                        quantity,
                    });
                }
            }
        }
        if cancels.is_empty() && closes.is_empty() {
            return Action::None;
        }
        Action::Flatten {
            reason: kill.reason,
            cancels,
            closes,
        }
    }
}
