//! Bytes out, bytes in. A reader records which bytes it took, so that all others can be held to zero.

use crate::error::DecodeError;
use crate::fields::FixedText;
use crate::kinds::{DecisionKind, ExecType, Kind, Path, SessionState, TradingState};
use crate::payload::*;
use crate::{FRAME_LEN, Frame, VERSION};

const HEADER: usize = 24;

fn put<const N: usize>(bytes: &mut [u8; FRAME_LEN], offset: usize, value: [u8; N]) {
    bytes[offset..offset + N].copy_from_slice(&value);
}

struct Reader<'a> {
    bytes: &'a [u8; FRAME_LEN],
    taken: u128,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self, offset: usize) -> [u8; N] {
        let mut value = [0_u8; N];
        value.copy_from_slice(&self.bytes[offset..offset + N]);
        self.taken |= ((1_u128 << N) - 1) << offset;
        value
    }

    fn u8(&mut self, offset: usize) -> u8 {
        self.array::<1>(offset)[0]
    }

    fn u16(&mut self, offset: usize) -> u16 {
        u16::from_le_bytes(self.array(offset))
    }

    fn u32(&mut self, offset: usize) -> u32 {
        u32::from_le_bytes(self.array(offset))
    }

    fn i32(&mut self, offset: usize) -> i32 {
        i32::from_le_bytes(self.array(offset))
    }

    fn u64(&mut self, offset: usize) -> u64 {
        u64::from_le_bytes(self.array(offset))
    }

    fn i64(&mut self, offset: usize) -> i64 {
        i64::from_le_bytes(self.array(offset))
    }

    fn choice<T>(
        &mut self,
        field: &'static str,
        offset: usize,
        from: fn(u8) -> Option<T>,
    ) -> Result<T, DecodeError> {
        from(self.u8(offset)).ok_or(DecodeError::BadValue { field, offset })
    }

    fn flag(&mut self, field: &'static str, offset: usize) -> Result<bool, DecodeError> {
        match self.u8(offset) {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::BadValue { field, offset }),
        }
    }

    fn text<const N: usize>(
        &mut self,
        field: &'static str,
        offset: usize,
    ) -> Result<FixedText<N>, DecodeError> {
        FixedText::from_bytes(self.array(offset))
            .map_err(|_| DecodeError::BadValue { field, offset })
    }

    fn region<const N: usize>(&mut self, offset: usize) -> Result<FixedText<N>, DecodeError> {
        let text = self.text::<N>("region", offset)?;
        if text.as_str().is_ascii() {
            Ok(text)
        } else {
            Err(DecodeError::BadValue {
                field: "region",
                offset,
            })
        }
    }

    fn legs(&mut self, offset: usize) -> Result<Legs, DecodeError> {
        let [leg, legs] = self.array(offset);
        Legs::new(leg, legs).ok_or(DecodeError::BadValue {
            field: "legs",
            offset,
        })
    }

    fn rest_is_zero(&self) -> Result<(), DecodeError> {
        for offset in HEADER..FRAME_LEN {
            if self.taken & (1_u128 << offset) == 0 && self.bytes[offset] != 0 {
                return Err(DecodeError::NotZero(offset));
            }
        }
        Ok(())
    }
}

