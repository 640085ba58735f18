"""One session through the compiled runtime: its files, the hand-off, and what became of it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

import polars as pl
from google.protobuf.json_format import MessageToDict

from dnalyaw import runtime
from dnalyaw_pipelines.home import Home, provider_for
from dnalyaw_pipelines.panel import last_closes, recent_statistics
from dnalyaw_pipelines.session_actions import announced_actions, due_actions, held_through, last_begun
from dnalyaw_pipelines.tables import published_table

if TYPE_CHECKING:
    from dnalyaw.portfolio import DeclaredStrategy

MICRO = 1_000_000
SETTLE_SECONDS = 20.0
STILL_SECONDS = 0.5
GRACE_SECONDS = 120.0
DAY_SECONDS = 86_400
LARGEST_SPLIT = 1_000_000
"""The longest part of a split's ratio that riskd takes."""


class HandoffRefusedError(Exception):
    """omsd refused the targets; the message names every fault."""


@dataclass(frozen=True)
class Handoff:
    """How the hand-off of a session ended."""

    outcome: str
    message: str
    orders_planned: int
    correlation_id: str


def layout_of(home: Home, region: str) -> runtime.Layout:
    """Where the region's runtime lives."""
    return runtime.Layout(home.runtime(region), region)


def execution_path(home: Home, region: str, session: date) -> Any:
    """Where the session report of omsd is kept."""
    return home.assets(region.lower(), "execution") / f"{session.isoformat()}.json"


def prepare(
    home: Home,
    region: str,
    partition: str,
    panel: pl.DataFrame,
    strategies: list[DeclaredStrategy],
    speed: float,
) -> runtime.Layout:
    """Write what the runtime reads before the open: reference, market, session, register.

    Raises
    ------
    HandoffRefusedError
        When the account holds a name through an action that the venue cannot apply: nothing is written.
    """
    from dnalyaw.market import region as region_of
    from dnalyaw.market import session_times, volume_profile

    layout = layout_of(home, region)
    session = home.traded_session(region, partition)
    as_of = home.as_of(region, partition)
    currency = region_of(region).currency
    config = home.config()
    announced = announced_actions(home, region, partition, session)
    begun = last_begun(layout, session)
    due = due_actions(announced, session, begun)
    report = execution_path(home, region, begun) if begun is not None else None
    if reason := held_through(due.inexpressible, begun, report):
        raise HandoffRefusedError(f"the {region} hand-off for {session} was not made: {reason}")
    rows = reference_rows(home, region, partition, panel, announced.applied, due.applied, due.names())
    runtime.update_register(
        layout,
        [
            runtime.Stage(s.id, s.stage, s.capital_fraction, s.max_leverage, f"declared in {s.path.name}")
            for s in strategies
        ],
        as_of.moment,
    )
    runtime.write_reference(
        layout,
        session,
        currency,
        rows,
        as_of.moment,
        strategies=runtime.registered_strategies(layout),
        firm_currency=config.firm_currency,
        firm_rate=config.firm_rates.get(currency),
    )
    provider = provider_for(config.provider, config.seed)
    times = session_times(region, session)
    hours = (times.open, times.close, times.breaks)
    events = provider.market_events(region, session)
    symbols = {row["instrument_id"]: row["symbol"] for row in rows}
    runtime.write_session(
        layout,
        session,
        times=hours,
        venues={row["venue"] for row in rows},
        speed=speed,
        seed=config.seed,
        profile=volume_profile(provider, region, session),
        at_once=bool(printed_only(events) & symbols.keys()),
    )
    runtime.write_market(
        layout,
        session,
        events,
        symbols,
        times=hours,
        actions=due.applied,
        currency=currency,
        seed=config.seed,
        instruments=rows,
        model=config.venue_model,
    )
    return layout


def printed_only(events: pl.DataFrame) -> set[int]:
    """Instruments of which the market tells a print and no quote.

    riskd takes no order on a price of more than 15 minutes, and opens nothing at all while it holds a name whose price is
    older than 30: where there are such names, what is not sent at the open is refused later.
    """
    quoted = events.filter(pl.col("kind") == "quote")["instrument_id"]
    return set(events.filter(~pl.col("instrument_id").is_in(quoted.unique().implode()))["instrument_id"])


