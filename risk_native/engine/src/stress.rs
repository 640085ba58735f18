//! Stress: what the book, with its working orders filled at their worst, would lose, and which limits would break.
//!
//! The engine is only read, and nothing is decided here. It allocates: not for the path of an order.

mod name;

use std::collections::{BTreeMap, BTreeSet};

use crate::arithmetic::share_of;
use crate::engine::Engine;
use crate::reason::Reason;
use crate::stress::name::{Exposure, Name, book};
use crate::types::InstrumentReference;
use crate::units::Money;

/// How far a sector falls.
pub const SECTOR_DOWN_BP: u32 = 1_000;

/// What happens to the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shock {
    /// Every name of one sector falls by [`SECTOR_DOWN_BP`]; `None` = the bucket of unknown sectors.
    SectorDown(Option<String>),
    /// Every name falls by as much.
    AllSectorsDown,
    /// Every name gaps by [`GAP_SIGMAS`] daily volatilities against its position.
    Gap,
    /// One venue is gone: nothing there can be closed, and its names gap against their positions.
    VenueGone(String),
}

impl Shock {
    /// A stable name: `sector_down:NAME`, `all_sectors_down`, `gap_5_sigma`, `venue_gone:NAME`; the unknown sector has no name.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::SectorDown(sector) => format!("sector_down:{}", sector.as_deref().unwrap_or("")),
            Self::AllSectorsDown => "all_sectors_down".to_owned(),
            Self::Gap => "gap_5_sigma".to_owned(),
            Self::VenueGone(venue) => format!("venue_gone:{venue}"),
        }
    }

    fn falls(&self, instrument: &InstrumentReference) -> bool {
        match self {
            Self::SectorDown(sector) => *sector == instrument.sector,
            Self::AllSectorsDown => true,
            Self::Gap | Self::VenueGone(_) => false,
        }
    }

    fn gaps(&self, instrument: &InstrumentReference) -> bool {
        match self {
            Self::Gap => true,
            Self::VenueGone(venue) => *venue == instrument.venue,
            Self::SectorDown(_) | Self::AllSectorsDown => false,
        }
    }
}

/// A limit that breaks. Money in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Which limit: instrument, sector, gross, net or drawdown.
    pub reason: Reason,
    /// Whose: the issuer's id, or 0.
    pub issuer_id: u64,
    /// Whose: the sector, where `reason` is the sector limit and the sector is known.
    pub sector: Option<String>,
    /// How much stands against the limit; of the drawdown the fall in the firm's currency.
    pub amount: i64,
    /// The limit under stress.
    pub limit: i64,
}

/// The book after a shock. Money in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stressed {
    /// What happened.
    pub shock: Shock,
    /// Equity then.
    pub equity: i64,
    /// What it lost.
    pub loss: i64,
    /// Drawdown then, basis points of the baseline rounded down; 0 while there is no baseline or no rate of the firm's currency.
    pub drawdown_bp: i32,
    /// Would the kill switch fire.
    pub kills: bool,
    /// Worst-case gross exposure then.
    pub gross: i64,
    /// Worst-case net exposure then, the larger way.
    pub net: i64,
    /// Positions that cannot be closed, signed shares by instrument.
    pub stuck: Vec<(u64, i64)>,
    /// Worst-case exposure of the names that cannot be closed, before they gap.
    pub stuck_exposure: i64,
    /// Limits that break: issuers, then sectors, gross, net, drawdown.
    pub breaks: Vec<Break>,
}

/// Nothing can be stressed while equity is not known: cash, positions or a held position's mark stand open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownEquity;

impl core::fmt::Display for UnknownEquity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(
            "equity is not known: cash, positions or the price of a held position is missing",
        )
    }
}

impl std::error::Error for UnknownEquity {}

