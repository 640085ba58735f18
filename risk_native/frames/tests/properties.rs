//! What must hold for any frame and any bytes.

use dnalyaw_frames::*;
use proptest::prelude::*;

fn text<const N: usize>() -> impl Strategy<Value = FixedText<N>> {
    "[ -~]{0,4}".prop_map(|text| FixedText::new(&text).expect("fits"))
}

fn long_text() -> impl Strategy<Value = FixedText<64>> {
    "\\PC{0,16}".prop_map(|text| FixedText::new(&text).expect("fits"))
}

fn legs() -> impl Strategy<Value = Legs> {
    prop_oneof![
        Just(Legs::ALONE),
        (2..=16_u8)
            .prop_flat_map(|legs| (1..=legs, Just(legs)))
            .prop_map(|(leg, legs)| Legs::new(leg, legs).expect("inside"))
    ]
}

fn path() -> impl Strategy<Value = Path> {
    proptest::sample::select(Path::ALL)
}

fn body() -> impl Strategy<Value = Body> {
    let session = || proptest::sample::select(SessionState::ALL);
    let trading = || proptest::sample::select(TradingState::ALL);
    prop_oneof![
        (any::<u32>(), text()).prop_map(|(session, region)| Body::Hello(Hello { session, region })),
        (
            any::<(u64, u64, i64, i64, i64, [u8; 16])>(),
            any::<(u8, u8, u8, u8)>(),
            legs(),
            path(),
            any::<u64>()
        )
            .prop_map(|(a, b, legs, path, strategies)| {
                Body::NewOrder(NewOrder {
                    order_id: a.0,
                    instrument_id: a.1,
                    quantity: a.2,
                    limit_price: a.3,
                    stop_distance: a.4,
                    correlation: a.5,
                    side: b.0,
                    order_type: b.1,
                    time_in_force: b.2,
                    flags: b.3,
                    legs,
                    path,
                    strategies,
                })
            }),
        any::<(u64, [u8; 16])>().prop_map(|(order_id, correlation)| Body::Cancel(Cancel {
            order_id,
            correlation
        })),
        (any::<[u8; 16]>(), long_text())
            .prop_map(|(correlation, who)| Body::Kill(Kill { correlation, who })),
        any::<u64>().prop_map(|nonce| Body::Sync(Sync { nonce })),
        any::<(u64, u64, i64, i64, i64, [u8; 16])>().prop_map(|a| Body::Replace(Replace {
            order_id: a.0,
            original_id: a.1,
            quantity: a.2,
            limit_price: a.3,
            stop_distance: a.4,
            correlation: a.5,
        })),
        Just(Body::Heartbeat),
        (any::<(u32, bool, u64, u64, u64)>(), trading(), text()).prop_map(
            |(a, trading_state, region)| {
                Body::Welcome(Welcome {
                    session: a.0,
                    trading_state,
                    venue_up: a.1,
                    last_order_id: a.2,
                    limits_hash: a.3,
                    reference_hash: a.4,
                    region,
                })
            }
        ),
        (
            any::<(u64, u64, i64, i64, u64, [u8; 16])>(),
            any::<(u16, i64, i64, i64, i64)>(),
            0..4_usize,
            path()
        )
            .prop_map(|(a, b, decision, path)| {
                Body::Decision(Decision {
                    order_id: a.0,
                    instrument_id: a.1,
                    requested_quantity: a.2,
                    approved_quantity: a.3,
                    limits_hash: a.4,
                    correlation: a.5,
                    decision: DecisionKind::ALL[decision],
                    path,
                    reason: b.0,
                    reference_price: b.1,
                    equity: b.2,
                    worst_case: b.3,
                    binding_limit: b.4,
                })
            }),
        (
            any::<(u64, u64, i64, i64, i64, i64, i64, u64)>(),
            proptest::sample::select(ExecType::ALL),
            1..=2_u8,
            any::<(u16, bool, i64, i64)>()
        )
            .prop_map(|(a, exec_type, side, b)| {
                Body::Exec(Exec {
                    order_id: a.0,
                    instrument_id: a.1,
                    last_quantity: a.2,
                    last_price: a.3,
                    cumulative_quantity: a.4,
                    leaves_quantity: a.5,
                    fee: a.6,
                    exec_id: a.7,
                    exec_type,
                    side,
                    reason: b.0,
                    replayed: b.1,
                    bid: b.2,
                    ask: b.3,
                })
            }),
        (
            trading(),
            session(),
            any::<(bool, u32, i64, i64, i64, i32, u16)>()
        )
            .prop_map(|(trading_state, session_state, a)| {
                Body::State(State {
                    trading_state,
                    venue_up: a.0,
                    session_state,
                    session: a.1,
                    equity: a.2,
                    baseline: a.3,
                    cash: a.4,
                    drawdown_bp: a.5,
                    reason: a.6,
                })
            }),
        any::<(u64, i64, i64)>().prop_map(|a| Body::Position(Position {
            instrument_id: a.0,
            quantity: a.1,
            mark: a.2
        })),
        any::<(u64, i64, i64, i64, i64)>().prop_map(|a| {
            Body::Price(PriceUpdate {
                instrument_id: a.0,
                bid: a.1,
                ask: a.2,
                last: a.3,
                ts_ns: a.4,
            })
        }),
        any::<(u64, u32, u32, u32)>().prop_map(|a| {
            Body::SyncEnd(SyncEnd {
                nonce: a.0,
                orders: a.1,
                positions: a.2,
                prices: a.3,
            })
        }),
        any::<(u64, u16)>()
            .prop_map(|(order_id, reason)| Body::Refused(Refused { order_id, reason })),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    (any::<u64>(), any::<i64>(), body()).prop_map(|(seq, ts_ns, body)| Frame { seq, ts_ns, body })
}

/// Puts a matching checksum on bytes that were changed on purpose.
fn resealed(mut bytes: [u8; FRAME_LEN]) -> [u8; FRAME_LEN] {
    // Bit by bit from the polynomial, so that the codec's own checksum is judged too.
    let mut crc = u32::MAX;
    for byte in bytes[..4].iter().chain(&bytes[8..]) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    bytes[4..8].copy_from_slice(&(!crc).to_le_bytes());
    bytes
}

proptest! {
    #[test]
    fn decode_undoes_encode(frame in frame()) {
        let bytes = frame.encode();
        prop_assert_eq!(resealed(bytes), bytes);
        prop_assert_eq!(Frame::decode(&bytes), Ok(frame));
    }

    #[test]
    fn any_flipped_bit_is_refused(frame in frame(), bit in 0..FRAME_LEN * 8) {
        let mut bytes = frame.encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Frame::decode(&bytes).is_err());
    }

    #[test]
    fn bytes_at_random_never_panic(bytes in any::<[u8; FRAME_LEN]>()) {
        prop_assert!(Frame::decode(&bytes).is_err());
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        kind in proptest::sample::select(Kind::ALL), mut bytes in any::<[u8; FRAME_LEN]>(), used in 24..FRAME_LEN
    ) {
        bytes[0] = VERSION;
        bytes[1] = kind as u8;
        bytes[2..4].fill(0);
        bytes[used..].fill(0);
        let bytes = resealed(bytes);
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }

    #[test]
    fn only_the_right_side_may_send_it(frame in frame()) {
        let bytes = frame.encode();
        let from_oms = (frame.body.kind() as u8) < 64;
        prop_assert_eq!(Frame::decode_from_oms(&bytes).is_ok(), from_oms);
        prop_assert_eq!(Frame::decode_from_risk(&bytes).is_ok(), !from_oms);
    }
}