def reference_rows(
    home: Home,
    region: str,
    partition: str,
    panel: pl.DataFrame,
    announced: pl.DataFrame,
    due: pl.DataFrame,
    inexpressible: frozenset[int] = frozenset(),
) -> list[dict[str, Any]]:
    """What riskd is told of every instrument that is listed on the traded session and has a recent price.

    `announced` are all actions up to the session, `due` those of them that the venue applies at its start. Names of
    `inexpressible` have an action due that it cannot apply: their last close says nothing of their price now, and nothing
    opens in them. No strategy here sells short: nothing can be located.
    """
    from dnalyaw.market import REDUCED_FROM, session_ticks

    session = home.traded_session(region, partition)
    instruments = published_table(home, region, "instruments", partition).read(home.as_of(region, partition))
    current = instruments.filter(
        (pl.col("valid_from") <= session)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= session))
        & (pl.col("delisted_on").is_null() | (pl.col("delisted_on") > session))
    )
    # A label holds until the next one of the same instrument begins.
    current = current.sort("valid_from").unique("instrument_id", keep="last", maintain_order=True)
    recent = recent_statistics(panel).filter(
        pl.col("last_session") >= date.fromisoformat(partition) - timedelta(days=7)
    )
    joined = current.join(recent, on="instrument_id", how="inner").sort("instrument_id")
    closes = joined["close"].to_numpy()
    ticks = joined["tick"].to_numpy().copy()
    table = session_ticks(region, session >= REDUCED_FROM, closes, closes)
    ticks[ticks <= 0] = table[ticks <= 0]
    # Due since the venue's last session (what riskd holds from then), and since the last bar (what volume is counted in).
    splits = split_ratios(due)
    unseen = splits_since(joined.select("instrument_id", since="last_session"), announced)
    held_against = close_micro(last_closes(panel, home.as_of(region, partition).moment), announced)
    one = Fraction(1)
    return [
        {
            "instrument_id": row["instrument_id"],
            "issuer_id": row["issuer_id"],
            "label": row["label"],
            "symbol": row["ticker"],
            "sector": row["sector"],
            "lot": row["lot"],
            "tick_micro": round(float(tick) * MICRO),
            "currency": row["currency"],
            "tradable": True,
            "volatility_bp": row["volatility_bp"],
            "adv": int(row["adv"] * unseen.get(row["instrument_id"], one)),
            "venue": row["venue"],
            "restricted": row["instrument_id"] in inexpressible,
            "gap_bp": row["gap_bp"],
            "locate": 0,
            "close_micro": 0
            if row["instrument_id"] in inexpressible
            else held_against.get(row["instrument_id"], 0),
            "split_num": splits.get(row["instrument_id"], one).numerator,
            "split_den": splits.get(row["instrument_id"], one).denominator,
        }
        for row, tick in zip(joined.iter_rows(named=True), ticks, strict=True)
    ]


def split_ratios(actions: pl.DataFrame) -> dict[int, Fraction]:
    """New shares for one old share by instrument, over all of its splits, in the form that the venue applies."""
    ratios: dict[int, Fraction] = {}
    for row in actions.filter(pl.col("kind") == "split").iter_rows(named=True):
        name = row["instrument_id"]
        ratios[name] = ratios.get(name, Fraction(1)) * runtime.exact_ratio(row["ratio"])
    return {name: _short(ratio) for name, ratio in ratios.items()}


def splits_since(since: pl.DataFrame, announced: pl.DataFrame) -> dict[int, Fraction]:
    """What one share of the day `since` (columns ``instrument_id, since``) has become by the announced splits.

    The venue may have applied some of them in sessions in which the instrument did not trade.
    """
    return split_ratios(announced.join(since, on="instrument_id").filter(pl.col("ex_date") > pl.col("since")))


def close_micro(closes: pl.DataFrame, announced: pl.DataFrame) -> dict[int, int]:
    """Each last close in millionths, for a share of the session that the announced splits lead up to."""
    ratios = splits_since(closes.select("instrument_id", since="close_session"), announced)
    return {
        row["instrument_id"]: round(
            Fraction(row["close"]) * MICRO / ratios.get(row["instrument_id"], Fraction(1))
        )
        for row in closes.iter_rows(named=True)
    }