/// Every sector of the book, all of them at once, the gap, and every venue of the book.
fn shocks(names: &[Name<'_>]) -> Vec<Shock> {
    let sectors: BTreeSet<Option<String>> = names
        .iter()
        .map(|name| name.reference.sector.clone())
        .collect();
    let venues: BTreeSet<String> = names
        .iter()
        .map(|name| name.reference.venue.clone())
        .collect();
    sectors
        .into_iter()
        .map(Shock::SectorDown)
        .chain([Shock::AllSectorsDown, Shock::Gap])
        .chain(venues.into_iter().map(Shock::VenueGone))
        .collect()
}

/// The book under one shock.
fn apply(engine: &Engine, equity: i64, names: &[Name<'_>], shock: Shock) -> Stressed {
    let mut change = 0_i128;
    let mut book = Exposure::default();
    let mut issuers: BTreeMap<u64, i128> = BTreeMap::new();
    let mut sectors: BTreeMap<Option<&str>, i128> = BTreeMap::new();
    let (mut stuck, mut stuck_exposure) = (Vec::new(), 0_i128);
    for name in names {
        let basis_points = if shock.falls(name.reference) {
            -i64::from(SECTOR_DOWN_BP)
        } else if shock.gaps(name.reference) {
            name.worst_gap()
        } else {
            0
        };
        change += name.change(basis_points);
        let exposure = name.exposure(basis_points);
        *issuers.entry(name.reference.issuer_id).or_default() += exposure.gross;
        *sectors.entry(name.reference.sector.as_deref()).or_default() += exposure.gross;
        book.gross += exposure.gross;
        book.value += exposure.value;
        book.buys += exposure.buys;
        book.sells += exposure.sells;
        if matches!(&shock, Shock::VenueGone(venue) if *venue == name.reference.venue) {
            stuck_exposure += name.exposure(0).gross;
            if name.position != 0 {
                stuck.push((name.reference.instrument_id, name.position));
            }
        }
    }
    let money = |amount: i128| Money::saturating(amount).micro();
    let after = i128::from(equity) + change;
    let limits = engine.limits();
    let net = (book.value + book.buys).max(book.sells - book.value);
    let mut breaks = Vec::new();
    let mut check = |reason, issuer_id, sector: Option<&str>, amount: i128, basis_points: u32| {
        let limit = share_of(after, basis_points);
        if amount > limit {
            breaks.push(Break {
                reason,
                issuer_id,
                sector: sector.map(str::to_owned),
                amount: money(amount),
                limit: money(limit),
            });
        }
    };
    for (issuer, amount) in issuers {
        check(
            Reason::InstrumentLimit,
            issuer,
            None,
            amount,
            limits.instrument_bp(),
        );
    }
    for (sector, amount) in sectors {
        check(Reason::SectorLimit, 0, sector, amount, limits.sector_bp());
    }
    check(Reason::GrossLimit, 0, None, book.gross, limits.gross_bp());
    check(Reason::NetLimit, 0, None, net, limits.net_bp());
    let drawdown = engine.drawdown_of(after);
    let kills = drawdown.is_some_and(|drawdown| drawdown.fires);
    if let Some(drawdown) = drawdown.filter(|drawdown| drawdown.fires) {
        breaks.push(Break {
            reason: Reason::Drawdown,
            issuer_id: 0,
            sector: None,
            amount: money(drawdown.fall),
            limit: money(drawdown.limit),
        });
    }
    Stressed {
        shock,
        equity: money(after),
        loss: money(-change),
        drawdown_bp: drawdown.map_or(0, |drawdown| drawdown.basis_points),
        kills,
        gross: money(book.gross),
        net: money(net),
        stuck,
        stuck_exposure: money(stuck_exposure),
        breaks,
    }
}

/// The current book under each shock: a sector down (each of its sectors, and all), every name gapping against its position,
/// and each of its venues gone. Working orders fill where that costs, at the worst price they allow.
///
/// `reference` is what the engine was built with.
///
/// # Errors
/// While equity is not known.
pub fn stress(
    engine: &Engine,
    reference: &[InstrumentReference],
) -> Result<Vec<Stressed>, UnknownEquity> {
    let equity = engine.equity().ok_or(UnknownEquity)?;
    let names = book(engine, reference);
    Ok(shocks(&names)
        .into_iter()
        .map(|shock| apply(engine, equity, &names, shock))
        .collect())
}
