"""The files that the compiled runtime reads before the open, written atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.runtime._layout import Layout
from dnalyaw.runtime._venue_model import FEES, venue_model

MICRO = 1_000_000
NANOS = 1_000

INITIAL_CASH: Mapping[str, int] = {"US": 10_000_000, "HK": 50_000_000}
"""Cash of a new paper account, in the region's currency."""

MAX_STRATEGIES = 64
"""Strategies that an order's mask can name."""

VENUE_ACTIONS = ("split", "dividend", "delisting")
"""Corporate actions that the simulated venue applies to an account."""

REJECT_BP = 30
"""Share of orders that the simulated venue rejects, in basis points."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One strategy's line of the register: what it may trade."""

    strategy_id: str
    stage: str
    capital_fraction: float
    max_leverage: float
    reason: str


def write_atomically(path: Path, data: bytes) -> None:
    """Write, sync and rename, so that a reader finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def write_reference(
    layout: Layout,
    session: date,
    currency: str,
    instruments: Sequence[Mapping[str, Any]],
    generated_at: datetime,
    *,
    strategies: Sequence[str] = (),
    firm_currency: str | None = None,
    firm_rate: float | None = None,
) -> None:
    """Write ``reference.json``: what riskd knows of every instrument that may be traded.

    Parameters
    ----------
    instruments : sequence of mapping
        Rows as the contract has them.
    strategies : sequence of str
        Their place is their bit in an order's mask; at most `MAX_STRATEGIES`.
    firm_currency : str, optional
        Currency in which the firm's drawdown is counted; None is the account's.
    firm_rate : float, optional
        Units of it for one of the account's. Not written when it is not known: riskd then takes no new risk.

    Raises
    ------
    ValueError
        When there are more strategies than bits, or the rate is no positive number.
    """
    if len(strategies) > MAX_STRATEGIES:
        raise ValueError(
            f"{layout.register} names {len(strategies)} strategies and an order's mask has {MAX_STRATEGIES} bits; "
            f"begin a new register"
        )
    document: dict[str, Any] = {
        "region": layout.region,
        "session": session.isoformat(),
        "currency": currency,
        "generated_at": generated_at.astimezone(UTC).isoformat(),
        "strategies": list(strategies),
        "instruments": sorted(instruments, key=lambda row: row["instrument_id"]),
    }
    if firm_currency is not None and firm_currency != currency:
        document["firm_currency"] = firm_currency
        if firm_rate is not None:
            if not (isfinite(firm_rate) and round(firm_rate * MICRO) > 0):
                raise ValueError(
                    f"the rate of {currency} in {firm_currency} is {firm_rate}: give units of {firm_currency} for one "
                    f"of {currency}, a number above 0"
                )
            document["firm_rate_micro"] = round(firm_rate * MICRO)
    write_atomically(layout.reference, json.dumps(document, indent=1).encode())


def write_market(
    layout: Layout,
    session: date,
    events: pl.DataFrame,
    symbols: Mapping[int, str],
    *,
    times: tuple[datetime, datetime, Sequence[tuple[datetime, datetime]]],
    actions: pl.DataFrame,
    currency: str,
    seed: int,
    instruments: Sequence[Mapping[str, Any]] = (),
    model: Mapping[str, Any] | None = None,
) -> None:
    """Write what the simulated venue replays on a session, and on what terms it trades.

    Parameters
    ----------
    events : polars.DataFrame
        `market_events` of a provider.
    symbols : mapping of instrument_id to str
        Instruments that are not in it are left out: riskd has no reference for them.
    times : (open, close, breaks)
        UTC.
    actions : polars.DataFrame
        Corporate actions that fall due at this session's start, of the kinds `VENUE_ACTIONS`.
    instruments : sequence of mapping
        Rows of the reference: what the venue's model may know of them.
    model : mapping, optional
        Parts of the venue's model beside settlement and dated fees: queues, impact, latency (docs/simvenue.md).
    """
    stem = layout.market(session)
    table = (
        events.filter(pl.col("instrument_id").is_in(list(symbols)))
        .select(
            pl.col("event_time").dt.epoch("us").mul(NANOS).alias("ts_ns"),
            "instrument_id",
            pl.col("instrument_id").replace_strict(symbols, return_dtype=pl.String).alias("symbol"),
            "kind",
            *(_micro(name) for name in ("bid", "ask")),
            *(pl.col(name).floor().cast(pl.Int64) for name in ("bid_size", "ask_size")),
            "source",
        )
        .sort("ts_ns", "instrument_id", maintain_order=True)
    )
    write_atomically(stem.with_suffix(".csv"), table.write_csv().encode())
    opened, closed, breaks = times
    document = {
        "region": layout.region,
        "session": session.isoformat(),
        "currency": currency,
        "open_ns": nanos(opened),
        "close_ns": nanos(closed),
        "breaks": [[nanos(start), nanos(end)] for start, end in breaks],
        "actions": [_action(row) for row in actions.iter_rows(named=True)],
        "initial_cash_micro": INITIAL_CASH[layout.region] * MICRO,
        "fees": dict(FEES[layout.region]),
        "model": venue_model(layout.region, session, instruments, model),
        "reject_bp": REJECT_BP,
        "seed": seed,
    }
    write_atomically(stem.with_suffix(".json"), json.dumps(document, indent=1).encode())


def update_register(layout: Layout, stages: Sequence[Stage], at: datetime) -> int:
    """Append a line for every strategy whose stage or capital changed; the number of lines appended."""
    lines = _register_lines(layout)
    in_force = {line["strategy_id"]: line for line in lines}
    changed = [
        stage
        for stage in stages
        if {k: v for k, v in in_force.get(stage.strategy_id, {}).items() if k not in ("seq", "at", "reason")}
        != {k: v for k, v in asdict(stage).items() if k != "reason"}
    ]
    if changed:
        layout.register.parent.mkdir(parents=True, exist_ok=True)
        with layout.register.open("a") as file:
            for number, stage in enumerate(changed, len(lines) + 1):
                file.write(json.dumps({"seq": number, "at": at.isoformat(), **asdict(stage)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return len(changed)


def registered_strategies(layout: Layout) -> list[str]:
    """Every strategy the register has ever named, in the order in which it first did: places that never change."""
    return list(dict.fromkeys(line["strategy_id"] for line in _register_lines(layout)))


def _register_lines(layout: Layout) -> list[dict[str, Any]]:
    if not layout.register.exists():
        return []
    return [json.loads(line) for line in layout.register.read_text().splitlines() if line.strip()]


def exact_ratio(ratio: float | None) -> Fraction:
    """The fraction that a split's ratio stands for; 1 where there is none."""
    return Fraction(ratio or 1).limit_denominator(10_000)


def _micro(name: str) -> pl.Expr:
    return pl.col(name).mul(MICRO).round().cast(pl.Int64).alias(name)


def nanos(moment: datetime) -> int:
    """A moment as nanoseconds since the epoch, UTC."""
    whole = moment.astimezone(UTC)
    return (int(whole.timestamp()) * MICRO + whole.microsecond) * NANOS


def _action(row: Mapping[str, Any]) -> dict[str, Any]:
    if row["kind"] not in VENUE_ACTIONS:
        raise ValueError(
            f"instrument {row['instrument_id']}: the venue applies {', '.join(VENUE_ACTIONS)} and no {row['kind']}; "
            f"translate it first (dnalyaw.market.account_actions)"
        )
    ratio = exact_ratio(row["ratio"])
    return {
        "instrument_id": row["instrument_id"],
        "kind": row["kind"],
        "ratio_num": ratio.numerator,
        "ratio_den": ratio.denominator,
        "amount_micro": round((row["amount"] or 0) * MICRO),
    }