pub(crate) fn encode(frame: &Frame) -> [u8; FRAME_LEN] {
    let mut bytes = [0_u8; FRAME_LEN];
    let b = &mut bytes;
    b[0] = VERSION;
    b[1] = frame.body.kind() as u8;
    put(b, 8, frame.seq.to_le_bytes());
    put(b, 16, frame.ts_ns.to_le_bytes());
    match &frame.body {
        Body::Hello(p) => {
            put(b, 24, p.session.to_le_bytes());
            put(b, 28, *p.region.as_bytes());
        }
        Body::NewOrder(p) => {
            put(b, 24, p.order_id.to_le_bytes());
            put(b, 32, p.instrument_id.to_le_bytes());
            put(b, 40, p.quantity.to_le_bytes());
            put(b, 48, p.limit_price.to_le_bytes());
            put(b, 56, p.stop_distance.to_le_bytes());
            put(b, 64, p.correlation);
            put(b, 80, [p.side, p.order_type, p.time_in_force, p.flags]);
            put(b, 84, [p.legs.leg(), p.legs.legs(), p.path as u8]);
            put(b, 88, p.strategies.to_le_bytes());
        }
        Body::Cancel(p) => {
            put(b, 24, p.order_id.to_le_bytes());
            put(b, 32, p.correlation);
        }
        Body::Kill(p) => {
            put(b, 24, p.correlation);
            put(b, 40, *p.who.as_bytes());
        }
        Body::Sync(p) => put(b, 24, p.nonce.to_le_bytes()),
        Body::Replace(p) => {
            put(b, 24, p.order_id.to_le_bytes());
            put(b, 32, p.original_id.to_le_bytes());
            put(b, 40, p.quantity.to_le_bytes());
            put(b, 48, p.limit_price.to_le_bytes());
            put(b, 56, p.stop_distance.to_le_bytes());
            put(b, 64, p.correlation);
        }
        Body::Heartbeat => {}
        Body::Welcome(p) => {
            put(b, 24, p.session.to_le_bytes());
            put(b, 28, [p.trading_state as u8, u8::from(p.venue_up)]);
            put(b, 32, p.last_order_id.to_le_bytes());
            put(b, 40, p.limits_hash.to_le_bytes());
            put(b, 48, p.reference_hash.to_le_bytes());
            put(b, 56, *p.region.as_bytes());
        }
        Body::Decision(p) => {
            put(b, 24, p.order_id.to_le_bytes());
            put(b, 32, p.instrument_id.to_le_bytes());
            put(b, 40, p.requested_quantity.to_le_bytes());
            put(b, 48, p.approved_quantity.to_le_bytes());
            put(b, 56, p.limits_hash.to_le_bytes());
            put(b, 64, p.correlation);
            put(b, 80, [p.decision as u8, p.path as u8]);
            put(b, 82, p.reason.to_le_bytes());
            put(b, 88, p.reference_price.to_le_bytes());
            put(b, 96, p.equity.to_le_bytes());
            put(b, 104, p.worst_case.to_le_bytes());
            put(b, 112, p.binding_limit.to_le_bytes());
        }
        Body::Exec(p) => {
            put(b, 24, p.order_id.to_le_bytes());
            put(b, 32, p.instrument_id.to_le_bytes());
            put(b, 40, p.last_quantity.to_le_bytes());
            put(b, 48, p.last_price.to_le_bytes());
            put(b, 56, p.cumulative_quantity.to_le_bytes());
            put(b, 64, p.leaves_quantity.to_le_bytes());
            put(b, 72, p.fee.to_le_bytes());
            put(b, 80, p.exec_id.to_le_bytes());
            put(b, 88, [p.exec_type as u8, p.side]);
            put(b, 90, p.reason.to_le_bytes());
            put(b, 92, [u8::from(p.replayed)]);
            put(b, 96, p.bid.to_le_bytes());
            put(b, 104, p.ask.to_le_bytes());
        }
        Body::State(p) => {
            put(
                b,
                24,
                [
                    p.trading_state as u8,
                    u8::from(p.venue_up),
                    p.session_state as u8,
                ],
            );
            put(b, 28, p.session.to_le_bytes());
            put(b, 32, p.equity.to_le_bytes());
            put(b, 40, p.baseline.to_le_bytes());
            put(b, 48, p.cash.to_le_bytes());
            put(b, 56, p.drawdown_bp.to_le_bytes());
            put(b, 60, p.reason.to_le_bytes());
        }
        Body::Position(p) => {
            put(b, 24, p.instrument_id.to_le_bytes());
            put(b, 32, p.quantity.to_le_bytes());
            put(b, 40, p.mark.to_le_bytes());
        }
        Body::Price(p) => {
            put(b, 24, p.instrument_id.to_le_bytes());
            put(b, 32, p.bid.to_le_bytes());
            put(b, 40, p.ask.to_le_bytes());
            put(b, 48, p.last.to_le_bytes());
            put(b, 56, p.ts_ns.to_le_bytes());
        }
        Body::SyncEnd(p) => {
            put(b, 24, p.nonce.to_le_bytes());
            put(b, 32, p.orders.to_le_bytes());
            put(b, 36, p.positions.to_le_bytes());
            put(b, 40, p.prices.to_le_bytes());
        }
        Body::Refused(p) => {
            put(b, 24, p.order_id.to_le_bytes());
            put(b, 32, p.reason.to_le_bytes());
        }
    }
    let crc = checksum(b);
    put(b, 4, crc.to_le_bytes());
    bytes
}

/// Over every byte but its own four: a flipped bit anywhere, the kind's included, is seen.
fn checksum(bytes: &[u8; FRAME_LEN]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..4]);
    crc.update(&bytes[8..]);
    crc.finalize()
}

pub(crate) fn decode(bytes: &[u8; FRAME_LEN]) -> Result<Frame, DecodeError> {
    if bytes[0] != VERSION {
        return Err(DecodeError::Version(bytes[0]));
    }
    let stated = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let computed = checksum(bytes);
    if stated != computed {
        return Err(DecodeError::Crc { stated, computed });
    }
    let kind = Kind::from_u8(bytes[1]).ok_or(DecodeError::Kind(bytes[1]))?;
    if let Some(offset) = [2, 3].into_iter().find(|offset| bytes[*offset] != 0) {
        return Err(DecodeError::NotZero(offset));
    }
    let mut r = Reader { bytes, taken: 0 };
    let (seq, ts_ns) = (r.u64(8), r.i64(16));
    let body = decode_body(kind, &mut r)?;
    r.rest_is_zero()?;
    Ok(Frame { seq, ts_ns, body })
}

