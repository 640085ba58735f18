"""A small hand-made market: sixteen names, half an hour of quotes, two names with nothing but an opening print."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import polars as pl

from dnalyaw import runtime

DAY_ONE = date(2026, 3, 10)
DAY_TWO = date(2026, 3, 11)
MINUTES = 30
REJECT_BP = 30
"""How many of 10,000 orders the files of the library tell the venue to refuse."""


@dataclass(frozen=True)
class Name:
    """One instrument: its price, and what the market shows of it each minute."""

    id: int
    symbol: str
    sector: str | None
    price: float
    lot: int = 10
    size: int = 400
    kind: str = "quote"
    last_minute: int = MINUTES
    """The last minute with a row; the session has thirty."""


NAMES: tuple[Name, ...] = (
    *(Name(101 + i, f"TEC{'ABCDEFGHI'[i]}", "Technology", 50.0 + 5 * i, size=600) for i in range(9)),
    Name(201, "FINA", "Financials", 100.0, size=900),
    Name(202, "FINB", "Financials", 40.0, lot=100, size=1500),
    Name(301, "ENEA", "Energy", 80.0),
    Name(302, "ENEB", "Energy", 25.0, size=2500),
    Name(303, "ENEC", "Energy", 61.5, last_minute=0),
    Name(401, "AUCA", "Utilities", 33.0, kind="auction"),
    Name(402, "AUCB", None, 12.5, lot=100, kind="auction"),
)
"""ENEC is quoted at the open and never again: its price goes stale."""

UNPRICED = Name(501, "MUTE", "Utilities", 10.0, last_minute=-1)
"""In the reference, and without a row in the market."""


def opening(session: date) -> datetime:
    """The open of the short session of these tests."""
    return datetime(session.year, session.month, session.day, 13, 30, tzinfo=UTC)


def reference_rows(names: Sequence[Name]) -> list[dict[str, object]]:
    """The rows of ``reference.json``: daily volatility 2%, one issuer a name, a tick of one cent, closed at its price."""
    return [
        {
            "instrument_id": n.id,
            "issuer_id": n.id,
            "label": f"{n.symbol}.XNYS",
            "symbol": n.symbol,
            "sector": n.sector,
            "lot": n.lot,
            "tick_micro": 10_000,
            "currency": "USD",
            "tradable": True,
            "volatility_bp": 200,
            "adv": 1_000_000,
            "close_micro": round(n.price * 1_000_000),
        }
        for n in names
    ]


def events(session: date, names: Sequence[Name]) -> pl.DataFrame:
    """Quotes a minute, two cents wide, moving three cents up and down; prints only at the open."""
    begin = opening(session)
    rows = []
    for name in names:
        if name.kind == "auction":
            rows.append((begin, name.id, "auction", name.price, name.price, 0.0, 0.0))
            continue
        for minute in range(name.last_minute + 1):
            mid = name.price + 0.01 * ((minute + name.id) % 4)
            at = begin + timedelta(minutes=minute)
            rows.append((at, name.id, "quote", mid - 0.01, mid + 0.01, float(name.size), float(name.size)))
    return pl.DataFrame(
        rows,
        schema={
            "event_time": pl.Datetime("us", "UTC"),
            "instrument_id": pl.Int64,
            "kind": pl.String,
            "bid": pl.Float64,
            "ask": pl.Float64,
            "bid_size": pl.Float64,
            "ask_size": pl.Float64,
        },
        orient="row",
    ).with_columns(source=pl.lit("made by hand"))


NO_ACTIONS = pl.DataFrame(
    schema={"instrument_id": pl.Int64, "kind": pl.String, "ratio": pl.Float64, "amount": pl.Float64}
)


def refused_at_random(seed: int, cl_ord_id: str) -> bool:
    """The venue's documented rule, worked here on its own."""
    digest = hashlib.sha256(seed.to_bytes(8, "little") + cl_ord_id.encode()).digest()
    return int.from_bytes(digest[:8], "little") % 10_000 < REJECT_BP


def quiet_seed(orders: int = 120) -> int:
    """A seed that refuses none of the first orders, those of the kill switch included."""
    ids = [f"US-{n}" for n in range(1, orders)] + [f"US-K{n}" for n in range(1, 60)]
    return next(seed for seed in range(1, 10_000) if not any(refused_at_random(seed, i) for i in ids))


def rejecting_seed(cl_ord_id: str) -> int:
    """A seed that refuses one order of the first thirty, the one that is named."""
    others = [f"US-{n}" for n in range(1, 30) if f"US-{n}" != cl_ord_id]
    return next(
        seed
        for seed in range(1, 100_000)
        if refused_at_random(seed, cl_ord_id) and not any(refused_at_random(seed, i) for i in others)
    )


def write_day(
    layout: runtime.Layout,
    session: date,
    names: Sequence[Name],
    *,
    seed: int,
    unpriced: Sequence[Name] = (),
    actions: pl.DataFrame = NO_ACTIONS,
    model: Mapping[str, object] | None = None,
) -> None:
    """Write a session's reference and market with the library."""
    everything = [*names, *unpriced]
    rows = reference_rows(everything)
    currency = {"US": "USD", "HK": "HKD"}[layout.region]
    splits = dict(actions.filter(pl.col("kind") == "split").select("instrument_id", "ratio").iter_rows())
    for row in rows:
        ratio = Fraction(splits.get(row["instrument_id"], 1)).limit_denominator(1000)
        row["split_num"], row["split_den"] = ratio.numerator, ratio.denominator
        row["currency"] = currency
    runtime.write_reference(layout, session, currency, rows, opening(session) - timedelta(minutes=30))
    runtime.write_market(
        layout,
        session,
        events(session, names),
        {n.id: n.symbol for n in everything},
        times=(opening(session), opening(session) + timedelta(minutes=MINUTES), ()),
        actions=actions,
        currency=currency,
        seed=seed,
        instruments=rows,
        model=model,
    )


def portfolio(
    weights: Mapping[int, float | tuple[float, float]],
    *,
    session: date = DAY_ONE,
    strategy: str = "hand",
    as_of: datetime | None = None,
    correlation: str = "0123456789abcdef0123456789abcdef",
) -> runtime.messages.TargetPortfolio:
    """A target portfolio; a bare weight has a stop of two per cent of the price, a pair names its stop."""
    prices = {n.id: n.price for n in (*NAMES, UNPRICED)}
    moment = as_of or opening(session) - timedelta(minutes=30)
    pb = runtime.messages
    targets = []
    for instrument, wish in weights.items():
        weight, stop = wish if isinstance(wish, tuple) else (wish, 0.02 * prices.get(instrument, 1.0))
        targets.append(pb.Target(instrument_id=instrument, weight=weight, stop_distance=stop))
    return pb.TargetPortfolio(
        strategy_id=strategy,
        as_of_ns=int(moment.timestamp()) * 1_000_000_000,
        session=int(session.strftime("%Y%m%d")),
        targets=targets,
        correlation_id=correlation,
    )


def without(names: Sequence[Name], *ids: int) -> list[Name]:
    """The names less some."""
    return [n for n in names if n.id not in ids]


def repriced(names: Sequence[Name], prices: Mapping[int, float]) -> list[Name]:
    """The names, some at another price."""
    return [replace(n, price=prices.get(n.id, n.price)) for n in names]
