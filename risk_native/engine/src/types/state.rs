//! States of the session, of trading, of the kill switch.

use crate::reason::Reason;

/// The venue's session state.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionState {
    /// Not told yet.
    Unknown = 0,
    /// Before the open.
    PreOpen = 1,
    /// Orders match.
    Open = 2,
    /// Lunch break or halt.
    Break = 3,
    /// After the close.
    Closed = 4,
}

/// What the engine takes at this moment. What closes passes in every one.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TradingState {
    /// Everything within the limits.
    Active = 1,
    /// Only what lowers worst-case exposure.
    ReduceOnly = 2,
    /// The same, until what halted it is mended.
    Halted = 3,
    /// The kill switch fired: the same, until a person arms it again.
    Killed = 4,
}

/// Why nothing may be opened until something is mended. Several may stand; the first in this order is named.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Halt {
    /// Orders, positions and cash were not yet reconciled with the venue.
    NotReconciled = 0,
    /// The venue works an order that nobody here knows.
    Unreconciled = 1,
    /// The running sums differ from a recomputation.
    Shadow = 2,
    /// The journal cannot be written.
    Journal = 3,
    /// By hand.
    Operator = 4,
}

impl Halt {
    /// All of them, in the order in which they are named.
    pub const ALL: [Halt; 5] = [
        Halt::NotReconciled,
        Halt::Unreconciled,
        Halt::Shadow,
        Halt::Journal,
        Halt::Operator,
    ];

    /// What an order that opens is told.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Halt::NotReconciled => Reason::NoAccount,
            Halt::Unreconciled => Reason::Unreconciled,
            Halt::Shadow => Reason::Shadow,
            Halt::Journal => Reason::JournalFailed,
            Halt::Operator => Reason::Halted,
        }
    }
}

/// Why only what closes is taken.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// The line to omsd is lost.
    LinkLost = 0,
    /// By hand.
    Operator = 1,
}

/// Equity against which the session's drawdown is measured. Persist it: it is set once a session day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// `YYYYMMDD`.
    pub session: u32,
    /// Millionths of the firm's currency, positive.
    pub equity: i64,
}

/// A fired kill switch. Persist it: it holds through restarts and sessions until it is armed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// `YYYYMMDD` of the session it fired in; 0 = not known yet, bound to the first one announced.
    pub session: u32,
    /// [`Reason::Drawdown`], [`Reason::Operator`] or [`Reason::LinkLost`].
    pub reason: Reason,
}

/// Why the switch was not armed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RearmError {
    /// It has not fired.
    NotKilled,
    /// It fired on the drawdown of this session day: not before the next one.
    SameSession,
}

impl core::fmt::Display for RearmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            RearmError::NotKilled => "the kill switch has not fired",
            RearmError::SameSession => {
                "the kill switch fired on this session's drawdown; arm it again on the next session day"
            }
        })
    }
}

impl std::error::Error for RearmError {}

/// The numbers of a STATE message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateReport {
    /// What is taken now.
    pub trading_state: TradingState,
    /// Why, when not active; when active, the limit that some issuer or sector is past.
    pub reason: Reason,
    /// Is there a venue session.
    pub venue_up: bool,
    /// The venue's session state.
    pub session_state: SessionState,
    /// `YYYYMMDD`, 0 = unknown.
    pub session: u32,
    /// 0 when not known.
    pub equity: i64,
    /// In the firm's currency; 0 when not set.
    pub baseline: i64,
    /// 0 when not known.
    pub cash: i64,
    /// Basis points below the baseline, rounded down; negative when above it.
    pub drawdown_bp: i32,
}
