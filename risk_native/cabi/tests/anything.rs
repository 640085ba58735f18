//! Whatever numbers come in, in whatever order: a number comes out, no panic, no sum that does not add up, and no other state than
//! the same numbers gave before.

mod common;

use common::*;
use dnalyaw_risk::boundary::*;
use dnalyaw_risk::codes::Failure;
use dnalyaw_risk::layout::*;
use proptest::prelude::*;

/// One call: which, and the numbers that it is made with.
type Call = (u8, [u64; 8]);

/// Small, near the edges, or anything.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0_u64..20,
        2 => Just(100_000_000_u64),
        2 => (T0 as u64)..(T0 as u64 + 10_000_000_000),
        1 => prop::sample::select(vec![u64::MAX, i64::MAX as u64, i64::MIN as u64, 1 << 62, 3 << 62, u64::MAX / 2]),
        1 => any::<u64>(),
    ]
}

fn make(door: &Door, (which, n): &Call) -> i32 {
    let signed = n.map(|number| number as i64);
    let byte = |at: usize| n[at] as u8;
    let order = |at: usize| Order {
        order_id: n[at % 8],
        instrument_id: n[(at + 1) % 8],
        quantity: signed[(at + 2) % 8],
        limit_price: signed[(at + 3) % 8],
        stop_distance: signed[(at + 4) % 8],
        strategies: n[(at + 5) % 8],
        side: byte((at + 6) % 8),
        order_type: byte((at + 7) % 8),
        time_in_force: byte((at + 2) % 8),
        flags: byte((at + 3) % 8),
        reserved: [byte(0); 4],
    };
    match which % 16 {
        0 => door.session_state(byte(0), signed[1]),
        1 => {
            let holdings = [0, 3].map(|at| Holding {
                instrument_id: n[at],
                quantity: signed[at + 1],
                settlement_price: signed[at + 2],
            });
            door.account(signed[6], &holdings[..usize::from(byte(7) % 3)], signed[7])
        }
        2 => door.cash(signed[0], signed[1]),
        3 | 4 => {
            let quote = Quote {
                instrument_id: n[0],
                bid: signed[1],
                ask: signed[2],
                last: signed[3],
                ts_ns: signed[4],
            };
            door.quotes(&[quote]).0
        }
        5 | 6 => door.decide(&order(0), signed[7]).0,
        7 => {
            let legs: Vec<Order> = (0..usize::from(byte(0) % 19)).map(order).collect();
            door.decide_linked(&legs, signed[7]).0
        }
        8 => {
            let request = Replace {
                order_id: n[0],
                original_id: n[1],
                quantity: signed[2],
                limit_price: signed[3],
                stop_distance: signed[4],
            };
            door.replace(&request, signed[7]).0
        }
        9 => door.cancel(n[0], signed[1]).0,
        10 | 11 => {
            let report = Report {
                order_id: n[0],
                instrument_id: n[1],
                last_quantity: signed[2],
                last_price: signed[3],
                cumulative_quantity: signed[4],
                leaves_quantity: signed[5],
                fee: signed[6],
                kind: byte(7),
                reserved: [0; 7],
            };
            door.report(&report, signed[3]).0
        }
        12 => door.settle(signed[0], usize::from(byte(1) % 5)).0,
        13 => door.halt(
            byte(0),
            n[1],
            ["", "NYSE", "alpha", "\u{e9}"][usize::from(byte(2) % 4)],
            byte(3) > 9,
        ),
        // SAFETY: the door's handle lives as long as the door.
        14 => unsafe { dnalyaw_risk_kill(door.0, signed[0]) },
        // SAFETY: as above.
        _ => unsafe {
            dnalyaw_risk_expect_flow(door.0, signed[0]);
            dnalyaw_risk_rearm(door.0)
        },
    }
}

fn play(calls: &[Call]) -> (Vec<i32>, [u8; 32]) {
    let door = Door::create(&first_day(), None).unwrap();
    // Without an account nothing gets far.
    if calls.len() % 4 > 0 {
        door.session_state(2, T0);
        door.account(1_000_000 * ONE, &[], T0);
        for instrument_id in 1..=6 {
            let quote = Quote {
                instrument_id,
                bid: 100 * ONE,
                ask: 100 * ONE,
                last: 100 * ONE,
                ts_ns: T0,
            };
            door.quotes(&[quote]);
        }
    }
    let answers = calls.iter().map(|call| make(&door, call)).collect();
    // SAFETY: the door's handle lives as long as the door.
    let checked = unsafe { dnalyaw_risk_check(door.0) };
    assert!(checked >= 0, "{}", door.fault());
    (answers, door.hash())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_answered(calls in prop::collection::vec((any::<u8>(), prop::array::uniform8(number())), 1..60)) {
        let (answers, hash) = play(&calls);
        for (answer, call) in answers.iter().zip(&calls) {
            prop_assert!(*answer >= Failure::Shadow as i32 && *answer < 8, "{} of {:?}", answer, call);
            prop_assert!(*answer != Failure::Panicked as i32, "{:?}", call);
        }
        prop_assert_eq!((answers, hash), play(&calls));
    }

    #[test]
    fn any_bytes_are_a_reference_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..4_000, byte in any::<u8>()) {
        for file in [bytes.clone(), {
            let mut file = first_day();
            let place = at % file.len();
            file[place] = byte;
            file
        }] {
            if let Err((code, text)) = Door::create(&file, Some(&bytes)) {
                prop_assert_eq!(code, Failure::Refused as i32);
                prop_assert!(text.starts_with("reference: ") || text.starts_with("tighter limits: "), "{}", text);
            }
        }
    }
}

#[test]
fn null_pointers_are_refused_before_anything_is_done() {
    use std::ptr::{null, null_mut};
    let door = Door::create(&first_day(), None).unwrap();
    let before = door.hash();
    let order = Order {
        order_id: 1,
        ..Order::default()
    };
    // SAFETY: null is what is refused; the rest lives through the calls.
    let codes = unsafe {
        [
            dnalyaw_risk_decide(door.0, null(), T0, &mut Decision::default()),
            dnalyaw_risk_decide(door.0, &order, T0, null_mut()),
            dnalyaw_risk_decide_linked(door.0, null(), 2, T0, &mut Decision::default()),
            dnalyaw_risk_replace(door.0, null(), T0, &mut Decision::default()),
            dnalyaw_risk_cancel(door.0, 1, T0, null_mut()),
            dnalyaw_risk_report(door.0, &Report::default(), T0, null_mut()),
            dnalyaw_risk_settle(door.0, T0, null_mut(), 3, &mut Settled::default()),
            dnalyaw_risk_settle(door.0, T0, null_mut(), 0, null_mut()),
            dnalyaw_risk_quotes(door.0, null(), 1, null_mut()),
            dnalyaw_risk_account(door.0, 1, null(), 1, T0),
            dnalyaw_risk_state(door.0, null_mut()),
            dnalyaw_risk_state_hash(door.0, null_mut()),
            dnalyaw_risk_positions(door.0, null_mut(), 1, &mut 0),
            dnalyaw_risk_open_session(door.0, null(), 1),
            dnalyaw_risk_kill(null_mut(), T0),
        ]
    };
    assert_eq!(codes, [Failure::Pointer as i32; 15]);
    assert_eq!(door.hash(), before);
}
