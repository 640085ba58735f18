"""Write the golden vectors of the frames between omsd and riskd.

An encoder of its own, from the tables in `docs/contracts.md`: it shares no code with the codecs it judges.
Run it from anywhere: ``python tests/native/make_golden.py``; the files land in ``proto/golden``.
"""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parents[2] / "proto" / "golden"
FRAME_LEN = 128

# (field, offset, struct format) a kind; "Ns" is N raw bytes.
LAYOUTS: dict[int, tuple[str, list[tuple[str, int, str]]]] = {
    1: ("HELLO", [("session", 24, "<I"), ("region", 28, "4s")]),
    2: (
        "NEW_ORDER",
        [
            ("order_id", 24, "<Q"),
            ("instrument_id", 32, "<Q"),
            ("qty", 40, "<q"),
            ("limit_px", 48, "<q"),
            ("stop_distance", 56, "<q"),
            ("correlation", 64, "16s"),
            ("side", 80, "<B"),
            ("type", 81, "<B"),
            ("tif", 82, "<B"),
            ("flags", 83, "<B"),
            ("leg", 84, "<B"),
            ("legs", 85, "<B"),
            ("path", 86, "<B"),
            ("strategies", 88, "<Q"),
        ],
    ),
    3: ("CANCEL", [("order_id", 24, "<Q"), ("correlation", 32, "16s")]),
    4: ("KILL", [("correlation", 24, "16s"), ("who", 40, "64s")]),
    5: ("SYNC", [("nonce", 24, "<Q")]),
    6: (
        "REPLACE",
        [
            ("order_id", 24, "<Q"),
            ("original_id", 32, "<Q"),
            ("qty", 40, "<q"),
            ("limit_px", 48, "<q"),
            ("stop_distance", 56, "<q"),
            ("correlation", 64, "16s"),
        ],
    ),
    7: ("HEARTBEAT", []),
    64: (
        "WELCOME",
        [
            ("session", 24, "<I"),
            ("trading_state", 28, "<B"),
            ("venue_up", 29, "<B"),
            ("last_order_id", 32, "<Q"),
            ("limits_hash", 40, "<Q"),
            ("reference_hash", 48, "<Q"),
            ("region", 56, "8s"),
        ],
    ),
    65: (
        "DECISION",
        [
            ("order_id", 24, "<Q"),
            ("instrument_id", 32, "<Q"),
            ("requested_qty", 40, "<q"),
            ("approved_qty", 48, "<q"),
            ("limits_hash", 56, "<Q"),
            ("correlation", 64, "16s"),
            ("decision", 80, "<B"),
            ("path", 81, "<B"),
            ("reason", 82, "<H"),
            ("reference_px", 88, "<q"),
            ("equity", 96, "<q"),
            ("worst_case", 104, "<q"),
            ("binding_limit", 112, "<q"),
        ],
    ),
    66: (
        "EXEC",
        [
            ("order_id", 24, "<Q"),
            ("instrument_id", 32, "<Q"),
            ("last_qty", 40, "<q"),
            ("last_px", 48, "<q"),
            ("cum_qty", 56, "<q"),
            ("leaves_qty", 64, "<q"),
            ("fee", 72, "<q"),
            ("exec_id", 80, "<Q"),
            ("exec_type", 88, "<B"),
            ("side", 89, "<B"),
            ("reason", 90, "<H"),
            ("flags", 92, "<B"),
            ("bid", 96, "<q"),
            ("ask", 104, "<q"),
        ],
    ),
    67: (
        "STATE",
        [
            ("trading_state", 24, "<B"),
            ("venue_up", 25, "<B"),
            ("session_state", 26, "<B"),
            ("session", 28, "<I"),
            ("equity", 32, "<q"),
            ("baseline", 40, "<q"),
            ("cash", 48, "<q"),
            ("drawdown_bp", 56, "<i"),
            ("reason", 60, "<H"),
        ],
    ),
    68: ("POSITION", [("instrument_id", 24, "<Q"), ("qty", 32, "<q"), ("mark_px", 40, "<q")]),
    69: (
        "PRICE",
        [
            ("instrument_id", 24, "<Q"),
            ("bid", 32, "<q"),
            ("ask", 40, "<q"),
            ("last", 48, "<q"),
            ("price_ts_ns", 56, "<q"),
        ],
    ),
    70: (
        "SYNC_END",
        [("nonce", 24, "<Q"), ("orders", 32, "<I"), ("positions", 36, "<I"), ("prices", 40, "<I")],
    ),
    71: ("REFUSED", [("order_id", 24, "<Q"), ("reason", 32, "<H")]),
}

