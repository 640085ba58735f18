//! Sizes worked by hand, and inputs that are refused by name.

use dnalyaw_sizing::{
    Constraint, KellyBasis, KellyConfig, Policy, Position, SizingError, half_kelly, size_position,
};
use engine::{Money, Reason, Side, TighterLimits, TighterSpec};

/// A tenth of 400,000 in a name at 50 that moves 1% a day and trades a million shares: nothing but the wish binds.
fn position() -> Position {
    Position {
        side: Side::Buy,
        equity: 1_000_000.0,
        capital: 400_000.0,
        weight: 0.10,
        kelly: 1.0,
        price: 50.0,
        stop_distance: 5.0,
        volatility_bp: 100,
        gap_bp: 500,
        lot: 1,
        adv: 1_000_000,
        held: 0,
        traded: 0,
        locate: 0,
        issuer_exposure: 0.0,
        sector_exposure: 0.0,
        gross_exposure: 0.0,
        net_exposure: 0.0,
        cash: None,
    }
}

#[test]
fn all_of_the_wish() {
    let sized = size_position(&position(), &Policy::default(), &TighterLimits::none()).unwrap();
    assert_eq!(sized.constraint, Constraint::None);
    assert_eq!(sized.weight, 0.10);
    // 40,000 at 50.
    assert_eq!(sized.quantity, 800);
    // Of a million: 800 shares that lose 5 each.
    assert!((sized.risk_fraction - 0.004).abs() < 1e-15);
    // 5% of a million at 50.
    assert_eq!(
        sized.caps[0],
        (Constraint::Engine(Reason::InstrumentLimit), 1_000)
    );
    // 10,000 over 5; 2,500 over 0.50; a tenth of a million shares; five days of it.
    assert_eq!(sized.caps[1], (Constraint::RMultiple, 2_000));
    assert_eq!(sized.caps[2], (Constraint::Volatility, 5_000));
    assert_eq!(sized.caps[3], (Constraint::Liquidity, 100_000));
    assert_eq!(sized.caps[4], (Constraint::DaysToExit, 500_000));
    assert_eq!(sized.most, 1_000);
}

#[test]
fn a_wish_that_just_fits_is_not_cut() {
    // 12.5% of 400,000 is the 1,000 shares that 5% of a million allow.
    let exact = Position {
        weight: 0.125,
        ..position()
    };
    let sized = size_position(&exact, &Policy::default(), &TighterLimits::none()).unwrap();
    assert_eq!(
        (sized.constraint, sized.quantity),
        (Constraint::None, 1_000)
    );
    let half = Position {
        weight: 0.25,
        kelly: 0.5,
        ..exact
    };
    let sized = size_position(&half, &Policy::default(), &TighterLimits::none()).unwrap();
    assert_eq!((sized.constraint, sized.weight), (Constraint::Kelly, 0.125));
}

#[test]
fn a_deployments_limits_bind_where_they_are_tighter() {
    let most = |position: &Position, spec: TighterSpec| {
        let limits = TighterLimits::new(spec).expect("tighter");
        let sized = size_position(position, &Policy::default(), &limits).unwrap();
        (sized.constraint, sized.quantity, sized.caps[0].1)
    };
    let none = TighterSpec::default();
    assert_eq!(most(&position(), none), (Constraint::None, 800, 1_000));
    let tighter = Constraint::Engine(Reason::TighterLimit);
    // 2% of a million at 50; 0.1% of a million over 5; 30,000 at 50; 0.05% of a million shares; 70 shares.
    for (spec, shares) in [
        (
            TighterSpec {
                instrument_bp: Some(200),
                ..none
            },
            400,
        ),
        (
            TighterSpec {
                trade_risk_bp: Some(10),
                ..none
            },
            200,
        ),
        (
            TighterSpec {
                order_notional: Money::new(30_000_000_000),
                ..none
            },
            600,
        ),
        (
            TighterSpec {
                participation_bp: Some(5),
                ..none
            },
            500,
        ),
        (
            TighterSpec {
                order_quantity: Some(70),
                ..none
            },
            70,
        ),
    ] {
        assert_eq!(
            most(&position(), spec),
            (tighter, shares, shares),
            "{spec:?}"
        );
    }
    // 10% of a million for the sector, of which 90,000 are used: 10,000 at 50.
    let used = Position {
        sector_exposure: 90_000.0,
        ..position()
    };
    let spec = TighterSpec {
        sector_bp: Some(1_000),
        ..none
    };
    assert_eq!(most(&used, spec), (tighter, 200, 200));
}

