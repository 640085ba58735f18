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
    Drawdown = 3, "DRAWDOWN", "Equity fell 5% or more below the session's baseline: by one of two independent marks nothing is opened, by both the kill switch fires.", "reject; by both marks flatten (later orders: KILLED)", "pass";
    TradeRisk = 4, "TRADE_RISK", "The worst-case quantity times the largest of stop distance, daily volatility and stressed overnight gap (without a stop: the whole notional) would exceed 1% of equity.", "reduce, reject at zero lots", "pass";
    UnknownInstrument = 10, "UNKNOWN_INSTRUMENT", "The instrument is not in the reference file.", "reject", "reject";
    NotTradable = 11, "NOT_TRADABLE", "The reference file marks the instrument as not tradable.", "reject", "pass";
    NoPrice = 12, "NO_PRICE", "There is no market price of this session for the instrument.", "reject", "pass";
    StalePrice = 13, "STALE_PRICE", "The last price is more than 15 minutes away from the venue's clock.", "reject", "pass";
    NoAccount = 14, "NO_ACCOUNT", "Positions, cash, the mark of a held position, the session's baseline or the firm's rate is not known, or the account is not yet reconciled.", "reject", "pass once positions are known, else reject";
    VenueDown = 15, "VENUE_DOWN", "There is no session with the venue; nothing is queued for later.", "reject", "reject";
    SessionClosed = 16, "SESSION_CLOSED", "The trading session is not open (unknown, pre-open or closed).", "reject", "reject";
    Halted = 17, "HALTED", "The session is in a break, or an operator halted trading.", "reject", "pass";
    ReduceOnly = 18, "REDUCE_ONLY", "Only what lowers worst-case exposure is taken, by the operator's state or by the order's own flag.", "reject", "pass, capped at what it can close";
    Killed = 19, "KILLED", "The kill switch fired and no person has armed it again.", "reject", "pass";
    BadQuantity = 20, "BAD_QUANTITY", "The quantity is zero, negative, above the largest representable order, or of a modification not above what has filled.", "reject", "reject";
    BadLot = 21, "BAD_LOT", "The quantity is not a multiple of the lot (closing exactly what is held is always whole).", "reject", "reject";
    BadTick = 22, "BAD_TICK", "The limit price is not on the instrument's price steps.", "reject", "reject";
    Collar = 23, "COLLAR", "The limit price is more than 5% (closing: 20%) away from the reference price, or the touch of a market order is.", "reject", "reject beyond 20%; a market order passes";
    BuyingPower = 24, "BUYING_POWER", "The venue's cash, net of reserved buys, what shorts pledge and a margin for fees, does not pay for it.", "reduce, reject at zero lots", "pass";
    ShortSale = 25, "SHORT_SALE", "A sell would open or add to a short without being marked as a short sale, or an order would trade past flat.", "reject", "pass, capped at what it can close";
    DuplicateId = 26, "DUPLICATE_ID", "The order id is at or below the last one taken.", "reject", "reject";
    BadSide = 27, "BAD_SIDE", "The side is neither buy nor sell.", "reject", "reject";
    Malformed = 28, "MALFORMED", "A field contradicts another or has no meaning (type, time in force, flags, prices, stop, a reserved order id).", "reject", "reject";
    ReferenceMissing = 29, "REFERENCE_MISSING", "The account holds an instrument that the reference file does not have, so no limit can be computed.", "reject", "pass";
    JournalFailed = 30, "JOURNAL_FAILED", "The journal cannot be written, so nothing new is taken.", "reject", "pass in the engine; riskd rejects what it cannot journal";
    TighterLimit = 31, "TIGHTER_LIMIT", "A limit that this deployment set tighter than the constant one binds.", "reduce, reject at zero lots", "pass";
    Restricted = 32, "RESTRICTED", "The reference file restricts the instrument: compliance lets it be closed, not opened.", "reject", "pass";
    InstrumentHalted = 33, "INSTRUMENT_HALTED", "The instrument is halted on its own.", "reject", "pass";
    StrategyHalted = 34, "STRATEGY_HALTED", "A strategy that has a part in the order is halted; an order that names none may be anyone's.", "reject", "pass";
    VenueHalted = 35, "VENUE_HALTED", "The venue that the instrument trades on is halted.", "reject", "pass";
    MaxQuantity = 36, "MAX_QUANTITY", "The order has more than 10,000,000 shares.", "reduce, reject at zero lots", "pass";
    MaxNotional = 37, "MAX_NOTIONAL", "The order's notional at its reserve price exceeds 500,000,000 units.", "reduce, reject at zero lots", "pass";
    GrossLimit = 38, "GROSS_LIMIT", "The book's worst-case gross exposure would exceed twice equity, or prices alone have carried it past that.", "reduce, reject at zero lots", "pass";
    NetLimit = 39, "NET_LIMIT", "The book's worst-case net exposure in the order's direction would exceed equity, or prices alone have carried it past that.", "reduce, reject at zero lots", "pass";
    VenueReject = 40, "VENUE_REJECT", "The venue rejected the order.", "release the reserve", "release the reserve";
    VenueNeverSaw = 41, "VENUE_NEVER_SAW", "The venue says after a reconnect that it never saw the order.", "release the reserve", "release the reserve";
    Cancelled = 42, "CANCELLED", "The order was cancelled; what had filled stays.", "release the reserve", "release the reserve";
    Expired = 43, "EXPIRED", "The order expired; what had filled stays.", "release the reserve", "release the reserve";
    UnknownOrder = 44, "UNKNOWN_ORDER", "No working order has this id, or it is being cancelled or modified already.", "refuse the cancel or modification", "refuse the cancel or modification";
    Operator = 45, "OPERATOR", "An operator used the kill switch.", "flatten (later orders: KILLED)", "pass";
    Participation = 46, "PARTICIPATION", "Traded today and working would exceed 10% of average daily volume, or that volume is unknown.", "reduce, reject at zero lots", "pass";
    RateThrottle = 47, "RATE_THROTTLE", "20,000 orders were accepted within the last second.", "reject", "pass (and counts)";
    RepeatedOrder = 48, "REPEATED_ORDER", "Three equal orders in the instrument were accepted within the last second.", "reject", "pass";
    NoLocate = 49, "NO_LOCATE", "The short would exceed the shares located for today.", "reduce, reject at zero lots", "pass";
    ShortMarking = 50, "SHORT_MARKING", "A short-sale mark on a buy, on a reduce-only order, or while long.", "reject", "reject";
    SelfMatch = 51, "SELF_MATCH", "An order of our own works on the other side at a price that this one could trade with.", "reject", "pass";
    LinkedLeg = 52, "LINKED_LEG", "Another leg of the linked order was rejected.", "reject", "reject";
    Shadow = 53, "SHADOW", "The running sums differed from a recomputation; trading is halted until a person lifts it.", "reject", "pass";
    Unreconciled = 54, "UNRECONCILED", "The venue works an order that nobody here knows and nobody has claimed.", "reject", "pass";
    LinkLost = 55, "LINK_LOST", "The line to the order manager is lost.", "reject", "pass";
    TooManyOrders = 56, "TOO_MANY_ORDERS", "The order table is full.", "reject", "reject";
    Stopped = 57, "STOPPED", "The stop that is held for this direction was reached: nothing is added, and once both marks agree the position is closed.", "reject; by both marks close the position", "pass";
    StaleMark = 58, "STALE_MARK", "The mark of a held position is more than 30 minutes old, so equity cannot be believed.", "reject", "pass";
    Replaced = 59, "REPLACED", "The order was modified; it goes on under the modification's id.", "move the reserve", "move the reserve";
}

impl Reason {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}
