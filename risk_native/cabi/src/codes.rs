//! Numbers of the contract.

/// Changes with every change of a struct, a function or a meaning.
pub const ABI: u32 = 1;

/// What a call came to, where it is not done: below 0. Where it is done the answer is the sum of what is wanted.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// A pointer is null, or not aligned for what it points to.
    Pointer = -1,
    /// A code, a length or a text that has no meaning.
    Argument = -2,
    /// The code behind the boundary panicked, now or before: the desk takes nothing but to be destroyed.
    Panicked = -3,
    /// Another thread is in the desk.
    Busy = -4,
    /// What was told is refused, for the reason that the fault's text gives.
    Refused = -5,
    /// No order goes by this id. Where a report named it, the account is wanted.
    UnknownOrder = -6,
    /// A quantity, price or fee of the report cannot be. The account is wanted.
    BadReport = -7,
    /// Fewer than two or more than sixteen legs.
    Legs = -8,
    /// The kill switch has not fired.
    NotKilled = -9,
    /// It fired on the drawdown of this session.
    SameSession = -10,
    /// The running sums differ from a recomputation.
    Shadow = -11,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Pointer,
        Self::Argument,
        Self::Panicked,
        Self::Busy,
        Self::Refused,
        Self::UnknownOrder,
        Self::BadReport,
        Self::Legs,
        Self::NotKilled,
        Self::SameSession,
        Self::Shadow,
    ];
}

/// [`crate::layout::Action::kind`] of a cancel.
pub const ACTION_CANCEL: u8 = 1;
/// [`crate::layout::Action::kind`] of a closing order.
pub const ACTION_CLOSE: u8 = 2;

/// What [`crate::boundary::dnalyaw_risk_halt`] halts: everything.
pub const SCOPE_ALL: u8 = 0;
/// One instrument, by id.
pub const SCOPE_INSTRUMENT: u8 = 1;
/// A venue, by name.
pub const SCOPE_VENUE: u8 = 2;
/// A strategy, by name.
pub const SCOPE_STRATEGY: u8 = 3;