#[test]
fn kelly_comes_first() {
    let sized = size_position(
        &Position {
            kelly: 0.5,
            ..position()
        },
        &Policy::default(),
        &TighterLimits::none(),
    )
    .unwrap();
    assert_eq!((sized.constraint, sized.quantity), (Constraint::Kelly, 400));
    assert_eq!((sized.weight, sized.kelly_weight), (0.05, 0.05));
}

#[test]
fn each_constraint_in_turn() {
    let cases = [
        // 4% of a million lie in the issuer: 10,000 are left, 200 shares.
        (
            Position {
                issuer_exposure: 40_000.0,
                ..position()
            },
            Policy::default(),
            Constraint::Engine(Reason::InstrumentLimit),
            200,
        ),
        // Twice, and once, a million, less what the book has: 10,000.
        (
            Position {
                gross_exposure: 1_990_000.0,
                ..position()
            },
            Policy::default(),
            Constraint::Engine(Reason::GrossLimit),
            200,
        ),
        (
            Position {
                net_exposure: 990_000.0,
                ..position()
            },
            Policy::default(),
            Constraint::Engine(Reason::NetLimit),
            200,
        ),
        // A gap of 40% is 20 a share, more than the stop: 500 shares.
        (
            Position {
                gap_bp: 4_000,
                ..position()
            },
            Policy::default(),
            Constraint::Engine(Reason::TradeRisk),
            500,
        ),
        // A tenth of 10,000 shares, of which 900 were traded. The engine says the same, and is named first.
        (
            Position {
                adv: 10_000,
                traded: 900,
                ..position()
            },
            Policy::default(),
            Constraint::Engine(Reason::Participation),
            100,
        ),
        // 10,000 at risk over a stop of 25: 400 shares. The engine says the same, and is named first.
        (
            Position {
                stop_distance: 25.0,
                ..position()
            },
            Policy::default(),
            Constraint::Engine(Reason::TradeRisk),
            400,
        ),
        // Half of the engine's percent: 5,000 over 25.
        (
            Position {
                stop_distance: 25.0,
                ..position()
            },
            Policy {
                risk_fraction: 0.005,
                ..Policy::default()
            },
            Constraint::RMultiple,
            200,
        ),
        // 500 a day at 0.50 a share and day.
        (
            position(),
            Policy {
                volatility_budget: 0.0002,
                ..Policy::default()
            },
            Constraint::Volatility,
            400,
        ),
        // A twentieth of 10,000 shares.
        (
            Position {
                adv: 10_000,
                ..position()
            },
            Policy {
                participation: 0.05,
                ..Policy::default()
            },
            Constraint::Liquidity,
            500,
        ),
        // Half a day at a tenth of 10,000 shares, of which 100 are held.
        (
            Position {
                adv: 10_000,
                held: 100,
                ..position()
            },
            Policy {
                days_to_exit: 0.5,
                ..Policy::default()
            },
            Constraint::DaysToExit,
            400,
        ),
    ];
    for (position, policy, constraint, quantity) in cases {
        let sized = size_position(&position, &policy, &TighterLimits::none()).unwrap();
        assert_eq!((sized.constraint, sized.quantity), (constraint, quantity));
        let weight = quantity as f64 * 50.0 / 400_000.0;
        assert!((sized.weight - weight).abs() < 1e-15, "{constraint:?}");
    }
}

#[test]
fn what_is_not_known_is_not_taken() {
    for (unknown, constraint) in [
        (
            Position {
                volatility_bp: 0,
                gap_bp: 0,
                ..position()
            },
            Constraint::Volatility,
        ),
        (
            Position {
                adv: 0,
                ..position()
            },
            Constraint::Liquidity,
        ),
    ] {
        let sized = size_position(&unknown, &Policy::default(), &TighterLimits::none()).unwrap();
        assert_eq!((sized.quantity, sized.weight), (0, 0.0));
        assert!(sized.caps.contains(&(constraint, 0)), "{constraint:?}");
    }
}

