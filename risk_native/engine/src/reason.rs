//! Why a decision came out as it did: stable codes, one line each, and what each check does to an opening and to a
//! reducing order. `docs/reasons.md` is generated from this table.

macro_rules! reasons {
    ($($variant:ident = $code:literal, $name:literal, $line:literal, $opening:literal, $reducing:literal;)*) => {
        /// A reason code. The numbers are part of the wire contract and never change meaning.
        #[repr(u16)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $(#[doc = $line] $variant = $code,)* }

        impl Reason {
            /// Every reason, in the order of its code.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The name used in logs, tables and contracts, such as `INSTRUMENT_LIMIT`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Reason::$variant => $name,)* } }

            /// One line that says what the reason means.
            #[must_use]
            pub const fn explanation(self) -> &'static str { match self { $(Reason::$variant => $line,)* } }

            /// What the check does to an order that opens or adds.
            #[must_use]
            pub const fn on_opening(self) -> &'static str { match self { $(Reason::$variant => $opening,)* } }

            /// What the check does to an order that only lowers the worst case.
            #[must_use]
            pub const fn on_reducing(self) -> &'static str { match self { $(Reason::$variant => $reducing,)* } }

            /// The reason with this code, or `None`.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Reason> { match code { $($code => Some(Reason::$variant),)* _ => None } }
        }
    };
}

reasons! {
    None = 0, "NONE", "Nothing bound: the order passed every check as it was.", "approve", "approve";
    InstrumentLimit = 1, "INSTRUMENT_LIMIT", "The worst case of all instruments of one issuer would exceed 5% of equity. An issuer that prices alone have carried past it takes no opening order; others do.", "reduce, reject at zero lots", "pass";
    SectorLimit = 2, "SECTOR_LIMIT", "The worst case of one sector (unknown sectors are one bucket) would exceed 25% of equity. A sector that prices alone have carried past it takes no opening order; others do.", "reduce, reject at zero lots", "pass";
    Drawdown = 3, "DRAWDOWN", "Equity fell 5% or more below the session's baseline: everything is cancelled and closed, then reduce-only until the next session.", "flatten (later orders: KILLED)", "pass";
    TradeRisk = 4, "TRADE_RISK", "The worst-case quantity times the larger of the stop distance and the daily volatility floor (without a stop: the whole notional) would exceed 1% of equity.", "reduce, reject at zero lots", "pass";
    UnknownInstrument = 10, "UNKNOWN_INSTRUMENT", "The instrument is not in the reference file.", "reject", "reject";
    NotTradable = 11, "NOT_TRADABLE", "The reference file marks the instrument as not tradable.", "reject", "pass";
    NoPrice = 12, "NO_PRICE", "There is no usable price for the instrument.", "reject", "pass";
    StalePrice = 13, "STALE_PRICE", "The last price is more than 15 minutes away from the venue's clock.", "reject", "pass";
    NoAccount = 14, "NO_ACCOUNT", "Positions, cash, the mark of a held position or the session's baseline is not known yet.", "reject", "pass once positions are known, else reject";
    VenueDown = 15, "VENUE_DOWN", "There is no session with the venue; nothing is queued for later.", "reject", "reject";
    SessionClosed = 16, "SESSION_CLOSED", "The trading session is not open (unknown, pre-open or closed).", "reject", "reject";
    Halted = 17, "HALTED", "The session is in a break, or trading is halted and takes nothing but cancels.", "reject", "pass in a break, reject when halted";
    ReduceOnly = 18, "REDUCE_ONLY", "Only what lowers worst-case exposure is taken, by state or by the order's own flag.", "reject", "pass, capped at what it can close";
    Killed = 19, "KILLED", "The kill switch fired: reduce-only until the next session day.", "reject", "pass";
    BadQuantity = 20, "BAD_QUANTITY", "The quantity is zero, negative or above the largest representable order.", "reject", "reject";
    BadLot = 21, "BAD_LOT", "The quantity is not a multiple of the lot (closing exactly what is held is always whole).", "reject", "reject";
    BadTick = 22, "BAD_TICK", "The limit price is not a multiple of the tick.", "reject", "reject";
    Collar = 23, "COLLAR", "The limit price is more than 5% away from the reference price.", "reject", "pass";
    BuyingPower = 24, "BUYING_POWER", "The venue's cash, net of reserved buys and a margin for fees, does not pay for it.", "reduce, reject at zero lots", "pass";
    ShortSale = 25, "SHORT_SALE", "The order would open or add to a short, or buy past flat from one; this is a long-only cash account.", "reject", "pass, capped at what it can close";
    DuplicateId = 26, "DUPLICATE_ID", "The order id is at or below the last one taken.", "reject", "reject";
    BadSide = 27, "BAD_SIDE", "The side is neither buy nor sell.", "reject", "reject";
    Malformed = 28, "MALFORMED", "A field contradicts another or has no meaning (type, time in force, flags, prices, a reserved order id).", "reject", "reject";
    ReferenceMissing = 29, "REFERENCE_MISSING", "The account holds an instrument that the reference file does not have, so no limit can be computed.", "reject", "pass";
    JournalFailed = 30, "JOURNAL_FAILED", "The decision could not be journaled, so nothing may leave.", "reject", "reject";
    TighterLimit = 31, "TIGHTER_LIMIT", "A limit that this deployment set tighter than the constant one binds.", "reduce, reject at zero lots", "pass";
    VenueReject = 40, "VENUE_REJECT", "The venue rejected the order.", "release the reserve", "release the reserve";
    VenueNeverSaw = 41, "VENUE_NEVER_SAW", "The venue says after a reconnect that it never saw the order.", "release the reserve", "release the reserve";
    Cancelled = 42, "CANCELLED", "The order was cancelled; what had filled stays.", "release the reserve", "release the reserve";
    Expired = 43, "EXPIRED", "The order expired; what had filled stays.", "release the reserve", "release the reserve";
    UnknownOrder = 44, "UNKNOWN_ORDER", "No working order has this id.", "refuse the cancel", "refuse the cancel";
    Operator = 45, "OPERATOR", "An operator used the kill switch.", "flatten (later orders: KILLED)", "pass";
}

impl Reason {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}
