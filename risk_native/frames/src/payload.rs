//! The payload of each kind. Prices and money in millionths, quantities in whole shares, times in nanoseconds (UTC).

use crate::fields::FixedText;
use crate::kinds::{DecisionKind, ExecType, Kind, Path, SessionState, TradingState};

/// omsd greets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// `YYYYMMDD`, 0 = any.
    pub session: u32,
    /// `US`, `HK`, ...
    pub region: FixedText<4>,
}

/// omsd asks for an order. Nothing is believed yet: side, type, time in force and flags are the bytes as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Strictly increasing in the life of a runtime directory.
    pub order_id: u64,
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Whole shares.
    pub quantity: i64,
    /// 0 for a market order.
    pub limit_price: i64,
    /// Price units, 0 = none.
    pub stop_distance: i64,
    /// Correlation id.
    pub correlation: [u8; 16],
    /// 1 buy, 2 sell.
    pub side: u8,
    /// 1 market, 2 limit.
    pub order_type: u8,
    /// 0 day, 3 IOC.
    pub time_in_force: u8,
    /// Bit 0: reduce only, bit 1: sell short.
    pub flags: u8,
    /// Where it stands among the linked legs that are decided as one; [`Legs::ALONE`] for an order of its own.
    pub legs: Legs,
    /// Which way to its market; a REPLACE keeps it.
    pub path: Path,
    /// Bit i: the order carries a target of the reference file's `strategies[i]`.
    pub strategies: u64,
}

/// Leg `leg` of `legs`. The legs of one order arrive one after another, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Legs {
    leg: u8,
    legs: u8,
}

impl Legs {
    /// Most legs that one order may have.
    pub const MAX: u8 = 16;

    /// An order of its own.
    pub const ALONE: Legs = Legs { leg: 0, legs: 0 };

    /// Both 0, or `1 <= leg <= legs` and `2 <= legs <= 16`; anything else is none.
    #[must_use]
    pub const fn new(leg: u8, legs: u8) -> Option<Self> {
        match (leg, legs) {
            (0, 0) => Some(Self::ALONE),
            (1.., 2..=Self::MAX) if leg <= legs => Some(Legs { leg, legs }),
            _ => None,
        }
    }

    /// Which of them, from 1; 0 for an order of its own.
    #[must_use]
    pub const fn leg(self) -> u8 {
        self.leg
    }

    /// How many there are; 0 for an order of its own.
    #[must_use]
    pub const fn legs(self) -> u8 {
        self.legs
    }

    /// True for an order of its own.
    #[must_use]
    pub const fn is_alone(self) -> bool {
        self.legs == 0
    }
}

/// omsd changes an order. Nothing is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replace {
    /// The modification's own id, from the same sequence as the orders'.
    pub order_id: u64,
    /// The order that is to change; it keeps this id.
    pub original_id: u64,
    /// New total quantity, what has filled included.
    pub quantity: i64,
    /// New limit price.
    pub limit_price: i64,
    /// New stop distance, price units, 0 = none.
    pub stop_distance: i64,
    /// Correlation id.
    pub correlation: [u8; 16],
}

/// omsd cancels an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// Which order.
    pub order_id: u64,
    /// Correlation id.
    pub correlation: [u8; 16],
}

/// omsd passes on the kill switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Correlation id.
    pub correlation: [u8; 16],
    /// Who and why.
    pub who: FixedText<64>,
}

/// omsd asks for everything needed to rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Comes back in SYNC_END.
    pub nonce: u64,
}

/// riskd greets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// `YYYYMMDD`, 0 = unknown.
    pub session: u32,
    /// What riskd takes.
    pub trading_state: TradingState,
    /// Is there a venue session.
    pub venue_up: bool,
    /// Last order id taken.
    pub last_order_id: u64,
    /// First 8 bytes of the SHA-256 of the limits.
    pub limits_hash: u64,
    /// First 8 bytes of the SHA-256 of the reference file.
    pub reference_hash: u64,
    /// `US`, `HK`, ...
    pub region: FixedText<8>,
}

