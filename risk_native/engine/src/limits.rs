//! The limits. Constants: no flag, file, environment variable or message changes them. A deployment may only tighten.

use sha2::{Digest, Sha256};

use crate::units::Money;

/// Worst case of all instruments of one issuer, of equity: 5%.
pub const INSTRUMENT_LIMIT_BP: u32 = 500;
/// Worst case of one sector, of equity: 25%. Instruments of unknown sector share one bucket.
pub const SECTOR_LIMIT_BP: u32 = 2_500;
/// Fall of equity below the session's baseline at which the kill switch fires: 5%.
pub const DRAWDOWN_LIMIT_BP: u32 = 500;
/// Equity at risk in one trade: 1%.
pub const TRADE_RISK_LIMIT_BP: u32 = 100;
/// How far a limit price may stand from the reference price, and where a market order is assumed to fill: 5%.
pub const COLLAR_BP: u32 = 500;
/// Margin on top of the notional that a buy reserves for fees: 0.5%.
pub const FEE_MARGIN_BP: u32 = 50;
/// How old, on the venue's clock, the price behind an opening order may be: 15 minutes.
pub const MAX_PRICE_AGE_NS: i64 = 15 * 60 * 1_000_000_000;
/// Basis points in one.
pub const BP: u32 = 10_000;

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
    /// Largest notional of one opening order; there is no constant for it.
    pub order_notional: Option<Money>,
}

/// Why a [`TighterSpec`] was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TighterError {
    /// The named value would loosen the constant.
    Looser {
        /// Which field.
        field: &'static str,
        /// What was asked for.
        asked: u32,
        /// The constant that it may not exceed.
        constant: u32,
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
            } => {
                write!(
                    f,
                    "{field} = {asked} bp is looser than the constant {constant} bp; give at most {constant}"
                )
            }
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
    order_notional: Option<Money>,
}

impl Default for TighterLimits {
    fn default() -> Self {
        Self::none()
    }
}

fn at_most(field: &'static str, asked: Option<u32>, constant: u32) -> Result<u32, TighterError> {
    match asked {
        None => Ok(constant),
        Some(value) if value > constant => Err(TighterError::Looser {
            field,
            asked: value,
            constant,
        }),
        Some(value) => Ok(value),
    }
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
            order_notional: None,
        }
    }

    /// Limits as tight as `spec` asks.
    ///
    /// # Errors
    /// When any value is looser than its constant, or has no meaning.
    pub fn new(spec: TighterSpec) -> Result<Self, TighterError> {
        let limits = Self {
            instrument_bp: at_most("instrument_bp", spec.instrument_bp, INSTRUMENT_LIMIT_BP)?,
            sector_bp: at_most("sector_bp", spec.sector_bp, SECTOR_LIMIT_BP)?,
            drawdown_bp: at_most("drawdown_bp", spec.drawdown_bp, DRAWDOWN_LIMIT_BP)?,
            trade_risk_bp: at_most("trade_risk_bp", spec.trade_risk_bp, TRADE_RISK_LIMIT_BP)?,
            order_notional: spec.order_notional,
        };
        // A drawdown limit of zero would fire on an unchanged account, every day, for ever.
        if limits.drawdown_bp == 0 {
            return Err(TighterError::NotPositive {
                field: "drawdown_bp",
            });
        }
        if limits
            .order_notional
            .is_some_and(|money| money.micro() <= 0)
        {
            return Err(TighterError::NotPositive {
                field: "order_notional",
            });
        }
        Ok(limits)
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

    /// Largest notional of one opening order.
    #[must_use]
    pub const fn order_notional(&self) -> Option<Money> {
        self.order_notional
    }

    /// The text whose SHA-256 names these limits: one `name=value` a line.
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let order_notional = self
            .order_notional
            .map_or_else(|| "none".to_owned(), |money| money.micro().to_string());
        format!(
            "dnalyaw-limits v1\ninstrument_bp={}\nsector_bp={}\ndrawdown_bp={}\ntrade_risk_bp={}\ncollar_bp={COLLAR_BP}\n\
             fee_margin_bp={FEE_MARGIN_BP}\nmax_price_age_ns={MAX_PRICE_AGE_NS}\norder_notional_micro={order_notional}\n",
            self.instrument_bp, self.sector_bp, self.drawdown_bp, self.trade_risk_bp
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
