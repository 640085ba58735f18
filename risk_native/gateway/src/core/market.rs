//! Prices, the venue's session and the clock.

use chrono::{DateTime, NaiveDate};
use dnalyaw_engine::SessionState;

use super::Core;
use crate::log::wall_ns;
use crate::venue::{EntryKind, PriceEntry, SessionReport};
use crate::{log_error, log_info, log_warn};

/// The clock decisions are made by. Which one it is follows from the first thing the venue says about its session; a
/// venue that is real once is real for good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Clock {
    #[default]
    Unknown,
    Wall,
    Replayed(i64),
}

impl Clock {
    /// 0 until the venue has spoken: the wall clock may be years ahead of the one that will hold, and no clock goes back.
    pub fn now(self) -> i64 {
        match self {
            Clock::Unknown => 0,
            Clock::Wall => wall_ns(),
            Clock::Replayed(now) => now,
        }
    }

    /// The moment that messages to the venue carry.
    pub fn stamp(self) -> i64 {
        match self {
            Clock::Unknown => wall_ns(),
            known => known.now(),
        }
    }

    /// The moment to tell the engine when nothing else does.
    pub fn tick(self) -> Option<i64> {
        matches!(self, Clock::Wall).then(wall_ns)
    }

    /// A replayed moment; a replay only goes forward.
    fn advance(&mut self, ts_ns: i64) -> Option<i64> {
        match self {
            Clock::Replayed(now) if ts_ns > *now => {
                *now = ts_ns;
                Some(ts_ns)
            }
            _ => None,
        }
    }
}

/// What is known of one instrument's market; 0 = absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quote {
    bid: i64,
    ask: i64,
    last: i64,
    ts_ns: i64,
}

impl Core {
    pub(super) fn on_prices(&mut self, snapshot: bool, entries: &[PriceEntry]) {
        self.counters.prices_in += entries.len() as u64;
        let now = self.now();
        let mut touched: Vec<u64> = Vec::new();
        for entry in entries {
            let quote = self.quotes.entry(entry.instrument_id).or_default();
            if !touched.contains(&entry.instrument_id) {
                touched.push(entry.instrument_id);
                if snapshot {
                    *quote = Quote::default();
                }
            }
            match entry.kind {
                EntryKind::Bid => quote.bid = entry.price,
                EntryKind::Ask => quote.ask = entry.price,
                EntryKind::Last => quote.last = entry.price,
            }
            // A price without a time is as old as the message.
            let ts_ns = if entry.ts_ns > 0 { entry.ts_ns } else { now };
            quote.ts_ns = quote.ts_ns.max(ts_ns);
        }
        for id in touched {
            let Some(quote) = self.quotes.get(&id).copied() else {
                continue;
            };
            if let Some(now) = self.clock.advance(quote.ts_ns) {
                self.engine.on_clock(now);
            }
            if self
                .engine
                .on_price(id, quote.bid, quote.ask, quote.last, quote.ts_ns)
            {
                self.changed_prices.insert(id);
            } else {
                log_warn!("price_of_unknown_instrument", {"instrument_id": id});
            }
        }
    }

    pub(super) fn on_session(&mut self, report: &SessionReport) {
        let told = match (report.simulated, self.clock) {
            (Some((session, _)), _) if self.live => {
                self.session_unknown(
                    "simulated_clock",
                    session,
                    "the venue simulates its clock, and riskd serves live; no orders",
                );
                None
            }
            // The FIX session is with SIMVENUE and nobody else, so the text is all there is left to check.
            (Some((session, clock)), Clock::Unknown) => {
                log_info!("clock", {"source": "venue", "session": session, "clock_ns": clock});
                self.clock = Clock::Replayed(clock);
                self.engine.on_clock(clock);
                self.same_session(session, report.state)
            }
            (Some((session, clock)), Clock::Replayed(_)) => {
                if let Some(now) = self.clock.advance(clock) {
                    self.engine.on_clock(now);
                }
                self.same_session(session, report.state)
            }
            (None, Clock::Unknown) => {
                log_info!("clock", {"source": "wall"});
                self.clock = Clock::Wall;
                self.engine.on_clock(wall_ns());
                self.todays_session(report.state)
            }
            (None, Clock::Wall) => self.todays_session(report.state),
            (Some(_), Clock::Wall) | (None, Clock::Replayed(_)) => {
                self.session_unknown(
                    "clock_changed",
                    0,
                    "the venue changed between a simulated and a real clock; no orders until riskd is restarted",
                );
                None
            }
        };
        // A session day begins by the venue's word and not by a file's: the file of another day moves neither the baseline
        // nor what a drawdown has locked.
        let state = if let Some(state) = told {
            self.session_fault = false;
            self.confirmed = self.reference.session;
            state
        } else {
            SessionState::Unknown
        };
        self.engine.on_session(state, self.confirmed);
        if state == SessionState::Closed && self.orders.open_count() > 0 {
            // Nothing works in a closed session: the report of its end was lost, and no later one will tell.
            self.resync.want_orders();
            // The venue's cash may have had that fill before it was known here; then it was taken off twice.
            self.resync.want_cash();
        }
    }