/// riskd decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which order.
    pub order_id: u64,
    /// Its instrument.
    pub instrument_id: u64,
    /// As asked.
    pub requested_quantity: i64,
    /// What was sent to the venue; 0 when rejected.
    pub approved_quantity: i64,
    /// First 8 bytes of the SHA-256 of the limits.
    pub limits_hash: u64,
    /// Correlation id.
    pub correlation: [u8; 16],
    /// Which of the four.
    pub decision: DecisionKind,
    /// The path as asked.
    pub path: Path,
    /// Reason code.
    pub reason: u16,
    /// Reference price used.
    pub reference_price: i64,
    /// Equity used.
    pub equity: i64,
    /// Worst-case exposure of the instrument after.
    pub worst_case: i64,
    /// Binding limit's value.
    pub binding_limit: i64,
}

/// A report of the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Which order.
    pub order_id: u64,
    /// Its instrument.
    pub instrument_id: u64,
    /// Shares of this fill.
    pub last_quantity: i64,
    /// Price of this fill.
    pub last_price: i64,
    /// Filled so far.
    pub cumulative_quantity: i64,
    /// Still working.
    pub leaves_quantity: i64,
    /// Fees of this fill.
    pub fee: i64,
    /// First 8 bytes of the SHA-256 of the venue's ExecID.
    pub exec_id: u64,
    /// What happened.
    pub exec_type: ExecType,
    /// 1 buy, 2 sell.
    pub side: u8,
    /// Reason code.
    pub reason: u16,
    /// Sent again by a SYNC.
    pub replayed: bool,
    /// Bid at the report.
    pub bid: i64,
    /// Ask at the report.
    pub ask: i64,
}

/// riskd's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What riskd takes.
    pub trading_state: TradingState,
    /// Is there a venue session.
    pub venue_up: bool,
    /// The venue's session state.
    pub session_state: SessionState,
    /// `YYYYMMDD`, 0 = unknown.
    pub session: u32,
    /// Equity.
    pub equity: i64,
    /// The session's baseline.
    pub baseline: i64,
    /// Cash.
    pub cash: i64,
    /// Basis points below the baseline.
    pub drawdown_bp: i32,
    /// Reason code.
    pub reason: u16,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// Signed shares.
    pub quantity: i64,
    /// Mark price.
    pub mark: i64,
}

/// A price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceUpdate {
    /// Permanent instrument id.
    pub instrument_id: u64,
    /// 0 = absent.
    pub bid: i64,
    /// 0 = absent.
    pub ask: i64,
    /// Last trade or auction print, 0 = absent.
    pub last: i64,
    /// The venue's clock at the update.
    pub ts_ns: i64,
}

/// The end of a SYNC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncEnd {
    /// As asked.
    pub nonce: u64,
    /// How many orders were sent.
    pub orders: u32,
    /// How many positions were sent.
    pub positions: u32,
    /// How many prices were sent.
    pub prices: u32,
}

/// A frame that gets no decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which order, or 0.
    pub order_id: u64,
    /// Reason code.
    pub reason: u16,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Body {
    Hello(Hello),
    NewOrder(NewOrder),
    Cancel(Cancel),
    Kill(Kill),
    Sync(Sync),
    Replace(Replace),
    /// omsd is alive; it says nothing else.
    Heartbeat,
    Welcome(Welcome),
    Decision(Decision),
    Exec(Exec),
    State(State),
    Position(Position),
    Price(PriceUpdate),
    SyncEnd(SyncEnd),
    Refused(Refused),
}

impl Body {
    /// The kind byte that goes with it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Body::Hello(_) => Kind::Hello,
            Body::NewOrder(_) => Kind::NewOrder,
            Body::Cancel(_) => Kind::Cancel,
            Body::Kill(_) => Kind::Kill,
            Body::Sync(_) => Kind::Sync,
            Body::Replace(_) => Kind::Replace,
            Body::Heartbeat => Kind::Heartbeat,
            Body::Welcome(_) => Kind::Welcome,
            Body::Decision(_) => Kind::Decision,
            Body::Exec(_) => Kind::Exec,
            Body::State(_) => Kind::State,
            Body::Position(_) => Kind::Position,
            Body::Price(_) => Kind::Price,
            Body::SyncEnd(_) => Kind::SyncEnd,
            Body::Refused(_) => Kind::Refused,
        }
    }
}
