//! Money that enters or leaves the account from outside: announced and shown by a cash report, or found there unannounced.

use crate::engine::Engine;
use crate::limits::{BP, UNANNOUNCED_BP};
use crate::sizing::reported;
use crate::units::{MAX_MONEY, MICRO};

/// What is known of a session day's flows, millionths of the account's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flows {
    pub session: u32,
    /// Announced, and shown by a cash report.
    pub shown: i64,
    /// Announced, and not shown yet; 0 = nothing.
    pub announced: i64,
    /// Cash as it should be by the day's first report and what fills, fees and flows have moved since.
    pub expected: Option<i128>,
    /// By how much the last report exceeds that.
    pub unexplained: i128,
    /// Seen by two reports, and never announced.
    pub unannounced: i64,
}

impl Flows {
    /// Nothing has flowed yet in this session.
    pub(crate) fn of(session: u32) -> Self {
        Self {
            session,
            ..Self::default()
        }
    }

    /// Another session begins while the engine runs.
    pub(crate) fn start_day(&mut self) {
        (self.expected, self.announced) = (None, 0);
    }

    /// From now on this cash is what is expected.
    fn begin(&mut self, cash: i128) {
        (self.expected, self.unexplained, self.unannounced) = (Some(cash), 0, 0);
    }

    /// Is this difference what was announced, but for a fee that came in between.
    fn is_announced(&self, difference: i128, expected: i128) -> bool {
        let announced = i128::from(self.announced);
        let off = (difference - announced).abs();
        announced != 0 && off * i128::from(BP) <= announced.abs().max(expected.abs())
    }

    /// What counts in the drawdown.
    pub(crate) fn counted(&self) -> i128 {
        i128::from(self.shown) + i128::from(self.unannounced)
    }
}

impl Engine {
    /// A cash report against what was expected. `cash` is not the engine's yet.
    pub(crate) fn explain_cash(&mut self, cash: i128) {
        let flows = &mut self.flows;
        let Some(expected) = flows.expected else {
            flows.begin(cash);
            return;
        };
        let (before, mut unexplained) = (flows.unexplained, cash - expected);
        let Some(baseline) = self.baseline else {
            // What comes before the session's baseline is in it already.
            if flows.is_announced(unexplained, expected) {
                flows.announced = 0;
            }
            flows.begin(cash);
            return;
        };
        if flows.is_announced(unexplained, expected)
            || flows.is_announced(unexplained - before, expected)
        {
            let announced = i128::from(flows.announced);
            flows.shown = reported(i128::from(flows.shown) + announced);
            flows.expected = Some(expected + announced);
            flows.announced = 0;
            unexplained -= announced;
        }
        // Once it may be a fill that is still to be reported, and then it is gone again with the fill.
        let twice = unexplained.min(before).max(0);
        let rate = i128::from(self.firm_rate.unwrap_or(0));
        let matters = twice * rate * i128::from(BP)
            > i128::from(baseline.equity) * i128::from(UNANNOUNCED_BP) * i128::from(MICRO);
        flows.unannounced = if matters { reported(twice) } else { 0 };
        flows.unexplained = unexplained;
    }

    /// A flow into (positive) or out of the account that did not come from trading, in the account's currency. It counts once a
    /// cash report shows it. A later announcement takes the place of an earlier one that was not shown; 0 withdraws it.
    pub fn expect_flow(&mut self, amount: i64) {
        self.flows.announced = amount.clamp(-MAX_MONEY, MAX_MONEY);
    }

    /// An announced flow that no cash report has shown yet; 0 = none.
    #[must_use]
    pub const fn announced_flow(&self) -> i64 {
        self.flows.announced
    }

    /// Money that came and that nobody announced; it is in [`Engine::flows`].
    #[must_use]
    pub const fn unannounced_flow(&self) -> i64 {
        self.flows.unannounced
    }

    /// Flows that count in this session, in the account's currency, unannounced ones with them. To be persisted when it changes.
    #[must_use]
    pub fn flows(&self) -> i64 {
        reported(self.flows.counted())
    }

    /// Put back the flows of a session; they count only in it.
    pub fn restore_flows(&mut self, session: u32, amount: i64) {
        if self.session == 0 || self.session == session {
            (self.flows.session, self.flows.shown) = (session, amount.clamp(-MAX_MONEY, MAX_MONEY));
            self.flows.unannounced = 0;
            self.refresh();
        }
    }
}
