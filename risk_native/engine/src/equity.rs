//! Equity by two independent marks, the limits that follow from it, the baseline and the drawdown. Computed when something
//! moves it, so that a decision only reads.

use crate::arithmetic::floor_div;
use crate::engine::Engine;
use crate::limits::BP;
use crate::reason::Reason;
use crate::sizing::{MoneyLimits, reported};
use crate::types::Baseline;
use crate::units::MICRO;

/// What is known of equity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Equity {
    /// Cash, positions and the marks of all positions are known.
    pub known: bool,
    /// At the liquidation marks.
    pub first: i128,
    /// At the second marks.
    pub second: i128,
    /// Shares of the first.
    pub money: MoneyLimits,
    /// For decisions.
    pub told: Told,
    /// Below the baseline, basis points of it, rounded down.
    pub drawdown_bp: i32,
    /// The first, the second is at the drawdown limit.
    pub fallen: (bool, bool),
}

/// What every decision tells of equity, clamped for reports once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub first: i64,
    pub second: i64,
    pub instrument_limit: i64,
}

/// A fall below the baseline, in the firm's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drawdown {
    pub fall: i128,
    /// The fall that fires the switch.
    pub limit: i128,
    /// Of the baseline, rounded down.
    pub basis_points: i32,
    pub fires: bool,
}

impl Engine {
    /// Called after whatever may move equity: sets the session's baseline once, fires the switch at the limit.
    pub(crate) fn refresh(&mut self) {
        let (Some(cash), true) = (
            self.cash,
            self.positions_known && self.book.sums.unmarked == 0,
        ) else {
            self.equity = Equity::default();
            return;
        };
        let (first, second) = (
            cash + self.book.sums.value,
            cash + self.book.sums.second_value,
        );
        if !self.unreferenced.is_empty() {
            // What nobody can value stops all openings; the rest may still fall.
            self.equity = Equity::default();
            self.watch_drawdown(first, second);
            return;
        }
        if !self.equity.known || first != self.equity.first {
            self.equity.money = MoneyLimits::of(first, &self.limits);
        }
        self.equity.known = true;
        (self.equity.first, self.equity.second) = (first, second);
        let money = &self.equity.money;
        self.equity.told = Told {
            first: reported(first),
            second: reported(self.equity.second),
            instrument_limit: reported(money.instrument),
        };
        if self.book.issuer_bound > money.instrument || self.book.sector_bound > money.sector {
            self.book.tighten();
        }
        self.watch_drawdown(first, second);
    }

    /// By both equities, of what can be valued.
    fn watch_drawdown(&mut self, first: i128, second: i128) {
        (self.equity.drawdown_bp, self.equity.fallen) = (0, (false, false));
        let Some(rate) = self.firm_rate else { return };
        if self.session == 0 {
            return;
        }
        // A second mark may be at the limit already when the first sets the baseline.
        let Some(baseline) = self.baseline.or_else(|| self.first_of_session(first, rate)) else {
            return;
        };
        self.baseline = Some(baseline);
        let (first, start) = self.fall(first, baseline, rate);
        let (second, _) = self.fall(second, baseline, rate);
        let at_limit =
            |fall: i128| fall * i128::from(BP) >= start * i128::from(self.limits.drawdown_bp());
        self.equity.fallen = (at_limit(first), at_limit(second));
        let basis_points = match i64::try_from(start) {
            Ok(start) => floor_div(first * i128::from(BP), start),
            Err(_) => (first * i128::from(BP)).div_euclid(start),
        };
        self.equity.drawdown_bp =
            basis_points.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32;
        if self.equity.fallen == (true, true) {
            self.kill(Reason::Drawdown);
        }
    }

    /// The baseline that the equity of this moment makes.
    fn first_of_session(&self, equity: i128, rate: i64) -> Option<Baseline> {
        let equity = floor_div(equity * i128::from(rate), MICRO);
        (equity > 0).then(|| Baseline {
            session: self.session,
            equity: reported(equity),
        })
    }

    /// The fall of `equity` below the baseline with the flows, and the baseline, both in the same unit: the firm's currency,
    /// times a million where the rate is not one.
    fn fall(&self, equity: i128, baseline: Baseline, rate: i64) -> (i128, i128) {
        let expected = self.flows.counted() - equity;
        let start = i128::from(baseline.equity);
        if rate == MICRO {
            return (start + expected, start);
        }
        let start = start * i128::from(MICRO);
        (start + expected * i128::from(rate), start)
    }

    pub(crate) fn equity_exact(&self) -> Option<i128> {
        self.equity.known.then_some(self.equity.first)
    }

    /// The fall below the baseline in the firm's currency and the fall that fires the switch; `None` while not known.
    pub(crate) fn drawdown(&self) -> Option<(i128, i128)> {
        let drawdown = self.drawdown_of(self.equity_exact()?)?;
        Some((drawdown.fall, drawdown.limit))
    }

    /// The drawdown that an equity would be; `None` while the baseline or the firm's rate is not known.
    pub(crate) fn drawdown_of(&self, equity: i128) -> Option<Drawdown> {
        let (baseline, rate) = (self.baseline?, self.firm_rate?);
        let (fall, start) = self.fall(equity, baseline, rate);
        let unit = if rate == MICRO { 1 } else { i128::from(MICRO) };
        let limit = start * i128::from(self.limits.drawdown_bp());
        let basis_points = (fall * i128::from(BP)).div_euclid(start);
        Some(Drawdown {
            fall: fall.div_euclid(unit),
            limit: limit / i128::from(BP) / unit,
            basis_points: basis_points.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32,
            fires: fall * i128::from(BP) >= limit,
        })
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
            self.refresh();
        }
    }
}
