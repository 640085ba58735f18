//! The enumerations on the wire.

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[repr(u8)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant = $value,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// From the wire's byte.
            #[must_use]
            pub const fn from_u8(value: u8) -> Option<Self> {
                match value { $($value => Some($name::$variant),)* _ => None }
            }
        }
    };
}

wire_enum! {
    /// What a frame is.
    Kind {
        /// omsd greets.
        Hello = 1,
        /// omsd asks for an order.
        NewOrder = 2,
        /// omsd cancels an order.
        Cancel = 3,
        /// omsd passes on the kill switch.
        Kill = 4,
        /// omsd asks for everything needed to rebuild.
        Sync = 5,
        /// omsd changes an order.
        Replace = 6,
        /// omsd is alive.
        Heartbeat = 7,
        /// riskd greets.
        Welcome = 64,
        /// riskd decided.
        Decision = 65,
        /// A report of the venue.
        Exec = 66,
        /// riskd's state.
        State = 67,
        /// A position.
        Position = 68,
        /// A price.
        Price = 69,
        /// The end of a SYNC.
        SyncEnd = 70,
        /// A frame that gets no decision.
        Refused = 71,
    }
}

impl Kind {
    /// True for what omsd sends.
    #[must_use]
    pub const fn from_oms(self) -> bool {
        (self as u8) < 64
    }
}

wire_enum! {
    /// The four decisions.
    DecisionKind {
        /// As asked.
        Approve = 1,
        /// Less than asked.
        Reduce = 2,
        /// Nothing.
        Reject = 3,
        /// A closing order of the kill switch.
        Flatten = 4,
    }
}

wire_enum! {
    /// Which way an order takes to its market: two are there to compare how they fill.
    Path {
        /// The market's own choice; the venue is told none.
        Default = 0,
        /// The first path.
        First = 1,
        /// The second path.
        Second = 2,
    }
}

wire_enum! {
    /// What a report of the venue says.
    ExecType {
        /// Acknowledged.
        New = 0,
        /// Part of it filled.
        Partial = 1,
        /// All of it filled.
        Fill = 2,
        /// Cancelled.
        Cancelled = 4,
        /// Replaced by a modification.
        Replaced = 5,
        /// Rejected.
        Rejected = 8,
        /// Fate unknown.
        Unknown = 9,
        /// Expired.
        Expired = 12,
        /// The venue corrected what it had reported, also downwards.
        Corrected = 13,
    }
}

wire_enum! {
    /// What riskd takes.
    TradingState {
        /// Everything within the limits.
        Active = 1,
        /// Only what reduces.
        ReduceOnly = 2,
        /// Nothing but cancels.
        Halted = 3,
        /// The kill switch fired.
        Killed = 4,
    }
}

wire_enum! {
    /// The venue's session state.
    SessionState {
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
}