CORRELATION = "000102030405060708090a0b0c0d0e0f"
OTHER_CORRELATION = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"
LIMITS_HASH = 0x0123456789ABCDEF
REFERENCE_HASH = 0xFEDCBA9876543210
I64_MAX, I64_MIN, U64_MAX, U32_MAX = 2**63 - 1, -(2**63), 2**64 - 1, 2**32 - 1
T0 = 1_763_908_200_000_000_000  # 2025-11-23 14:30:00 UTC

# name, kind, sequence, ts_ns, fields. Correlation ids are hex; texts are text.
VECTORS: list[tuple[str, int, int, int, dict[str, Any]]] = [
    ("hello", 1, 1, T0, {"session": 20251124, "region": "US"}),
    ("hello_any_session", 1, 1, 0, {"session": 0, "region": "HK"}),
    (
        "new_order_limit_buy",
        2,
        2,
        T0 + 1,
        {
            "order_id": 1001,
            "instrument_id": 42,
            "qty": 300,
            "limit_px": 187_250_000,
            "stop_distance": 5_600_000,
            "correlation": CORRELATION,
            "side": 1,
            "type": 2,
            "tif": 0,
            "flags": 0,
            "leg": 0,
            "legs": 0,
            "path": 0,
            "strategies": 0,
        },
    ),
    (
        "new_order_market_sell_reduce_only",
        2,
        3,
        T0 + 2,
        {
            "order_id": 1002,
            "instrument_id": 7,
            "qty": 1,
            "limit_px": 0,
            "stop_distance": 0,
            "correlation": OTHER_CORRELATION,
            "side": 2,
            "type": 1,
            "tif": 3,
            "flags": 1,
            "leg": 0,
            "legs": 0,
            "path": 0,
            "strategies": 0,
        },
    ),
    (
        "new_order_extremes",
        2,
        U64_MAX,
        I64_MAX,
        {
            "order_id": U64_MAX,
            "instrument_id": U64_MAX - 1,
            "qty": I64_MIN,
            "limit_px": I64_MAX,
            "stop_distance": -1,
            "correlation": "ff" * 16,
            "side": 255,
            "type": 254,
            "tif": 253,
            "flags": 252,
            "leg": 0,
            "legs": 0,
            "path": 0,
            "strategies": 0,
        },
    ),
    *[
        (
            f"new_order_leg_{leg}_of_{legs}",
            2,
            7 + leg,
            T0 + 40 + leg,
            {
                "order_id": 1004 + leg,
                "instrument_id": 44 + leg,
                "qty": 100 * leg,
                "limit_px": 25_500_000,
                "stop_distance": 0,
                "correlation": CORRELATION,
                "side": 2 - leg % 2,
                "type": 2,
                "tif": 0,
                "flags": 2 if leg == 2 else 0,
                "leg": leg,
                "legs": legs,
                "path": 0,
                "strategies": strategies,
            },
        )
        for leg, legs, strategies in [(1, 2, 0b101), (2, 2, 1 << 63), (16, 16, 1)]
    ],
    *[
        (
            f"new_order_path_{path}",
            2,
            30 + path,
            T0 + 60 + path,
            {
                "order_id": 1030 + path,
                "instrument_id": 42,
                "qty": 300,
                "limit_px": 187_250_000,
                "stop_distance": 5_600_000,
                "correlation": CORRELATION,
                "side": 1,
                "type": 2,
                "tif": 0,
                "flags": 0,
                "leg": 0,
                "legs": 0,
                "path": path,
                "strategies": 3,
            },
        )
        for path in (1, 2)
    ],
    (
        "replace",
        6,
        8,
        T0 + 50,
        {
            "order_id": 1007,
            "original_id": 1001,
            "qty": 250,
            "limit_px": 187_300_000,
            "stop_distance": 5_500_000,
            "correlation": CORRELATION,
        },
    ),
    (
        "replace_extremes",
        6,
        9,
        I64_MIN,
        {
            "order_id": U64_MAX,
            "original_id": U64_MAX - 1,
            "qty": I64_MIN,
            "limit_px": -1,
            "stop_distance": I64_MAX,
            "correlation": "ff" * 16,
        },
    ),
    ("heartbeat", 7, 10, T0 + 51, {}),
    ("cancel", 3, 4, T0 + 3, {"order_id": 1001, "correlation": CORRELATION}),
    ("kill", 4, 5, T0 + 4, {"correlation": CORRELATION, "who": "operator: runaway spread — stop"}),
    ("kill_full_text", 4, 6, T0 + 5, {"correlation": OTHER_CORRELATION, "who": "k" * 64}),
    ("sync", 5, 7, T0 + 6, {"nonce": 0x1122334455667788}),
    (
        "welcome",
        64,
        1,
        T0,
        {
            "session": 20251124,
            "trading_state": 1,
            "venue_up": 1,
            "last_order_id": 1000,
            "limits_hash": LIMITS_HASH,
            "reference_hash": REFERENCE_HASH,
            "region": "US",
        },
    ),
    (
        "decision_approve",
        65,
        2,
        T0 + 10,
        {
            "order_id": 1001,
            "instrument_id": 42,
            "requested_qty": 300,
            "approved_qty": 300,
            "limits_hash": LIMITS_HASH,
            "correlation": CORRELATION,
            "decision": 1,
            "path": 0,
            "reason": 0,
            "reference_px": 187_000_000,
            "equity": 2_000_000_000_000,
            "worst_case": 56_175_000_000,
            "binding_limit": 100_000_000_000,
        },
    ),
    (
        "decision_reduce",
        65,
        3,
        T0 + 11,
        {
            "order_id": 1003,
            "instrument_id": 43,
            "requested_qty": 1000,
            "approved_qty": 500,
            "limits_hash": LIMITS_HASH,
            "correlation": OTHER_CORRELATION,
            "decision": 2,
            "path": 0,
            "reason": 1,
            "reference_px": 200_000_000,
            "equity": 2_000_000_000_000,
            "worst_case": 100_000_000_000,
            "binding_limit": 100_000_000_000,
        },
    ),
    (
        "decision_reject",
        65,
        4,
        T0 + 12,
        {
            "order_id": 1004,
            "instrument_id": 44,
            "requested_qty": -5,
            "approved_qty": 0,
            "limits_hash": LIMITS_HASH,
            "correlation": CORRELATION,
            "decision": 3,
            "path": 0,
            "reason": 20,
            "reference_px": 0,
            "equity": 0,
            "worst_case": 0,
            "binding_limit": 0,
        },
    ),
    (
        "decision_flatten",
        65,
        5,
        T0 + 13,
        {
            "order_id": 2**62 + 1,
            "instrument_id": 42,
            "requested_qty": 300,
            "approved_qty": 300,
            "limits_hash": LIMITS_HASH,
            "correlation": "00" * 16,
            "decision": 4,
            "path": 0,
            "reason": 3,
            "reference_px": 160_000_000,
            "equity": 1_890_000_000_000,
            "worst_case": 0,
            "binding_limit": 1_900_000_000_000,
        },
    ),
    *[
        (
            f"decision_path_{path}",
            65,
            21 + path,
            T0 + 14 + path,
            {
                "order_id": 1030 + path,
                "instrument_id": 42,
                "requested_qty": 300,
                "approved_qty": 300,
                "limits_hash": LIMITS_HASH,
                "correlation": CORRELATION,
                "decision": 1,
                "path": path,
                "reason": 0,
                "reference_px": 187_000_000,
                "equity": 2_000_000_000_000,
                "worst_case": 56_175_000_000,
                "binding_limit": 100_000_000_000,
            },
        )
        for path in (1, 2)
    ],
    *[
        (
            f"exec_{name}",
            66,
            6 + i,
            T0 + 20 + i,
            {
                "order_id": 1001,
                "instrument_id": 42,
                "last_qty": last,
                "last_px": 187_120_000 if last else 0,
                "cum_qty": cum,
                "leaves_qty": leaves,
                "fee": 1_000_000 if last else 0,
                "exec_id": 0xA0A1A2A3A4A5A600 + i,
                "exec_type": exec_type,
                "side": 1,
                "reason": reason,
                "flags": i % 2,
                "bid": 187_100_000,
                "ask": 187_140_000,
            },
        )
        for i, (name, exec_type, last, cum, leaves, reason) in enumerate(
            [
                ("new", 0, 0, 0, 300, 0),
                ("partial", 1, 100, 100, 200, 0),
                ("fill", 2, 200, 300, 0, 0),
                ("cancelled", 4, 0, 100, 0, 42),
                ("rejected", 8, 0, 0, 0, 40),
                ("unknown", 9, 0, 100, 200, 0),
                ("expired", 12, 0, 100, 0, 43),
                ("replaced", 5, 0, 100, 150, 59),
                ("corrected", 13, 0, 60, 0, 0),
            ]
        )
    ],
    (
        "state_active",
        67,
        13,
        T0 + 30,
        {
            "trading_state": 1,
            "venue_up": 1,
            "session_state": 2,
            "session": 20251124,
            "equity": 2_000_500_000_000,
            "baseline": 2_000_000_000_000,
            "cash": 1_500_000_000_000,
            "drawdown_bp": -2,
            "reason": 0,
        },
    ),
    (
        "state_killed",
        67,
        14,
        T0 + 31,
        {
            "trading_state": 4,
            "venue_up": 0,
            "session_state": 3,
            "session": 20251124,
            "equity": 1_900_000_000_000,
            "baseline": 2_000_000_000_000,
            "cash": -1,
            "drawdown_bp": 500,
            "reason": 3,
        },
    ),
    ("position_long", 68, 15, T0 + 32, {"instrument_id": 42, "qty": 300, "mark_px": 187_120_000}),
    ("position_short", 68, 16, T0 + 33, {"instrument_id": 43, "qty": -15, "mark_px": 1}),
    (
        "price",
        69,
        17,
        T0 + 34,
        {
            "instrument_id": 42,
            "bid": 187_100_000,
            "ask": 187_140_000,
            "last": 187_120_000,
            "price_ts_ns": T0 + 34,
        },
    ),
    (
        "price_auction_before_epoch",
        69,
        18,
        -1,
        {"instrument_id": 1, "bid": 0, "ask": 0, "last": 450_200, "price_ts_ns": -1},
    ),
    (
        "sync_end",
        70,
        19,
        T0 + 35,
        {"nonce": 0x1122334455667788, "orders": 3, "positions": 2, "prices": U32_MAX},
    ),
    ("refused", 71, 20, T0 + 36, {"order_id": 999, "reason": 44}),
    ("refused_no_order", 71, 21, T0 + 37, {"order_id": 0, "reason": 30}),
]


