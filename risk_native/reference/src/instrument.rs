//! One instrument of the reference file.

use dnalyaw_engine::InstrumentReference;
use serde::Deserialize;

/// One instrument as the reference file states it. Prices in millionths.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    pub instrument_id: i64,
    pub issuer_id: i64,
    pub label: String,
    pub symbol: String,
    /// Unknown sectors share one bucket.
    pub sector: Option<String>,
    pub lot: i64,
    pub tick_micro: i64,
    pub currency: String,
    pub tradable: bool,
    /// Daily volatility in basis points.
    pub volatility_bp: i64,
    /// Average daily volume, shares; 0 = unknown.
    pub adv: i64,
    /// What can be halted as one; where the file names none, the label's part after its last dot.
    #[serde(default)]
    pub venue: String,
    /// Nothing may open in it.
    #[serde(default)]
    pub restricted: bool,
    /// Stressed overnight gap in basis points; 0 = unknown.
    #[serde(default)]
    pub gap_bp: i64,
    /// Shares that may be short today.
    #[serde(default)]
    pub locate: i64,
    /// Last close on this session's share basis, millionths; 0 = unknown.
    #[serde(default)]
    pub close_micro: i64,
    /// This session's split, new shares for old: prices from before are rebased by it.
    #[serde(default = "one")]
    pub split_num: i64,
    #[serde(default = "one")]
    pub split_den: i64,
}

impl From<&Instrument> for InstrumentReference {
    fn from(one: &Instrument) -> Self {
        Self {
            // The reference's checks leave positive numbers only.
            instrument_id: one.instrument_id.unsigned_abs(),
            issuer_id: one.issuer_id.unsigned_abs(),
            sector: one.sector.clone(),
            venue: one.venue.clone(),
            lot: one.lot,
            tick_micro: one.tick_micro,
            tradable: one.tradable,
            restricted: one.restricted,
            volatility_bp: u32::try_from(one.volatility_bp).unwrap_or(u32::MAX),
            gap_bp: u32::try_from(one.gap_bp).unwrap_or(u32::MAX),
            adv: one.adv,
            locate: one.locate,
            close_micro: one.close_micro,
        }
    }
}

const fn one() -> i64 {
    1
}

impl Instrument {
    /// A price of an earlier session in this session's shares, rounded up or down. Nothing when it is no price any more.
    pub fn rebased(&self, price: i64, up: bool) -> Option<i64> {
        let (num, den) = (i128::from(self.split_num), i128::from(self.split_den));
        let product = i128::from(price) * den;
        let rounded = if up {
            (product + num - 1) / num
        } else {
            product / num
        };
        i64::try_from(rounded).ok().filter(|price| *price > 0)
    }

    /// What no instrument may be.
    pub(super) fn check(&self, currency: &str) -> Result<(), String> {
        if self.instrument_id <= 0 {
            return Err(format!(
                "instrument_id {} is not positive",
                self.instrument_id
            ));
        }
        if self.issuer_id <= 0 {
            return Err(format!("issuer_id {} is not positive", self.issuer_id));
        }
        if self.symbol.is_empty() || !self.symbol.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("symbol '{}' is not printable ASCII", self.symbol));
        }
        if self.currency != currency {
            return Err(format!(
                "currency {} is not the region's {currency}",
                self.currency
            ));
        }
        if self.venue.is_empty() || !self.venue.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!(
                "venue '{}' is not printable ASCII; name it, or write the label as TICKER.VENUE",
                self.venue
            ));
        }
        // So that a rebased price stays inside 128 bits with room, whatever it is.
        const LARGEST_SPLIT: i64 = 1_000_000;
        if self.split_num > LARGEST_SPLIT || self.split_den > LARGEST_SPLIT {
            return Err(format!(
                "split {}:{} has a part above {LARGEST_SPLIT}",
                self.split_num, self.split_den
            ));
        }
        for (name, value, least) in [
            ("gap_bp", self.gap_bp, 0),
            ("locate", self.locate, 0),
            ("close_micro", self.close_micro, 0),
            ("split_num", self.split_num, 1),
            ("split_den", self.split_den, 1),
            ("lot", self.lot, 1),
            ("tick_micro", self.tick_micro, 0),
            ("volatility_bp", self.volatility_bp, 0),
            ("adv", self.adv, 0),
        ] {
            if value < least {
                return Err(format!("{name} {value} is below {least}"));
            }
        }
        Ok(())
    }
}
