//! Small markets in which every limit is a few dozen lots away.

use dnalyaw_engine::{InstrumentReference, Money, TighterSpec};

use crate::reference::limits::ONE;

/// A market, a deployment and an account.
#[derive(Debug, Clone)]
pub struct World {
    pub name: &'static str,
    pub rows: Vec<InstrumentReference>,
    pub spec: TighterSpec,
    /// Of the first session, in millionths.
    pub cash: i64,
    pub positions: Vec<(u64, i64)>,
    pub room: usize,
    /// Price at the start, by instrument.
    pub prices: Vec<i64>,
}

struct Row {
    issuer: u64,
    sector: Option<&'static str>,
    venue: &'static str,
    lot: i64,
    tick: i64,
    volatility: u32,
    gap: u32,
    adv: i64,
    locate: i64,
}

fn row(instrument_id: u64, row: &Row) -> InstrumentReference {
    InstrumentReference {
        instrument_id,
        issuer_id: row.issuer,
        sector: row.sector.map(str::to_owned),
        venue: row.venue.to_owned(),
        lot: row.lot,
        tick_micro: row.tick,
        tradable: instrument_id != 7,
        restricted: instrument_id == 8,
        volatility_bp: row.volatility,
        gap_bp: row.gap,
        adv: row.adv,
        locate: row.locate,
        close_micro: 0,
    }
}

/// Two names of one issuer, four sectors of which one is the bucket of the unknown, two venues, three lots; 7 is not
/// tradable, 8 is restricted, 5 has no known volatility.
fn rows(lots: i64) -> Vec<InstrumentReference> {
    let base = Row {
        issuer: 10,
        sector: Some("tech"),
        venue: "XNYS",
        lot: lots,
        tick: 10_000,
        volatility: 150,
        gap: 0,
        adv: 2_000 * lots,
        locate: 60 * lots,
    };
    let all = [
        Row { ..base },
        Row {
            volatility: 40,
            gap: 90,
            adv: 500 * lots,
            locate: 12 * lots,
            ..base
        },
        Row {
            issuer: 30,
            lot: 10 * lots,
            gap: 2_500,
            adv: 100_000 * lots,
            locate: 1_000 * lots,
            ..base
        },
        Row {
            issuer: 40,
            sector: None,
            venue: "HKEX",
            tick: 0,
            lot: 5 * lots,
            adv: 1_000_000 * lots,
            locate: 300 * lots,
            ..base
        },
        Row {
            issuer: 50,
            sector: None,
            volatility: 0,
            gap: 500,
            ..base
        },
        Row {
            issuer: 60,
            sector: Some("banks"),
            venue: "HKEX",
            tick: 0,
            adv: 50_000 * lots,
            locate: 0,
            ..base
        },
        Row {
            issuer: 70,
            sector: Some("banks"),
            ..base
        },
        Row {
            issuer: 80,
            sector: Some("banks"),
            adv: 0,
            ..base
        },
    ];
    all.iter()
        .enumerate()
        .map(|(place, one)| row(place as u64 + 1, one))
        .collect()
}

/// The last closes: where the prices start, but unknown for some names, and far off for one.
fn close(world: &mut World) {
    for (row, price) in world.rows.iter_mut().zip(&world.prices) {
        row.close_micro = match row.instrument_id {
            3 | 8 => 0,
            6 => price * 2,
            _ => *price,
        };
    }
}

/// All markets, one after the other.
pub fn worlds() -> Vec<World> {
    let prices = vec![
        100 * ONE,
        52 * ONE,
        23_450_000,
        14_330_000,
        81_070_000,
        203_400_000,
        99 * ONE,
        101 * ONE,
    ];
    let plain = World {
        name: "plain",
        rows: rows(1),
        spec: TighterSpec::default(),
        cash: 100_000 * ONE,
        positions: Vec::new(),
        room: 512,
        prices,
    };
    let tight = World {
        name: "tight",
        spec: TighterSpec {
            instrument_bp: Some(300),
            sector_bp: Some(600),
            gross_bp: Some(900),
            net_bp: Some(700),
            trade_risk_bp: Some(50),
            drawdown_bp: Some(150),
            participation_bp: Some(200),
            order_quantity: Some(70),
            order_notional: Money::new(2_500 * ONE),
            message_rate: Some(3),
        },
        room: 5,
        ..plain.clone()
    };
    // So short that the book's net limit is near and the cash still pays; and a second name to be past the gross limit by.
    let short = World {
        name: "short",
        cash: 190_000 * ONE,
        positions: vec![(7, -450), (8, -440)],
        ..plain.clone()
    };
    // Everything a hundred thousand times as large: the constants on one order bind.
    let mut large = World {
        name: "large",
        rows: rows(100_000),
        cash: 100_000 * 450_000 * ONE,
        ..plain.clone()
    };
    large.prices[3] = 4_330_000;
    // Little cash and many shares.
    let poor = World {
        name: "poor",
        cash: 3_000 * ONE,
        positions: vec![(7, 400), (8, 300), (1, 30), (4, 95), (2, -20)],
        ..plain.clone()
    };
    // One sector and seven issuers in it, all tradable.
    let mut crowded = World {
        name: "crowded",
        ..plain.clone()
    };
    for row in &mut crowded.rows {
        row.sector = Some("tech".to_owned());
        row.issuer_id = 10 * row.instrument_id;
        (row.tradable, row.restricted, row.volatility_bp) = (true, false, 50);
        (row.adv, row.locate) = (1_000_000, 1_000_000);
    }
    // Half long, half short, around twice the equity; what is opened on top is held up by the book's limits.
    let wide = World {
        name: "wide",
        cash: 102_000 * ONE,
        positions: vec![(7, 1_005), (8, -1_005)],
        ..plain.clone()
    };
    let gross = World {
        name: "gross",
        spec: TighterSpec {
            gross_bp: Some(1_300),
            net_bp: Some(600),
            ..TighterSpec::default()
        },
        ..plain.clone()
    };
    let mut worlds = vec![plain, tight, short, large, poor, crowded, wide, gross];
    worlds.iter_mut().for_each(close);
    worlds
}