def _raw(name: str, value: Any) -> Any:
    if name == "correlation":
        return bytes.fromhex(value)
    return value.encode() if isinstance(value, str) else value


def encode(kind: int, seq: int, ts_ns: int, fields: dict[str, Any]) -> bytes:
    """Return the 128 bytes of one frame.

    Parameters
    ----------
    kind : int
        The kind byte.
    seq : int
        Sequence number.
    ts_ns : int
        Nanoseconds since the Unix epoch, UTC.
    fields : dict
        Every field of the kind's payload, by name.

    Raises
    ------
    ValueError
        When the names are not exactly the kind's fields.
    """
    _, layout = LAYOUTS[kind]
    if set(fields) != {name for name, _, _ in layout}:
        raise ValueError(f"kind {kind}: fields {sorted(fields)} are not the payload's")
    frame = bytearray(FRAME_LEN)
    struct.pack_into("<BBHIQq", frame, 0, 1, kind, 0, 0, seq, ts_ns)
    for name, offset, form in layout:
        struct.pack_into(form, frame, offset, _raw(name, fields[name]))
    struct.pack_into("<I", frame, 4, zlib.crc32(frame[:4] + frame[8:]))
    return bytes(frame)


def entries() -> list[dict[str, Any]]:
    """Return what ``frames.json`` holds: name, file, kind, kind_name, seq, ts_ns and the payload's fields."""
    return [
        {
            "name": name,
            "file": f"{name}.bin",
            "kind": kind,
            "kind_name": LAYOUTS[kind][0],
            "seq": seq,
            "ts_ns": ts_ns,
            "fields": fields,
        }
        for name, kind, seq, ts_ns, fields in VECTORS
    ]


def main() -> None:
    """Write ``frames.json`` and one ``.bin`` a vector."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, kind, seq, ts_ns, fields in VECTORS:
        (GOLDEN / f"{name}.bin").write_bytes(encode(kind, seq, ts_ns, fields))
    text = json.dumps(entries(), indent=1, ensure_ascii=False)
    (GOLDEN / "frames.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
