//! The limits in force: the constants, or tighter ones that a deployment set.

use sha2::{Digest, Sha256};

use crate::limits::*;
use crate::units::Money;

/// What a deployment asks for; `None` keeps the constant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TighterSpec {
    /// At most [`INSTRUMENT_LIMIT_BP`].
    pub instrument_bp: Option<u32>,
    /// At most [`SECTOR_LIMIT_BP`].
    pub sector_bp: Option<u32>,
    /// At most [`DRAWDOWN_LIMIT_BP`], at least 1.
    pub drawdown_bp: Option<u32>,
    /// At most [`TRADE_RISK_LIMIT_BP`].
    pub trade_risk_bp: Option<u32>,
    /// At most [`GROSS_LIMIT_BP`].
    pub gross_bp: Option<u32>,
    /// At most [`NET_LIMIT_BP`].
    pub net_bp: Option<u32>,
    /// At most [`PARTICIPATION_LIMIT_BP`].
    pub participation_bp: Option<u32>,
    /// At most [`ORDER_QUANTITY_LIMIT`], at least 1.
    pub order_quantity: Option<i64>,
    /// At most [`ORDER_NOTIONAL_LIMIT`], positive.
    pub order_notional: Option<Money>,
    /// At most [`MESSAGE_RATE_LIMIT`], at least 1.
    pub message_rate: Option<u32>,
}

/// Why a [`TighterSpec`] was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TighterError {
    /// The named value would loosen the constant.
    Looser {
        /// Which field.
        field: &'static str,
        /// What was asked for.
        asked: i64,
        /// The constant that it may not exceed.
        constant: i64,
    },
    /// The named value is zero or negative where that has no meaning.
    NotPositive {
        /// Which field.
        field: &'static str,
    },
}

impl core::fmt::Display for TighterError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            TighterError::Looser {
                field,
                asked,
                constant,
            } => write!(
                f,
                "{field} = {asked} is looser than the constant {constant}; give at most {constant}"
            ),
            TighterError::NotPositive { field } => write!(f, "{field} must be positive"),
        }
    }
}

impl std::error::Error for TighterError {}

/// The limits in force: the constants, or tighter. Nothing looser can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TighterLimits {
    instrument_bp: u32,
    sector_bp: u32,
    drawdown_bp: u32,
    trade_risk_bp: u32,
    gross_bp: u32,
    net_bp: u32,
    participation_bp: u32,
    order_quantity: i64,
    order_notional: Money,
    message_rate: u32,
}

impl Default for TighterLimits {
    fn default() -> Self {
        Self::none()
    }
}

fn at_most<T: Copy + Into<i64>>(
    field: &'static str,
    asked: Option<T>,
    constant: T,
    least: i64,
) -> Result<T, TighterError> {
    let value = asked.unwrap_or(constant);
    if value.into() > constant.into() {
        return Err(TighterError::Looser {
            field,
            asked: value.into(),
            constant: constant.into(),
        });
    }
    if value.into() < least {
        return Err(TighterError::NotPositive { field });
    }
    Ok(value)
}

