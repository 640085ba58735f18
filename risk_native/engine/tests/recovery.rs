//! Adopted orders, replay to the same hash, references that cannot be.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

const ADOPTED: AdoptedOrder = AdoptedOrder {
    order_id: 40,
    instrument_id: 1,
    side: Side::Buy,
    quantity: 300,
    cumulative_quantity: 100,
    limit_price: 0,
};

#[test]
fn an_adopted_order_is_reserved_and_its_id_taken() {
    let mut engine = funded_with(TighterLimits::none(), 990_000, &[(1, 100)]);
    assert_eq!(engine.adopt(&ADOPTED), Ok(()));
    // 100 held at 100, 200 working at 105 (31,000) leave 19,000.
    assert_eq!(
        decide(&mut engine, &buy(41, 1, 400, 100, 2)),
        (Reduce, Reason::InstrumentLimit, 190)
    );
    assert_eq!(
        decide(&mut engine, &buy(40, 3, 1, 100, 2)),
        (Reject, Reason::DuplicateId, 0)
    );
    assert!(engine.order(40).expect("works").fate_unknown);
    engine
        .on_execution(&report(40, ExecKind::New, 100))
        .expect("a sound report");
    assert!(!engine.order(40).expect("works").fate_unknown);
    engine
        .on_execution(&fill(40, 200, 100, 300))
        .expect("a sound report");
    assert_eq!(engine.positions()[0].quantity, 300);
    assert_eq!(engine.running(), engine.recompute_from_scratch());
}

#[test]
fn an_order_that_cannot_be_adopted_says_why() {
    let mut engine = funded();
    for (order, reason) in [
        (
            AdoptedOrder {
                instrument_id: 99,
                ..ADOPTED
            },
            Reason::UnknownInstrument,
        ),
        (
            AdoptedOrder {
                quantity: 0,
                ..ADOPTED
            },
            Reason::BadQuantity,
        ),
        (
            AdoptedOrder {
                cumulative_quantity: 300,
                ..ADOPTED
            },
            Reason::BadQuantity,
        ),
        (
            AdoptedOrder {
                cumulative_quantity: -1,
                ..ADOPTED
            },
            Reason::BadQuantity,
        ),
        (
            AdoptedOrder {
                order_id: 0,
                ..ADOPTED
            },
            Reason::Malformed,
        ),
        (
            AdoptedOrder {
                limit_price: -5,
                ..ADOPTED
            },
            Reason::Malformed,
        ),
    ] {
        assert_eq!(engine.adopt(&order), Err(reason), "{order:?}");
    }
    assert_eq!(engine.adopt(&ADOPTED), Ok(()));
    assert_eq!(engine.adopt(&ADOPTED), Err(Reason::DuplicateId));
    let mut bare =
        Engine::with_room(&reference(), TighterLimits::none(), 8).expect("a sound reference");
    assert_eq!(bare.adopt(&ADOPTED), Err(Reason::NoPrice));
}

#[test]
fn the_same_inputs_give_the_same_hash_and_any_difference_another() {
    let play = || {
        let mut engine = funded();
        engine.decide(&buy(1, 1, 300, 100, 2), T0);
        engine.decide(&buy(2, 3, 100, 100, 2), T0);
        engine
            .on_execution(&fill(1, 100, 100, 100))
            .expect("a sound report");
        engine
    };
    let base = play().state_hash();
    assert_eq!(play().state_hash(), base);
    let differing: [fn(&mut Engine); 8] = [
        |engine| engine.on_clock(T0 + 1),
        |engine| engine.on_venue(false),
        |engine| engine.kill(Reason::Operator),
        |engine| engine.set_hold(Hold::Operator, true),
        |engine| engine.on_account(1),
        |engine| assert!(engine.on_price(1, ONE, ONE, 0, T0 + 1)),
        |engine| assert!(engine.request_cancel(2).is_ok()),
        |engine| {
            assert!(
                engine
                    .on_execution(&report(2, ExecKind::Unknown, 0))
                    .is_ok()
            )
        },
    ];
    for (number, change) in differing.iter().enumerate() {
        let mut engine = play();
        change(&mut engine);
        assert_ne!(engine.state_hash(), base, "change {number}");
    }
}