def _short(ratio: Fraction) -> Fraction:
    """The nearest fraction whose parts riskd takes; nearly always the same one."""
    return ratio.limit_denominator(LARGEST_SPLIT // max(1, ceil(ratio)))


def portfolios(targets: pl.DataFrame, home: Home, region: str, partition: str) -> tuple[list[Any], str]:
    """The messages for omsd, one a strategy, and the hand-off's correlation id."""
    from dnalyaw.portfolio import Target, TargetPortfolio

    session = home.traded_session(region, partition)
    as_of = home.as_of(region, partition).moment
    built = []
    for (strategy_id,), frame in targets.sort("strategy_id", "instrument_id").group_by(
        "strategy_id", maintain_order=True
    ):
        rows = frame.filter(pl.col("instrument_id").is_not_null())
        built.append(
            TargetPortfolio.build(
                strategy_id=str(strategy_id),
                as_of=as_of,
                session=session,
                region=region,
                targets=[
                    Target(r["instrument_id"], r["weight"], r["stop_distance"], r["label"])
                    for r in rows.iter_rows(named=True)
                ],
            )
        )
    content = "|".join(f"{p.strategy_id}:{p.content_hash}" for p in built)
    correlation = hashlib.sha256(f"{region}|{session}|{content}".encode()).hexdigest()[:32]
    pb = runtime.messages
    as_of_ns = (int(as_of.timestamp()) * MICRO + as_of.microsecond) * 1000
    return [
        pb.TargetPortfolio(
            strategy_id=p.strategy_id,
            as_of_ns=as_of_ns,
            session=int(session.strftime("%Y%m%d")),
            targets=[
                pb.Target(
                    instrument_id=t.instrument_id,
                    weight=t.weight,
                    stop_distance=t.stop_distance,
                    label=t.label,
                )
                for t in p.targets
            ],
            correlation_id=correlation,
        )
        for p in built
    ], correlation


def trade(
    home: Home,
    region: str,
    session: date,
    layout: runtime.Layout,
    messages: list[Any],
    correlation: str,
    speed: float,
) -> Handoff:
    """Hand the targets over before the open, let the session pass, and keep the report.

    The order of the steps is what makes a kill harmless: targets are taken and journaled before the
    venue's clock starts, so that a second call finds them taken and starts the clock, once.

    Raises
    ------
    HandoffRefusedError
        Nothing of a refused hand-off is traded.
    """
    with layout.exclusive():
        runtime.up(layout, session, speed)
        try:
            # A session that was traded already is reported again; nothing of it is handed off.
            if not execution_path(home, region, session).exists():
                _refuse_latched(layout, region, session)
            answer, report = _through(layout, region, session, messages, speed)
        finally:
            runtime.down(layout)
    path = execution_path(home, region, session)
    runtime.write_atomically(path, json.dumps(report, indent=1, sort_keys=True).encode())
    taken = answer.outcome == runtime.ALREADY_TAKEN
    return Handoff(
        "already taken" if taken else "accepted",
        answer.message,
        0 if taken else len(report.get("orders", [])),
        correlation,
    )


def _refuse_latched(layout: runtime.Layout, region: str, session: date) -> None:
    """Raise HandoffRefusedError while the region's kill switch is thrown."""
    kill = runtime.risk_control(layout, "status")["kill"]
    if kill["fired"] or kill["latched"]:
        raise HandoffRefusedError(
            f"the {region} hand-off for {session} was not made: the kill switch is thrown "
            f"({kill['reason']}, {kill['who']}); when the cause is mended: "
            f'dnalyaw rearm --region {region} --reason "..."'
        )


def _through(
    layout: runtime.Layout, region: str, session: date, messages: list[Any], speed: float
) -> tuple[Any, dict[str, Any]]:
    """omsd's answer to the hand-off, and its report once the session is over."""
    with runtime.OmsClient(layout) as client:
        client.wait_ready()
        answer = client.hand_over(messages)
        if answer.outcome not in (runtime.ACCEPTED, runtime.ALREADY_TAKEN):
            faults = "; ".join(f"{f.strategy_id} {f.code}: {f.message}" for f in answer.faults)
            raise HandoffRefusedError(
                f"the {region} hand-off for {session} was refused: {faults or answer.message}"
            )
        runtime.control(layout, "start")
        runtime.wait_closed(layout, GRACE_SECONDS + 2 * DAY_SECONDS / speed)
        return answer, _settled_report(client, int(session.strftime("%Y%m%d")))


def _settled_report(client: runtime.OmsClient, session: int) -> dict[str, Any]:
    """The session report once every order has come to its end (or its fate is named unknown).

    Positions and cash reach omsd a moment after the fills that changed them: the report is taken when
    they have stood still for a while.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    still_since, last = time.monotonic(), None
    while True:
        status = client.status()
        report = client.report(session)
        account = (report.cash_micro, sorted((p.instrument_id, p.qty) for p in report.positions))
        now = time.monotonic()
        if account != last:
            still_since, last = now, account
        settled = status.open_orders == 0 and report.equity_micro > 0 and now - still_since >= STILL_SECONDS
        if settled or now > deadline:
            break
        time.sleep(0.05)
    document = MessageToDict(
        report, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    document["open_orders"] = status.open_orders
    document["trading_state"] = status.trading_state
    document["state_hash"] = status.state_hash
    return document