fn decode_body(kind: Kind, r: &mut Reader<'_>) -> Result<Body, DecodeError> {
    Ok(match kind {
        Kind::Hello => Body::Hello(Hello {
            session: r.u32(24),
            region: r.region(28)?,
        }),
        Kind::NewOrder => Body::NewOrder(NewOrder {
            order_id: r.u64(24),
            instrument_id: r.u64(32),
            quantity: r.i64(40),
            limit_price: r.i64(48),
            stop_distance: r.i64(56),
            correlation: r.array(64),
            side: r.u8(80),
            order_type: r.u8(81),
            time_in_force: r.u8(82),
            flags: r.u8(83),
            legs: r.legs(84)?,
            path: r.choice("path", 86, Path::from_u8)?,
            strategies: r.u64(88),
        }),
        Kind::Cancel => Body::Cancel(Cancel {
            order_id: r.u64(24),
            correlation: r.array(32),
        }),
        Kind::Kill => Body::Kill(crate::Kill {
            correlation: r.array(24),
            who: r.text("who", 40)?,
        }),
        Kind::Sync => Body::Sync(crate::Sync { nonce: r.u64(24) }),
        Kind::Replace => Body::Replace(Replace {
            order_id: r.u64(24),
            original_id: r.u64(32),
            quantity: r.i64(40),
            limit_price: r.i64(48),
            stop_distance: r.i64(56),
            correlation: r.array(64),
        }),
        Kind::Heartbeat => Body::Heartbeat,
        Kind::Welcome => Body::Welcome(Welcome {
            session: r.u32(24),
            trading_state: r.choice("trading_state", 28, TradingState::from_u8)?,
            venue_up: r.flag("venue_up", 29)?,
            last_order_id: r.u64(32),
            limits_hash: r.u64(40),
            reference_hash: r.u64(48),
            region: r.region(56)?,
        }),
        Kind::Decision => Body::Decision(Decision {
            order_id: r.u64(24),
            instrument_id: r.u64(32),
            requested_quantity: r.i64(40),
            approved_quantity: r.i64(48),
            limits_hash: r.u64(56),
            correlation: r.array(64),
            decision: r.choice("decision", 80, DecisionKind::from_u8)?,
            path: r.choice("path", 81, Path::from_u8)?,
            reason: r.u16(82),
            reference_price: r.i64(88),
            equity: r.i64(96),
            worst_case: r.i64(104),
            binding_limit: r.i64(112),
        }),
        Kind::Exec => Body::Exec(Exec {
            order_id: r.u64(24),
            instrument_id: r.u64(32),
            last_quantity: r.i64(40),
            last_price: r.i64(48),
            cumulative_quantity: r.i64(56),
            leaves_quantity: r.i64(64),
            fee: r.i64(72),
            exec_id: r.u64(80),
            exec_type: r.choice("exec_type", 88, ExecType::from_u8)?,
            side: r.choice("side", 89, |side| matches!(side, 1 | 2).then_some(side))?,
            reason: r.u16(90),
            replayed: r.flag("flags", 92)?,
            bid: r.i64(96),
            ask: r.i64(104),
        }),
        Kind::State => Body::State(State {
            trading_state: r.choice("trading_state", 24, TradingState::from_u8)?,
            venue_up: r.flag("venue_up", 25)?,
            session_state: r.choice("session_state", 26, SessionState::from_u8)?,
            session: r.u32(28),
            equity: r.i64(32),
            baseline: r.i64(40),
            cash: r.i64(48),
            drawdown_bp: r.i32(56),
            reason: r.u16(60),
        }),
        Kind::Position => Body::Position(Position {
            instrument_id: r.u64(24),
            quantity: r.i64(32),
            mark: r.i64(40),
        }),
        Kind::Price => Body::Price(PriceUpdate {
            instrument_id: r.u64(24),
            bid: r.i64(32),
            ask: r.i64(40),
            last: r.i64(48),
            ts_ns: r.i64(56),
        }),
        Kind::SyncEnd => Body::SyncEnd(SyncEnd {
            nonce: r.u64(24),
            orders: r.u32(32),
            positions: r.u32(36),
            prices: r.u32(40),
        }),
        Kind::Refused => Body::Refused(Refused {
            order_id: r.u64(24),
            reason: r.u16(32),
        }),
    })
}