impl TighterLimits {
    /// The constants as they are.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            instrument_bp: INSTRUMENT_LIMIT_BP,
            sector_bp: SECTOR_LIMIT_BP,
            drawdown_bp: DRAWDOWN_LIMIT_BP,
            trade_risk_bp: TRADE_RISK_LIMIT_BP,
            gross_bp: GROSS_LIMIT_BP,
            net_bp: NET_LIMIT_BP,
            participation_bp: PARTICIPATION_LIMIT_BP,
            order_quantity: ORDER_QUANTITY_LIMIT,
            order_notional: Money::saturating(ORDER_NOTIONAL_LIMIT as i128),
            message_rate: MESSAGE_RATE_LIMIT,
        }
    }

    /// Limits as tight as `spec` asks.
    ///
    /// # Errors
    /// When any value is looser than its constant, or has no meaning: a drawdown limit of zero would fire on an unchanged
    /// account, every day, for ever.
    pub fn new(spec: TighterSpec) -> Result<Self, TighterError> {
        let notional = spec.order_notional.map(Money::micro);
        let notional = at_most("order_notional_micro", notional, ORDER_NOTIONAL_LIMIT, 1)?;
        Ok(Self {
            instrument_bp: at_most("instrument_bp", spec.instrument_bp, INSTRUMENT_LIMIT_BP, 0)?,
            sector_bp: at_most("sector_bp", spec.sector_bp, SECTOR_LIMIT_BP, 0)?,
            drawdown_bp: at_most("drawdown_bp", spec.drawdown_bp, DRAWDOWN_LIMIT_BP, 1)?,
            trade_risk_bp: at_most("trade_risk_bp", spec.trade_risk_bp, TRADE_RISK_LIMIT_BP, 0)?,
            gross_bp: at_most("gross_bp", spec.gross_bp, GROSS_LIMIT_BP, 0)?,
            net_bp: at_most("net_bp", spec.net_bp, NET_LIMIT_BP, 0)?,
            participation_bp: at_most(
                "participation_bp",
                spec.participation_bp,
                PARTICIPATION_LIMIT_BP,
                0,
            )?,
            order_quantity: at_most(
                "order_quantity",
                spec.order_quantity,
                ORDER_QUANTITY_LIMIT,
                1,
            )?,
            order_notional: Money::saturating(i128::from(notional)),
            message_rate: at_most("message_rate", spec.message_rate, MESSAGE_RATE_LIMIT, 1)?,
        })
    }

    /// Per issuer, basis points of equity.
    #[must_use]
    pub const fn instrument_bp(&self) -> u32 {
        self.instrument_bp
    }

    /// Per sector, basis points of equity.
    #[must_use]
    pub const fn sector_bp(&self) -> u32 {
        self.sector_bp
    }

    /// Daily drawdown, basis points of the baseline.
    #[must_use]
    pub const fn drawdown_bp(&self) -> u32 {
        self.drawdown_bp
    }

    /// At risk in one trade, basis points of equity.
    #[must_use]
    pub const fn trade_risk_bp(&self) -> u32 {
        self.trade_risk_bp
    }

    /// Gross exposure of the book, basis points of equity.
    #[must_use]
    pub const fn gross_bp(&self) -> u32 {
        self.gross_bp
    }

    /// Net exposure of the book, basis points of equity.
    #[must_use]
    pub const fn net_bp(&self) -> u32 {
        self.net_bp
    }

    /// Traded and working, basis points of average daily volume.
    #[must_use]
    pub const fn participation_bp(&self) -> u32 {
        self.participation_bp
    }

    /// Shares of one opening order.
    #[must_use]
    pub const fn order_quantity(&self) -> i64 {
        self.order_quantity
    }

    /// Notional of one opening order.
    #[must_use]
    pub const fn order_notional(&self) -> Money {
        self.order_notional
    }

    /// Accepted orders in a trailing second.
    #[must_use]
    pub const fn message_rate(&self) -> u32 {
        self.message_rate
    }

    /// The text whose SHA-256 names these limits: one `name=value` a line.
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let in_force = format!(
            "instrument_bp={}\nsector_bp={}\ndrawdown_bp={}\ntrade_risk_bp={}\ngross_bp={}\nnet_bp={}\nparticipation_bp={}\n\
             order_quantity={}\norder_notional_micro={}\nmessage_rate={}\n",
            self.instrument_bp,
            self.sector_bp,
            self.drawdown_bp,
            self.trade_risk_bp,
            self.gross_bp,
            self.net_bp,
            self.participation_bp,
            self.order_quantity,
            self.order_notional.micro(),
            self.message_rate
        );
        format!(
            "dnalyaw-limits v3\n{in_force}repeat={REPEAT_LIMIT}/{REPEAT_DEPTH}\nthrottle_ns={THROTTLE_NS}\ncollar_bp={COLLAR_BP}\n\
             wide_collar_bp={WIDE_COLLAR_BP}\nfee_margin_bp={FEE_MARGIN_BP}\nshort_margin_bp={SHORT_MARGIN_BP}\n\
             gap_sigmas={GAP_SIGMAS}\nmax_price_age_ns={MAX_PRICE_AGE_NS}\nmax_mark_age_ns={MAX_MARK_AGE_NS}\n\
             price_jump_bp={PRICE_JUMP_BP}\nmax_spread_bp={MAX_SPREAD_BP}\nmax_ahead_ns={MAX_AHEAD_NS}\n\
             unannounced_bp={UNANNOUNCED_BP}\nclose_slice_bp={CLOSE_SLICE_BP}\nclose_retry_ns={CLOSE_RETRY_NS}\n\
             max_working_orders={MAX_WORKING_ORDERS}\nended_orders_kept={ENDED_ORDERS_KEPT}\nmax_legs={MAX_LEGS}\n"
        )
    }

    /// SHA-256 of [`TighterLimits::canonical_text`].
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.canonical_text().as_bytes()).into()
    }
}

/// SHA-256 that names the constant limits (no deployment limits).
#[must_use]
pub fn limits_hash() -> [u8; 32] {
    TighterLimits::none().hash()
}

/// The first eight bytes of a hash as the number that goes on the wire (its little-endian bytes are the hash's first eight).
#[must_use]
pub fn hash_prefix(hash: &[u8; 32]) -> u64 {
    let mut first = [0_u8; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(first)
}