#[test]
fn a_full_table_takes_no_more_until_an_order_ends() {
    let mut engine = funded_with(TighterLimits::none(), 1_000_000, &[(4, 10)]);
    for id in 1..=64 {
        assert_eq!(
            decide(&mut engine, &buy(id, 1 + id % 3, 1 + id as i64 / 9, 100, 2)).0,
            Approve
        );
    }
    assert_eq!(engine.working_orders().len(), 64);
    for order in [buy(65, 1, 1, 100, 2), sell(66, 4, 10)] {
        assert_eq!(
            decide(&mut engine, &order),
            (Reject, Reason::TooManyOrders, 0)
        );
    }
    let foreign = AdoptedOrder {
        order_id: FOREIGN_ORDER_ID_BASE,
        ..ADOPTED
    };
    assert_eq!(engine.adopt(&foreign), Err(Reason::TooManyOrders));
    engine
        .on_execution(&report(7, ExecKind::Cancelled, 0))
        .expect("a sound report");
    assert_eq!(decide(&mut engine, &sell(67, 4, 10)).0, Approve);
}

#[test]
fn ended_orders_are_remembered_and_the_oldest_forgotten() {
    // Room for 64 working orders comes with memory of 1,024 ended ones.
    let mut engine = funded();
    for id in 1..=1_025 {
        assert_eq!(
            engine
                .decide(
                    &buy(id, 3, id as i64 % 7 + 1, 100, 2),
                    T0 + id as i64 * SECOND / 2
                )
                .kind,
            Approve
        );
        engine
            .on_execution(&report(id, ExecKind::Cancelled, 0))
            .expect("a sound report");
    }
    assert_eq!(
        engine.on_execution(&fill(1, 1, 100, 1)),
        Err(ExecError::UnknownOrder)
    );
    let late = engine.on_execution(&fill(2, 1, 100, 1));
    assert_eq!(late.map(|done| done.position_change), Ok(1));
}

#[test]
fn references_that_cannot_be() {
    let with = |change: fn(&mut InstrumentReference)| {
        let mut reference = reference();
        change(&mut reference[1]);
        Engine::new(&reference, TighterLimits::none())
            .map(|_| ())
            .expect_err("refused")
    };
    assert_eq!(
        with(|entry| entry.instrument_id = 1).to_string(),
        "reference: instrument 1: named twice"
    );
    assert_eq!(
        with(|entry| entry.instrument_id = 0).problem,
        "instrument_id must be positive and fit 63 bits"
    );
    assert_eq!(with(|entry| entry.lot = 0).problem, "lot must be positive");
    assert_eq!(
        with(|entry| entry.tick_micro = -1).problem,
        "tick_micro must not be negative"
    );
}

#[test]
fn a_shadow_agrees_and_is_a_copy() {
    let mut engine = funded_with(TighterLimits::none(), 960_000, &[(1, 400)]);
    engine.decide(&buy(1, 3, 100, 100, 2), T0);
    engine.decide(&sell(2, 1, 100), T0);
    let shadow = engine.shadow();
    engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    let checked = std::thread::spawn(move || shadow.check());
    assert_eq!(checked.join().expect("no panic"), Ok(()));
    assert_eq!(engine.shadow().check(), Ok(()));
}

#[test]
fn utilisation_by_hand() {
    // 400 of issuer 10 held at 100 and 60 working: 46,000 of 50,000; with 100 of issuer 30, tech has 56,000 of 250,000.
    let mut engine = funded_with(TighterLimits::none(), 950_000, &[(1, 400), (3, 100)]);
    assert_eq!(decide(&mut engine, &buy(1, 2, 60, 100, 2)).0, Approve);
    let used = engine.utilisation();
    let issuers: Vec<_> = used
        .issuers
        .iter()
        .map(|issuer| (issuer.issuer_id, issuer.used.amount, issuer.used.share_bp))
        .collect();
    assert_eq!(
        issuers,
        [(10, 46_000 * ONE, 9_200), (30, 10_000 * ONE, 2_000)]
    );
    assert_eq!(used.sectors[0].sector.as_deref(), Some("tech"));
    assert_eq!(
        (used.sectors[0].used.amount, used.sectors[0].used.share_bp),
        (56_000 * ONE, 2_240)
    );
    assert_eq!(
        (used.gross.amount, used.gross.share_bp),
        (56_000 * ONE, 280)
    );
    assert_eq!((used.net.amount, used.net.share_bp), (56_000 * ONE, 560));
    // 945,273.63 is what 950,000 pay for; 6,000 of it are taken.
    assert_eq!(used.buying_power.amount, 6_000 * ONE);
    assert_eq!((used.orders.amount, used.orders.limit), (1, 64));
    assert_eq!(
        (used.drawdown.amount, used.drawdown.limit),
        (0, 50_000 * ONE)
    );
    at(&mut engine, 1, 95);
    let used = engine.utilisation();
    assert_eq!(
        (used.drawdown.amount, used.drawdown.share_bp),
        (2_000 * ONE, 400)
    );
}