fn refused() -> [u8; FRAME_LEN] {
    Frame {
        seq: 1,
        ts_ns: 2,
        body: Body::Refused(Refused {
            order_id: 3,
            reason: 44,
        }),
    }
    .encode()
}

#[test]
fn each_fault_is_named() {
    let with = |offset: usize, value: u8| {
        let mut bytes = refused();
        bytes[offset] = value;
        bytes
    };
    assert_eq!(Frame::decode(&with(0, 2)), Err(DecodeError::Version(2)));
    for offset in [1, 2, 3, 4, 24] {
        assert!(
            matches!(
                Frame::decode(&with(offset, 4)),
                Err(DecodeError::Crc { .. })
            ),
            "byte {offset}"
        );
    }
    assert_eq!(
        Frame::decode(&resealed(with(1, 8))),
        Err(DecodeError::Kind(8))
    );
    for offset in [2, 3] {
        assert_eq!(
            Frame::decode(&resealed(with(offset, 1))),
            Err(DecodeError::NotZero(offset))
        );
    }
    assert_eq!(
        Frame::decode(&resealed(with(34, 1))),
        Err(DecodeError::NotZero(34))
    );
    assert_eq!(
        Frame::decode(&resealed(with(127, 1))),
        Err(DecodeError::NotZero(127))
    );
}

