//! The codec against bytes written by an encoder that shares nothing with it.

use std::path::PathBuf;

use dnalyaw_frames::{Body, FRAME_LEN, Frame};
use serde_json::{Map, Value, json};

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto/golden")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The payload under the contract's field names.
fn fields(body: &Body) -> Value {
    match body {
        Body::Hello(p) => json!({"session": p.session, "region": p.region.as_str()}),
        Body::NewOrder(p) => json!({
            "order_id": p.order_id, "instrument_id": p.instrument_id, "qty": p.quantity, "limit_px": p.limit_price,
            "stop_distance": p.stop_distance, "correlation": hex(&p.correlation), "side": p.side, "type": p.order_type,
            "tif": p.time_in_force, "flags": p.flags, "leg": p.legs.leg(), "legs": p.legs.legs(),
            "path": p.path as u8, "strategies": p.strategies}),
        Body::Cancel(p) => json!({"order_id": p.order_id, "correlation": hex(&p.correlation)}),
        Body::Kill(p) => json!({"correlation": hex(&p.correlation), "who": p.who.as_str()}),
        Body::Sync(p) => json!({"nonce": p.nonce}),
        Body::Replace(p) => json!({
            "order_id": p.order_id, "original_id": p.original_id, "qty": p.quantity, "limit_px": p.limit_price,
            "stop_distance": p.stop_distance, "correlation": hex(&p.correlation)}),
        Body::Heartbeat => json!({}),
        Body::Welcome(p) => json!({
            "session": p.session, "trading_state": p.trading_state as u8, "venue_up": u8::from(p.venue_up),
            "last_order_id": p.last_order_id, "limits_hash": p.limits_hash, "reference_hash": p.reference_hash,
            "region": p.region.as_str()}),
        Body::Decision(p) => json!({
            "order_id": p.order_id, "instrument_id": p.instrument_id, "requested_qty": p.requested_quantity,
            "approved_qty": p.approved_quantity, "limits_hash": p.limits_hash, "correlation": hex(&p.correlation),
            "decision": p.decision as u8, "path": p.path as u8, "reason": p.reason, "reference_px": p.reference_price, "equity": p.equity,
            "worst_case": p.worst_case, "binding_limit": p.binding_limit}),
        Body::Exec(p) => json!({
            "order_id": p.order_id, "instrument_id": p.instrument_id, "last_qty": p.last_quantity,
            "last_px": p.last_price, "cum_qty": p.cumulative_quantity, "leaves_qty": p.leaves_quantity, "fee": p.fee,
            "exec_id": p.exec_id, "exec_type": p.exec_type as u8, "side": p.side, "reason": p.reason,
            "flags": u8::from(p.replayed), "bid": p.bid, "ask": p.ask}),
        Body::State(p) => json!({
            "trading_state": p.trading_state as u8, "venue_up": u8::from(p.venue_up),
            "session_state": p.session_state as u8, "session": p.session, "equity": p.equity, "baseline": p.baseline,
            "cash": p.cash, "drawdown_bp": p.drawdown_bp, "reason": p.reason}),
        Body::Position(p) => {
            json!({"instrument_id": p.instrument_id, "qty": p.quantity, "mark_px": p.mark})
        }
        Body::Price(p) => json!({
            "instrument_id": p.instrument_id, "bid": p.bid, "ask": p.ask, "last": p.last, "price_ts_ns": p.ts_ns}),
        Body::SyncEnd(p) => {
            json!({"nonce": p.nonce, "orders": p.orders, "positions": p.positions, "prices": p.prices})
        }
        Body::Refused(p) => json!({"order_id": p.order_id, "reason": p.reason}),
    }
}

#[test]
fn decodes_to_the_stated_fields_and_encodes_back_to_the_same_bytes() {
    let text =
        std::fs::read_to_string(golden().join("frames.json")).expect("proto/golden/frames.json");
    let entries: Vec<Map<String, Value>> = serde_json::from_str(&text).expect("a list of objects");
    let mut kinds = std::collections::BTreeSet::new();
    for entry in &entries {
        let name = entry["name"].as_str().expect("name");
        let bytes =
            std::fs::read(golden().join(entry["file"].as_str().expect("file"))).expect(name);
        let bytes: [u8; FRAME_LEN] = bytes.try_into().expect("128 bytes");
        let frame = Frame::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(json!(frame.seq), entry["seq"], "{name}");
        assert_eq!(json!(frame.ts_ns), entry["ts_ns"], "{name}");
        assert_eq!(json!(frame.body.kind() as u8), entry["kind"], "{name}");
        assert_eq!(fields(&frame.body), entry["fields"], "{name}");
        assert_eq!(frame.encode(), bytes, "{name}");
        for bit in 0..FRAME_LEN * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::decode(&flipped).is_err(), "{name}: bit {bit}");
        }
        kinds.insert(frame.body.kind());
    }
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        dnalyaw_frames::Kind::ALL,
        "every kind has a vector"
    );
}
