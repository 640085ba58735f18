"""A whole session of a region as the platform prepares it: real hours, `runtime.write_session`, quotes every minute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from dnalyaw import runtime
from dnalyaw.market import region as region_of
from dnalyaw.market import session_times
from tests.e2e import market
from tests.e2e.desk import DEFAULT_STAGES, Desk

SECOND = 10**9
VENUES = {"US": "XNYS", "HK": "HKEX"}
NAMES = (
    replace(market.NAMES[0], size=2_000),
    market.Name(301, "ENEA", "Energy", 80.0, size=2_000),
    market.Name(202, "FINB", "Financials", 40.0, lot=100, size=2_000),
)


class Day:
    """One session of a region on a desk."""

    def __init__(self, desk: Desk, region: str, session: date, speed: float) -> None:
        desk.layout = runtime.Layout(desk.layout.root, region)
        desk.session, desk.speed = session, speed
        self.desk, self.region, self.session = desk, region, session
        times = session_times(region, session)
        self.hours = (times.open, times.close, times.breaks)
        paused = sum(((end - start) for start, end in times.breaks), timedelta())
        self.trading_ns = int((times.close - times.open - paused).total_seconds()) * SECOND

    def write(self, adv: Mapping[int, int], spoil: Any = None) -> None:
        """Write everything that is read before the open; `spoil` changes session.json."""
        layout, opened = self.desk.layout, self.hours[0]
        currency, venue = region_of(self.region).currency, VENUES[self.region]
        rows = market.reference_rows(NAMES)
        for row in rows:
            number = int(str(row["instrument_id"]))
            row |= {
                "adv": adv[number],
                "currency": currency,
                "label": f"{row['symbol']}.{venue}",
                "venue": venue,
            }
        runtime.write_reference(layout, self.session, currency, rows, opened - timedelta(minutes=30))
        runtime.write_market(
            layout,
            self.session,
            self._events(),
            {n.id: n.symbol for n in NAMES},
            times=self.hours,
            actions=market.NO_ACTIONS,
            currency=currency,
            seed=self.desk.seed,
        )
        runtime.update_register(layout, DEFAULT_STAGES, datetime(2026, 3, 1, tzinfo=UTC))
        self.write_session(spoil)

    def write_session(self, spoil: Any = None) -> None:
        """session.json, by the platform's own writer."""
        layout = self.desk.layout
        runtime.write_session(
            layout,
            self.session,
            times=self.hours,
            venues={VENUES[self.region]},
            speed=self.desk.speed,
            seed=self.desk.seed,
        )
        if spoil is not None:
            document = json.loads(layout.session.read_text())
            spoil(document)
            layout.session.write_text(json.dumps(document))

    def portfolio(self, weights: Mapping[int, float]) -> Any:
        """A target portfolio for the session, as of half an hour before its open."""
        prices = {n.id: n.price for n in NAMES}
        pb = runtime.messages
        return pb.TargetPortfolio(
            strategy_id="hand",
            as_of_ns=int((self.hours[0] - timedelta(minutes=30)).timestamp()) * SECOND,
            session=int(self.session.strftime("%Y%m%d")),
            targets=[
                pb.Target(instrument_id=i, weight=w, stop_distance=0.02 * prices[i])
                for i, w in weights.items()
            ],
            correlation_id="0123456789abcdef0123456789abcdef",
        )

    def _events(self) -> pl.DataFrame:
        """Quotes a minute, two cents wide, wandering by up to four; none in a break."""
        opened, closed, breaks = self.hours
        minutes = int((closed - opened).total_seconds() // 60)
        rows = []
        for minute in range(minutes):
            at = opened + timedelta(minutes=minute)
            if any(start <= at < end for start, end in breaks):
                continue
            for n in NAMES:
                mid = n.price + 0.01 * ((7 * minute + n.id) % 5)
                rows.append((at, n.id, "quote", mid - 0.01, mid + 0.01, float(n.size), float(n.size)))
        schema = market.events(self.session, ()).drop("source").schema
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(source=pl.lit("made by hand"))