#[test]
fn values_without_a_meaning_are_refused() {
    let state = State {
        trading_state: TradingState::Active,
        venue_up: true,
        session_state: SessionState::Open,
        session: 20_251_124,
        equity: 1,
        baseline: 1,
        cash: 1,
        drawdown_bp: 0,
        reason: 0,
    };
    let good = Frame {
        seq: 1,
        ts_ns: 0,
        body: Body::State(state),
    }
    .encode();
    for (offset, value, field) in [
        (24, 0, "trading_state"),
        (24, 5, "trading_state"),
        (25, 2, "venue_up"),
        (26, 5, "session_state"),
    ] {
        let mut bytes = good;
        bytes[offset] = value;
        assert_eq!(
            Frame::decode(&resealed(bytes)),
            Err(DecodeError::BadValue { field, offset })
        );
    }
}

/// Every pair of bytes: both 0, or a leg of 2 to 16.
#[test]
fn legs_are_of_one_order() {
    let good = Frame {
        seq: 1,
        ts_ns: 0,
        body: Body::NewOrder(NewOrder {
            order_id: 1,
            instrument_id: 2,
            quantity: 3,
            limit_price: 4,
            stop_distance: 5,
            correlation: [6; 16],
            side: 2,
            order_type: 2,
            time_in_force: 0,
            flags: 2,
            legs: Legs::ALONE,
            path: Path::Default,
            strategies: 0b101,
        }),
    }
    .encode();
    let mut taken = 0;
    for leg in 0..=u8::MAX {
        for legs in 0..=u8::MAX {
            let mut bytes = good;
            bytes[84] = leg;
            bytes[85] = legs;
            let decoded = Frame::decode(&resealed(bytes));
            if (leg, legs) == (0, 0) || (leg > 0 && leg <= legs && (2..17).contains(&legs)) {
                taken += 1;
                assert_eq!(decoded.expect("a leg").encode(), resealed(bytes));
            } else {
                let (field, offset) = ("legs", 84);
                assert_eq!(decoded, Err(DecodeError::BadValue { field, offset }));
            }
        }
    }
    assert_eq!(taken, 1 + (2..17).sum::<u32>());
}

/// Every byte where a path stands, in what omsd asks and in what riskd answers: 0, 1 and 2 are one.
#[test]
fn a_path_is_the_default_the_first_or_the_second() {
    for (vector, offset) in [("new_order_path_1", 86), ("decision_path_2", 81)] {
        let file = format!(
            "{}/../../proto/golden/{vector}.bin",
            env!("CARGO_MANIFEST_DIR")
        );
        let good: [u8; FRAME_LEN] = std::fs::read(file).expect(vector).try_into().expect("128");
        for value in 0..=u8::MAX {
            let mut bytes = good;
            bytes[offset] = value;
            let bytes = resealed(bytes);
            let path = Frame::decode(&bytes).map(|frame| match frame.body {
                Body::NewOrder(order) => order.path as u8,
                Body::Decision(decision) => decision.path as u8,
                other => panic!("{other:?}"),
            });
            let field = "path";
            let expected = if value < 3 {
                Ok(value)
            } else {
                Err(DecodeError::BadValue { field, offset })
            };
            assert_eq!(path, expected, "{vector}");
        }
    }
}

#[test]
fn region_is_ascii_and_zero_padded() {
    let good = Frame {
        seq: 1,
        ts_ns: 0,
        body: Body::Hello(Hello {
            session: 0,
            region: FixedText::new("US").expect("fits"),
        }),
    }
    .encode();
    for (offset, value) in [(31, b'X'), (28, 0xC3)] {
        let mut bytes = good;
        bytes[offset] = value;
        assert_eq!(
            Frame::decode(&resealed(bytes)),
            Err(DecodeError::BadValue {
                field: "region",
                offset: 28
            })
        );
    }
}

#[test]
fn text_that_does_not_fit_is_refused() {
    assert_eq!(FixedText::<4>::new("ABCDE"), Err(TextError::TooLong(5, 4)));
    assert_eq!(FixedText::<4>::new("A\0B"), Err(TextError::ZeroInside));
    assert_eq!(
        FixedText::<4>::new("é€").map(|_| ()),
        Err(TextError::TooLong(5, 4))
    );
}

#[test]
fn sequence_starts_at_one_and_has_no_gaps() {
    let (mut out, mut seen) = (SequenceOut::default(), SequenceIn::default());
    assert_eq!(seen.accept(out.take()), Ok(()));
    assert_eq!(seen.accept(out.take()), Ok(()));
    assert_eq!(
        seen.accept(2),
        Err(SequenceGap {
            expected: 3,
            found: 2
        })
    );
    assert_eq!(
        seen.accept(4),
        Err(SequenceGap {
            expected: 3,
            found: 4
        })
    );
    assert_eq!(seen.accept(3), Ok(()));
}
