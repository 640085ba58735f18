//! Equity by two marks, the session's baseline, flows, drawdown, buying power.

use dnalyaw_engine::{Baseline, Kill, Reason, Side};

use super::Model;
use super::limits::{BP, FEE_MARGIN, LARGEST_MONEY, MARK_AGE, SHORT_MARGIN, UNANNOUNCED};

/// A firm rate of one.
pub const RATE_ONE: i128 = 1_000_000;

impl Model {
    /// Of what the reference names.
    fn equity_by(&self, mark: impl Fn(usize, bool) -> i128) -> Option<i128> {
        if !self.positions_known {
            return None;
        }
        let mut equity = self.cash?;
        for (at, instrument) in self.instruments.iter().enumerate() {
            if instrument.position != 0 {
                let price = mark(at, instrument.position > 0);
                if price == 0 {
                    return None;
                }
                equity += instrument.position * price;
            }
        }
        Some(equity)
    }

    /// The same as the equity, with nothing for a position that the reference does not name.
    fn watched(&self) -> Option<i128> {
        self.equity_by(|at, long| self.instruments[at].prices.liquidation(long))
    }

    fn second_watched(&self) -> Option<i128> {
        self.equity_by(|at, long| self.instruments[at].prices.second(long))
    }

    /// Cash and what every position would fetch.
    pub fn equity(&self) -> Option<i128> {
        self.watched().filter(|_| self.unreferenced.is_empty())
    }

    /// The same by the second marks.
    pub fn second_equity(&self) -> Option<i128> {
        self.second_watched()
            .filter(|_| self.unreferenced.is_empty())
    }

    /// Money that came without a word: what both of the last two reports show, where it is more than a trifle.
    fn unannounced_now(&self) -> i128 {
        let (Some(baseline), Some(rate)) = (self.baseline, self.firm_rate) else {
            return 0;
        };
        let both = self.unexplained[0].min(self.unexplained[1]);
        let start = i128::from(baseline.equity) * RATE_ONE;
        if both * rate * BP > start * UNANNOUNCED {
            both
        } else {
            0
        }
    }

    /// What the baseline is moved by.
    pub fn all_flows(&self) -> i128 {
        self.flows + self.unannounced
    }

    /// What is lost of the baseline at this equity, and the baseline, in the same unit.
    fn lost(&self, equity: Option<i128>) -> Option<(i128, i128)> {
        let (rate, start) = (self.firm_rate?, self.baseline?.equity);
        let start = i128::from(start) * RATE_ONE;
        Some((start + self.all_flows() * rate - equity? * rate, start))
    }

    /// Has this equity fallen to the drawdown limit?
    fn fallen(&self, equity: Option<i128>) -> bool {
        let limit = self.limits.drawdown.value;
        self.lost(equity)
            .is_some_and(|(lost, start)| lost * BP >= start * limit)
    }

    /// Basis points below the baseline, rounded down; nothing when it cannot be told.
    pub fn drawdown_bp(&self) -> i128 {
        self.lost(self.watched())
            .map_or(0, |(lost, start)| (lost * BP).div_euclid(start))
    }

    /// Drawdown at its limit by the first and by the second equity.
    pub fn fallen_by(&self) -> (bool, bool) {
        (
            self.fallen(self.watched()),
            self.fallen(self.second_watched()),
        )
    }

    /// Sets the session's baseline once and fires the switch when both equities are at the limit.
    pub fn watch_drawdown(&mut self) {
        if self.session == 0 {
            return;
        }
        if self.baseline.is_none() {
            if let (Some(equity), Some(rate)) = (self.watched(), self.firm_rate) {
                let firm = equity * rate / RATE_ONE;
                if firm > 0 {
                    self.baseline = Some(Baseline {
                        session: self.session,
                        equity: firm as i64,
                    });
                }
            }
            return;
        }
        if self.fallen_by() == (true, true) {
            self.fire(Reason::Drawdown);
        }
    }

    /// The switch fires. The first reason stands, but for a drawdown of this session: that one may not be armed away.
    pub fn fire(&mut self, reason: Reason) {
        let stands = self.kill.is_some_and(|held| {
            reason != Reason::Drawdown
                || (held.reason == Reason::Drawdown && held.session == self.session)
        });
        if !stands {
            self.kill = Some(Kill {
                session: self.session,
                reason,
            });
        }
    }

