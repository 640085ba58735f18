//! Numbers that no market makes: whatever comes in, there is one answer, no panic and no wrapped sum. (Overflow checks are on in
//! the builds that run tests.)

mod common;

use common::*;
use dnalyaw_engine::*;
use proptest::prelude::*;

/// Everything that 64 bits hold, and the ends of what the engine takes.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => any::<i64>(),
        2 => 1..=MAX_PRICE,
        2 => 1..=MAX_QUANTITY,
        1 => 0..=200 * ONE,
        2 => proptest::sample::select(vec![
            0, 1, -1, i64::MIN, i64::MAX, MAX_PRICE, MAX_PRICE + 1, MAX_QUANTITY, MAX_QUANTITY + 1, MAX_MONEY, -MAX_MONEY,
        ]),
    ]
}

/// One thing of each kind, with three numbers.
fn feed(engine: &mut Engine, what: u8, id: u64, (a, b, c): (i64, i64, i64), now: i64) {
    let instrument = id % 10;
    match what % 20 {
        0 | 1 => drop(engine.on_price(instrument, a, b, c, now)),
        2 => drop(engine.on_settlement_price(instrument, a)),
        3 => engine.on_account(a),
        4 => drop(engine.on_position(instrument, a)),
        5 => engine.positions_complete(),
        6 => engine.on_clock(a),
        7 => engine.on_monotonic(a),
        8 => engine.set_firm_rate(Some(a)),
        9 => engine.expect_flow(a),
        10 => engine.restore_flows(SESSION, a),
        11 => drop(engine.restore_stop(instrument, Side::Buy, a, b % 2 == 0)),
        12 => drop(engine.restore_traded(instrument, a)),
        13 => {
            let _ = engine.adopt(&AdoptedOrder {
                order_id: id,
                instrument_id: instrument,
                side: if a % 2 == 0 { Side::Buy } else { Side::Sell },
                quantity: a,
                cumulative_quantity: b,
                limit_price: c,
            });
        }
        14 => engine.restore_baseline(Baseline {
            session: SESSION,
            equity: a,
        }),
        15 => {
            let ids: Vec<u64> = engine
                .working_orders()
                .iter()
                .map(|order| order.order_id)
                .collect();
            let _ = engine.on_execution(&Execution {
                order_id: ids
                    .get(id as usize % ids.len().max(1))
                    .copied()
                    .unwrap_or(id),
                kind: [ExecKind::Fill, ExecKind::Corrected, ExecKind::Cancelled][a as usize % 3],
                last_quantity: if a as usize % 3 == 0 { b } else { 0 },
                last_price: a.unsigned_abs() as i64 & (MAX_PRICE / 2),
                cumulative_quantity: b,
                fee: c,
            });
        }
        16 => {
            let _ = engine.decide_replace(
                &ReplaceRequest {
                    order_id: engine.last_order_id() + 1,
                    original_id: id,
                    quantity: a,
                    limit_price: b,
                    stop_distance: c,
                },
                now,
            );
        }
        17 => engine.kill(Reason::Operator),
        18 => {
            let (mut cancels, mut closes) = (Vec::new(), Vec::new());
            engine.wanted_cancels(&mut cancels);
            engine.wanted_closes(&mut closes);
            for close in closes {
                let _ = engine.decide_close(&close, now);
            }
        }
        _ => {
            let _ = engine.rearm();
            engine.on_session(SessionState::Open, SESSION + id as u32 % 3);
        }
    }
}

/// So many cases, or what `PROPTEST_CASES` asks for (a soak).
fn cases() -> ProptestConfig {
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default().cases,
        None => 1_000,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_comes_there_is_one_answer_and_no_sum_wraps(
        events in proptest::collection::vec((any::<u8>(), any::<u64>(), (number(), number(), number()), number()), 0..30),
        order in (any::<u64>(), number(), number(), number(), any::<[u8; 4]>()), now in number(),
    ) {
        let mut engine = funded_with(TighterLimits::none(), 1_000_000, &[(1, 100), (3, -50)]);
        for (what, id, numbers, at) in events {
            feed(&mut engine, what, id, numbers, at);
        }
        let (id, quantity, limit_price, stop_distance, bytes) = order;
        let request = OrderRequest {
            order_id: engine.last_order_id() + 1,
            instrument_id: id % 10,
            quantity,
            limit_price,
            stop_distance,
            side: bytes[0] % 4,
            order_type: bytes[1] % 4,
            time_in_force: bytes[2] % 5,
            flags: bytes[3] % 5,
            strategies: id,
        };
        let decision = engine.decide(&request, now);
        prop_assert_eq!(decision.order_id, request.order_id);
        prop_assert_eq!(decision.accepted(), decision.kind != DecisionKind::Reject);
        prop_assert!(decision.approved_quantity <= quantity.max(0));
        prop_assert_eq!(decision.accepted(), engine.order(request.order_id).is_some());
        prop_assert_eq!(engine.last_order_id(), request.order_id);
        prop_assert_eq!(engine.running(), engine.recompute_from_scratch());
        prop_assert!(engine.shadow().check().is_ok());
        let _ = engine.utilisation();
    }
}
