//! Half-Kelly of a strategy, shrunk by how little its record proves.

use crate::error::{SizingError, checked};

/// How evidence becomes gross exposure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KellyConfig {
    /// Of the Kelly optimum, in (0, 1]; a half keeps three quarters of the growth at half the volatility.
    pub fraction: f64,
    /// Below so many out-of-sample returns nothing is proved and the floor holds; at least 20.
    pub min_sessions: usize,
    /// Gross multiplier without evidence: what a paper strategy needs to earn a record; 0 for live capital.
    pub floor: f64,
    /// Largest multiplier, at most 1: strategies are not leveraged.
    pub cap: f64,
}

impl Default for KellyConfig {
    fn default() -> Self {
        Self {
            fraction: 0.5,
            min_sessions: 126,
            floor: 0.25,
            cap: 1.0,
        }
    }
}

impl KellyConfig {
    fn check(&self) -> Result<(), SizingError> {
        let unit = "a number in (0, 1]";
        checked(
            "fraction",
            self.fraction,
            self.fraction > 0.0 && self.fraction <= 1.0,
            unit,
        )?;
        checked(
            "cap",
            self.cap,
            (0.0..=1.0).contains(&self.cap),
            "a number in [0, 1]",
        )?;
        checked(
            "floor",
            self.floor,
            (0.0..=self.cap).contains(&self.floor),
            "a number from 0 to the cap",
        )?;
        let sessions = self.min_sessions as f64;
        checked(
            "min_sessions",
            sessions,
            self.min_sessions >= 20,
            "at least 20",
        )?;
        Ok(())
    }
}

/// What decided a [`Kelly`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KellyBasis {
    /// The record.
    Evidence,
    /// The record proves less than the floor.
    Floor,
    /// The record proves more than the cap.
    Cap,
    /// Too few returns, or returns that do not move.
    ShortRecord,
}

impl KellyBasis {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Floor => "floor",
            Self::Cap => "cap",
            Self::ShortRecord => "short record",
        }
    }
}

/// Half-Kelly of a strategy and how it came about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kelly {
    /// Multiplier of the strategy's weights, from floor to cap.
    pub gross: f64,
    /// Unshrunk optimum, mean over variance.
    pub full: f64,
    /// What was kept of it, in [0, 1].
    pub shrinkage: f64,
    /// Of the mean return.
    pub t_statistic: f64,
    /// How many returns.
    pub sessions: usize,
    /// What decided.
    pub basis: KellyBasis,
}

/// Below this a series of returns does not move.
const NO_DEVIATION: f64 = 1e-12;

/// Gross multiplier from net simple returns a session, out of sample, of the strategy at its own weights.
///
/// The growth-optimal multiple of a bet with mean `m` and variance `v` is `m / v` (Kelly 1956; in continuous form Thorp
/// 2006, section 7). It is optimal for a mean that is known. An estimated one is shrunk by `1 - 1/t²`, and to nothing below
/// `t = 1` or for a negative mean: the positive-part James-Stein factor of one estimate whose standard error is `1/t` of it,
/// so that a mean that cannot be told from zero is bet on as zero. Of what is left `fraction` is taken (half-Kelly).
///
/// # References
/// J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35 (1956).
/// E. O. Thorp, "The Kelly Criterion in Blackjack, Sports Betting and the Stock Market", Handbook of Asset and Liability
/// Management 1 (2006).
/// W. James, C. Stein, "Estimation with Quadratic Loss", Fourth Berkeley Symposium 1 (1961).
///
/// # Errors
/// A return that is not finite or not above -1, or a configuration without meaning.
pub fn half_kelly(returns: &[f64], config: &KellyConfig) -> Result<Kelly, SizingError> {
    config.check()?;
    if let Some((index, value)) = returns
        .iter()
        .copied()
        .enumerate()
        .find(|(_, value)| !(value.is_finite() && *value > -1.0))
    {
        return Err(SizingError::Return { index, value });
    }
    let sessions = returns.len();
    let count = sessions as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    // Also where there are too few returns for a deviation: what is not a number is not above.
    if sessions < config.min_sessions || deviation.is_nan() || deviation <= NO_DEVIATION {
        return Ok(Kelly {
            gross: config.floor,
            full: 0.0,
            shrinkage: 0.0,
            t_statistic: 0.0,
            sessions,
            basis: KellyBasis::ShortRecord,
        });
    }
    let t = mean / (deviation / count.sqrt());
    let full = mean / (deviation * deviation);
    let shrinkage = if t > 0.0 {
        (1.0 - 1.0 / (t * t)).max(0.0)
    } else {
        0.0
    };
    let wanted = config.fraction * shrinkage * full;
    let (gross, basis) = if wanted > config.cap {
        (config.cap, KellyBasis::Cap)
    } else if wanted < config.floor {
        (config.floor, KellyBasis::Floor)
    } else {
        (wanted, KellyBasis::Evidence)
    };
    Ok(Kelly {
        gross,
        full,
        shrinkage,
        t_statistic: t,
        sessions,
        basis,
    })
}
