//! What holds for every size: inside each constraint, monotone in each, and the same in any currency and at any scale.

use dnalyaw_sizing::{KellyConfig, Policy, Position, Sizing, half_kelly, size_position};
use engine::{Side, TighterLimits};
use proptest::prelude::*;

prop_compose! {
    fn positions()(
        equity in 10_000.0..1e9_f64,
        part in 0.01..=1.0_f64,
        weight in 0.0..=1.0_f64,
        kelly in 0.0..=1.0_f64,
        cents in 10_i64..100_000,
        stop in 0.0..2.0_f64,
        volatility_bp in 0_u32..3_000,
        gap_bp in 0_u32..5_000,
        lot in prop::sample::select(vec![1_i64, 10, 100, 500, 2_000]),
        adv in 0_i64..50_000_000,
        held in 0_i64..10_000,
        traded in 0_i64..100_000,
        short in any::<bool>(),
        locate in 0_i64..20_000,
        book in 0.0..2.1_f64,
        issuer in 0.0..0.06_f64,
        sector in 0.0..0.3_f64,
        cash in prop::option::of(0.0..1.0_f64),
    ) -> Position {
        let price = cents as f64 / 100.0;
        Position {
            side: if short { Side::Sell } else { Side::Buy },
            equity,
            capital: equity * part,
            weight,
            kelly,
            price,
            // Whole millionths, so that the engine's rounding is no part of what is compared.
            stop_distance: (stop * price * 100.0).round() / 100.0,
            volatility_bp,
            gap_bp,
            lot,
            adv,
            held,
            traded,
            locate,
            issuer_exposure: issuer * equity,
            sector_exposure: sector * equity,
            gross_exposure: book * equity,
            net_exposure: (book - 1.0) * equity,
            cash: cash.map(|part| part * equity),
        }
    }
}

prop_compose! {
    fn policies()(
        risk_fraction in 0.0001..=0.01_f64,
        volatility_budget in 0.0001..0.01_f64,
        participation in 0.001..=1.0_f64,
        days_to_exit in 0.1..20.0_f64,
    ) -> Policy {
        Policy { risk_fraction, volatility_budget, participation, days_to_exit }
    }
}

