//! One position: the smallest of what every constraint allows, and which one that was.

use engine::{Side, TighterLimits};

use crate::constraint::Constraint;
use crate::engine_limits::engine_cap;
use crate::error::{SizingError, checked};
use crate::lots::whole_lots;

/// Basis points in one.
const BP: f64 = 10_000.0;

/// What a position may be beside the engine's limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Equity that one trade may lose at its stop, in (0, 0.01].
    pub risk_fraction: f64,
    /// What one position alone may add to the account's daily volatility, of equity, in (0, 1].
    pub volatility_budget: f64,
    /// Part of an average day's volume that may be traded in a day, in (0, 1].
    pub participation: f64,
    /// Days in which the position must be out again at that participation, above 0.
    pub days_to_exit: f64,
}

impl Policy {
    /// 1% at the stop, 25 basis points of daily volatility (a position at the 5% limit may move 5% a day), a tenth of a day's
    /// volume, and out in five days.
    pub const STANDARD: Self = Self {
        risk_fraction: 0.01,
        volatility_budget: 0.0025,
        participation: 0.10,
        days_to_exit: 5.0,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// The position that is wanted and what is known of its market. Amounts in currency, quantities in shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// A buy opens a long, a sell a short.
    pub side: Side,
    /// Equity of the account.
    pub equity: f64,
    /// The part of it that the strategy may use.
    pub capital: f64,
    /// Weight that the strategy asks for, of its capital, in [0, 1].
    pub weight: f64,
    /// The strategy's half-Kelly multiplier, in [0, 1]; see [`crate::half_kelly`].
    pub kelly: f64,
    /// Last price.
    pub price: f64,
    /// Distance from entry to stop; 0 = none, then the whole price is at risk.
    pub stop_distance: f64,
    /// Daily volatility, basis points; 0 = unknown, then the whole price is at risk and nothing fits a volatility budget.
    pub volatility_bp: u32,
    /// Stressed overnight gap, basis points; 0 = the engine's own multiple of the volatility.
    pub gap_bp: u32,
    /// Shares a lot.
    pub lot: i64,
    /// Average daily volume; 0 = unknown, then nothing fits.
    pub adv: i64,
    /// Shares held or working on this side beside the position that is sized.
    pub held: i64,
    /// Shares of it traded today and working, both sides.
    pub traded: i64,
    /// Shares that may be short; of no meaning to a long.
    pub locate: i64,
    /// Worst case of the issuer without this position.
    pub issuer_exposure: f64,
    /// Worst case of the sector without this position.
    pub sector_exposure: f64,
    /// Worst-case gross exposure of the book without this position.
    pub gross_exposure: f64,
    /// Worst-case net exposure of the book in this direction without this position; may be negative.
    pub net_exposure: f64,
    /// Cash that pays for it; `None` = cash does not bind.
    pub cash: Option<f64>,
}

/// How many caps beside what is asked for.
pub const CAPS: usize = 5;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizing {
    /// Weight of the strategy's capital, not above what was asked; not rounded to lots where no cap bound.
    pub weight: f64,
    /// The same in whole lots.
    pub quantity: i64,
    /// What set it.
    pub constraint: Constraint,
    /// What half-Kelly left of the weight that was asked for.
    pub kelly_weight: f64,
    /// The largest whole-lot quantity inside every cap, whatever was asked for.
    pub most: i64,
    /// What the position loses at its stop, of the account's equity.
    pub risk_fraction: f64,
    /// Every cap in whole lots. The engine's first, because where two are equal the first is named.
    pub caps: [(Constraint, i64); CAPS],
}

fn check(position: &Position, policy: &Policy) -> Result<(), SizingError> {
    let positive = "a finite amount above 0";
    let not_negative = "a finite amount of at least 0";
    let unit = "a number in [0, 1]";
    let p = position;
    checked("equity", p.equity, p.equity > 0.0, positive)?;
    checked(
        "capital",
        p.capital,
        p.capital > 0.0 && p.capital <= p.equity,
        "an amount above 0 and at most the equity",
    )?;
    checked("weight", p.weight, (0.0..=1.0).contains(&p.weight), unit)?;
    checked("kelly", p.kelly, (0.0..=1.0).contains(&p.kelly), unit)?;
    checked("price", p.price, p.price > 0.0, positive)?;
    for (name, value) in [
        ("stop_distance", p.stop_distance),
        ("issuer_exposure", p.issuer_exposure),
        ("sector_exposure", p.sector_exposure),
        ("gross_exposure", p.gross_exposure),
        ("cash", p.cash.unwrap_or(0.0)),
    ] {
        checked(name, value, value >= 0.0, not_negative)?;
    }
    checked("net_exposure", p.net_exposure, true, "a finite amount")?;
    checked("lot", p.lot as f64, p.lot > 0, "shares a lot, at least 1")?;
    for (name, value) in [
        ("adv", p.adv),
        ("held", p.held),
        ("traded", p.traded),
        ("locate", p.locate),
    ] {
        checked(name, value as f64, value >= 0, "a number of at least 0")?;
    }
    checked(
        "risk_fraction",
        policy.risk_fraction,
        policy.risk_fraction > 0.0 && policy.risk_fraction <= 0.01,
        "a number in (0, 0.01]",
    )?;
    for (name, value) in [
        ("volatility_budget", policy.volatility_budget),
        ("participation", policy.participation),
    ] {
        checked(
            name,
            value,
            value > 0.0 && value <= 1.0,
            "a number in (0, 1]",
        )?;
    }
    checked(
        "days_to_exit",
        policy.days_to_exit,
        policy.days_to_exit > 0.0,
        "a number of days above 0",
    )?;
    Ok(())
}

/// Sizes one position: the smallest of the wish, half-Kelly, R-multiple, volatility, liquidity and the engine's limits.
///
/// - **R-multiple** (Tharp): position x distance to the stop, at most `risk_fraction` of equity, whatever the conviction.
///   Without a stop the distance is the price.
/// - **Volatility**: position x price x daily volatility, at most `volatility_budget` of equity, so that a calm name and a wild
///   one move the account alike (inverse-volatility sizing; Moreira and Muir, "Volatility-Managed Portfolios", Journal of
///   Finance 72, 2017).
/// - **Liquidity**: the trade is at most `participation` of an average day's volume, because impact grows with it (Almgren,
///   Thum, Hauptmann, Li, "Direct Estimation of Equity Market Impact", 2005); the position can be traded out again in
///   `days_to_exit` days at that participation.
/// - **The engine's limits**: `engine::largest_quantity` itself, with the constants or what a deployment made of them: what is
///   sized by looser `limits` than the gateway has is cut there.
///
/// # Errors
/// The first input that is not a number, infinite, negative or outside its range, by name.
pub fn size_position(
    position: &Position,
    policy: &Policy,
    limits: &TighterLimits,
) -> Result<Sizing, SizingError> {
    check(position, policy)?;
    let p = position;
    let (engine_most, reason) = engine_cap(p, limits)?;
    let lots = |room: f64, unit: f64| whole_lots(room, unit, p.lot);
    let held = p.held as f64;
    let at_stop = if p.stop_distance > 0.0 {
        p.stop_distance.min(p.price)
    } else {
        p.price
    };
    let daily_move = p.price * f64::from(p.volatility_bp) / BP;
    let by_volatility = if p.volatility_bp == 0 {
        0
    } else {
        lots(
            policy.volatility_budget * p.equity - held * daily_move,
            daily_move,
        )
    };
    let a_day = policy.participation * p.adv as f64;
    let caps = [
        (Constraint::Engine(reason), engine_most),
        (
            Constraint::RMultiple,
            lots(policy.risk_fraction * p.equity - held * at_stop, at_stop),
        ),
        (Constraint::Volatility, by_volatility),
        (Constraint::Liquidity, lots(a_day - p.traded as f64, 1.0)),
        (
            Constraint::DaysToExit,
            lots(policy.days_to_exit * a_day - held, 1.0),
        ),
    ];
    let (binding, most) = caps
        .into_iter()
        .reduce(|best, cap| if cap.1 < best.1 { cap } else { best })
        .expect("there are caps");
    let kelly_weight = p.weight * p.kelly;
    let most_weight = most as f64 * p.price / p.capital;
    let (weight, constraint) = if most_weight < kelly_weight {
        (most_weight, binding)
    } else if kelly_weight < p.weight {
        (kelly_weight, Constraint::Kelly)
    } else {
        (kelly_weight, Constraint::None)
    };
    Ok(Sizing {
        weight,
        quantity: most.min(lots(kelly_weight * p.capital, p.price)),
        constraint,
        kelly_weight,
        most,
        risk_fraction: weight * p.capital / p.equity * (at_stop / p.price),
        caps,
    })
}