#[test]
fn impossible_inputs_are_named() {
    let good = position();
    let policy = Policy::default();
    let nan = f64::NAN;
    let cases: Vec<(&str, Position, Policy)> = vec![
        (
            "equity",
            Position {
                equity: 0.0,
                ..good
            },
            policy,
        ),
        (
            "equity",
            Position {
                equity: nan,
                ..good
            },
            policy,
        ),
        (
            "equity",
            Position {
                equity: 1e300,
                capital: 1.0,
                ..good
            },
            policy,
        ),
        (
            "capital",
            Position {
                capital: 1_000_001.0,
                ..good
            },
            policy,
        ),
        (
            "weight",
            Position {
                weight: -0.1,
                ..good
            },
            policy,
        ),
        (
            "weight",
            Position {
                weight: nan,
                ..good
            },
            policy,
        ),
        ("kelly", Position { kelly: 1.1, ..good }, policy),
        ("price", Position { price: 0.0, ..good }, policy),
        (
            "price",
            Position {
                price: f64::INFINITY,
                ..good
            },
            policy,
        ),
        ("price", Position { price: 1e9, ..good }, policy),
        (
            "stop_distance",
            Position {
                stop_distance: -1.0,
                ..good
            },
            policy,
        ),
        ("lot", Position { lot: 0, ..good }, policy),
        ("adv", Position { adv: -1, ..good }, policy),
        ("held", Position { held: -1, ..good }, policy),
        (
            "issuer_exposure",
            Position {
                issuer_exposure: nan,
                ..good
            },
            policy,
        ),
        (
            "sector_exposure",
            Position {
                sector_exposure: -1.0,
                ..good
            },
            policy,
        ),
        (
            "cash",
            Position {
                cash: Some(-1.0),
                ..good
            },
            policy,
        ),
        // The R-multiple may be tighter than the engine's percent, not looser.
        (
            "risk_fraction",
            good,
            Policy {
                risk_fraction: 0.011,
                ..policy
            },
        ),
        (
            "volatility_budget",
            good,
            Policy {
                volatility_budget: nan,
                ..policy
            },
        ),
        (
            "participation",
            good,
            Policy {
                participation: 0.0,
                ..policy
            },
        ),
        (
            "days_to_exit",
            good,
            Policy {
                days_to_exit: 0.0,
                ..policy
            },
        ),
    ];
    for (expected, position, policy) in cases {
        let error = size_position(&position, &policy, &TighterLimits::none()).unwrap_err();
        assert!(
            matches!(error, SizingError::Input { name, .. } if name == expected),
            "{expected}: {error}"
        );
        assert!(error.to_string().starts_with(&format!("{expected} is ")));
    }
}

/// Returns with exactly this mean and sample deviation: half of them above, half below.
fn returns(mean: f64, deviation: f64, pairs: usize) -> Vec<f64> {
    let count = (2 * pairs) as f64;
    let step = deviation * ((count - 1.0) / count).sqrt();
    (0..pairs)
        .flat_map(|_| [mean + step, mean - step])
        .collect()
}

#[test]
fn kelly_by_hand() {
    // Mean 0.0002, deviation 0.01, 10,000 returns: f = 2, t = 2, kept 3/4: half of 1.5.
    let kelly = half_kelly(&returns(0.0002, 0.01, 5_000), &KellyConfig::default()).unwrap();
    assert_eq!(kelly.basis, KellyBasis::Evidence);
    for (found, expected) in [
        (kelly.full, 2.0),
        (kelly.t_statistic, 2.0),
        (kelly.shrinkage, 0.75),
        (kelly.gross, 0.75),
    ] {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
    // t = 0.4: nothing is proved.
    let live = KellyConfig {
        floor: 0.0,
        ..KellyConfig::default()
    };
    let kelly = half_kelly(&returns(0.0004, 0.02, 200), &live).unwrap();
    assert_eq!((kelly.gross, kelly.shrinkage), (0.0, 0.0));
}

#[test]
fn short_and_still_records_have_the_floor() {
    for record in [vec![], vec![0.01], returns(0.005, 0.01, 50), vec![0.0; 500]] {
        let kelly = half_kelly(&record, &KellyConfig::default()).unwrap();
        assert_eq!((kelly.gross, kelly.basis), (0.25, KellyBasis::ShortRecord));
    }
}

#[test]
fn impossible_returns_and_configurations_are_named() {
    let error = half_kelly(&[0.1, f64::NAN], &KellyConfig::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "return 1 is NaN: give finite returns above -1"
    );
    assert!(half_kelly(&[0.1, -1.0], &KellyConfig::default()).is_err());
    for (name, config) in [
        (
            "fraction",
            KellyConfig {
                fraction: 0.0,
                ..KellyConfig::default()
            },
        ),
        (
            "fraction",
            KellyConfig {
                fraction: f64::NAN,
                ..KellyConfig::default()
            },
        ),
        (
            "cap",
            KellyConfig {
                cap: 1.5,
                ..KellyConfig::default()
            },
        ),
        (
            "floor",
            KellyConfig {
                floor: 0.9,
                cap: 0.5,
                ..KellyConfig::default()
            },
        ),
        (
            "min_sessions",
            KellyConfig {
                min_sessions: 19,
                ..KellyConfig::default()
            },
        ),
    ] {
        let error = half_kelly(&[], &config).unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("{name} is ")),
            "{error}"
        );
    }
}