fn size(position: &Position, policy: &Policy) -> Sizing {
    size_position(position, policy, &TighterLimits::none()).expect("a position that can be")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn never_above_any_single_constraint(p in positions(), policy in policies()) {
        let sized = size(&p, &policy);
        let x = sized.quantity as f64;
        prop_assert!(sized.quantity >= 0 && sized.quantity % p.lot == 0);
        prop_assert!(sized.weight <= p.weight * p.kelly && sized.weight <= p.weight);
        prop_assert!(x * p.price <= p.weight * p.kelly * p.capital);
        if sized.quantity > 0 {
            let at_stop = if p.stop_distance > 0.0 { p.stop_distance.min(p.price) } else { p.price };
            let daily = p.price * f64::from(p.volatility_bp) / 10_000.0;
            let held = p.held as f64;
            // Limits that are written as a difference are compared with the rounding of that difference.
            let inside = |value: f64, limit: f64| value <= limit * (1.0 + 1e-12);
            prop_assert!(inside((held + x) * at_stop, policy.risk_fraction * p.equity));
            prop_assert!(p.volatility_bp > 0 && inside((held + x) * daily, policy.volatility_budget * p.equity));
            prop_assert!(inside(p.traded as f64 + x, policy.participation * p.adv as f64));
            prop_assert!(inside(held + x, policy.days_to_exit * policy.participation * p.adv as f64));
            // The constants, written out: half a millionth is the rounding of the amounts into the engine.
            let cent = 1e-6;
            prop_assert!(p.issuer_exposure + x * p.price <= 0.05 * p.equity + cent);
            prop_assert!(p.sector_exposure + x * p.price <= 0.25 * p.equity + cent);
            prop_assert!((held + x) * at_stop <= 0.01 * p.equity + cent);
            let gap = if p.gap_bp > 0 { f64::from(p.gap_bp) } else { 5.0 * f64::from(p.volatility_bp) } / 10_000.0;
            prop_assert!((held + x) * (p.price * gap).min(p.price) <= 0.01 * p.equity + cent);
            prop_assert!(p.gross_exposure + x * p.price <= 2.0 * p.equity + cent);
            prop_assert!(p.net_exposure + x * p.price <= p.equity + cent);
            prop_assert!(p.traded + sized.quantity <= p.adv / 10);
            prop_assert!(sized.quantity <= 10_000_000 && x * p.price <= 500e6);
            prop_assert!(p.side == Side::Buy || p.held + sized.quantity <= p.locate);
        }
    }

    #[test]
    fn the_answer_is_the_minimum_and_names_it(p in positions(), policy in policies()) {
        let sized = size(&p, &policy);
        let least = sized.caps.iter().map(|cap| cap.1).min().expect("caps");
        prop_assert_eq!(sized.most, least);
        let wish = sized.kelly_weight;
        let most = least as f64 * p.price / p.capital;
        prop_assert_eq!(sized.weight, wish.min(most));
        let first = sized.caps.iter().find(|cap| cap.1 == least).expect("caps").0;
        let expected = if most < wish {
            first.name()
        } else if wish < p.weight {
            "KELLY"
        } else {
            "NONE"
        };
        prop_assert_eq!(sized.constraint.name(), expected);
    }

    #[test]
    fn more_room_never_gives_less(
        p in positions(), policy in policies(), which in 0_usize..9, more in 1.0..4.0_f64,
    ) {
        let before = size(&p, &policy);
        let (mut q, mut wider) = (p, policy);
        match which {
            0 => q.weight = (p.weight * more).min(1.0),
            1 => q.kelly = (p.kelly * more).min(1.0),
            2 => q.adv = (p.adv as f64 * more) as i64,
            3 => q.issuer_exposure = p.issuer_exposure / more,
            4 => q.held = (p.held as f64 / more) as i64,
            5 => wider.risk_fraction = (policy.risk_fraction * more).min(0.01),
            6 => wider.volatility_budget = (policy.volatility_budget * more).min(1.0),
            7 => wider.participation = (policy.participation * more).min(1.0),
            _ => wider.days_to_exit = policy.days_to_exit * more,
        }
        let after = size(&q, &wider);
        prop_assert!(after.quantity >= before.quantity, "{:?} {:?}", before, after);
        prop_assert!(after.weight >= before.weight);
        for (less, same) in before.caps.iter().zip(&after.caps) {
            prop_assert!(same.1 >= less.1, "{:?} {:?}", less, same);
        }
    }

    /// Doubling is exact in binary, so nothing may change at all. Amounts that the engine counts are whole millionths here.
    #[test]
    fn the_same_in_any_currency(p in positions(), policy in policies()) {
        let whole = |amount: f64| amount.round();
        let p = Position {
            equity: whole(p.equity),
            capital: whole(p.equity) / 2.0,
            issuer_exposure: whole(p.issuer_exposure),
            sector_exposure: whole(p.sector_exposure),
            gross_exposure: whole(p.gross_exposure),
            net_exposure: whole(p.net_exposure),
            cash: p.cash.map(whole),
            // Quarters are exact in binary, and so are their doubles.
            price: whole(p.price) + 0.25,
            stop_distance: whole(p.stop_distance) + 0.5,
            ..p
        };
        let doubled = Position {
            equity: 2.0 * p.equity,
            capital: 2.0 * p.capital,
            price: 2.0 * p.price,
            stop_distance: 2.0 * p.stop_distance,
            issuer_exposure: 2.0 * p.issuer_exposure,
            sector_exposure: 2.0 * p.sector_exposure,
            gross_exposure: 2.0 * p.gross_exposure,
            net_exposure: 2.0 * p.net_exposure,
            cash: p.cash.map(|cash| 2.0 * cash),
            ..p
        };
        let (one, two) = (size(&p, &policy), size(&doubled, &policy));
        // What the engine rounds up to a millionth may cost its cap a lot, never more.
        prop_assert!((one.caps[0].1 - two.caps[0].1).abs() <= p.lot);
        prop_assert_eq!(&one.caps[1..], &two.caps[1..]);
        if one.caps[0] == two.caps[0] {
            prop_assert_eq!(one.weight, two.weight);
            prop_assert_eq!(one.constraint, two.constraint);
        }
    }

    /// Twice the account, the volume and the holding in shares of twice the lot is twice the position.
    #[test]
    fn the_same_at_any_scale(p in positions(), policy in policies()) {
        let whole = |amount: f64| amount.round();
        let p = Position {
            equity: whole(p.equity),
            capital: whole(p.equity) / 2.0,
            issuer_exposure: whole(p.issuer_exposure),
            sector_exposure: whole(p.sector_exposure),
            gross_exposure: whole(p.gross_exposure),
            net_exposure: whole(p.net_exposure),
            cash: None,
            lot: p.lot.min(1_000),
            ..p
        };
        let doubled = Position {
            equity: 2.0 * p.equity,
            capital: 2.0 * p.capital,
            issuer_exposure: 2.0 * p.issuer_exposure,
            sector_exposure: 2.0 * p.sector_exposure,
            gross_exposure: 2.0 * p.gross_exposure,
            net_exposure: 2.0 * p.net_exposure,
            lot: 2 * p.lot,
            adv: 2 * p.adv,
            held: 2 * p.held,
            traded: 2 * p.traded,
            locate: 2 * p.locate,
            ..p
        };
        let (one, two) = (size(&p, &policy), size(&doubled, &policy));
        prop_assert_eq!(2 * one.quantity, two.quantity);
        prop_assert_eq!(one.constraint, two.constraint);
    }

    #[test]
    fn a_better_record_never_gets_less(
        shape in prop::collection::vec(-0.05..0.05_f64, 126..400), more in 0.0..0.01_f64,
    ) {
        let config = KellyConfig::default();
        let better: Vec<f64> = shape.iter().map(|value| value + more).collect();
        let (one, two) = (half_kelly(&shape, &config).unwrap(), half_kelly(&better, &config).unwrap());
        prop_assert!((0.25..=1.0).contains(&one.gross));
        prop_assert!((0.0..=1.0).contains(&one.shrinkage));
        prop_assert!(two.gross >= one.gross - 1e-9);
    }

    /// Kelly's optimum is in units of one over a return: returns twice as large are bet on half as much.
    #[test]
    fn half_the_bet_on_twice_the_returns(shape in prop::collection::vec(-0.05..0.06_f64, 126..300)) {
        let open = KellyConfig { floor: 0.0, ..KellyConfig::default() };
        let doubled: Vec<f64> = shape.iter().map(|value| 2.0 * value).collect();
        let (one, two) = (half_kelly(&shape, &open).unwrap(), half_kelly(&doubled, &open).unwrap());
        prop_assert!((one.full - 2.0 * two.full).abs() <= 1e-9 * one.full.abs());
        prop_assert!((one.t_statistic - two.t_statistic).abs() <= 1e-9 * one.t_statistic.abs().max(1.0));
    }
}
