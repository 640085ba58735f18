"""The input of `dnalyaw bench replay`: made-up sessions in the files that `oms-backtest` reads, the same for a seed."""

from __future__ import annotations

import json
import struct
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000_000
OPEN_NS, SESSION_NS = (14 * 60 + 30) * 60 * SECOND, (6 * 60 + 30) * 60 * SECOND
CASH_MICRO = 1_000_000_000 * 1_000_000
CENT = 10_000
FIRST = date(2024, 1, 2)
STRATEGY = "replay"
DBN_RECORD = np.dtype(
    [
        *(("length", "u1"), ("rtype", "u1"), ("publisher", "<u2"), ("instrument", "<u4"), ("event", "<u8")),
        *(
            ("price", "<i8"),
            ("size", "<u4"),
            ("action", "u1"),
            ("side", "u1"),
            ("flags", "u1"),
            ("depth", "u1"),
        ),
        *(("received", "<u8"), ("delta", "<i4"), ("sequence", "<u4"), ("bid", "<i8"), ("ask", "<i8")),
        *(("bid_size", "<u4"), ("ask_size", "<u4"), ("bid_count", "<u4"), ("ask_count", "<u4")),
    ]
)
"""An mbp-1 record of Databento's encoding, version 3."""


def sessions(count: int) -> list[date]:
    """So many weekdays."""
    days = (FIRST + timedelta(days=n) for n in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


def opened(day: date) -> int:
    """When a session opens, ns UTC."""
    return int(np.datetime64(day, "ns").astype(np.int64)) + OPEN_NS


def prices(names: int, quotes: int, seed: int) -> NDArray[np.int64]:
    """Mid prices in cents: a lazy walk of each name, quotes dealt to the names in turn. Shape (quotes,)."""
    rng = np.random.default_rng(seed)
    rounds = -(-quotes // names)
    steps = rng.integers(-1, 2, (rounds, names), dtype=np.int64) * (rng.random((rounds, names)) < 0.2)
    start = 5_000 + 100 * np.arange(names, dtype=np.int64)
    return (start + np.cumsum(steps, axis=0)).ravel()[:quotes]


def write_orders(folder: Path, *, days: int, names: int, rounds: int, seed: int) -> None:
    """Sessions in which every name is turned over `rounds` times a session: one order a name and round."""
    run = []
    for number, day in enumerate(sessions(days)):
        place = folder / str(day)
        place.mkdir(parents=True)
        moments = opened(day) + np.linspace(SECOND, SESSION_NS - 60 * SECOND, rounds).astype(np.int64)
        mids = prices(names, names * (rounds + 1), seed + number).reshape(rounds + 1, names)
        lines = ["ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source"]
        for at, row in zip(np.concatenate([[opened(day)], moments - SECOND // 2]), mids, strict=True):
            lines += [
                f"{at},{name},N{name},quote,{(mid - 1) * CENT},{(mid + 1) * CENT},1000000,1000000,simulated"
                for name, mid in enumerate(row, 1)
            ]
        (place / "market.csv").write_text("\n".join(lines) + "\n")
        handoffs = [_handoff(day, int(at), number, names) for number, at in enumerate(moments)]
        run.append(_session(place, day, names, handoffs))
    _write_run(folder, run)


def write_quotes(folder: Path, *, names: int, quotes: int, handoffs: int, seed: int) -> Path:
    """One session of so many quotes in one file of Databento's encoding, with a few hand-offs; the file's path."""
    day = sessions(1)[0]
    place = folder / str(day)
    place.mkdir(parents=True)
    times = opened(day) + np.arange(quotes, dtype=np.int64) * ((SESSION_NS - SECOND) // quotes) + 1
    mids = prices(names, quotes, seed)
    records = np.zeros(quotes, DBN_RECORD)
    records["length"], records["rtype"], records["publisher"] = DBN_RECORD.itemsize // 4, 1, 1
    records["instrument"] = np.arange(quotes) % names + 1
    records["event"], records["received"] = times, times + 50_000
    records["action"], records["side"], records["sequence"] = ord("A"), ord("B"), np.arange(1, quotes + 1)
    records["bid"], records["ask"] = (mids - 1) * CENT * 1_000, (mids + 1) * CENT * 1_000
    sizes = np.random.default_rng(seed + 1).integers(1, 50, (2, quotes)) * 100
    records["bid_size"], records["ask_size"], records["price"] = sizes[0], sizes[1], records["bid"]
    path = place / "quotes.dbn"
    with path.open("wb") as file:
        file.write(_metadata(day, names))
        records.tofile(file)
    moments = opened(day) + np.linspace(SECOND, SESSION_NS - 60 * SECOND, handoffs).astype(np.int64)
    # Half of the names are held, so half of the quotes move the account.
    hands = [_handoff(day, int(at), number, names // 2) for number, at in enumerate(moments)]
    run = _session(place, day, names, hands) | {"quotes": [f"{day}/quotes.dbn"]}
    _write_run(folder, [run])
    return path


def _metadata(day: date, names: int) -> bytes:
    """What stands at the head of a DBN file: what it holds, and which symbol every number stands for."""

    def text(value: str, length: int) -> bytes:
        return value.encode().ljust(length, b"\0")

    def number(of: date) -> int:
        return of.year * 10_000 + of.month * 100 + of.day

    symbols = [f"N{name}" for name in range(1, names + 1)]
    body = text("SIM.BENCH", 16) + struct.pack("<HQQQBBBH", 1, opened(day), 0, 0, 255, 0, 0, 71)
    body = body.ljust(100, b"\0") + struct.pack("<I", 0)
    body += struct.pack("<I", names) + b"".join(text(symbol, 71) for symbol in symbols)
    body += struct.pack("<II", 0, 0) + struct.pack("<I", names)
    for at, symbol in enumerate(symbols, 1):
        body += text(symbol, 71) + struct.pack("<III", 1, number(day), number(day + timedelta(days=1)))
        body += text(str(at), 71)
    return b"DBN\x03" + struct.pack("<I", len(body)) + body


def _handoff(day: date, at: int, number: int, names: int) -> dict[str, Any]:
    """Weights that change in every name with every round."""
    targets = [
        {
            "instrument_id": name,
            "weight": 0.002 + 0.002 * ((name + number) % 2),
            "stop_distance": 20.0,
        }
        for name in range(1, names + 1)
    ]
    portfolio = {
        "strategy_id": STRATEGY,
        "as_of_ns": at - SECOND,
        "session": int(f"{day:%Y%m%d}"),
        "correlation": f"{number:032x}",
        "targets": targets,
    }
    return {"at_ns": at, "portfolios": [portfolio]}


def _session(place: Path, day: date, names: int, handoffs: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [
        {
            **{"instrument_id": name, "issuer_id": name, "label": f"N{name}.SIM", "symbol": f"N{name}"},
            **{"sector": str(name), "lot": 1, "tick_micro": CENT, "currency": "USD", "tradable": True},
            **{"volatility_bp": 150, "gap_bp": 500, "adv": 1_000_000_000},
            "close_micro": (5_000 + 100 * (name - 1)) * CENT,
        }
        for name in range(1, names + 1)
    ]
    reference = {
        "region": "US",
        "session": str(day),
        "currency": "USD",
        "generated_at": None,
        "instruments": rows,
    }
    market = {
        **{"region": "US", "session": str(day), "currency": "USD", "open_ns": opened(day)},
        **{
            "close_ns": opened(day) + SESSION_NS,
            "breaks": [],
            "actions": [],
            "initial_cash_micro": CASH_MICRO,
        },
        **{"fees": {"per_share_micro": 500}, "reject_bp": 0, "seed": 1},
    }
    for name, value in {"reference": reference, "market": market, "targets": handoffs}.items():
        (place / f"{name}.json").write_text(json.dumps(value))
    return {
        "session": str(day),
        "reference": f"{day}/reference.json",
        "market": f"{day}/market",
        "targets": f"{day}/targets.json",
    }


def _write_run(folder: Path, days: list[dict[str, Any]]) -> None:
    entry = {
        **{"seq": 1, "at": f"{FIRST}T00:00:00+00:00", "strategy_id": STRATEGY, "stage": "live"},
        **{"capital_fraction": 1, "max_leverage": 1, "reason": "bench"},
    }
    (folder / "register.jsonl").write_text(json.dumps(entry) + "\n")
    (folder / "run.json").write_text(json.dumps({"region": "US", "register": "register.jsonl", "days": days}))
