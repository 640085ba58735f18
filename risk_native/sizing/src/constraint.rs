//! What set a size.

use engine::Reason;

/// The constraint that set a size. Names are stable: reports and tests compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// Nothing: all that was asked for.
    None,
    /// Half-Kelly with estimation-error shrinkage.
    Kelly,
    /// The loss of one trade at its stop.
    RMultiple,
    /// What one position may add to the account's daily volatility.
    Volatility,
    /// The part of a day's volume that one trade may be.
    Liquidity,
    /// The days that it takes to get out again.
    DaysToExit,
    /// One of the engine's limits, by its reason.
    Engine(Reason),
}

impl Constraint {
    /// The stable name; an engine limit has its reason's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Kelly => "KELLY",
            Self::RMultiple => "R_MULTIPLE",
            Self::Volatility => "VOLATILITY",
            Self::Liquidity => "LIQUIDITY",
            Self::DaysToExit => "DAYS_TO_EXIT",
            Self::Engine(reason) => reason.name(),
        }
    }
}