    /// A venue that is on another day than the reference file trades nothing here.
    fn same_session(&mut self, session: u32, state: SessionState) -> Option<SessionState> {
        if session == self.reference.session {
            return Some(state);
        }
        self.session_unknown(
            "session_mismatch",
            session,
            "restart riskd with the reference file of the venue's session",
        );
        None
    }

    /// The session of a venue that names none is today's: the reference's day may be the one before or after in UTC.
    fn todays_session(&mut self, state: SessionState) -> Option<SessionState> {
        let now = wall_ns();
        if days_apart(self.reference.session, now).is_some_and(|days| days <= 1) {
            return Some(state);
        }
        self.session_unknown(
            "session_mismatch",
            date_of(now),
            "restart riskd with the reference file of today's session",
        );
        None
    }

    /// Told ten times a second, logged once.
    fn session_unknown(&mut self, event: &str, session: u32, why: &str) {
        if !std::mem::replace(&mut self.session_fault, true) {
            log_error!(event, {"venue": session, "reference": self.reference.session, "why": why});
        }
    }

    /// A moment the venue stamped on a report.
    pub(super) fn venue_moment(&mut self, ts_ns: i64) {
        if let Some(now) = self.clock.advance(ts_ns) {
            self.engine.on_clock(now);
        }
    }
}

/// `YYYYMMDD` of a moment in UTC.
fn date_of(ns: i64) -> u32 {
    let date = DateTime::from_timestamp_nanos(ns).date_naive();
    date.format("%Y%m%d").to_string().parse().unwrap_or(0)
}

/// Days between a session and a moment's date in UTC.
fn days_apart(session: u32, now_ns: i64) -> Option<u64> {
    let date = NaiveDate::parse_from_str(&session.to_string(), "%Y%m%d").ok()?;
    let today = DateTime::from_timestamp_nanos(now_ns).date_naive();
    Some((today - date).num_days().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::{Clock, date_of, days_apart};

    #[test]
    fn days_are_counted_over_the_ends_of_months() {
        // 2026-11-30 23:59:59 and a second later.
        let now = 1_796_083_199_000_000_000;
        assert_eq!(date_of(now), 20_261_130);
        assert_eq!(days_apart(20_261_130, now), Some(0));
        assert_eq!(days_apart(20_261_201, now), Some(1));
        assert_eq!(days_apart(20_261_129, now), Some(1));
        assert_eq!(days_apart(20_261_123, now), Some(7));
        assert_eq!(days_apart(20_261_201, now + 1_000_000_000), Some(0));
        assert_eq!(days_apart(20_261_331, now), None);
    }

    #[test]
    fn a_replayed_clock_never_goes_back() {
        let mut clock = Clock::Replayed(10);
        assert_eq!(clock.advance(9), None);
        assert_eq!(clock.advance(11), Some(11));
        assert_eq!(clock.now(), 11);
        assert_eq!(clock.tick(), None);
    }

    #[test]
    fn a_wall_clock_cannot_be_moved() {
        let mut clock = Clock::Wall;
        assert_eq!(clock.advance(i64::MAX), None);
        assert!(clock.now() < i64::MAX);
    }
}