    /// Is the mark of some held position too old?
    pub fn stale_mark(&self, now: i64) -> bool {
        self.instruments.iter().any(|instrument| {
            instrument.position != 0
                && instrument
                    .prices
                    .marked_at()
                    .is_some_and(|ts| i128::from(now) - i128::from(ts) > MARK_AGE)
        })
    }

    /// Money for new risk: cash less a margin for fees, what buys have reserved, and what shorts pledge.
    pub fn power(&self, cash: i128) -> i128 {
        let mut reserved = 0;
        let mut pledged = 0;
        for (at, instrument) in self.instruments.iter().enumerate() {
            reserved += self.working(at, Side::Buy).notional;
            if instrument.position < 0 {
                pledged += -instrument.position * instrument.prices.mark() * (BP + SHORT_MARGIN);
            }
            if instrument.position <= 0 {
                pledged += self.working(at, Side::Sell).notional * SHORT_MARGIN;
            }
        }
        (cash * BP).div_euclid(BP + FEE_MARGIN) - reserved - super::ceil_div(pledged, BP)
    }

    /// Cash by the venue's report. An announced flow counts when what is unexplained is it, or has grown by it.
    pub fn on_account(&mut self, cash: i64) {
        let cash = i128::from(cash).clamp(-LARGEST_MONEY, LARGEST_MONEY);
        let known = self.expected_cash.is_some();
        let mut expected = self.expected_cash.unwrap_or(cash);
        let before = self.unexplained[1];
        let shows = |change: i128| {
            let off = (change - self.announced).abs();
            off * BP <= self.announced.abs().max(expected.abs())
        };
        let unexplained = cash - expected;
        if known && self.announced != 0 && (shows(unexplained) || shows(unexplained - before)) {
            // What came before the baseline is in it already.
            if self.baseline.is_some() {
                self.flows += self.announced;
            }
            expected += self.announced;
            self.announced = 0;
        }
        if self.baseline.is_none() {
            expected = cash;
        }
        self.unexplained = [before, cash - expected];
        self.unannounced = self.unannounced_now();
        self.cash = Some(cash);
        self.expected_cash = Some(expected);
        self.settle();
    }

    /// A position by a report: what it changes was traded elsewhere, at the mark.
    fn reported_position(&mut self, at: usize, quantity: i128) {
        let mark = self.instruments[at].prices.mark();
        let elsewhere = quantity - self.instruments[at].position;
        self.expected_cash = self.expected_cash.map(|cash| cash - elsewhere * mark);
        self.instruments[at].position = quantity;
    }

    /// A flow is announced, in the place of one that was.
    pub fn expect_flow(&mut self, amount: i64) {
        self.announced = i128::from(amount);
    }

    /// The rate to the firm's currency.
    pub fn set_firm_rate(&mut self, rate: Option<i64>) {
        self.firm_rate = rate.filter(|rate| *rate > 0).map(i128::from);
        self.settle();
    }

    /// A new full report begins: nothing of the account is believed until it is whole.
    pub fn begin_positions(&mut self) {
        self.positions_known = false;
        self.cash = None;
        self.unreferenced.clear();
        for instrument in &mut self.instruments {
            instrument.reported = false;
        }
    }

    /// A position, absolute.
    pub fn on_position(&mut self, instrument_id: u64, quantity: i64) {
        let possible = i128::from(quantity).abs() <= i128::from(super::limits::LARGEST_QUANTITY);
        match self.find(instrument_id).filter(|_| possible) {
            Some(at) => {
                self.unreferenced.remove(&instrument_id);
                self.reported_position(at, i128::from(quantity));
                self.instruments[at].reported = true;
            }
            None if quantity == 0 => {
                self.unreferenced.remove(&instrument_id);
            }
            None => {
                self.unreferenced.insert(instrument_id, quantity);
            }
        }
        self.settle();
    }

    /// The report is whole: what it did not name is zero.
    pub fn positions_complete(&mut self) {
        for at in 0..self.instruments.len() {
            if !self.instruments[at].reported {
                self.reported_position(at, 0);
            }
        }
        self.positions_known = true;
        self.settle();
    }
}
